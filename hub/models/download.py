"""Fetching a file over HTTP so that an interruption costs only what had not come yet.

What has come is kept in `NAME.part`, and in `NAME.part.json` the mark (ETag or date) by which the
server tells whether the file is still the same (RFC 9110, 13.1.5: If-Range).
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError

from hub.errors import ModelError
from hub.models.catalogue import secure

Report = Callable[[int, int | None], None]
"""Told bytes done, and bytes in all if they are known."""

CHUNK = 1 << 18
TIMEOUT = 30.0
"""Seconds a server may be silent."""
PAUSE = 1.0
"""Seconds before the first of the further attempts; doubled for each of the next."""
ATTEMPTS = 4

_BROKEN = (URLError, http.client.HTTPException, ConnectionError, TimeoutError)


class _Interrupted(Exception):
    """The connection broke; what has come is kept."""


def download(url: str, target: Path, *, size: int | None, report: Report) -> bool:
    """Fetch a file into `target`; True if a part of it had come in an earlier run.

    `size` in bytes, if it is known, is what the server must offer. Raises ModelError, and
    OSError when the disk refuses."""
    part = target.with_name(f"{target.name}.part")
    resumed = part.exists() and part.stat().st_size > 0
    pause, attempts = PAUSE, ATTEMPTS
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _fetch(url, part, size, report)
            break
        except _Interrupted as error:
            came = part.stat().st_size if part.exists() else 0
            attempts = ATTEMPTS - 1 if came > before else attempts - 1
            if attempts <= 0:
                raise ModelError(
                    f"{url}: {error}; {_megabytes(came)} have come and are kept: "
                    "try again when the network is better"
                ) from error
            time.sleep(pause)
            pause *= 2
    part.replace(target)
    _mark_file(part).unlink(missing_ok=True)
    return resumed


def _fetch(url: str, part: Path, size: int | None, report: Report) -> None:
    """One attempt to bring the part to completion."""
    have, mark = _state(part, url)
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", str(mark))
    try:
        with _opener().open(request, timeout=TIMEOUT) as answer:
            _receive(url, answer, part, have, mark, size, report)
    except HTTPError as error:
        if error.code != 416 or not have:
            raise _refused(url, error) from error
        # Nothing is left to send, or the file is shorter now.
        if re.fullmatch(rf"bytes \*/{have}", error.headers.get("Content-Range", "")):
            return
        part.unlink()
        raise _Interrupted("the file changed at its source") from error
    except _BROKEN as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise _Interrupted(f"the connection failed ({reason or type(error).__name__})") from error


def _receive(
    url: str,
    answer: Any,
    part: Path,
    have: int,
    mark: str | None,
    size: int | None,
    report: Report,
) -> None:
    continues = answer.status == 206 and _continues(answer.headers, have, mark)
    if answer.status == 206 and not continues:
        part.unlink()
        raise _Interrupted("the server sent another part than was asked for")
    start = have if continues else 0
    length = answer.headers.get("Content-Length")
    total = start + int(length) if length and length.isdigit() else None
    if size is not None and total is not None and total != size:
        raise ModelError(f"{url}: is {total} bytes long, not {size}: it changed at its source")
    if not continues:
        _mark_file(part).write_text(json.dumps({"url": url, "mark": _mark(answer.headers)}))
    with part.open("ab" if continues else "wb") as file:
        done = start
        while chunk := _read(answer):
            done += len(chunk)
            if size is not None and done > size:
                raise ModelError(f"{url}: is longer than {size} bytes: it changed at its source")
            file.write(chunk)
            report(done, total)
    if total is not None and done < total:
        raise _Interrupted("the connection ended too early")


def _read(answer: IO[bytes]) -> bytes:
    """Apart from writing, so that a failing disk is not taken for a failing network."""
    try:
        return answer.read(CHUNK)
    except _BROKEN:
        raise
    except OSError as error:
        raise _Interrupted(f"the connection failed ({error})") from error


def _continues(headers: Message, have: int, mark: str | None) -> bool:
    """Whether an answer is the rest of what is there."""
    begins = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    same = mark == _mark(headers) or _mark(headers) is None
    return begins is not None and int(begins[1]) == have and same


def _mark(headers: Message) -> str | None:
    """What the server calls this state of the file. A weak ETag promises no equal bytes."""
    tag = headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    return headers.get("Last-Modified")


def _state(part: Path, url: str) -> tuple[int, str | None]:
    """Bytes that can be continued, and their mark; without a mark one begins anew."""
    with suppress(OSError, ValueError):
        kept = json.loads(_mark_file(part).read_text())
        if kept["url"] == url and kept["mark"]:
            return part.stat().st_size, kept["mark"]
    return 0, None


def _mark_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if not secure(newurl):
            raise ModelError(f"{req.full_url}: leads to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Redirects)


def _refused(url: str, error: HTTPError) -> Exception:
    if error.code in (408, 429) or error.code >= 500:
        return _Interrupted(f"the server answered {error.code} {error.reason}")
    return ModelError(f"{url}: the server answered {error.code} {error.reason}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
