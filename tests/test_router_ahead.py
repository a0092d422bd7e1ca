"""The language model begins while more speech is waited for; what is said in the end counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hub.config import RouterSettings
from hub.errors import EngineCrashed
from hub.messages import Audio, Heard, Hypothesis, Utterance
from hub.pipeline import Assistant
from hub.ports import Chosen, Options
from hub.router import Context, Router
from tests.conftest import Household
from tests.router_home import calls, make_router, said, utterance
from tests.test_router_tuned import ODD, ScriptedChooser


class Chooser(ScriptedChooser):
    """Tells when it is asked, and answers by what was said."""

    def __init__(self, *answers: tuple[str, float], otherwise: Sequence[tuple[str, float]]) -> None:
        super().__init__(*answers)
        self._answers, self._otherwise = answers, tuple(otherwise)
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def choose(self, prompt: str, options: Options, **told: Any) -> tuple[Chosen, ...]:
        self.asked.set()
        await self.may_answer.wait()
        self.answers = self._answers if f"{ODD} =>" in prompt else self._otherwise
        return await super().choose(prompt, options, **told)


async def test_what_was_begun_ahead_is_not_asked_again_and_decides_the_same() -> None:
    alone, _ = await make_router(model=ScriptedChooser(("off {Worktop Strip}", 0.93)))
    wanted = await said(alone, ODD, area="Bedroom")
    model = Chooser(("off {Worktop Strip}", 0.93), otherwise=[("none", 0.99)])
    router, _ = await make_router(model=model)
    router.ahead(utterance(ODD), Context(area="Bedroom"))
    await asyncio.wait_for(model.asked.wait(), 5)
    model.may_answer.set()
    assert await said(router, ODD, area="Bedroom") == wanted
    assert len(model.prompts) == 1
    await said(router, ODD, area="Bedroom")
    assert len(model.prompts) == 2, "an answer is used once"


async def test_of_a_sentence_that_went_on_the_end_counts() -> None:
    model = Chooser(("off {Worktop Strip}", 0.99), otherwise=[("none", 0.99)])
    model.may_answer.set()
    router, _ = await make_router(model=model)
    for first, then, done in (
        (ODD, f"{ODD} she said to me", []),
        ("the worktop strip could", ODD, [("HassTurnOff", {"name": "Worktop Strip"})]),
    ):
        router.ahead(utterance(first), Context())
        await asyncio.wait_for(model.asked.wait(), 5)
        assert calls(await said(router, then)) == done
        assert model.prompts[-1].endswith(f"{then} =>")


async def test_what_is_said_in_another_room_is_no_answer_here() -> None:
    model = Chooser(("off {Worktop Strip}", 0.99), otherwise=[("none", 0.99)])
    model.may_answer.set()
    router, _ = await make_router(model=model)
    router.ahead(utterance(ODD), Context(area="Bedroom"))
    await asyncio.wait_for(model.asked.wait(), 5)
    await said(router, ODD, area="Kitchen")
    assert model.prompts[-1].endswith(f"[Kitchen] {ODD} =>")


async def test_a_model_that_died_ahead_is_asked_once_more() -> None:
    model = Chooser(("off {Worktop Strip}", 0.99), otherwise=[])
    model.may_answer.set()
    router, _ = await make_router(model=model)
    model.error = EngineCrashed("it died")
    router.ahead(utterance(ODD), Context())
    await asyncio.wait_for(model.asked.wait(), 5)
    await asyncio.sleep(0)
    model.error = None
    assert (await said(router, ODD)).calls


class Ears:
    """A recognizer that hears one sentence."""

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        return Utterance((Hypothesis("some words about the hallway light and a bug", -0.1),))


async def test_while_more_speech_is_waited_for_the_model_is_at_work(house: Household) -> None:
    model = Chooser(otherwise=[("off {Hallway Light}", 0.99)])
    skillset = house.assistant.skillset
    settings = RouterSettings()
    router = Router(house.home, skillset.specs(), model=model, settings=settings, languages=("en",))
    await router.prepare()
    assistant = Assistant(
        home=house.home,
        router=router,
        skillset=skillset,
        replies=house.assistant.replies,
        recognizer=Ears(),
        languages=("en",),
    )
    house.devices.set_state("light.hallway", "on")
    audio = Audio(bytes(32_000))
    understood = await assistant.understand(audio)
    assert understood.intent is None
    await asyncio.wait_for(model.asked.wait(), 5)
    assert house.devices.state("light.hallway") == "on", "nothing is done yet"
    model.may_answer.set()
    await assistant.hear(Heard(audio, 0.8, 1.0), understood)
    assert house.devices.state("light.hallway") == "off"
    assert len(model.prompts) == 1
