"""Where something is heard: in the room where it was set, if that has a loudspeaker of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hub.voice import Voice


@dataclass(slots=True)
class Places:
    """The hub's own loudspeaker, and those in rooms elsewhere. Rooms go by their names."""

    own: Voice | None = None
    """The hub's own voice."""
    audible: bool = True
    """Whether the hub's own voice comes out of a loudspeaker."""
    free: asyncio.Event = field(default_factory=lambda: _set())
    """Set while nobody is talked with at the hub itself."""
    voices: dict[str, Voice] = field(default_factory=dict)
    """Of the rooms that are there now."""
    rooms: dict[str, asyncio.Event] = field(default_factory=dict)
    """All rooms elsewhere, whether they are there or not; set while nobody is talked with there."""

    def voice_in(self, area: str | None) -> Voice | None:
        """The voice that is only in this room; None if it has none, or has it no more."""
        return self.voices.get(area) if area else None

    def everywhere(self) -> list[Voice]:
        """All voices."""
        own = [self.own] if self.own is not None and self.audible else []
        return [*own, *self.voices.values()]

    def lost(self, area: str | None) -> bool:
        """Whether what belongs to this room has to be heard everywhere instead: the room's own
        voice has gone, or there is no other than those of rooms."""
        return self.voice_in(area) is None and (area in self.rooms or not self.audible)

    def free_in(self, area: str | None) -> asyncio.Event:
        """Set while nobody is talked with where this room's things are heard."""
        there = self.rooms.get(area) if area in self.voices and area else None
        return self.free if there is None else there

    def heard_in(self, area: str | None, room: str | None) -> bool:
        """Whether what was set in `area` is heard in `room`; a room without a voice of its own is
        where the hub is."""
        if self.lost(area):
            return True
        here = room if room in self.rooms else None
        return here == (area if self.voice_in(area) is not None else None)

    def stop(self, room: str | None = None) -> bool:
        """Silence the voice in one room, or all of them. False if there was nothing to silence."""
        if room is None:
            every = {id(voice): voice for voice in (*self.everywhere(), self.own) if voice}
            stopped = [voice.stop() for voice in every.values()]
            return any(stopped)
        voice = self.voice_in(room) if room in self.rooms else self.own
        return voice is not None and voice.stop()


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
