"""What people leave of a long name: 'the Tapo' of a 'Tapo P110 Kettle', 'Shelly 2' and 'the second
Shelly' of a 'Shelly Plug S 2'.

The beginning or the end of a name, unless that is a word for something else: a room, another kind
of thing, a number, a word that a command needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hub.home.model import Entity, normal
from hub.router import lexicon as lex
from hub.router.lexicon import Lexicon
from hub.router.places import Places
from hub.router.rules import LONGEST_NAME, MEASURING

WORD = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+|[%°,]")
"""Words of a text and of a name: 'S7' is two."""
CHOSEN = frozenset(
    [*MEASURING, "automation", "button", "calendar", "input_boolean", "input_button", "person",
     "scene", "script", "todo", "weather"]
)  # fmt: skip
"""Domains whose names are said as wholes: they are made of words for other things ('Movie')."""
SHORTEST = 2
"""Letters of the word that tells what is left from others."""
SMALL = frozenset([lex.ARTICLE, lex.PREPOSITION, lex.OWNS, lex.AND])
"""Tags of words with which no name begins or ends."""


def plain(name: str) -> str:
    """A name as its words are compared."""
    return " ".join(filter(None, map(normal, WORD.findall(name))))


def shortened(name: str, entity: Entity, places: Places, known: Lexicon) -> Iterator[str]:
    """The shorter forms of one of an entity's names, in the form of `plain`."""
    words = plain(name).split()
    if entity.domain in CHOSEN or len(words) < 2:
        return
    for part in _parts(words, known):
        if _tells(part, entity, places, known):
            yield " ".join(part)


def _parts(words: Sequence[str], known: Lexicon) -> Iterator[Sequence[str]]:
    for cut in range(1, min(len(words), LONGEST_NAME)):
        yield words[cut:]
        yield words[:cut]
    if words[1] in known.phrases and lex.OWNS in known.phrases[words[1]]:
        for cut in range(3, len(words)):  # 'Nana's blanket' of 'Nana's Electric Blanket'
            yield [*words[:2], *words[cut:]]
    last = words[-1]
    if not last.isdecimal():
        return
    ordinal = known.ordinals[int(last) - 1 : int(last)] if int(last) else ()
    for cut in range(1, len(words)):
        if cut < len(words) - 1:
            yield [*words[:cut], last]
        yield from ([each, *words[:cut]] for each in ordinal)


def _tells(part: Sequence[str], entity: Entity, places: Places, known: Lexicon) -> bool:
    """Whether what is left is a name of its own."""
    said = " ".join(part)
    if places.is_place(said) or said in known.phrases or said in known.kinds:
        return False
    if any(SMALL & known.phrases.get(word, {}).keys() for word in (part[0], part[-1])):
        return False
    common = (known.phrases, known.numbers, known.kinds)
    own = (word for word in part if not any(word in words for words in common))
    if not any(len(word) >= SHORTEST and not places.named_with(word) for word in own):
        return False
    return not any(_other_kind(" ".join(part[n:]), entity, known) for n in range(len(part)))


def _other_kind(said: str, entity: Entity, known: Lexicon) -> bool:
    """Whether it is what another kind of thing is called: the 'TV Plug' is no TV."""
    kinds = known.kinds.get(said, ())
    return bool(kinds) and entity.domain not in {kind.split(".")[0] for kind in kinds}
