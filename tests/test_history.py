"""What is kept of what was said and done, by whom it was caused, and for how long."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from hub.app import Hub, open_hub
from hub.cause import Cause, caused
from hub.config import Config, PrivacySettings, parse
from hub.devices.simulated import SimulatedHome
from hub.errors import ConfigError, StorageError
from hub.history import Deed, History, book
from hub.history.database import damaged
from hub.history.watching import Seen
from hub.messages import Intent, Reply, StateChange, Trace
from tests.fakes import FakeTime, House

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


def settings(folder: Path, more: str = "") -> Config:
    return parse(
        f'[hub]\ndata = "{folder}/data"\ncache = "{folder}/cache"\nruntime = "{folder}/run"\n'
        f'[router]\nmodel = ""\n{more}'
    )


@asynccontextmanager
async def hub_in(folder: Path, more: str = "") -> AsyncIterator[Hub]:
    async with open_hub(settings(folder, more)) as hub:
        yield hub


async def said(hub: Hub, text: str, *, area: str | None = "Office") -> str:
    trace = await hub.assistant.say(text, area=area)
    hub.assistant.finished(trace)
    return trace.reply.text


def files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


async def until(hub: Hub, found: Callable[[Deed], bool]) -> Deed:
    """A deed, as soon as there is such a one."""
    assert hub.history is not None
    for _ in range(1000):
        for deed in await hub.history.done():
            if found(deed):
                return deed
        await asyncio.sleep(0.01)
    raise AssertionError("there is no such deed")


def trace(heard: str, *, person: str | None = None) -> Trace:
    return Trace(
        turn=1,
        heard=heard,
        hypotheses=(),
        language="en",
        intent=Intent(),
        outcomes=(),
        reply=Reply("Yes."),
        stages_ms={},
        token=heard,
        person=person,
    )


async def test_what_was_said_and_done_is_there_after_a_restart(tmp_path: Path) -> None:
    async with hub_in(tmp_path) as hub:
        await said(hub, "turn on the desk lamp")
    async with hub_in(tmp_path) as hub:
        assert hub.history is not None
        (turn,) = await hub.history.turns()
        (deed,) = await hub.history.done()
    assert (turn.heard, turn.area, turn.source) == ("turn on the desk lamp", "Office", "voice")
    assert turn.trace["calls"][0]["tool"] == "HassTurnOn"
    assert (deed.entity_id, deed.service) == ("light.desk_lamp", "light.turn_on")
    assert (deed.before, deed.after, deed.source) == ("off", "on", "voice")
    assert deed.turn == turn.token


async def test_who_caused_something_is_told_apart(tmp_path: Path) -> None:
    async with hub_in(tmp_path) as hub:
        source = hub.home.source("simulated")
        assert isinstance(source, SimulatedHome)
        await said(hub, "turn on the desk lamp")
        source.set_state("light.desk_lamp", "off")
        hand = await until(hub, lambda deed: deed.source == "outside")
        await hub._unattended("turn on the desk lamp", "Office", "en")
        timer = await until(hub, lambda deed: deed.source == "timer")
        with caused("phone", person="Sam"):
            await said(hub, "turn off the desk lamp")
        phone = await until(hub, lambda deed: deed.source == "phone")
    assert (hand.service, hand.before, hand.after, hand.area) == (
        "light.turn_off",
        "on",
        "off",
        "Office",
    )
    assert timer.area == "Office"
    assert phone.person == "Sam"


async def test_what_follows_from_a_command_is_not_from_outside(tmp_path: Path) -> None:
    async with hub_in(tmp_path) as hub:
        assert hub.history is not None
        assert (await said(hub, "turn on the desk lamp")).startswith("Turned on")
        assert (await said(hub, "open the bedroom curtains", area="Bedroom")).startswith("Open")
        told = await said(hub, "set the living room to 19 degrees", area="Living Room")
        assert "19 degrees" in told
        await until(hub, lambda deed: deed.after == "open")
        deeds = await hub.history.done()
    assert [(deed.service, deed.source) for deed in deeds] == [
        ("light.turn_on", "voice"),
        ("cover.open_cover", "voice"),
        ("climate.set_temperature", "voice"),
    ]


async def test_words_of_people_are_not_among_the_deeds(tmp_path: Path) -> None:
    async with hub_in(tmp_path) as hub:
        assert hub.history is not None
        await said(hub, "add xylophonecanary to the shopping list")
        (deed,) = await hub.history.done()
    assert deed.entity_id == "todo.shopping_list"
    assert "canary" not in str(deed)


async def test_a_device_whose_state_is_a_text_is_told_without_it() -> None:
    history = History(None, PrivacySettings(), FakeTime(NOON))
    await history.open()
    data = {"value": "x"}
    history._seen(Seen("input_text.note", "input_text.set_value", data, "a", "b", Cause("voice")))
    (deed,) = await history.done()
    assert (deed.before, deed.after, dict(deed.data)) == (None, None, {})
    await history.close()


async def test_words_are_never_kept_where_that_was_wanted(tmp_path: Path) -> None:
    async with hub_in(tmp_path, "[privacy]\nwords_hours = 0\n") as hub:
        await said(hub, "turn on the desk lamp")
        assert hub.history is not None
        assert [turn.heard for turn in await hub.history.turns()] == ["turn on the desk lamp"]
    async with hub_in(tmp_path, "[privacy]\nwords_hours = 0\n") as hub:
        assert hub.history is not None
        assert await hub.history.turns() == []
        assert len(await hub.history.done()) == 1
    kept = b"".join(path.read_bytes() for path in files(tmp_path / "data", "history.db*"))
    assert b"turn on the desk lamp" not in kept


async def test_what_is_too_old_is_forgotten(tmp_path: Path) -> None:
    time = FakeTime(NOON)
    async with House() as house:
        history = History(tmp_path / "history.db", PrivacySettings(), time)
        await history.open()
        history.watch(house.home)
        history.turn(trace("yesterday"))
        with caused("voice"):
            await house.home.call_service("light", "turn_on", ["light.desk_lamp"], {})
        time.set_clock(hours=25)
        history.turn(trace("today"))
        await history.prune()
        assert [turn.heard for turn in await history.turns()] == ["today"]
        assert len(await history.done()) == 1
        time.set_clock(days=365)
        await history.prune()
        assert await history.done() == []
        await history.close()


async def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    history = History(tmp_path / "new" / "history.db", PrivacySettings(), FakeTime(NOON))
    old = os.umask(0)
    try:
        await history.open()
        history.turn(trace("hello"))
        await history.flush()
    finally:
        os.umask(old)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()} == {0o600}
    await history.close()


async def test_a_damaged_file_is_set_aside_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"this is no database, but it was one " * 500)
    history = History(path, PrivacySettings(), FakeTime(NOON))
    with caplog.at_level(logging.ERROR):
        await history.open()
    history.turn(trace("hello"))
    assert [turn.heard for turn in await history.turns()] == ["hello"]
    assert "was damaged" in history.problem
    assert "was damaged" in caplog.text
    assert len(damaged(path)) == 1
    await history.close()


async def test_a_file_with_a_damaged_page_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    history = History(path, PrivacySettings(), FakeTime(NOON))
    await history.open()
    for number in range(300):
        history.turn(trace(f"number {number}"))
    await history.close()
    content = bytearray(path.read_bytes())
    content[4096 * 5 : 4096 * 6] = b"\xff" * 4096
    path.write_bytes(content)
    history = History(path, PrivacySettings(), FakeTime(NOON))
    await history.open()
    assert await history.turns() == []
    assert "was damaged" in history.problem
    await history.close()


async def test_a_file_that_cannot_be_opened_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "data" / "history.db").mkdir(parents=True)
    async with hub_in(tmp_path) as hub:
        assert await said(hub, "turn on the desk lamp") == "Turned on the Desk Lamp."
        assert hub.history is not None and hub.history.problem
        with pytest.raises(StorageError):
            await hub.history.turns()


async def test_a_device_that_never_rests_does_not_fill_the_disk() -> None:
    async with House() as house:
        history = History(None, PrivacySettings(), FakeTime(NOON))
        await history.open()
        history.watch(house.home)
        for number in range(500):
            state = "on" if number % 2 else "off"
            other = "off" if number % 2 else "on"
            house.home.apply(StateChange("binary_sensor.kitchen_window", state, {}, other))
        assert 50 <= len(await history.done()) <= 60
        await history.close()


async def test_a_disk_that_hangs_costs_no_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(book, "GATHERED", 0.01)
    monkeypatch.setattr(book, "MOST_GATHERED", 10)
    history = History(None, PrivacySettings(), FakeTime(NOON))
    await history.open()
    moves = Event()
    history._database.begin(lambda connection: moves.wait(10))
    for number in range(40):
        history.turn(trace(f"number {number}"))
        await asyncio.sleep(0.02)
    assert len(history._gathered) <= 11
    assert "the disk takes nothing" in caplog.text
    moves.set()
    assert 0 < len(await history.turns()) <= 12
    await history.close()


async def test_a_sensor_that_comes_back_was_not_switched_by_anybody() -> None:
    async with House() as house:
        history = History(None, PrivacySettings(), FakeTime(NOON))
        await history.open()
        history.watch(house.home)
        for before, state in (("off", "unavailable"), ("unavailable", "on")):
            house.home.apply(StateChange("light.desk_lamp", state, {}, before))
        assert await history.done() == []
        await history.close()


async def test_deeds_are_read_in_order_by_many_at_a_time(tmp_path: Path) -> None:
    history = History(tmp_path / "history.db", PrivacySettings(), FakeTime(NOON))
    await history.open()
    await history.close()
    with sqlite3.connect(tmp_path / "history.db") as connection:
        connection.executemany(
            "INSERT INTO deeds VALUES (?, ?, 'light.x', 'X', '', '{}', NULL, NULL, NULL, NULL,"
            " 'outside', '')",
            [(number, 1_790_000_000 + number // 3) for number in range(1, 2501)],
        )
    connection.close()
    deeds = list(history.deeds())
    assert [deed.id for deed in deeds] == list(range(1, 2501))
    since = datetime.fromtimestamp(1_790_000_800, UTC)
    assert min(deed.at for deed in history.deeds(since)) == since
    await history.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("words_hours = -1", "words_hours"),
        ("debug_audio_until = 2999-01-01", "at most 7 days ahead"),
        ('debug_audio_until = "soon"', "without quotes"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse(f"[privacy]\n{text}\n")
