"""docs/skills.md is run: each skill in it is loaded, and each conversation takes place."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.author.check import check
from hub.author.stage import Stage

pytestmark = pytest.mark.slow

DOCS = (Path(__file__).parent.parent / "docs" / "skills.md").read_text(encoding="utf-8")
LINE = re.compile(r"(you|hearth|  +\()\s*(.*)")
GERMAN = ("ein ", "drei kleine")
"""How what is said in German there begins."""


@dataclass
class Example:
    """A skill, and what is said to it."""

    files: dict[str, str] = field(default_factory=dict)
    dialogue: str = ""

    def write(self, folder: Path) -> Path:
        for name, content in self.files.items():
            path = folder / "example" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return folder / "example"

    @property
    def name(self) -> str:
        return re.findall(r"def (\w+)", self.files["skill.py"])[0]


def examples() -> list[Example]:
    found: list[Example] = []
    for kind, content in re.findall(r"```(python \S+|toml \S+|text)\n(.*?)```", DOCS, re.S):
        if kind == "text":
            found[-1].dialogue = content
            continue
        name = kind.split()[1]
        if name == "skill.py":
            found.append(Example())
        found[-1].files[name] = content
    return found


EXAMPLES = examples()


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.dialogue], ids=lambda e: e.name)
async def test_the_conversations_take_place(example: Example, tmp_path: Path) -> None:
    stage = Stage(example.write(tmp_path), all_skills=True, languages=("en", "de"))
    async with stage as hearth:
        told: list[str] = []
        announced = 0
        for line in example.dialogue.splitlines():
            who, text = LINE.match(line).groups()  # type: ignore[union-attr]
            if who == "you":
                language = "de" if text.startswith(GERMAN) else "en"
                told = [(await hearth.say(text, language=language)).text]
            elif who == "hearth":
                assert told, f"nothing was said instead of {text!r}"
                assert told.pop(0) == text
            else:
                await _happens(hearth, text.rstrip(")"))
                told = hearth.announced[announced:]
                announced = len(hearth.announced)
        assert not told


async def _happens(hearth: Stage, what: str) -> None:
    if later := re.fullmatch(r"(\d+) (\w+) later", what):
        await hearth.advance(**{later[2]: float(later[1])})
    elif changed := re.fullmatch(r"(\S+) is (\w+)", what):
        await hearth.change(changed[1], changed[2])
    else:
        assert what == "a moment later"
        async with asyncio.timeout(5):
            await hearth.told.wait()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_the_skills_are_fit(example: Example, tmp_path: Path) -> None:
    wrong = [finding for finding in check(example.write(tmp_path)) if finding.error]
    assert wrong == []


@pytest.mark.slow
def test_the_tests_in_it_pass(tmp_path: Path) -> None:
    [example] = [e for e in EXAMPLES if "tests/test_skill.py" in e.files]
    folder = example.write(tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "2 passed" in done.stdout, done.stdout
