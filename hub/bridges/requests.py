"""What others ask of the hub over the broker, read strictly: anything that is not meant so is
refused with a sentence that names what is wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hub.audio import pcm
from hub.control import unbroken
from hub.messages import SAMPLE_RATE, Audio

LONGEST_TEXT = 1000
"""Characters of what is said or announced."""
LONGEST_NAME = 64
"""Characters of an id, of a conversation, of a room."""
MOST_ROOMS = 50
"""Rooms that one announcement names."""
MOST_BYTES = 2 * 1024 * 1024
"""Bytes of a recording."""
LONGEST_SOUND = 30.0
"""Seconds of a recording."""
SLOWEST = 4000
"""Hz below which a recording holds no speech."""
MOST_CHANNELS = 8


class Refused(Exception):
    """A request that is not done; the message says why, for whoever sent it."""

    id: str | None = None
    """What its sender calls it, if that much could be read."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, and about what room and in what language; all of it may be left out."""

    id: str | None = None
    """Given back with the answer."""
    conversation: str = ""
    """Requests of one conversation know what was said before: 'yes' answers what was asked."""
    area: str | None = None
    language: str | None = None
    person: str | None = None
    """Whose it is, as far as whoever sends it knows."""


@dataclass(frozen=True, slots=True)
class Say:
    """Something said to the hub, or to be said by it."""

    text: str
    origin: Origin
    areas: tuple[str, ...] = ()
    """The rooms that are to hear it, where `area` was a list."""


def say(payload: bytes, *, several: bool = False) -> Say:
    """Text as it is, or a JSON object with `text` and what else is known. `several`: `area` may
    also be a list of rooms. Raises Refused."""
    text = _text(payload).strip()
    if not text.startswith(("{", "[")):
        return Say(_bounded(text), Origin())
    try:
        content = unbroken(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Refused(f"this is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise Refused('a JSON object is expected, such as {"text": "good night"}')
    try:
        return _said(content, several)
    except Refused as refused:
        with suppress(Refused):
            refused.id = _name(content, "id")
        raise


def _said(content: Mapping[str, Any], several: bool) -> Say:
    known = ("text", "id", "conversation", "area", "language", "person")
    for key in content:
        if key not in known:
            raise Refused(f"there is no '{key[:LONGEST_NAME]}'; known are {', '.join(known)}")
    if not isinstance(content.get("text"), str):
        raise Refused("'text' is missing, or is not text")
    areas: tuple[str, ...] = ()
    if several and isinstance(content.get("area"), list):
        areas = _rooms(content["area"])
        content = {**content, "area": None}
    return Say(_bounded(content["text"].strip()), origin(content), areas)


def _rooms(given: list[Any]) -> tuple[str, ...]:
    """The rooms of a list, each once. One without any is not meant for all rooms."""
    names = tuple(dict.fromkeys(_name({"area": each}, "area") for each in given[:MOST_ROOMS]))
    if not names or None in names or len(given) > MOST_ROOMS:
        raise Refused(f"'area' is a room, or a list of 1 to {MOST_ROOMS} rooms")
    return tuple(name for name in names if name is not None)


def origin(given: Mapping[str, Any]) -> Origin:
    """Who asks, from the keys of a JSON object or from user properties. Raises Refused."""
    return Origin(
        id=_name(given, "id"),
        conversation=_name(given, "conversation") or "",
        area=_name(given, "area"),
        language=_name(given, "language"),
        person=_name(given, "person"),
    )


def percent(payload: bytes) -> int:
    """0-100. Raises Refused."""
    text = _text(payload).strip()
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 100:
        raise Refused(f"a number from 0 to 100 is expected (it is {text[:LONGEST_NAME]!r})")
    return round(number)


def switch(payload: bytes) -> bool:
    """ON or OFF. Raises Refused."""
    text = _text(payload).strip()
    if text.upper() not in ("ON", "OFF"):
        raise Refused(f"ON or OFF is expected (it is {text[:LONGEST_NAME]!r})")
    return text.upper() == "ON"


def name(payload: bytes) -> str:
    """A name on its own. Raises Refused."""
    return _text(payload).strip()[:LONGEST_NAME]


def request(payload: bytes, pressed: str) -> str | None:
    """The id of what is approved or denied; None for a button that names none. Raises Refused."""
    text = _text(payload).strip()
    return None if text in ("", pressed) else text[:LONGEST_NAME]


def sound(payload: bytes) -> Audio:
    """A WAV file as 16 kHz mono, whatever its rate and channels. Computes for some milliseconds:
    not for the event loop. Raises Refused."""
    import numpy as np
    import soundfile

    if len(payload) > MOST_BYTES:
        raise Refused(
            f"a recording has {MOST_BYTES >> 20} MB at most (this has {len(payload):,} B)"
        )
    if payload[:4] != b"RIFF" or payload[8:12] != b"WAVE":
        raise Refused("this is not a WAV file")
    try:
        with soundfile.SoundFile(io.BytesIO(payload)) as file:
            rate, channels = file.samplerate, file.channels
            if rate < SLOWEST or channels > MOST_CHANNELS:
                raise Refused(f"speech has no {rate} samples a second in {channels} channels")
            if file.frames > LONGEST_SOUND * rate:
                raise Refused(f"a recording lasts {LONGEST_SOUND:.0f} s at most")
            samples = file.read(round(LONGEST_SOUND * rate), dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        why = getattr(error, "error_string", error)
        raise Refused(f"this WAV file cannot be read: {why}") from None
    if not len(samples):
        raise Refused("this WAV file is empty")
    mono = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0).mean(axis=1)
    scaled = (mono * 32768).round().clip(-32768, 32767).astype("<i2")
    return pcm.resampled(Audio(scaled.tobytes(), rate), SAMPLE_RATE)


def _text(payload: bytes) -> str:
    try:
        return payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"this is not UTF-8 text (byte {error.start})") from None


def _bounded(text: str) -> str:
    if not text:
        raise Refused("there is no text")
    if len(text) > LONGEST_TEXT:
        raise Refused(f"a text has {LONGEST_TEXT:,} characters at most (this has {len(text):,})")
    return text


def _name(given: Mapping[str, Any], key: str) -> str | None:
    value = given.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and key == "id":
        value = str(value)
    if value is None or (isinstance(value, str) and len(value) <= LONGEST_NAME):
        return value or None
    raise Refused(f"'{key}' is text of {LONGEST_NAME} characters at most")
