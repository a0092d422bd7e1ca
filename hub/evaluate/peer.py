"""The peer to compare with: Home Assistant's own understanding of sentences.

`hassil` with the sentences of `home-assistant-intents`, and `gazetteer-matcher` for what no
sentence fits, with their defaults, in the order in which Home Assistant's conversation agent runs
them: the names of entities, areas and floors are lists; the area is that of the device that
heard; the best match has the longest name, then the most words. A match whose target does not
exist is an error, and nothing else is asked.

What the calls do is done by Hearth's skills on the same simulated home, so that only the
understanding is compared.
"""

from __future__ import annotations

from typing import Any

from gazetteer_matcher import GazetteerMatcher
from hassil import Intents, SlotList, TextSlotList, recognize_best
from hassil.trie import Trie
from home_assistant_intents import get_intent_info, get_intents

from hub.home.model import Home
from hub.messages import Call, Intent, Utterance
from hub.router import Context
from hub.router.rules import data_language

FUZZY_LANGUAGE = "en"
"""The one language that gazetteer-matcher knows."""


class Peer:
    """Has the `prepare` and `route` of a `Router`."""

    def __init__(self, home: Home, language: str) -> None:
        self.home = home
        self._language = data_language(language) or language
        self._intents = Intents.from_dict(
            get_intents(self._language) or {"language": self._language, "intents": {}}
        )
        self._names = Trie()
        for entity in home.entities.values():
            context = {"domain": entity.domain}
            if entity.device_class:
                context["device_class"] = entity.device_class
            for name in entity.names:
                value = TextSlotList.from_tuples(
                    [(name, entity.name, context)], name="name", allow_template=False
                ).values[0]
                self._names.insert(name.strip().lower(), value)
        self._places: dict[str, SlotList] = {
            "area": TextSlotList.from_tuples(
                [(name, area.name) for area in home.areas.values() for name in area.names],
                name="area",
                allow_template=False,
            ),
            "floor": TextSlotList.from_tuples(
                [(name, floor.name) for floor in home.floors.values() for name in floor.names],
                name="floor",
                allow_template=False,
            ),
        }
        self._fuzzy = (
            GazetteerMatcher(home=_gazetteer(home), intents=get_intent_info() or {})
            if self._language == FUZZY_LANGUAGE
            else None
        )
        self.quick(Utterance.typed("zero"), Context())  # parses the templates

    async def prepare(self) -> None:
        """Everything is built already."""

    async def route(
        self, utterance: Utterance, context: Context, *, known: Intent | None = None
    ) -> Intent:
        """The calls of the best match, or none."""
        return self.quick(utterance, context) or Intent(heard=utterance.text, why="nothing fits")

    def quick(self, utterance: Utterance, context: Context) -> Intent | None:
        text = utterance.text
        if not text.strip():
            return None
        area = self.home.find_area(context.area) if context.area else None
        names = [found[2] for found in self._names.find(text.strip().lower(), unique=False)]
        result = recognize_best(
            text,
            self._intents,
            slot_lists={**self._places, "name": TextSlotList(name="name", values=names)},
            intent_context={"area": area.name} if area else None,
            language=self._language,
            best_slot_name="name",
        )
        if result is not None:
            slots = {slot: _whole(entity.value) for slot, entity in result.entities.items()}
            call = Call(result.intent.name, slots, result.response or "default")
            return Intent((call,), "rules", 1.0, text, why="hassil")
        if self._fuzzy is None:
            return None
        found = self._fuzzy.interpret(text, context_area=area.area_id if area else None)
        if not found.accepted:
            return None
        calls = tuple(
            Call(frame.intent, self._named(frame.slots), frame.response_key or "default")
            for frame in found.frames
        )
        return Intent(calls, "rules", 1.0, text, why="gazetteer-matcher")

    def unfinished(self, text: str, language: str) -> bool:
        return False

    def suspects(self, utterance: Utterance, context: Context) -> tuple[str, ...]:
        """None: Home Assistant does not tell its recognizer what there is."""
        return ()

    def misheard(
        self, utterance: Utterance, context: Context
    ) -> tuple[tuple[str, tuple[Call, ...], float], ...]:
        """None: it takes what it heard first."""
        return ()

    def taken(self, language: str) -> frozenset[str]:
        """None: it learns no names."""
        return frozenset()

    def by_ear(self, text: str, language: str) -> tuple[str, ...]:
        """None, for the same reason."""
        return ()

    def _named(self, slots: Any) -> dict[str, Any]:
        """Names for ids; an entity whose name another one has keeps its id."""
        named = {slot: _whole(value) for slot, value in slots.items()}
        entity = self.home.entities.get(str(named.get("name")))
        if entity is not None:
            same = [e for e in self.home.entities.values() if e.name == entity.name]
            named["name"] = entity.name if len(same) == 1 else entity.entity_id
        if (area := self.home.areas.get(str(named.get("area")))) is not None:
            named["area"] = area.name
        if (floor := self.home.floors.get(str(named.get("floor")))) is not None:
            named["floor"] = floor.name
        return named


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _gazetteer(home: Home) -> dict[str, Any]:
    """The home in gazetteer-matcher's form."""
    entities = {}
    for e in home.entities.values():
        given = {
            "name": e.name,
            "aliases": list(e.aliases),
            "domain": e.domain,
            "area": e.area_id,
            "device_class": e.device_class,
        }
        entities[e.entity_id] = {key: value for key, value in given.items() if value is not None}
    return {
        "floors": {
            f.floor_id: {"name": f.name, "aliases": list(f.aliases)} for f in home.floors.values()
        },
        "areas": {
            a.area_id: {"name": a.name, "aliases": list(a.aliases), "floor": a.floor_id}
            for a in home.areas.values()
        },
        "entities": entities,
    }
