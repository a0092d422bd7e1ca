"""Numbers in words, by CLDR's rules: one engine per language, shared with hassil, that writes the
parts of numbers once.

'683' is '600' and '83', and German says each in eight ways. Before the first sentence thousands of
numbers are written: for hassil's ranges, for what looks ahead, for times. With its parts at hand
that takes a third of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from hassil.numbers import get_rbnf_engine
from unicode_rbnf import RbnfEngine
from unicode_rbnf.engine import DEFAULT_TOLERANCE

LARGEST_PART = 100
"""Numbers up to this one are kept: some 100 kB per language, of which all larger ones are made."""


@cache
def spellout(language: str) -> RbnfEngine:
    """The engine of a language (BCP 47), the same that hassil has. Raises ValueError where there
    is none, or one without a single rule, which could write no number."""
    engine = get_rbnf_engine(language)
    if not engine.rulesets:
        raise ValueError(f"there are no rules for numbers in {language!r}")
    if "iter_format_number" not in vars(engine):
        _keep_parts(engine)
    return engine


def _keep_parts(engine: RbnfEngine) -> None:
    write = engine.iter_format_number
    kept: dict[tuple[int, str], tuple[str]] = {}

    def written(
        number: Any,
        ruleset_name: str,
        radix: int | None = None,
        tolerance: float = DEFAULT_TOLERANCE,
    ) -> Iterable[str]:
        if type(number) is not int or not 0 <= number <= LARGEST_PART:
            return write(number, ruleset_name, radix, tolerance)
        key = (number, ruleset_name)
        if key not in kept:
            kept[key] = ("".join(write(number, ruleset_name, radix, tolerance)),)
        return kept[key]

    engine.iter_format_number = written  # type: ignore[method-assign]
