"""A real Home Assistant as a source of devices: followed, commanded, restarted, locked up."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from hub.config import HomeAssistantSettings
from hub.devices.homeassistant import HomeAssistantHome, check, connection, session
from hub.errors import DeviceError
from hub.home import link
from hub.home.model import Home
from hub.messages import StateChange
from hub.ports import Inventory, SourceEntity
from tests import real_home
from tests.homeassistant import Between, HomeAssistant, booted
from tests.mqtt import Authority

pytestmark = [pytest.mark.homeassistant, pytest.mark.slow]

LAMP = "light.kitchen_lights"
News = StateChange | Inventory
Kind = TypeVar("Kind", StateChange, Inventory)


@pytest.fixture(scope="session")
def home_assistant() -> HomeAssistant:
    return booted()


@pytest.fixture
def settings(home_assistant: HomeAssistant) -> HomeAssistantSettings:
    return HomeAssistantSettings(url=home_assistant.url, token=home_assistant.token)


@pytest_asyncio.fixture
async def source(settings: HomeAssistantSettings) -> AsyncIterator[HomeAssistantHome]:
    source = HomeAssistantHome(settings)
    yield source
    await source.close()


class Followed:
    """A source that is followed: what it had at first, and what it tells from then on."""

    def __init__(self, changes: AsyncIterator[News], inventory: Inventory) -> None:
        self.changes = changes
        self.inventory = inventory

    @classmethod
    async def begin(cls, source: HomeAssistantHome) -> Followed:
        changes = source.changes()
        return cls(changes, await source.inventory())

    async def until(self, kind: type[Kind], is_so: Callable[[Kind], bool]) -> Kind:
        """The next news of this kind for which it is so."""
        async with asyncio.timeout(20):
            async for news in self.changes:
                if isinstance(news, kind) and is_so(news):
                    return news
        raise AssertionError("it tells no more")

    async def state(self, entity_id: str, *states: str) -> StateChange:
        return await self.until(
            StateChange, lambda news: news.entity_id == entity_id and news.state in states
        )

    async def other(self, is_so: Callable[[Inventory], bool]) -> Inventory:
        self.inventory = await self.until(Inventory, is_so)
        return self.inventory


@pytest_asyncio.fixture
async def followed(source: HomeAssistantHome) -> Followed:
    return await Followed.begin(source)


def entity(inventory: Inventory, entity_id: str) -> SourceEntity:
    return next(each for each in inventory.entities if each.entity_id == entity_id)


def ids(inventory: Inventory) -> set[str]:
    return {each.entity_id for each in inventory.entities}


async def aside(function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """What somebody else does, who has a loop of their own."""
    return await asyncio.to_thread(function, *arguments, **named)


# --- devices -------------------------------------------------------------------------------------


async def test_a_lamp_goes_on_and_off_and_says_so(
    source: HomeAssistantHome, followed: Followed
) -> None:
    await source.call_service("light", "turn_off", [LAMP], {})
    assert (await followed.state(LAMP, "off")).before == "on"
    await source.call_service("light", "turn_on", [LAMP], {"brightness": 120})
    assert (await followed.state(LAMP, "on")).attributes["brightness"] == 120


async def test_several_are_asked_in_one_call(source: HomeAssistantHome, followed: Followed) -> None:
    lamps = [LAMP, "light.ceiling_lights", "light.bed_light"]
    await source.call_service("light", "turn_on", lamps, {})
    await source.call_service("light", "turn_off", lamps, {})
    off = {(await followed.until(StateChange, lambda n: n.state == "off")).entity_id for _ in lamps}
    assert off == set(lamps)


async def test_a_sensor_is_read(followed: Followed) -> None:
    sensor = entity(followed.inventory, "sensor.outside_temperature")
    assert (sensor.name, sensor.device_class) == ("Outside Temperature", "temperature")
    assert float(sensor.state) == 15.6
    assert sensor.attributes and sensor.attributes["unit_of_measurement"] == "°C"


async def test_a_cover_is_opened(source: HomeAssistantHome, followed: Followed) -> None:
    cover = "cover.garage_door"
    assert entity(followed.inventory, cover).device_class == "garage"
    await source.call_service("cover", "open_cover", [cover], {})
    await followed.state(cover, "opening", "open")
    await source.call_service("cover", "close_cover", [cover], {})
    await followed.state(cover, "closing", "closed")


async def test_what_somebody_else_does_arrives_soon(
    home_assistant: HomeAssistant, followed: Followed
) -> None:
    times = []
    for turn in range(20):
        service = "turn_on" if turn % 2 else "turn_off"
        began = time.perf_counter()
        done = asyncio.create_task(
            aside(home_assistant.call, f"light.{service}", entity_id="light.bed_light")
        )
        if turn:  # the first may find it off already
            await followed.state("light.bed_light", service.removeprefix("turn_"))
            times.append(time.perf_counter() - began)
        await done
    print(f"median {median(times) * 1000:.1f} ms, worst {max(times) * 1000:.1f} ms")
    assert median(times) < 0.1


@pytest.mark.parametrize(
    ("service", "entity_id", "data", "why"),
    [
        ("light.dance", LAMP, {}, "Service light.dance not found"),
        ("light.turn_on", LAMP, {"brightness": "much"}, "brightness"),
        ("cover.set_cover_position", "cover.kitchen_window", {"position": 5}, "does not support"),
    ],
)
async def test_what_it_refuses_is_said(
    source: HomeAssistantHome,
    followed: Followed,
    service: str,
    entity_id: str,
    data: dict[str, Any],
    why: str,
) -> None:
    domain, _, name = service.partition(".")
    with pytest.raises(DeviceError, match="Home Assistant refuses") as caught:
        await source.call_service(domain, name, [entity_id], data)
    assert why in str(caught.value)
    # It bears that, and goes on.
    await source.call_service("light", "toggle", [LAMP], {})
    await followed.state(LAMP, "on", "off")


# --- what Home Assistant keeps about them --------------------------------------------------------


async def test_rooms_floors_and_other_names_are_taken_in(
    home_assistant: HomeAssistant, followed: Followed
) -> None:
    def told(command: str, **data: Any) -> Any:
        return aside(home_assistant.command, f"config/{command}", **data)

    floor = await told("floor_registry/create", name="Upstairs", level=1)
    # Which floor an area is on, and what else a floor is called, Home Assistant keeps since 2024.4.
    placed = home_assistant.version >= "2024.4"
    on_floor = {"floor_id": floor["floor_id"]} if placed else {}
    area = await told("area_registry/create", name="Study", aliases=["office"], **on_floor)
    try:
        await told(
            "entity_registry/update",
            entity_id=LAMP,
            area_id=area["area_id"],
            aliases=["desk lamps"],
            name="Study Lights",
        )
        known = await followed.other(lambda now: entity(now, LAMP).name == "Study Lights")
        lamp = entity(known, LAMP)
        assert lamp.area == area["area_id"] and "desk lamps" in lamp.aliases
        assert lamp.unique_id == "demo:light_3"
        study = next(each for each in known.areas if each.area_id == area["area_id"])
        assert (study.name, study.aliases) == ("Study", ("office",))
        assert study.floor == on_floor.get("floor_id")
        assert [(each.name, each.level) for each in known.floors] == [("Upstairs", 1)]
    finally:
        await told("area_registry/delete", area_id=area["area_id"])
        await told("floor_registry/delete", floor_id=floor["floor_id"])
        await told("entity_registry/update", entity_id=LAMP, aliases=[], name=None)
    gone = await followed.other(lambda now: entity(now, LAMP).name == "Kitchen Lights")
    assert entity(gone, LAMP).area is None
    assert not gone.floors


async def test_an_entity_is_where_its_device_is_and_so_is_who_speaks_to_it(
    home_assistant: HomeAssistant, source: HomeAssistantHome, followed: Followed
) -> None:
    entries = await aside(home_assistant.command, "config/entity_registry/list")
    device = next(each for each in entries if each["entity_id"] == "switch.ac")["device_id"]

    def move(area: str | None) -> Any:
        return aside(
            home_assistant.command,
            "config/device_registry/update",
            device_id=device,
            area_id=area,
        )

    await move("kitchen")
    await followed.other(lambda now: entity(now, "switch.ac").area == "kitchen")
    assert source.room_of(device) == "Kitchen"
    await move(None)
    await followed.other(lambda now: entity(now, "switch.ac").area is None)
    assert source.room_of(device) is None


async def test_what_is_hidden_is_left_out_and_settings_are_not_for_voice(
    home_assistant: HomeAssistant, followed: Followed
) -> None:
    def update(**data: Any) -> Any:
        return aside(home_assistant.command, "config/entity_registry/update", **data)

    await update(entity_id="switch.ac", hidden_by="user")
    await followed.other(lambda now: "switch.ac" not in ids(now))
    await update(entity_id="switch.ac", hidden_by=None)
    await followed.other(lambda now: "switch.ac" in ids(now))
    await update(entity_id="fan.ceiling_fan", disabled_by="user")
    await followed.other(lambda now: "fan.ceiling_fan" not in ids(now))
    assert not any(
        each.exposed for each in followed.inventory.entities if each.domain in ("update", "person")
    )


async def test_what_is_exposed_is_followed(
    home_assistant: HomeAssistant, followed: Followed
) -> None:
    def expose(entity_id: str, choice: bool) -> Any:
        return aside(
            home_assistant.command,
            "homeassistant/expose_entity",
            assistants=["conversation"],
            entity_ids=[entity_id],
            should_expose=choice,
        )

    assert entity(followed.inventory, LAMP).exposed
    await expose(LAMP, False)
    await followed.other(lambda now: not entity(now, LAMP).exposed)
    await expose(LAMP, True)
    await followed.other(lambda now: entity(now, LAMP).exposed)
    assert not entity(followed.inventory, "sensor.power_consumption").exposed
    await expose("sensor.power_consumption", True)
    await followed.other(lambda now: entity(now, "sensor.power_consumption").exposed)
    await expose("sensor.power_consumption", False)
    await followed.other(lambda now: not entity(now, "sensor.power_consumption").exposed)


async def test_what_has_no_entry_in_the_registry_is_looked_at_again(
    home_assistant: HomeAssistant, source: HomeAssistantHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is told when such a thing is exposed, as the alarm of the demo up to 2024 is one:
    it is asked now and then."""
    monkeypatch.setattr(session, "CHECK", 0.2)
    followed = await Followed.begin(source)
    alarm = entity(followed.inventory, "alarm_control_panel.security")
    assert not alarm.exposed and not alarm.allowed
    expose = {"assistants": ["conversation"], "entity_ids": [alarm.entity_id]}
    told = "homeassistant/expose_entity"
    await aside(home_assistant.command, told, should_expose=True, **expose)
    known = await followed.other(lambda now: entity(now, alarm.entity_id).exposed)
    # Nobody is asked that by default: a person has said yes.
    assert entity(known, alarm.entity_id).allowed
    await aside(home_assistant.command, told, should_expose=False, **expose)
    await followed.other(lambda now: not entity(now, alarm.entity_id).exposed)


