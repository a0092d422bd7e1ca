"""The first thing that runs in a sandbox: locks the door from within, then starts the pack.

Run by path as `python -I -S start.py MEMORY_MB [--web=FD] [COMMAND …]`, by bubblewrap or a systemd
unit, in the pack's folder. Without a command the pack is a `skill.py` and is hosted by this very
process; with one, that MCP server takes its place. With `--web` a relay to the hub's proxy runs
beside it, and FD holds the filter of system calls that bubblewrap sets otherwise. The line to the
hub is standard input and output; if systemd has passed a listening socket, it is the first
connection to that. There the hub sends the environment of a command ahead, in a line of its own:
settings may be secret, and a unit file can be read by everybody.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from pathlib import Path

WEB = "--web="
SETTING, LONGEST_SETTINGS = "SETTING_", 256 * 1024
SCRATCH = "/scratch"
"""Where a unit may write; no such folder elsewhere."""
SEEN = ("/pack", "/hearth", "/python", "/usr", "/lib", "/lib64", "/etc", "/dev", SCRATCH)
FIRST_PASSED = 3
"""The descriptor at which systemd's passed sockets begin."""


def main() -> None:
    # -I leaves out the folder of this file and PYTHONPATH: the hub's package is beside it.
    sys.path.append(str(Path(__file__).resolve().parents[3]))
    memory, command = int(sys.argv[1]), sys.argv[2:]
    unit = os.environ.pop("LISTEN_FDS", "0") != "0"
    if unit:
        _accept()
        if command:
            os.environ.update(_settings())
    from hub.packs.inside import lock

    lock.limit(memory, own_python=not command)
    if unit:
        _filter_calls()
    if command and command[0].startswith(WEB):
        from hub.packs.inside import relay

        with os.fdopen(int(command.pop(0).removeprefix(WEB)), "rb") as file:
            program = file.read()
        relay.begin(program)
        lock.landlock(tcp=True)
        lock.filter_calls(program)
        os.execvp(command[0], command)
    if command:
        lock.landlock()
        os.execvp(command[0], command)
    gc.disable()  # there is no garbage yet, and looking for it is a tenth of the start
    from hub.packs.inside.host import main as host

    gc.enable()
    # systemd needs a /proc to set the unit up; a skill in Python needs none, where mounts stand.
    lock.landlock(SEEN if unit and Path(SCRATCH).is_dir() else ("/",))
    host()


def _filter_calls() -> None:
    """A unit's filter goes by the names of calls alone: with that for threads go processes."""
    from hub.packs import seccomp
    from hub.packs.inside import lock

    if (program := seccomp.program()) is not None:
        lock.filter_calls(program)


def _accept() -> None:
    """The first connection takes the place of standard input and output."""
    for name in ("LISTEN_PID", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    with socket.socket(fileno=FIRST_PASSED) as listening:
        connection, _ = listening.accept()
        with connection:
            connection.setblocking(True)
            os.dup2(connection.fileno(), 0)
            os.dup2(connection.fileno(), 1)


def _settings() -> dict[str, str]:
    """What the hub sends ahead. Byte by byte, since what follows is for the command."""
    import json

    line = b""
    while not line.endswith(b"\n") and len(line) < LONGEST_SETTINGS:
        if not (byte := os.read(0, 1)):
            break
        line += byte
    sent = json.loads(line)["settings"]
    return {str(name): str(value) for name, value in sent.items() if name.startswith(SETTING)}


if __name__ == "__main__":
    main()
