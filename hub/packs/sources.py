"""Where packs come from: a file, a folder, an https address, a git repository, a Python package.

Fetching runs nothing of a pack: no build, no hook, no filter. What comes is bounded, and goes
through `archive` like anything else.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import resource
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from hub.errors import ModelError, reason
from hub.models import wheels
from hub.packs import archive, pack
from hub.packs.archive import MOST_BYTES
from hub.packs.description import PackError

MOST_FETCHED = MOST_BYTES + archive.MOST_FILES * 1024
"""Bytes of an archive."""
MOST_CLONED = 4 * MOST_BYTES
"""Bytes of any file that git writes: a repository holds more than its pack."""
SILENCE = 20.0
"""Seconds a server may say nothing."""
PATIENCE = 300.0
"""Seconds that fetching may take."""
MOST_REDIRECTS = 5
CHUNK = 1 << 16

_GIT = re.compile(r"git\+(?:https|ssh|file)://.+|(?:https|ssh)://.+\.git|git@[\w.-]+:.+")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A pack that lies in a folder, unchecked."""

    folder: Path
    source: str
    """Where it can be had again."""


def fetch(source: str, staging: Path, *, sha256: str | None = None) -> Fetched:
    """Bring a pack into the folder `staging`, which is empty; one that is a folder stays there.

    `sha256` is what an archive must have. Raises PackError."""
    if "\0" in source or not source.strip():
        raise PackError(f"{source!r:.60} is no place to fetch a pack from")
    if _GIT.fullmatch(source):
        return Fetched(_from_git(source, staging), source)
    if source.startswith("https://"):
        target = staging / (Path(urlsplit(source).path).name or "pack")[-100:]
        download(source, target, MOST_FETCHED)
        return Fetched(unpack(target, staging, sha256), source)
    if "://" in source and not source.startswith("pip:"):
        raise PackError(f"{source:.100}: is fetched over https:// or git+https:// only")
    path = Path(source).expanduser()
    if source.startswith("pip:"):
        requirement = _requirement(source.removeprefix("pip:"))
        return Fetched(_from_package(requirement, staging), f"pip:{requirement}")
    if path.is_dir():
        return Fetched(path.resolve(), str(path.resolve()))
    if path.is_file():
        return Fetched(unpack(path, staging, sha256), str(path.resolve()))
    if "/" in source or source.endswith(pack.SUFFIX):
        raise PackError(f"{source:.100}: there is no such file or folder")
    requirement = _requirement(source)
    return Fetched(_from_package(requirement, staging), f"pip:{requirement}")


def unpack(path: Path, staging: Path, sha256: str | None = None) -> Path:
    """The folder with what was in an archive. Raises PackError."""
    if sha256 is not None and hash_of(path) != sha256:
        raise PackError(f"{path.name}: is not the file that the index speaks of: it was changed")
    target = staging / "unpacked"
    if archive.extract(path, target):
        pack.check_form(path, target)
    return target


