"""What microphone and loudspeaker have in common: PortAudio, its devices and their names."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from hub.errors import AudioError

log = logging.getLogger(__name__)

Kind = Literal["input", "output"]

CARDS = Path("/proc/asound/cards")
"""Where Linux lists the sound cards of a machine."""


class _Card:
    """What is known of PortAudio, which there is one of in a process."""

    open: ClassVar[set[Any]] = set()
    """Streams in use."""
    cards: str | None = None
    """The machine's sound cards when PortAudio was started."""
    busy: ClassVar[threading.Lock] = threading.Lock()
    """Held where streams are opened or closed, or PortAudio is started again: a stream of before
    that must not be touched any more."""
    doubtful = False
    """Something was not there or was lost: devices may have come and gone. PortAudio notices that
    only when it is started again, which would end all streams."""


UNAVAILABLE = -9985
"""PortAudio's number for a device that another program uses just now (paDeviceUnavailable)."""


class Busy(AudioError):
    """A device that another program uses just now."""


def portaudio() -> Any:
    """The `sounddevice` module. Raises AudioError if PortAudio is not installed."""
    try:
        import sounddevice
    except OSError as error:
        raise AudioError(
            f"PortAudio is missing ({error}); install the package libportaudio2"
        ) from error
    if _Card.cards is None:
        _Card.cards = _cards()
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


async def opened(make: Callable[[], Any]) -> Any:
    """The stream that `make` makes, started. Raises AudioError."""
    if _Card.doubtful:
        await look_again()
    opening = asyncio.ensure_future(asyncio.to_thread(_started, make))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_unwanted)
        raise


def _started(make: Callable[[], Any]) -> Any:
    try:
        with _Card.busy:
            stream = make()
            stream.start()
            _Card.open.add(stream)
    except AudioError:
        _Card.doubtful = True
        raise
    except portaudio().PortAudioError as error:
        raise lost(f"the sound device cannot be started: {error}") from error
    return stream


def _unwanted(opening: asyncio.Future[Any]) -> None:
    """A stream that nobody waited for."""
    if not opening.cancelled() and opening.exception() is None:
        opening.get_loop().run_in_executor(None, _closed, opening.result())


def lost(what: str) -> AudioError:
    """The error for a device that is gone; the next stream to be opened looks for it anew."""
    _Card.doubtful = True
    return AudioError(what)


async def closed(stream: Any) -> None:
    """Close a stream without playing what is left."""
    await asyncio.to_thread(_closed, stream)


def _closed(stream: Any) -> None:
    with _Card.busy:
        if stream not in _Card.open:  # PortAudio was started again meanwhile
            return
        _Card.open.discard(stream)
        try:
            stream.close()
        except portaudio().PortAudioError as error:  # a device that was pulled out
            log.debug("while closing: %s", error)


async def look_again() -> None:
    """Notice devices that were plugged in or pulled out. While other streams are in use, that is
    done only if the machine has other sound cards than before: those streams are lost, and opened
    again by whoever needs them."""
    await asyncio.to_thread(_restart, portaudio())


def _cards() -> str:
    """What the kernel says of the machine's sound cards; the same as before if nothing came or
    went."""
    try:
        return CARDS.read_text(encoding="utf-8")
    except OSError:
        return ""


def _restart(sounddevice: Any) -> None:
    with _Card.busy:
        if _Card.open and _cards() == _Card.cards:
            return
        for stream in _Card.open:
            try:
                stream.close()
            except sounddevice.PortAudioError as error:
                log.debug("while closing: %s", error)
        _Card.open.clear()
        _Card.cards = _cards()
        # The library has no public name for it, but this is how it is done:
        # https://github.com/spatialaudio/python-sounddevice/issues/10
        sounddevice._terminate()
        sounddevice._initialize()
        _Card.doubtful = False
