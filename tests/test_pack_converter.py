"""The example pack in JavaScript: asked in words, answered from behind the walls."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.config import Config
from hub.evaluate.homes import generated, still_home
from hub.messages import Hypothesis, Utterance
from hub.packs import sandbox
from hub.packs.remote import Packs, describe
from hub.packs.shelf import Shelf
from hub.packs.sources import fetch
from hub.router import Context, Router
from hub.skill import Where
from hub.skillset import Skillset

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
    pytest.mark.skipif(sandbox.wall() is None, reason="bubblewrap is not installed"),
]

FOLDER = Path(__file__).parent.parent / "examples" / "packs" / "kitchen-converter"


async def test_it_converts_what_is_asked_in_words(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "packs", lambda installed: describe(installed, shelf.verify))
    with shelf.staging() as staging:
        found = fetch(str(FOLDER), staging)
        shelf.put(shelf.examine(found.folder, found.source, unsigned=True))
    home = await still_home(generated(25))
    packs = Packs(shelf, home)
    assert not packs.problems
    skills = Skillset.load(Config(), home, more=packs.handlers())
    router = Router(home, skills.specs(), model=None, settings=Config().router, languages=("en",))
    await router.prepare()
    answers = {}
    for said in (
        "what are three cups in millilitres",
        "how many grams are two cups",
        "how many tablespoons make two fluid ounces",
    ):
        intent = await router.route(Utterance((Hypothesis(said, -0.2),)), Context())
        (call,) = intent.calls
        answers[said] = (await skills.perform(call, where=Where(None, "en"))).said
    assert answers == {
        "what are three cups in millilitres": "3 cups are 710 millilitres.",
        "how many grams are two cups": "cups are a volume, and grams a weight.",
        "how many tablespoons make two fluid ounces": "2 fluid ounces are 4 tablespoons.",
    }
    await skills.close()
    await packs.close()
    await home.close()
