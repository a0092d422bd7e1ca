"""The first thing that runs in a sandbox: locks the door from within, then starts the pack.

Run by path as `python -I -S start.py MEMORY_MB [--web=FD] [COMMAND …]`, by bubblewrap or a systemd
unit, in the pack's folder. Without a command the pack is a `skill.py` and is hosted by this very
process; with one, that MCP server takes its place. With `--web` a relay to the hub's proxy runs
beside it, and FD holds the filter of system calls that bubblewrap sets otherwise. The line to the
hub is standard input and output; if systemd has passed a listening socket, it is the first
connection to that.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

WEB = "--web="
FIRST_PASSED = 3
"""The descriptor at which systemd's passed sockets begin."""


def main() -> None:
    # -I leaves out the folder of this file and PYTHONPATH: the hub's package is beside it.
    sys.path.append(str(Path(__file__).resolve().parents[3]))
    if os.environ.pop("LISTEN_FDS", "0") != "0":
        _accept()
    from hub.packs.inside import lock

    memory, command = int(sys.argv[1]), sys.argv[2:]
    lock.limit(memory, own_python=not command)
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
    from hub.packs.inside.host import main as host

    lock.landlock()
    host()


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


if __name__ == "__main__":
    main()
