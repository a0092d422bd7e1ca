"""What happens when a time has come: a tone and a sentence, or the command that it was set for.

An alarm rings louder and louder, by a tone that needs neither voice nor network; it waits for
nobody who speaks longer than is polite, and rings where the hub is muted, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from hub.cause import caused
from hub.errors import HearthError
from hub.home.model import Home, State
from hub.language import names_together, words
from hub.messages import Audio, Trace
from hub.places import Places
from hub.timers import wording
from hub.timers.agenda import Due
from hub.timers.appointment import Appointment
from hub.timers.book import LATE
from hub.timers.timer import Timer
from hub.voice import Voice

log = logging.getLogger(__name__)

SOFTEST, LOUDEST = 0.25, 1.0
"""Volume of the first ring of an alarm, and of those from LOUD_AFTER on."""
LOUD_AFTER = 20
"""Rings: about a minute."""
SAID_EVERY = 15
"""Rings after which an alarm says again what it is."""

ALARM = "alarm"
"""`ToolSpec.about` of what is said of an alarm."""

Turn = Callable[[str, str | None, str], Awaitable[Trace]]
"""Runs a command (text, room, language) as a turn of its own that nobody attends: one that has no
part in any conversation, so that it neither answers a question nor leaves one."""


class Bell:
    """Tells timers in the room where they were set. `tone` sounds before the sentence; `show` gets
    it as text. Nobody is interrupted: it speaks when nobody is talked with there."""

    def __init__(
        self,
        turn: Turn,
        voice: Voice | None,
        *,
        tone: Callable[[], Awaitable[object]] | None = None,
        show: Callable[[str], None] = lambda text: None,
        free: asyncio.Event | None = None,
        done: Callable[[Timer], Awaitable[None]] | None = None,
        alarm: Callable[[float], Awaitable[object]] | None = None,
        home: Home | None = None,
        done_of: Callable[[str], Awaitable[None]] | None = None,
        now: Callable[[], datetime] = datetime.now,
        restore: Callable[[Mapping[str, State]], Awaitable[object]] | None = None,
        mention: Callable[[str | None, str], None] = lambda area, about: None,
        places: Places | None = None,
        sound: Callable[[str], Audio] | None = None,
    ) -> None:
        """`done` is told when the command of a timer has been run, before anything is said of it,
        and `done_of` when that of an appointment (its id) was. `alarm` plays the tone of an alarm
        once, at a volume of 0-1. `now` is what the clock on the wall shows. `restore` brings
        devices (by their ids) into their states of before. `mention` is told, with a room, what
        is spoken of there: 'turn it off' means the alarm that rings. `places` knows the
        voices of rooms elsewhere, for which `sound` gives the tone of a timer or an alarm, by its
        name; without it, `free` is set while nobody is talked with. `voice`, `tone` and `alarm` are
        those of the hub itself."""
        self._places = places or (Places(voice, free=free) if free else Places(voice))
        self._sound = sound
        self._done_with = done
        self._turn = turn
        self._voice = voice
        self._tone = tone
        self._show = show
        self._alarm = alarm
        self._home = home
        self._done_of = done_of
        self._now = now
        self._restore = restore
        self._mention = mention

    async def tell(self, timer: Timer, late: float) -> None:
        """One ring, or the command. `late`: seconds since it ran out. Raises AudioError or
        EngineError if it cannot be heard."""
        language = timer.language
        if timer.command is None:
            text = wording.rung(timer, late if late >= LATE else None, language)
        elif timer.begun:
            text = wording.agenda("interrupted", language, command=timer.command)
        elif late >= LATE:
            ago = wording.rough(late, language)
            text = wording.not_done(timer, "late_command", language, ago=ago)
        else:
            text = await self._done(timer)
            if self._done_with is not None:
                await self._done_with(timer)
        await self._say(text, language, timer.area)

    async def come(self, due: Due) -> None:
        """What an appointment is for: ring once, say it, or do it. Raises AudioError or EngineError
        if it cannot be heard."""
        what, language = due.what, due.what.language
        if what.kind == "back":
            text = await self._put_back(what)
            await self._finished(what)
        elif what.kind == "command":
            text = await self._commanded(due)
        else:
            text = self._told(due)
        if what.kind == "alarm" and not due.missed:
            await self._ring(due, text)
        else:
            await self._say(text, language, what.area)

    def _told(self, due: Due) -> str:
        """What is said of an alarm or a reminder."""
        what, language = due.what, due.what.language
        when = wording.moment(due.at, self._now(), language)
        text = wording.turned(what.text, language)
        if due.missed and what.kind == "alarm":
            return wording.agenda("given_up" if due.number else "missed_alarm", language, when=when)
        if due.missed:
            return wording.agenda("missed_reminder", language, when=when, text=text)
        if what.kind == "reminder":
            return wording.agenda("reminder", language, text=text)
        key = "rings_named" if text else "rings"
        return wording.agenda(key, language, clock=wording.clock(self._now(), language), text=text)

    async def _ring(self, due: Due, text: str) -> None:
        """One ring of an alarm. What is said with it may fail: the tone has been heard."""
        if due.number == 0:
            self._show(text)
            self._mention(due.what.area, ALARM)
        volume = SOFTEST + (LOUDEST - SOFTEST) * min(1.0, due.number / LOUD_AFTER)

        async def ring(voice: Voice | None) -> None:
            heard = True
            if voice is not self._voice and voice is not None:
                await self._tone_in(voice, ALARM, volume)
            elif self._alarm is not None:
                await self._alarm(volume)
            elif self._tone is not None:
                await self._tone()
            else:
                heard = False
            if voice is None or due.number % SAID_EVERY:
                return
            try:
                await voice.say(text, language=due.what.language)
            except HearthError as error:
                if not heard:
                    raise
                log.error("the alarm rings and says nothing: %s", error)

        await self._heard(due.what.area, ring)

    async def _say(self, text: str, language: str, area: str | None) -> None:
        """Say it when nobody is talked with where it is heard."""
        self._show(text)

        async def say(voice: Voice | None) -> None:
            if voice is None:
                return
            if voice is not self._voice:
                await self._tone_in(voice, "timer")
            elif self._tone is not None:
                await self._tone()
            if text:
                await voice.say(text, language=language)

        if self._voice is not None or self._places.voices:
            while not (free := self._places.free_in(area)).is_set():
                await free.wait()
        await self._heard(area, say)

    async def _tone_in(self, voice: Voice, name: str, volume: float | None = None) -> None:
        if self._sound is None:
            return
        if volume is None:
            await voice.play(self._sound(name))
        else:
            await voice.ring(self._sound(name), volume)

    async def _heard(
        self, area: str | None, make: Callable[[Voice | None], Awaitable[object]]
    ) -> None:
        """Let something be heard in the room where it was set; where that has a voice no more,
        everywhere. Raises AudioError or EngineError if nobody can have heard it."""
        there = self._places.voice_in(area)
        if there is not None:
            try:
                await make(there)
            except HearthError as error:
                log.error("%s: what rings there rings everywhere: %s", area, error)
            else:
                return
        everywhere = there is not None or self._places.lost(area)
        others = [each for each in self._places.voices.values() if each is not there]
        voices: list[Voice | None] = [*others] if everywhere else []
        if self._places.audible or not voices:
            voices.append(self._voice)
        told = await asyncio.gather(*(make(voice) for voice in voices), return_exceptions=True)
        failed = [each for each in told if isinstance(each, BaseException)]
        if len(failed) == len(told):
            raise failed[0]
        for each in failed:
            log.error("not heard everywhere: %s", each)

    async def _done(self, timer: Timer) -> str:
        assert timer.command is not None
        return await self._do(timer.command, timer.area, timer.language)

    async def _do(self, command: str, area: str | None, language: str) -> str:
        """Do what was wanted for now, and say so. What needs a yes is not done: nobody may be
        there."""
        trace = await self._turn(command, area, language)
        if trace.reply.expects_answer:
            return wording.command_not_done(command, "unattended", language)
        if not trace.intent.understood:
            return wording.command_not_done(command, "not_understood", language)
        return trace.reply.text

    async def _commanded(self, due: Due) -> str:
        what, language = due.what, due.what.language
        if due.again:
            return wording.agenda("interrupted", language, command=what.text)
        if due.missed:
            ago = wording.rough(due.late, language)
            return wording.command_not_done(what.text, "late_command", language, ago=ago)
        text = await self._do(what.text, what.area, language)
        await self._finished(what)
        return text

    async def _finished(self, what: Appointment) -> None:
        if self._done_of is not None:
            await self._done_of(what.id)

    async def _put_back(self, what: Appointment) -> str:
        """Bring devices back that are still as they were put; what is said of it."""
        if self._home is None or self._restore is None:
            return ""
        home, language = self._home, what.language
        known = {key: _state(kept) for key, kept in what.before.items() if key in home.entities}
        alike = {
            key: at for key, at in known.items() if home.state(key).state == what.after.get(key)
        }
        with caused("timer", area=what.area, person=what.person):
            await self._restore(alike)
        other = [key for key in known if key not in alike and home.state(key) != known[key]]
        parts = [("put_back", list(alike)), ("left_alone", other)]
        return " ".join(
            wording.agenda(key, language, names=self._names(keys, language))
            for key, keys in parts
            if keys
        )

    def _names(self, keys: list[str], language: str) -> str:
        assert self._home is not None
        names = [self._home.entities[key].name for key in keys]
        return names_together(names, words(language)["and"])


def _state(kept: Mapping[str, Any]) -> State:
    return State(kept["state"], kept["attributes"])
