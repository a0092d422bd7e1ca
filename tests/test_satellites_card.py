"""A real Wyoming satellite that records and plays through a sound card."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import pulse
from tests.satellite import CardSatellite
from tests.test_satellites import house


@pytest.mark.soundcard
@pytest.mark.models
@pytest.mark.slow
async def test_a_command_is_heard_and_answered_through_a_sound_card(tmp_path: Path) -> None:
    with pulse.sound_card(tmp_path):
        async with house(tmp_path, {"Bathroom": False}, kind=CardSatellite) as it:
            await it.until(lambda: pulse.recorders() == 1, "that it records")
            with pulse.heard(tmp_path / "heard.raw") as heard:
                await it.until(lambda: pulse.loud(heard()) == 0 < len(heard()), "a quiet room")
                await pulse.say(await it.pcm("Hey Jarvis, turn on the light."))
                [turn] = await it.turns(1)
                assert turn.area == "Bathroom"
                assert it.hub.home.state("light.bathroom").state == "on", turn.to_json()
                await it.until(lambda: pulse.loud(heard()) > 0.5, "a spoken reply")
