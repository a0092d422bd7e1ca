"""What a person sees of the set-up: one line a step, alive where there is a terminal."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LIVE = sys.stderr.isatty()
TAIL = 25
"""Lines of a log that are shown when its command failed."""


class SetupFailed(Exception):
    """It cannot go on; the message says why, and what to do."""


class Step:
    """The line of one step."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._started = time.monotonic()
        self._detail = ""

    def at(self, detail: str) -> None:
        """Say how far it is."""
        self._detail = detail
        self.tick()

    def tick(self) -> None:
        """Let the time pass on the screen."""
        if LIVE:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            line = f"  {self._name}  {self._took()}  {self._detail}"
            sys.stderr.write(f"\r\033[K{line[: width - 1]}")
            sys.stderr.flush()

    def done(self, mark: str) -> None:
        sys.stderr.write(f"{chr(13) + chr(27) + '[K' if LIVE else ''}{mark} {self._name}")
        sys.stderr.write(f"  {self._took()}\n")
        sys.stderr.flush()

    def _took(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Show a step while it is done, and what became of it."""
    line = Step(name)
    line.tick()
    try:
        yield line
    except BaseException:
        line.done("✗")
        raise
    line.done("✓")


def run(
    line: Step,
    command: Sequence[str | Path],
    *,
    remedy: str,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    detail: Callable[[str], str | None] = lambda said: None,
) -> None:
    """Run a command, showing the `detail` of what it says. Raises SetupFailed with the end of
    what it said and the remedy."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
    except OSError as error:
        raise SetupFailed(f"{command[0]}: {error.strerror}\n{remedy}") from error
    end: deque[str] = deque(maxlen=TAIL)
    with process, (log or Path(os.devnull)).open("ab") as kept:
        try:
            for said in _lines(process, line):
                kept.write(said)
                text = said.decode(errors="replace").rstrip()
                end.append(text)
                if found := detail(text):
                    line.at(found)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        what = "\n".join(f"    {text}" for text in end)
        where = f"    (all of it: {log})\n" if log else ""
        ended = f"{Path(command[0]).name} ended with {process.returncode}"
        raise SetupFailed(f"{ended}:\n{what}\n{where}{remedy}")


def _lines(process: subprocess.Popen[bytes], line: Step) -> Iterator[bytes]:
    """What it says, line by line; in between, time passes."""
    assert process.stdout is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(timeout=1.0):
                line.tick()
                continue
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                break
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (text + b"\n" for text in whole)
    if rest:
        yield rest
