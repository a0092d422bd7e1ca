"""What a pack says of itself: read strictly, told in plain words, compared."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.packs import description
from hub.packs.description import NOTHING, HomeGrant, PackError, Permissions, Setting
from tests import packs_kit


def parsed(text: str) -> description.Pack:
    return description.parse(text.encode())


def permitted(lines: str) -> Permissions:
    return parsed(packs_kit.description(permissions=lines)).permissions


def test_all_of_a_description_is_read(tmp_path: Path) -> None:
    folder = packs_kit.write(
        tmp_path,
        permissions=(
            'home.domains = ["light"]\nhome.areas = ["Kitchen"]\nhome.act = true\n'
            'mqtt = ["coffee/#"]\nnetwork = ["https://API.example.org", "http://192.168.1.20:8080"]\n'
            'speak = true\ntimers = true\nmemory_mb = 128\nevents = ["binary_sensor"]'
        ),
        settings='[settings.token]\ntitle = "Token"\nsecret = true',
    )
    pack = description.read(folder)
    assert (pack.id, pack.version, pack.risk, pack.run) == ("coffee-machine", "1.2.0", "R1", None)
    assert pack.permissions.home == HomeGrant(("light",), ("Kitchen",), (), act=True)
    assert pack.permissions.network == ("https://api.example.org:443", "http://192.168.1.20:8080")
    assert pack.settings["cups"].default == 2
    assert pack.settings["token"].secret and pack.settings["token"].default is None


def test_what_it_may_do_is_said_in_plain_words() -> None:
    found = permitted(
        'home.domains = ["light", "switch"]\nhome.areas = ["Kitchen"]\nhome.act = true\n'
        'mqtt = ["coffee/#"]\nspeak = true\ntimers = true\nmemory_mb = 128\n'
        'events = ["binary_sensor"]\n'
        'network = ["http://192.168.1.20:8080", "https://api.example.org", "http://nas.local",'
        ' "http://127.0.0.1:99"]'
    )
    assert found.in_words() == [
        "see and act on lights and switches and plugs in Kitchen",
        "be told at once when contact, motion and other on-off sensors change",
        "send and hear messages on MQTT: coffee/#",
        "reach http://192.168.1.20:8080 in the home network",
        "reach https://api.example.org on the internet",
        "reach http://nas.local in the home network",
        "reach http://127.0.0.1:99, which is this machine",
        "speak by itself, without being asked",
        "see, set and cancel timers",
        "use 128 MB of memory",
    ]
    assert NOTHING.in_words() == []


def test_permissions_survive_json() -> None:
    found = permitted('home.entities = ["light.hall"]\nmqtt = ["a/+/b"]\nmemory_mb = 16')
    assert description.permissions(json.loads(json.dumps(found.to_table()))) == found


@pytest.mark.parametrize(
    ("wanted", "had"),
    [
        ('home.domains = ["light", "lock"]', 'home.domains = ["light"]'),
        ('home.domains = ["light"]', 'home.domains = ["light"]\nhome.areas = ["Kitchen"]'),
        ('home.areas = ["Kitchen"]', 'home.areas = ["Kitchen"]\nhome.domains = ["light"]'),
        ('home.domains = ["light"]\nhome.act = true', 'home.domains = ["light"]'),
        ('home.entities = ["lock.door"]', 'home.domains = ["light"]'),
        ('home.entities = ["light.a"]', 'home.domains = ["light"]\nhome.areas = ["Kitchen"]'),
        ('mqtt = ["coffee/#"]', 'mqtt = ["coffee/+"]'),
        ('mqtt = ["coffee/+"]', 'mqtt = ["coffee/cup"]'),
        ('mqtt = ["tea/cup"]', 'mqtt = ["coffee/#"]'),
        ('network = ["http://a.example"]', 'network = ["https://a.example"]'),
        ('network = ["https://a.example:8443"]', 'network = ["https://a.example"]'),
        ("speak = true", ""),
        ("timers = true", ""),
        ("memory_mb = 128", "memory_mb = 64"),
        ("memory_mb = 64", "memory_mb = 32"),
        ('events = ["lock"]', 'events = ["light"]'),
    ],
)
def test_what_goes_beyond_is_seen(wanted: str, had: str) -> None:
    assert permitted(wanted).beyond(permitted(had))


@pytest.mark.parametrize(
    ("wanted", "had"),
    [
        ('home.domains = ["light"]', 'home.domains = ["light", "lock"]'),
        ('home.domains = ["light"]\nhome.areas = ["kitchen"]', 'home.areas = ["Kitchen"]'),
        ('home.entities = ["light.a"]', 'home.domains = ["light"]'),
        ('mqtt = ["coffee/+", "coffee/a/b"]', 'mqtt = ["coffee/#"]'),
        ('mqtt = ["a/b/c"]', 'mqtt = ["a/+/c"]'),
        ('network = ["https://a.example:443/"]', 'network = ["https://a.example"]'),
        ("memory_mb = 32", ""),
        ("", "speak = true\ntimers = true"),
    ],
)
def test_what_does_not_go_beyond_is_not_asked_for(wanted: str, had: str) -> None:
    assert permitted(wanted).beyond(permitted(had)) == []


def test_which_devices_are_granted() -> None:
    home = HomeGrant(domains=("light",), areas=("Kitchen",), entities=("fan.hall",))
    assert home.includes("light.a", "kitchen")
    assert home.includes("fan.hall", None)
    assert not home.includes("light.a", "Hall")
    assert not home.includes("light.a")
    assert not home.includes("switch.a", "Kitchen")
    assert not HomeGrant().includes("light.a", "Kitchen")


LINES = {
    "id": 'id = "coffee-machine"',
    "name": 'name = "Coffee machine"',
    "version": 'version = "1.2.0"',
    "sdk": 'sdk = ">=1,<2"',
    "risk": 'risk = "R1"\n\n',
}


@pytest.mark.parametrize(
    ("key", "line", "says"),
    [
        ("id", 'id = "Coffee"', "small letters"),
        ("id", 'id = "cof\u0435e"', "small letters"),  # a Cyrillic e
        ("id", 'id = "light"', "the hub's own"),
        ("id", 'id = "media-player"', "the hub's own"),
        ("id", 'id = "vacuum"', "the hub's own"),
        ("id", 'id = "timers"', "the hub's own"),
        ("id", 'id = "light.set"', "small letters"),
        ("id", 'id = "a--b"', "small letters"),
        ("id", 'id = "' + "a" * 41 + '"', "at most 40"),
        ("id", "id = 7", "id: is a text"),
        ("id", "", "id: is missing"),
        ("name", 'name = "Cof\u202efee"', "U+202E"),
        ("name", 'name = "Cof\\u0000fee"', "U+0000"),
        ("name", 'name = "Coffee\\nIt is safe"', "U+000A"),
        ("name", 'name = "   "', "empty"),
        ("name", f'name = "{"x" * 61}"', "longer than 60"),
        ("version", 'version = "newest"', "no version"),
        ("version", 'version = "1!2.0"', "leave out"),
        ("version", "version = 1.2", "version: is a text"),
        ("sdk", 'sdk = ">=2"', "this hub has"),
        ("sdk", 'sdk = "latest"', "no range"),
        ("risk", 'risk = "R9"\n', "not one of R0, R1, R2, R3"),
        ("risk", 'risk = "R0"\n', "the highest class of its tools is R1"),
        ("name", 'name = "Coffee machine"\nnetwrok = []', "no such key"),
    ],
)
def test_a_wrong_description_is_refused_by_key(key: str, line: str, says: str) -> None:
    text = packs_kit.description()
    assert LINES[key] in text
    with pytest.raises(PackError, match=r"pack\.toml") as caught:
        parsed(text.replace(LINES[key], line, 1))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('home.domains = ["lights"]', "did you mean 'light'"),
        ('home.domians = ["light"]', "did you mean 'domains'"),
        ('home.entities = ["hall"]', "no entity"),
        ("home.act = true", "says on nothing"),
        ('home.act = "yes"', "true or false"),
        ('mqtt = ["#"]', "first level"),
        ('mqtt = ["+/set"]', "first level"),
        ('mqtt = ["$SYS/#"]', "first level"),
        ('mqtt = ["/coffee"]', "first level"),
        ('mqtt = ["homeassistant/#"]', "announcements"),
        ('mqtt = ["hearth/say"]', "announcements"),
        ('mqtt = ["coffee/#/cup"]', "whole levels"),
        ('mqtt = ["coffee/a+"]', "whole levels"),
        ('mqtt = "coffee/#"', "a list of texts"),
        ('network = ["*"]', "begins with"),
        ('network = ["https://*.example.org"]', "no host"),
        ('network = ["https://api.example.org/v1"]', "alone"),
        ('network = ["https://user:secret@api.example.org"]', "alone"),
        ('network = ["ftp://api.example.org"]', "begins with"),
        ('network = ["https://2130706433"]', "no host"),
        ('network = ["https://0x7f000001"]', "no host"),
        ('network = ["https://127.1"]', "no host"),
        ('network = ["http://0.0.0.0"]', "not the address"),
        ('network = ["http://169.254.169.254"]', "not the address"),
        ('network = ["http://[::ffff:127.0.0.1]"]', "plain address"),
        ('network = ["http://a.example:0"]', "no port 0"),
        ('network = ["http://a.example:99999"]', "Port out of range"),
        ("network = [7]", "7 is none"),
        ("memory_mb = 1024", "from 16 to 512"),
        ("memory_mb = true", "whole number"),
        ("speak = 1", "true or false"),
        ("everything = true", "no such key"),
        ("home = 5", "is a table"),
    ],
)
def test_permissions_that_leave_two_readings_are_refused(lines: str, says: str) -> None:
    with pytest.raises(PackError) as caught:
        permitted(lines)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('[settings.x]\ntype = "date"', "not one of string"),
        ('[settings.x]\ntype = "integer"\ndefault = 2.5', "not a whole number"),
        ('[settings.x]\ntype = "integer"\ndefault = true', "not a whole number"),
        ('[settings.x]\ntype = "integer"\nmaximum = 3\ndefault = 4', "at most 3"),
        ('[settings.x]\nchoices = ["a"]\ndefault = "b"', "one of a"),
        ("[settings.X]", "small letters"),
        ("[settings.x]\nhidden = true", "no such key"),
        ("[run]\ncommand = []", "a list, such as"),
        ('[run]\ncommand = "node server.js"', "a list, such as"),
        ("[tools.ORDER]", "capital letters alone"),
        ('[tools."a b"]', "letters, digits"),
        ("[tools.x]\nconfirm = 'no'", "no such key"),
        ("[tools.x]\nphrases.english = ['a']", "no language"),
    ],
)
def test_wrong_settings_tools_and_commands_are_refused(lines: str, says: str) -> None:
    with pytest.raises(PackError) as caught:
        parsed(packs_kit.description(settings=lines))
    assert says in str(caught.value)


def test_no_file_another_text_and_endless_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="there is no such file"):
        description.read(tmp_path)
    for content, says in [
        (b"id = 'a", "not TOML"),
        (b"id = '\xff'", "not UTF-8"),
        (b"#" * 70_000, "longer than 64 KB"),
        (b"a = " + b"[" * 20_000, "not TOML"),
    ]:
        with pytest.raises(PackError, match=says):
            description.parse(content)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_it_says_is_a_pack_or_an_error_of_ours(data: st.DataObject) -> None:
    text = packs_kit.description(settings="[settings.x]\nchoices = ['a']").encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    new = data.draw(st.one_of(st.binary(max_size=8), st.text(max_size=8).map(str.encode)))
    with suppress(PackError):
        assert description.parse(text[:start] + new + text[end:]).id


def test_settings_are_understood_as_they_are_typed() -> None:
    cups = Setting("cups", "integer", 2, minimum=1, maximum=12)
    assert cups.parse(" 3 ") == 3
    assert Setting("fast", "boolean").parse("Yes") is True
    assert Setting("ratio", "number").parse("0.5") == 0.5
    assert Setting("size", choices=("small", "large")).parse("small") == "small"
    for wrong in ("0", "13", "three", "nan"):
        with pytest.raises(PackError, match="a whole number from 1 to 12"):
            cups.parse(wrong)
    with pytest.raises(PackError):
        Setting("ratio", "number").parse("inf")


def test_a_secret_is_not_repeated_in_an_error() -> None:
    with pytest.raises(PackError) as caught:
        Setting("token", "string", maximum=3, secret=True).check("hunter2")
    assert "hunter2" not in str(caught.value)
