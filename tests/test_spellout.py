"""Numbers in words, with and without the parts at hand."""

from __future__ import annotations

import pytest
from hassil.numbers import get_rbnf_engine
from unicode_rbnf import FormatPurpose, RbnfEngine

from hub.language.spellout import spellout


@pytest.mark.parametrize("language", ["en", "de", "fr", "nl", "pl", "fi", "hi", "ja"])
def test_numbers_are_written_as_they_were(language: str) -> None:
    plain = RbnfEngine.for_language(language)
    numbers = [*range(-3, 125), *range(190, 2100, 37), 2.5, 19.75, 100_100, 1_000_083]
    for number in numbers:
        assert spellout(language).format_number(number) == plain.format_number(number), number
    for day in range(1, 32) if language in ("en", "de", "fr") else ():
        ordinal = spellout(language).format_number(day, FormatPurpose.ORDINAL)
        assert ordinal == plain.format_number(day, FormatPurpose.ORDINAL)


def test_hassil_counts_with_the_same() -> None:
    assert get_rbnf_engine("en") is spellout("en")


def test_a_language_without_number_words_has_no_engine() -> None:
    with pytest.raises(ValueError):
        spellout("xx")