async def test_locks_and_garage_doors_wait_for_an_explicit_yes(
    home_assistant: HomeAssistant, followed: Followed
) -> None:
    lock = entity(followed.inventory, "lock.front_door")
    garage = entity(followed.inventory, "cover.garage_door")
    # Up to 2024.5 Home Assistant exposes locks, too, without being told to.
    assert garage.exposed and lock.exposed == (home_assistant.version < "2024.6")
    assert not lock.allowed and not garage.allowed


async def test_what_is_new_is_exposed_only_where_a_person_wants_that(
    home_assistant: HomeAssistant, followed: Followed
) -> None:
    def wanted(choice: bool) -> Any:
        told = "homeassistant/expose_new_entities/set"
        return aside(home_assistant.command, told, assistant="conversation", expose_new=choice)

    def scene(name: str) -> Any:
        text = f"- id: {name}\n  name: {name}\n  entities:\n    {LAMP}: 'on'\n"
        home_assistant.write("scenes.yaml", text)
        return aside(home_assistant.call, "scene.reload")

    try:
        await wanted(False)
        await scene("shy")
        known = await followed.other(lambda now: "scene.shy" in ids(now))
        assert not entity(known, "scene.shy").exposed
        await wanted(True)
        await scene("bold")
        known = await followed.other(lambda now: "scene.bold" in ids(now))
        assert entity(known, "scene.bold").exposed
    finally:
        home_assistant.restore("scenes.yaml")
        await aside(home_assistant.call, "scene.reload")


