"""How the hub behaves: when it is quiet, how loud, how short, and when a tone says enough.

    manners = Manners(settings, now)
    manners.quiet()                  # may something be said that nobody asked for?
    manners.volume(0.8)              # how loud the voice is now
    manners.of(trace, home)          # how a reply is given: words, short words, or a tone

People may ask for more: 'be quiet until eight' makes quiet hours of the time until then, 'speak
normally again' ends them, also those of the clock, until the next ones begin.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Protocol

from hub.config import MannersSettings
from hub.errors import ConfigError, StorageError
from hub.home.model import Home
from hub.keeping import on_disk
from hub.messages import Outcome, Trace

log = logging.getLogger(__name__)

SEEN = frozenset({"cover", "fan", "input_boolean", "light", "switch"})
"""Domains of which one sees what they do."""
MOST_SEEN = 12
"""Of as many things at once: a look tells that all of them did it."""
TONE = "done"
KEPT = "quiet"
"""Key of the document."""
_SPAN = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")
_STEP = re.compile(r"\s*(\d{1,2}):(\d{2})\s+([01](?:\.\d+)?)\s*")


class Notes(Protocol):
    """Where it is kept what people asked for."""

    async def load(self) -> dict[str, dict[str, Any]]: ...

    def put(self, key: str, document: Mapping[str, Any]) -> None: ...

    async def flush(self) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How a reply is given."""

    words: str
    """What is said; empty where a tone says enough."""
    tone: str | None = None


def plainly(trace: Trace) -> Manner:
    """All that is to be said, whenever it is."""
    return Manner(trace.reply.text)


