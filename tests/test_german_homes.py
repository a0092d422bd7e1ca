"""German in homes with rooms of people, floors and names that are declined; what is told beside a
command, and what is meant by 'das' after it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.config import Config
from hub.devices.homefile import parse
from hub.evaluate.stage import Answer, Request, Stage
from tests.word_by_word import done

ROLLO = {"state": "open", "device_class": "blind"}
HOME: dict[str, Any] = {
    "floors": [{"id": "eg", "name": "Erdgeschoss"}, {"id": "og", "name": "Obergeschoss"}],
    "areas": [
        {"id": "stube", "name": "Stube", "floor": "eg"},
        {"id": "fritz", "name": "Fritz' Zimmer", "floor": "eg"},
        {"id": "kind", "name": "Kinderzimmer", "floor": "og"},
        {"id": "garten", "name": "Garten"},
    ],
    "entities": [
        {"id": "light.stube", "name": "Kleine Lampe", "area": "stube", "state": "on"},
        {"id": "light.fritz", "name": "Klemmspot", "area": "fritz", "state": "on"},
        {"id": "light.kind", "name": "Mondlicht", "area": "kind", "state": "on"},
        {"id": "cover.links", "name": "Linkes Rollo", "area": "stube", **ROLLO},
        {"id": "cover.rechts", "name": "Rechtes Rollo", "area": "stube", **ROLLO},
        {"id": "switch.kaffee", "name": "Espressomaschine", "area": "stube", "state": "on"},
        {"id": "lock.tor", "name": "Gartentor", "area": "garten", "state": "unlocked"},
        {"id": "vacuum.wuschel", "name": "Wuschel", "area": "stube", "state": "docked"},
        {"id": "lawn_mower.saul", "name": "Saul", "area": "garten", "state": "docked"},
        {
            "id": "media_player.box",
            "name": "Brüllwürfel",
            "area": "stube",
            "state": "playing",
            "attributes": {"volume_level": 0.5},
        },
        {"id": "todo.einkauf", "name": "Einkaufsliste", "state": "0", "attributes": {}},
        {
            "id": "sensor.garten",
            "name": "Gartenthermometer",
            "state": "6.5",
            "device_class": "temperature",
            "attributes": {"unit_of_measurement": "°C"},
        },
    ],
}


@pytest.fixture(scope="module")
def stage() -> Stage:
    home = parse(HOME, "test")
    return asyncio.run(Stage.build(home, Config(), language="de", without=("model",)))


async def said(stage: Stage, text: str, area: str | None = "stube") -> Answer:
    return await stage.answer(Request(text, area, "de"))


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("Bei Fritz das Licht aus", {"light.fritz": "off"}),
        ("Licht aus bei Fritz", {"light.fritz": "off"}),
        ("Mach bei den Kindern das Licht aus", {"light.kind": "off"}),
        ("Mach oben das Licht aus", {"light.kind": "off"}),
        ("Mach die kleine Lampe aus", {"light.stube": "off"}),
        ("Schalt bitte den Espresso aus", {"switch.kaffee": "off"}),
        ("Das linke Rollo soll zu", {"cover.links": "closed"}),
        ("Mach beide Rollos zu", {"cover.links": "closed", "cover.rechts": "closed"}),
        ("Wuschel soll anfangen zu saugen", {"vacuum.wuschel": "cleaning"}),
    ],
)
async def test_rooms_floors_and_names_as_they_are_spoken(
    stage: Stage, text: str, states: dict[str, str]
) -> None:
    assert done(await said(stage, text)) == states


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("Bei Fritz brennt noch Licht, mach das bitte aus", {"light.fritz": "off"}),
        ("Das Gartentor ist noch offen, schließ es ab", {"lock.tor": "locked"}),
        ("Das Mondlicht ist noch an, kannst du das ausmachen", {"light.kind": "off"}),
        ("Mach das Licht aus, der Besuch schläft schon", {"light.stube": "off"}),
        ("Alle Lichter aus, nur das Mondlicht nicht", {"light.stube": "off", "light.fritz": "off"}),
    ],
)
async def test_what_is_told_beside_a_command_helps_or_is_left_out(
    stage: Stage, text: str, states: dict[str, str]
) -> None:
    assert done(await said(stage, text)) == states


async def test_a_complaint_and_its_wish_are_one_step(stage: Stage) -> None:
    answer = await said(stage, "Der Brüllwürfel ist zu laut, mach ihn leiser")
    (call,) = answer.calls
    assert call.arguments.get("volume_step") == "down"


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("Wir brauchen noch Zwiebeln, setz die bitte auf die Einkaufsliste", "Zwiebeln"),
        ("Der Essig ist alle, schreib ihn auf die Einkaufsliste", "Essig"),
    ],
)
async def test_what_is_missing_is_put_on_the_list_without_the_rest_of_the_sentence(
    stage: Stage, text: str, item: str
) -> None:
    (call,) = (await said(stage, text)).calls
    assert call.arguments["item"] == item


@pytest.mark.parametrize(
    "text",
    [
        "Mach die Sauna an",  # is no misspelt Saul, who mows
        "Lass das Licht an",
        "Das Licht kann anbleiben",
        "Mach unten im Keller alle Lichter aus",
        "Was kann ich dir alles sagen",
    ],
)
async def test_nothing_is_done_that_was_not_meant(stage: Stage, text: str) -> None:
    assert not (await said(stage, text)).touched


async def test_a_sensor_outside_tells_how_cold_it_is(stage: Stage) -> None:
    assert "6,5" in (await said(stage, "Wie kalt ist es draußen")).reply
