"""How names stand in German sentences: rooms by whose they are, floors above and below, adjectives
with the ending that the sentence wants.

All of it comes from the words of a language's lexicon, and is nothing in one that has none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.home.model import normal
from hub.router.lexicon import Lexicon
from hub.router.places import Places
from hub.router.words import Words

SHORTEST_STEM = 3
"""Letters of an adjective without its ending."""


def visited(names: Sequence[str], words: Words, known: Lexicon) -> Iterator[str]:
    """How a room of these names is called by whose it is, in normal form: 'bei Mehmet', and
    'Mehmets (Lampe)', where there is 'Mehmets Zimmer'; 'bei den Kindern', where there is a
    'Kinderzimmer'."""
    rooms = words.generic
    for plain in map(normal, names) if known.visiting else ():
        owner, _, last = plain.rpartition(" ")
        if owner and " " not in owner and last in rooms:
            yield owner
            stems = {owner, owner.removesuffix("s")}
        else:
            heads = (plain.removesuffix(room) for room in rooms if " " not in plain)
            head = next((each for each in heads if len(each) < len(plain)), "")
            stems = {head, f"{head}n"} if head else set()
        yield from (f"{at} {stem}" for at in known.visiting for stem in sorted(stems))


def declined(name: str, known: Lexicon) -> Iterator[str]:
    """A name as it stands in a sentence: 'Linker Rollladen' is 'den linken Rollladen'."""
    yield name
    first, _, rest = normal(name).partition(" ")
    ends = sorted(known.declined, key=len, reverse=True)
    ending = next((end for end in ends if rest and first.endswith(end)), None)
    if ending and len(first) - len(ending) >= SHORTEST_STEM:
        stem = first.removesuffix(ending)
        yield from (f"{stem}{end} {rest}" for end in ends if end != ending)


def storeys(places: Places, known: Lexicon) -> Iterator[tuple[str, str]]:
    """Id of the only floor above the ground with what people call it, and of the lower of two:
    what is below depends on where one stands, where there is a cellar, too."""
    said, found = known.storeys, dict[str, list[str]]()
    for floor in places.floors.values():
        names = [normal(name) for name in floor.names]
        for level in ("below", "ground", "above") if said else ():
            if any(name.endswith(part) for name in names for part in said[level]):
                found.setdefault(level, []).append(floor.floor_id)
    above, ground, below = (found.get(key, []) for key in ("above", "ground", "below"))
    if len(above) == 1 and ground:
        yield from ((above[0], name) for name in said["up"])
    lower = below if not above else ground if not below else []
    if len(lower) == 1 and (above or ground):
        yield from ((lower[0], name) for name in said["down"])
