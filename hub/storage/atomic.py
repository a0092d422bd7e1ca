"""A TinyDB storage whose file is at every moment the old content or the new, whole.

TinyDB's own storage overwrites in place: a process killed, or a disk full, in the middle of it
leaves a file that cannot be read. Here the new content goes to a temporary file beside the old,
is forced to the disk, and takes the old one's name in one step; then the folder is forced to the
disk, too, for a rename that is not on the disk has not happened yet. The content of before stays
as `NAME.1`. A checksum of the rest is the last table, on a line of its own, so that a bit that
turns over within a text is seen. A file without one is taken as it is, and so is what an older hub
or another program has written anew: the table is not on a line of its own then.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import zlib
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from tinydb import Storage

from hub.disk import make_folder, sync_folder, write_new
from hub.errors import StorageError, reason

log = logging.getLogger(__name__)

Content = dict[str, dict[str, Any]]

FORM = 1
"""Of the files. One of a newer hub says so in a table of its own: `"_form": {"1": {"form": 2}}`."""
FORM_TABLE = "_form"
CHECK_TABLE = "_check"
"""`"_check":{"1":{"crc32":"1a2b3c4d"}}`, the last one of a file, and seen by nobody else."""
_CHECK = re.compile(
    rb',?\n"' + CHECK_TABLE.encode() + rb'":\{"1":\{"crc32":"([0-9a-f]{8})"\}\}\}\s*$'
)


class AtomicStorage(Storage):
    """`TinyDB(path, storage=AtomicStorage)`.

    The file is readable by its owner alone (0600), and so is its folder if it is made here (0700).
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._path = Path(path)
        self._previous = self._path.with_name(f"{self._path.name}.1")
        self._temporary = self._path.with_name(f"{self._path.name}.tmp")
        self._damaged = False
        """What is there is damaged, and `NAME.1` is not."""
        self._known = False
        """What is there was looked at: it is of no newer hub."""
        try:
            make_folder(self._path.parent)
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be kept there: {reason(error)}") from error

    def read(self) -> Content | None:
        """The content; None if nothing was ever written.

        One that a newer hub wrote is left alone: StorageError. A damaged file is never emptied: it
        is set aside under another name, which is logged, and the content of before takes its place.
        Raises StorageError when that is damaged, too, or the file cannot be read at all."""
        try:
            content = self._parsed(self._path)
            self._known = True
            return content
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be read: {reason(error)}") from error
        except ValueError as error:
            return self._recovered(error)

    def write(self, data: Content) -> None:
        """Replace the content. Returns when the disk has it; raises StorageError, with the old
        content in place, when it cannot be written."""
        try:
            text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            raise StorageError(f"{self._path}: this cannot be kept: {error}") from error
        self._refuse_newer()
        try:
            write_new(self._temporary, _checked(text.encode()))
            self._keep_previous()
            self._temporary.replace(self._path)
            sync_folder(self._path.parent)
            self._damaged = False
        except OSError as error:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            raise StorageError(
                f"{self._path}: what is new cannot be kept: {reason(error)}"
            ) from error

    def close(self) -> None:
        pass

    def _refuse_newer(self) -> None:
        """Whoever writes without having read must not write over what a newer hub wrote."""
        if not self._known:
            with suppress(OSError, ValueError):
                self._parsed(self._path)
        self._known = True

    def _keep_previous(self) -> None:
        """Give the content of before a second name, so that its first can be taken."""
        if self._damaged or not self._path.exists():
            return
        self._previous.unlink(missing_ok=True)
        try:
            os.link(self._path, self._previous)
        except OSError:  # a file system without links
            shutil.copy2(self._path, self._previous)

    def _parsed(self, path: Path) -> Content:
        content: Content = json.loads(_unchecked(path.read_bytes()))
        if not _holds_tables(content):
            raise ValueError("it does not hold tables")
        content.pop(CHECK_TABLE, None)  # of a file that was written anew by something else
        form = content.get(FORM_TABLE, {}).get("1", {}).get("form", FORM)
        if not isinstance(form, int) or form > FORM:
            raise StorageError(
                f"{path}: a newer Hearth wrote it (form {form}): install that again, or move the "
                "file away to begin afresh"
            )
        return content

    def _recovered(self, damage: ValueError) -> Content:
        """The content of before, in the place of the damaged one. At no moment is there neither:
        a hub that is killed here finds one of them."""
        try:
            content = self._parsed(self._previous)
        except (OSError, ValueError):
            aside = self._set_aside(keep=False)
            raise StorageError(
                f"{self._path} was damaged ({damage}) and is now {aside}; there is nothing "
                "older. Hearth begins afresh the next time it starts.",
                spoken="Sorry, I found my notes damaged, and have set them aside.",
            ) from damage
        aside = self._set_aside(keep=True)
        try:
            write_new(self._temporary, self._previous.read_bytes())
            self._temporary.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:  # a full disk: the next write that succeeds repairs it
            log.error("%s: cannot be repaired: %s", self._path, reason(error))
            self._damaged = True
        log.error(
            "%s was damaged (%s) and is now %s; the content of before is used",
            self._path,
            damage,
            aside,
        )
        return content

    def _set_aside(self, *, keep: bool) -> Path:
        """Give the damaged file another name; with `keep`, the old one as well."""
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        aside = self._path.with_name(f"{self._path.name}.damaged-{stamp}")
        try:
            if not keep:
                self._path.replace(aside)
                return aside
            try:
                os.link(self._path, aside)
            except OSError:  # a file system without links
                shutil.copy2(self._path, aside)
        except OSError as error:
            if not keep:
                raise StorageError(
                    f"{self._path} is damaged and cannot be moved: {error}"
                ) from error
            log.error("%s is damaged and cannot be copied: %s", self._path, reason(error))
        return aside


def _checked(text: bytes) -> bytes:
    """A JSON object with the checksum of its text as its last table."""
    table = f'\n"{CHECK_TABLE}":{{"1":{{"crc32":"{zlib.crc32(text):08x}"}}}}}}'.encode()
    return text[:-1] + b"," * (len(text) > 2) + table


def _unchecked(text: bytes) -> bytes:
    """The same without it. Raises ValueError if the checksum is not that of the text."""
    found = _CHECK.search(text)
    if found is None:
        return text
    bare = text[: found.start()] + b"}"
    if zlib.crc32(bare) != int(found[1], 16):
        raise ValueError(
            "its checksum does not fit: a bit has changed, or somebody has edited it, "
            f'who has to take the table "{CHECK_TABLE}" out of it as well'
        )
    return bare


def _holds_tables(content: Any) -> bool:
    """Whether it is what TinyDB writes: tables of documents by their number."""
    return isinstance(content, dict) and all(
        isinstance(table, dict)
        and all(
            number.isdecimal() and isinstance(document, dict) for number, document in table.items()
        )
        for table in content.values()
    )
