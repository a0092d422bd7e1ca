"""The simulated home: its devices do what Home Assistant's devices do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.devices import homefile
from hub.devices.simulated import SimulatedHome
from hub.errors import ConfigError, DeviceError
from hub.messages import StateChange
from hub.storage import Documents
from tests.fakes import House

SHARED = Path("/work/shared/data/ha-datasets")

ZOO = {
    "areas": [{"name": "Room"}],
    "entities": [
        {"id": "light.plain", "name": "Plain", "attributes": {"supported_color_modes": ["onoff"]}},
        {
            "id": "light.dim",
            "name": "Dim",
            "state": "off",
            "attributes": {"supported_color_modes": ["brightness"], "brightness": 100},
        },
        {
            "id": "light.colour",
            "name": "Colour",
            "attributes": {
                "supported_color_modes": ["hs", "color_temp"],
                "min_color_temp_kelvin": 2200,
                "max_color_temp_kelvin": 6500,
            },
        },
        {"id": "switch.socket", "name": "Socket"},
        {"id": "input_boolean.guests", "name": "Guests"},
        {
            "id": "cover.blind",
            "name": "Blind",
            "features": 15,
            "attributes": {"current_position": 0},
        },
        {"id": "cover.gate", "name": "Gate", "features": 3, "state": "open"},
        {"id": "valve.water", "name": "Water", "features": 7},
        {"id": "lock.door", "name": "Door"},
        {"id": "fan.fan", "name": "Fan", "features": 1},
        {"id": "fan.plain", "name": "Plain Fan", "features": 48},
        {
            "id": "climate.hall",
            "name": "Hall",
            "state": "heat",
            "attributes": {
                "hvac_modes": ["off", "heat", "cool"],
                "fan_modes": ["low", "high"],
                "min_temp": 7,
                "max_temp": 30,
                "current_temperature": 20,
                "temperature": 19,
            },
        },
        {"id": "media_player.tv", "name": "TV", "attributes": {"volume_level": 0.4}},
        {"id": "vacuum.robot", "name": "Robot"},
        {"id": "lawn_mower.robot", "name": "Mower"},
        {"id": "humidifier.one", "name": "Humidifier"},
        {"id": "water_heater.boiler", "name": "Boiler"},
        {"id": "button.bell", "name": "Bell"},
        {"id": "todo.list", "name": "List", "attributes": {"todo_items": ["milk"]}},
        {"id": "number.level", "name": "Level"},
        {"id": "select.mode", "name": "Mode", "attributes": {"options": ["a", "b"]}},
        {"id": "sensor.warm", "name": "Warm", "state": "21.5"},
    ],
}

DONE: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    # service, entity, data, state, attributes
    ("light.turn_on", "light.plain", {}, "on", {"color_mode": "onoff", "brightness": None}),
    ("light.turn_on", "light.plain", {"brightness_pct": 10}, "on", {"brightness": None}),
    ("light.turn_on", "light.dim", {}, "on", {"brightness": 100}),
    ("light.turn_on", "light.dim", {"brightness_pct": 40}, "on", {"brightness": 102}),
    ("light.turn_on", "light.dim", {"brightness": 7}, "on", {"brightness": 7}),
    ("light.turn_on", "light.dim", {"brightness_pct": 0}, "off", {"brightness": None}),
    ("light.turn_on", "light.dim", {"rgb_color": (255, 0, 0)}, "on", {"rgb_color": None}),
    (
        "light.turn_on",
        "light.colour",
        {"rgb_color": (255, 0, 0)},
        "on",
        {"color_mode": "hs", "rgb_color": (255, 0, 0), "hs_color": (0, 100), "brightness": 255},
    ),
    ("light.turn_on", "light.colour", {"color_name": "light blue"}, "on", {"color_mode": "hs"}),
    (
        "light.turn_on",
        "light.colour",
        {"color_temp_kelvin": 3000},
        "on",
        {"color_mode": "color_temp", "color_temp_kelvin": 3000, "rgb_color": None},
    ),
    (
        "light.turn_on",
        "light.colour",
        {"color_temp_kelvin": 9000},
        "on",
        {"color_temp_kelvin": 6500},
    ),
    ("light.toggle", "light.dim", {}, "on", {}),
    ("switch.turn_on", "switch.socket", {}, "on", {}),
    ("switch.toggle", "switch.socket", {}, "on", {}),
    ("homeassistant.turn_on", "switch.socket", {}, "on", {}),
    ("input_boolean.turn_on", "input_boolean.guests", {}, "on", {}),
    ("cover.open_cover", "cover.blind", {}, "open", {"current_position": 100}),
    ("cover.set_cover_position", "cover.blind", {"position": 30}, "open", {"current_position": 30}),
    ("cover.close_cover", "cover.gate", {}, "closed", {"current_position": None}),
    ("cover.toggle", "cover.gate", {}, "closed", {}),
    ("valve.open_valve", "valve.water", {}, "open", {"current_position": 100}),
    ("valve.set_valve_position", "valve.water", {"position": 5}, "open", {"current_position": 5}),
    ("lock.unlock", "lock.door", {}, "unlocked", {}),
    ("lock.lock", "lock.door", {}, "locked", {}),
    ("fan.turn_on", "fan.fan", {}, "on", {"percentage": 100}),
    ("fan.turn_on", "fan.fan", {"percentage": 30}, "on", {"percentage": 30}),
    ("fan.set_percentage", "fan.fan", {"percentage": 0}, "off", {"percentage": 0}),
    ("fan.turn_on", "fan.plain", {}, "on", {"percentage": None}),
    (
        "climate.set_temperature",
        "climate.hall",
        {"temperature": 22.5},
        "heat",
        {"temperature": 22.5, "hvac_action": "heating"},
    ),
    (
        "climate.set_hvac_mode",
        "climate.hall",
        {"hvac_mode": "cool"},
        "cool",
        {"hvac_action": "cooling"},
    ),
    ("climate.set_fan_mode", "climate.hall", {"fan_mode": "high"}, "heat", {"fan_mode": "high"}),
    ("climate.turn_off", "climate.hall", {}, "off", {"hvac_action": "off"}),
    ("media_player.turn_on", "media_player.tv", {}, "idle", {"volume_level": 0.4}),
    ("media_player.media_play", "media_player.tv", {}, "playing", {}),
    (
        "media_player.play_media",
        "media_player.tv",
        {"media_content_id": "jazz", "media_content_type": "music"},
        "playing",
        {"media_title": "jazz"},
    ),
    ("vacuum.start", "vacuum.robot", {}, "cleaning", {}),
    ("lawn_mower.start_mowing", "lawn_mower.robot", {}, "mowing", {}),
    ("humidifier.set_humidity", "humidifier.one", {"humidity": 45}, "off", {"humidity": 45}),
    ("water_heater.set_temperature", "water_heater.boiler", {"temperature": 55}, "off", {}),
    ("todo.add_item", "todo.list", {"item": "bread"}, "2", {}),
    ("todo.update_item", "todo.list", {"item": "milk", "status": "completed"}, "0", {}),
    ("todo.remove_item", "todo.list", {"item": "Milk"}, "0", {"todo_items": []}),
    ("number.set_value", "number.level", {"value": 12}, "12", {}),
    ("select.select_option", "select.mode", {"option": "b"}, "b", {}),
]


@pytest.mark.parametrize(("service", "entity_id", "data", "state", "attributes"), DONE)
async def test_a_service_does_what_it_says(
    service: str,
    entity_id: str,
    data: Mapping[str, Any],
    state: str,
    attributes: Mapping[str, Any],
) -> None:
    async with House(ZOO) as house:
        domain, name = service.split(".")
        await house.devices.call_service(domain, name, [entity_id], data)
        assert house.state(entity_id) == state
        for key, value in attributes.items():
            assert house.attribute(entity_id, key) == value, key


@pytest.mark.parametrize(
    ("service", "entity_id", "data", "says"),
    [
        ("light.turn_on", "light.nowhere", {}, "no entity light.nowhere"),
        ("light.turn_on", "switch.socket", {}, "not for switch.socket"),
        ("light.explode", "light.dim", {}, "no service light.explode"),
        ("sensor.turn_on", "sensor.warm", {}, "cannot be told"),
        ("light.turn_on", "light.dim", {"brightness_pct": 140}, "not within 0-100"),
        ("light.turn_on", "light.colour", {"color_name": "ultrapink"}, "no colour 'ultrapink'"),
        ("cover.set_cover_position", "cover.blind", {"position": -1}, "not within 0-100"),
        ("climate.set_temperature", "climate.hall", {"temperature": 50}, "not within 7-30"),
        ("climate.set_hvac_mode", "climate.hall", {"hvac_mode": "dry"}, "off, heat, cool"),
        ("media_player.volume_set", "media_player.tv", {"volume_level": 30}, "not within 0-1"),
        ("fan.set_percentage", "fan.fan", {}, "must be a number"),
        ("todo.remove_item", "todo.list", {"item": "caviar"}, "no item 'caviar'"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    service: str, entity_id: str, data: Mapping[str, Any], says: str
) -> None:
    async with House(ZOO) as house:
        before = house.states()
        domain, name = service.split(".")
        with pytest.raises(DeviceError, match=says):
            await house.devices.call_service(domain, name, [entity_id], data)
        assert house.states() == before


async def test_a_fork_changes_nothing_of_what_it_was_made_of() -> None:
    async with House(ZOO) as house:
        before = house.states()
        fork = house.devices.fork()
        changes = fork.changes()
        await fork.call_service("light", "turn_on", ["light.colour"], {"brightness_pct": 20})
        assert (await anext(changes)).entity_id == "light.colour"
        assert fork.state("light.colour") == "on" and [*fork.stirred] == ["light.colour"]
        assert house.states() == before and not house.devices.stirred
        await fork.close()


async def test_a_light_that_is_off_has_no_brightness_but_remembers_it() -> None:
    async with House(ZOO) as house:
        lamp = ["light.colour"]
        red = {"rgb_color": (255, 0, 0), "brightness_pct": 20}
        await house.devices.call_service("light", "turn_on", lamp, red)
        await house.devices.call_service("light", "turn_off", lamp, {})
        off = house.devices.attributes("light.colour")
        assert not {"brightness", "rgb_color", "hs_color", "color_mode"} & set(off)
        await house.devices.call_service("light", "turn_on", lamp, {})
        assert house.attribute("light.colour", "brightness") == 51
        assert house.attribute("light.colour", "rgb_color") == (255, 0, 0)


async def test_a_button_and_a_scene_show_when_they_were_used() -> None:
    async with House() as house:
        assert house.state("scene.movie_night") == "unknown"
        await house.devices.call_service("scene", "turn_on", ["scene.movie_night"], {})
        assert house.state("scene.movie_night").startswith("20")
        assert house.state("light.floor_lamp") == "on"
        assert house.attribute("light.floor_lamp", "brightness") == 51
        assert house.state("cover.living_room_blinds") == "closed"
        assert house.state("media_player.living_room_tv") == "idle"


async def test_every_scene_and_script_of_the_built_in_home_works() -> None:
    async with House() as house:
        for entity in house.home.entities.values():
            if entity.domain in ("scene", "script"):
                await house.devices.call_service(entity.domain, "turn_on", [entity.entity_id], {})
        assert house.state("switch.coffee_maker") == "on"
        assert house.attribute("light.kitchen_ceiling", "brightness") == 204


# --- on the way ------------------------------------------------------------------------------


async def test_a_cover_takes_a_moment() -> None:
    async with House(ZOO, transition=0.02) as house:
        changes = house.devices.changes()
        await house.devices.call_service("cover", "open_cover", ["cover.blind"], {})
        first = await anext(changes)
        assert (first.state, first.attributes["current_position"]) == ("opening", 0)
        second = await anext(changes)
        assert (second.state, second.attributes["current_position"]) == ("open", 100)
        assert (first.before, second.before) == ("closed", "opening")


async def test_a_cover_that_is_stopped_stays_in_between() -> None:
    async with House(ZOO, transition=0.3) as house:
        await house.devices.call_service("cover", "open_cover", ["cover.blind"], {})
        await asyncio.sleep(0.05)
        await house.devices.call_service("cover", "stop_cover", ["cover.blind"], {})
        assert house.state("cover.blind") == "open"
        assert 0 < house.attribute("cover.blind", "current_position") < 100


# --- what goes wrong -------------------------------------------------------------------------


async def test_an_unplugged_device_is_unavailable_and_hears_nothing() -> None:
    async with House(ZOO) as house:
        house.devices.fault("switch.socket", unavailable=True)
        assert house.state("switch.socket") == "unavailable"
        await house.devices.call_service("switch", "turn_on", ["switch.socket"], {})
        house.devices.fault("switch.socket")
        assert house.state("switch.socket") == "off"


async def test_a_deaf_device_does_nothing_and_a_slow_one_does_it_later() -> None:
    async with House(ZOO) as house:
        house.devices.fault("switch.socket", ignores=True)
        house.devices.fault("light.dim", delay=0.02)
        changes = house.devices.changes()
        await house.devices.call_service("homeassistant", "turn_on", ["switch.socket"], {})
        await house.devices.call_service("light", "turn_on", ["light.dim"], {})
        assert house.state("light.dim") == "off"
        change = await anext(changes)
        assert (change.entity_id, change.state) == ("light.dim", "on")
        assert house.state("switch.socket") == "off"


# --- listeners, and keeping ------------------------------------------------------------------


async def test_every_listener_hears_every_change() -> None:
    async with House(ZOO) as house:
        listeners = [house.devices.changes() for _ in range(3)]
        await house.devices.call_service("lock", "unlock", ["lock.door"], {})
        house.devices.set_state("sensor.warm", "22")
        for listener in listeners:
            heard = [await anext(listener), await anext(listener)]
            assert heard[0] == StateChange("lock.door", "unlocked", {}, "locked")
            assert heard[1].state == "22"


async def test_many_calls_at_once_all_count() -> None:
    async with House(ZOO) as house:
        await asyncio.gather(
            *(
                house.devices.call_service("todo", "add_item", ["todo.list"], {"item": str(n)})
                for n in range(50)
            )
        )
        assert house.state("todo.list") == "51"


async def test_states_survive_a_restart(tmp_path: Path) -> None:
    async def opened() -> SimulatedHome:
        return SimulatedHome.from_file(states=Documents(tmp_path / "home.json"), transition=0)

    first = await opened()
    await first.call_service("light", "turn_on", ["light.desk_lamp"], {"brightness_pct": 40})
    await first.call_service("lock", "unlock", ["lock.front_door"], {})
    await first.close()
    second = await opened()
    states = {entity.entity_id: entity for entity in (await second.inventory()).entities}
    assert states["lock.front_door"].state == "unlocked"
    assert (states["light.desk_lamp"].attributes or {})["brightness"] == 102
    await second.close()


async def test_damaged_states_do_not_keep_the_home_from_opening(tmp_path: Path) -> None:
    (tmp_path / "home.json").write_text("{damaged")
    home = SimulatedHome.from_file(states=Documents(tmp_path / "home.json"), transition=0)
    assert (await home.inventory()).entities
    await home.call_service("lock", "unlock", ["lock.front_door"], {})
    await home.close()
    again = SimulatedHome.from_file(states=Documents(tmp_path / "home.json"), transition=0)
    await again.inventory()
    assert again.state("lock.front_door") == "unlocked"
    await again.close()


# --- files -----------------------------------------------------------------------------------


def test_the_built_in_home_has_rooms_on_two_floors_and_things_of_every_kind() -> None:
    home = homefile.load()
    assert len(home.floors) == 2
    assert len(home.areas) >= 6
    assert len(home.entities) >= 25
    domains = {entity.domain for entity in home.entities}
    assert domains >= {"light", "switch", "cover", "climate", "lock", "fan", "media_player"}
    assert domains >= {"vacuum", "sensor", "binary_sensor", "scene"}
    areas = {area.area_id for area in home.areas}
    assert all(e.area in areas for e in home.entities if e.area)


def test_a_home_in_the_form_of_the_datasets_project_is_read() -> None:
    home = homefile.parse(
        {
            "areas": [{"name": "Kitchen", "id": "kitchen", "floor": None}],
            "devices": [{"name": "Plug", "id": "plug", "area": "kitchen", "info": {}}],
            "entities": [
                {
                    "name": "Plug",
                    "id": "switch.plug",
                    "device": "plug",
                    "state": True,
                    "attributes": {"device_class": "switch.SwitchDeviceClass.OUTLET"},
                },
                {
                    "name": "Meter",
                    "id": "sensor.meter",
                    "device": "plug",
                    "state": None,
                    "attributes": {"native_value": 12, "native_unit_of_measurement": "kWh"},
                },
                {
                    "name": "Gate",
                    "id": "cover.gate",
                    "state": False,
                    "attributes": {
                        "supported_features": [
                            "cover.CoverEntityFeature.OPEN",
                            "cover.CoverEntityFeature.CLOSE",
                        ]
                    },
                },
                {"name": "Plug", "id": "switch.plug", "device": "plug", "attributes": None},
            ],
        }
    )
    plug, meter, gate, other = home.entities
    assert (plug.area, plug.state, plug.device_class) == ("kitchen", "on", "outlet")
    assert (meter.state, (meter.attributes or {})["unit_of_measurement"]) == ("12", "kWh")
    assert (gate.state, gate.features) == ("closed", 3)
    assert other.entity_id == "switch.plug_2"  # as Home Assistant names a second one


def test_a_home_with_an_inventorys_own_keys_is_read() -> None:
    home = homefile.parse(
        {
            "floors": [{"id": "up", "name": "Upstairs", "aliases": ["top floor"]}],
            "areas": [{"id": "a1", "name": "Attic", "floor": "up", "aliases": ["loft"]}],
            "devices": [{"id": "d1", "name": "Blind", "area": "a1"}],
            "entities": [
                {
                    "entity_id": "cover.attic",
                    "name": "Attic Blind",
                    "domain": "cover",
                    "area": None,
                    "device": "d1",
                    "device_class": "blind",
                    "state": "open",
                    "attributes": {"current_position": 60},
                    "features": 15,
                    "aliases": ["roof blind"],
                }
            ],
        }
    )
    [blind] = home.entities
    assert (blind.area, blind.device_class, blind.features) == ("a1", "blind", 15)
    assert blind.aliases == ("roof blind",)
    assert home.areas[0].aliases == ("loft",)
    assert home.floors[0].aliases == ("top floor",)


def test_ids_are_made_of_names_where_there_are_none() -> None:
    home = homefile.parse(
        {
            "floors": [{"name": "Second Floor"}],
            "areas": [{"name": "Guest Room", "floor": "Second Floor"}],
            "entities": [{"name": "Night Light", "domain": "light", "area": "Guest Room"}],
        }
    )
    assert home.entities[0].entity_id == "light.night_light"
    assert home.entities[0].area == home.areas[0].area_id == "guest_room"
    assert home.areas[0].floor == "second_floor"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "needs a list 'entities'"),
        ({"entities": [{"id": "lamp", "name": "Lamp"}]}, "must be like 'light.lamp'"),
        ({"entities": [{"id": "light.x"}, 3]}, "entities: 2: a mapping .* is expected"),
        (
            {
                "areas": [{"name": "Hall"}],
                "entities": [{"id": "light.x", "name": "X", "area": "Atlantis"}],
            },
            "there is no area 'Atlantis'",
        ),
    ],
)
def test_a_home_that_makes_no_sense_is_refused_with_the_reason(content: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        homefile.parse(content, "my.yaml")


ENTITY = "entities:\n  - id: light.x\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("entities: [\n", "yaml:2: not YAML: "),
        ("[" * 5000, "yaml:1: not YAML: "),
        ("", "needs a list 'entities'"),
        (ENTITY + "    attributes: [1]\n", "yaml:3: entities: 1: attributes: a mapping"),
        (ENTITY + "    attributes:\n      brightness: lots\n", "yaml:4: .*brightness: a number"),
        (ENTITY + "    attributes:\n      sequence: [5]\n", "yaml:4: .*sequence: 1: a mapping"),
        (ENTITY + "    aliases: 5\n", "yaml:3: entities: 1: aliases: a list is expected"),
        (ENTITY + "    area: [1]\n", "yaml:3: entities: 1: area: text is expected"),
        (ENTITY + "    features: {a: b}\n", "yaml:3: entities: 1: features: "),
        (ENTITY + "areas: 5\n", "yaml:3: areas: a list is expected"),
        (ENTITY + "floors:\n  - {name: A, level: top}\n", "yaml:4: .*level: a whole number"),
        (ENTITY + "devices: [&a [*a]]\n", "yaml:3: devices: 1: a mapping"),
        ('{"entities": [\n{"id": "light.x",\n"area": {}}]}', "yaml:3: entities: 1: area: text"),
    ],
)
def test_a_mistake_in_a_home_file_is_named_with_its_line(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        homefile.load(path)


def test_every_mistake_in_a_home_file_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        homefile.parse({"areas": 5, "entities": [{"id": "light.x"}, 3, 4]}, "my.yaml")
    assert len(str(caught.value).splitlines()) == 3


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["entities", "areas", "floors", "devices", "id", "name", "area"])
                | st.sampled_from(["state", "attributes", "aliases", "features", "level", "floor"])
                | st.sampled_from(["brightness", "current_position", "device", "domain"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_is_in_a_home_file_is_read_or_refused(content: Any) -> None:
    for file in (content, {"entities": content}, {"entities": [content]}):
        with suppress(ConfigError):
            homefile.parse(file, "my.yaml")
    if isinstance(content, dict):
        with suppress(ConfigError):
            homefile.parse({"entities": [{"id": "cover.x", **content}], "areas": [content]})


def test_names_of_a_home_file_give_the_terminal_no_orders() -> None:
    home = homefile.parse({"entities": [{"id": "light.x", "name": "La\x1b[31mmp\x07", "area": 12}]})
    assert home.entities[0].name == "La [31mmp"
    assert home.areas[0].name == "12"


async def test_a_home_of_thousands_is_there_at_once() -> None:
    lamps = [{"id": f"light.l{n}", "name": f"Lamp {n}", "area": "Hall"} for n in range(4000)]
    home = SimulatedHome(homefile.parse({"entities": lamps}))
    began = time.process_time()
    assert len((await home.inventory()).entities) == 4000
    assert time.process_time() - began < 3  # 40 s, where each was compared with every other


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the public homes")
def test_all_public_homes_are_read() -> None:
    files = sorted(SHARED.rglob("_fixtures.yaml"))
    assert files
    for path in files:
        assert homefile.load(path).entities, path
