"""What is told in one room is said in the other."""

from __future__ import annotations

from hub.skill.testing import Stage, hearth_with


def house() -> Stage:
    return hearth_with(
        {
            "light.sink": {"name": "Sink Light", "area": "Kitchen"},
            "light.desk": {"name": "Desk Lamp", "area": "Office"},
        },
        area="Office",
    )


async def test_a_message_is_said_with_where_it_comes_from() -> None:
    async with house() as hearth:
        reply = await hearth.say("tell the kitchen that dinner can wait")
        assert reply.text == "I will say it in the Kitchen."
        assert hearth.announced == ["From the Office: dinner can wait."]


async def test_it_asks_what_to_say() -> None:
    async with house() as hearth:
        assert (await hearth.say("call the kitchen")).asks
        await hearth.say("I need some tea")
        assert hearth.announced == ["From the Office: I need some tea."]


async def test_a_call_that_was_dropped_says_nothing() -> None:
    async with house() as hearth:
        await hearth.say("call the kitchen")
        await hearth.say("never mind")
        assert hearth.announced == []
