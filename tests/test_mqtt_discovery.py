"""Announcements are read: short keys, base topics, names; and nothing that is sent does harm."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.devices.mqtt.complaints import PER_MINUTE, Complaints, shown
from hub.devices.mqtt.component import NotUnderstood
from hub.devices.mqtt.discovery import Announced, place, read, spoken
from hub.devices.mqtt.entities import slug


def announced(config: Any, topic: str = "light/x") -> list[Announced]:
    where = place(f"homeassistant/{topic}/config", "homeassistant")
    assert where
    reading = read(where, json.dumps(config).encode())
    assert not reading.faults
    return reading.announced


@pytest.mark.parametrize(
    ("topic", "component", "object_id"),
    [
        ("homeassistant/light/lamp/config", "light", "lamp"),
        ("homeassistant/light/0x01/lamp/config", "light", "0x01 lamp"),
        ("homeassistant/device/d-1/config", "device", "d-1"),
    ],
)
def test_where_announcements_stand(topic: str, component: str, object_id: str) -> None:
    found = place(topic, "homeassistant")
    assert found
    assert (found.component, found.object_id) == (component, object_id)


@pytest.mark.parametrize(
    "topic",
    [
        "homeassistant/status",
        "homeassistant/light/config",
        "homeassistant/light/a/b/c/config",
        "homeassistant/light/a b/config",
        "homeassistant/light/lamp/state",
        "homeassistant2/light/lamp/config",
        "elsewhere/homeassistant/light/lamp/config",
    ],
)
def test_where_none_stand(topic: str) -> None:
    assert place(topic, "homeassistant") is None


def test_short_keys_and_base_topics() -> None:
    [lamp] = announced(
        {
            "~": "home/lamp",
            "name": "~ stays ~",
            "cmd_t": "~/set",
            "stat_t": "tele/~",
            "bri_cmd_t": "~",
            "val_tpl": "~{{ value }}~",
            "avty": [{"t": "~/alive", "pl_avail": "up"}, {"topic": "bridge"}],
            "dev": {"ids": "7", "mdl": "M", "sa": "Hall", "cns": [["mac", "aa"]]},
            "ent_cat": "config",
            "uniq_id": 17,
        }
    )
    assert lamp.config["command_topic"] == "home/lamp/set"
    assert lamp.config["state_topic"] == "tele/home/lamp"
    assert lamp.config["brightness_command_topic"] == "home/lamp"
    assert lamp.config["value_template"] == "~{{ value }}~"
    assert lamp.name == "~ stays ~"
    assert [(s.topic, s.available) for s in lamp.availability] == [
        ("home/lamp/alive", "up"),
        ("bridge", "online"),
    ]
    assert lamp.device and (lamp.device.area, lamp.device.identity) == ("Hall", "7|mac:aa")
    assert (lamp.hidden, lamp.unique_id) == (True, "17")


def test_a_device_says_some_things_once_for_all_its_entities() -> None:
    device = {
        "dev": {"ids": ["d"], "name": "D"},
        "o": {"name": "o"},
        "~": "base",
        "stat_t": "~/state",
        "avty_t": "~/alive",
        "cmps": {
            "a": {"p": "sensor", "name": "A"},
            "b": {"p": "switch", "name": "B", "~": "own", "stat_t": "~/state", "cmd_t": "~/set"},
        },
    }
    a, b = announced(device, "device/d")
    assert (a.domain, a.key, a.config["state_topic"]) == ("sensor", "a", "base/state")
    assert (b.domain, b.key, b.config["state_topic"]) == ("switch", "b", "own/state")
    assert a.availability == b.availability
    assert a.availability[0].topic == "base/alive"


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"name": "Lamp"}, "Lamp"),
        ({"name": "Lamp", "device": {"name": "Lamp"}}, None),
        ({"name": None, "device": {"name": "Lamp"}}, None),
        ({"device_class": "temperature"}, "Temperature"),
        ({"device_class": "carbon_dioxide"}, "Carbon dioxide"),
        ({"device_class": "pm25"}, "PM2.5"),
        ({"device": {"name": "Lamp"}}, None),
        ({"name": "a\x00b\n\u202ec  d"}, "a b c d"),
        ({"name": "x" * 5000}, "x" * 100),
        ({"name": "\u200b"}, None),
    ],
)
def test_the_name_of_an_entity(config: dict[str, Any], name: str | None) -> None:
    [entity] = announced(config, "sensor/x")
    assert entity.name == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Küche: Licht 1", "kuche_licht_1"),
        ("Straße", "strasse"),
        ("  Ærø  ", "aero"),
        ("Łódź", "lodz"),
        ("照明", ""),
    ],
)
def test_words_become_ids(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_fault_in_one_entity_of_a_device_costs_that_one() -> None:
    where = place("homeassistant/device/d/config", "homeassistant")
    assert where
    parts = {
        "good": {"p": "sensor", "stat_t": "a"},
        "bad": {"p": "sensor", "stat_t": "a/#"},
        "worse": 3,
    }
    reading = read(where, json.dumps({"cmps": parts}).encode())
    assert [entity.key for entity in reading.announced] == ["good"]
    assert [fault[:17] for fault in reading.faults] == ["component 'bad': ", "component 'worse'"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)
KEYS = st.sampled_from(
    "~ name dev device avty availability availability_mode cmps components stat_t cmd_t uniq_id"
    " object_id def_ent_id en ent_cat exp_aft val_tpl p topic ids sa o".split()
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    component=st.sampled_from(["light", "device", "sensor"]),
    content=st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=4), max_size=8),
)
def test_whatever_is_announced_is_read_or_refused(component: str, content: Any) -> None:
    where = place(f"homeassistant/{component}/x/config", "homeassistant")
    assert where
    try:
        reading = read(where, json.dumps(content).encode())
    except NotUnderstood as error:
        assert str(error)
    else:
        for entity in reading.announced:
            assert entity.name is None or entity.name.isprintable()


@given(payload=st.binary(max_size=200))
def test_whatever_bytes_come_are_read_or_refused(payload: bytes) -> None:
    where = place("homeassistant/light/x/config", "homeassistant")
    assert where
    try:
        read(where, payload)
    except NotUnderstood as error:
        assert str(error)


@given(text=st.text(st.characters(exclude_categories=())))
def test_names_can_be_said_and_shown(text: str) -> None:
    name = spoken(text)
    assert name is None or (name.isprintable() and name == name.strip() and len(name) <= 100)
    assert shown(text).isprintable()
    shown(text).encode("utf-8")


def test_complaints_are_counted_when_they_are_too_many(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    complaints = Complaints(logging.getLogger("test"), clock=lambda: now)
    for number in range(PER_MINUTE + 7):
        complaints.tell(f"complaint {number}")
    assert len(caplog.records) == PER_MINUTE
    now = 61.0
    complaints.tell("another")
    assert caplog.messages[-2:] == ["and 7 more of such complaints", "another"]
