"""What is planned: calendars as Home Assistant tells them, and as sources that know more do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.config import Config
from hub.devices.homefile import load
from hub.evaluate.stage import Answer, Request, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.fromisoformat("2026-05-06T08:00:00+02:00")  # a Wednesday
NEXT = {
    "message": "Yoga",
    "start_time": "2026-05-07 18:30:00",
    "end_time": "2026-05-07 19:30:00",
    "location": "Studio Nine",
}
EVENTS = [
    {"summary": "Piano lesson", "start": "2026-05-06T16:00+02:00", "end": "2026-05-06T17:00+02:00"},
    {
        "summary": "Lunch with Omar",
        "start": "2026-05-08T12:30+02:00",
        "end": "2026-05-08T13:30+02:00",
        "location": "Corner Cafe",
    },
    {"summary": "Run", "start": "2026-05-09T07:00+02:00", "end": "2026-05-09T08:00+02:00"},
    {"summary": "Run", "start": "2026-05-10T07:00+02:00", "end": "2026-05-10T08:00+02:00"},
    {"summary": "Grandma visits", "start": "2026-05-16", "end": "2026-05-18"},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    home = tmp_path_factory.mktemp("home") / "home.yaml"
    home.write_text("entities:\n  - {id: calendar.work, name: Work, state: 'off'}\n")
    made = await Stage.build(load(Path(home)), Config(), without=("model",))
    yield made
    await made.close()


async def ask(stage: Stage, text: str, told: Mapping[str, Any]) -> Answer:
    states = {"calendar.work": {"attributes": json.loads(json.dumps(told))}}
    return await stage.answer(Request(text, states=states, now=NOW))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("what's on my calendar", "Yoga tomorrow at 6:30 PM"),
        ("When is my next appointment?", "Yoga tomorrow at 6:30 PM, at Studio Nine"),
        ("do I have anything planned tomorrow", "Yoga"),
        ("what is on my work calendar today", "nothing in the calendar"),
        ("when is my yoga", "tomorrow at 6:30 PM"),
    ],
)
async def test_the_next_event_of_a_calendar(stage: Stage, text: str, says: str) -> None:
    answer = await ask(stage, text, NEXT)
    assert says in answer.reply
    assert not answer.acted


@pytest.mark.parametrize(
    ("text", "says", "not_says"),
    [
        ("what do I have today", "Piano", "Omar"),
        ("what's on my calendar on Friday", "Lunch with Omar on Friday at 12:30 PM", "Run"),
        ("who am I meeting for lunch", "Omar", "Piano"),
        ("how many mornings do I need to run this week", "2: Run", "Piano"),
        ("is anyone coming to visit", "Grandma visits", "Run"),
        ("according to my work calendar, is anyone visiting", "Grandma visits", "Run"),
        ("am I going out on Friday", "Yes: Lunch with Omar", "Piano"),
        ("what are my plans for the weekend", "Run on Saturday at 7 AM", "Omar"),
        ("when is my haircut", "nothing like that", "Piano"),
    ],
)
async def test_all_events_that_a_source_knows(
    stage: Stage, text: str, says: str, not_says: str
) -> None:
    answer = await ask(stage, text, {"events": EVENTS})
    assert says in answer.reply
    assert not_says not in answer.reply


async def test_where_the_event_is_that_was_spoken_of(stage: Stage) -> None:
    async with stage.scene({"calendar.work": {"attributes": NEXT}}, NOW) as scene:
        await scene.turn(Request("what is my next meeting"))
        assert "Studio Nine" in (await scene.turn(Request("where is it"))).reply
