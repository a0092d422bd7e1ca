"""MCP servers as packs, in JavaScript and from PyPI: asked in words, answered from behind the
walls."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

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
    pytest.mark.skipif(sandbox.wall() is None, reason="bubblewrap is not installed"),
]

EXAMPLES = Path(__file__).parent.parent / "examples" / "packs"


async def answers(folder: Path, data: Path, *said: str) -> list[str | None]:
    """What a hub with this pack answers."""
    shelf = Shelf(data / "packs", lambda installed: describe(installed, shelf.verify))
    with shelf.staging() as staging:
        found = fetch(str(folder), staging)
        shelf.put(shelf.examine(found.folder, found.source, unsigned=True))
    home = await still_home(generated(25))
    packs = Packs(shelf, home)
    assert not packs.problems
    skills = Skillset.load(Config(), home, more=packs.handlers())
    router = Router(home, skills.specs(), model=None, settings=Config().router, languages=("en",))
    await router.prepare()
    heard = []
    for text in said:
        intent = await router.route(Utterance((Hypothesis(text, -0.2),)), Context())
        (call,) = intent.calls
        heard.append((await skills.perform(call, where=Where(None, "en"))).said)
    await skills.close()
    await packs.close()
    await home.close()
    return heard


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
async def test_a_server_in_javascript_converts_what_is_asked_in_words(tmp_path: Path) -> None:
    assert await answers(
        EXAMPLES / "kitchen-converter",
        tmp_path,
        "what are three cups in millilitres",
        "how many grams are two cups",
        "how many tablespoons make two fluid ounces",
    ) == [
        "3 cups are 710 millilitres.",
        "cups are a volume, and grams a weight.",
        "2 fluid ounces are 4 tablespoons.",
    ]


def built(folder: Path) -> Path:
    """A copy of the pack, with what its server needs."""
    shutil.copytree(EXAMPLES / "world-clock", folder, ignore=shutil.ignore_patterns("lib"))
    subprocess.run([folder / "build"], check=True, env=os.environ | {"PYTHON": sys.executable})
    return folder


async def test_a_server_from_pypi_tells_the_time_elsewhere(tmp_path: Path) -> None:
    folder = await asyncio.to_thread(built, tmp_path / "world-clock")
    now = datetime.now(ZoneInfo("Asia/Tokyo"))
    told = await answers(folder, tmp_path, "what time is it in Tokyo", "the time in atlantis")
    assert told[0] in [
        f"In Tokyo it is {moment:%H:%M}, {moment:%A}."
        for moment in (now + timedelta(minutes=late) for late in range(5))
    ]
    assert told[1] == "I do not know the time in atlantis."
