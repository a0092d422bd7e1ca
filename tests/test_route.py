"""`hearth route`: one line in, one line out, whatever the line; no device is touched."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.config import Config
from hub.devices.homefile import parse
from hub.evaluate.route import Routing
from hub.evaluate.stage import Stage

HOME = {
    "floors": [{"id": "g", "name": "Ground Floor", "aliases": ["downstairs"]}],
    "areas": [
        {"id": "a1", "name": "Pantry", "floor": "g", "aliases": ["larder"]},
        {"id": "a2", "name": "Porch", "floor": None, "aliases": []},
    ],
    "devices": [{"id": "d1", "name": "Strip", "area": "a1"}],
    "entities": [
        {"entity_id": "light.strip", "name": "Pantry Strip", "domain": "light", "area": None,
         "device": "d1", "device_class": None, "state": "off",
         "attributes": {"supported_color_modes": ["brightness"]}, "features": None,
         "aliases": ["shelf light"]},
        {"entity_id": "lock.porch", "name": "Porch Door", "domain": "lock", "area": "a2",
         "device": None, "device_class": None, "state": "locked", "attributes": {},
         "features": None, "aliases": []},
        {"entity_id": "humidifier.steamer", "name": "Steamer", "domain": "humidifier",
         "area": "a1", "state": "off"},
        {"entity_id": "binary_sensor.window", "name": "Pantry Window", "domain": "binary_sensor",
         "area": "a1", "device": None, "device_class": "window", "state": "off",
         "attributes": {"device_class": "window"}, "features": None, "aliases": []},
    ],
}  # fmt: skip


@pytest.fixture
async def routing() -> AsyncIterator[Routing]:
    made = Routing(parse(HOME), Config(), None)
    yield made
    await made.close()


async def ask(routing: Routing, text: str, **more: Any) -> dict[str, Any]:
    return await routing.line(json.dumps({"text": text, **more}).encode())


async def test_calls_and_the_states_they_lead_to(routing: Routing) -> None:
    answer = await ask(routing, "set the shelf light to 50%", area=None, language="en")
    (call,) = answer["calls"]
    assert call["tool"] == "HassLightSet"
    assert call["arguments"] == {"name": "Pantry Strip", "brightness": 50}
    (outcome,) = answer["outcomes"]
    assert (outcome["entity_id"], outcome["state"]) == ("light.strip", "on")
    assert outcome["attributes"]["brightness"] in (127, 128)
    assert answer["reply"] and "recognized" not in answer


async def test_every_request_begins_anew(routing: Routing) -> None:
    await ask(routing, "turn on the pantry strip")
    answer = await ask(routing, "is the pantry strip on")
    assert answer["calls"][0]["tool"] == "HassGetState"
    assert not answer["outcomes"]
    assert "no" in answer["reply"].lower()


async def test_what_one_line_did_is_undone_before_the_next(routing: Routing) -> None:
    assert (await ask(routing, "turn on the shelf light"))["outcomes"]
    assert "no" in (await ask(routing, "is the shelf light on"))["reply"].lower()
    lit = {"light.strip": {"state": "on", "attributes": {"brightness": 255}}}
    dimmer = await ask(routing, "dim the shelf light to 20%", states=lit)
    assert dimmer["outcomes"][0]["attributes"]["brightness"] == 51
    assert "no" in (await ask(routing, "is the shelf light on"))["reply"].lower()


async def test_states_of_a_request_count_for_it_alone(routing: Routing) -> None:
    states = {"binary_sensor.window": {"state": "on", "attributes": {}}}
    said = "is the pantry window open"
    assert "yes" in (await ask(routing, said, states=states))["reply"].lower()
    assert "no" in (await ask(routing, said))["reply"].lower()


async def test_what_needs_a_yes_shows_what_would_be(routing: Routing) -> None:
    answer = await ask(routing, "unlock the porch door")
    assert answer["reply"].endswith("?")
    assert answer["outcomes"][0]["state"] == "unlocked"
    assert (await ask(routing, "is the porch door locked"))["reply"].lower().startswith("yes")


async def test_nothing_to_act_on_is_told_apart(routing: Routing) -> None:
    answer = await ask(routing, "open the blinds in the pantry")
    assert answer["calls"] == answer["outcomes"] == []
    assert answer["recognized"]
    nothing = await ask(routing, "the sea is very blue today my friend")
    assert nothing["calls"] == nothing["outcomes"] == []
    assert nothing["reply"]


async def test_what_is_not_about_the_home_is_told_apart(routing: Routing) -> None:
    answer = await ask(routing, "what is three times nine")
    assert answer["calls"] == answer["outcomes"] == []
    assert [call["tool"] for call in answer["own"]] == ["arithmetic.calculate"]
    assert answer["reply"] == "27."
    person = await ask(routing, "call me Sam")
    assert [call["tool"] for call in person["own"]] == ["memory.call_me"]
    assert person["calls"] == []
    timer = await ask(routing, "set a timer for ten minutes")
    assert [call["tool"] for call in timer["calls"]] == ["HassStartTimer"]
    assert "own" not in timer


async def test_a_request_that_fails_costs_no_other(
    routing: Routing, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Stage, "answer", lambda *_: 1 / 0)
        answer = await ask(routing, "turn on the pantry strip")
    assert answer["calls"] == answer["outcomes"] == []
    assert "ZeroDivisionError" in answer["error"]
    assert (await ask(routing, "turn on the pantry strip"))["outcomes"]


async def test_humidity_is_named_as_home_assistant_names_it(routing: Routing) -> None:
    answer = await ask(routing, "set the steamer to 45 percent humidity")
    assert answer["calls"] == [
        {"tool": "HassHumidifierSetpoint", "arguments": {"name": "Steamer", "humidity": 45}}
    ]


async def test_another_language(routing: Routing) -> None:
    answer = await ask(routing, "schalte Pantry Strip ein", language="de")
    assert answer["outcomes"][0]["state"] == "on"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b'{"text": "tur', "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[1]", "object"),
        (b"{}", "'text'"),
        (b'{"text": 1}', "'text'"),
        (b'{"text": "a", "room": "x"}', "'room'"),
        (b'{"text": "a", "area": 3}', "'area'"),
        (b'{"text": "a", "area": "moon"}', "moon"),
        (b'{"text": "a", "language": "klingon"}', "klingon"),
        (b'{"text": "a", "states": []}', "'states'"),
        (b'{"text": "a", "states": {"light.no": {"state": "on"}}}', "light.no"),
        (b'{"text": "a", "states": {"light.strip": "on"}}', "light.strip"),
    ],
)
async def test_a_bad_line_is_named(routing: Routing, line: bytes, named: str) -> None:
    answer = await routing.line(line)
    assert answer["calls"] == answer["outcomes"] == []  # as a scorer reads every answer
    assert named in answer["error"] and "\n" not in answer["error"]


@pytest.mark.slow
async def test_the_process_answers_each_line_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home.json"
    home.write_text(json.dumps(HOME), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.cli", "route", "--home", str(home),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "HEARTH_CONFIG": os.devnull},
    )  # fmt: skip
    assert process.stdin and process.stdout
    for line, key in (
        (b"nonsense\n", "error"),
        (b'{"text": "turn on the shelf light"}\n', "calls"),
    ):
        process.stdin.write(line)
        await process.stdin.drain()
        answer = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        assert answer[key]
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 20) == 0
