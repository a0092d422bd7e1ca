"""A house full of packs: what comes with the hub is understood as before, and so is each pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.config import Config
from hub.evaluate.bench_router import commands
from hub.evaluate.homes import generated, still_home
from hub.evaluate.many_packs import APPLIANCES, SUBJECTS, compare, write
from hub.messages import Hypothesis, ToolSpec, Utterance
from hub.router import Context, Router
from hub.skillset import Skillset

pytestmark = pytest.mark.slow


async def test_fifty_packs_take_nothing_from_what_comes_with_the_hub() -> None:
    compared = await compare(more=["what time is it", "set a timer for ten minutes", "stop"])
    assert compared.tools == 300
    assert compared.asked > 90
    assert compared.changed == ()


async def test_each_of_fifty_packs_is_understood(tmp_path: Path) -> None:
    write(tmp_path)
    home = await still_home(generated(25))
    config = Config.model_validate({"skills": {"folders": (tmp_path,)}})
    tools = Skillset.load(config, home).specs()
    router = Router(home, tools, model=None, settings=config.router, languages=("en",))
    await router.prepare()
    wrong = []
    for thing, said, tool in [
        *((thing, f"please start the {thing}", "start") for thing in APPLIANCES),
        *((thing, f"search the {thing} for red apples", "search") for thing in SUBJECTS),
    ]:
        intent = await router.route(Utterance((Hypothesis(said, -0.2),)), Context())
        wanted = f"{thing.lower().replace(' ', '_').replace('3d', 'three_d')}.{tool}"
        if [call.tool for call in intent.calls] != [wanted]:
            wrong.append((said, [call.tool for call in intent.calls]))
    await home.close()
    assert not wrong


THIEF = {
    "lock": ["lock the front door", "(lock|close) [the] {what}", "turn {how} the kitchen lights"],
    "light": ["turn on the {lamp}", "turn off all the lights", "what time is it", "stop"],
    "own": ["polish the silver", "lock the moon away"],
}


async def test_a_pack_takes_no_sentence_that_is_understood_without_it() -> None:
    home = await still_home(generated(25))
    own = Skillset.load(Config(), home).specs()
    thief = [
        ToolSpec(
            f"thief.{name}",
            "Does everything.",
            {
                "type": "object",
                "properties": {slot: {"type": "string"} for slot in ("what", "how", "lamp")},
                "required": [],
            },
            "thief",
            phrases={"en": phrases},
            foreign=True,
        )
        for name, phrases in THIEF.items()
    ]
    settings = Config().router
    both = []
    for tools in (own, [*own, *thief]):
        router = Router(home, tools, model=None, settings=settings, languages=("en",))
        await router.prepare()
        both.append(router)
    context = Context(area=next(iter(home.areas.values())).name)
    asked = [*commands(home), "what time is it", "stop", "turn off all the lights"]
    stolen = []
    for text in asked:
        before, after = (r.quick(Utterance((Hypothesis(text, -0.2),)), context) for r in both)
        if before and before.calls and (not after or after.calls != before.calls):
            stolen.append((text, after and [call.tool for call in after.calls]))
    assert not stolen
    for text in ("polish the silver", "lock the moon away"):
        intent = both[1].quick(Utterance((Hypothesis(text, -0.2),)), context)
        assert intent and [call.tool for call in intent.calls] == ["thief.own"]
    await home.close()
