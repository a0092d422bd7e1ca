"""Calendars of files and of a real CalDAV server: asked, filled, and changed with nothing lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import caldav
import pytest

from hub.author.stage import Stage
from hub.daily import ics
from hub.daily.caldav_server import Server
from hub.daily.calendars import Calendars, Files, opened
from hub.errors import StorageError
from hub.skill.testing import hearth_with
from tests.radicale import free_port, radicale

CALENDAR = Path(__file__).parent.parent / "skills" / "calendar"
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WEEK = MONDAY + timedelta(days=7)
LAMP = {"light.desk": {"name": "Desk Lamp", "area": "Office"}}

FAMILY = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Somebody//Something//EN
X-WR-CALNAME:Family
X-SOMETHING-OF-ITS-MAKER;WEIRD="a:b;c":1
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:yoga
SUMMARY:Yoga
DTSTART;TZID=Europe/Berlin:20260105T180000
DTEND;TZID=Europe/Berlin:20260105T190000
RRULE:FREQ=WEEKLY
X-ODD:1
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
DESCRIPTION:Soon
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:broken
SUMMARY:Nobody understands this
DTSTART:nonsense
END:VEVENT
BEGIN:VTODO
UID:todo
SUMMARY:Not an event
END:VTODO
BEGIN:VEVENT
UID:dentist
SUMMARY:Dentist
LOCATION:Main Street 1
DESCRIPTION:Bring the long long long long long long long long long long long lo
 ng card
DTSTART:20260306T140000Z
DURATION:PT1H
END:VEVENT
BEGIN:VEVENT
UID:birthday
SUMMARY:Birthday of Liza
DTSTART;VALUE=DATE:20260304
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "calendars"
    made.mkdir()
    (made / "family.ics").write_text(FAMILY, encoding="utf-8")
    return made


def hearth(calendars: Calendars, language: str = "en", home: Mapping[str, object] = LAMP) -> Stage:
    return hearth_with(
        home,  # type: ignore[arg-type]
        skill=CALENDAR,
        all_skills=True,
        languages=(language,),
        services={"calendars": calendars},
        now=MONDAY,
    )


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def said(stage: Stage, *texts: str, language: str = "en") -> str:
    for text in texts:
        trace = await stage.assistant.say(text, language=language)
    return trace.reply.text


async def test_what_is_planned_is_told(folder: Path) -> None:
    async with hearth(Calendars([Files(folder)])) as home:
        for text, answer in (
            ("what is on tomorrow", "There is nothing in the calendar."),
            ("what's on my calendar today", "Yoga today at 5 PM."),
            ("what is on wednesday", "Birthday of Liza on Wednesday."),
            ("when is the dentist", "Dentist on Friday at 2 PM, at Main Street 1."),
            ("am I free on friday afternoon", "No: Dentist on Friday at 2 PM."),
            ("am I free on friday morning", "Yes, there is nothing planned."),
            ("am I free tomorrow at nine", "Yes, there is nothing planned."),
            ("when is the circus", "I find nothing like that in the calendar."),
        ):
            assert await said(home, text) == answer


async def test_something_new_is_one_more_event_and_nothing_else_changes(folder: Path) -> None:
    async with hearth(Calendars([Files(folder)])) as home:
        told = await said(home, "Add lunch with Liza, at Joe's, on Saturday at one")
        assert told == "Added: Lunch with Liza, at Joe's on Saturday at 1 PM."
        text = (folder / "family.ics").read_text(encoding="utf-8")
        new = ics.events(ics.lines(text))[-1]
        block = "".join(line.raw for line in ics.lines(text)[new.start : new.end])
        assert text.replace(block, "") == FAMILY
        assert "SUMMARY:Lunch with Liza\\, at Joe's" in block
        assert "DTSTART:20260307T130000Z" in block
        assert await said(home, "what is on saturday") == (
            "Lunch with Liza, at Joe's on Saturday at 1 PM."
        )
        await said(home, "undo that")
        assert (folder / "family.ics").read_text(encoding="utf-8") == FAMILY


async def test_a_whole_day_and_what_is_at_the_same_time(folder: Path) -> None:
    async with hearth(Calendars([Files(folder)])) as home:
        told = await said(home, "put holidays in my calendar on March 20")
        assert told == "Added: Holidays on Friday, March 20."
        told = await said(home, "schedule a call on friday at half past two for half an hour")
        assert told == "Added: Call on Friday at 2:30 PM. There is Dentist at that time, too."


async def test_moving_asks_first(folder: Path) -> None:
    async with hearth(Calendars([Files(folder)])) as home:
        asked = await said(home, "move the dentist to thursday at eleven")
        assert asked == "Move Dentist on Friday at 2 PM to Thursday at 11 AM?"
        assert await said(home, "no") == "All right, it stays."
        assert (folder / "family.ics").read_text(encoding="utf-8") == FAMILY
        await said(home, "move the dentist to thursday at eleven", "yes")
        told = await said(home, "when is the dentist")
        assert told == "Dentist on Thursday at 11 AM, at Main Street 1."
        await said(home, "undo that")
        assert (folder / "family.ics").read_text(encoding="utf-8") == FAMILY


async def test_one_time_of_a_series_is_moved_and_another_cancelled(folder: Path) -> None:
    calendars = Calendars([Files(folder)])
    async with hearth(calendars) as home:
        asked = await said(home, "move my yoga to tomorrow at six in the evening")
        assert asked == "Move Yoga today at 5 PM to tomorrow at 6 PM, this time only?"
        await said(home, "yes")
        asked = await said(home, "cancel my yoga appointment on march 9")
        assert asked.endswith("Cancel only this one, all, or none?")
        assert await said(home, "only this one") == "Yoga is cancelled."
        found = await calendars.events(MONDAY, MONDAY + timedelta(days=15))
        yoga = [event.start for event in found if event.summary == "Yoga"]
        assert [f"{start:%m-%d %H}" for start in yoga] == ["03-03 18", "03-16 17"]
    text = (folder / "family.ics").read_text(encoding="utf-8")
    assert "EXDATE;TZID=Europe/Berlin:20260309T180000" in text
    for kept in ("nonsense", "BEGIN:VTODO", "TRIGGER:-PT15M", "X-SOMETHING-OF-ITS-MAKER"):
        assert kept in text


async def test_all_of_a_series_is_cancelled_and_had_back(folder: Path) -> None:
    async with hearth(Calendars([Files(folder)])) as home:
        await said(home, "cancel my yoga appointment")
        assert await said(home, "all") == "Yoga is cancelled for good."
        assert "UID:yoga" not in (folder / "family.ics").read_text(encoding="utf-8")
        await said(home, "undo that")
        found = ics.of_uid((folder / "family.ics").read_text(encoding="utf-8"), "yoga")
        assert found == ics.of_uid(FAMILY, "yoga")


async def test_in_german(folder: Path) -> None:
    async with hearth(Calendars([Files(folder)]), "de") as home:
        for text, answer in (
            ("was steht am Mittwoch an", "Birthday of Liza am Mittwoch."),
            ("habe ich am Freitag Nachmittag Zeit", "Nein: Dentist am Freitag um 14 Uhr."),
            (
                "trag Abendessen mit Liza am Samstag um 19 Uhr ein",
                "Eingetragen: Abendessen mit Liza am Samstag um 19 Uhr.",
            ),
            ("sag den Termin Dentist ab", "Dentist am Freitag um 14 Uhr absagen?"),
            ("ja", "Dentist ist abgesagt."),
        ):
            assert await said(home, text, language="de") == answer


async def test_a_file_that_is_none_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.ics"
    path.write_text("this is no calendar\n", encoding="utf-8")
    async with hearth(Calendars([Files(path)])) as home:
        told = await said(home, "add dentist on friday at ten")
        assert told == "Sorry, the calendar did not take that."
    assert path.read_text(encoding="utf-8") == "this is no calendar\n"


async def test_without_settings_there_is_a_calendar_of_the_hub_s_own(tmp_path: Path) -> None:
    own = tmp_path / "calendars" / "hearth.ics"
    async with hearth(opened({}, own.parent)) as home:
        assert await said(home, "add dentist on friday at ten") == (
            "Added: Dentist on Friday at 10 AM."
        )
    assert own.stat().st_mode & 0o777 == 0o600
    async with hearth(opened({}, own.parent)) as home:
        assert await said(home, "when is the dentist") == "Dentist on Friday at 10 AM."


async def test_a_file_keeps_who_may_read_it(folder: Path) -> None:
    path = folder / "family.ics"
    path.chmod(0o640)
    calendars = Calendars([Files(path)])
    await calendars.add("Dentist", MONDAY, MONDAY + timedelta(hours=1))
    assert path.stat().st_mode & 0o777 == 0o640
    assert names(folder) == ["family.ics"]


def test_lines_are_folded_and_unfolded_by_bytes() -> None:
    line = "SUMMARY:" + "Grüße " * 40
    folded = ics.folded(line)
    assert max(len(part.encode()) for part in folded.split("\r\n")) <= 75
    assert [each.text for each in ics.lines(folded)] == [line]


# --- CalDAV ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("radicale")
    with radicale(folder, user="sam", password="secret") as url:
        client = caldav.DAVClient(url=url, username="sam", password="secret")
        made = client.principal().make_calendar(name="House", cal_id="house")
        for uid in ("yoga", "dentist"):
            made.save_event(ics.replaced(ics.EMPTY, uid, ics.of_uid(FAMILY, uid)))
        yield url


async def test_a_calendar_on_a_server_is_asked_and_changed(server: str) -> None:
    calendars = opened({"url": server, "user": "sam", "password": "secret"}, None)
    assert await calendars.names() == ["House"]
    async with hearth(calendars) as home:
        told = await said(home, "when is the dentist")
        assert told == "Dentist on Friday at 2 PM, at Main Street 1."
        told = await said(home, "add dinner with Liza on saturday at seven in the evening")
        assert told == "Added: Dinner with Liza on Saturday at 7 PM."
        await said(home, "move the dentist to thursday at eleven", "yes")
        await said(home, "cancel my yoga appointment", "only this one")
        # What somebody else sees there:
        other = caldav.DAVClient(url=server, username="sam", password="secret")
        [calendar] = other.principal().calendars()
        text = "".join(str(event.data) for event in calendar.events())
        assert "SUMMARY:Dinner with Liza" in text
        assert "DTSTART:20260305T110000Z" in text
        assert "EXDATE;TZID=Europe/Berlin:20260302T180000" in text
        assert "TRIGGER:-PT15M" in text
        await said(home, "undo that")
        found = await calendars.events(MONDAY, WEEK)
        assert [event.summary for event in found] == ["Yoga", "Dentist", "Dinner with Liza"]
    await calendars.close()


async def test_a_server_that_is_away_is_told(server: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/"
    async with hearth(opened({"url": nobody}, None)) as home:
        assert await said(home, "what is on tomorrow") == "The calendar server does not answer."
    refused = Server(server, "sam", "wrong")
    with pytest.raises(StorageError) as error:
        refused.names()
    assert error.value.spoken == "The calendar server does not let me in."


def test_a_credential_that_is_no_text_is_named_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "caldav-password").write_bytes(b"\xff\xfe\x00secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    calendars = opened({"url": "http://127.0.0.1:9/dav", "user": "sam"}, None)
    assert calendars is not None
    assert "the credential caldav-password cannot be read" in caplog.text
    assert "secret" not in caplog.text
