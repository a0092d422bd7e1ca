"""Devices on MQTT: what they report becomes the states that Home Assistant would show, and what is
asked of them becomes the messages that it would send. The configurations are those of firmware.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.devices.mqtt.component import Component, NotUnderstood, Publication
from hub.devices.mqtt.platforms import PLATFORMS, build


def told(component: Component, *messages: tuple[str, Any]) -> Component:
    """The component, after messages; what is no text is sent as JSON."""
    for topic, payload in messages:
        component.receive(topic, payload if isinstance(payload, str) else json.dumps(payload))
    return component


def said(component: Component, service: str, **data: Any) -> list[tuple[str, str]]:
    """Topics and payloads of a command."""
    return [(message.topic, message.payload) for message in component.command(service, data)]


def shows(component: Component, state: str, **attributes: Any) -> None:
    """The state and these attributes; an attribute of None is not there."""
    shown = {key: component.attributes.get(key) for key in attributes}
    assert (component.state, shown) == (state, attributes)


def refuses(component: Component, topic: str, payload: Any, *words: str) -> None:
    """A message is refused, the reason has these words, and nothing has changed."""
    before = component.state, dict(component.attributes)
    with pytest.raises(NotUnderstood) as error:
        told(component, (topic, payload))
    assert all(word in str(error.value) for word in words), error.value
    assert (component.state, dict(component.attributes)) == before


# --- light -----------------------------------------------------------------------------------

Z2M_BULB: Mapping[str, Any] = {
    "brightness": True,
    "brightness_scale": 254,
    "command_topic": "zigbee2mqtt/bulb/set",
    "effect": True,
    "effect_list": ["blink", "breathe", "okay"],
    "max_mireds": 500,
    "min_mireds": 153,
    "name": None,
    "schema": "json",
    "state_topic": "zigbee2mqtt/bulb",
    "supported_color_modes": ["xy", "color_temp"],
    "unique_id": "0x0017880104e45522_light_zigbee2mqtt",
}

TASMOTA_LIGHT: Mapping[str, Any] = {
    "brightness_command_topic": "cmnd/strip/Dimmer",
    "brightness_scale": 100,
    "brightness_state_topic": "stat/strip/RESULT",
    "brightness_value_template": "{{ value_json.Dimmer }}",
    "color_temp_command_topic": "cmnd/strip/CT",
    "color_temp_state_topic": "stat/strip/RESULT",
    "color_temp_value_template": "{{ value_json.CT }}",
    "command_topic": "cmnd/strip/POWER",
    "effect_command_topic": "cmnd/strip/Scheme",
    "effect_list": ["0", "1", "2"],
    "on_command_type": "brightness",
    "payload_off": "OFF",
    "payload_on": "ON",
    "rgb_command_topic": "cmnd/strip/Color2",
    "rgb_state_topic": "stat/strip/RESULT",
    "rgb_value_template": "{{ value_json.Color.split(',')[0:3] | join(',') }}",
    "schema": "basic",
    "state_topic": "stat/strip/RESULT",
    "state_value_template": "{{ value_json.POWER }}",
}

WLED: Mapping[str, Any] = {
    "brightness_command_topic": "wled/desk",
    "brightness_state_topic": "wled/desk/g",
    "command_topic": "wled/desk",
    "effect_command_topic": "wled/desk/api",
    "effect_command_template": "FX={{ value }}",
    "effect_list": ["Solid", "Blink"],
    "on_command_type": "brightness",
    "payload_off": "OFF",
    "rgb_command_template": "{{ '#%02x%02x%02x' | format(red, green, blue) }}",
    "rgb_command_topic": "wled/desk/col",
    "rgb_state_topic": "wled/desk/c",
    "rgb_value_template": "{{ value[1:3] | int(base=16) }},{{ value[3:5] | int(base=16) }},"
    "{{ value[5:7] | int(base=16) }}",
    "state_topic": "wled/desk/g",
    "state_value_template": "{% if value | int > 0 %}ON{% else %}OFF{% endif %}",
    "qos": 1,
    "retain": True,
}

TEMPLATE_LIGHT: Mapping[str, Any] = {
    "schema": "template",
    "command_topic": "rgb/set",
    "state_topic": "rgb/status",
    "command_on_template": "on,{{ brightness|d }},{{ red|d }}-{{ green|d }}-{{ blue|d }}",
    "command_off_template": "off",
    "state_template": "{{ value.split(',')[0] }}",
    "brightness_template": "{{ value.split(',')[1] }}",
    "red_template": "{{ value.split(',')[2].split('-')[0] }}",
    "green_template": "{{ value.split(',')[2].split('-')[1] }}",
    "blue_template": "{{ value.split(',')[2].split('-')[2] }}",
}


def test_a_zigbee_bulb_shows_what_it_reports() -> None:
    bulb = build("light", Z2M_BULB)
    shows(bulb, "unknown", supported_color_modes=["color_temp", "xy"], brightness=None)
    report = {"state": "ON", "brightness": 127, "color_mode": "color_temp", "color_temp": 370}
    told(bulb, ("zigbee2mqtt/bulb", report | {"color": {"x": 0.45, "y": 0.41}, "linkquality": 90}))
    shows(bulb, "on", brightness=128, color_mode="color_temp", color_temp_kelvin=2702)
    report = {
        "state": "ON",
        "brightness": 254,
        "color_mode": "xy",
        "color": {"x": 0.701, "y": 0.299},
    }
    told(bulb, ("zigbee2mqtt/bulb", report))
    shows(bulb, "on", brightness=255, color_mode="xy", color_temp_kelvin=None)
    assert bulb.attributes["rgb_color"][0] == 255
    assert max(bulb.attributes["rgb_color"][1:]) < 15
    told(bulb, ("zigbee2mqtt/bulb", {"state": "OFF"}))
    shows(bulb, "off", brightness=None, color_mode=None)
    told(bulb, ("zigbee2mqtt/bulb", {"state": "ON"}))
    shows(bulb, "on", brightness=255, color_mode="xy")


def test_a_bulb_in_hue_and_saturation_is_read_and_told_by_them() -> None:
    bulb = build("light", {**Z2M_BULB, "supported_color_modes": ["hs", "color_temp"]})
    colour = {"hue": 240, "saturation": 100, "x": 0.1, "y": 0.1}
    told(bulb, ("zigbee2mqtt/bulb", {"state": "ON", "color_mode": "hs", "color": colour}))
    shows(bulb, "on", hs_color=(240, 100), rgb_color=(0, 0, 255))
    assert said(bulb, "turn_on", rgb_color=[255, 0, 0]) == [
        ("zigbee2mqtt/bulb/set", '{"state":"ON","color":{"h":0.0,"s":100.0}}')
    ]


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        ({}, '{"state":"ON"}'),
        ({"brightness_pct": 50}, '{"state":"ON","brightness":127}'),
        ({"brightness_pct": 1}, '{"state":"ON","brightness":3}'),
        ({"brightness": 1}, '{"state":"ON","brightness":1}'),
        ({"brightness": 255}, '{"state":"ON","brightness":254}'),
        ({"brightness_pct": 0}, '{"state":"OFF"}'),
        ({"color_temp_kelvin": 2700}, '{"state":"ON","color_temp":370}'),
        ({"color_temp_kelvin": 9000}, '{"state":"ON","color_temp":153}'),
        ({"rgb_color": (255, 0, 0)}, '{"state":"ON","color":{"x":0.701,"y":0.299}}'),
        ({"effect": "blink"}, '{"state":"ON","effect":"blink"}'),
        ({"transition": 2}, '{"state":"ON","transition":2.0}'),
        (
            {"brightness_pct": 20, "rgb_color": [0, 0, 255], "transition": 0.5},
            '{"state":"ON","color":{"x":0.136,"y":0.04},"transition":0.5,"brightness":51}',
        ),
    ],
)
def test_what_a_zigbee_bulb_is_told(data: dict[str, Any], payload: str) -> None:
    bulb = build("light", Z2M_BULB)
    assert said(bulb, "turn_on", **data) == [("zigbee2mqtt/bulb/set", payload)]
    shows(bulb, "unknown")  # it says itself what became of it


def test_a_step_of_brightness_starts_from_the_present_one() -> None:
    bulb = told(build("light", Z2M_BULB), ("zigbee2mqtt/bulb", {"state": "ON", "brightness": 127}))
    [(_, payload)] = said(bulb, "turn_on", brightness_step_pct=10)
    assert json.loads(payload)["brightness"] == 152
    [(_, payload)] = said(bulb, "turn_on", brightness_step=-1000 / 10)
    assert json.loads(payload)["brightness"] == 28
    told(bulb, ("zigbee2mqtt/bulb", {"state": "OFF"}))
    [(_, payload)] = said(bulb, "turn_on", brightness_step_pct=10)
    assert json.loads(payload)["brightness"] == 26


def test_a_tasmota_light_reads_what_is_in_each_message() -> None:
    strip = build("light", TASMOTA_LIGHT)
    told(strip, ("stat/strip/RESULT", {"POWER": "ON"}))
    shows(strip, "on", brightness=None)
    told(strip, ("stat/strip/RESULT", {"POWER": "ON", "Dimmer": 50, "Color": "0,128,0,0,0"}))
    shows(strip, "on", brightness=128, color_mode="rgb", rgb_color=(0, 128, 0))
    told(strip, ("stat/strip/RESULT", {"CT": 153}))
    shows(strip, "on", color_mode="color_temp", color_temp_kelvin=6535)
    told(strip, ("stat/strip/RESULT", {"POWER": "OFF"}))
    shows(strip, "off")
    refuses(strip, "stat/strip/RESULT", {"POWER": "MAYBE"}, "state_topic", "MAYBE")


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({}, [("cmnd/strip/Dimmer", "100")]),
        ({"brightness_pct": 30}, [("cmnd/strip/Dimmer", "30")]),
        (
            {"rgb_color": [255, 128, 0]},
            [("cmnd/strip/Color2", "255,128,0"), ("cmnd/strip/Dimmer", "100")],
        ),
        ({"color_temp_kelvin": 4000}, [("cmnd/strip/Dimmer", "100"), ("cmnd/strip/CT", "250")]),
        ({"effect": "2"}, [("cmnd/strip/Dimmer", "100"), ("cmnd/strip/Scheme", "2")]),
    ],
)
def test_what_a_tasmota_light_is_told(
    data: dict[str, Any], messages: list[tuple[str, str]]
) -> None:
    strip = build("light", TASMOTA_LIGHT)
    assert said(strip, "turn_on", **data) == messages
    assert said(strip, "turn_off") == [("cmnd/strip/POWER", "OFF")]


def test_the_order_of_on_and_the_rest() -> None:
    config = {key: value for key, value in TASMOTA_LIGHT.items() if key != "on_command_type"}
    on, dim = ("cmnd/strip/POWER", "ON"), ("cmnd/strip/Dimmer", "30")
    assert said(build("light", config), "turn_on", brightness_pct=30) == [dim, on]
    first = build("light", {**config, "on_command_type": "first"})
    assert said(first, "turn_on", brightness_pct=30) == [on, dim]


def test_a_wled_light_is_told_with_qos_and_retained() -> None:
    desk = told(build("light", WLED), ("wled/desk/g", "128"), ("wled/desk/c", "#FF8000"))
    shows(desk, "on", brightness=128, rgb_color=(255, 128, 0), color_mode="rgb")
    assert desk.topics == {"wled/desk/g": 1, "wled/desk/c": 1}
    assert list(desk.command("turn_on", {"rgb_color": (0, 0, 255)})) == [
        Publication("wled/desk/col", "#0000ff", 1, True),
        Publication("wled/desk", "128", 1, True),
    ]
    assert said(desk, "turn_on", effect="Blink")[-1] == ("wled/desk/api", "FX=Blink")
    told(desk, ("wled/desk/g", "0"))
    shows(desk, "off")


def test_a_light_of_the_template_schema() -> None:
    lamp = told(build("light", TEMPLATE_LIGHT), ("rgb/status", "on,100,255-0-0"))
    shows(lamp, "on", brightness=100, hs_color=(0.0, 100.0), rgb_color=(255, 0, 0))
    assert said(lamp, "turn_on", brightness=10) == [("rgb/set", "on,10,--")]
    assert said(lamp, "turn_on", rgb_color=(0, 255, 0)) == [("rgb/set", "on,,0-255-0")]
    assert said(lamp, "turn_off") == [("rgb/set", "off")]
    refuses(lamp, "rgb/status", "perhaps,x,1", "perhaps")


def test_a_light_that_reports_nothing_is_taken_at_its_word() -> None:
    lamp = build("light", {"command_topic": "l", "brightness_command_topic": "b"})
    said(lamp, "turn_on", brightness_pct=40)
    shows(lamp, "on", brightness=102, assumed_state=True)
    said(lamp, "toggle")
    shows(lamp, "off")


@pytest.mark.parametrize(
    ("mode", "colour"),
    [
        ("rgb", '{"r":200,"g":100,"b":50}'),
        ("rgbw", '{"r":200,"g":67,"b":0,"w":67}'),
        ("rgbww", '{"r":158,"g":38,"b":0,"c":200,"w":200}'),
        ("hs", '{"h":20.0,"s":75.0}'),
        ("xy", '{"x":0.584,"y":0.358}'),
    ],
)
def test_a_colour_is_put_in_the_mode_of_the_lamp(mode: str, colour: str) -> None:
    config = {"schema": "json", "command_topic": "c", "state_topic": "s", "brightness": True}
    lamp = build("light", {**config, "supported_color_modes": [mode]})
    [(_, payload)] = said(lamp, "turn_on", rgb_color=(200, 100, 50), brightness=100)
    assert payload == f'{{"state":"ON","color":{colour},"brightness":100}}'
    told(lamp, ("s", {"state": "ON", "color_mode": mode, "color": json.loads(colour)}))
    shown = [
        part * 200 / max(lamp.attributes["rgb_color"]) for part in lamp.attributes["rgb_color"]
    ]
    assert shown == pytest.approx([200, 100, 50], abs=6)


def test_white_of_two_kinds_stands_for_a_colour_temperature() -> None:
    config = {"schema": "json", "command_topic": "c", "supported_color_modes": ["rgbww"]}
    lamp = build("light", {**config, "brightness": True})
    [(_, payload)] = said(lamp, "turn_on", color_temp_kelvin=3000, brightness=99)
    assert json.loads(payload)["color"] == {"r": 0, "g": 0, "b": 0, "c": 48, "w": 51}


def test_a_colour_temperature_is_shown_as_a_colour_too() -> None:
    bulb = build("light", Z2M_BULB)
    told(bulb, ("zigbee2mqtt/bulb", {"state": "ON", "color_mode": "color_temp", "color_temp": 370}))
    shows(bulb, "on", hs_color=(28.391, 65.659), rgb_color=(255, 167, 88), xy_color=(0.524, 0.388))


def test_a_dim_light_is_never_told_to_be_off() -> None:
    config = {"command_topic": "l", "brightness_command_topic": "b", "brightness_scale": 10}
    lamp = build("light", config)
    assert said(lamp, "turn_on", brightness=1) == [("b", "1"), ("l", "ON")]


def test_a_lamp_with_white_of_its_own() -> None:
    lamp = build(
        "light",
        {
            "command_topic": "l",
            "white_command_topic": "w",
            "white_scale": 50,
            "rgb_command_topic": "c",
            "brightness_command_topic": "b",
        },
    )
    assert said(lamp, "turn_on", white=100) == [("w", "20"), ("l", "ON")]
    shows(lamp, "on", color_mode="white", brightness=100)
    assert said(lamp, "turn_on", white=True) == [("w", "20"), ("l", "ON")]
    said(lamp, "turn_on", rgb_color=(0, 0, 255))
    shows(lamp, "on", color_mode="rgb", rgb_color=(0, 0, 255))


def test_a_colour_carries_the_brightness_where_nothing_else_does() -> None:
    lamp = build("light", {"command_topic": "l", "rgb_command_topic": "c", "rgb_state_topic": "s"})
    told(lamp, ("s", "128,64,0"))
    said(lamp, "turn_on")
    shows(lamp, "on", brightness=128, rgb_color=(255, 128, 0))
    assert said(lamp, "turn_on", brightness=255)[0] == ("c", "255,128,0")


@pytest.mark.parametrize(
    ("config", "data", "word"),
    [
        ({"command_topic": "l"}, {"brightness_pct": 50}, "dimmed"),
        ({"command_topic": "l"}, {"rgb_color": (1, 2, 3)}, "colours"),
        ({"command_topic": "l"}, {"color_temp_kelvin": 3000}, "shade of white"),
        (Z2M_BULB, {"brightness_pct": 101}, "brightness_pct"),
        (Z2M_BULB, {"brightness": "much"}, "brightness"),
        (Z2M_BULB, {"rgb_color": (1, 2)}, "rgb_color"),
        (Z2M_BULB, {"rgb_color": (1, 2, 999)}, "rgb_color"),
        (Z2M_BULB, {"effect": "disco"}, "disco"),
        (Z2M_BULB, {"taste": "sweet"}, "taste"),
    ],
)
def test_what_a_light_cannot_do_is_named(
    config: Mapping[str, Any], data: dict[str, Any], word: str
) -> None:
    with pytest.raises(NotUnderstood, match=word):
        build("light", config).command("turn_on", data)


# --- switch, sensor, binary_sensor -----------------------------------------------------------

TASMOTA_SWITCH: Mapping[str, Any] = {
    "command_topic": "cmnd/plug/POWER",
    "payload_off": "OFF",
    "payload_on": "ON",
    "state_topic": "tele/plug/STATE",
    "value_template": "{{ value_json.POWER }}",
    "json_attributes_topic": "tele/plug/HASS_STATE",
}


def test_a_tasmota_switch() -> None:
    plug = build("switch", TASMOTA_SWITCH)
    shows(plug, "unknown")
    told(plug, ("tele/plug/STATE", {"POWER": "ON"}), ("tele/plug/HASS_STATE", {"RSSI": "58"}))
    shows(plug, "on", RSSI="58")
    assert said(plug, "turn_off") == [("cmnd/plug/POWER", "OFF")]
    assert said(plug, "toggle") == [("cmnd/plug/POWER", "OFF")]
    shows(plug, "on")
    told(plug, ("tele/plug/STATE", {"POWER": None}))
    shows(plug, "unknown")
    refuses(plug, "tele/plug/STATE", {"POWER": "BLINK"}, "BLINK")
    refuses(plug, "tele/plug/HASS_STATE", "[1]", "object")


def test_a_switch_whose_states_are_not_its_commands() -> None:
    config = {"command_topic": "c", "state_topic": "s", "payload_on": 1, "payload_off": 0}
    relay = build("switch", {**config, "state_on": True, "state_off": False})
    told(relay, ("s", "True"))
    shows(relay, "on")
    assert said(relay, "turn_on") == [("c", "1")]


def test_a_command_template_makes_the_payload() -> None:
    relay = build(
        "switch",
        {
            "command_topic": "shelly/rpc",
            "command_template": '{"method":"Switch.Set",'
            '"params":{"on":{{ (value == "ON") | lower }}}}',
        },
    )
    [(_, payload)] = said(relay, "turn_on")
    assert json.loads(payload) == {"method": "Switch.Set", "params": {"on": True}}
    shows(relay, "on", assumed_state=True)


SENSOR: Mapping[str, Any] = {
    "device_class": "temperature",
    "state_class": "measurement",
    "state_topic": "zigbee2mqtt/climate",
    "unit_of_measurement": "°C",
    "value_template": "{{ value_json.temperature }}",
    "suggested_display_precision": 1,
    "expire_after": 7200,
}


def test_a_sensor_of_a_number() -> None:
    sensor = told(build("sensor", SENSOR), ("zigbee2mqtt/climate", {"temperature": 21.37}))
    shows(sensor, "21.37", unit_of_measurement="°C", device_class="temperature")
    shows(sensor, "21.37", suggested_display_precision=1, state_class="measurement")
    assert sensor.expire_after == 7200  # type: ignore[attr-defined]
    told(sensor, ("zigbee2mqtt/climate", {"humidity": 40}))  # nothing about the temperature
    shows(sensor, "21.37")
    for wrong in ("warm", "nan", "inf", True):
        refuses(sensor, "zigbee2mqtt/climate", {"temperature": wrong}, str(wrong))
    told(sensor, ("zigbee2mqtt/climate", {"temperature": None}))
    shows(sensor, "unknown")


def test_sensors_of_words_and_times() -> None:
    words = {"state_topic": "s", "device_class": "enum", "options": ["low", "high"]}
    level = told(build("sensor", words), ("s", "low"))
    shows(level, "low", options=["low", "high"])
    refuses(level, "s", "medium", "medium")
    since = build("sensor", {"state_topic": "s", "device_class": "timestamp"})
    told(since, ("s", "2026-11-27T12:00:00+01:00"))
    shows(since, "2026-11-27T11:00:00+00:00")
    refuses(since, "s", "yesterday", "yesterday")
    refuses(build("sensor", {"state_topic": "s"}), "s", "x" * 256, "256")


def test_a_value_that_must_be_there_is_kept_when_it_is_not() -> None:
    config = {"state_topic": "s", "value_template": "{{ value_json.lux | is_defined }}"}
    sensor = told(build("sensor", config), ("s", {"lux": 3}))
    refuses(sensor, "s", {"other": 1}, "lux")
    shows(sensor, "3")


def test_a_binary_sensor() -> None:
    door = build(
        "binary_sensor",
        {
            "state_topic": "zigbee2mqtt/door",
            "device_class": "door",
            "payload_on": False,
            "payload_off": True,
            "value_template": "{{ value_json.contact }}",
            "off_delay": 30,
        },
    )
    told(door, ("zigbee2mqtt/door", {"contact": False}))
    shows(door, "on", device_class="door")
    told(door, ("zigbee2mqtt/door", {"contact": True}))
    shows(door, "off")
    assert door.off_delay == 30  # type: ignore[attr-defined]
    with pytest.raises(NotUnderstood, match="turn_on"):
        door.command("turn_on", {})


# --- cover -----------------------------------------------------------------------------------

SHUTTER: Mapping[str, Any] = {
    "command_topic": "cmnd/shutter/Backlog",
    "device_class": "shutter",
    "payload_open": "ShutterOpen1",
    "payload_close": "ShutterClose1",
    "payload_stop": "ShutterStop1",
    "position_topic": "stat/shutter/SHUTTER1",
    "position_template": "{{ value_json.Position }}",
    "set_position_topic": "cmnd/shutter/ShutterPosition1",
    "tilt_command_topic": "cmnd/shutter/ShutterTilt1",
    "tilt_status_topic": "stat/shutter/SHUTTER1",
    "tilt_status_template": "{{ value_json.Tilt }}",
    "tilt_min": -90,
    "tilt_max": 90,
    "tilt_opened_value": 0,
    "tilt_closed_value": -90,
}


def test_a_cover_with_position_and_tilt() -> None:
    shutter = build("cover", SHUTTER)
    assert shutter.features == 255
    told(shutter, ("stat/shutter/SHUTTER1", {"Position": 40, "Tilt": 0}))
    shows(shutter, "open", current_position=40, current_tilt_position=50)
    told(shutter, ("stat/shutter/SHUTTER1", {"Position": 0, "Tilt": -90}))
    shows(shutter, "closed", current_position=0, current_tilt_position=0, is_closed=True)
    assert said(shutter, "open_cover") == [("cmnd/shutter/Backlog", "ShutterOpen1")]
    assert said(shutter, "close_cover") == [("cmnd/shutter/Backlog", "ShutterClose1")]
    assert said(shutter, "stop_cover") == [("cmnd/shutter/Backlog", "ShutterStop1")]
    position = ("cmnd/shutter/ShutterPosition1", "25")
    assert said(shutter, "set_cover_position", position=25) == [position]
    tilt = "cmnd/shutter/ShutterTilt1"
    assert said(shutter, "set_cover_tilt_position", tilt_position=75) == [(tilt, "45")]
    assert said(shutter, "open_cover_tilt") == [(tilt, "0")]
    assert said(shutter, "close_cover_tilt") == [(tilt, "-90")]
    for wrong in (-1, 101, "half", None):
        with pytest.raises(NotUnderstood, match="position"):
            shutter.command("set_cover_position", {"position": wrong})


def test_a_cover_that_counts_the_other_way_round() -> None:
    blind = build(
        "cover",
        {
            "command_topic": "blind/set",
            "position_topic": "blind",
            "position_template": "{{ value_json.position }}",
            "set_position_topic": "blind/set",
            "set_position_template": '{"position": {{ position }}, "raw": {{ value }}}',
            "position_open": 0,
            "position_closed": 100,
            "state_topic": "blind",
            "value_template": "{{ value_json.moving }}",
            "state_opening": "UP",
            "state_closing": "DOWN",
            "state_stopped": "STOP",
        },
    )
    told(blind, ("blind", {"moving": "UP", "position": 70}))
    shows(blind, "opening", current_position=30)
    told(blind, ("blind", {"moving": "STOP", "position": 60}))
    shows(blind, "open", current_position=40)
    told(blind, ("blind", {"position": 100}), ("blind", {"moving": "STOP"}))
    shows(blind, "closed", current_position=0)
    [(_, payload)] = said(blind, "set_cover_position", position=40)
    assert json.loads(payload) == {"position": 40, "raw": 60}


def test_a_garage_door_that_only_opens_and_closes() -> None:
    door = build(
        "cover",
        {
            "command_topic": "g/set",
            "state_topic": "g",
            "payload_stop": None,
            "device_class": "garage",
        },
    )
    assert door.features == 3
    told(door, ("g", "closing"))
    shows(door, "closing", current_position=None)
    told(door, ("g", "closed"))
    assert said(door, "toggle") == [("g/set", "OPEN")]
    for service in ("stop_cover", "set_cover_position", "open_cover_tilt"):
        with pytest.raises(NotUnderstood, match="no service"):
            door.command(service, {"position": 4})
    refuses(door, "g", "ajar", "ajar")


def test_a_cover_that_reports_nothing() -> None:
    awning = build("cover", {"command_topic": "a"})
    said(awning, "open_cover")
    shows(awning, "open", assumed_state=True)
    said(awning, "close_cover")
    shows(awning, "closed")


# --- climate, water_heater -------------------------------------------------------------------

ESPHOME_CLIMATE: Mapping[str, Any] = {
    "action_topic": "ac/climate/ac/action/state",
    "current_temperature_topic": "ac/climate/ac/current_temperature/state",
    "fan_mode_command_topic": "ac/climate/ac/fan_mode/command",
    "fan_mode_state_topic": "ac/climate/ac/fan_mode/state",
    "fan_modes": ["auto", "low", "medium", "high"],
    "max_temp": 30,
    "min_temp": 16,
    "mode_command_topic": "ac/climate/ac/mode/command",
    "mode_state_topic": "ac/climate/ac/mode/state",
    "modes": ["off", "heat_cool", "cool", "heat", "fan_only", "dry"],
    "preset_mode_command_topic": "ac/climate/ac/preset/command",
    "preset_mode_state_topic": "ac/climate/ac/preset/state",
    "preset_modes": ["eco", "sleep"],
    "swing_mode_command_topic": "ac/climate/ac/swing_mode/command",
    "swing_mode_state_topic": "ac/climate/ac/swing_mode/state",
    "swing_modes": ["off", "both", "vertical"],
    "temp_step": 0.5,
    "temperature_command_topic": "ac/climate/ac/target_temperature/command",
    "temperature_state_topic": "ac/climate/ac/target_temperature/state",
    "temperature_unit": "C",
}


def ac(name: str) -> str:
    return f"ac/climate/ac/{name}"


def test_a_climate_shows_what_it_reports() -> None:
    device = told(
        build("climate", ESPHOME_CLIMATE),
        (ac("mode/state"), "cool"),
        (ac("action/state"), "cooling"),
        (ac("current_temperature/state"), "26.5"),
        (ac("target_temperature/state"), "23.0"),
        (ac("fan_mode/state"), "high"),
        (ac("swing_mode/state"), "both"),
        (ac("preset/state"), "None"),
    )
    shows(
        device,
        "cool",
        hvac_action="cooling",
        hvac_modes=["off", "heat_cool", "cool", "heat", "fan_only", "dry"],
        current_temperature=26.5,
        temperature=23.0,
        min_temp=16,
        max_temp=30,
        target_temp_step=0.5,
        fan_mode="high",
        fan_modes=["auto", "low", "medium", "high"],
        preset_mode="none",
        preset_modes=["none", "eco", "sleep"],
        swing_mode="both",
    )
    assert device.features == 1 | 8 | 16 | 32 | 128 | 256
    refuses(device, ac("mode/state"), "party", "mode_state_topic", "party")
    refuses(device, ac("target_temperature/state"), "warm", "warm")
    refuses(device, ac("fan_mode/state"), "turbo", "turbo")
    told(device, (ac("target_temperature/state"), ""), (ac("current_temperature/state"), "None"))
    shows(device, "cool", temperature=23.0, current_temperature=None)


@pytest.mark.parametrize(
    ("service", "data", "messages"),
    [
        (
            "set_temperature",
            {"temperature": 21},
            [("target_temperature/command", "21.0")],
        ),
        (
            "set_temperature",
            {"temperature": 22.5, "hvac_mode": "heat"},
            [("mode/command", "heat"), ("target_temperature/command", "22.5")],
        ),
        ("set_hvac_mode", {"hvac_mode": "dry"}, [("mode/command", "dry")]),
        ("set_fan_mode", {"fan_mode": "low"}, [("fan_mode/command", "low")]),
        ("set_preset_mode", {"preset_mode": "eco"}, [("preset/command", "eco")]),
        ("set_swing_mode", {"swing_mode": "off"}, [("swing_mode/command", "off")]),
        ("turn_off", {}, [("mode/command", "off")]),
        ("turn_on", {}, [("mode/command", "heat_cool")]),
    ],
)
def test_what_a_climate_is_told(
    service: str, data: dict[str, Any], messages: list[tuple[str, str]]
) -> None:
    device = build("climate", ESPHOME_CLIMATE)
    assert said(device, service, **data) == [(ac(topic), payload) for topic, payload in messages]
    shows(device, "unknown", temperature=None)


@pytest.mark.parametrize(
    ("service", "data", "word"),
    [
        ("set_temperature", {"temperature": 31}, "temperature is 31"),
        ("set_temperature", {"temperature": float("nan")}, "temperature"),
        ("set_temperature", {}, "temperature"),
        ("set_temperature", {"target_temp_high": 25}, "target_temp_high"),
        ("set_hvac_mode", {"hvac_mode": "auto"}, "auto"),
        ("set_fan_mode", {}, "fan_mode"),
        ("set_humidity", {"humidity": 50}, "humidity"),
        ("explode", {}, "explode"),
    ],
)
def test_what_a_climate_cannot_do_is_named(service: str, data: dict[str, Any], word: str) -> None:
    with pytest.raises(NotUnderstood, match=word):
        build("climate", ESPHOME_CLIMATE).command(service, data)


def test_a_heat_pump_with_a_range_a_power_topic_and_humidity() -> None:
    pump = build(
        "climate",
        {
            "value_template": "{{ value_json.v }}",
            "mode_command_topic": "mode",
            "mode_state_topic": "mode/s",
            "mode_state_template": "{{ value }}",
            "temperature_high_command_topic": "high",
            "temperature_high_state_topic": "high/s",
            "temperature_low_command_topic": "low",
            "temperature_low_command_template": "L{{ value | round(1) }}",
            "target_humidity_command_topic": "wet",
            "power_command_topic": "power",
            "payload_on": "1",
            "payload_off": "0",
        },
    )
    told(pump, ("mode/s", "heat"), ("high/s", {"v": 25}))
    shows(pump, "heat", target_temp_high=25, min_temp=7, max_temp=35)
    data = {"target_temp_high": 24, "target_temp_low": 19.54}
    assert said(pump, "set_temperature", **data) == [("low", "L19.5"), ("high", "24.0")]
    shows(pump, "heat", target_temp_high=25, target_temp_low=19.5)  # of the low one nothing comes
    assert said(pump, "set_humidity", humidity=45) == [("wet", "45")]
    assert said(pump, "turn_off") == [("power", "0")]
    assert said(pump, "turn_on") == [("power", "1")]


def test_a_thermostat_in_fahrenheit_has_their_range() -> None:
    device = build("climate", {"temperature_command_topic": "t", "temperature_unit": "F"})
    shows(device, "unknown", min_temp=44.6, max_temp=95)


def test_a_water_heater() -> None:
    boiler = build(
        "water_heater",
        {
            "modes": ["off", "eco", "performance"],
            "mode_command_topic": "boiler/mode/set",
            "mode_state_topic": "boiler/mode",
            "temperature_command_topic": "boiler/temperature/set",
            "temperature_state_topic": "boiler/temperature",
            "current_temperature_topic": "boiler/now",
            "min_temp": 30,
        },
    )
    assert boiler.features == 3
    told(boiler, ("boiler/mode", "eco"), ("boiler/temperature", "50"), ("boiler/now", "47.2"))
    shows(boiler, "eco", temperature=50, current_temperature=47.2, operation_mode="eco")
    shows(boiler, "eco", operation_list=["off", "eco", "performance"], max_temp=60)
    message = ("boiler/temperature/set", "55.0")
    assert said(boiler, "set_temperature", temperature=55) == [message]
    assert said(boiler, "set_operation_mode", operation_mode="performance") == [
        ("boiler/mode/set", "performance")
    ]
    assert said(boiler, "turn_off") == [("boiler/mode/set", "off")]
    assert said(boiler, "turn_on") == [("boiler/mode/set", "eco")]
    refuses(boiler, "boiler/mode", "gas", "gas")
    with pytest.raises(NotUnderstood, match="temperature"):
        boiler.command("set_temperature", {"temperature": 90})


# --- fan, humidifier -------------------------------------------------------------------------

FAN: Mapping[str, Any] = {
    "command_topic": "fan/on/set",
    "state_topic": "fan/on/state",
    "payload_on": "true",
    "payload_off": "false",
    "percentage_command_topic": "fan/speed/set",
    "percentage_state_topic": "fan/speed/state",
    "speed_range_min": 1,
    "speed_range_max": 3,
    "oscillation_command_topic": "fan/swing/set",
    "oscillation_state_topic": "fan/swing/state",
    "direction_command_topic": "fan/direction/set",
    "direction_state_topic": "fan/direction/state",
    "preset_mode_command_topic": "fan/preset/set",
    "preset_mode_command_template": "p-{{ value }}",
    "preset_mode_state_topic": "fan/preset/state",
    "preset_modes": ["breeze", "sleep"],
}


def test_a_fan_shows_what_it_reports() -> None:
    fan = told(
        build("fan", FAN),
        ("fan/on/state", "true"),
        ("fan/speed/state", "2"),
        ("fan/swing/state", "oscillate_on"),
        ("fan/direction/state", "reverse"),
        ("fan/preset/state", "breeze"),
    )
    shows(fan, "on", percentage=66, oscillating=True, direction="reverse", preset_mode="breeze")
    assert fan.attributes["percentage_step"] == pytest.approx(33.33, abs=0.01)
    assert fan.features == 63
    told(fan, ("fan/speed/state", "3"))
    shows(fan, "on", percentage=100)
    told(fan, ("fan/speed/state", "None"), ("fan/preset/state", "None"))
    shows(fan, "on", percentage=None, preset_mode=None)
    refuses(fan, "fan/speed/state", "4", "4")
    refuses(fan, "fan/preset/state", "storm", "storm")
    refuses(fan, "fan/on/state", "ON", "ON")


@pytest.mark.parametrize(
    ("service", "data", "messages"),
    [
        ("turn_on", {}, [("fan/on/set", "true")]),
        ("turn_off", {}, [("fan/on/set", "false")]),
        ("set_percentage", {"percentage": 33}, [("fan/speed/set", "1")]),
        ("set_percentage", {"percentage": 50}, [("fan/speed/set", "2")]),
        ("set_percentage", {"percentage": 100}, [("fan/speed/set", "3")]),
        ("set_percentage", {"percentage": 0}, [("fan/speed/set", "0")]),
        ("increase_speed", {}, [("fan/speed/set", "3")]),
        ("decrease_speed", {}, [("fan/speed/set", "1")]),
        ("turn_on", {"percentage": 66}, [("fan/on/set", "true"), ("fan/speed/set", "2")]),
        ("set_preset_mode", {"preset_mode": "sleep"}, [("fan/preset/set", "p-sleep")]),
        ("oscillate", {"oscillating": False}, [("fan/swing/set", "oscillate_off")]),
        ("set_direction", {"direction": "forward"}, [("fan/direction/set", "forward")]),
        ("toggle", {}, [("fan/on/set", "false")]),
    ],
)
def test_what_a_fan_is_told(
    service: str, data: dict[str, Any], messages: list[tuple[str, str]]
) -> None:
    fan = told(build("fan", FAN), ("fan/on/state", "true"), ("fan/speed/state", "2"))
    assert said(fan, service, **data) == messages
    shows(fan, "on", percentage=66)


def test_a_fan_with_many_speeds_steps_by_one_per_cent() -> None:
    config = {"command_topic": "f", "percentage_command_topic": "p", "speed_range_max": 255}
    fan = build("fan", config)
    assert said(fan, "set_percentage", percentage=20) == [("p", "51")]
    assert said(fan, "increase_speed") == [("p", "54")]
    shows(fan, "on", percentage=21, percentage_step=1)
    said(fan, "set_percentage", percentage=0)
    shows(fan, "off")


def test_a_plain_fan_has_no_speed() -> None:
    fan = build("fan", {"command_topic": "f"})
    assert fan.features == 48
    with pytest.raises(NotUnderstood, match="percentage"):
        fan.command("set_percentage", {"percentage": 50})
    with pytest.raises(NotUnderstood, match="percentage"):
        fan.command("turn_on", {"percentage": 50})
    shows(fan, "unknown")  # what it could not do is not taken for done
    said(fan, "turn_on")
    shows(fan, "on", assumed_state=True)


def test_a_humidifier() -> None:
    config = {
        "command_topic": "h/on",
        "state_topic": "h",
        "state_value_template": "{{ value_json.state }}",
        "target_humidity_command_topic": "h/target",
        "target_humidity_state_topic": "h",
        "target_humidity_state_template": "{{ value_json.target }}",
        "current_humidity_topic": "h",
        "current_humidity_template": "{{ value_json.now }}",
        "mode_command_topic": "h/mode",
        "mode_state_topic": "h",
        "mode_state_template": "{{ value_json.mode }}",
        "modes": ["auto", "sleep"],
        "action_topic": "h",
        "action_template": "{{ value_json.action }}",
        "device_class": "humidifier",
        "min_humidity": 30,
        "max_humidity": 80,
    }
    device = build("humidifier", config)
    report = {"state": "ON", "target": 50, "now": 41, "mode": "sleep", "action": "humidifying"}
    told(device, ("h", report))
    shows(device, "on", humidity=50, current_humidity=41, mode="sleep", action="humidifying")
    shows(device, "on", min_humidity=30, max_humidity=80, available_modes=["auto", "sleep"])
    assert said(device, "set_humidity", humidity=55) == [("h/target", "55")]
    assert said(device, "set_mode", mode="auto") == [("h/mode", "auto")]
    assert said(device, "turn_off") == [("h/on", "OFF")]
    for service, data in (("set_humidity", {"humidity": 90}), ("set_mode", {"mode": "dry"})):
        with pytest.raises(NotUnderstood, match=r"90|dry"):
            device.command(service, data)


# --- lock, valve, alarm, siren ---------------------------------------------------------------


def test_a_lock() -> None:
    lock = build(
        "lock",
        {
            "command_topic": "zigbee2mqtt/door/set",
            "state_topic": "zigbee2mqtt/door",
            "value_template": "{{ value_json.lock_state }}",
            "payload_lock": "LOCK",
            "payload_open": "OPEN",
            "state_locked": "locked",
            "state_unlocked": "unlocked",
            "state_jammed": "not_fully_locked",
        },
    )
    assert lock.features == 1
    for reported, state in (
        ("locked", "locked"),
        ("unlocked", "unlocked"),
        ("not_fully_locked", "jammed"),
        ("LOCKING", "locking"),
        (None, "unknown"),
    ):
        told(lock, ("zigbee2mqtt/door", {"lock_state": reported}))
        shows(lock, state)
    assert said(lock, "lock") == [("zigbee2mqtt/door/set", "LOCK")]
    assert said(lock, "unlock") == [("zigbee2mqtt/door/set", "UNLOCK")]
    assert said(lock, "open") == [("zigbee2mqtt/door/set", "OPEN")]
    shows(lock, "unknown")
    refuses(lock, "zigbee2mqtt/door", {"lock_state": "ajar"}, "ajar")


def test_a_lock_that_reports_nothing() -> None:
    lock = build("lock", {"command_topic": "l", "payload_open": "OPEN"})
    shows(lock, "unknown")  # nobody has locked it yet
    for service, state in (("lock", "locked"), ("unlock", "unlocked"), ("open", "open")):
        said(lock, service)
        shows(lock, state, assumed_state=True)


def test_a_lock_with_a_code() -> None:
    template = '{"state":"{{ value }}","code":"{{ code }}"}'
    config = {"command_topic": "l", "code_format": r"^\d{4}$", "command_template": template}
    lock = build("lock", config)
    assert said(lock, "unlock", code="1234") == [("l", '{"state":"UNLOCK","code":"1234"}')]
    shows(lock, "unlocked", code_format=r"^\d{4}$")
    for code in ({}, {"code": "12"}, {"code": "12345"}):
        with pytest.raises(NotUnderstood, match="code"):
            lock.command("lock", code)
    with pytest.raises(NotUnderstood, match="open"):
        lock.command("open", {"code": "1234"})
    shows(lock, "unlocked")


def test_a_valve_that_opens_and_closes() -> None:
    valve = build("valve", {"command_topic": "v/set", "state_topic": "v", "payload_stop": "HALT"})
    assert valve.features == 1 | 2 | 8
    told(valve, ("v", "opening"))
    shows(valve, "opening")
    told(valve, ("v", '{"state": "open"}'))
    shows(valve, "open", current_position=None)
    assert said(valve, "close_valve") == [("v/set", "CLOSE")]
    assert said(valve, "stop_valve") == [("v/set", "HALT")]
    with pytest.raises(NotUnderstood, match="set_valve_position"):
        valve.command("set_valve_position", {"position": 3})
    refuses(valve, "v", "leaking", "leaking")


def test_a_valve_that_reports_its_position() -> None:
    valve = build(
        "valve",
        {
            "command_topic": "v/set",
            "state_topic": "v",
            "reports_position": True,
            "position_closed": 100,
            "position_open": 0,
        },
    )
    assert valve.features == 7
    told(valve, ("v", "60"))
    shows(valve, "open", current_position=40)
    told(valve, ("v", {"state": "closing", "position": 90}))
    shows(valve, "closing", current_position=10)
    told(valve, ("v", "100"))
    shows(valve, "closed", current_position=0)
    assert said(valve, "set_valve_position", position=40) == [("v/set", "60")]
    assert said(valve, "open_valve") == [("v/set", "0")]
    assert said(valve, "close_valve") == [("v/set", "100")]
    with pytest.raises(NotUnderstood, match="payload_open"):
        build("valve", {"command_topic": "v", "reports_position": True, "payload_open": "O"})


ALARM: Mapping[str, Any] = {
    "command_topic": "alarm/set",
    "state_topic": "alarm",
    "supported_features": ["arm_home", "arm_away"],
}


def test_an_alarm_panel() -> None:
    panel = told(build("alarm_control_panel", ALARM), ("alarm", "armed_away"))
    shows(panel, "armed_away", code_format=None)
    assert panel.features == 3
    assert said(panel, "alarm_arm_home") == [("alarm/set", "ARM_HOME")]
    assert said(panel, "alarm_disarm") == [("alarm/set", "DISARM")]
    for service in ("alarm_arm_night", "alarm_trigger", "arm_home", "turn_off"):
        with pytest.raises(NotUnderstood, match=service):
            panel.command(service, {})
    refuses(panel, "alarm", "asleep", "asleep")
    told(panel, ("alarm", "None"))
    shows(panel, "unknown")


def test_codes_of_alarm_panels() -> None:
    local = build("alarm_control_panel", {**ALARM, "code": 4711, "code_arm_required": False})
    shows(local, "unknown", code_format="number", code_arm_required=False)
    assert said(local, "alarm_arm_away") == [("alarm/set", "ARM_AWAY")]
    assert said(local, "alarm_disarm", code="4711") == [("alarm/set", "DISARM")]
    for data in ({}, {"code": "1234"}):
        with pytest.raises(NotUnderstood, match="code"):
            local.command("alarm_disarm", data)
    template = "{{ action }}:{{ code }}"
    remote = {**ALARM, "code": "REMOTE_CODE_TEXT", "command_template": template}
    panel = build("alarm_control_panel", remote)
    shows(panel, "unknown", code_format="text")
    assert said(panel, "alarm_disarm", code="abc") == [("alarm/set", "DISARM:abc")]


def test_a_siren() -> None:
    siren = build(
        "siren",
        {"command_topic": "s/set", "state_topic": "s", "available_tones": ["bell", "fire"]},
    )
    assert siren.features == 31
    told(siren, ("s", {"state": "ON", "tone": "fire", "volume_level": 0.5, "duration": 20}))
    shows(siren, "on", tone="fire", volume_level=0.5, duration=20)
    told(siren, ("s", "OFF"))
    shows(siren, "off")
    refuses(siren, "s", {"state": "ON", "tone": "polka"}, "polka")
    data = {"tone": "bell", "duration": 10, "volume_level": 0.25}
    assert said(siren, "turn_on", **data) == [
        ("s/set", '{"state":"ON","tone":"bell","duration":10,"volume_level":0.25}')
    ]
    assert said(siren, "turn_off") == [("s/set", '{"state":"OFF"}')]


def test_a_siren_on_a_relay() -> None:
    siren = build(
        "siren",
        {
            "command_topic": "cmnd/siren/POWER",
            "command_template": "{{ value }}",
            "state_topic": "stat/siren/RESULT",
            "state_value_template": "{{ value_json.POWER }}",
            "support_duration": False,
            "support_volume_set": False,
        },
    )
    assert siren.features == 3
    told(siren, ("stat/siren/RESULT", {"POWER": "ON"}))
    shows(siren, "on")
    assert said(siren, "turn_on", duration=3) == [("cmnd/siren/POWER", "ON")]
    assert said(siren, "turn_off") == [("cmnd/siren/POWER", "OFF")]


# --- vacuum, lawn_mower ----------------------------------------------------------------------


def test_a_vacuum() -> None:
    robot = build(
        "vacuum",
        {
            "command_topic": "valetudo/bot/command",
            "fan_speed_list": ["low", "max"],
            "send_command_topic": "valetudo/bot/custom",
            "set_fan_speed_topic": "valetudo/bot/fan",
            "state_topic": "valetudo/bot/state",
            "supported_features": "start stop pause return_home fan_speed locate send_command"
            " battery status".split(),
        },
    )
    assert robot.features == 4096 | 8192 | 8 | 4 | 16 | 32 | 512 | 256 | 64 | 128
    report = {"state": "cleaning", "battery_level": 70, "fan_speed": "max"}
    told(robot, ("valetudo/bot/state", report))
    shows(robot, "cleaning", battery_level=70, fan_speed="max", fan_speed_list=["low", "max"])
    for service in ("start", "stop", "pause", "return_to_base", "locate"):
        assert said(robot, service) == [("valetudo/bot/command", service)]
    assert said(robot, "set_fan_speed", fan_speed="low") == [("valetudo/bot/fan", "low")]
    assert said(robot, "send_command", command="dance") == [("valetudo/bot/custom", "dance")]
    assert said(robot, "send_command", command="dance", params={"style": "tango"}) == [
        ("valetudo/bot/custom", '{"command":"dance","style":"tango"}')
    ]
    with pytest.raises(NotUnderstood, match="clean_spot"):
        robot.command("clean_spot", {})
    with pytest.raises(NotUnderstood, match="warp"):
        robot.command("set_fan_speed", {"fan_speed": "warp"})
    refuses(robot, "valetudo/bot/state", {"state": "hiding"}, "hiding")
    refuses(robot, "valetudo/bot/state", "cleaning", "JSON")
    told(robot, ("valetudo/bot/state", {"state": None}))
    shows(robot, "unknown")


def test_a_lawn_mower() -> None:
    mower = build(
        "lawn_mower",
        {
            "activity_state_topic": "mower",
            "activity_value_template": "{{ value_json.activity }}",
            "start_mowing_command_topic": "mower/set",
            "dock_command_topic": "mower/set",
            "dock_command_template": '{"activity":"{{ value }}"}',
        },
    )
    assert mower.features == 5
    told(mower, ("mower", {"activity": "mowing"}))
    shows(mower, "mowing")
    assert said(mower, "start_mowing") == [("mower/set", "start_mowing")]
    assert said(mower, "dock") == [("mower/set", '{"activity":"dock"}')]
    with pytest.raises(NotUnderstood, match="pause"):
        mower.command("pause", {})
    refuses(mower, "mower", {"activity": "grazing"}, "grazing")


# --- number, select, text, button, scene, event ----------------------------------------------


def test_a_number() -> None:
    number = build(
        "number",
        {
            "command_topic": "n/set",
            "state_topic": "n",
            "min": 0,
            "max": 10,
            "step": 0.5,
            "unit_of_measurement": "s",
        },
    )
    told(number, ("n", "4"))
    shows(number, "4", min=0, max=10, step=0.5, unit_of_measurement="s", mode="auto")
    told(number, ("n", "4.5"))
    shows(number, "4.5")
    told(number, ("n", "4.0"))
    shows(number, "4.0")
    refuses(number, "n", "11", "11")
    refuses(number, "n", "nan", "nan")
    assert said(number, "set_value", value=3.0) == [("n/set", "3")]
    assert said(number, "set_value", value="2.5") == [("n/set", "2.5")]
    with pytest.raises(NotUnderstood, match="12"):
        number.command("set_value", {"value": 12})
    told(number, ("n", "None"))
    shows(number, "unknown")


def test_a_select() -> None:
    select = build(
        "select",
        {
            "command_topic": "zigbee2mqtt/plug/set/power_on",
            "options": ["off", "previous", "on"],
            "state_topic": "zigbee2mqtt/plug",
            "value_template": "{{ value_json.power_on }}",
        },
    )
    told(select, ("zigbee2mqtt/plug", {"power_on": "previous"}))
    shows(select, "previous", options=["off", "previous", "on"])
    assert said(select, "select_option", option="on") == [("zigbee2mqtt/plug/set/power_on", "on")]
    with pytest.raises(NotUnderstood, match="maybe"):
        select.command("select_option", {"option": "maybe"})
    refuses(select, "zigbee2mqtt/plug", {"power_on": "maybe"}, "maybe")
    told(select, ("zigbee2mqtt/plug", {"state": "ON"}))
    shows(select, "previous")


def test_a_text() -> None:
    text = build(
        "text",
        {"command_topic": "t/set", "state_topic": "t", "min": 2, "max": 8, "pattern": "[a-z ]+"},
    )
    told(text, ("t", "hello"))
    shows(text, "hello", min=2, max=8, mode="text", pattern="[a-z ]+")
    assert said(text, "set_value", value="good day") == [("t/set", "good day")]
    for wrong in ("x", "too long a text", "HELLO", 5):
        with pytest.raises(NotUnderstood, match="value"):
            text.command("set_value", {"value": wrong})
    refuses(text, "t", "HELLO", "HELLO")


@pytest.mark.parametrize(
    ("domain", "config", "service", "payload"),
    [
        ("button", {"payload_press": "restart"}, "press", "restart"),
        ("button", {"command_template": '{"do":"{{ value }}"}'}, "press", '{"do":"PRESS"}'),
        ("scene", {}, "turn_on", "ON"),
        ("scene", {"payload_on": '{"scene_recall": 1}'}, "turn_on", '{"scene_recall": 1}'),
    ],
)
def test_what_is_pressed(domain: str, config: dict[str, str], service: str, payload: str) -> None:
    component = build(domain, {"command_topic": "c", **config})
    shows(component, "unknown")
    assert said(component, service) == [("c", payload)]
    assert component.state.startswith("20")
    with pytest.raises(NotUnderstood, match="turn_off"):
        component.command("turn_off", {})


def test_an_event() -> None:
    bell = build(
        "event",
        {"state_topic": "bell", "event_types": ["press", "hold"], "device_class": "doorbell"},
    )
    shows(bell, "unknown", event_types=["press", "hold"], event_type=None)
    told(bell, ("bell", {"event_type": "press", "duration": 0.4}))
    assert bell.state.endswith("+00:00")
    shows(bell, bell.state, event_type="press", duration=0.4)
    refuses(bell, "bell", {"event_type": "kick"}, "kick")
    refuses(bell, "bell", "press", "JSON")
    told(bell, ("bell", ""))


# --- what firmware really sends --------------------------------------------------------------


def test_an_openbeken_light_has_colours_as_hexadecimal_numbers() -> None:
    strip = build(
        "light",
        {
            "command_topic": "obk/led_enableAll",
            "state_topic": "obk/led_enableAll/get",
            "payload_on": 1,
            "payload_off": 0,
            "rgb_command_template": "{{'#%02x%02x%02x0000'|format(red,green,blue)}}",
            "rgb_value_template": "{{ value[0:2]|int(base=16) }},{{ value[2:4]|int(base=16) }},"
            "{{ value[4:6]|int(base=16) }}",
            "rgb_state_topic": "obk/led_basecolor_rgb/get",
            "rgb_command_topic": "obk/led_basecolor_rgb",
            "brightness_command_topic": "obk/led_dimmer",
            "brightness_state_topic": "obk/led_dimmer/get",
            "brightness_scale": 100,
        },
    )
    told(strip, ("obk/led_enableAll/get", "1"), ("obk/led_basecolor_rgb/get", "FF8000"))
    told(strip, ("obk/led_dimmer/get", "40"))
    shows(strip, "on", rgb_color=(255, 128, 0), brightness=102)
    assert said(strip, "turn_on", rgb_color=(1, 2, 255), brightness_pct=50) == [
        ("obk/led_basecolor_rgb", "#0102ff0000"),
        ("obk/led_dimmer", "50"),
        ("obk/led_enableAll", "1"),
    ]


def test_a_shelly_light_of_the_template_schema() -> None:
    status = "shellies/rgbw2/color/0/status"
    lamp = build(
        "light",
        {
            "schema": "template",
            "command_topic": "shellies/rgbw2/color/0/set",
            "state_topic": status,
            "command_on_template": '{ {%- if red is defined -%} "red": {{ red }}, {%- endif -%}'
            ' {%- if brightness is defined -%} "gain": {{ brightness | float | multiply(0.3922)'
            ' | round(0) }}, {%- endif -%} "turn": "on"}',
            "command_off_template": '{"turn":"off"}',
            "state_template": "{% if value_json.ison %}on{% else %}off{% endif %}",
            "brightness_template": "{{ value_json.gain | float | multiply(2.55) | round(0) }}",
            "red_template": "{{ value_json.red }}",
            "green_template": "{{ value_json.green }}",
            "blue_template": "{{ value_json.blue }}",
        },
    )
    told(lamp, (status, {"ison": True, "gain": 50, "red": 255, "green": 0, "blue": 0}))
    shows(lamp, "on", brightness=127, rgb_color=(255, 0, 0))
    told(lamp, (status, {"ison": False}))  # the brightness is not in it, the state is
    shows(lamp, "off")
    [(_, payload)] = said(lamp, "turn_on", brightness=100, rgb_color=(255, 0, 128))
    assert json.loads(payload) == {"red": 255, "gain": 39, "turn": "on"}


def test_a_zigbee_radiator_valve() -> None:
    topic = "zigbee2mqtt/trv"
    valve = build(
        "climate",
        {
            "action_template": "{% set values = {None:None,'idle':'idle','heat':'heating'} %}"
            "{{ values[value_json.running_state] }}",
            "action_topic": topic,
            "current_temperature_template": "{{ value_json.local_temperature }}",
            "current_temperature_topic": topic,
            "max_temp": "35",
            "min_temp": "5",
            "mode_command_topic": "zigbee2mqtt/trv/set/system_mode",
            "mode_state_template": "{{ value_json.system_mode }}",
            "mode_state_topic": topic,
            "modes": ["off", "heat", "auto"],
            "temp_step": 0.5,
            "temperature_command_topic": "zigbee2mqtt/trv/set/occupied_heating_setpoint",
            "temperature_state_template": "{{ value_json.occupied_heating_setpoint }}",
            "temperature_state_topic": topic,
            "temperature_unit": "C",
        },
    )
    report = {"running_state": "heat", "local_temperature": 19.37, "system_mode": "auto"}
    told(valve, (topic, report | {"occupied_heating_setpoint": 21.5}))
    shows(valve, "auto", hvac_action="heating", current_temperature=19.4, temperature=21.5)
    told(valve, (topic, {"running_state": None, "system_mode": "heat"}))
    shows(valve, "heat", hvac_action=None, temperature=21.5, min_temp=5, max_temp=35)
    assert said(valve, "set_temperature", temperature=22) == [
        ("zigbee2mqtt/trv/set/occupied_heating_setpoint", "22.0")
    ]


def test_a_zigbee_fan_whose_speeds_have_names() -> None:
    fan = build(
        "fan",
        {
            "command_topic": "zigbee2mqtt/fan/set/fan_state",
            "state_topic": "zigbee2mqtt/fan",
            "state_value_template": "{{ value_json.fan_state }}",
            "percentage_command_template": "{{ {0:'off', 1:'low', 2:'medium', 3:'high'}[value]"
            " | default('') }}",
            "percentage_command_topic": "zigbee2mqtt/fan/set/fan_mode",
            "percentage_state_topic": "zigbee2mqtt/fan",
            "percentage_value_template": "{{ {'off':0, 'low':1, 'medium':2, 'high':3}"
            "[value_json.fan_mode] | default('None') }}",
            "speed_range_max": 3,
        },
    )
    told(fan, ("zigbee2mqtt/fan", {"fan_state": "ON", "fan_mode": "medium"}))
    shows(fan, "on", percentage=66)
    told(fan, ("zigbee2mqtt/fan", {"fan_state": "ON", "fan_mode": "smart"}))
    shows(fan, "on", percentage=None)
    message = ("zigbee2mqtt/fan/set/fan_mode", "high")
    assert said(fan, "set_percentage", percentage=100) == [message]


def test_an_event_that_a_template_makes() -> None:
    remote = build(
        "event",
        {
            "state_topic": "zigbee2mqtt/remote",
            "event_types": ["single", "double"],
            "value_template": "{% set ns = namespace(r=[]) %}"
            "{% for p in ['^(?P<action>single|double)$'] %}"
            "{% set m = value_json.action | default('') | regex_findall(p) %}"
            "{% if m[0] is undefined %}{% continue %}{% endif %}"
            "{% for key, value in zip(['event_type'], m) %}"
            "{% set ns.r = ns.r | rejectattr(0, 'eq', key) | list + [(key, value)] %}"
            "{% endfor %}{% endfor %}{{ dict(ns.r) | to_json }}",
        },
    )
    told(remote, ("zigbee2mqtt/remote", {"action": "double"}))
    shows(remote, remote.state, event_type="double")
    told(remote, ("zigbee2mqtt/remote", {"action": ""}), ("zigbee2mqtt/remote", {"battery": 3}))
    shows(remote, remote.state, event_type="double")


# --- what all have in common -----------------------------------------------------------------

MINIMAL: Mapping[str, Mapping[str, Any]] = {
    "alarm_control_panel": ALARM,
    "binary_sensor": {"state_topic": "s"},
    "button": {"command_topic": "c"},
    "climate": ESPHOME_CLIMATE,
    "cover": SHUTTER,
    "event": {"state_topic": "s", "event_types": ["press"]},
    "fan": FAN,
    "humidifier": {"command_topic": "c", "target_humidity_command_topic": "t", "state_topic": "s"},
    "lawn_mower": {"activity_state_topic": "s", "dock_command_topic": "d"},
    "light": Z2M_BULB,
    "lock": {"command_topic": "c", "state_topic": "s"},
    "number": {"command_topic": "c", "state_topic": "s"},
    "scene": {"command_topic": "c"},
    "select": {"command_topic": "c", "state_topic": "s", "options": ["a", "b"]},
    "sensor": SENSOR,
    "siren": {"command_topic": "c", "state_topic": "s", "available_tones": ["a"]},
    "switch": TASMOTA_SWITCH,
    "text": {"command_topic": "c", "state_topic": "s"},
    "vacuum": {"command_topic": "c", "state_topic": "s"},
    "valve": {"command_topic": "c", "state_topic": "s", "reports_position": True},
    "water_heater": {"mode_command_topic": "c", "mode_state_topic": "s"},
}
CONFIGS = [
    *MINIMAL.items(),
    ("light", TASMOTA_LIGHT),
    ("light", WLED),
    ("light", TEMPLATE_LIGHT),
    ("sensor", {"state_topic": "s", "device_class": "timestamp"}),
]


def test_every_platform_is_tried() -> None:
    assert set(MINIMAL) == set(PLATFORMS)


@pytest.mark.parametrize("domain", ["camera", "device_automation", "image", "tag", "update", "x"])
def test_what_is_not_supported_is_named(domain: str) -> None:
    with pytest.raises(NotUnderstood, match=domain):
        build(domain, {"command_topic": "c"})


@pytest.mark.parametrize(
    ("domain", "config", "word"),
    [
        ("switch", {}, "command_topic"),
        ("switch", {"command_topic": "a/#"}, "command_topic"),
        ("switch", {"command_topic": ""}, "command_topic"),
        ("switch", {"command_topic": ["a"]}, "command_topic"),
        ("switch", {"command_topic": "c", "qos": 3}, "qos"),
        ("switch", {"command_topic": "c", "retain": "perhaps"}, "retain"),
        ("switch", {"command_topic": "c", "command_template": "{{ value"}, "command_template"),
        ("sensor", {"state_topic": "s", "value_template": "{{ states('a.b') }}"}, "states"),
        ("sensor", {"state_topic": "s", "value_template": "{{ value | no }}"}, "value_template"),
        ("sensor", {}, "state_topic"),
        ("light", {"command_topic": "c", "schema": "none"}, "schema"),
        ("light", {"command_topic": "c", "brightness_scale": 0}, "brightness_scale"),
        ("light", {**Z2M_BULB, "supported_color_modes": ["gold"]}, "gold"),
        ("cover", {"set_position_topic": "p"}, "position_topic"),
        ("cover", {"command_topic": "c", "position_open": 0}, "scale"),
        ("fan", {"command_topic": "c", "speed_range_max": 1}, "speed_range"),
        ("number", {"command_topic": "c", "min": 5, "max": 2}, "min"),
        ("number", {"command_topic": "c", "max": "much"}, "max"),
        ("select", {"command_topic": "c"}, "options"),
        ("lock", {"command_topic": "c", "code_format": "(a+)+$"}, "group"),
        ("vacuum", {"supported_features": ["fly"]}, "fly"),
        ("event", {"state_topic": "s"}, "event_types"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(
    domain: str, config: dict[str, Any], word: str
) -> None:
    with pytest.raises(NotUnderstood, match=word):
        build(domain, config)


@pytest.mark.parametrize(("domain", "config"), CONFIGS)
def test_attributes_of_an_own_topic(domain: str, config: Mapping[str, Any]) -> None:
    own = {
        "json_attributes_topic": "own",
        "json_attributes_template": "{{ value_json.data | tojson }}",
        "icon": "mdi:robot",
        "qos": 1,
    }
    component = build(domain, {**config, **own})
    assert component.topics["own"] == 1
    told(component, ("own", {"data": {"signal": 7, "icon": "no"}}))
    shows(component, component.state, signal=7, icon="mdi:robot")
    refuses(component, "own", {"data": 3}, "json_attributes_topic")


@pytest.mark.parametrize(("domain", "config"), CONFIGS)
def test_what_is_for_others_changes_nothing(domain: str, config: Mapping[str, Any]) -> None:
    component = build(domain, config)
    assert component.domain == domain
    told(component, ("somebody/else", "ON"))
    shows(component, "unknown")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                "state brightness color color_mode color_temp x y h s r g b effect position tilt"
                " POWER Dimmer Color CT temperature v data event_type tone duration".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
WORDS = st.sampled_from(
    "ON OFF on off None null true open closed opening 0 1 50 255 -1 1e400 nan inf 1,2,3 LOCKED"
    " xy hs color_temp armed_away cool {} [] #ff0000 #zz".split()
)
PAYLOADS = st.text(max_size=20) | WORDS | JSON.map(json.dumps)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.lists(st.integers(-1, 256) | st.floats() | st.text(max_size=2), max_size=5)
)
SERVICES = st.sampled_from(
    "turn_on turn_off toggle open_cover close_cover set_cover_position set_cover_tilt_position"
    " set_temperature set_hvac_mode set_fan_mode set_humidity set_percentage increase_speed"
    " set_preset_mode oscillate set_direction lock unlock open set_value select_option press"
    " start pause send_command set_fan_speed alarm_disarm alarm_arm_away set_valve_position"
    " set_operation_mode dock x".split()
)
KEYS = st.sampled_from(
    "brightness brightness_pct brightness_step_pct rgb_color hs_color xy_color color_temp_kelvin"
    " color_temp effect white transition flash position tilt_position temperature hvac_mode"
    " target_temp_high humidity mode percentage percentage_step preset_mode oscillating direction"
    " code value option command params fan_speed tone duration volume_level".split()
)


def test_a_temperature_beyond_all_measure_is_none() -> None:
    config = {"current_temperature_topic": "t", "precision": 0.1, "mode_command_topic": "m"}
    component = build("climate", {**config, "modes": ["off", "heat"]})
    component.receive("t", "21.04")
    assert component.attributes["current_temperature"] == 21.0
    component.receive("t", "1e308")
    assert component.attributes.get("current_temperature") is None


@pytest.mark.parametrize(("domain", "config"), CONFIGS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_no_message_and_no_command_breaks_a_device(
    domain: str, config: Mapping[str, Any], data: st.DataObject
) -> None:
    component = build(domain, config)
    topics = sorted(component.topics)
    for _ in range(data.draw(st.integers(1, 6))):
        before = component.state, dict(component.attributes)
        try:
            if topics and data.draw(st.booleans()):
                component.receive(data.draw(st.sampled_from(topics)), data.draw(PAYLOADS))
            else:
                arguments = data.draw(st.dictionaries(KEYS, VALUES, max_size=3))
                messages = component.command(data.draw(SERVICES), arguments)
                assert all(isinstance(message.payload, str) for message in messages)
        except NotUnderstood:
            assert (component.state, dict(component.attributes)) == before
        assert isinstance(component.state, str)
        json.dumps(dict(component.attributes))


@given(
    config=st.dictionaries(
        st.sampled_from(sorted({key for _, config in CONFIGS for key in config} | {"retain"})),
        VALUES | st.sampled_from(["t", "{{ value }}", "{{", "json", "template"]),
        max_size=8,
    ),
    domain=st.sampled_from(sorted(PLATFORMS)),
)
@settings(max_examples=200, deadline=None)
def test_no_configuration_breaks_the_hub(config: dict[str, Any], domain: str) -> None:
    for given_config in (config, {**MINIMAL[domain], **config}):
        try:
            build(domain, given_config)
        except NotUnderstood as error:
            assert str(error)
