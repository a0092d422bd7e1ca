"""One home out of several sources, and what people change about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hub.app import open_home
from hub.config import Config
from hub.dialogue.replies import Replies
from hub.errors import DeviceError
from hub.home import link
from hub.home.edit import edit
from hub.home.model import Home, Personal
from hub.home.view import home_table
from hub.home.wire import from_json, to_json
from hub.messages import Call, StateChange
from hub.pipeline import Assistant
from hub.ports import Inventory, SourceArea, SourceEntity, SourceFloor
from hub.router import Router
from hub.skill import Where
from hub.skillset import Skillset, load
from tests.fakes import House, until

KITCHEN = SourceArea("kitchen", "Kitchen", "ground")


class Scripted:
    """A source that has what the test says, and notes what it is asked."""

    def __init__(
        self, name: str, *entities: SourceEntity, areas: Sequence[SourceArea] = ()
    ) -> None:
        self.name = name
        self.has = Inventory(entities, tuple(areas), (SourceFloor("ground", "Ground Floor"),))
        self.asked: list[tuple[str, str, list[str]]] = []
        self.away = False
        self.news: asyncio.Queue[StateChange | Inventory] = asyncio.Queue()

    async def inventory(self) -> Inventory:
        if self.away:
            raise DeviceError(f"{self.name} does not answer")
        return self.has

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        self.asked.append((domain, service, list(entity_ids)))
        for entity_id in entity_ids:
            state = "off" if service == "turn_off" else "on"
            self.news.put_nowait(StateChange(entity_id, state, {}))

    async def changes(self) -> AsyncIterator[StateChange | Inventory]:
        while True:
            yield await self.news.get()

    async def close(self) -> None:
        pass


def lamp(entity_id: str, name: str, area: str | None = "kitchen", **more: Any) -> SourceEntity:
    return SourceEntity(entity_id, name, entity_id.partition(".")[0], area, state="off", **more)


async def connected(*sources: Scripted) -> Home:
    home = Home()
    await home.connect(sources)
    return home


async def said(home: Home, call: Call) -> str:
    done = await Skillset(load()[0], home, confirm_timeout=0.5).perform(call, where=Where())
    return Replies().for_turn([(call, done)], home, "en")


async def test_a_command_reaches_the_source_under_the_id_it_has_there() -> None:
    first = Scripted("first", lamp("light.lamp", "Lamp"), areas=[KITCHEN])
    second = Scripted("second", lamp("light.lamp", "Reading Lamp", None))
    home = await connected(first, second)
    assert set(home.entities) == {"light.lamp", "light.lamp_2"}
    reply = await said(home, Call("HassTurnOn", {"name": "Reading Lamp"}))
    assert second.asked == [("light", "turn_on", ["light.lamp"])] and not first.asked
    assert home.state("light.lamp_2").state == "on" and home.state("light.lamp").state == "off"
    assert reply and "not" not in reply
    await home.close()


async def test_rooms_and_floors_of_one_name_are_one() -> None:
    first = Scripted("first", lamp("light.a", "A"), areas=[KITCHEN])
    elsewhere = SourceArea("area_7", "kitchen", None, ("cookhouse",))
    second = Scripted("second", lamp("light.b", "B", "area_7"), areas=[elsewhere])
    home = await connected(first, second)
    (room,) = home.areas.values()
    assert room.floor_id == "ground" and "cookhouse" in room.names
    assert {entity.area_id for entity in home.entities.values()} == {room.area_id}
    assert len(home.floors) == 1
    await home.close()


async def test_rooms_of_one_name_within_a_source_stay_two() -> None:
    rooms = [SourceArea("bath_1", "Bathroom", "ground"), SourceArea("bath_2", "Bathroom", None)]
    home = await connected(Scripted("first", areas=rooms))
    assert set(home.areas) == {"bath_1", "bath_2"}
    await home.close()


async def test_a_device_that_two_sources_announce_is_the_first_ones() -> None:
    first = Scripted("first", lamp("light.lamp", "Lamp", unique_id="0x17"), areas=[KITCHEN])
    second = Scripted("second", lamp("light.bulb", "Bulb", unique_id="0x17"))
    home = await connected(first, second)
    assert [entity.source for entity in home.entities.values()] == ["first"]
    first.news.put_nowait(Inventory())
    first.news.put_nowait(StateChange("light.lamp", "off", {}))
    second.news.put_nowait(StateChange("light.bulb", "on", {}))
    await until(home, lambda: "light.bulb" in home.entities and home.state("light.bulb").available)
    await home.close()


async def test_a_state_that_was_told_while_another_source_had_the_device_is_known() -> None:
    first = Scripted("first", lamp("light.lamp", "Lamp", unique_id="0x17"), areas=[KITCHEN])
    second = Scripted("second", lamp("light.bulb", "Bulb", unique_id="0x17"), lamp("light.c", "C"))
    home = await connected(first, second)
    second.news.put_nowait(StateChange("light.bulb", "on", {}))
    second.news.put_nowait(StateChange("light.c", "on", {}))
    await until(home, lambda: home.state("light.c").state == "on")
    first.news.put_nowait(Inventory((lamp("light.d", "D"),)))
    first.news.put_nowait(StateChange("light.d", "on", {}))
    await until(home, lambda: "light.d" in home.entities and home.state("light.d").state == "on")
    assert home.state("light.bulb").state == "on"
    await home.close()


async def test_what_is_allowed_is_not_passed_on_to_another_device_of_that_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.01)
    kept: dict[str, Personal] = {}
    first = Scripted("first", lamp("lock.door", "Shed Door"), areas=[KITCHEN])
    second = Scripted("second", lamp("lock.door", "Front Door"), areas=[KITCHEN])
    home = Home()
    home.remember({}, kept.__setitem__)
    await home.connect([first, second])
    edit(home, "lock.door", "allow")
    await home.close()

    first.away = True
    home = Home()
    home.remember(kept)
    await home.connect([first, second])
    assert home.entities["lock.door"].name == "Front Door" and home.entities["lock.door"].barred
    second.news.put_nowait(StateChange("lock.door", "unlocked", {}))
    await until(home, lambda: home.state("lock.door").state == "unlocked")
    first.away = False
    first.news.put_nowait(StateChange("lock.door", "locked", {}))
    await until(home, lambda: home.state("lock.door").state == "locked")
    assert not home.entities["lock.door"].barred and home.entities["lock.door_2"].barred
    assert home.state("lock.door_2").state == "unlocked"
    await home.close()


async def test_a_change_stays_with_its_device_when_the_order_of_two_is_another() -> None:
    kept: dict[str, Personal] = {}
    one = lamp("light.lamp", "Lamp", unique_id="0x1")
    two = lamp("light.lamp_2", "Lamp", unique_id="0x2")
    home = Home()
    home.remember({}, kept.__setitem__)
    await home.connect([Scripted("mqtt", one, two, areas=[KITCHEN])])
    edit(home, "light.lamp_2", "rename", ["Reading Lamp"])
    await home.close()
    swapped = replace(one, entity_id="light.lamp_2"), replace(two, entity_id="light.lamp")
    home = Home()
    home.remember(kept)
    await home.connect([Scripted("mqtt", *swapped, areas=[KITCHEN])])
    assert home.entities["light.lamp"].name == "Reading Lamp"
    await home.close()


async def test_what_nobody_could_tell_apart_is_numbered() -> None:
    first = Scripted("first", lamp("light.lamp", "Lamp"), areas=[KITCHEN])
    second = Scripted("second", lamp("light.bulb", "lamp"), areas=[KITCHEN])
    home = await connected(first, second)
    assert [entity.name for entity in home.entities.values()] == ["Lamp", "lamp 2"]
    await home.close()


async def test_a_source_that_is_absent_at_the_start_comes_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.01)
    there = Scripted("there", lamp("light.a", "A"), areas=[KITCHEN])
    late = Scripted("late", lamp("light.b", "B"))
    late.away = True
    home = await connected(there, late)
    trouble = home.troubles["late"]
    assert trouble and trouble.reason == "late does not answer" and "light.a" in home.entities
    late.away = False
    late.news.put_nowait(StateChange("light.b", "on", {}))
    await until(home, lambda: "light.b" in home.entities)
    assert home.troubles["late"] is None
    await home.close()


async def test_a_source_that_is_away_is_named_when_somebody_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "FIRST_PAUSE", 60)
    source = Scripted("mqtt", lamp("light.a", "Reading Lamp"), areas=[KITCHEN])
    source.away = True
    home = await connected(source)
    skillset = Skillset(load()[0], home)
    languages = ("en", "de")
    router = Router(
        home, skillset.specs(), model=None, settings=Config().router, languages=languages
    )
    assistant = Assistant(home=home, router=router, skillset=skillset, replies=Replies())
    await router.prepare()
    trace = await assistant.say("turn on the reading lamp")
    assert trace.reply.text.endswith("I cannot reach the MQTT broker at the moment.")
    trace = await assistant.say("mach die leselampe an", language="de")
    assert "den MQTT-Broker" in trace.reply.text
    trace = await assistant.say("what time is it")
    assert "broker" not in trace.reply.text
    await home.close()


async def test_devices_come_and_go_while_it_runs() -> None:
    source = Scripted("first", lamp("light.a", "A"), areas=[KITCHEN])
    home = await connected(source)
    before = home.revision
    source.news.put_nowait(replace(source.has, entities=(lamp("light.b", "B"),)))
    source.news.put_nowait(StateChange("light.b", "on", {}))
    await until(home, lambda: home.state("light.b").state == "on")
    assert set(home.entities) == {"light.b"} and home.revision > before
    await home.close()


@pytest.mark.parametrize(
    ("entity", "service"),
    [
        (lamp("lock.front", "Front Door"), "HassTurnOn"),
        (
            SourceEntity("cover.g", "Garage", "cover", "kitchen", "garage", state="closed"),
            "HassTurnOn",
        ),
        (lamp("switch.oven", "Oven"), "HassTurnOn"),
    ],
)
async def test_what_is_dangerous_needs_an_explicit_yes(entity: SourceEntity, service: str) -> None:
    source = Scripted("first", entity, areas=[KITCHEN])
    home = await connected(source)
    reply = await said(home, Call(service, {"name": entity.name}))
    assert not source.asked and "allow" in reply
    edit(home, entity.entity_id, "allow")
    assert not home.entities[entity.entity_id].barred
    edit(home, entity.entity_id, "rename", ["Toy"])
    edit(home, entity.entity_id, "deny")
    assert home.entities[entity.entity_id].barred
    await home.close()


async def test_what_its_source_hides_is_not_known_until_it_is_shown() -> None:
    home = await connected(Scripted("first", lamp("light.a", "A", exposed=False), areas=[KITCHEN]))
    assert not home.entities and "light.a" in home.hidden
    edit(home, "a", "show")
    assert "light.a" in home.entities
    edit(home, "a", "hide")
    assert not home.entities
    await home.close()


async def test_what_people_change_is_kept(tmp_path: Path) -> None:
    config = Config.model_validate({"hub": {"data": tmp_path}})
    async with open_home(config) as home:
        edit(home, "light.hallway", "rename", ["Big  Lamp"])
        edit(home, "Big Lamp", "alias", ["sun", "moon"])
        edit(home, "sun", "area", ["Attic"])
        changed = home.entities["light.hallway"]
    async with open_home(config) as home:
        again = home.entities["light.hallway"]
        assert again == changed and again.names == ("Big Lamp", "sun", "moon")
        assert home.area_of(again) == home.find_area("attic")
        edit(home, "sun", "reset")
        assert home.entities["light.hallway"].name == "Hallway Light"


@pytest.mark.parametrize(
    ("device", "change", "words", "complaint"),
    [
        ("light.none", "hide", [], "there is no device 'light.none'"),
        ("light.hallway", "rename", ["!?"], "no name that could be said"),
        ("light.hallway", "rename", ["x" * 81], "at most 80 characters"),
        ("light.hallway", "paint", [], "known are rename, alias, area"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(
    house: House, device: str, change: str, words: list[str], complaint: str
) -> None:
    home = house.home
    before = dict(home.entities)
    with pytest.raises(DeviceError, match=complaint):
        edit(home, device, change, words)
    assert home.entities == before


async def test_a_home_can_be_shown_by_another_process(house: House) -> None:
    home = house.home
    edit(home, "light.hallway", "hide")
    shown = from_json(to_json(home))
    assert set(shown.entities) == set(home.entities) and set(shown.hidden) == {"light.hallway"}
    assert all(shown.state(key) == home.state(key) for key in home.entities)


async def test_a_narrow_terminal_shows_whole_ids_and_takes_no_orders() -> None:
    long = "binary_sensor." + "very_long_" * 4
    loud = lamp("light.loud", "[/red]Lamp\x1b]0;mine\x07")
    home = await connected(Scripted("mqtt", lamp(long, "Window"), loud, areas=[KITCHEN]))
    console = Console(width=60, file=StringIO(), force_terminal=False)
    console.print(home_table(home))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in shown and "\x07" not in shown
    assert "…" not in shown and "[/red]" in "".join(shown.split())
    await home.close()


async def test_a_name_in_other_letters_hides_no_door() -> None:
    home = await connected(
        Scripted("first", lamp("switch.a", "Ｆｒｏｎｔ Ｄｏｏｒ"), areas=[KITCHEN])
    )
    assert home.entities["switch.a"].barred
    await home.close()


async def test_names_bring_no_orders_to_the_terminal_or_the_voice() -> None:
    name = "\x1b[31mRed\u202e Lamp\n" + "x" * 500
    home = await connected(Scripted("first", lamp("light.a", name), areas=[KITCHEN]))
    shown = home.entities["light.a"].name
    assert shown.isprintable() and "Lamp" in shown and len(shown) <= 100
    await home.close()
