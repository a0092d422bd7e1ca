"""Regular expressions written by strangers: only those are run that must end soon.

Python's engine tries again and again where an expression leaves a choice, which can take longer
than the universe has existed, and nothing can interrupt it. So the tries are counted beforehand.
"""

from __future__ import annotations

import math
import re
import warnings
from functools import lru_cache

from hub.devices.mqtt.component import NotUnderstood

MAX_PATTERN = 500
"""Characters of an expression."""
MAX_STEPS = 2_000_000
"""Tries that an expression may need at worst: about a tenth of a second."""

MANY = 50
"""Times from which on a repetition counts as one without an end."""

_REPEAT = re.compile(r"(\d*)(,?)(\d*)\}")
_GROUP = re.compile(r"(?!\?)|\?(?:[aims]+\)|:|=|!|<=|<!|P<\w+>)")
_CLASS = re.compile(r"\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)


class Pattern:
    """An expression, and how long a text it may be tried on."""

    def __init__(self, source: str, flags: int = 0) -> None:
        """Raises NotUnderstood for one that is wrong, or that can take too long on any text."""
        if len(source) > MAX_PATTERN:
            raise NotUnderstood(f"a regular expression of {len(source)} characters is too long")
        repeats, ways = _choices(source)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what may mean another thing in Python to come
                self._compiled = re.compile(source, flags)
        except (re.error, RecursionError, OverflowError) as error:
            raise NotUnderstood(f"the regular expression {source!r} is wrong: {error}") from None
        nesting = repeats + 1  # a search starts at each character
        self.longest = int((MAX_STEPS * math.factorial(nesting) / ways) ** (1 / nesting))
        """Characters of the longest text it is tried on."""

    def on(self, text: str) -> re.Pattern[str]:
        """The compiled expression, for this text. Raises NotUnderstood if it is too long."""
        if len(text) > self.longest:
            raise NotUnderstood(
                f"the regular expression {self._compiled.pattern!r} can take too long on"
                f" {len(text)} characters"
            )
        return self._compiled

    def fits(self, text: str) -> bool:
        """Whether the whole of a text fits."""
        return self.on(text).fullmatch(text) is not None


@lru_cache(maxsize=256)
def pattern(source: str, flags: int = 0) -> Pattern:
    """The expression, kept for the next time."""
    return Pattern(source, flags)


def _choices(source: str) -> tuple[int, int]:
    """Repetitions without an end, and in how many ways the rest can be read."""
    counts = _Counts(source)
    while counts.place < len(source):
        counts.step()
    repeats, ways = counts.total()
    if repeats > 6 or ways > MAX_STEPS // 100:
        raise counts.too_long()
    return repeats, ways


class _Counts:
    """Goes through an expression, part by part. What it does not know is refused."""

    def __init__(self, source: str) -> None:
        self.place = 0
        self._source = source
        self._open = [_Group()]
        self._last: _Group | None = None
        """What a quantifier would repeat: a group, or a character as an empty one."""

    def too_long(self) -> NotUnderstood:
        return NotUnderstood(f"the regular expression {self._source!r} can take too long")

    def total(self) -> tuple[int, int]:
        """Groups that were not closed count, too: the compiler will refuse them."""
        whole = _Group()
        for group in self._open:
            whole.add(group)
        return whole.total_repeats, whole.total_ways

    def step(self) -> None:
        character = self._source[self.place]
        self.place += 1
        match character:
            case "\\":
                if self._source[self.place : self.place + 1] in tuple("123456789"):
                    raise NotUnderstood("a regular expression may not refer back to its groups")
                self.place += 1
                self._last = _Group()
            case "[":
                self._skip_class()
                self._last = _Group()
            case "(":
                self._begin()
            case ")":
                closed = self._open.pop() if len(self._open) > 1 else _Group()
                self._open[-1].add(closed)
                self._last = closed
            case "|":
                self._open[-1].next_branch()
                self._last = None
            case "*" | "+" | "?" | "{" if self._last is not None:
                self._repeat(character, self._last)
            case _:
                self._last = _Group()
        if self._open[-1].total_ways > MAX_STEPS:
            raise self.too_long()

    def _begin(self) -> None:
        kind = _GROUP.match(self._source, self.place)
        if kind is None:
            raise NotUnderstood(f"{self._source!r} has a kind of group that is not taken")
        self.place = kind.end()
        self._last = None
        if not kind[0].endswith(")"):  # not a mere flag
            self._open.append(_Group())

    def _skip_class(self) -> None:
        end = _CLASS.match(self._source, self.place)
        self.place = len(self._source) if end is None else end.end()

    def _repeat(self, character: str, what: _Group) -> None:
        low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(character, (0, None))
        if character == "{":
            count = _REPEAT.match(self._source, self.place)
            if count is None:
                self._last = _Group()
                return
            self.place = count.end()
            low = int(count[1] or 0)
            high = int(count[3]) if count[3] else None if count[2] else low
        if self._source[self.place : self.place + 1] in ("?", "+"):  # lazy, or greedy to the end
            self.place += 1
        around = self._open[-1]
        simple = what.total_repeats == 0 and what.total_ways == 1
        if high is None or high > MANY:
            if not simple:
                raise NotUnderstood(
                    f"{self._source!r} repeats a group with choices, which can take too long"
                )
            around.repeats += 1
        else:
            for _ in range(high - 1):  # it was counted once already
                around.add(what)
                if around.ways > MAX_STEPS or around.repeats > MANY:
                    raise self.too_long()
            around.ways *= max(1, high - low + 1)
        self._last = None


class _Group:
    """Choices within a group, or within a single character: none."""

    def __init__(self) -> None:
        self.repeats = 0
        self.ways = 1
        """Both of the branch that is being read."""
        self._repeats_before = 0
        self._ways_before = 0

    def next_branch(self) -> None:
        self._repeats_before, self._ways_before = self.total_repeats, self.total_ways
        self.repeats, self.ways = 0, 1

    @property
    def total_repeats(self) -> int:
        return max(self.repeats, self._repeats_before)

    @property
    def total_ways(self) -> int:
        return self.ways + self._ways_before

    def add(self, inner: _Group) -> None:
        self.repeats += inner.total_repeats
        self.ways *= inner.total_ways
