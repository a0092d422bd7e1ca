"""Quiet hours, what waits for their end, and questions that outlive the hub."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub.cause import caused
from hub.config import MannersSettings
from hub.dialogue.conversation import Question
from hub.dialogue.pending import OLDEST, Pending
from hub.errors import ConfigError
from hub.manners import Manners
from hub.messages import Call
from hub.skills.aloud import Aloud
from hub.storage.documents import Documents
from tests.fakes import FakeNotes, FakeTime, settle

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> Callable[[], datetime]:
    return lambda: datetime.fromisoformat(f"2026-11-27 {text}").replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("span", "time", "quiet"),
    [
        ("22:00-07:00", "21:59", False),
        ("22:00-07:00", "22:00", True),
        ("22:00-07:00", "03:00", True),
        ("22:00-07:00", "07:00", False),
        ("13:00-15:00", "14:00", True),
        ("13:00-15:00", "15:00", False),
        (None, "03:00", False),
    ],
)
def test_quiet_hours_may_go_over_midnight(span: str | None, time: str, quiet: bool) -> None:
    assert Manners(MannersSettings(quiet=span), at(time)).quiet() is quiet


@pytest.mark.parametrize("wrong", ["22-7", "25:00-07:00", "always"])
def test_a_span_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"\[manners\]"):
        Manners(MannersSettings(quiet=wrong), at("12:00"))


@pytest.mark.parametrize(
    ("time", "loud"), [("08:00", 0.8), ("21:00", 0.6), ("23:00", 0.4), ("05:00", 0.4)]
)
def test_the_voice_is_softer_in_the_evening_and_at_night(time: str, loud: float) -> None:
    manners = Manners(MannersSettings(volumes=("07:00 0.8", "20:00 0.6")), at(time))
    assert manners.volume(1.0) == loud
    assert manners.volume(0.1) == 0.1, "what people chose is never made louder"


async def test_what_was_asked_for_is_known_after_a_restart() -> None:
    notes = FakeNotes()
    manners = Manners(MannersSettings(quiet=None), at("12:00"), notes)
    await manners.be_quiet(at("14:00")())
    again = Manners(MannersSettings(quiet=None), at("13:00"), notes)
    await again.open()
    assert again.quiet() and again.quiet_until() == at("14:00")()
    await again.speak_normally()
    assert not again.quiet()


async def test_what_nobody_asked_for_waits_for_the_end_of_the_quiet_hours() -> None:
    time = FakeTime(datetime(2026, 11, 27, 22, 0, tzinfo=UTC))
    said: list[str] = []
    until = time.steady() + 3600

    async def speak(text: str, language: str) -> None:
        said.append(text)

    def quiet() -> float | None:
        return until - time.steady() if time.steady() < until else None

    aloud = Aloud(speak, clock=time.steady, quiet=quiet, sleep=time.sleep)
    aloud.announce("The window has been open for an hour.")
    aloud.announce("There is smoke in the kitchen!", urgent=True)
    with caused("voice"):
        aloud.announce("The search is done.")
    await settle()
    assert said == ["There is smoke in the kitchen!", "The search is done."]
    await time.advance(3601)
    assert said[2:] == ["The window has been open for an hour."]
    await aloud.close()


async def test_quiet_hours_that_are_ended_by_a_word_free_what_waited() -> None:
    said: list[str] = []
    quiet: list[float | None] = [3600.0]

    async def speak(text: str, language: str) -> None:
        said.append(text)

    async def sleep(seconds: float) -> None:
        await asyncio.Event().wait()

    aloud = Aloud(speak, quiet=lambda: quiet[0], sleep=sleep)
    aloud.announce("The battery is low.")
    await settle()
    assert not said
    quiet[0] = None
    aloud.recheck()
    await settle()
    assert said == ["The battery is low."]
    await aloud.close()


QUESTION = Question(
    "Which one: the lamp or the light?",
    {"lamp": (Call("HassTurnOn", {"name": "lamp"}),), "light": ()},
    "turn on the lamp",
)


async def test_a_question_is_kept_for_its_owner_alone_and_not_for_long(tmp_path: Path) -> None:
    now = [datetime(2026, 11, 27, 12, 0, tzinfo=UTC)]
    path = tmp_path / "questions.json"
    pending = Pending(Documents(path), lambda: now[0])
    pending.keep("Kitchen", [QUESTION])
    await pending.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Pending(Documents(path), lambda: now[0])
    assert await again.load() == {"Kitchen": (QUESTION,)}
    await again.close()
    now[0] = datetime.fromtimestamp(now[0].timestamp() + OLDEST + 1, UTC)
    late = Pending(Documents(path), lambda: now[0])
    assert await late.load() == {}
    await late.close()


async def test_a_question_that_was_answered_is_kept_no_more(tmp_path: Path) -> None:
    path = tmp_path / "questions.json"
    pending = Pending(Documents(path), lambda: datetime(2026, 11, 27, tzinfo=UTC))
    pending.keep("Kitchen", [QUESTION])
    pending.keep("Kitchen", [])
    await pending.close()
    again = Pending(Documents(path), lambda: datetime(2026, 11, 27, tzinfo=UTC))
    assert await again.load() == {}
    await again.close()
    assert "lamp" not in path.read_text(encoding="utf-8")
