"""Files that are whole and on the disk when somebody is told so."""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """A file with this content in place of the one of before, or that one as it was; its owner's
    alone. It and its name are on the disk when this returns. Raises OSError."""
    temporary = path.with_name(f"{path.name}.tmp")
    make_folder(path.parent)
    write_new(temporary, content)
    temporary.replace(path)
    sync_folder(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """A new file with this content, which is its owner's alone; forced to the disk. Raises OSError.

    It takes the place of one of an earlier attempt: after a failed fsync the kernel may have
    dropped the pages of that one, and a second fsync would report success for data that is gone."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def make_folder(folder: Path) -> None:
    """A folder for its owner alone, if it is not there yet; forced to the disk. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in missing:
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """A rename that is not on the disk has not happened yet. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
