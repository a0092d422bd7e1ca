"""What there is to sin against: a process, secrets, listeners."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def to_sin_against(place: Path) -> Iterator[dict[str, Any]]:
    """All of it in a folder and in this process; what sins have to know of it (`at`)."""
    secret = place / "token"
    secret.write_text("canary")
    secret.chmod(0o600)
    other = place / "packs" / "other.json"
    other.parent.mkdir()
    other.write_text("{}")
    with (
        subprocess.Popen(["sleep", "300"]) as victim,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as tcp6,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as control,
        socket.socket(socket.AF_UNIX) as bus,
    ):
        udp.bind(("127.0.0.1", 0))
        abstract.bind(f"\0hearth-{os.getpid()}")
        control.bind(str(place / "control.sock"))
        bus.bind(str(place / "bus.sock"))
        for listening in (abstract, control, bus):
            listening.listen()
        yield {
            "hub": os.getpid(),
            "victim": victim.pid,
            "secret": str(secret),
            "beside": str(place / "beside"),
            "other": str(other),
            "port": tcp.getsockname()[1],
            "port6": tcp6.getsockname()[1],
            "udp": udp.getsockname()[1],
            "abstract": f"hearth-{os.getpid()}",
            "control": str(place / "control.sock"),
            "bus": str(place / "bus.sock"),
        }
        victim.kill()
