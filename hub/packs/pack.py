"""Building a pack: the same folder gives the same bytes, on any machine and at any time.

A `.hearth` file is a plain tar. Nothing is compressed: so nothing has to be unpacked before the
signature is checked, what is built does not depend on a version of zlib, and no byte of the file
can be another without that being seen.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import IO

from hub.errors import reason
from hub.packs import description, manifest
from hub.packs.description import Pack, PackError
from hub.packs.signing import SecretKey

SUFFIX = ".hearth"
CHUNK = 1 << 18


def build(folder: Path, target: Path, key: SecretKey | None = None) -> Path:
    """Pack a folder into `target`/ID-VERSION.hearth, signed if there is a key.

    The folder stays as it is. Raises PackError."""
    pack = description.read(folder)
    check_complete(folder, pack)
    listed = manifest.files(folder)
    replaced = signed_files(folder, pack, key)
    path = target / f"{pack.id}-{pack.version}{SUFFIX}"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        target.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as out:
            write_tar(folder, sorted({*listed, *replaced}), out, replaced)
        temporary.replace(path)
    except OSError as error:
        raise PackError(f"{path}: {reason(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def sign(folder: Path, key: SecretKey) -> list[Path]:
    """Put manifest, public key and signature into the folder itself, for sources that are no
    archive: a git repository, a Python package. Raises PackError."""
    pack = description.read(folder)
    check_complete(folder, pack)
    written = []
    for name, content in signed_files(folder, pack, key).items():
        path = folder / name
        try:
            path.write_bytes(content)
        except OSError as error:
            raise PackError(f"{path}: {reason(error)}") from error
        written.append(path)
    return written


def check_complete(folder: Path, pack: Pack) -> None:
    """Raises PackError if what starts the pack is not there."""
    if pack.run is None and not (folder / "skill.py").is_file():
        raise PackError(f"{folder}: has neither skill.py nor, in pack.toml, [run] command")
    if pack.run and (own := own_program(pack)) and not (folder / own).is_file():
        raise PackError(f"{folder}: {pack.run.command[0]}, which [run] starts, is not there")


def own_program(pack: Pack) -> str | None:
    """The file in the pack that is its program, if it is started as `./…`."""
    command = pack.run.command[0] if pack.run else ""
    return command.removeprefix("./") if command.startswith("./") else None


def signed_files(folder: Path, pack: Pack, key: SecretKey | None) -> dict[str, bytes]:
    """Manifest, and public key and signature if there is a key: name -> content.

    The public key is in the manifest, so that it cannot be exchanged by itself."""
    lines = {
        name: line
        for line in manifest.of(folder).splitlines(keepends=True)
        if (name := line[66:-1].decode())
    }
    if key is None:
        content = b"".join(line for name, line in lines.items())
        return {manifest.NAME: content}
    public = key.public.to_file().encode()
    hashed = hashlib.sha256(public).hexdigest()
    lines[manifest.KEY] = f"{hashed}  {manifest.KEY}\n".encode()
    content = b"".join(lines[name] for name in sorted(lines))
    # No time in it, so that two builds are the same.
    signature = key.sign(content, f"pack:{pack.id}\tversion:{pack.version}")
    return {manifest.KEY: public, manifest.NAME: content, manifest.SIGNATURE: signature}


def write_tar(
    folder: Path, names: list[str], out: IO[bytes], replaced: dict[str, bytes] | None = None
) -> None:
    """The one tar that there is of these files."""
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.USTAR_FORMAT) as tar:
        for name in names:
            content = (replaced or {}).get(name)
            header = tarfile.TarInfo(name)
            header.mode = 0o644
            try:
                if content is not None:
                    header.size = len(content)
                    tar.addfile(header, io.BytesIO(content))
                    continue
                with (folder / name).open("rb") as file:
                    header.size = os.fstat(file.fileno()).st_size
                    tar.addfile(header, file)
            except ValueError as error:  # ustar has no place for such a name
                raise PackError(f"{name}: the name is too long for an archive") from error


def check_form(archive: Path, folder: Path) -> None:
    """Compare an archive with the one that `build` makes of what was in it.

    Raises PackError if a byte differs, be it in a place that no reader looks at."""
    names = [name for name in (manifest.NAME, manifest.SIGNATURE) if (folder / name).is_file()]
    sink = _Compared(archive)
    try:
        write_tar(folder, sorted([*manifest.files(folder), *names]), sink)  # type: ignore[arg-type]
        sink.end()
    except OSError as error:
        raise PackError(f"{archive}: {reason(error)}") from error
    finally:
        sink.close()


class _Compared:
    """A file that is not written but compared with one that there is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        self._position = 0

    def write(self, content: bytes) -> int:
        if self._file.read(len(content)) != content:
            raise self._other()
        self._position += len(content)
        return len(content)

    def tell(self) -> int:
        return self._position

    def end(self) -> None:
        if self._file.read(1):
            raise self._other()

    def close(self) -> None:
        self._file.close()

    def _other(self) -> PackError:
        return PackError(
            f"{self._path.name}: is not as `hearth skill pack` writes it: it was changed, or made "
            "with another tool"
        )
