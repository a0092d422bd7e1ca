"""What the router takes for routines: sentences that make one, sentences with the name of one, and
the phrases that set one off.

A phrase never takes a sentence that means something without it; what it may take is a courtesy
('good night'), or a name that was said alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rapidfuzz import fuzz

from hub.home.things import normal
from hub.messages import Call
from hub.routines.saying import makes, table

MAKE = "routines.make"
COURTESIES = frozenset({"conversation.hello", "conversation.thanks", "conversation.good_night"})
"""Tools whose phrases a routine may take over: 'good morning'."""
LIKE = 92
"""Likeness (0-100) from which what was said is a routine's phrase: 'goodnight'."""
SHORTEST = 6
"""Letters of a phrase that may be said a little otherwise."""


class Claims:
    """What there is at the moment."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._phrases: dict[str, tuple[str, str]] = {}
        self._expected: list[str | None] = []

    def know(self, names: Iterable[str], phrases: Iterable[tuple[str, str, str]]) -> None:
        """All names; and phrases with their routine's name and language."""
        self._names = {normal(name): name for name in names}
        self._phrases = {_joined(text): (name, code) for text, name, code in phrases}

    @contextmanager
    def expecting(self, area: str | None) -> Iterator[None]:
        """What is said next in the room answers a question, even if it is a command."""
        self._expected.append(area)
        try:
            yield
        finally:
            self._expected.remove(area)

    def waits(self, area: str | None) -> bool:
        return area in self._expected

    def ahead(self, text: str, language: str, taken: Collection[str] = ()) -> Call | None:
        """What goes before all else. `taken`: names of the home, in normal form."""
        if makes(text, language):
            return Call(MAKE, {"text": text})
        known = table(language)
        if known is None or not self._names:
            return None
        said = " ".join(text.strip(" .!?").split())
        return self._changing(said, known) or self._named(said, known, taken)

    def _changing(self, said: str, known: Any) -> Call | None:
        for how in ("also", "addto", "less", "replace"):
            found = re.fullmatch(known[how], said, re.IGNORECASE)
            if found is None:
                continue
            given = {key.rstrip("2"): value for key, value in found.groupdict().items() if value}
            name = self._names.get(normal(given["name"]))
            if name is not None:
                how = "add" if how in ("also", "addto") else how
                return Call("routines.change", {"name": name, "how": how, "text": given["do"]})
        return None

    def _named(self, said: str, known: Any, taken: Collection[str]) -> Call | None:
        for what, pattern in known["named"]:
            found = re.fullmatch(pattern, said, re.IGNORECASE)
            if found is None:
                continue
            spoken = normal(next(value for value in found.groupdict().values() if value))
            # 'Delete the routine sleep well'
            name = self._names.get(spoken) or self._names.get(spoken.removeprefix("routine "))
            if name is None:
                continue
            clear = what in ("run", "describe") or "routine" in normal(said).split()
            if clear or spoken not in taken:
                return Call(f"routines.{what}", {"name": name})
        return None

    def behind(self, text: str, language: str) -> Call | None:
        """The routine that a phrase sets off, if it means nothing else."""
        said = _joined(text)
        found = self._phrases.get(said)
        if found is None and len(said) >= SHORTEST:
            near = [(fuzz.ratio(said, phrase), phrase) for phrase in self._phrases]
            best = max(near, default=(0.0, ""))
            found = self._phrases[best[1]] if best[0] >= LIKE else None
        return Call("routines.run", {"name": found[0]}) if found else None


def _joined(text: str) -> str:
    return normal(text).replace(" ", "")
