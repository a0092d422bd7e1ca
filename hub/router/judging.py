"""What a reading is: whether it acts or asks, what it is about, whether it can be meant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from hub.home.model import normal
from hub.messages import Call
from hub.router.context import Target
from hub.router.numbers import said_numbers
from hub.router.phrases import Phrases
from hub.router.places import TARGET_SLOTS, Places
from hub.router.reading import Reading
from hub.router.readings import EXPLAINED, QUESTIONS
from hub.router.rules import spoken_rooms
from hub.router.words import Words

LATER = "conversation_command"
"""The slot with the command that is to be done later."""
LISTED = (
    "HassListAddItem",
    "HassListCompleteItem",
    "HassListRemoveItem",
    "HassShoppingListAddItem",
    "HassShoppingListCompleteItem",
)
"""Tools that are about a list; of their free text there may be more: 'and butter'."""

TIMERS = ("HassPauseTimer", "HassStartTimer", "HassUnpauseTimer")
NAMING = ("HassMediaSearchAndPlay", *TIMERS)
"""Tools with the name of something that the home does not know."""
FREE = ("item", "query", "search_query", "title")
"""Arguments that are free text whatever the tool."""


def free_words(reading: Reading, heard: str, named: Collection[str]) -> int:
    """How many words of free text there are in what was understood that stand otherwise in what
    was recognised; names of the home, and a command for later, are no free text."""
    if not reading.open:
        return 0
    said = f" {normal(heard)} "
    texts = [
        normal(value)
        for call in reading.calls
        for slot, value in call.arguments.items()
        if isinstance(value, str) and slot != LATER
    ]
    free = [text for text in texts if text not in named and f" {text} " not in said]
    return max((len(text.split()) for text in free), default=0)


def no_text(reading: Reading, text: str, known: Words) -> bool:
    """Whether what was taken for an item of a list, or for what is to be played, is rather a part
    of a sentence: 'soll ich Milch auf die Liste setzen', 'setz keine Milch auf die Liste'."""
    if of_two(reading, known):
        return True
    for call in reading.calls if reading.open else ():
        if call.tool == "HassGetState" and _no_zone(str(call.arguments.get("state", "")), known):
            return True
        for key in ("item", "search_query"):
            free = normal(str(call.arguments.get(key, "")))
            if not free:
                continue
            first, *rest = free.split()
            if key == "search_query" and free in known.no_music:
                return True
            said = any(f"{free} ".startswith(f"{phrase} ") for phrase in known.no_text)
            if said and (free in known.no_text or normal(text).startswith(free)):
                return True
            if key == "search_query" and normal(text).partition(" ")[0] in known.negations:
                return True  # the shared French sentences take 'mais' for 'mets'
            if first in known.nots or (key == "item" and rest and rest[-1] in known.nots):
                return True
            ended = closed(reading, text)
            if key == "item" and (
                _speaks_on([first, *rest], known, ended=ended) or _takes_back(free, known)
            ):
                return True
            if first in known.none and (key == "item" or {*rest} <= known.music):
                return True
    return False


def closed(reading: Reading, text: str) -> bool:
    """Whether something known follows its free text, so that this has ended: 'milk' in 'add milk to
    the list'."""
    items = [normal(str(call.arguments.get("item", ""))) for call in reading.calls]
    return bool(items) and all(items) and not any(normal(text).endswith(item) for item in items)


def _speaks_on(item: Sequence[str], known: Words, *, ended: bool) -> bool:
    """Whether a pronoun and a way follow in an item: 'milk, put it on the list'; or it ends in
    one: '... turn it'. That is the item's own where it has `ended`: 'add fix it to the list'."""
    pronouns = {*known.singular, *known.plural}
    if not ended and len(item) > 1 and item[-1] in pronouns:
        return True
    return any(one in pronouns and other in known.linking for one, other in pairwise(item))


def _no_zone(state: str, known: Words) -> bool:
    """Whether what was taken for where somebody is tells how something is: 'Türen zu'."""
    _, *rest = normal(state).split() or [""]
    return bool(rest) and rest[-1] in known.acting | {*known.leaving}


def of_two(reading: Reading, known: Words) -> bool:
    """Whether what was taken for an item of a list is two sentences, by a verb with a pronoun
    behind it: 'we need milk put it (on the list)'."""
    verbs, pronouns = (
        known.openers | known.dangling,
        {*known.singular, *known.plural, *known.pointing},
    )
    items = (str(call.arguments.get("item", "")) for call in reading.calls if reading.open)
    return any(
        place and verb in verbs and behind in pronouns
        for item in items
        for place, (verb, behind) in enumerate(pairwise(normal(item).split()))
    )