def hash_of(path: Path) -> str:
    """The sha256 of a file. Raises PackError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PackError(f"{path}: {reason(error)}") from error


# --- https --------------------------------------------------------------------------------------


def download(url: str, target: Path, most: int) -> None:
    """Fetch a file of at most `most` bytes, encrypted all the way. Raises PackError."""
    _check_address(url)
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    ends = time.monotonic() + PATIENCE
    try:
        with (
            urllib.request.build_opener(_Redirects).open(request, timeout=SILENCE) as answer,
            target.open("xb") as file,
        ):
            _receive(url, answer, file, most, ends)
    except HTTPError as error:
        raise PackError(f"{url}: the server answered {error.code} {error.reason}") from error
    except (URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        why = error.reason if isinstance(error, URLError) else error
        raise PackError(
            f"{url}: cannot be fetched ({why or type(error).__name__}): check the address and "
            "the network"
        ) from error
    except OSError as error:
        raise PackError(f"{target}: {reason(error)}") from error


def _receive(url: str, answer: Any, file: IO[bytes], most: int, ends: float) -> None:
    length = answer.headers.get("Content-Length", "")
    too_large = PackError(f"{url}: is larger than {most / 1e6:.0f} MB")
    if length.isdigit() and int(length) > most:
        raise too_large
    while chunk := answer.read1(CHUNK):
        file.write(chunk)
        if file.tell() > most:
            raise too_large
        if time.monotonic() > ends:
            raise PackError(f"{url}: takes more than {PATIENCE:.0f} s: try a better network")
    if length.isdigit() and file.tell() != int(length):
        raise PackError(f"{url}: the connection ended too early: try again")


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url:
        raise PackError(f"{url!r:.100}: is no https:// address")
    if "@" in parts.netloc:
        raise PackError("an address with a password in it would be kept and shown: leave it out")


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = MOST_REDIRECTS

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        try:
            _check_address(newurl)
        except PackError as error:
            raise PackError(f"{req.full_url}: leads elsewhere: {error}") from error
        return super().redirect_request(req, fp, code, msg, headers, newurl)


# --- git ----------------------------------------------------------------------------------------


def _from_git(source: str, staging: Path) -> Path:
    """What `git archive` packs of the newest commit: nothing is checked out, and so no hook or
    filter of the repository has anything to do."""
    address, _, fragment = source.removeprefix("git+").partition("#")
    address, reference = _reference(address)
    subfolder = _subfolder(fragment)
    if "@" in urlsplit(address).netloc and ":" in urlsplit(address).netloc.split("@")[0]:
        raise PackError("an address with a password in it would be kept and shown: leave it out")
    repository, packed = staging / "repository", staging / "repository.tar"
    clone = ["clone", "--quiet", "--bare", "--depth=1", "--single-branch", "--no-tags"]
    clone += ["--template="]
    if reference:
        clone += [f"--branch={reference}"]
    _git([*clone, "--", address, str(repository)], source)
    tree = f"HEAD:{subfolder}" if subfolder else "HEAD"
    with packed.open("xb") as out:
        _git(["-C", str(repository), "archive", "--format=tar", tree], source, out)
    return _archived(packed, staging)


def _archived(packed: Path, staging: Path) -> Path:
    target = staging / "unpacked"
    archive.extract(packed, target)
    return target


def _reference(address: str) -> tuple[str, str]:
    """An address, and the branch or tag behind its last @."""
    before, _, reference = address.rpartition("@")
    # An @ before the first slash is that of a user.
    if "/" not in before[before.find("://") + 3 :]:
        return address, ""
    if not _REFERENCE.fullmatch(reference) or ".." in reference:
        raise PackError(f"{reference!r:.60} is no branch or tag")
    return before, reference


def _subfolder(fragment: str) -> str:
    if not fragment:
        return ""
    name = fragment.removeprefix("subdirectory=")
    if name == fragment:
        raise PackError(f"#{fragment:.60}: only #subdirectory=FOLDER may stand there")
    return archive.Names("git").add(name.strip("/"))


def _git(arguments: list[str], source: str, out: IO[bytes] | None = None) -> None:
    """Run git without anything that a repository or a person could make it do besides."""
    settings = [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.symlinks=true",
        "submodule.recurse=false",
        "transfer.fsckObjects=true",
        "gc.auto=0",
        "advice.detachedHead=false",
    ]
    command = ["git", *(word for setting in settings for word in ("-c", setting)), *arguments]
    environment = {
        **os.environ,
        "GIT_ALLOW_PROTOCOL": "https:ssh:file",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_ASKPASS", "SSH_ASKPASS"):
        environment.pop(variable, None)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out or subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=PATIENCE,
            preexec_fn=_limit_files,
            check=False,
        )
    except FileNotFoundError as error:
        raise PackError(f"{source}: git is not installed: `apt install git`") from error
    except subprocess.TimeoutExpired as error:
        raise PackError(f"{source}: git took more than {PATIENCE:.0f} s") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        raise PackError(f"{source}: git could not fetch it: {said:.200}")


def _limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_CLONED, MOST_CLONED))


# --- Python packages ------------------------------------------------------------------------------


def _requirement(text: str) -> str:
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise PackError(
            f"{text!r:.80} is no file, folder, https:// or git+https:// address, nor the name of "
            "a Python package"
        ) from error
    if found.url or found.marker or found.extras:
        raise PackError(f"{text!r:.80}: name the package, and its version if you like: NAME==1.2")
    return f"{found.name}{found.specifier}"


def _from_package(requirement: str, staging: Path) -> Path:
    """The pack folder in a wheel. The package is neither built nor installed."""
    try:
        wheel, _ = wheels.fetch(requirement, staging / "wheel", lambda done, total: None)
    except ModelError as error:
        raise PackError(str(error)) from error
    except OSError as error:
        raise PackError(f"{requirement}: {reason(error)}") from error
    return _archived(wheel, staging)
