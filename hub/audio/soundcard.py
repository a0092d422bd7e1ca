"""What microphone and loudspeaker have in common: PortAudio, its devices and their names."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Literal

from hub.errors import AudioError

log = logging.getLogger(__name__)

Kind = Literal["input", "output"]

_open: set[Any] = set()
"""Streams in use. PortAudio sees new devices only after a restart, which would end them all."""


def portaudio() -> Any:
    """The `sounddevice` module. Raises AudioError if PortAudio is not installed."""
    try:
        import sounddevice
    except OSError as error:
        raise AudioError(
            f"PortAudio is missing ({error}); install the package libportaudio2"
        ) from error
    return sounddevice


def devices(kind: Kind) -> list[str]:
    """Names of the devices that are there. Raises AudioError."""
    return [device["name"] for device in _all(kind)]


def find(kind: Kind, name: str | None) -> Any:
    """PortAudio's description of the device whose name contains `name`, else of the default one.

    Raises AudioError, which lists the devices there are."""
    if name is None:
        try:
            return portaudio().query_devices(kind=kind)
        except (ValueError, portaudio().PortAudioError) as error:
            raise AudioError(f"there is no default {kind} device: {error}") from error
    known = _all(kind)
    exact = [device for device in known if device["name"].casefold() == name.casefold()]
    partly = [device for device in known if name.casefold() in device["name"].casefold()]
    if found := exact or partly:
        return found[0]
    names = ", ".join(f"'{device['name']}'" for device in known) or "none"
    raise AudioError(f"there is no {kind} device '{name}'; there are: {names}")


def _all(kind: Kind) -> list[Any]:
    return [d for d in portaudio().query_devices() if d[f"max_{kind}_channels"] > 0]


async def opened(stream: Any) -> Any:
    """A started stream. Raises AudioError."""
    try:
        await asyncio.to_thread(stream.start)
    except portaudio().PortAudioError as error:
        raise AudioError(f"the sound device cannot be started: {error}") from error
    _open.add(stream)
    return stream


async def closed(stream: Any) -> None:
    """Close a stream without playing what is left."""
    _open.discard(stream)
    try:
        await asyncio.to_thread(stream.close)
    except portaudio().PortAudioError as error:  # a device that was pulled out
        log.debug("while closing: %s", error)


async def look_again() -> None:
    """Notice devices that were plugged in or pulled out, unless a stream is in use."""
    if not _open:
        sounddevice = portaudio()
        await asyncio.to_thread(_restart, sounddevice)


def _restart(sounddevice: Any) -> None:
    # The library has no public name for it, but documents this way:
    # https://python-sounddevice.readthedocs.io/en/latest/api/misc.html
    sounddevice._terminate()
    sounddevice._initialize()
