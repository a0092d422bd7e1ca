"""The test sentences of Home Assistant's intents: `LANGUAGE/INTENT/COMBINATION.yaml`.

A sentence is right if it is one call of the folder's intent with just the expected slots. Each
file names the areas and entities its sentences speak of, and not all of them; so the home of a
file is the language's `_fixtures.yaml` (where there is none: what the language's files name
together) with the file's own things in place of those of the same name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hub.devices.homefile import parse, slug
from hub.evaluate.formats.homes import _yaml
from hub.evaluate.judging import Case, Ground, Judgement, TextSet, alike, blame_routed, told
from hub.evaluate.stage import Answer, Request, named
from hub.home.model import normal
from hub.ports import Inventory

JUDGED = (
    "one call of the expected intent with exactly the expected slots, none missing and none "
    "besides; names instead of ids, numbers by value, texts without case. The home: the "
    "language's fixtures with the file's own areas and entities; whether it has something to act "
    "on does not matter. The speaker is in the room that the file marks, else in the one with most "
    "devices. An area that is this room, and a domain, may be there besides: templates add them. "
    "The sentences were written for the shared templates, which therefore "
    "know nearly all of them: the row without templates tells more"
)

THINGS = ("floors", "areas", "entities")


def matches(folder: Path) -> bool:
    return bool(languages(folder))


def languages(folder: Path) -> list[Path]:
    """The folders of languages: this one, or those in it."""
    found = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    return [path for path in found if any(path.glob("Hass*/*.yaml"))]


def read(folder: Path) -> Iterator[TextSet]:
    """One set for each language."""
    for language in languages(folder):
        name = language.name if language == folder else f"{folder.name} {language.name}"
        yield TextSet(name, "intents", list(_grounds(language)), JUDGED, templates=True)


def _grounds(folder: Path) -> Iterator[Ground]:
    files = {path: _yaml(path) for path in sorted(folder.glob("Hass*/*.yaml"))}
    fixtures = folder / "_fixtures.yaml"
    base = _yaml(fixtures) if fixtures.exists() else _union(files.values())
    homes: dict[str, tuple[Inventory, list[Case]]] = {}
    for path, content in files.items():
        own = {key: content.get(key) or [] for key in THINGS}
        key = repr(own)
        if key not in homes:
            homes[key] = (_home(base, own, str(path)), [])
        inventory, cases = homes[key]
        language = str(content.get("language", folder.name))
        area = next((a["name"] for a in own["areas"] if a.get("context_area")), _fullest(inventory))
        intent = path.parent.name
        for test in content.get("tests") or ():
            judge = _Slots(intent, test.get("slots") or {}, inventory, area)
            cases += [
                Case(Request(sentence, area, language), judge, intent)
                for sentence in test["sentences"]
            ]
    for number, (inventory, cases) in enumerate(homes.values()):
        yield Ground(f"home {number}", inventory, cases, cases[0].request.language)


def _union(files: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Everything that the files name, once for each name."""
    found: dict[str, dict[str, dict[str, Any]]] = {key: {} for key in THINGS}
    for content in files:
        for key in THINGS:
            for thing in content.get(key) or ():
                found[key].setdefault(normal(str(thing["name"])), thing)
    return {key: list(things.values()) for key, things in found.items()}


def _home(base: Mapping[str, Any], own: Mapping[str, Any], source: str) -> Inventory:
    """The base with own things in place of those of the same name."""
    merged: dict[str, Any] = {}
    names = {normal(str(t["name"])) for t in own["areas"]}
    ids = {t.get("id"): t["name"] for t in base.get("areas") or () if t.get("id")}
    replaced = {key: {normal(str(t["name"])) for t in own[key]} for key in THINGS}
    for key in THINGS:
        kept = [
            dict(thing)
            for thing in base.get(key) or ()
            if normal(str(thing["name"])) not in replaced[key]
        ]
        merged[key] = kept + [dict(thing) for thing in own[key]]
    known = {normal(str(area["name"])) for area in merged["areas"]}
    for entity in merged["entities"]:
        area = ids.get(entity.get("area"), entity.get("area"))
        if area is None:
            continue
        entity["area"] = area
        if normal(str(area)) not in known | names and slug(str(area)) not in known:
            merged["areas"].append({"name": area})
            known.add(normal(str(area)))
    return parse(merged, source)


def _fullest(inventory: Inventory) -> str | None:
    """The name of the room with most devices."""
    counted = Counter(entity.area for entity in inventory.entities if entity.area)
    names = {area.area_id: area.name for area in inventory.areas}
    return names[counted.most_common(1)[0][0]] if counted else None


class _Slots:
    def __init__(
        self,
        intent: str,
        slots: Mapping[str, Any],
        inventory: Inventory,
        area: str | None,
    ) -> None:
        self._intent = intent
        self._slots = slots
        self._inventory = inventory
        self._area = area

    def __call__(self, answer: Answer) -> Judgement:
        calls = [named(call, self._inventory) for call in answer.routed]
        if len(calls) == 1 and calls[0].tool == self._intent and self._same(calls[0].arguments):
            return Judgement("right", notes={"right_intent": True})
        expected = ", ".join(f"{key}={value}" for key, value in self._slots.items())
        intent = [call.tool for call in calls] == [self._intent]
        difference = f"{told(calls)}, not {self._intent}({expected})"
        return Judgement(blame_routed(answer), (difference,), {"right_intent": intent})

    def _same(self, arguments: Mapping[str, Any]) -> bool:
        besides = {key: value for key, value in arguments.items() if key not in self._slots}
        besides.pop("domain", None)
        if self._area and "area" in besides and alike(besides["area"], self._area):
            besides.pop("area")
        return not besides and all(
            key in arguments and alike(arguments[key], value) for key, value in self._slots.items()
        )
