"""An engine that this processor kills, unless it goes without the extra buffers.

Alone in its file, so that its process has little to import."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any


class Engine:
    """Notes each start in its model's file."""

    def __init__(self, path: str, extra_buffers: bool, **_: Any) -> None:
        self._extra_buffers = extra_buffers
        with Path(path).open("a") as file:
            file.write(f" {extra_buffers}")

    def probe(self) -> None:
        if self._extra_buffers:
            os.kill(os.getpid(), signal.SIGSEGV)

    def complete(self, **_: Any) -> dict[str, Any]:
        return {"text": "alive", "probability": 1.0}
