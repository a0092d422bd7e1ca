"""The names of the home as lists for hassil's templates, narrowed to each sentence.

A thousand devices have ten thousand spoken names, and hassil tries every one that may stand where
a template has `{name}`. Here a sentence is searched once for all the names in it, and the templates
get only those. Names that are spelt alike for things of one kind ('light') are one value with many
meanings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hassil import TextChunk, TextSlotList
from hassil.intents import TextSlotValue
from hassil.trie import Trie

from hub.home.model import normal

KEPT_TEXTS = 16
"""Sentences that are not searched again for the next grammar."""

Value = tuple[str, str, dict[str, Any], dict[str, Any]]
"""What is said, what it means, its context and its metadata."""


@dataclass(frozen=True, slots=True)
class Meanings:
    """What one spoken name may mean."""

    ids: tuple[str, ...]


class SpokenNames:
    """All spoken names of one list."""

    def __init__(self, name: str, values: Iterable[Value]) -> None:
        self.name = name
        groups: dict[tuple[Any, ...], tuple[Value, list[str]]] = {}
        for value in values:
            text, meaning, context, metadata = value
            key = (text.casefold(), *sorted(context.items()), *sorted(metadata.items()))
            groups.setdefault(key, (value, []))[1].append(meaning)
        self._trie = Trie()
        for (text, _, context, metadata), ids in groups.values():
            if letters := compact(text):
                chunk = TextChunk(text=text)
                meanings = Meanings(tuple(dict.fromkeys(ids)))
                self._trie.insert(letters, TextSlotValue(chunk, meanings, context, metadata))
        self._found = lru_cache(KEPT_TEXTS)(self._find)

    def within(self, text: str) -> tuple[TextSlotValue, ...]:
        """The values whose names stand in a text, wherever."""
        return self._found(compact(text))

    def _find(self, letters: str) -> tuple[TextSlotValue, ...]:
        return tuple(value for _, _, value in self._trie.find(letters))


def listed(
    name: str,
    values: Iterable[TextSlotValue],
    domains: Collection[str] = (),
    classes: Collection[str] = (),
) -> TextSlotList:
    """A slot list; `domains` and device `classes`: only of things that are of one of these."""
    kept = [v for v in values if not domains or (v.context or {}).get("domain") in domains]
    kept = [v for v in kept if not classes or (v.context or {}).get("device_class") in classes]
    return TextSlotList(name=name, values=kept)


def meant(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The slots with one id for each name: as many as there are meanings."""
    found: list[dict[str, Any]] = [{}]
    for slot, value in values.items():
        ids = value.ids if isinstance(value, Meanings) else (value,)
        found = [{**slots, slot: each} for slots in found for each in ids]
    return found


def compact(text: str) -> str:
    """Letters and digits alone: templates may put names together with other words. The Turkish i
    without a dot is one with it, as to hassil: its capital letter is the same as the English I."""
    return normal(text).replace(" ", "").replace("ı", "i")
