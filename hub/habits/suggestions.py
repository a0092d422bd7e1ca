"""Suggestions: each habit is offered once, in a good moment, with its reason; never done unasked.

A good moment is right after somebody has talked with the hub, in the evening, or when they have
just done what is the habit; not in quiet hours, and once a day at most. What was offered is not
offered again, whatever the answer was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from hub.dialogue.conversation import Question
from hub.errors import HearthError, StorageError
from hub.habits.mining import LONG, Deed, Habit, habits
from hub.habits.offers import Offer, offer
from hub.messages import Call, Trace
from hub.routines import wording
from hub.routines.routine import Becomes, Clock, Comes, Draft, Sun
from hub.routines.routines import Routines, Tell
from hub.routines.times import minute_of_sun
from hub.skill import Conversation, Where
from hub.timers.book import Notes
from hub.timers.clock import Time

log = logging.getLogger(__name__)

KEY = "habits"
FRESH = timedelta(hours=20)
"""After which it is looked again."""
EVENING, NIGHT = 17, 22
"""Hours between which something may be offered after any command."""
ACCEPT = "suggestions.accept"

Ask = Callable[[str | None, Question], None]
Source = Callable[[datetime], Iterable[Deed]]
"""The history since a moment; read in a thread of its own."""

SAY: Mapping[str, tuple[str, str]] = {
    "lead": ("By the way: {text}", "Übrigens: {text}"),
    "none": ("I have not noticed anything that I could suggest.",
             "Mir ist nichts aufgefallen, was ich vorschlagen könnte."),
    "stopped": ("All right, I will not suggest anything any more.",
                "In Ordnung, ich schlage nichts mehr vor."),
    "again": ("All right, I will suggest something now and then.",
              "In Ordnung, ich schlage ab und zu etwas vor."),
    "no": ("All right, I will not bring that up again.",
           "In Ordnung, davon fange ich nicht wieder an."),
    "no_reason": ("I have not suggested anything.", "Ich habe nichts vorgeschlagen."),
    "gone": ("I do not know any more what that was about.",
             "Ich weiß nicht mehr, worum es ging."),
}  # fmt: skip


def say(key: str, language: str, **values: object) -> str:
    return wording.pick(SAY[key], language).format(**values)


class Suggestions:
    """The habits of a household, and what became of their suggestions."""

    def __init__(
        self,
        routines: Routines,
        history: Source,
        time: Time,
        notes: Notes | None = None,
        *,
        enabled: bool = True,
        quiet: Callable[[], bool] = lambda: False,
    ) -> None:
        self._routines = routines
        self._history = history
        self._time = time
        self._notes = notes
        self._enabled = enabled
        self._quiet = quiet
        self._habits: list[Habit] = []
        self._looked: datetime | None = None
        self._offered: dict[str, str] = {}
        """Key of a habit -> the day on which it was offered."""
        self._stopped = False
        self._last: Offer | None = None
        self._offers: dict[str, Offer] = {}
        self._task: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()
        self._accepted = ""
        self._tell: Tell | None = None
        self._ask: Ask | None = None

    async def open(self) -> None:
        """Remember what was offered. What cannot be read is logged."""
        if self._notes is None:
            return
        try:
            known = (await self._notes.load()).get(KEY, {})
        except StorageError as error:
            log.error("what was suggested cannot be read: %s", error)
            self._enabled = False  # nothing is offered twice
            return
        self._offered = {str(k): str(v) for k, v in dict(known.get("offered", {})).items()}
        self._stopped = known.get("stopped") is True

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._notes is not None:
            await self._notes.close()

    def begin(self, tell: Tell, ask: Ask) -> None:
        """From now on suggestions may be made. `ask` puts a question into the conversation of a
        room."""
        self._tell, self._ask = tell, ask

    def _keep(self) -> None:
        if self._notes is not None:
            self._notes.put(KEY, {"offered": self._offered, "stopped": self._stopped})

    @property
    def stopped(self) -> bool:
        return self._stopped or not self._enabled

    # --- finding ---------------------------------------------------------------------------------

    async def look(self) -> list[Habit]:
        """The habits; looked for in a thread, once a day."""
        async with self._looking:
            now = self._time.now()
            if self._looked is None or now - self._looked >= FRESH or self._looked > now:
                self._looked = now
                try:
                    self._habits = await asyncio.to_thread(self._mine, now)
                except HearthError as error:
                    log.error("habits are not looked for: %s", error)
                    self._habits = []
        return self._habits

    def _mine(self, now: datetime) -> list[Habit]:
        zone, place = self._time.zone, self._routines.place()
        minute = None if place is None else partial(minute_of_sun, zone=zone, place=place)
        return habits(self._history(now - timedelta(days=LONG + 1)), now, zone, minute)

    async def next(self, where: Where) -> Offer | None:
        """The next suggestion that was not made yet."""
        for habit in await self.look():
            if habit.key in self._offered or self._is_routine(habit):
                continue
            found = await offer(habit, self._routines.home, self._routines.maker, where)
            if found is not None:
                return found
        return None

    def _is_routine(self, habit: Habit) -> bool:
        """Whether a routine does that already, for whatever reason."""
        entity = self._routines.home.entities.get(habit.entity_id)
        names = {habit.entity_id, *(entity.names if entity else ())}
        return any(
            isinstance(trigger, Clock | Sun | Becomes | Comes)
            and any(call.arguments.get("name") in names for s in r.do for call in s.calls)
            for r in self._routines.all()
            for trigger in r.when
        )

    # --- in a good moment ------------------------------------------------------------------------

    def after_turn(self, trace: Trace) -> None:
        """An onlooker of the assistant: perhaps this is a good moment."""
        if self.stopped or self._tell is None or not self._good(trace):
            return
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._offer(trace), name="suggestion")

    def _good(self, trace: Trace) -> bool:
        done = trace.outcomes or trace.intent.calls
        asks = trace.reply.expects_answer or trace.error is not None
        if asks or not done or trace.source not in ("voice", ""):
            return False
        if self._quiet() or self._today() in self._offered.values():
            return False
        if any(call.tool.startswith("suggestions.") for call in trace.intent.calls):
            return False
        just = {outcome.entity_id for outcome in trace.outcomes}
        known = any(h.entity_id in just and h.key not in self._offered for h in self._habits)
        return known or EVENING <= self._shown().hour < NIGHT

    def _shown(self) -> datetime:
        """What the clock on the wall shows."""
        return self._time.now().astimezone(self._time.zone)

    def _today(self) -> str:
        return self._shown().date().isoformat()

    async def _offer(self, trace: Trace) -> None:
        where = Where(trace.area, trace.language)
        found = await self.next(where)
        if found is None or self.stopped or self._tell is None or self._ask is None:
            return
        self._made(found)
        text = say("lead", where.language, text=found.text)
        await self._tell(text, where.area, where.language)
        yes = (Call(ACCEPT, {"key": found.habit.key}),)
        self._ask(where.area, Question(found.question, {"yes": yes}, trace.heard))

    def _made(self, found: Offer) -> None:
        self._offered[found.habit.key] = self._today()
        self._last = found
        self._offers[found.habit.key] = found
        self._keep()

    # --- for the skill ---------------------------------------------------------------------------

    async def ask(self, where: Where, conversation: Conversation) -> str:
        """Somebody wants to hear a suggestion."""
        self._accepted = ""
        found = await self.next(where)
        if found is None:
            return say("none", where.language)
        self._made(found)
        if not await conversation.ask(found.text, bool):
            return say("no", where.language)
        return await self.accept(found.habit.key, where)

    async def accept(self, key: str, where: Where) -> str:
        """A yes: it becomes a routine."""
        found = self._offers.get(key)
        if found is None:
            return say("gone", where.language)
        draft = Draft(when=found.routine.when, do=found.routine.do)
        name = self._routines.new_name(draft)
        try:
            made = self._routines.add(replace(found.routine, name=name, person=where.person))
        except HearthError as error:
            return error.spoken
        self._accepted = made.id
        await self._routines.flush()
        return wording.say("kept", where.language, name=made.name)

    @property
    def accepted(self) -> bool:
        """Whether the last one was made a routine."""
        return bool(self._accepted)

    def take_back(self) -> bool:
        """Forget the routine that was made of the last suggestion."""
        id, self._accepted = self._accepted, ""
        if not id or self._routines.find(id) is None:
            return False
        self._routines.remove(id)
        return True

    def why(self, where: Where) -> str:
        """The reason of the last suggestion."""
        if self._last is None:
            return say("no_reason", where.language)
        return self._last.why

    def stop(self, where: Where, *, again: bool = False) -> str:
        """No more suggestions, or some again."""
        self._stopped = not again
        if again:
            self._enabled = True
        self._keep()
        return say("again" if again else "stopped", where.language)