class Manners:
    """Quiet hours and what follows from them. Raises ConfigError for times that are none."""

    def __init__(
        self, settings: MannersSettings, now: Callable[[], datetime], notes: Notes | None = None
    ) -> None:
        """`now`: local time, aware of its zone."""
        self._settings = settings
        self._now = now
        self._notes = notes
        self._span = _span(settings.quiet) if settings.quiet else None
        self._volumes = sorted(map(_step, settings.volumes))
        self._asked: tuple[bool, datetime] | None = None
        """What somebody has asked for, and until when."""
        self._watchers: list[Callable[[], None]] = []

    async def open(self) -> None:
        """Remember what was asked for before the hub was started. What cannot be read is logged,
        and costs nothing else."""
        try:
            kept = (await self._notes.load()).get(KEPT, {}) if self._notes is not None else {}
        except StorageError as error:
            log.error("%s", error)
            kept = {}
        try:
            self._asked = bool(kept["quiet"]), datetime.fromisoformat(kept["until"])
        except (KeyError, TypeError, ValueError):
            self._asked = None

    async def close(self) -> None:
        if self._notes is not None:
            await self._notes.close()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call it when quiet hours begin or end because somebody said so."""
        self._watchers.append(changed)

    # --- quiet hours -----------------------------------------------------------------------------

    def quiet(self, now: datetime | None = None) -> bool:
        """Whether it is time to be quiet."""
        now = now or self._now()
        if self._asked is not None and now < self._asked[1]:
            return self._asked[0]
        return self._span is not None and _within(now.time(), self._span)

    def quiet_until(self) -> datetime | None:
        """When the quiet hours end that are now; None if there are none, or if they do not end."""
        now = self._now()
        if not self.quiet(now):
            return None
        if self._asked is not None and now < self._asked[1]:
            end = self._asked[1]
            goes_on = self._span is not None and _within(end.time(), self._span)
            return self._end(end) if goes_on else end
        return self._end(now)

    def _end(self, now: datetime) -> datetime:
        assert self._span is not None
        return _next(now, self._span[1])

    async def be_quiet(self, until: datetime | None = None) -> datetime:
        """Somebody wants quiet; without a time until the end of the next quiet hours, or for
        eight hours. Returns until when."""
        now = self._now()
        if until is None:
            until = self._end(now) if self._span else now + timedelta(hours=8)
        await self._ask(True, until)
        return until

    async def speak_normally(self) -> None:
        """Somebody wants no quiet any more. Quiet hours that are now are over."""
        now = self._now()
        self._asked = None
        if self.quiet(now):
            await self._ask(False, self._end(now))
        else:
            await self._ask(False, now)

    async def _ask(self, quiet: bool, until: datetime) -> None:
        self._asked = quiet, until
        if self._notes is not None:
            self._notes.put(KEPT, {"quiet": quiet, "until": until.isoformat()})
            await on_disk(self._notes)
        for changed in self._watchers:
            changed()

    # --- how things are said -------------------------------------------------------------------

    def volume(self, chosen: float) -> float:
        """0-1: how loud to speak now, where people have chosen `chosen`."""
        now = self._now()
        most = [level for begin, level in self._volumes if begin <= now.time()]
        most = most or [level for _, level in self._volumes[-1:]]  # since yesterday
        limit = most[-1] if most else 1.0
        if self.quiet(now):
            limit = min(limit, self._settings.quiet_volume)
        return min(chosen, limit)

    def of(self, trace: Trace, home: Home) -> Manner:
        """How the reply to a turn is given in the room where it was said."""
        words = trace.reply.text
        quiet = self.quiet()
        if not words or trace.reply.expects_answer or trace.error:
            return Manner(words)
        plain = _plain(trace)
        if plain and _applies(self._settings.tone, quiet) and _seen(trace, home):
            return Manner("", TONE)
        if plain and _applies(self._settings.short, quiet):
            return Manner(_short(words, trace.reply.language))
        return Manner(words)


def _applies(when: str, quiet: bool) -> bool:
    return when == "always" or (when == "quiet" and quiet)


def _plain(trace: Trace) -> bool:
    """Whether all that there is to tell is that it was done: it was confirmed, and nothing was
    asked, refused or told."""
    outcomes = trace.outcomes
    return bool(outcomes) and all(each.confirmed and not each.error for each in outcomes)


def _seen(trace: Trace, home: Home) -> bool:
    """Whether whoever said it sees what was done: it is in their room."""
    here = home.find_area(trace.area) if trace.area else None
    if here is None or len(trace.outcomes) > MOST_SEEN:
        return False
    return all(_in_sight(outcome, home, here.area_id) for outcome in trace.outcomes)


def _in_sight(outcome: Outcome, home: Home, area_id: str) -> bool:
    entity = home.entities.get(outcome.entity_id)
    return (
        entity is not None
        and entity.area_id == area_id
        and entity.domain in SEEN
        and not entity.barred
        and not entity.guarded
    )


def _short(words: str, language: str) -> str:
    """The shortest that still says that it was done; a language without a word for it keeps the
    whole."""
    return {"en": "Done.", "de": "Erledigt."}.get(language.split("-")[0], words)


# --- times of day ------------------------------------------------------------------------------

Span = tuple[time, time]


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ConfigError(f"[manners] quiet: '{text}' is no span of time such as '22:00-07:00'")
    return _time(found[1], found[2], text), _time(found[3], found[4], text)


def _step(text: str) -> tuple[time, float]:
    found = _STEP.fullmatch(text)
    if found is None or float(found[3]) > 1:
        raise ConfigError(f"[manners] volumes: '{text}' is not such as '20:00 0.6'")
    return _time(found[1], found[2], text), float(found[3])


def _time(hour: str, minute: str, text: str) -> time:
    try:
        return time(int(hour), int(minute))
    except ValueError:
        raise ConfigError(f"[manners]: there is no such time as in '{text}'") from None


def _within(now: time, span: Span) -> bool:
    begin, end = span
    if begin <= end:
        return begin <= now < end
    return now >= begin or now < end


def _next(now: datetime, end: time) -> datetime:
    """The next time that it is so late, by the clock on the wall."""
    naive = now.replace(tzinfo=None)
    then = naive.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    if then <= naive:
        then += timedelta(days=1)
    return then.replace(tzinfo=now.tzinfo)
