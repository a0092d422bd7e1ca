"""Commands with a time: 'turn off the heating at nine', 'at sunset close the blinds', 'the fan on
for an hour'. The time is taken out, and what is left must be a command by itself.

Repeated ones are no single command: they are left to whoever knows routines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from hub.language import moments
from hub.timers import spoken

AT, WHILE, IN = "timers.at", "timers.for_a_while", "HassStartTimer"
"""Tools for a command at a time, for one that is taken back after a while, and for one in a while
from now."""
MOST = 3
"""Ways to take a time out of a sentence that are tried."""
MIDNIGHT = datetime(2000, 1, 1)
"""When a time is only looked for: then no time of today has gone by."""
LASTING = {"en": ("for",), "de": ("für",)}
"""What a length of time begins with."""
NO_LENGTHS = ("for a second", "for one second", "für eine sekunde")
"""What nobody means by the clock: 'hold the music for a second'."""
FEWEST = 2
"""Words of a command."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A command, and its time."""

    tool: str
    """AT, WHILE or IN."""
    command: str
    time: str
    """The words of it."""
    seconds: int = 0
    """How long from now."""

    @property
    def arguments(self) -> dict[str, str | int]:
        if self.tool == IN:
            minutes, seconds = divmod(self.seconds, 60)
            hours, minutes = divmod(minutes, 60)
            length = {"hours": hours, "minutes": minutes, "seconds": seconds}
            said = {unit: number for unit, number in length.items() if number}
            return {"conversation_command": self.command, **said}
        name = "moment" if self.tool == AT else "length"
        return {"conversation_command": self.command, name: self.time}


def timed(text: str, language: str) -> Iterator[Timed]:
    """The ways in which a sentence may be a command with a time."""
    if _lasts(text, language):
        yield from _for_a_while(text, language)
    elif not spoken.might(text, language):
        return
    tried = 0
    for rest, part, said in spoken.splits(text, language, MIDNIGHT, "command"):
        when = said.when
        if said.vague or when.repeated or len(rest.split()) < FEWEST:
            continue
        if part.rstrip().endswith("%"):  # 'um 20% leiser'
            continue
        # In a while from now, before a command or behind it: there are sentences for that.
        if when.seconds and not _in_the_middle(part, text):
            continue
        after = round(when.seconds) if when.seconds else 0
        yield Timed(IN if after else AT, rest, part, after)
        tried += 1
        if tried == MOST:
            return


def _in_the_middle(part: str, text: str) -> bool:
    """Whether a command goes on behind its time: 'mach die Lampe in zehn Minuten aus'."""
    before, found, behind = text.casefold().partition(part.casefold())
    return bool(found and before.strip(" ,") and behind.strip(" .,!"))


def _for_a_while(text: str, language: str) -> Iterator[Timed]:
    begins = LASTING[language.split("-")[0]]
    found = moments.within(text, "duration", language)
    for words in sorted(found, key=lambda words: -len(words)):
        begun = words.split()[0].casefold() in begins
        if not begun or words not in text or words.casefold() in NO_LENGTHS:
            continue
        before, _, behind = text.partition(words)
        rest = " ".join(f"{before} {behind.strip(' .,!')}".split())
        if len(rest.split()) >= FEWEST:
            yield Timed(WHILE, rest, " ".join(words.split()[1:]))
            return


def _lasts(text: str, language: str) -> bool:
    said = text.casefold().split()
    return any(word in said for word in LASTING.get(language.split("-")[0], ()))
