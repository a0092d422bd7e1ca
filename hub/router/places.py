"""Which things of the home a call is about, and how they are named in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from hub.home.model import Area, Entity, Floor, Home, normal
from hub.messages import Call, ToolSpec
from hub.router.context import Target, Targets
from hub.router.words import Words

TARGET_SLOTS = ("name", "area", "floor", "domain", "device_class")
"""Slots that choose entities. All others are arguments of the tool itself."""

Slots = Mapping[str, Any]
"""Slots of an intent with ids in `name`, `area` and `floor`."""


class Places:
    """The home's names, indexed once for each revision of the home."""

    def __init__(self, home: Home, tools: Sequence[ToolSpec]) -> None:
        self.entities: dict[str, Entity] = dict(home.entities)
        self.areas: dict[str, Area] = dict(home.areas)
        self.floors: dict[str, Floor] = dict(home.floors)
        self.revision = home.revision
        self.scale: Literal["°C", "°F"] = _scale(home)
        places: list[Area | Floor] = [*self.areas.values(), *self.floors.values()]
        self._places = {normal(name) for place in places for name in spellings(place.names)}
        self._parts = Counter(
            word
            for place in places
            for word in {w for name in spellings(place.names) for w in normal(name).split()}
        )
        self._shared = _shared(self.entities.values())
        self._shared_places = _shared([*self.areas.values(), *self.floors.values()])
        self.sources: dict[str, str] = dict(_sources(home))
        """What players can be switched to, in normal form -> as they call it."""
        self._called: dict[str, dict[str, set[str]]] = {}
        self._in_area: dict[str | None, list[Entity]] = {}
        self._of_domain: dict[str, list[Entity]] = {}
        for entity in self.entities.values():
            self._in_area.setdefault(entity.area_id, []).append(entity)
            self._of_domain.setdefault(entity.domain, []).append(entity)
        self.tools: dict[str, list[ToolSpec]] = {}
        for tool in tools:
            self.tools.setdefault(tool.name, []).append(tool)

    def area_id(self, name: str | None) -> str | None:
        """Id of an area by id, name or alias; None if there is none."""
        if name is None:
            return None
        if name in self.areas:
            return name
        wanted = normal(name)
        for area in self.areas.values():
            if wanted in map(normal, area.names):
                return area.area_id
        return None

    def is_place(self, name: str) -> bool:
        """Whether an area or a floor bears this name."""
        return normal(name) in self._places

    def named_with(self, word: str) -> int:
        """How many areas, floors and devices have a word in what they are called."""
        return self._parts[word]

    def of_owner(self, owner: str) -> bool:
        """Whether somebody has a room or floor: 'Mia's lights' are those of 'Mia's Room'."""
        return any(name.startswith(f"{normal(owner)} ") for name in self._places)

    def place_names(self, words: Words) -> set[str]:
        """What rooms and floors may be called, in normal form."""
        return self._places | {name for said in words.rooms.values() for name in said}

    def said(self, words: Words) -> set[str]:
        """All names of things and rooms, and words for kinds of them, in normal form."""
        names = {normal(name) for entity in self.entities.values() for name in entity.names}
        kinds = {kind for said in words.kinds.values() for kind in said}
        return names | kinds | self.place_names(words)

    def called(self, kind: str, words: Words) -> set[str]:
        """Domains of the things there are that a word for a kind, such as 'lamp', is for."""
        known = self._called.get(words.language)
        if known is None:
            known = {}
            for entity in self.entities.values():
                for word in words.kinds_of(entity.domain, entity.device_class, entity.name):
                    known.setdefault(word, set()).add(entity.domain)
            self._called[words.language] = known
        return known.get(kind, set())

    def entities_for(self, slots: Slots) -> list[Entity]:
        """Entities that fit all the slots that choose entities."""
        return [entity for entity in self._pool(slots) if self._fits(entity, slots)]

    def _pool(self, slots: Slots) -> Iterable[Entity]:
        """Those among which the entities for some slots are."""
        named, area, domain = slots.get("name"), slots.get("area"), slots.get("domain")
        if named is not None:
            return [self.entities[named]] if named in self.entities else []
        if area is not None:
            return self._in_area.get(area, ())
        domains = _listed(domain) if domain is not None else ()
        return self._of_domain.get(domains[0], ()) if len(domains) == 1 else self.entities.values()

    def _fits(self, entity: Entity, slots: Slots) -> bool:
        area = self.areas.get(entity.area_id) if entity.area_id else None
        if "area" in slots and entity.area_id != slots["area"]:
            return False
        if "floor" in slots and (area is None or area.floor_id != slots["floor"]):
            return False
        if "domain" in slots and entity.domain not in _listed(slots["domain"]):
            return False
        wanted = slots.get("device_class")
        return wanted is None or entity.device_class in _listed(wanted)

    def accepted(self, intent: str, slots: Slots) -> bool:
        """Whether some tool takes these slots, be there something in the home to act on or not."""
        return any(_accepts(tool, slots) for tool in self.tools.get(intent, ()))

    def doable(self, intent: str, slots: Slots) -> bool:
        """Whether some tool takes these slots, and there is something in the home to act on."""
        accepting = [tool for tool in self.tools.get(intent, ()) if _accepts(tool, slots)]
        if self.anywhere(intent) and not any(slots.get(slot) for slot in TARGET_SLOTS):
            return bool(accepting)
        return any(
            not _acts_on_entities(tool) or any(self._chosen(tool, slots)) for tool in accepting
        )

    def anywhere(self, intent: str) -> bool:
        """Whether its tool finds out by itself what is meant where nothing was said of that."""
        return any(tool.anywhere for tool in self.tools.get(intent, ()))

    def about(self, intent: str) -> str:
        """What must have been spoken of last for its phrases to be meant; empty: anything."""
        return next((tool.about for tool in self.tools.get(intent, ()) if tool.about), "")

    def actable(self, intent: str, slots: Slots) -> list[Entity]:
        """The entities that the tools of this name would act on."""
        tools = [tool for tool in self.tools.get(intent, ()) if _acts_on_entities(tool)]
        found = (entity for tool in tools for entity in self._chosen(tool, slots))
        return list({entity.entity_id: entity for entity in found}.values())

    def _chosen(self, tool: ToolSpec, slots: Slots) -> Iterator[Entity]:
        """The entities one tool would act on. An area that is an argument of the tool itself
        ('vacuum the kitchen') is not where they are."""
        chosen = {slot: value for slot, value in slots.items() if not _own_area(tool, slot)}
        for entity in self._pool(chosen):
            if _serves(tool, entity) and self._fits(entity, chosen):
                yield entity

    def kind(self, intent: str) -> dict[str, Any]:
        """The slot for everything the tools of this name act on."""
        domains = [d for tool in self.tools.get(intent, ()) for d in tool.domains]
        found: list[str] = list(dict.fromkeys(domains))
        return {"domain": found[0] if len(found) == 1 else found} if found else {}

    def acts_on_entities(self, intent: str) -> bool:
        return any(_acts_on_entities(tool) for tool in self.tools.get(intent, ()))

    def call(self, intent: str, slots: Slots, response: str = "default") -> Call:
        """The call with names instead of ids, as the rest of the hub reads it."""
        areas = {"area"} | {
            slot
            for tool in self.tools.get(intent, ())
            for slot, schema in tool.parameters.get("properties", {}).items()
            if schema.get("format") == "area"
        }
        things = {
            slot
            for tool in self.tools.get(intent, ())
            for slot, schema in _properties(tool).items()
            if schema.get("format") == "entity"
        }
        said = {
            slot: self._said("area" if slot in areas else "name" if slot in things else slot, value)
            for slot, value in slots.items()
        }
        return Call(intent, said, response)

    def meant(self, call: Call) -> Call:
        """The call with ids again: the inverse of `call`, as far as the names are known."""
        found = dict(call.arguments)
        for slot, things in (("name", self.entities), ("area", self.areas), ("floor", self.floors)):
            value = found.get(slot)
            if isinstance(value, str) and value not in things:
                same = (k for k, t in things.items() if normal(value) in map(normal, t.names))
                found[slot] = next(same, value)
        return Call(call.tool, found, call.response)

    def _said(self, slot: str, value: Any) -> Any:
        if slot == "name" and value in self.entities:
            name = self.entities[value].name
            return value if normal(name) in self._shared else name
        if slot in ("area", "floor"):
            places: Mapping[str, Area | Floor] = self.areas if slot == "area" else self.floors
            if value in places:
                name = places[value].name
                return value if normal(name) in self._shared_places else name
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    def full_name(self, entity: Entity) -> str:
        """The name with the room in front, unless it is in the name already."""
        area = self.areas.get(entity.area_id) if entity.area_id else None
        if area is None or normal(area.name) in normal(entity.name):
            return entity.name
        return f"{area.name} {entity.name}"


