"""What a sentence that was read word by word is about: slots for each thing that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from hub.home.model import Entity, normal
from hub.router.lexicon import Frame
from hub.router.places import Places
from hub.router.rules import ANYTHING, NOWHERE
from hub.router.wording import Piece
from hub.router.words import Words

CLASSED = ("cover", "binary_sensor", "media_player")
"""Domains whose kinds are told by the device class."""
LOOSELY = ("media_player",)
"""Those of them whose devices often tell none."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What the pieces of a sentence are in one frame."""

    things: tuple[Piece, ...]
    areas: tuple[str, ...]
    floors: tuple[str, ...]
    plain: tuple[Piece, ...]
    rest: tuple[int, ...]
    """Places of pieces that the frame has no use for."""
    joined: bool
    """An 'and' stands between what is named."""


def _only_it(thing: Piece) -> bool:
    return "it" in thing.tags and not thing.names and not thing.kinds


def of_none(roles: Roles) -> list[list[dict[str, Any]]]:
    """The one call of what is no device."""
    if roles.things or len(roles.areas) > 1 or roles.floors:
        return []
    return [[{"area": area} for area in roles.areas] or [{}]]


class Aims:
    """The things of one home as sentences of one language mean them."""

    def __init__(self, places: Places, words: Words) -> None:
        self._places = places
        self._words = words

    def of(self, frame: Frame, roles: Roles, area: str | None) -> list[list[dict[str, Any]]]:
        """For each thing that is meant, the slots for it: several ways if it may be several."""
        tags = {tag for piece in roles.plain for tag in piece.tags}
        scopes: list[dict[str, Any]] = [{"area": key} for key in roles.areas]
        scopes += [{"floor": key} for key in roles.floors]
        if frame.inside:
            return self._inside(roles, scopes, tags, area)
        if not scopes and "here" in tags and area:
            scopes = [{"area": area, "here": True}]
        everywhere = "all" in tags and not scopes
        named = [piece for piece in roles.things if piece.names]
        one = bool(named) and not roles.joined and self.same_kind(roles.things)
        things = named if one else list(roles.things)
        if frame.spread and scopes and all(map(_only_it, things)):
            things = []  # 'mach es in der Küche leiser'
        if not things:
            return self._spread(frame, scopes, everywhere, area)
        found: list[list[dict[str, Any]]] = []
        for thing, scope in product(things, scopes or [{}]):
            if _only_it(thing):
                found.append([{"name": ANYTHING + domain} for domain in sorted(frame.domains)])
            elif thing.names and self._is_there(thing, scope):
                found += self._by_name(
                    thing, scope, several=len(scopes) > 1, others=len(things) > 1, area=area
                )
            else:
                found += self._by_kind(frame, thing, scope, everywhere, area)
        return [aim for n, aim in enumerate(found) if aim not in found[:n]]

    def same_kind(self, things: Sequence[Piece]) -> bool:
        """Whether kinds are said of what is named, too: 'the heating, the Tado'."""
        domains = {self._places.entities[key].domain for piece in things for key in piece.names}
        kinds = {k.split(".")[0] for piece in things if not piece.names for k in piece.kinds}
        named = [piece for piece in things if piece.names]
        return len(named) == 1 and bool(kinds) and kinds <= domains

    def _is_there(self, thing: Piece, scope: Mapping[str, Any]) -> bool:
        """Whether something of its name is there, or else nothing of the kind that the name tells:
        'the heating in the nursery' is the one there, whatever is called 'the heating'."""
        said = {key: value for key, value in scope.items() if key != "here"}
        there = any(self._places.entities_for({**said, "name": key}) for key in thing.names)
        domains = {kind.split(".")[0] for kind in thing.kinds} if said and not there else set()
        return not any(self._places.entities_for({**said, "domain": each}) for each in domains)

    def _by_name(
        self,
        thing: Piece,
        scope: Mapping[str, Any],
        *,
        several: bool,
        others: bool,
        area: str | None,
    ) -> list[list[dict[str, Any]]]:
        """What is called so, there; of several things the one in the person's room."""
        said = {key: value for key, value in scope.items() if key != "here"}
        fitting = [key for key in thing.names if self._places.entities_for({**said, "name": key})]
        if not fitting:
            if others:  # 'the kitchen light and the floor lamp'
                said = {}
            return [] if several else [[{"name": key, **said} for key in thing.names]]
        here = [key for key in fitting if self._places.entities[key].area_id == area]
        chosen = here if len(here) == 1 else fitting
        return [[{"name": key, **({} if several else said)} for key in chosen]]

    def _by_kind(
        self,
        frame: Frame,
        thing: Piece,
        scope: Mapping[str, Any],
        everywhere: bool,
        area: str | None,
    ) -> list[list[dict[str, Any]]]:
        """The things of a kind in a room, on a floor, or where the person is."""
        for kind in sorted(thing.kinds, key=lambda kind: "." not in kind):
            domain, _, device_class = kind.partition(".")
            slots = {"domain": domain}
            if device_class and domain in CLASSED:
                slots["device_class"] = device_class
            said = {key: value for key, value in scope.items() if key != "here"}
            if frame.classes and slots.get("device_class") not in frame.classes:
                continue
            if not self._places.entities_for({**slots, **said}):
                if own := self._so_called(thing, domain, said):
                    return own
                if not self._untold(domain, said):
                    continue
                del slots["device_class"]
            if frame.plainly:
                del slots["domain"]
            if scope or everywhere or frame.asks:
                return [[{**slots, **scope}]]
            if frame.free and (own := self._of_kind(thing, domain, area)):
                return own
            return [[{**slots, **self._near(slots, domain, area)}]]
        domain, _, device_class = thing.kinds[0].partition(".")
        slots = {} if frame.plainly else {"domain": domain}
        if device_class and domain in CLASSED:
            slots["device_class"] = device_class
        # The home has none: the skills can say so.
        return [] if frame.classes else [[{**slots, **scope}]]

    def _untold(self, domain: str, said: Mapping[str, Any]) -> bool:
        """Whether there are such things, and none of them tells its class."""
        pool = self._places.entities_for({"domain": domain, **said})
        return domain in LOOSELY and bool(pool) and not any(each.device_class for each in pool)

    def _so_called(
        self, thing: Piece, domain: str, said: Mapping[str, Any]
    ) -> list[list[dict[str, Any]]]:
        """Things whose name tells their kind, where no class does."""
        own = [
            entity
            for entity in self._told(thing, self._places.entities_for({"domain": domain, **said}))
            if any(normal(name).endswith(thing.word) for name in entity.names)
        ]
        return [[{"name": entity.entity_id} for entity in own]] if own else []

    def _of_kind(self, thing: Piece, domain: str, area: str | None) -> list[list[dict[str, Any]]]:
        """What just a word like 'radio' means, of what is not all of one kind: there is a
        television in the person's room, too."""
        pool = self._places.entities_for({"domain": domain})
        own = self._told(thing, pool)
        own = [entity for entity in own if entity.area_id == area] or own
        fits = own and len(own) < len(pool)
        return [[{"name": entity.entity_id} for entity in own]] if fits else []

    def _told(self, thing: Piece, pool: Sequence[Entity]) -> list[Entity]:
        """Those of whose class or name a word tells."""
        return [
            entity
            for entity in pool
            if thing.word in self._words.kinds_of(entity.domain, entity.device_class, entity.name)
        ]

    def _near(self, slots: Mapping[str, Any], domain: str, area: str | None) -> dict[str, Any]:
        """Where a thing is of which no room was said: here, or wherever the only one is."""
        wanted = {"domain": domain, **slots}
        if area and self._places.entities_for({**wanted, "area": area}):
            return {"area": area, "here": True}
        if len(self._places.entities_for(wanted)) == 1:
            return {}
        return {"area": NOWHERE, "here": True}

    def _spread(
        self,
        frame: Frame,
        scopes: Sequence[Mapping[str, Any]],
        everywhere: bool,
        area: str | None,
    ) -> list[list[dict[str, Any]]]:
        """What is meant where no thing was said."""
        if frame.spread is None:
            return [[{}]] if frame.free and not scopes and not everywhere else []
        slots = {} if frame.plainly else {"domain": frame.spread}
        if scopes:
            return [[{**slots, **scope}] for scope in scopes]
        if frame.free:
            return [[{}]]
        if everywhere or not frame.alone:
            return []
        return [[{**slots, **self._near(slots, frame.spread, area)}]]

    @staticmethod
    def _inside(
        roles: Roles, scopes: Sequence[Mapping[str, Any]], tags: set[str], area: str | None
    ) -> list[list[dict[str, Any]]]:
        """What is done to a room, perhaps by what was named."""
        rooms = [dict(scope) for scope in scopes if "area" in scope]
        if not rooms and "here" in tags:
            rooms = [{"area": area or NOWHERE, "here": True}]
        if not rooms or len(rooms) != max(1, len(scopes)) or len(roles.things) > 1:
            return []
        names = roles.things[0].names if roles.things else ()
        if len(names) > 1:
            return []
        return [[{**({"name": names[0]} if names else {}), **room}] for room in rooms]