async def test_what_scenes_and_scripts_lead_to_is_looked_into(
    home_assistant: HomeAssistant, followed: Followed
) -> None:
    def guarded(entity_id: str) -> bool | None:
        return entity(followed.inventory, entity_id).guarded

    assert guarded("scene.movie_time") is False
    assert guarded("scene.leaving") is False
    assert guarded("scene.arriving") is True
    assert guarded("script.good_night") is False
    assert guarded("script.let_in") is True
    assert guarded("button.push") is None
    changed = """\
good_night:
  alias: Good night
  sequence:
    - service: cover.open_cover
      target:
        entity_id: cover.garage_door
"""
    try:
        home_assistant.write("scripts.yaml", changed)
        await aside(home_assistant.call, "script.reload")
        await followed.other(lambda now: entity(now, "script.good_night").guarded is True)
    finally:
        home_assistant.restore("scripts.yaml")
        await aside(home_assistant.call, "script.reload")


async def test_a_token_of_somebody_who_is_no_administrator_does(
    home_assistant: HomeAssistant,
) -> None:
    """Some lists are not for everybody. What the registry itself tells is enough for most."""
    token = await aside(home_assistant.token_of_a_guest)
    source = HomeAssistantHome(HomeAssistantSettings(url=home_assistant.url, token=token))
    followed = await Followed.begin(source)
    assert entity(followed.inventory, LAMP).exposed
    assert not entity(followed.inventory, "sensor.power_consumption").exposed
    assert not entity(followed.inventory, "alarm_control_panel.security").exposed
    # What the scene wants of the lock cannot be looked up, and counts as opening it.
    assert entity(followed.inventory, "scene.leaving").guarded is True
    assert entity(followed.inventory, "scene.movie_time").guarded is False
    await source.call_service("light", "toggle", [LAMP], {})
    await followed.state(LAMP, "on", "off")
    await source.close()


