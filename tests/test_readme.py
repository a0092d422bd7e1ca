"""What README.md promises is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.config import Config
from hub.dialogue.replies import Replies
from hub.messages import Call
from hub.pipeline import Assistant
from hub.router import Router
from hub.skillset import Skillset
from tests.fakes import House

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def example() -> str:
    [code] = re.findall(r"```python\n(.*?)```", README, re.S)
    return str(code)


def test_the_skill_is_as_short_as_it_says() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) <= 15


@pytest.mark.parametrize(
    ("said", "count"), [("roll a dice", 1), ("roll three dice", 3), ("throw 5 dice", 5)]
)
async def test_the_skill_of_the_readme_works(tmp_path: Path, said: str, count: int) -> None:
    folder = tmp_path / "games"
    folder.mkdir()
    (folder / "skill.py").write_text(example())
    settings = Config.model_validate({"skills": {"folders": (tmp_path,)}})
    async with House() as house:
        skillset = Skillset.load(settings, house.home)
        assert skillset.problems == ()
        router = Router(
            house.home,
            skillset.specs(),
            model=None,
            settings=settings.router,
            languages=("en",),
        )
        assistant = Assistant(home=house.home, router=router, skillset=skillset, replies=Replies())
        trace = await assistant.say(said)
    assert [call.tool for call in trace.intent.calls] == ["games.roll"]
    assert len(re.findall(r"\d", trace.reply.text)) == count


async def test_the_skill_of_the_readme_refuses_what_is_out_of_range(tmp_path: Path) -> None:
    folder = tmp_path / "games"
    folder.mkdir()
    (folder / "skill.py").write_text(example())
    settings = Config.model_validate({"skills": {"folders": (tmp_path,)}})
    async with House() as house:
        skillset = Skillset.load(settings, house.home)
        from hub.skill import Where

        done = await skillset.perform(Call("games.roll", {"count": 50}), where=Where())
        assert done.unfit is not None


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_linked_file_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_file_of_the_code_that_is_named_is_there(page: Path) -> None:
    for name in re.findall(r"`((?:hub|skills|tests|scripts)/[\w./*-]+)`", page.read_text("utf-8")):
        assert list(ROOT.glob(name.rstrip("/"))), name


def test_every_command_that_is_named_exists() -> None:
    from hub.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    for page in DOCS:
        for name in re.findall(r"(?:^|[`/ ])hearth ([a-z]+)", page.read_text("utf-8"), re.M):
            assert name in known, f"{page.name}: hearth {name}"
