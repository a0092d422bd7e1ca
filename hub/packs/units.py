"""What a pack's systemd unit needs besides the template: its folder, command and memory, and where
Python and the hub are on this machine.

`systemd/hearth-pack@.socket` and `.service` are the walls; they are the same for all. Only the
administrator can put units in place:

    /etc/systemd/system/hearth-pack@.socket
    /etc/systemd/system/hearth-pack@.service
    /etc/systemd/system/hearth-pack@NAME.service.d/pack.conf      (`drop_in`)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hub.packs.description import Pack
from hub.packs.inside.lock import RUNTIME_FILES, RUNTIME_THREADS
from hub.packs.sandbox import HUB, START

SYSTEM = Path("/etc/systemd/system")
CURRENT = Path("/opt/hearth/current")
"""The release that is used (scripts/install): a link that stays where releases come and go."""
SPARE_MB, RUNTIME_MB = 32, 64
"""Besides what was granted: the interpreter, or another runtime."""
NAME = "pack.conf"


def folder(pack_id: str) -> str:
    """The folder of drop-ins of a pack's unit, below /etc/systemd/system."""
    return f"hearth-pack@{pack_id}.service.d"


def outdated(pack: Pack, content: Path, memory_mb: int) -> bool:
    """Whether a pack has a unit, of another version or with other memory than this."""
    try:
        text = (SYSTEM / folder(pack.id) / NAME).read_text(encoding="utf-8")
    except OSError:
        return False
    return text != drop_in(pack, content, memory_mb)


def drop_in(pack: Pack, content: Path, memory_mb: int, *, python: Path | None = None) -> str:
    """The drop-in of one pack, whose files are in `content`. `python` is the interpreter itself,
    and no link into a virtual environment."""
    base = Path(sys.base_prefix)
    library = Path(os.__file__).parent
    program = python or Path(os.path.realpath(sys.executable))
    start = ["/python/bin/python3", "-I", "-S", "-B", f"/hearth/hub/{START}", str(memory_mb)]
    lines = [
        f"# {pack}: written by Hearth; the pack's files are named after their content.",
        "[Service]",
        "ExecStart=",
        f"ExecStart={' '.join(map(quoted, [*start, *(pack.run.command if pack.run else ())]))}",
        "BindReadOnlyPaths=" + _bound(content, "/pack"),
        "BindReadOnlyPaths=" + _bound(_hub(), "/hearth/hub"),
        "BindReadOnlyPaths=" + _bound(program, "/python/bin/python3"),
        "BindReadOnlyPaths=" + _bound(library, f"/python/{library.relative_to(base)}"),
        *(
            "BindReadOnlyPaths=" + _bound(shared, f"/python/lib/{shared.name}")
            for shared in sorted(base.glob("lib/libpython*.so*"))
        ),
        "Environment=LD_LIBRARY_PATH=/python/lib HOME=/scratch TMPDIR=/scratch LANG=C.UTF-8",
        "Environment=MALLOC_ARENA_MAX=1 PYTHONDONTWRITEBYTECODE=1",
        "Environment=PATH=/python/bin:/usr/local/bin:/usr/bin:/bin",
        *(["Environment=PYTHONPATH=/pack/lib"] if (content / "lib").is_dir() else ()),
        f"MemoryMax={memory_mb + (RUNTIME_MB if pack.run else SPARE_MB)}M",
    ]
    if pack.run:
        lines += [
            "# Programs of the system, and runtimes that make code while they run.",
            "BindReadOnlyPaths=-/usr/bin -/usr/local/bin -/usr/share/nodejs -/etc/alternatives",
            "MemoryDenyWriteExecute=no",
            f"TasksMax={RUNTIME_THREADS}",
            f"LimitNOFILE={RUNTIME_FILES}",
        ]
    return "\n".join(lines) + "\n"


def _hub() -> Path:
    """The hub's code, under a name that outlives an upgrade."""
    lasting = CURRENT / HUB.name
    try:
        return lasting if lasting.samefile(HUB) else HUB
    except OSError:
        return HUB


def quoted(word: str) -> str:
    """A word of a command line, as systemd reads it: nothing in it is expanded."""
    held = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{held}"'


def _bound(source: Path, target: str) -> str:
    """Both in quotes of their own: within quotes a colon separates nothing."""
    return f"{_path(str(source))}:{_path(target)}"


def _path(path: str) -> str:
    """systemd knows no way to write a quote of the kind that is around it."""
    quote = "'" if '"' in path else '"'
    held = path.replace("\\", "\\\\").replace("%", "%%")
    return f"{quote}{held}{quote}"
