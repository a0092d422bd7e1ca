"""What is to happen at a time: over restarts, clocks that are set, summer time, and other zones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import AudioError, StorageError
from hub.timers import wall
from hub.timers.agenda import AGAIN, LATE, LATER, POLITE, RINGING, TRIES, Agenda, Due
from hub.timers.appointment import When
from hub.timers.clock import LONGEST_SLEEP
from hub.timers.wall import moment
from tests.fakes import FakeTime, House, settle

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Africa/Casablanca",
    "America/Santiago",
    "Pacific/Auckland",
    "Asia/Kolkata",
)
"""With an hour, with half of one, south of the equator, with 'negative' summer time, with none."""


class Time(FakeTime):
    """As the machine's: nobody sleeps so long that a clock that is set is not noticed."""

    def __init__(self, now: datetime, zone: str = "Europe/Berlin", **more: Any) -> None:
        super().__init__(now, **more)
        self.zone = ZoneInfo(zone)

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, 120.0))

    @property
    def shown(self) -> str:
        return f"{self.now().astimezone(self.zone):%d %H:%M}"


class Pages:
    """Keeps documents, as a disk would: what is put is there when it is flushed."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.error: StorageError | None = None
        self._pending: dict[str, str | None] = {}

    async def load(self) -> dict[str, dict[str, Any]]:
        return {key: json.loads(text) for key, text in self.kept.items()}

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        self._pending[key] = json.dumps(dict(document))

    def remove(self, key: str) -> None:
        self._pending[key] = None

    async def flush(self) -> None:
        if self.error:
            raise self.error
        for key, text in self._pending.items():
            if text is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = text
        self._pending.clear()

    async def tidy(self) -> None:
        await self.flush()

    async def close(self) -> None:
        pass


@dataclass
class Machine:
    """A machine on which a hub can be ended in several ways."""

    time: Time
    pages: Pages = field(default_factory=Pages)
    house: House | None = None
    agenda: Agenda = field(init=False)
    told: list[tuple[str, str]] = field(default_factory=list)
    """What came, and when by the clock on the wall: 'alarm 07:00', 'missed alarm 07:00'."""
    dues: list[Due] = field(default_factory=list)
    heard: dict[str, list[str]] = field(default_factory=dict)
    deaf: bool = False

    async def start(self) -> Machine:
        home = self.house.home if self.house else None
        self.agenda = Agenda(self.time, self.pages, home=home, place=lambda: (52.5, 13.4))
        await self.agenda.open()
        self.agenda.begin(self._tell)
        await settle()
        return self

    def heard_of(self, text: str) -> list[str]:
        """When something was told, by the clock on the wall."""
        return list(self.heard.get(text, ()))

    async def _tell(self, due: Due) -> None:
        if self.deaf:
            raise AudioError("there is no loudspeaker")
        self.dues.append(due)
        if due.number == 0:
            how = "missed " if due.missed else "again " if due.again else ""
            self.told.append((f"{how}{due.what.kind} {due.at:%d %H:%M}", self.time.shown))
            self.heard.setdefault(due.what.text, []).append(self.time.shown)
        if due.what.kind == "command":
            await self.agenda.done(due.what.id)

    async def kill(self) -> None:
        """As by kill -9: nothing is kept that was not."""
        self.time.kill()
        kept, self.pages = self.pages.kept, Pages()
        self.pages.kept = kept
        agenda = self.agenda
        agenda._pages = None
        await agenda.close()

    async def restart(self, **took: float) -> None:
        """Killed, and started again on the same machine."""
        await self.kill()
        await self.time.advance(timedelta(**took).total_seconds())
        await self.start()

    async def power_cut(self, **took: float) -> None:
        await self.kill()
        self.time.reboot(**took)
        await self.start()

    async def pass_(self, **by: float) -> None:
        await self.time.advance(timedelta(**by).total_seconds())

    async def alarm(self, text: str) -> None:
        found = self.agenda.read(text, "en", "alarm")
        assert found is not None
        await self.agenda.add("alarm", found.when)

    async def remind(self, text: str) -> None:
        found = self.agenda.read(text, "en", "reminder")
        assert found is not None
        await self.agenda.add("reminder", found.when, "call")


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN)  # type: ignore[misc,arg-type]


@pytest.fixture
async def machine() -> Any:
    machine = await Machine(Time(berlin(2026, 11, 27, 22, 0))).start()
    yield machine
    await machine.agenda.close()


# --- the zone of the machine ----------------------------------------------------------------------


def test_the_zone_is_that_of_the_machine_and_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "localtime"
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(wall, "LOCALTIME", link)
    assert wall.local_zone() is UTC
    for name in ("Europe/Berlin", "Asia/Kolkata", "Europe/Berlin"):
        target = tmp_path / "zoneinfo" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert wall.local_zone() == ZoneInfo(name)
    link.unlink()
    link.write_bytes(b"no zone")
    assert wall.local_zone() is UTC
    monkeypatch.setenv("TZ", ":Asia/Kolkata")
    assert wall.local_zone() == ZoneInfo("Asia/Kolkata")


# --- how long it waits, on a clock that sleeps no longer than the machine's ---------------------


class Short(Time):
    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, LONGEST_SLEEP))


@pytest.fixture
async def short() -> Any:
    machine = await Machine(Short(berlin(2026, 11, 27, 22, 0))).start()
    yield machine
    await machine.agenda.close()


async def test_a_reminder_is_said_again_after_the_whole_while(short: Machine) -> None:
    await short.remind("in ten minutes")
    await short.pass_(seconds=600 + LATER - 1)
    assert [due.number for due in short.dues] == [0]
    await short.pass_(seconds=2)
    assert [due.number for due in short.dues] == [0, 1]


async def test_what_nobody_could_hear_is_tried_again_as_long_as_it_should(short: Machine) -> None:
    short.deaf = True
    await short.remind("in ten minutes")
    await short.pass_(seconds=600 + (TRIES - 2) * AGAIN)
    short.deaf = False
    await short.pass_(seconds=AGAIN)
    assert [due.number for due in short.dues] == [0]


async def test_an_alarm_waits_politely_and_then_rings(short: Machine) -> None:
    never = asyncio.Event()
    short.agenda._free = lambda area: never
    await short.alarm("at seven")
    await short.pass_(hours=9, seconds=POLITE - 1)
    assert short.dues == []
    await short.pass_(seconds=2)
    assert len(short.dues) == 1


# --- restarts -----------------------------------------------------------------------------------


async def test_an_alarm_outlives_a_restart_and_a_power_cut(machine: Machine) -> None:
    await machine.alarm("at seven")
    await machine.restart(minutes=5)
    await machine.power_cut(hours=2)
    assert machine.told == []
    await machine.pass_(hours=7)
    assert machine.told == [("alarm 28 07:00", "28 07:00")]


async def test_what_came_due_a_moment_ago_rings_at_the_start(machine: Machine) -> None:
    await machine.alarm("at seven")
    await machine.pass_(hours=8, minutes=58)
    await machine.power_cut(minutes=10)
    assert machine.told == [("alarm 28 07:00", "28 07:08")]


@pytest.mark.parametrize("kind", ["alarm", "reminder"])
async def test_what_came_due_long_ago_is_told_as_missed_once(machine: Machine, kind: str) -> None:
    await (machine.alarm if kind == "alarm" else machine.remind)("at seven tomorrow morning")
    await machine.power_cut(hours=12)
    await machine.pass_(hours=2)
    await machine.restart(minutes=1)
    assert machine.told == [(f"missed {kind} 28 07:00", "28 10:00")]
    assert machine.agenda.all() == []


async def test_of_a_repeated_one_the_last_time_is_told_and_it_goes_on(machine: Machine) -> None:
    await machine.alarm("every day at seven")
    await machine.power_cut(days=3)
    assert machine.told == [("missed alarm 30 07:00", "30 22:00")]
    await machine.pass_(hours=9, minutes=1)
    assert machine.told[1:] == [("alarm 01 07:00", "01 07:00")]


async def test_an_alarm_that_rang_when_the_hub_was_killed_rings_on_and_then_no_more(
    machine: Machine,
) -> None:
    await machine.alarm("every day at seven")
    await machine.pass_(hours=9, seconds=30)
    await machine.restart(seconds=10)
    assert machine.told == [("alarm 28 07:00", "28 07:00"), ("again alarm 28 07:00", "28 07:00")]
    await machine.agenda.stop()
    await machine.restart(seconds=10)
    await machine.pass_(hours=1)
    assert len(machine.told) == 2


async def test_an_alarm_that_was_stopped_rings_no_more_after_a_kill(machine: Machine) -> None:
    await machine.alarm("at seven")
    await machine.pass_(hours=9, seconds=5)
    await machine.agenda.stop()
    await machine.restart(seconds=1)
    await machine.pass_(hours=30)
    assert len(machine.told) == 1


async def test_a_reminder_that_was_said_is_not_said_again_after_a_restart(
    machine: Machine,
) -> None:
    await machine.remind("every day at seven in the morning")
    await machine.remind("in ten minutes")
    await machine.pass_(minutes=10, seconds=5)
    await machine.restart(seconds=1)
    assert [what.kind for what in machine.agenda.all()] == ["reminder"]
    await machine.pass_(hours=9)
    await machine.restart(seconds=1)
    await machine.pass_(hours=1)
    assert len(machine.told) == 2


async def test_a_snooze_outlives_a_kill(machine: Machine) -> None:
    await machine.alarm("at seven")
    await machine.pass_(hours=9, seconds=5)
    await machine.agenda.snooze(600)
    await machine.restart(seconds=60)
    await machine.pass_(seconds=530)
    assert len(machine.told) == 1
    await machine.pass_(seconds=20)
    assert len(machine.told) == 2


async def test_a_command_that_had_begun_is_not_done_again(machine: Machine) -> None:
    await machine.agenda.add("command", When(wall=datetime(2026, 11, 28, 7)), "open the blinds")

    killed: list[asyncio.Task[None]] = []

    async def dies(due: Due) -> None:
        machine.dues.append(due)
        killed.append(asyncio.create_task(machine.kill()))
        await asyncio.Event().wait()

    machine.agenda._tell = dies
    await machine.pass_(hours=9, seconds=1)
    await killed[0]
    assert [due.again for due in machine.dues] == [False]
    await machine.start()
    assert [due.again for due in machine.dues] == [False, True]
    await machine.restart(seconds=1)
    assert len(machine.dues) == 2


async def test_nobody_stops_it_and_it_ends_at_last_and_that_is_told(machine: Machine) -> None:
    await machine.alarm("at seven")
    await machine.pass_(hours=9)
    await machine.pass_(seconds=RINGING + 60)
    assert machine.dues[-1].missed
    assert machine.agenda.all() == []


async def test_what_nobody_could_hear_is_told_after_the_next_start(machine: Machine) -> None:
    machine.deaf = True
    await machine.remind("at seven tomorrow morning")
    await machine.pass_(hours=10)
    assert machine.told == []
    machine.deaf = False
    await machine.restart(hours=1)
    assert machine.told == [("missed reminder 28 07:00", "28 09:00")]


async def test_a_full_disk_costs_no_alarm(machine: Machine) -> None:
    machine.pages.error = StorageError("the disk is full")
    await machine.alarm("at seven")
    assert not machine.agenda.kept
    await machine.pass_(hours=9, seconds=1)
    assert machine.told == [("alarm 28 07:00", "28 07:00")]


# --- clocks that are set ------------------------------------------------------------------------


@pytest.mark.parametrize("by", [-3600, 3600, -86_400])
async def test_ten_minutes_are_ten_minutes_and_seven_is_seven(machine: Machine, by: int) -> None:
    await machine.remind("in ten minutes")
    await machine.alarm("at seven")
    await machine.pass_(minutes=1)
    machine.time.set_clock(seconds=by)
    await machine.pass_(minutes=8, seconds=59)
    assert machine.told == []
    await machine.pass_(seconds=2)
    assert [what.split()[0] for what, _ in machine.told] == ["reminder"]
    wall = machine.time.now().astimezone(BERLIN)
    seven = berlin(2026, 11, 28, 7)
    await machine.pass_(seconds=(seven - wall).total_seconds())
    assert machine.told[1:] == [("alarm 28 07:00", "28 07:00")]


async def test_a_clock_that_goes_back_over_an_alarm_does_not_ring_it_twice(
    machine: Machine,
) -> None:
    await machine.alarm("every day at seven")
    await machine.pass_(hours=9, seconds=5)
    await machine.agenda.stop()
    machine.time.set_clock(hours=-1)
    await machine.pass_(hours=3)
    assert machine.told == [("alarm 28 07:00", "28 07:00")]
    await machine.pass_(hours=22)
    assert machine.told[1:] == [("alarm 29 07:00", "29 07:00")]


async def test_a_clock_that_leaps_over_an_alarm_tells_that_it_was_missed(machine: Machine) -> None:
    await machine.alarm("at seven")
    await machine.pass_(hours=8, minutes=45)
    machine.time.set_clock(hours=1)
    await machine.pass_(minutes=2)
    assert [what for what, _ in machine.told] == ["missed alarm 28 07:00"]


async def test_one_that_leaps_a_little_rings_at_once(machine: Machine) -> None:
    await machine.alarm("at seven")
    await machine.pass_(hours=8, minutes=58)
    machine.time.set_clock(minutes=5)
    await machine.pass_(minutes=2)
    assert [what for what, _ in machine.told] == ["alarm 28 07:00"]


async def test_a_clock_that_was_years_ahead_does_not_silence_an_alarm(machine: Machine) -> None:
    await machine.alarm("every day at seven")
    machine.time.set_clock(days=4000)
    await machine.pass_(minutes=2)
    machine.time.set_clock(days=-4000)
    machine.told.clear()
    await machine.pass_(hours=10)
    assert machine.told == [("alarm 28 07:00", "28 07:00")]


async def test_a_machine_without_a_clock_waits_until_it_is_set(machine: Machine) -> None:
    await machine.alarm("at seven")
    await machine.remind("in ten minutes")
    await machine.kill()
    machine.time.reboot()
    right = machine.time.now()
    machine.time._now = datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC)
    await machine.start()
    await machine.pass_(minutes=3)
    assert machine.told == []
    machine.time._now = right + timedelta(minutes=4)
    await machine.pass_(minutes=8)
    assert [what.split()[0] for what, _ in machine.told] == ["reminder"]
    seven = berlin(2026, 11, 28, 7)
    await machine.pass_(seconds=(seven - machine.time.now()).total_seconds())
    assert machine.told[1:] == [("alarm 28 07:00", "28 07:00")]


async def test_a_clock_that_is_never_set_goes_on_from_what_was_known(machine: Machine) -> None:
    await machine.alarm("at seven")
    await machine.kill()
    machine.time.reboot()
    machine.time._now = datetime(1970, 1, 1, tzinfo=UTC)
    await machine.start()
    await machine.pass_(hours=8, minutes=59)
    assert machine.told == []
    await machine.pass_(minutes=2)
    assert [what for what, _ in machine.told] == ["alarm 28 07:00"]


async def test_an_alarm_that_was_set_before_the_clock_was(machine: Machine) -> None:
    time = Time(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    early = await Machine(time).start()
    await early.alarm("at seven")
    await early.pass_(minutes=1)
    time._now = berlin(2026, 11, 27, 22, 0).astimezone(UTC)
    await early.pass_(hours=8, minutes=50)
    assert early.told == []
    await early.pass_(minutes=11)
    assert early.told == [("alarm 28 07:00", "28 07:00")]
    await early.agenda.close()


async def test_another_zone_moves_an_alarm_to_seven_there(machine: Machine) -> None:
    await machine.alarm("every day at seven")
    await machine.pass_(hours=9, seconds=5)
    await machine.agenda.stop()
    machine.time.zone = ZoneInfo("America/New_York")
    await machine.pass_(hours=20)
    assert len(machine.told) == 1  # it was rung for this day already
    await machine.pass_(hours=11)
    assert machine.told[1:] == [("alarm 29 07:00", "29 07:00")]


# --- summer time --------------------------------------------------------------------------------


def changes(zone: ZoneInfo, year: int) -> list[tuple[datetime, timedelta]]:
    """The moments at which the clocks are set in a year, and by how much."""
    found = []
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        before = at.astimezone(zone).utcoffset()
        after = (at + timedelta(hours=6)).astimezone(zone).utcoffset()
        if before != after:
            low, high = at, at + timedelta(hours=6)
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                middle = middle.replace(microsecond=0)
                if middle in (low, high):
                    break
                low, high = (
                    (middle, high)
                    if middle.astimezone(zone).utcoffset() == before
                    else (low, middle)
                )
            assert before is not None and after is not None
            found.append((high, after - before))
        at += timedelta(hours=6)
    return found


@pytest.mark.parametrize("name", ZONES)
async def test_over_both_changes_each_alarm_rings_once_and_at_its_time(name: str) -> None:
    zone = ZoneInfo(name)
    for at, by in changes(zone, 2027):
        edge = at.astimezone(zone).replace(tzinfo=None)
        before = edge - by if by > timedelta(0) else edge
        inside = before + abs(by) / 2  # left out in spring, twice in autumn
        time = Time(at - timedelta(hours=20), name)
        machine = await Machine(time).start()
        rule = "FREQ=DAILY"
        wall = inside.replace(second=0, microsecond=0)
        await machine.agenda.add("reminder", When(wall=wall, rule=rule), "inside")
        later = When(wall=wall + timedelta(hours=5), rule=rule)
        await machine.agenda.add("reminder", later, "outside")
        await machine.pass_(hours=30)
        first = machine.heard_of("inside")
        expected = edge if by > timedelta(0) else wall
        assert first == [f"{expected:%d %H:%M}"], (name, at)
        rung = machine.heard_of("outside")
        assert rung == [f"{wall + timedelta(hours=5):%d %H:%M}"], (name, at)
        await machine.pass_(hours=24)
        again = machine.heard_of("inside")
        assert again[1:] == [f"{wall + timedelta(days=1):%d %H:%M}"], (name, at)
        await machine.agenda.close()


async def test_a_moved_alarm_keeps_the_days_that_are_left_out(machine: Machine) -> None:
    await machine.alarm("at 6:30 every day")
    (alarm,) = machine.agenda.all("alarm")
    await machine.agenda.skip(alarm, datetime(2026, 11, 28, 6, 30))
    (alarm,) = machine.agenda.all("alarm")
    await machine.agenda.move(alarm, "seven", "en")
    (moved,) = machine.agenda.all("alarm")
    assert machine.agenda.next_time(moved) == datetime(2026, 11, 29, 7, 0)


async def test_an_alarm_that_is_moved_is_on_the_disk_at_every_moment() -> None:
    class Watched(Pages):
        """Knows how many there were after each of the changes."""

        def __init__(self) -> None:
            super().__init__()
            self.there: list[int] = []

        async def flush(self) -> None:
            for key in [*self._pending]:
                text = self._pending.pop(key)
                self.kept = {k: v for k, v in self.kept.items() if k != key}
                self.kept |= {} if text is None else {key: text}
                self.there.append(len(self.kept))

    pages = Watched()
    machine = await Machine(Time(berlin(2026, 11, 27, 22, 0)), pages).start()
    await machine.alarm("at seven")
    (alarm,) = machine.agenda.all("alarm")
    await machine.agenda.move(alarm, "eight", "en")
    assert min(pages.there) == 1
    await machine.restart(minutes=1)
    assert [machine.agenda.next_time(a) for a in machine.agenda.all()] == [
        datetime(2026, 11, 28, 8, 0)
    ]
    await machine.agenda.close()


async def test_half_past_two_in_the_night_that_has_none_is_three() -> None:
    machine = await Machine(Time(berlin(2027, 3, 27, 22, 0))).start()
    await machine.alarm("at half past two in the morning")
    await machine.pass_(hours=4)
    assert machine.told == [("alarm 28 02:30", "28 03:00")]
    await machine.agenda.close()


async def test_an_alarm_set_in_the_second_of_two_hours_is_for_that_one() -> None:
    now = datetime(2027, 10, 31, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    machine = await Machine(Time(now)).start()
    await machine.alarm("at half past two")
    await machine.pass_(minutes=19)
    assert machine.told == []
    await machine.pass_(minutes=2)
    assert machine.told == [("alarm 31 02:30", "31 02:30")]
    await machine.agenda.close()


@settings(max_examples=300, deadline=None)
@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    wall=st.datetimes(datetime(2026, 1, 1), datetime(2030, 12, 31)),
)
def test_every_time_on_the_wall_is_a_moment_and_no_later_than_it_must(
    zone: ZoneInfo, wall: datetime
) -> None:
    wall = wall.replace(microsecond=0)
    at = moment(wall, zone)
    shown = at.astimezone(zone).replace(tzinfo=None)
    assert shown >= wall
    before = (at - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert before < wall
    assert shown == wall or before < shown - timedelta(minutes=1)  # only in a gap


# --- the sun ------------------------------------------------------------------------------------


async def test_with_the_sun_every_day_at_another_time(machine: Machine) -> None:
    await machine.remind("every day at sunset")
    for _ in range(3):
        await machine.pass_(hours=24)
    assert [shown[3:] for _, shown in machine.told] == ["15:58", "15:57", "15:56"]


async def test_sunset_that_has_been_is_tomorrow_s(machine: Machine) -> None:
    await machine.remind("an hour before sunset")
    await machine.pass_(hours=1)
    await machine.restart(minutes=1)
    assert machine.told == []
    await machine.pass_(hours=16)
    assert [shown for _, shown in machine.told] == ["28 14:58"]


# --- when somebody comes home -------------------------------------------------------------------

PEOPLE = {
    "areas": [{"name": "Hall"}],
    "entities": [
        {"id": "person.sam", "name": "Sam", "state": "home"},
        {
            "id": "binary_sensor.front_door",
            "name": "Front Door",
            "area": "Hall",
            "device_class": "door",
            "state": "off",
        },
    ],
}


async def test_when_somebody_comes_home_it_is_said_and_not_while_they_are_there() -> None:
    async with House(PEOPLE) as house:
        machine = await Machine(Time(berlin(2026, 11, 27, 8, 0)), house=house).start()
        await machine.agenda.add("reminder", When(entity="person.sam", state="home"), "cat")
        await machine.pass_(minutes=5)
        house.devices.set_state("person.sam", "not_home")
        await machine.pass_(hours=1)
        assert machine.told == []
        await machine.restart(minutes=1)
        house.devices.set_state("person.sam", "home")
        await machine.pass_(seconds=1)
        assert [what.split()[0] for what, _ in machine.told] == ["reminder"]
        await machine.agenda.close()


async def test_who_came_home_while_the_hub_was_off_is_told_at_its_start() -> None:
    async with House(PEOPLE) as house:
        machine = await Machine(Time(berlin(2026, 11, 27, 8, 0)), house=house).start()
        house.devices.set_state("person.sam", "not_home")
        await settle()
        await machine.agenda.add("reminder", When(entity="person.sam", state="home"), "cat")
        await machine.kill()
        house.devices.set_state("person.sam", "home")
        await settle()
        await machine.start()
        assert [what.split()[0] for what, _ in machine.told] == ["reminder"]
        await machine.agenda.close()


async def test_a_door_that_opens_soon_is_somebody_who_leaves() -> None:
    async with House(PEOPLE) as house:
        machine = await Machine(Time(berlin(2026, 11, 27, 8, 0)), house=house).start()
        door = When(entity="binary_sensor.front_door", state="on", seconds=600.0)
        await machine.agenda.add("reminder", door, "cat")
        for state, minutes in [("on", 1), ("off", 10), ("on", 1)]:
            assert machine.told == []
            house.devices.set_state("binary_sensor.front_door", state)
            await machine.pass_(minutes=minutes)
        assert [what.split()[0] for what, _ in machine.told] == ["reminder"]
        await machine.agenda.close()


# --- privacy ------------------------------------------------------------------------------------


async def test_all_can_be_seen_and_erased(machine: Machine) -> None:
    await machine.agenda.add("reminder", When(seconds=60), "call my sister", person="sam")
    await machine.agenda.add("reminder", When(seconds=60), "feed the cat")
    assert [each["text"] for each in await machine.agenda.export()] == [
        "call my sister",
        "feed the cat",
    ]
    assert await machine.agenda.erase("sam") == 1
    assert "sister" not in str(machine.pages.kept)
    assert await machine.agenda.erase() == 1
    assert machine.pages.kept == {}


def test_late_is_what_the_house_expects() -> None:
    assert LATE == 600
