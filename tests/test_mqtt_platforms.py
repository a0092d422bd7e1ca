"""Devices on MQTT: what they report becomes the states that Home Assistant would show, and what is
asked of them becomes the messages that it would send. The configurations are those of firmware.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from hub.devices.mqtt.component import Component, NotUnderstood, Publication
from hub.devices.mqtt.platforms import build


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
    "schema": "default",
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
        ({"transition": 2}, '{"state":"ON","transition":2}'),
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
    refuses(lamp, "rgb/status", "perhaps,1,1-1-1", "perhaps")


def test_a_light_that_reports_nothing_is_taken_at_its_word() -> None:
    lamp = build("light", {"command_topic": "l", "brightness_command_topic": "b"})
    said(lamp, "turn_on", brightness_pct=40)
    shows(lamp, "on", brightness=102, assumed_state=True)
    said(lamp, "toggle")
    shows(lamp, "off")


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
    refuses(sensor, "zigbee2mqtt/climate", {"temperature": "warm"}, "warm")
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
    shows(shutter, "closed", current_position=0, current_tilt_position=0)
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
