"""Noise begins as it was asked for, gets softer, and ends by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.skill.testing import Stage, hearth_with

SETTINGS = {"volume": 40, "asleep": 45}


def bedroom(*languages: str) -> Stage:
    lamp = {"light.bed": {"name": "Bed Lamp", "area": "Bedroom"}}
    return hearth_with(lamp, settings=SETTINGS, languages=languages or ("en",))


async def test_noise_goes_on_until_somebody_ends_it() -> None:
    async with bedroom() as hearth:
        assert (await hearth.say("play white noise")).text == "Here is white noise."
        await hearth.advance(hours=3)
        assert hearth.sound is not None and hearth.sound.what == "white"
        await hearth.say("stop the noise")
        assert hearth.sound is None
        assert (await hearth.say("stop the noise")).text == "There is no noise."


@pytest.mark.parametrize(
    ("said", "minutes", "what"),
    [
        ("play white noise for half an hour", 30, "white"),
        ("brown noise until I fall asleep", 45, "brown"),
        ("pink noise until ten", 60, "pink"),  # it is nine
        ("brown noise until half past eleven", 150, "brown"),
    ],
)
async def test_it_ends_by_itself(said: str, minutes: int, what: str) -> None:
    async with bedroom() as hearth:
        await hearth.say(said)
        assert hearth.sound is not None
        assert hearth.sound.what == what
        assert hearth.sound.left == minutes * 60
        await hearth.advance(minutes=minutes - 1)
        assert hearth.sound is not None
        await hearth.advance(minutes=1, seconds=30)
        assert hearth.sound is None


async def test_a_sleep_timer_comes_later() -> None:
    async with bedroom() as hearth:
        await hearth.say("play pink noise")
        assert (await hearth.say("stop in ten minutes")).text == "The noise ends in 10 minutes."
        await hearth.advance(minutes=9)
        assert hearth.sound is not None
        assert timedelta(seconds=hearth.sound.left or 0) == timedelta(minutes=1)
        await hearth.advance(minutes=2)
        assert hearth.sound is None


async def test_quieter_keeps_the_sleep_timer() -> None:
    async with bedroom() as hearth:
        await hearth.say("play white noise for ten minutes")
        assert (await hearth.say("quieter")).text == "The noise is at 24 percent."
        assert hearth.sound is not None and hearth.sound.left == 600


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("spiel weißes Rauschen für eine halbe Stunde", "Rauschen für 30 Minuten."),
        ("braunes Rauschen bis ich einschlafe", "Schlaf gut. Das Rauschen endet in 45 Minuten."),
        ("rosa Rauschen bis zehn Uhr", "Rauschen bis 10:00 Uhr."),
    ],
)
async def test_in_german(said: str, reply: str) -> None:
    async with bedroom("de") as hearth:
        assert (await hearth.say(said)).text == reply
        assert (await hearth.say("leiser")).text == "Das Rauschen ist bei 24 Prozent."
        await hearth.say("hör in zehn Minuten auf")
        await hearth.advance(minutes=11)
        assert hearth.sound is None
