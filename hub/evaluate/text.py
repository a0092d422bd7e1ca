"""Scores typed commands by what they do to a simulated home.

The data sets are `assist` and `assist-mini` of home-assistant-datasets: sentences, the states a
home begins in, and the states that must follow. A sentence passes if the expected changes happen
and nothing else changes. No action and a wrong action are counted apart: they are not equally bad.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from hub.config import Config
from hub.devices.homefile import load
from hub.devices.simulated import SimulatedHome
from hub.home.model import Home
from hub.messages import Intent, Utterance
from hub.ports import Inventory, LanguageModel
from hub.router import Context, Router
from hub.skill import Where
from hub.skillset import Skillset

Verdict = Literal["right", "wrong", "none"]
"""`none`: nothing was done, though something should have been; a question back is that, too."""

TOLERANCE = 2.0
"""Units by which a number may differ from the expected one: 50 % of 255 is 127 or 128."""

WATCHED = (
    "brightness",
    "color_temp_kelvin",
    "current_position",
    "is_volume_muted",
    "oscillating",
    "percentage",
    "preset_mode",
    "rgb_color",
    "temperature",
    "volume_level",
)
"""Attributes that must not change unless that is expected."""

Shown = Mapping[str, Mapping[str, Any]]
"""Entity id -> `state` and attributes."""


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence with what must become of it."""

    home: str
    category: str
    sentence: str
    setup: Shown
    expected: Shown
    ignored: Mapping[str, Any]
    device: str | None
    """Id of the device that was spoken to; its room is the speaker's."""


@dataclass(frozen=True, slots=True)
class Judged:
    case: Case
    verdict: Verdict
    intent: Intent
    differences: tuple[str, ...]
    """What is not as expected."""


@dataclass(slots=True)
class Score:
    """How many sentences of a data set went right."""

    judged: list[Judged] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.judged)

    def count(self, verdict: Verdict) -> int:
        return sum(each.verdict == verdict for each in self.judged)

    @property
    def by_tier(self) -> dict[str, Counter[Verdict]]:
        tiers: dict[str, Counter[Verdict]] = {}
        for each in self.judged:
            tiers.setdefault(each.intent.tier, Counter())[each.verdict] += 1
        return tiers

    def __str__(self) -> str:
        counts = {verdict: self.count(verdict) for verdict in ("right", "wrong", "none")}
        shares = ", ".join(
            f"{verdict} {count} ({100 * count / max(1, self.total):.0f} %)"
            for verdict, count in counts.items()
        )
        tiers = "; ".join(f"{tier}: {dict(found)}" for tier, found in self.by_tier.items())
        return f"{self.total} sentences: {shares}; {tiers}"


def read_cases(folder: Path) -> Iterator[tuple[Path, list[Case]]]:
    """Each home of a data set (`<home>/_fixtures.yaml`) with its sentences."""
    for fixtures in sorted(folder.glob("*/_fixtures.yaml")):
        cases = []
        for file in sorted(fixtures.parent.glob("[!_]*.yaml")):
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            for test in content["tests"]:
                cases += [
                    Case(
                        fixtures.parent.name,
                        content.get("category", file.stem),
                        sentence,
                        test.get("setup") or {},
                        test.get("expect_changes") or {},
                        test.get("ignore_changes") or {},
                        test.get("context_device"),
                    )
                    for sentence in test["sentences"]
                ]
        yield fixtures, cases


async def evaluate_assist(
    folder: Path, *, model: LanguageModel | None = None, settings: Config | None = None
) -> Score:
    """Score all sentences of a data set's folder with the real router, skills and devices."""
    chosen = settings or Config()
    score = Score()
    for fixtures, cases in read_cases(folder):
        inventory = load(fixtures)
        rooms = _rooms(fixtures, inventory)
        _, home = await _home(inventory, {})
        router = Router(
            home,
            Skillset.load(chosen, home).specs(),
            model=model,
            settings=chosen.router,
            languages=("en",),
        )
        await router.prepare()
        await home.close()
        for case in cases:
            score.judged.append(await _judge(case, router, inventory, rooms, chosen))
    return score


async def _judge(
    case: Case, router: Router, inventory: Inventory, rooms: Mapping[str, str], settings: Config
) -> Judged:
    source, home = await _home(inventory, case.setup)
    skillset = Skillset.load(settings, home)
    area = rooms.get(case.device) if case.device else None
    before = _shown(source, inventory)
    intent = await router.route(Utterance.typed(case.sentence), Context(area=area))
    for call in intent.calls:
        await skillset.perform(call, where=Where(area, "en"), confirmed=True)
    await asyncio.sleep(0)
    after = _shown(source, inventory)
    await home.close()
    differences = tuple(_differences(case, before, after))
    acted = any(_changed(before[entity], after[entity]) for entity in before)
    verdict: Verdict = "right" if not differences else "wrong" if acted else "none"
    return Judged(case, verdict, intent, differences)


async def _home(inventory: Inventory, setup: Shown) -> tuple[SimulatedHome, Home]:
    """A fresh simulated home in the states a case begins with."""
    entities = []
    for entity in inventory.entities:
        given = setup.get(entity.entity_id, {})
        attributes = {**(entity.attributes or {}), **(given.get("attributes") or {})}
        state = str(given.get("state", entity.state))
        entities.append(replace(entity, state=state, attributes=attributes))
    source = SimulatedHome(replace(inventory, entities=tuple(entities)), transition=0)
    home = Home()
    await home.connect([source])
    return source, home


def _rooms(fixtures: Path, inventory: Inventory) -> dict[str, str]:
    """Id of a device -> name of its area."""
    names = {area.area_id: area.name for area in inventory.areas}
    content = yaml.safe_load(fixtures.read_text(encoding="utf-8"))
    return {
        device["id"]: names.get(device.get("area"), device.get("area"))
        for device in content.get("devices") or []
        if device.get("area")
    }


def _shown(source: SimulatedHome, inventory: Inventory) -> dict[str, dict[str, Any]]:
    return {
        entity.entity_id: {
            **source.attributes(entity.entity_id),
            "state": source.state(entity.entity_id),
        }
        for entity in inventory.entities
    }


def _differences(case: Case, before: Shown, after: Shown) -> Iterator[str]:
    """Everything that is not as the case wants it."""
    for entity, now in after.items():
        wanted = case.expected.get(entity)
        if wanted is None:
            if _changed(before[entity], now):
                yield f"{entity} changed"
            continue
        expected = {**(wanted.get("attributes") or {}), "state": wanted.get("state")}
        begun = case.setup.get(entity, {})
        given = {**(begun.get("attributes") or {}), "state": begun.get("state")}
        for key, value in expected.items():
            # What is expected to stay as it was set up, but is no state of a device that runs
            # (a brightness of 0 in a light that is on), says nothing about the command.
            stays = key != "state" and given.get(key) == value
            if stays or key in (case.ignored.get(entity) or ()) or key not in ("state", *WATCHED):
                continue
            if value is not None and not _alike(value, now.get(key)):
                yield f"{entity} {key} is {now.get(key)!r}, not {value!r}"


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return any(not _alike(before.get(key), after.get(key)) for key in ("state", *WATCHED))


def _alike(one: Any, other: Any) -> bool:
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return abs(one - other) <= TOLERANCE if numbers else str(one) == str(other)