def _takes_back(item: str, known: Words) -> bool:
    """Whether words that take something back stand in an item: '..., I mean ...'."""
    return any(f" {phrase} " in f" {item} " for phrase in known.retracting if " " in phrase)


def room_of(understood: Sequence[Reading], places: Places) -> str | None:
    """The room that the last of several commands was about."""
    if not understood or not understood[-1].targets:
        return None
    return area_of(understood[-1].targets.things[-1], places)


def is_place(part: str, places: Places, known: Words) -> bool:
    """Whether words are but the name of a room or floor."""
    tokens = part.split()
    if tokens and normal(tokens[0]) in known.articles:
        tokens = tokens[1:]
    ways = (" ".join(tokens), *said_numbers(" ".join(tokens), known.language))
    return bool(tokens) and any(map(places.is_place, ways))


def says_room(parts: Sequence[str], room: str, places: Places, known: Words) -> bool:
    """Whether a room was named: after 'lock the front door', 'the lights' are not those there."""
    said = f" {normal(' '.join(parts))}"
    area = places.areas.get(room)
    names = spoken_rooms(area, places, known) if area else ()
    # 'Küchenlicht' names the kitchen, too.
    return any(f" {normal(name)}" in said for name in names)


def area_of(thing: Target, places: Places) -> str | None:
    entity = places.entities.get(thing.entity or "")
    return thing.area or (entity.area_id if entity else None)


def turned_to_act(understood: Sequence[Reading], reading: Reading, part: str, known: Words) -> bool:
    """Whether a part of a question was taken for a command: 'is the door locked and the garage
    closed' must close nothing. Behind a question a command begins as one."""
    asked = any(call.tool in QUESTIONS for each in understood for call in each.calls)
    begins = any(f"{normal(part)} ".startswith(f"{opener} ") for opener in known.openers)
    return asked and acts(reading) and not begins


def less_free(reading: Reading, other: Reading) -> bool:
    """Whether a reading takes less of what was said for free text: the shopping list needs no
    'list of the title shopping', and a timer is called 'roast', not 'the roast'."""
    if not reading.doable or len(reading.calls) != 1 or len(other.calls) != 1:
        return False
    call, before = reading.calls[0], other.calls[0]
    listed = call.tool in LISTED or (call.tool == before.tool and call.tool in NAMING)
    return listed and 0 < len(_free_of(call)) < len(_free_of(before))


def _free_of(call: Call) -> list[str]:
    """The words of the free text among the arguments of a call."""
    free = FREE if call.tool not in TIMERS else (*FREE, "name")
    texts = (text for slot, text in call.arguments.items() if slot in free)
    return " ".join(text for text in texts if isinstance(text, str)).split()


def of_one(reading: Reading) -> bool:
    """Whether it is one call, so that its 'and' stands between no two commands, and its numbers
    are no time of day."""
    return reading.doable and len(reading.calls) == 1 and not reading.open


def taken_back(text: str, before: str, after: str, known: Words) -> bool:
    """Whether what stands between two parts takes back even words that are no command, and the
    second begins as one: 'did you say no, turn on the lamp' takes nothing back."""
    between = normal(text[len(before) : len(text) - len(after)])
    begins = any(f"{normal(after)} ".startswith(f"{opener} ") for opener in known.openers)
    return begins and between in known.retracting


def unfounded(reading: Reading) -> bool:
    """Whether what was read word by word is about nothing that was said: 'reply' is no 'replay'."""
    said = any(slot in call.arguments for call in reading.calls for slot in TARGET_SLOTS)
    return reading.why.startswith(EXPLAINED) and not said


def asks_and_acts(reading: Reading) -> bool:
    """Whether it asks and acts."""
    return len({call.tool in QUESTIONS for call in reading.calls}) > 1


def for_devices(call: Call, places: Places) -> bool:
    """Whether a call does something to devices: nothing else is done later, or for a while."""
    specs = places.tools.get(call.tool, ())
    acts = call.tool == "everything.off" or (bool(specs) and all(spec.domains for spec in specs))
    return acts and call.tool not in QUESTIONS


def acts(reading: Reading) -> bool:
    """Whether it would do something rather than answer."""
    asks = any(call.tool in QUESTIONS for call in reading.calls)
    return reading.doable and not reading.bare and not asks


def is_clear(reading: Reading) -> bool:
    """Whether it is understood in every word, and can be done or is a question."""
    return reading.doable and bool(reading.calls) and not reading.open


def of_forms(reading: Reading, phrases: Phrases) -> bool:
    """Whether it is a form that is filled in: 'all the milk' is no wish for all of something."""
    keys = phrases.forms.keys
    return any(call.tool in keys for call in reading.calls)
