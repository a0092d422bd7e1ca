"""A round of the quiz takes as many turns as there are questions."""

from __future__ import annotations

import re

from hub.skill.testing import Replied, hearth_with


def total(reply: Replied) -> int:
    return sum(map(int, re.findall(r"\d+", reply.text)))


async def test_each_right_answer_counts() -> None:
    async with hearth_with(["light.desk"], settings={"questions": 3}) as hearth:
        first = await hearth.say("let's play a quiz")
        assert first.asks
        second = await hearth.say(str(total(first)))
        assert second.text.startswith("Right!")
        third = await hearth.say(str(total(second) + 1))
        assert third.text.startswith("No.")
        end = await hearth.say(str(total(third)))
        assert (end.text, end.asks) == ("2 of 3 were right.", False)
        assert (await hearth.say("what is my best quiz score")).text == "Your best is 2."


async def test_never_mind_ends_the_round_and_is_no_result() -> None:
    async with hearth_with(["light.desk"], settings={"questions": 3}) as hearth:
        await hearth.say("quiz me with hard sums")
        assert not (await hearth.say("never mind")).asks
        assert "Nobody" in (await hearth.say("what is my best quiz score")).text
