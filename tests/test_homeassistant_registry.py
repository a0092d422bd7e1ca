"""What is made of what Home Assistant tells: names, rooms, exposure, and what lets somebody in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hub.devices.homeassistant.effects import Effects, Thing
from hub.devices.homeassistant.exposure import Exposure
from hub.devices.homeassistant.registry import Registry, aliases_of
from hub.devices.homeassistant.states import States
from hub.ports import Inventory, SourceEntity

LATER = "2026.11.0"


def states(**attributes: Mapping[str, Any]) -> States:
    """Entities that are on: `light__desk={"friendly_name": "Desk"}`."""
    told = States()
    rows = {key.replace("__", "."): {"s": "on", "a": a} for key, a in attributes.items()}
    assert len(list(told.take({"a": rows}))) == len(rows)
    return told


def exposure(
    version: str = LATER, *, new: bool = True, listed: Mapping[str, Any] | None = None
) -> Exposure:
    return Exposure.read(version, {"exposed_entities": listed or {}}, {"expose_new": new})


def one(inventory: Inventory) -> SourceEntity:
    (entity,) = inventory.entities
    return entity


# --- registries ----------------------------------------------------------------------------------


def test_where_somebody_spoke_is_where_the_device_or_the_satellite_is() -> None:
    registry = Registry(
        exposure(),
        areas=[
            {"area_id": "study", "name": "Study"},
            {"area_id": "hall", "name": "Hall"},
        ],
        devices=[
            {"id": "phone", "area_id": None},
            {"id": "box", "area_id": "study"},
            {"id": "button", "area_id": None, "parent_device_id": "box"},
            {"id": "lost", "area_id": "gone"},
        ],
        entries=[
            {"entity_id": "assist_satellite.box", "device_id": "box", "area_id": None},
            {"entity_id": "assist_satellite.moved", "device_id": "box", "area_id": "hall"},
            {"entity_id": "light.desk", "device_id": "box", "area_id": None},
        ],
    )
    assert registry.rooms() == {
        "box": "Study",
        "button": "Study",
        "assist_satellite.box": "Study",
        "assist_satellite.moved": "Hall",
    }


def test_an_entity_has_the_room_of_its_device_unless_it_has_one_of_its_own() -> None:
    registry = Registry(
        exposure(),
        floors=[{"floor_id": "up", "name": "Upstairs", "level": 1, "aliases": ["first floor"]}],
        areas=[
            {"area_id": "study", "name": "Study", "floor_id": "up", "aliases": ["office"]},
            {"area_id": "hall", "name": "Hall", "floor_id": None, "aliases": []},
        ],
        devices=[{"id": "d1", "area_id": "study"}],
        entries=[
            {"entity_id": "light.desk", "device_id": "d1", "area_id": None},
            {"entity_id": "light.shelf", "device_id": "d1", "area_id": "hall"},
        ],
    )
    inventory = registry.inventory(states(light__desk={}, light__shelf={}), {})
    assert {e.entity_id: e.area for e in inventory.entities} == {
        "light.desk": "study",
        "light.shelf": "hall",
    }
    assert [(a.name, a.floor, a.aliases) for a in inventory.areas] == [
        ("Study", "up", ("office",)),
        ("Hall", None, ()),
    ]
    assert [(f.name, f.level, f.aliases) for f in inventory.floors] == [
        ("Upstairs", 1, ("first floor",))
    ]


def test_names_are_those_that_home_assistant_shows() -> None:
    rows = {"light.desk": {"aliases": [None, "Reading lamp", "Desk", " "]}, "light.gone": None}
    registry = Registry(exposure(), aliases=aliases_of(rows))
    desk = one(registry.inventory(states(light__desk={"friendly_name": "Desk"}), {}))
    assert (desk.name, desk.aliases) == ("Desk", ("Reading lamp",))
    nameless = one(registry.inventory(states(light__old_lamp={}), {}))
    assert nameless.name == "old lamp"


def test_a_name_has_that_of_the_device_in_it_as_home_assistant_says_it() -> None:
    """From 2026 on, in which that is no longer what is shown beside the state."""
    parts = {"next_name_part": "parent_device", "parent_device_id": "strip"}
    registry = Registry(
        exposure(),
        areas=[{"area_id": "study", "name": "Study"}, {"area_id": "hall", "name": "Hall"}],
        devices=[
            {"id": "strip", "name": "ACME 3", "name_by_user": "Strip", "area_id": "study"},
            {"id": "left", "name": "Left", "area_id": None, **parts},
        ],
        entries=[
            {
                "entity_id": f"switch.{key}",
                "device_id": device,
                "area_id": "hall" if part == "area" else None,
                "name": name,
                "original_name": "Socket",
                "next_name_part": part,
            }
            for key, device, name, part in (
                ("whole", "strip", None, "device"),
                ("left", "left", None, "device"),
                ("away", "left", "Heater", "area"),
                ("alone", None, "Pump", None),
            )
        ],
    )
    names = {"whole": "Strip Socket", "left": "Left Socket", "away": "Left Heater", "alone": "Pump"}
    shown = {f"switch__{key}": {"friendly_name": name} for key, name in names.items()}
    inventory = registry.inventory(states(**shown), {})
    assert {e.entity_id: (e.name, e.aliases, e.area) for e in inventory.entities} == {
        "switch.whole": ("Strip Socket", (), "study"),
        "switch.left": ("Strip Left Socket", ("Left Socket",), "study"),
        "switch.away": ("Heater", ("Left Heater",), "hall"),
        "switch.alone": ("Pump", (), None),
    }


def test_a_device_from_the_broker_is_called_what_it_calls_itself_there() -> None:
    entries = [
        {"entity_id": "light.bulb", "platform": "mqtt", "unique_id": "0x00158d_light"},
        {"entity_id": "light.hue", "platform": "hue", "unique_id": "abc"},
    ]
    registry = Registry(exposure(), entries=entries)
    found = registry.inventory(states(light__bulb={}, light__hue={}, light__yaml={}), {}).entities
    assert [e.unique_id for e in found] == ["0x00158d_light", "hue:abc", None]


def test_hidden_things_are_left_out_and_settings_are_not_exposed() -> None:
    entries = [
        {"entity_id": "light.hidden", "hidden_by": "user"},
        {"entity_id": "switch.child_lock", "entity_category": "config"},
    ]
    known = states(light__hidden={}, switch__child_lock={})
    child_lock = one(Registry(exposure(), entries=entries).inventory(known, {}))
    assert (child_lock.entity_id, child_lock.exposed) == ("switch.child_lock", False)


# --- states --------------------------------------------------------------------------------------


def test_changes_are_told_with_all_attributes_and_the_state_of_before() -> None:
    told = states(light__desk={"friendly_name": "Desk", "brightness": 3, "effect": "x"})
    told.outdated = False
    difference = {"+": {"s": "off", "a": {"brightness": None}}, "-": {"a": ["effect"]}}
    (change,) = told.take({"c": {"light.desk": difference}})
    assert (change.before, change.state) == ("on", "off")
    assert change.attributes == {"friendly_name": "Desk", "brightness": None}
    assert not told.outdated


@pytest.mark.parametrize(
    "event",
    [
        {"a": {"light.shelf": {"s": "on", "a": {}}}},
        {"r": ["light.desk"]},
        {"c": {"light.desk": {"+": {"a": {"friendly_name": "Table"}}}}},
        {"c": {"light.desk": {"+": {"a": {"supported_features": 4}}}}},
    ],
)
def test_another_entity_or_another_name_means_another_inventory(event: Mapping[str, Any]) -> None:
    told = states(light__desk={"friendly_name": "Desk", "supported_features": 1})
    told.outdated = False
    list(told.take(event))
    assert told.outdated


def test_what_a_device_can_do_is_not_forgotten_while_it_is_off() -> None:
    told = states(media_player__tv={"supported_features": 0b111})
    told.outdated = False
    list(told.take({"c": {"media_player.tv": {"+": {"s": "off", "a": {"supported_features": 1}}}}}))
    assert not told.outdated
    assert told["media_player.tv"].features == 0b111


# --- exposure ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "entity_id", "device_class", "exposed"),
    [
        ("2024.3.3", "light.desk", None, True),
        ("2024.3.3", "lock.front", None, True),
        ("2024.3.3", "script.night", None, True),
        ("2024.3.3", "media_player.tv", None, False),
        (LATER, "lock.front", None, False),
        (LATER, "script.night", None, False),
        (LATER, "media_player.tv", None, True),
        (LATER, "cover.garage", "garage", True),
        (LATER, "sensor.outside", "temperature", True),
        (LATER, "sensor.power", "power", False),
        (LATER, "binary_sensor.window", "window", True),
        (LATER, "binary_sensor.wet", "moisture", False),
        (LATER, "alarm_control_panel.home", None, False),
    ],
)
def test_where_nobody_has_chosen_the_default_of_the_release_holds(
    version: str, entity_id: str, device_class: str | None, exposed: bool
) -> None:
    rules = exposure(version)
    assert rules.of(entity_id, device_class, None, settled=False) is exposed
    assert not exposure(version, new=False).of(entity_id, device_class, None, settled=False)


def test_a_choice_comes_before_any_default() -> None:
    def entry(choice: bool) -> dict[str, Any]:
        return {"options": {"conversation": {"should_expose": choice}}}

    rules = exposure(listed={"light.yaml": {"conversation": False}})
    assert not rules.of("light.desk", None, entry(False), settled=True)
    assert rules.of("sensor.power", "power", entry(True), settled=True)
    assert not rules.of("light.yaml", None, None, settled=False)


def test_a_list_of_what_is_exposed_says_what_is_not_once_all_has_been_decided() -> None:
    """Later releases leave out what is not exposed; what was never asked about is missing, too."""
    rules = exposure(listed={"light.desk": {"conversation": True}})
    assert not rules.of("light.yaml", None, None, settled=True)
    assert rules.of("light.yaml", None, None, settled=False)
    decided = {"options": {"conversation": {"should_expose": True}}}
    assert rules.is_settled([("light.desk", None, decided)])
    assert not rules.is_settled([("light.desk", None, decided), ("light.new", None, {})])
    assert not rules.is_settled([])


def test_a_token_that_may_not_ask_gets_what_the_registry_says() -> None:
    rules = Exposure.read(LATER, None, None)
    chosen = {"options": {"conversation": {"should_expose": False}}}
    assert not rules.of("light.desk", None, chosen, settled=True)
    assert rules.of("light.yaml", None, None, settled=True)


@pytest.mark.parametrize(
    ("entity_id", "made", "allowed"),
    [
        ("lock.front", 1_725_000_000.0, True),
        # Made before 2024.8, perhaps when locks were exposed unasked: nobody need have said so.
        ("lock.front", 0.0, False),
        ("lock.front", None, False),
        ("alarm_control_panel.home", None, True),
        ("cover.garage", 1_725_000_000.0, False),
    ],
)
def test_only_what_a_person_has_exposed_may_be_acted_on(
    entity_id: str, made: float | None, allowed: bool
) -> None:
    entry = {
        "entity_id": entity_id,
        "options": {"conversation": {"should_expose": True}},
        "created_at": made,
    }
    known = states(**{entity_id.replace(".", "__"): {"device_class": "garage"}})
    entity = one(Registry(exposure(), entries=[entry]).inventory(known, {}))
    assert entity.exposed
    assert entity.allowed is allowed


# --- what lets somebody in -----------------------------------------------------------------------

THINGS = {
    thing.entity_id: thing
    for thing in (
        Thing("light.hall", ("Hall",)),
        Thing("lock.front", ("Front",)),
        Thing("cover.garage", ("Garage",), "garage"),
        Thing("cover.blinds", ("Blinds",), "blind"),
        Thing("cover.all", ("All covers",), members=("cover.blinds", "cover.garage")),
        Thing("switch.opener", ("Door opener",)),
        Thing("switch.lamp", ("Standard lamp",)),
        Thing("scene.movie", members=("light.hall", "cover.blinds")),
        Thing("scene.arriving", members=("light.hall", "lock.front")),
        Thing("scene.hue", platform="hue"),
        Thing("scene.bought", platform="tuya"),
        Thing("script.inner"),
        Thing("script.tested"),
        Thing("automation.tested"),
        Thing("button.bell", ("Ring the bell",)),
        Thing("button.opener", ("Gate opener",)),
        Thing("button.restart", ("Restart",), "restart"),
    )
}


def step(service: str, *targets: str, **data: Any) -> dict[str, Any]:
    return {"service": service, "target": {"entity_id": [*targets]}, "data": data}


UNLOCK = step("lock.unlock", "lock.front")


@pytest.mark.parametrize(
    ("guarded", "steps"),
    [
        (False, [step("light.turn_on", "light.hall")]),
        (False, [step("cover.open_cover", "cover.blinds")]),
        (False, [step("lock.lock", "lock.front"), step("cover.close_cover", "cover.garage")]),
        (False, [step("cover.set_cover_position", "cover.garage", position=0)]),
        (False, [step("notify.phone", message="The lock.front is open")]),
        (False, [{"delay": "00:00:05"}, {"stop": "enough"}, "{{ is_state('sun.sun', 'up') }}"]),
        (False, [{"condition": "device", "domain": "lock", "type": "is_open", "device_id": "d"}]),
        (False, [{"domain": "lock", "type": "lock", "device_id": "d", "entity_id": "lock.front"}]),
        (False, [{**UNLOCK, "enabled": False}]),
        (False, [step("scene.turn_on", "scene.movie"), {"scene": "scene.hue"}]),
        (False, [step("switch.turn_on", "switch.lamp"), step("switch.turn_off", "switch.opener")]),
        (False, [step("homeassistant.turn_off", "cover.garage")]),
        (False, [step("script.turn_on", "script.tested")]),
        (True, [UNLOCK]),
        (True, [{"action": "lock.open", "target": {"entity_id": "lock.front"}}]),
        (True, [{"service": "lock.unlock", "entity_id": "lock.front"}]),
        (True, [{"service": "lock.unlock", "data": {"entity_id": "light.x, lock.front"}}]),
        (True, [step("cover.open_cover", "cover.garage")]),
        (True, [step("cover.toggle", "cover.all")]),
        (True, [step("cover.set_cover_position", "cover.garage", position=5)]),
        (True, [step("cover.open_cover", "cover.unheard_of")]),
        (True, [{"service": "cover.open_cover", "target": {"area_id": "hall"}}]),
        (True, [{"service": "cover.open_cover", "target": {"entity_id": "{{ which }}"}}]),
        (True, [step("homeassistant.turn_on", "cover.garage")]),
        (True, [step("switch.turn_on", "switch.opener")]),
        (True, [step("button.press", "button.opener")]),
        (True, [{"scene": "scene.arriving"}]),
        (True, [step("scene.apply", entities={"lock.front": "unlocked"})]),
        (True, [step("alarm_control_panel.alarm_disarm", "alarm_control_panel.home")]),
        (True, [{"domain": "lock", "type": "unlock", "device_id": "d", "entity_id": "0123abcd"}]),
        (True, [{"if": [], "then": [], "else": [UNLOCK]}]),
        (True, [{"choose": [{"conditions": [], "sequence": [UNLOCK]}], "default": []}]),
        (True, [{"repeat": {"count": 2, "sequence": [UNLOCK]}}]),
        (True, [{"parallel": [{"sequence": [UNLOCK]}]}]),
        (True, [{"service": "script.inner"}]),
        (True, [{"event": "ring"}, UNLOCK]),
        (None, [{"event": "ring"}]),
        (None, [step("shell_command.open_sesame")]),
        (None, [step("mqtt.publish", topic="gate", payload="open")]),
        (None, [{"service": "{{ what }}"}]),
        (None, [step("button.press", "button.bell")]),
        (None, [{"scene": "scene.bought"}]),
        (None, [step("script.turn_on", "script.unheard_of")]),
        (None, [{"use_blueprint": {"path": "x.yaml"}}]),
    ],
)
def test_what_a_script_or_automation_leads_to(guarded: bool | None, steps: list[Any]) -> None:
    contents = {
        "script.tested": {"alias": "Tested", "sequence": steps},
        "script.inner": {"sequence": [UNLOCK]},
        "automation.tested": {"trigger": [{"platform": "event"}], "action": steps},
    }
    effects = Effects(THINGS, contents, {"0123abcd": "lock.front"})
    assert effects.guarded("script.tested") is guarded
    if "script.tested" not in repr(steps):
        assert effects.guarded("automation.tested") is guarded


@pytest.mark.parametrize(
    ("entity_id", "contents", "guarded"),
    [
        ("scene.movie", None, False),
        ("scene.arriving", None, True),
        ("scene.arriving", {"lock.front": {"state": "unlocked"}}, True),
        ("scene.arriving", {"lock.front": {"state": "locked"}, "light.hall": "on"}, False),
        ("scene.arriving", {"cover.garage": {"state": "open", "current_position": 40}}, True),
        ("scene.arriving", {"cover.garage": {"state": "closed", "current_position": 0}}, False),
        ("scene.arriving", {"cover.garage": {"state": "closed", "current_position": 40}}, True),
        ("scene.hue", None, False),
        ("scene.bought", None, None),
        ("button.bell", None, None),
        ("button.opener", None, True),
        ("button.restart", None, False),
        ("script.tested", None, None),
        ("automation.tested", None, None),
    ],
)
def test_what_scenes_and_buttons_lead_to(
    entity_id: str, contents: Any, guarded: bool | None
) -> None:
    effects = Effects(THINGS, {entity_id: contents} if contents else {})
    assert effects.guarded(entity_id) is guarded
