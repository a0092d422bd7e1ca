"""Sound that goes on while the hub listens and speaks: noise to sleep by, a recording of a skill.

There is one such sound at a time; the next takes its place. It lies beneath what the hub says:
`Backdrop` is what a loudspeaker reads it from, and makes it soft while somebody is talked with.
What a skill has recorded is silent then, so that nothing in it can be taken for a command or a yes;
noise has no words. It ends with the hub, and does not begin again with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from hub.errors import AudioError
from hub.ports import BackdropSink
from hub.timers.clock import Time
from hub.timers.waiting import full

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DUCKED = 0.25
"""What is left of noise while somebody is talked with."""
SWELL = 0.6
"""Seconds in which it gets as loud again, or begins."""
DIP = 0.08
"""Seconds in which it gets soft."""
FADE_OUT, SLEEP_FADE = 1.5, 20.0
"""Seconds in which it ends at a word, and at the end of its time."""
LOUDEST = 0.8
LONGEST = 12 * 3600.0
"""Seconds after which everything ends that nobody has ended."""


class Endless(Protocol):
    """What a backdrop is made of; see `hub/audio/noise.py`."""

    finite: bool
    """It ends by itself."""

    def prepare(self, rate: int) -> None: ...

    def read(self, count: int, rate: int) -> NDArray[np.float32] | None: ...


class Backdrop:
    """A sound with its loudness, which never jumps. `read` is for the thread that plays it."""

    def __init__(
        self, source: Endless, volume: float, *, words: bool, talking: Callable[[], bool]
    ) -> None:
        """`words`: it may have some in it. `talking`: whether somebody is talked with."""
        self._source = source
        self._words = words
        self._talking = talking
        self._level = 0.0
        self._duck = 1.0
        self.target = volume
        """Loudness to which it goes, 0-1."""
        self.seconds = SWELL
        """In which it would go from silence to its loudest."""
        self.over = False
        """There is no more of it."""

    def prepare(self, rate: int) -> None:
        """Be ready to be read at a rate; takes a moment."""
        self._source.prepare(rate)

    @property
    def finite(self) -> bool:
        """It ends by itself."""
        return self._source.finite

    def fade(self, volume: float, seconds: float) -> None:
        """Go to a loudness within so many seconds."""
        self.seconds = max(DIP, seconds) / max(0.01, abs(volume - self._level))
        self.target = volume

    def read(self, count: int, rate: int, speaking: bool = False) -> NDArray[np.float32]:
        """The next samples at their loudness; silence when it is over. `speaking`: the loudspeaker
        says something at the same time."""
        import numpy as np

        talked = speaking or self._talking()
        wanted = (0.0 if self._words else DUCKED) if talked else 1.0
        duck = self._ramp(self._duck, wanted, count / rate / (DIP if talked else SWELL))
        level = self._ramp(self._level, self.target, count / rate / self.seconds)
        gains = np.linspace(self._level * self._duck, level * duck, count, dtype=np.float32)
        silent = self._words and talked and self._duck == 0.0
        self._level, self._duck = level, duck
        if self.over or silent:  # a recording goes on where it was
            return np.zeros(count, np.float32)
        found = self._source.read(count, rate)
        if found is None or len(found) < count:
            self.over = True
            rest = np.zeros(count, np.float32)
            rest[: 0 if found is None else len(found)] = () if found is None else found
            found = rest
        return found * gains

    @staticmethod
    def _ramp(now: float, wanted: float, step: float) -> float:
        return min(wanted, now + step) if wanted > now else max(wanted, now - step)


@dataclass(frozen=True, slots=True)
class Playing:
    """What is heard."""

    what: str
    """`white`, `pink` or `brown`, or the name of a file."""
    by: str
    """The skill that wanted it."""
    volume: float
    """0-1"""
    left: float | None
    """Seconds until it fades out; None if nobody has said."""


class Sounds:
    """The one sound that goes on. `volume` is the loudness of the hub's voice, 0-1."""

    def __init__(
        self,
        sink: object | None,
        time: Time,
        *,
        free: asyncio.Event | None = None,
        volume: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """`sink`: where the hub is heard, if anywhere. `free` is set while nobody is talked
        with."""
        self._sink = sink if isinstance(sink, BackdropSink) else None
        self._time = time
        self.free = free
        self._volume = volume
        self._playing: Playing | None = None
        self._backdrop: Backdrop | None = None
        self._until: float | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def there(self) -> bool:
        """Whether it would be heard."""
        return self._sink is not None

    @property
    def playing(self) -> Playing | None:
        """None while all is quiet, or fades out."""
        found = self._playing
        if found is None or (self._backdrop is not None and self._backdrop.over):
            return None
        left = None if self._until is None else max(0.0, self._until - self._time.steady())
        return replace(found, left=left)

    async def begin(
        self,
        source: Endless,
        *,
        what: str,
        by: str,
        volume: float,
        seconds: float | None,
        words: bool,
    ) -> None:
        """Play this instead of what is heard, for so many seconds, or until somebody ends it.

        Raises AudioError if there is no loudspeaker for it."""
        if self._sink is None:
            raise AudioError("this hub has no loudspeaker for it")
        await self._cancel()
        volume = min(1.0, max(0.0, volume))
        backdrop = Backdrop(source, self._loudness(volume), words=words, talking=self._talking)
        await self._sink.under(backdrop)
        self._backdrop = backdrop
        self._playing = Playing(what, by, volume, None)
        self._ends(seconds)

    async def fade(self, volume: float, seconds: float = SWELL) -> bool:
        """Make it as loud as this. False if nothing is heard."""
        if self._playing is None or self._backdrop is None:
            return False
        volume = min(1.0, max(0.0, volume))
        self._backdrop.fade(self._loudness(volume), seconds)
        self._playing = replace(self._playing, volume=volume)
        return True

    def end_after(self, seconds: float | None) -> bool:
        """Let it end so much later than now; None: when somebody ends it. False if nothing is
        heard."""
        if self._playing is None:
            return False
        if self._watch is not None:
            self._watch.cancel()
        self._ends(seconds)
        return True

    async def stop(self, seconds: float = FADE_OUT) -> bool:
        """Let it fade out. False if nothing was heard."""
        if self.playing is None:
            return False
        await self._cancel()
        self._fade_out(seconds)
        return True

    async def close(self) -> None:
        """Silence at once."""
        await self._cancel()
        await self._gone()

    def adjust(self) -> None:
        """The hub's own loudness has changed."""
        if self._playing is not None and self._backdrop is not None:
            self._backdrop.fade(self._loudness(self._playing.volume), SWELL)

    # --- its end -----------------------------------------------------------------------------

    def _ends(self, seconds: float | None) -> None:
        self._until = None if seconds is None else self._time.steady() + seconds
        last = self._time.steady() + (LONGEST if seconds is None else min(LONGEST, seconds))
        self._watch = asyncio.create_task(self._wait(last), name="sound")

    async def _wait(self, until: float) -> None:
        """Let it fade out at its end; a recording that is over is let go of before."""
        backdrop = self._backdrop
        asleep = max(0.0, until - SLEEP_FADE)
        while (left := asleep - self._time.steady()) > 0:
            await self._time.sleep(min(left, 1.0) if backdrop and backdrop.finite else left)
            if backdrop is not None and backdrop.over:
                self._playing = None
                await self._gone()
                return
        self._fade_out(min(SLEEP_FADE, max(FADE_OUT, until - self._time.steady())))

    def _fade_out(self, seconds: float) -> None:
        backdrop = self._backdrop
        self._playing, self._until = None, None
        if backdrop is None:
            return
        backdrop.fade(0.0, seconds)
        self._watch = asyncio.create_task(self._let_go(seconds + SWELL), name="sound-fades")

    async def _let_go(self, seconds: float) -> None:
        await full(self._time, seconds)
        await self._gone()

    async def _gone(self) -> None:
        self._playing, self._backdrop, self._until = None, None, None
        if self._sink is not None:
            with suppress(AudioError):
                await self._sink.under(None)

    async def _cancel(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None and watch is not asyncio.current_task():
            watch.cancel()
            await asyncio.wait({watch})

    # --- how loud ----------------------------------------------------------------------------

    def _loudness(self, volume: float) -> float:
        return LOUDEST * volume * self._volume()

    def _talking(self) -> bool:
        return self.free is not None and not self.free.is_set()
