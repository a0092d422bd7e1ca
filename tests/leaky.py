"""An engine whose library looks for a newer model somewhere else."""

from __future__ import annotations

import os
import socket


class Leaky:
    """Runs in the worker process."""

    def check(self, address: str) -> dict[str, int]:
        with socket.socket() as line:
            line.setblocking(False)
            try:
                return {"error": line.connect_ex((address, 443))}
            except OSError as error:
                return {"error": error.errno or -1}

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def hub(self) -> dict[str, bool]:
        from huggingface_hub import constants

        return {
            "offline": constants.HF_HUB_OFFLINE,
            "quiet": constants.HF_HUB_DISABLE_TELEMETRY,
        }