# --- trouble -------------------------------------------------------------------------------------


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(link, "LONGEST_PAUSE", 0.2)


@pytest.fixture
def running(home_assistant: HomeAssistant) -> Iterator[HomeAssistant]:
    """One that may be stopped: it runs again afterwards."""
    yield home_assistant
    if not home_assistant.runs:
        home_assistant.start()


async def until(home: Home, is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a change after which it is so."""
    news = asyncio.Event()
    stop = home.watch(lambda change: news.set())
    try:
        async with asyncio.timeout(seconds):
            while not is_so():
                await news.wait()
                news.clear()
    finally:
        stop()


async def test_a_restart_is_survived(
    running: HomeAssistant, source: HomeAssistantHome, short_pauses: None
) -> None:
    home = Home()
    await home.connect([source])
    try:
        assert home.state("light.bed_light").available
        await aside(running.stop)
        await until(home, lambda: home.state("light.bed_light").state == "unavailable")
        trouble = home.troubles[source.name]
        assert trouble is not None and "nothing listens" in trouble.reason
        with pytest.raises(DeviceError):
            await home.call_service("light", "turn_on", ["light.bed_light"], {})
        await aside(running.start)
        await until(home, lambda: home.state("light.bed_light").available)
        assert home.troubles[source.name] is None
        await home.call_service("light", "turn_on", ["light.bed_light"], {"brightness": 33})
        await until(
            home, lambda: home.state("light.bed_light").attributes.get("brightness") == 33, 5
        )
    finally:
        await home.close()


async def test_one_that_dies_is_missed_at_once(running: HomeAssistant, followed: Followed) -> None:
    running.stop(gently=False)
    with pytest.raises(DeviceError, match="hung up"):
        await followed.until(StateChange, lambda news: False)


async def test_a_network_that_loses_everything_is_noticed(
    home_assistant: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody hangs up, so that nothing but silence tells."""
    monkeypatch.setattr(connection, "ANSWERING", 0.3)
    monkeypatch.setattr(session, "CHECK", 0.5)
    async with Between(home_assistant.port) as between:
        url = f"http://127.0.0.1:{between.port}"
        source = HomeAssistantHome(HomeAssistantSettings(url=url, token=home_assistant.token))
        followed = await Followed.begin(source)
        between.dark = True
        with pytest.raises(DeviceError, match="did not answer"):
            await source.call_service("light", "turn_on", [LAMP], {})
        with pytest.raises(DeviceError, match="did not answer"):
            await followed.until(StateChange, lambda news: False)
        between.dark = False
        followed = await Followed.begin(source)
        await source.call_service("light", "toggle", [LAMP], {})
        await followed.state(LAMP, "on", "off")
        await source.close()


async def test_an_encrypted_one_with_an_authority_of_its_own(
    home_assistant: HomeAssistant, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*authority.issue("server"))
    async with Between(home_assistant.port, tls) as between:
        settings = HomeAssistantSettings(
            url=f"https://localhost:{between.port}", token=home_assistant.token, ca=authority.ca
        )
        assert (await check(settings)).entities > 50
        source = HomeAssistantHome(settings)
        followed = await Followed.begin(source)
        assert entity(followed.inventory, "scene.leaving").guarded is False
        await source.close()


async def test_a_home_assistant_that_is_just_starting_is_waited_for(
    running: HomeAssistant, source: HomeAssistantHome
) -> None:
    running.stop(gently=False)
    began = asyncio.create_task(aside(running.start))
    inventory = None
    async with asyncio.timeout(60):
        while inventory is None:
            try:
                inventory = await source.inventory()
            except DeviceError as error:
                assert "nothing listens" in str(error) or "not Home Assistant" in str(error)
                await asyncio.sleep(0.05)
    assert entity(inventory, LAMP).state in ("on", "off")
    await began


async def test_a_revoked_token_ends_it_and_is_named(
    home_assistant: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    token = await aside(home_assistant.new_token, "lost phone")
    source = HomeAssistantHome(HomeAssistantSettings(url=home_assistant.url, token=token))
    with caplog.at_level(logging.DEBUG):
        followed = await Followed.begin(source)
        await aside(home_assistant.revoke, "lost phone")
        with pytest.raises(DeviceError, match="hung up"):
            await followed.until(StateChange, lambda news: False)
        for _ in range(2):
            with pytest.raises(DeviceError, match=r"was revoked\. Make a new one") as caught:
                await source.inventory()
            assert "access token" in caught.value.spoken
        with pytest.raises(DeviceError, match=r"was revoked\. Make a new one"):
            await check(HomeAssistantSettings(url=home_assistant.url, token=token))
        await source.close()
    assert token not in caplog.text


async def test_a_refused_token_is_not_shown_again_and_again(
    home_assistant: HomeAssistant,
) -> None:
    source = HomeAssistantHome(HomeAssistantSettings(url=home_assistant.url, token="wrong"))

    def attempts() -> int:
        said = (home_assistant.folder / "home-assistant.log").read_text(encoding="utf-8")
        return said.count("Login attempt or request with invalid authentication")

    before = await aside(attempts)
    for _ in range(5):
        with pytest.raises(DeviceError, match="refuses the access token"):
            await source.inventory()
    await source.close()
    # It writes its log when it has time.
    after = await aside(real_home.until, "it is logged", lambda: attempts() - before)
    assert after == 1


# --- size, and the doctor ------------------------------------------------------------------------


async def test_a_thousand_entities_are_there_in_no_time(
    home_assistant: HomeAssistant, source: HomeAssistantHome
) -> None:
    many = "".join(f"many_{number}:\n  name: Many {number}\n" for number in range(1000))
    try:
        home_assistant.write("input_boolean.yaml", many)
        await aside(home_assistant.call, "input_boolean.reload")
        await aside(
            home_assistant.command,
            "homeassistant/expose_entity",
            assistants=["conversation"],
            entity_ids=[f"input_boolean.many_{number}" for number in range(1000)],
            should_expose=True,
        )
        home = Home()
        began = time.perf_counter()
        await home.connect([source])
        taken = time.perf_counter() - began
        try:
            print(f"{len(home.entities)} entities in {taken * 1000:.0f} ms")
            assert len(home.entities) > 1000
            assert taken < 3
            await home.call_service(
                "input_boolean", "turn_on", [f"input_boolean.many_{n}" for n in range(1000)], {}
            )
            await until(home, lambda: home.state("input_boolean.many_999").state == "on", 10)
        finally:
            await home.close()
    finally:
        home_assistant.restore("input_boolean.yaml")
        await aside(home_assistant.call, "input_boolean.reload")


async def test_entities_that_come_and_go_are_told(
    home_assistant: HomeAssistant, followed: Followed
) -> None:
    try:
        home_assistant.write("input_boolean.yaml", "party:\n  name: Party\n")
        await aside(home_assistant.call, "input_boolean.reload")
        await followed.other(
            lambda now: (
                "input_boolean.party" in ids(now) and "input_boolean.guest_mode" not in ids(now)
            )
        )
    finally:
        home_assistant.restore("input_boolean.yaml")
        await aside(home_assistant.call, "input_boolean.reload")
    await followed.other(lambda now: "input_boolean.guest_mode" in ids(now))


async def test_the_doctor_is_told_what_is_there(
    home_assistant: HomeAssistant, settings: HomeAssistantSettings
) -> None:
    report = await check(settings)
    assert report.version == home_assistant.version
    assert 20 < report.exposed < report.entities
    assert report.milliseconds < 100
    assert not report.starting
    assert f"Home Assistant {report.version} at {home_assistant.url}" in str(report)