def spellings(names: Iterable[str]) -> list[str]:
    """The names, the parts of 'Living Room/Kitchen', which nobody says as one, and 'Joe's'
    without its apostrophe, which no recognizer hears."""
    parts = [part.strip() for name in names for part in (name, *name.split("/"))]
    parts += [part.replace("'", "").replace("’", "") for part in parts]
    return list(dict.fromkeys(part for part in parts if normal(part)))


def target(slots: Slots) -> Target | None:
    """What 'it' means after a call with these slots; None if it was about nothing."""
    if not any(slots.get(slot) for slot in TARGET_SLOTS):
        return None
    domain, device_class = slots.get("domain"), slots.get("device_class")
    found = Target(
        entity=slots.get("name"),
        area=slots.get("area"),
        floor=slots.get("floor"),
        domain=domain if isinstance(domain, str) else None,
        device_class=device_class if isinstance(device_class, str) else None,
    )
    return None if found == Target() else found  # several kinds, wherever they are


def slots_of(thing: Target) -> dict[str, str]:
    """The slots that choose what a call was about."""
    chosen = {
        "name": thing.entity,
        "area": thing.area,
        "floor": thing.floor,
        "domain": thing.domain,
        "device_class": thing.device_class,
    }
    return {slot: value for slot, value in chosen.items() if value is not None}


