"""Plays commands in a terminal and writes down what is seen, and when: asciicast, version 2."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

WIDTH, HEIGHT = 100, 30
SESSION = (
    "hearth skill new coin",
    "cat coin/skill.py",
    "hearth skill test coin --no-model",
    "hearth skill keys new my.key --no-password",
    "hearth skill pack coin --key my.key",
    "hearth skill install coin-0.1.0.hearth --yes",
    "hearth hear toss.wav --replies replies",
    "hearth skill list",
)
SPOKEN = "Hey Jarvis, toss three coins."
PROMPT = "\x1b[1;32m$\x1b[0m "


class Cast:
    """The recording."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._began = time.monotonic()
        title = "From an idea to a signed skill that answers by voice"
        head = {"version": 2, "width": WIDTH, "height": HEIGHT, "title": title}
        file.write(json.dumps(head) + "\n")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def show(self, text: str) -> None:
        self._file.write(json.dumps([round(self.seconds, 3), "o", text]) + "\n")
        sys.stdout.write(text)
        sys.stdout.flush()


def play(cast: Cast, command: str, environment: dict[str, str]) -> None:
    """Type a command, and show what it prints. Raises SystemExit if it fails."""
    cast.show(f"{PROMPT}{command}\r\n")
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("/bin/sh", ["sh", "-c", command], environment)
    while True:
        ready, _, _ = select.select([terminal], [], [])
        try:
            seen = os.read(terminal, 65536) if ready else b""
        except OSError:  # the other side has ended
            seen = b""
        if not seen:
            break
        cast.show(seen.decode("utf-8", "replace"))
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    if status:
        raise SystemExit(f"failed: {command}")


async def spoken() -> bytes:
    """What is said to the hub, by its own voice, as a WAV file."""
    from hub.app import open_hub, reply_sink, synthesizer
    from hub.audio.pcm import resampled
    from hub.audio.wav_out import wav
    from hub.config import Config
    from hub.messages import SAMPLE_RATE

    async with open_hub(Config(), sink=reply_sink(None), remember=False) as hub:
        return wav(resampled(await synthesizer(hub).synthesize(SPOKEN), SAMPLE_RATE))


def main(target: Path) -> None:
    from hub.config import Config

    with tempfile.TemporaryDirectory(prefix="hearth-session-") as name:
        folder = Path(name)
        settings = folder / "hearth.toml"
        settings.write_text(
            f'[hub]\ndata = "{folder}/data"\nruntime = "{folder}/run"\ncache = "{folder}/cache"\n'
            '[router]\nmodel = ""\n'
        )
        (folder / "data").mkdir(mode=0o700)
        (folder / "data" / "models").symlink_to(Config().models)
        (folder / "toss.wav").write_bytes(asyncio.run(spoken()))
        environment = {
            "HOME": str(Path.home()),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HEARTH_CONFIG": str(settings),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLUMNS": str(WIDTH),
            "LINES": str(HEIGHT),
        }
        os.chdir(folder)
        written = folder / "session.cast"
        with written.open("w", encoding="utf-8") as file:
            cast = Cast(file)
            for command in SESSION:
                play(cast, command, environment)
            seconds = cast.seconds
        if not list((folder / "replies").glob("*.wav")):
            raise SystemExit("nothing was answered aloud")
        shutil.copy(written, target)
    print(f"\n{target}: {seconds:.0f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
