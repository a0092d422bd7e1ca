"""One timer, as a value. Its arithmetic is on a clock that nobody sets; see `clock.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that runs or is paused. One that has run out is told, and then no more."""

    id: str
    seconds: float
    """What it was set to; it keeps this for a name, whatever is added later."""
    left: float
    """Seconds that were left at `since`, or are left while it is paused."""
    since: float | None
    """Seconds on the steady clock; None while it is paused."""
    name: str | None = None
    area: str | None = None
    """Name of the room in which it was set."""
    language: str = "en"
    command: str | None = None
    """What is to be done when it runs out, in the words of the person; else it rings."""
    begun: bool = False
    """It has begun to ring, or its command to be done: should the hub end now, it goes on."""

    @property
    def paused(self) -> bool:
        return self.since is None

    def remaining(self, now: float) -> float:
        """Seconds left at a moment of the steady clock; negative when it has run out."""
        return self.left if self.since is None else self.left - (now - self.since)

    def longer(self, seconds: float, now: float) -> Self:
        """With more time, or with less; less than nothing is left to none. To one that rings the
        time is given from now on."""
        left = max(0.0, max(0.0, self.remaining(now)) + seconds)
        return replace(self, left=left, since=None if self.paused else now, begun=False)

    def pause(self, now: float) -> Self:
        return replace(self, left=max(0.0, self.remaining(now)), since=None)

    def resume(self, now: float) -> Self:
        return replace(self, since=now) if self.paused else self

    def to_json(self, now: float) -> dict[str, Any]:
        """As it is kept: with what is left at this moment."""
        kept = {k: v for k, v in asdict(self).items() if k not in ("left", "since")}
        return {**kept, "left": self.remaining(now), "paused": self.paused}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], elapsed: float, now: float) -> Self:
        """What was kept, `elapsed` seconds ago. Raises KeyError, TypeError or ValueError for what
        is no timer."""
        paused = bool(kept["paused"])
        return cls(
            id=str(kept["id"]),
            seconds=float(kept["seconds"]),
            left=float(kept["left"]) - (0.0 if paused else elapsed),
            since=None if paused else now,
            name=_text(kept.get("name")),
            area=_text(kept.get("area")),
            language=str(kept.get("language") or "en"),
            command=_text(kept.get("command")),
            begun=bool(kept.get("begun")),
        )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
