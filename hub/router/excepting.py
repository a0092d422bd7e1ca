"""'Turn off all the lights except the kitchen', 'everything but the radio': all but some.

What is spoken of first is understood by itself, and so is what is left out, with the same verb; the
call is then for each thing of the first that is none of the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from hub.home.model import Entity, normal
from hub.messages import Call
from hub.router.context import Target, Targets
from hub.router.places import Places
from hub.router.reading import Reading
from hub.router.words import Words

MOST = 40
"""Of as many things one sentence may speak."""
LONGEST_VERB = 3
"""Words of a verb: 'turn off all'."""

Read = Callable[[str], Reading | None]
"""What a text means that can be done."""
Meant = Callable[[Reading], list[Entity]]
"""The things that a reading is about."""
Stirs = Callable[[Call, Entity], bool]
"""Whether a call would change anything of a thing."""


def excepting(
    text: str,
    words: Words,
    places: Places,
    read: Read,
    meant: Meant,
    stirs: Stirs,
    single: Mapping[str, str],
) -> Reading | None:
    """The reading of a sentence with an exception; None if it has none that is understood.
    `single`: tools for all of something -> the tool for one of it."""
    for before, after in _cut(text, words):
        whole = read(before)
        if whole is None or len(whole.calls) != 1:
            continue
        every = meant(whole)
        one = partial(_spared, before, words=words, read=read, meant=meant)
        spared = _all_spared(_each(after, words), one)
        if not spared or not every:
            continue
        left = [entity for entity in every if entity.entity_id not in spared]
        if "name" in whole.calls[0].arguments:
            if len(left) == len(every):
                return whole  # 'open the drapes, but leave the blind closed'
            continue
        if not left or len(left) == len(every):
            continue
        call = whole.calls[0]
        tool = single.get(call.tool, call.tool)
        left = [each for each in left if stirs(Call(tool), each)] or left[:1]
        if len(left) > MOST:
            continue
        own = {k: v for k, v in call.arguments.items() if k not in TARGETS}
        calls = tuple(places.call(tool, {**own, "name": entity.entity_id}) for entity in left)
        why = f"{whole.why}, but not {after!r}"
        rest = Targets(tuple(Target(entity=key) for key in spared)) if len(spared) == 1 else None
        return replace(whole, calls=calls, targets=rest, why=why)
    return None


TARGETS = ("name", "area", "floor", "domain", "device_class")


def _cut(text: str, words: Words) -> Iterator[tuple[str, str]]:
    """What stands before and behind 'except'."""
    tokens = text.split()
    plain = [normal(token) for token in tokens]
    for phrase in words.excepting:
        length = len(phrase.split())
        for start in range(2, len(tokens) - length):
            if " ".join(plain[start : start + length]) == phrase:
                after = tokens[start + length :]
                for ending in words.leaving:
                    count = len(ending.split())
                    if " ".join(plain[-count:]) == ending and len(after) > count:
                        after = after[:-count]
                        break
                yield " ".join(tokens[:start]), " ".join(after)


def _each(after: str, words: Words) -> list[list[str]]:
    """What is left out, cut before each 'and': 'the kitchen', 'and the hall'."""
    parts: list[list[str]] = [[]]
    for token in after.split():
        if normal(token) in words.conjunctions and parts[-1]:
            parts.append([])
        parts[-1].append(token)
    return [part for part in parts if part]


def _all_spared(parts: list[list[str]], spared: Callable[[str], set[str]]) -> set[str]:
    """Ids of all that is left out, one thing after the other; none if one is not understood. Of
    several parts as much as possible is one thing: 'Mum and Dad's room'."""
    found: set[str] = set()
    start = 0
    while start < len(parts):
        for end in range(len(parts), start, -1):
            said = [token for part in parts[start:end] for token in part]
            one = spared(" ".join(said[1:] if start else said))
            if one:
                break
        else:
            return set()
        found |= one
        start = end
    return found


def _spared(before: str, after: str, words: Words, read: Read, meant: Meant) -> set[str]:
    """Ids of what is left out: 'the kitchen', 'those in the hall', 'the floor lamp'."""
    verb = before.split()
    for phrase in words.ones:
        if normal(after).startswith(f"{phrase} "):
            after = " ".join(after.split()[len(phrase.split()) :])
            break
    found: set[str] = set()
    for part in (form.format(x=after) for form in words.spared or ("{x}",)):
        for count in range(1, min(LONGEST_VERB, len(verb)) + 1):
            for text in (
                " ".join([*verb[:count], part]),
                " ".join([verb[0], part, verb[-1]]),
                " ".join([part, verb[-1]]),
            ):
                reading = read(text)
                if reading and len(reading.calls) == 1:
                    found |= {entity.entity_id for entity in meant(reading)}
            if found:
                return found
    return found
