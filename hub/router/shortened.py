"""What people leave of a long name: 'the Tapo' of a 'Tapo P110 Kettle', 'Shelly 2' and 'the second
Shelly' of a 'Shelly Plug S 2'.

The beginning or the end of a name, unless that is a word for something else: a room, another kind
of thing, a number, a word that a command needs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

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


def shortened(name: str, entity: Entity, rooms: Collection[str], known: Lexicon) -> Iterator[str]:
    """The shorter forms of one of an entity's names, in the form of `plain`. `rooms`: `pieces` of
    the names of rooms and floors."""
    words = plain(name).split()
    if entity.domain in CHOSEN or len(words) < 2:
        return
    kind = words[-2] if words[-1].isdecimal() else words[-1]
    for part in _parts(words, known):
        if part == [words[0], words[-1]] and len(words) > 2 and words[0] in rooms:
            continue  # 'the kitchen light' is no more the 'Kitchen Ceiling Light' than another
        if _tells(part, rooms, known) and (
            part[-1] == kind or not _other_kind(part, entity, known)
        ):
            yield " ".join(part)
    has_room = f"{words[0]} {words[1]}" in rooms
    if not has_room and lex.OWNS in known.phrases.get(words[1], {}):
        # 'Sam's light' of 'Sam's Rocket'
        own = {entity.domain, f"{entity.domain}.{entity.device_class}"}
        yield from (
            f"{words[0]} {words[1]} {kind}" for kind, of in known.kinds.items() if own & {*of}
        )


def pieces(places: Places) -> frozenset[str]:
    """All stretches of words in the names of rooms and floors: no name of a thing."""
    named = [name for area in places.areas.values() for name in area.names]
    named += [name for floor in places.floors.values() for name in floor.names]
    split = [plain(name).split() for name in named]
    return frozenset(
        " ".join(words[start:end])
        for words in split
        for start in range(len(words))
        for end in range(start + 1, len(words) + 1)
    )


def _parts(words: Sequence[str], known: Lexicon) -> Iterator[Sequence[str]]:
    for cut in range(1, min(len(words), LONGEST_NAME)):
        yield words[cut:]
        yield words[:cut]
    if len(words) > 2 and not words[-1].isdecimal():
        yield [words[0], words[-1]]  # the 'brooder lamp' of a 'Brooder Heat Lamp'
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


def _tells(part: Sequence[str], rooms: Collection[str], known: Lexicon) -> bool:
    """Whether what is left is a name of its own."""
    said = " ".join(part)
    if said in rooms or said in known.phrases or said in known.kinds:
        return False
    if any(SMALL & known.phrases.get(word, {}).keys() for word in (part[0], part[-1])):
        return False
    common = (known.phrases, known.numbers, known.kinds)
    own = (word for word in part if not any(word in words for words in common))
    return any(len(word) >= SHORTEST for word in own)


def _other_kind(part: Sequence[str], entity: Entity, known: Lexicon) -> bool:
    """Whether it is what another kind of thing is called: the 'TV Plug' is no TV."""
    kinds = [known.kinds.get(" ".join(part[n:]), ()) for n in range(len(part))]
    return any(told and entity.domain not in {k.split(".")[0] for k in told} for told in kinds)
