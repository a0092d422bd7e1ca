"""'And the bedroom', 'what about the kitchen?', 'no, twenty': what leans on the sentence before.

What was said before is said again, with the new words in the place of its last ones. Whether that
makes sense is for the caller to find out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.home.model import normal
from hub.router.words import Words

LONGEST = 16
"""Words of a sentence that another may lean on."""
LONGEST_VERB, LONGEST_END = 3, 2
"""Words at the beginning and at the end that stay where the middle is said anew: 'turn - off'."""


def added(text: str, words: Words) -> str | None:
    """The new words of a sentence that begins or ends as one that adds to another; None if it
    does not."""
    return _without(text, words.adding, words.too)


def corrected(text: str, words: Words) -> str | None:
    """The new words of a sentence that begins by taking something back; None if it does not."""
    return _without(text, words.repairs, ())


def variants(part: str, before: str) -> Iterator[str]:
    """What was said before, with the new words in it; as much of it as may be first."""
    tokens = before.split()
    if not part or not 1 < len(tokens) <= LONGEST:
        return
    for kept in range(len(tokens) - 1, 0, -1):
        yield " ".join([*tokens[:kept], part])
    for end in range(1, LONGEST_END + 1):
        for kept in range(1, min(LONGEST_VERB, len(tokens) - end - 1) + 1):
            yield " ".join([*tokens[:kept], part, *tokens[-end:]])


def _without(text: str, first: Sequence[str], last: Sequence[str]) -> str | None:
    tokens = text.split()
    begun = len(tokens)
    tokens = tokens[_length(tokens, first) :]
    behind = _length([*reversed(tokens)], [_turned(phrase) for phrase in last])
    tokens = tokens[: len(tokens) - behind]
    return " ".join(tokens) if tokens and len(tokens) < begun else None


def _length(tokens: Sequence[str], phrases: Sequence[str]) -> int:
    """How many tokens the longest of the phrases takes up at the beginning."""
    plain = [normal(token) for token in tokens]
    fitting = [
        len(phrase.split()) for phrase in phrases if plain[: len(phrase.split())] == phrase.split()
    ]
    return max(fitting, default=0)


def _turned(phrase: str) -> str:
    return " ".join(reversed(phrase.split()))
