"""Which doors and windows are open: those with a sensor as much as those that can be moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.author.stage import Stage
from hub.skill.testing import hearth_with

HOME = {
    "cover.skylight": {"name": "Skylight", "area": "Attic", "device_class": "window"},
    "binary_sensor.pantry": {"name": "Pantry Window", "area": "Pantry", "device_class": "window"},
    "binary_sensor.porch": {"name": "Porch Door Contact", "area": "Porch", "device_class": "door"},
    "lock.porch": {"name": "Porch Door", "area": "Porch"},
}
SKILLS = Path(__file__).parent.parent / "skills"


@pytest.fixture
async def home() -> AsyncIterator[Stage]:
    async with hearth_with(HOME, skill=SKILLS / "questions") as stage:
        for key, state in (
            ("cover.skylight", "open"),
            ("binary_sensor.pantry", "on"),
            ("binary_sensor.porch", "on"),
            ("lock.porch", "locked"),
        ):
            await stage.change(key, state)
        yield stage


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("are any windows open", "Yes, the Skylight and the Pantry Window."),
        ("how many windows are open", "2."),
        ("which windows are open", "The Skylight and the Pantry Window."),
        ("which doors are open", "The Porch Door Contact."),
        ("is the porch door open", "Yes, the Porch Door Contact."),
        ("is the porch door locked", "Yes."),
    ],
)
async def test_all_that_is_open_is_told(home: Stage, asked: str, told: str) -> None:
    assert (await home.say(asked)).text == told
