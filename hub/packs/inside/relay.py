"""A port of this machine's own for the hub's proxy, since few programs know unix sockets.

A process beside the pack's: it accepts what the pack connects to 127.0.0.1 and passes it on. The
network behind that address is the sandbox's own, in which there is nothing else.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import suppress

from hub.packs.inside import lock

PORT = 3128
DOOR = "/run/web.sock"
SECONDS = 120.0
PR_SET_PDEATHSIG = 1


def begin(program: bytes) -> None:
    """Start it. It ends with this process."""
    listening = socket.create_server(("127.0.0.1", PORT))
    if os.fork():
        listening.close()
        return
    try:
        lock.libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        lock.landlock(tcp=True)
        lock.filter_calls(program)
        _serve(listening)
    finally:
        os._exit(1)


def _serve(listening: socket.socket) -> None:
    while True:
        connection, _ = listening.accept()
        with suppress(OSError, RuntimeError):
            door = socket.socket(socket.AF_UNIX)
            door.connect(DOOR)
            for pair in ((connection, door), (door, connection)):
                threading.Thread(target=_pass_on, args=pair, daemon=True).start()
            continue
        connection.close()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    one.settimeout(SECONDS)
    with suppress(OSError):
        while chunk := one.recv(64 * 1024):
            other.sendall(chunk)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
