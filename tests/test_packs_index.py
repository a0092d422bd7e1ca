"""A catalogue that anybody can host: signed, no older than before, and only a hint."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from hub.packs import index as indexes
from hub.packs.description import PackError
from hub.packs.index import Index
from hub.packs.signing import PublicKey
from tests import packs_kit
from tests.packs_kit import KEY, OTHER_KEY, built

KEEPER = OTHER_KEY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "catalogue"
    place.mkdir()
    for version in ("1.2.0", "1.10.0"):
        built(place, version=version, permissions="speak = true")
    tea = packs_kit.description().replace('"coffee-machine"', '"tea"')
    tea = tea.replace("Coffee machine", "Tea").replace("Orders coffee", "Watches how tea draws")
    built(place, files={"pack.toml": tea})
    return place


def loaded(place: Path, **how: Any) -> Index:
    return indexes.load(str(place), place.parent, **how)


def test_an_index_lists_the_signed_packs_of_a_folder(folder: Path) -> None:
    path = indexes.make(folder, KEEPER, name="Our skills", denied=["bad-pack <2"])
    index = loaded(path)
    assert (index.name, index.serial, index.key) == ("Our skills", 1, KEEPER.public)
    assert {(entry.id, entry.version) for entry in index.packs} == {
        ("coffee-machine", "1.2.0"),
        ("coffee-machine", "1.10.0"),
        ("tea", "1.2.0"),
    }
    assert index.denied == ("bad-pack <2",)
    entry = index.newest("coffee-machine")
    assert entry is not None and entry.version == "1.10.0"
    assert entry.key == str(KEY.public)
    assert entry.may == ("speak by itself, without being asked",)
    assert index.newest("milk") is None
    assert Path(index.address(entry)) == folder / "coffee-machine-1.10.0.hearth"
    assert loaded(folder) == index


def test_what_fits_the_words_comes_first(folder: Path) -> None:
    index = loaded(indexes.make(folder, KEEPER))
    assert [entry.id for entry in index.search("coffee")] == ["coffee-machine"]
    assert [entry.id for entry in index.search("make tea")] == ["tea"]
    assert [entry.id for entry in index.search("")] == ["coffee-machine", "tea"]
    assert index.search("submarine") == []


def test_a_pack_for_another_hub_is_not_offered(folder: Path) -> None:
    path = indexes.make(folder, KEEPER)
    table = json.loads(path.read_text())
    for entry in table["packs"]:
        if entry["version"] == "1.10.0":
            entry["sdk"] = ">=7"
    signed(path, table)
    entry = loaded(path).newest("coffee-machine")
    assert entry is not None and entry.version == "1.2.0"


def test_addresses_are_those_beside_the_index(folder: Path) -> None:
    index = loaded(indexes.make(folder, KEEPER))
    entry = index.newest("tea")
    assert entry is not None
    away = Index(
        "https://host.example/skills/index.json",
        *[getattr(index, name) for name in ("name", "serial", "key", "packs", "denied")],
    )
    assert away.address(entry) == "https://host.example/skills/tea-1.2.0.hearth"


def signed(path: Path, table: Any) -> None:
    text = json.dumps(table).encode()
    path.write_bytes(text)
    (path.parent / "index.json.minisig").write_bytes(KEEPER.sign(text, "index"))


def test_an_index_that_was_changed_is_not_read(folder: Path) -> None:
    path = indexes.make(folder, KEEPER)
    beside = folder / "index.json.minisig"
    chance = random.Random(5)
    for file in (path, beside):
        content = file.read_bytes()
        for bit in chance.sample(range(8 * len(content)), 150):
            changed = bytearray(content)
            changed[bit // 8] ^= 1 << bit % 8
            file.write_bytes(bytes(changed))
            with pytest.raises(PackError):
                loaded(path, key=KEEPER.public)
        file.write_bytes(content)
    assert loaded(path, key=KEEPER.public)
    beside.unlink()
    with pytest.raises(PackError, match="no such file"):
        loaded(path)


def test_the_key_of_an_index_and_its_age_count(folder: Path) -> None:
    path = indexes.make(folder, KEEPER)
    old = {name: (folder / name).read_bytes() for name in ("index.json", "index.json.minisig")}
    indexes.make(folder, KEEPER)
    assert loaded(path, serial=2).serial == 2
    for name, content in old.items():
        (folder / name).write_bytes(content)
    with pytest.raises(PackError, match="older than what was there"):
        loaded(path, serial=2)
    with pytest.raises(PackError, match="belongs to key"):
        loaded(path, key=KEY.public)
    with pytest.raises(PackError, match="belongs to key"):
        loaded(path, key=PublicKey(KEEPER.number, KEY.public.key))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("url", "../../etc/passwd"),
        ("url", "/etc/passwd"),
        ("url", "http://127.0.0.1/x.hearth"),
        ("url", "file:///etc/passwd"),
        ("sha256", "0"),
        ("key", "RWQ"),
        ("version", "newest"),
        ("sdk", "any"),
        ("name", "Cof\u202efee"),
        ("description", "x" * 500),
        ("description", "two\nlines"),
        ("may", "anything"),
        ("may", ["x\x1b[2J"]),
        ("id", 7),
        ("risk", None),
    ],
)
def test_a_wrong_entry_is_refused_though_it_is_signed(
    key: str, value: object, folder: Path
) -> None:
    path = indexes.make(folder, KEEPER)
    table = json.loads(path.read_text())
    table["packs"][1][key] = value
    signed(path, table)
    with pytest.raises(PackError, match="pack 2"):
        loaded(path)


@pytest.mark.parametrize(
    "table",
    [
        [],
        {},
        {"hearth_index": 2},
        {"hearth_index": 1, "packs": []},
        {"hearth_index": 1, "packs": {}, "serial": 1, "denied": []},
        {"hearth_index": 1, "packs": [], "serial": True, "denied": [], "name": "x"},
        {"hearth_index": 1, "packs": [], "serial": 1, "denied": [1], "name": "x"},
        {"hearth_index": 1, "packs": [7], "serial": 1, "denied": [], "name": "x",
         "key": str(KEEPER.public)},
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_index_is_refused(table: object, tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    signed(path, table)
    with pytest.raises(PackError):
        loaded(path)


def test_only_signed_packs_can_be_listed(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="no signed pack"):
        indexes.make(tmp_path, KEEPER)
    built(tmp_path, key=None)
    with pytest.raises(PackError, match="is not signed"):
        indexes.make(tmp_path, KEEPER)
