"""K8: a sound card that is not there, busy, pulled out, or good for one rate only.

`FakeCard.install` puts it in the place of PortAudio (the module `sounddevice`), below everything of
the hub's own: the microphone and loudspeaker that are tried are the real ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from hub.audio import soundcard

ABSENT = -9996
"""PortAudio: paInvalidDevice."""
BUSY = soundcard.UNAVAILABLE
WRONG_RATE = -9997
"""PortAudio: paInvalidSampleRate."""


class PortAudioError(Exception):
    """As in `sounddevice`: a text, and PortAudio's number."""


class FakeCard:
    """One microphone and one loudspeaker."""

    def __init__(self, rate: int = 16_000, channels: int = 1) -> None:
        self.rate, self.channels = rate, channels
        self.there = True
        self.busy = 0
        """How often opening it fails because another program uses it; -1: always."""
        self.opened = 0
        """How often somebody tried to open it."""
        self.heard = bytearray()
        """What the loudspeaker was given."""
        self.streams: list[_Stream] = []
        self.may_close = threading.Event()
        """Closing takes until this is set."""
        self.may_close.set()
        self.restarts = 0
        """How often PortAudio was started again."""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeCard:
        module = SimpleNamespace(
            PortAudioError=PortAudioError,
            RawInputStream=lambda **options: _Input(self, options),
            RawOutputStream=lambda **options: _Output(self, options),
            query_devices=self._devices,
            _terminate=lambda: None,
            _initialize=self._initialize,
        )
        monkeypatch.setattr(soundcard, "portaudio", lambda: module)
        monkeypatch.setattr(soundcard._Card, "doubtful", False)
        monkeypatch.setattr(soundcard._Card, "open", set())
        return self

    def _initialize(self) -> None:
        self.restarts += 1

    def _devices(self, kind: str = "") -> Any:
        self.opened += kind != ""
        if not self.there:
            if kind:
                raise ValueError(f"no {kind} device found")
            return []
        device = {
            "name": "fake card",
            "index": 0,
            "default_samplerate": float(self.rate),
            "max_input_channels": self.channels,
            "max_output_channels": self.channels,
        }
        return device if kind else [device]

    def unplug(self) -> None:
        """Pull it out: open streams end by themselves, as PortAudio tells it (ENODEV)."""
        self.there = False
        for stream in self.streams:
            stream.lost()
        self.streams.clear()

    def plug_in(self) -> None:
        self.there = True

    def give(self, block: bytes, *, overflow: bool = False) -> None:
        """The microphone hears something."""
        for stream in self.streams:
            if isinstance(stream, _Input):
                status = SimpleNamespace(input_overflow=overflow)
                frames = len(block) // 2 // self.channels
                stream.callback(block, frames, None, status)


class _Stream:
    def __init__(self, card: FakeCard, options: dict[str, Any]) -> None:
        if card.busy:
            card.busy -= 1
            raise PortAudioError("Device unavailable", BUSY)
        wanted = options["samplerate"], options["channels"]
        if wanted != (card.rate, card.channels):
            raise PortAudioError("Invalid sample rate", WRONG_RATE)
        self.samplerate, self.channels = float(card.rate), card.channels
        self.latency = 0.0
        self.active = False
        self.card = card
        self.callback: Callable[..., None] = options["callback"]
        self.lost: Callable[[], None] = options["finished_callback"]

    def start(self) -> None:
        self.active = True
        self.card.streams.append(self)

    def close(self) -> None:
        self.active = False
        self.card.may_close.wait(30)
        if self in self.card.streams:
            self.card.streams.remove(self)


class _Input(_Stream):
    pass


class _Output(_Stream):
    """Takes sound as fast as it can."""

    def start(self) -> None:
        super().start()
        threading.Thread(target=self._pull, daemon=True).start()

    def _pull(self) -> None:
        while self.active and self.card.there:
            data = bytearray(480 * 2 * self.channels)
            self.callback(data, 480, None, None)
            self.card.heard += data
            time.sleep(0.0005)
