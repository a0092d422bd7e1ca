"""What people get when they ask for coins. Run it with `pytest`, or `hearth skill test .`."""

from __future__ import annotations

from hub.skill.testing import hearth_with


async def test_a_coin_falls_on_one_of_its_sides() -> None:
    async with hearth_with() as hearth:
        assert (await hearth.say("flip a coin")).text in ("Heads.", "Tails.")


async def test_several_coins_are_counted() -> None:
    async with hearth_with() as hearth:
        reply = await hearth.say("toss three coins")
        assert reply.arguments == {"count": 3}
        assert "head" in reply.text or reply.text == "All tails."


async def test_there_are_only_so_many() -> None:
    async with hearth_with(settings={"most": 2}) as hearth:
        assert (await hearth.say("flip 5 coins")).text == "I have only 2 coins."


async def test_it_speaks_german() -> None:
    async with hearth_with(languages=["de"]) as hearth:
        assert (await hearth.say("wirf eine Münze")).text in ("Kopf.", "Zahl.")
