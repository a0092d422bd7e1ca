"""A small CalDAV server for tests: Radicale, on a port of this machine, with a folder that is
thrown away."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

READY = 15.0
"""Seconds that it may take to start."""


@contextmanager
def radicale(folder: Path, *, user: str = "", password: str = "") -> Iterator[str]:
    """The address of a running server, with the person's name in it."""
    pytest.importorskip("radicale", reason="Radicale is not installed")
    port = free_port()
    settings = [
        "--storage-filesystem-folder", str(folder / "collections"),
        "--server-hosts", f"127.0.0.1:{port}",
        "--auth-type", "none",
        "--logging-level", "error",
    ]  # fmt: skip
    if password:
        users = folder / "users"
        users.write_text(f"{user}:{password}\n", encoding="utf-8")
        settings[5:6] = ["htpasswd"]
        settings += ["--auth-htpasswd-filename", str(users), "--auth-htpasswd-encryption", "plain"]
    server = subprocess.Popen(
        [sys.executable, "-m", "radicale", "--config", "", *settings],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_answers(server, port)
        yield f"http://127.0.0.1:{port}/{user}/" if user else f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(10)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _until_it_answers(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + READY
    while time.monotonic() < until:
        assert server.poll() is None, "Radicale has ended"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/.web/", timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("Radicale does not answer")
