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
MAX_STEPS = 5_000_000
"""Tries that an expression may need at worst: about a tenth of a second."""

_REPEAT = re.compile(r"\{(\d*)(,?)(\d*)\}")


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
    repeats, ways, place, in_class = 0, 1, 0, False
    last = ""
    while place < len(source):
        character = source[place]
        place += 1
        if character == "\\":
            escaped = source[place : place + 1]
            if not in_class and escaped.isdigit() and escaped != "0":
                raise NotUnderstood("a regular expression may not refer back to its groups")
            place += 1
            last = "x"
        elif in_class:
            in_class = character != "]" or last == "["
            last = "x" if not (last == "[" and character == "^") else "["
        elif character == "[":
            in_class, last = True, "["
        elif character == "(":
            if source[place : place + 1] == "?":
                end = re.match(r"\?(:|=|!|<=|<!|P<\w+>)", source[place:])
                if end is None:
                    raise NotUnderstood(f"{source!r} has a kind of group that is not taken")
                place += end.end()
            last = "("
        elif character == "|":
            ways, last = ways * 2, "|"
        elif character in "*+?{" and last:
            if character == "{":
                count = _REPEAT.match(source, place - 1)
                if count is None:
                    last = "x"
                    continue
                place = count.end()
                low = int(count[1] or 0)
                high = int(count[3]) if count[3] else None if count[2] else low
            else:
                low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[character]
            if source[place : place + 1] in ("?", "+"):
                place += 1
            if last == ")" and high != 1:
                raise NotUnderstood(f"{source!r} repeats a group, which can take too long")
            if high is None or high > 50:
                repeats += 1
            else:
                ways *= max(1, high - low + 1)
            last = "q"
        else:
            last = ")" if character == ")" else "x"
    if repeats > 6 or ways > MAX_STEPS // 100:
        raise NotUnderstood(f"the regular expression {source!r} can take too long")
    return repeats, ways
