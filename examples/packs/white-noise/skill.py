"""Noise to sleep by, which ends by itself."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Literal

from hub.skill import Clock, Range, Say, Settings, Sound, tool

Colour = Literal["white", "pink", "brown"]
Length = Annotated[timedelta, Range(1, 720, "min")]
STEP = 0.6
"""What is left of the loudness after 'quieter'."""


@tool(examples=["play white noise"])
async def noise(sound: Sound, settings: Settings, colour: Colour = "white") -> Say:
    """Play noise until somebody ends it."""
    await sound.noise(colour, volume=settings["volume"] / 100)
    return Say("begun", colour=colour)


@tool(examples=["play white noise for half an hour"])
async def noise_for(
    length: Length, sound: Sound, settings: Settings, colour: Colour = "white"
) -> Say:
    """Play noise for a while."""
    await sound.noise(colour, volume=settings["volume"] / 100, length=length)
    return Say("for", colour=colour, minutes=_minutes(length))


@tool(examples=["brown noise until ten", "pink noise until I fall asleep"])
async def noise_until(
    sound: Sound,
    settings: Settings,
    clock: Clock,
    end: time | None = None,
    colour: Colour = "white",
) -> Say:
    """Play noise until a time of the day, or until somebody has fallen asleep."""
    length = timedelta(minutes=settings["asleep"]) if end is None else _until(end, clock.now())
    await sound.noise(colour, volume=settings["volume"] / 100, length=length)
    if end is None:
        return Say("asleep", colour=colour, minutes=_minutes(length))
    return Say("until", colour=colour, time=f"{clock.now() + length:%H:%M}")


@tool(examples=["stop the noise in ten minutes"])
async def end_in(length: Length, sound: Sound) -> Say:
    """Let the noise end in a while."""
    heard = await sound.end_after(length)
    return Say("ends", minutes=_minutes(length)) if heard else Say("quiet")


@tool(examples=["stop the noise at ten"])
async def end_at(end: time, sound: Sound, clock: Clock) -> Say:
    """Let the noise end at a time of the day."""
    length = _until(end, clock.now())
    heard = await sound.end_after(length)
    return Say("ends_at", time=f"{clock.now() + length:%H:%M}") if heard else Say("quiet")


@tool(examples=["make the noise quieter"])
async def softer(sound: Sound) -> Say:
    """Make the noise softer."""
    return await _changed(sound, STEP)


@tool(examples=["make the noise louder"])
async def louder(sound: Sound) -> Say:
    """Make the noise louder."""
    return await _changed(sound, 1 / STEP)


@tool(examples=["stop the noise"])
async def end(sound: Sound) -> Say:
    """End the noise."""
    return Say("ended" if await sound.stop() else "quiet")


async def _changed(sound: Sound, factor: float) -> Say:
    heard = await sound.playing()
    if heard is None:
        return Say("quiet")
    volume = min(1.0, max(0.02, heard.volume * factor))
    await sound.fade(volume)
    return Say("volume", percent=round(volume * 100))


def _until(end: time, now: datetime) -> timedelta:
    """Until the next such time; 'until ten' in the evening is ten in the evening."""
    moment = now.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    step = timedelta(hours=12 if 0 < end.hour <= 12 else 24)
    while moment <= now:
        moment += step
    return moment - now


def _minutes(length: timedelta) -> int:
    return max(1, round(length.total_seconds() / 60))