def targets(all_slots: Iterable[Slots]) -> Targets | None:
    found = tuple(dict.fromkeys(t for slots in all_slots if (t := target(slots))))
    return Targets(found) if found else None


def _acts_on_entities(tool: ToolSpec) -> bool:
    """Tools for devices have domains, or take the slots that choose devices of any domain."""
    return bool(tool.domains) or {"name", "area", "floor"} <= set(_properties(tool))


def _own_area(tool: ToolSpec, slot: str) -> bool:
    schema: Mapping[str, Any] = _properties(tool).get(slot, {})
    return schema.get("format") == "area"


def _serves(tool: ToolSpec, entity: Entity) -> bool:
    return not tool.domains or entity.domain in tool.domains


def _accepts(tool: ToolSpec, slots: Slots) -> bool:
    chosen = set(TARGET_SLOTS) if _acts_on_entities(tool) else set()
    return set(slots) - chosen <= set(_properties(tool))


def _properties(tool: ToolSpec) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    return properties


def _scale(home: Home) -> Literal["°C", "°F"]:
    """The home's scale of temperature, from what its devices report."""
    for entity_id in home.entities:
        attributes = home.state(entity_id).attributes
        units = (attributes.get("temperature_unit"), attributes.get("unit_of_measurement"))
        if "°F" in units or "F" in units:
            return "°F"
        if "°C" in units:
            return "°C"
    return "°C"


def _sources(home: Home) -> Iterator[tuple[str, str]]:
    for entity in home.entities.values():
        if entity.domain == "media_player":
            for each in home.state(entity.entity_id).attributes.get("source_list") or ():
                yield normal(str(each)), str(each)


def _listed(value: Any) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _shared(things: Iterable[Entity | Area | Floor]) -> set[str]:
    """Names, in normal form, that more than one thing answers to."""
    owners: dict[str, set[int]] = {}
    for thing in things:
        for name in thing.names:
            owners.setdefault(normal(name), set()).add(id(thing))
    return {name for name, found in owners.items() if len(found) > 1}
