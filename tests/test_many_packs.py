"""A house full of packs: what comes with the hub is understood as before, and so is each pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.config import Config
from hub.evaluate.homes import generated, still_home
from hub.evaluate.many_packs import APPLIANCES, SUBJECTS, compare, write
from hub.messages import Hypothesis, Utterance
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
