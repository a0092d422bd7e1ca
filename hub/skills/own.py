"""Sound and phones, as one skill has them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from hub.errors import AudioError, SkillError
from hub.skill import Playing
from hub.skills.handling import Handler, Turn
from hub.sound import Endless, Sounds

NO_LOUDSPEAKER = {
    "en": "Sorry, I have no loudspeaker for that.",
    "de": "Tut mir leid, dafür habe ich keinen Lautsprecher.",
}
NO_PHONE = {
    "en": "Sorry, I cannot reach any phone.",
    "de": "Tut mir leid, ich kann kein Telefon erreichen.",
}
LARGEST_IMAGE = 256 * 1024
LONGEST_TEXT = 1000
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""How files of PNG and JPEG begin."""


class SkillSounds:
    """The `Sound` of each skill. `noise` makes one of a colour, `recording` one of the content of
    a WAV file, its name, and whether it is to begin again."""

    def __init__(
        self,
        sounds: Sounds,
        noise: Callable[[str], Endless],
        recording: Callable[[bytes, str, bool], Endless],
    ) -> None:
        self.sounds, self.noise, self.recording = sounds, noise, recording

    def of(self, handler: Handler, turn: Turn) -> SkillSound:
        return SkillSound(self, handler, turn)


class SkillSound:
    """See `hub.skill.Sound`."""

    def __init__(self, all_sounds: SkillSounds, handler: Handler, turn: Turn) -> None:
        self._all, self._sounds = all_sounds, all_sounds.sounds
        self._handler, self._turn = handler, turn

    async def noise(
        self, colour: str = "white", *, volume: float = 0.5, length: timedelta | None = None
    ) -> None:
        if colour not in ("white", "pink", "brown"):
            raise SkillError(
                f"{self._handler.name}: there is no noise of the colour {colour!r:.40}"
            )
        await self._begin(self._all.noise(colour), colour, volume, length, words=False)

    async def play(
        self,
        file: str,
        *,
        volume: float = 0.5,
        again: bool = False,
        length: timedelta | None = None,
    ) -> None:
        folder = Path(inspect.getfile(inspect.unwrap(self._handler.tool.function))).parent
        path = (folder / file).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise SkillError(f"{self._handler.name}: {file!r:.80} is no file of the skill")
        try:
            content = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise SkillError(f"{self._handler.name}: {file!r:.80}: {error.strerror}") from error
        await self.play_content(content, file, volume=volume, again=again, length=length)

    async def play_content(
        self,
        content: bytes,
        file: str,
        *,
        volume: float,
        again: bool,
        length: timedelta | None,
    ) -> None:
        """What is in a WAV file. Raises SkillError if it is none."""
        try:
            made = await asyncio.to_thread(self._all.recording, content, file, again)
        except AudioError as error:
            raise SkillError(f"{self._handler.name}: {error}") from error
        await self._begin(made, file, volume, length, words=True)

    async def fade(self, volume: float, within: timedelta = timedelta(seconds=1)) -> bool:
        return self._own and await self._sounds.fade(volume, within.total_seconds())

    async def end_after(self, length: timedelta | None) -> bool:
        return self._own and self._sounds.end_after(_seconds(length))

    async def stop(self) -> bool:
        return self._own and await self._sounds.stop()

    async def playing(self) -> Playing | None:
        found = self._sounds.playing
        if found is None or not self._own:
            return None
        left = None if found.left is None else timedelta(seconds=found.left)
        return Playing(found.what, found.volume, left)

    @property
    def _own(self) -> bool:
        found = self._sounds.playing
        return found is not None and found.by == self._handler.skill

    async def _begin(
        self, made: Endless, what: str, volume: float, length: timedelta | None, *, words: bool
    ) -> None:
        try:
            await self._sounds.begin(
                made,
                what=what,
                by=self._handler.skill,
                volume=volume,
                seconds=_seconds(length),
                words=words,
            )
        except AudioError as error:
            spoken = self._turn.where.say(**NO_LOUDSPEAKER)
            raise SkillError(f"{self._handler.name}: {error}", spoken=spoken) from error


class Sends(Protocol):
    """What brings a text and a picture to phones."""

    async def show(self, text: str, image: bytes | None, by: str) -> None:
        """Raises HearthError where nobody can be reached."""
        ...


class Phones:
    """The `Phone` of each skill. `sends` is set as soon as there is a way to phones."""

    def __init__(self, sends: Sends | None = None) -> None:
        self.sends = sends

    def of(self, handler: Handler, turn: Turn) -> SkillPhone:
        return SkillPhone(self, handler, turn)


class SkillPhone:
    """See `hub.skill.Phone`."""

    def __init__(self, phones: Phones, handler: Handler, turn: Turn) -> None:
        self._phones, self._handler, self._turn = phones, handler, turn

    async def send(self, text: str, image: bytes | None = None) -> None:
        name = self._handler.name
        if image is not None and (
            len(image) > LARGEST_IMAGE or not bytes(image).startswith(PICTURES)
        ):
            raise SkillError(
                f"{name}: a picture is a PNG or JPEG of {LARGEST_IMAGE // 1024} KB at most"
            )
        if not text or len(text) > LONGEST_TEXT:
            raise SkillError(f"{name}: a text for phones has 1 to {LONGEST_TEXT} characters")
        if self._phones.sends is None:
            spoken = self._turn.where.say(**NO_PHONE)
            raise SkillError(f"{name}: this hub has no broker to reach phones by", spoken=spoken)
        await self._phones.sends.show(text, image, self._handler.skill)


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
