"""Spoken orders for one machine: `labels.jsonl` (file, intent, slots) with `*_grammar.yaml`.

There is no transcript: the slots are scored. The machine is a skill of its own, made from the
grammar: each expression a phrase, each slot an argument with its values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub.audio import files
from hub.devices.homefile import load
from hub.errors import ConfigError
from hub.evaluate.formats.homes import _yaml
from hub.evaluate.formats.speech import HOME
from hub.evaluate.judging import Case, Ground, Judgement, TextSet, blame_routed, told
from hub.evaluate.stage import Answer, Request
from hub.evaluate.wake import mixed
from hub.home.model import normal
from hub.messages import Audio

SKILL = "machine"
JUDGED = (
    "one call of the machine with exactly the slots of the label; the machine is a skill made from "
    "the set's grammar, beside all other skills, in hub/evaluate/data/spoken_home.yaml"
)


def read(folder: Path, noise: Audio | None, snr: float) -> TextSet:
    """The orders, clean or in noise. Raises ConfigError or AudioError."""
    cases = []
    lines = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(filter(str.strip, lines), 1):
        try:
            given = json.loads(line)
            intent, slots, path = given["intent"], given["slots"], folder / given["file"]
        except (json.JSONDecodeError, KeyError) as error:
            raise ConfigError(f"{folder / 'labels.jsonl'}:{number}: {error!r}") from error
        audio = files.read(path)
        sound = mixed(audio, noise, snr) if noise else audio
        cases.append(Case(Request("", audio=sound), _Slots(intent, slots), path.stem[:8]))
    ground = Ground("machine", load(HOME), cases)
    return TextSet(folder.name, "orders", [ground], JUDGED)


def make_skill(folder: Path, into: Path) -> None:
    """Write the skill of a set's grammar. Raises ConfigError if there is none."""
    grammars = sorted(folder.glob("*grammar*.yaml"))
    if not grammars:
        raise ConfigError(f"{folder}: has no *grammar*.yaml")
    context = _yaml(grammars[0])["context"]
    target = into / SKILL
    target.mkdir(parents=True)
    (target / "skill.py").write_text(_source(context), encoding="utf-8")


def _source(context: Mapping[str, Any]) -> str:
    parts = ["from typing import Literal", "from hub.skill import tool"]
    for intent, expressions in context["expressions"].items():
        phrases = [phrase(expression) for expression in expressions]
        slots = sorted({name for each in phrases for name in re.findall(r"\{(\w+)\}", each)})
        arguments = ", ".join(
            f"{name}: Literal[{', '.join(map(repr, context['slots'][name]))}] | None = None"
            for name in slots
        )
        parts.append(f"@tool(phrases={phrases!r})\ndef {intent}({arguments}) -> str:")
        parts.append(f'    """{intent}"""\n    return "All right."')
    return "\n".join(parts) + "\n"


def phrase(expression: str) -> str:
    """A template of the grammar in hassil's notation; its articles may be left out."""

    def choice(found: re.Match[str]) -> str:
        words = [word.strip() for word in found[1].split(",")]
        inside = "|".join(words)
        return f"[({inside})]" if set(words) <= {"a", "an", "the"} else f"({inside})"

    said = re.sub(r"\$\w+:(\w+)", r"{\1}", expression)
    return re.sub(r"\[([^\]]*)\]", choice, said)


class _Slots:
    def __init__(self, intent: str, slots: Mapping[str, str]) -> None:
        self._tool = f"{SKILL}.{intent}"
        self._slots = {name: normal(value) for name, value in slots.items()}

    def __call__(self, answer: Answer) -> Judgement:
        calls = answer.routed
        if len(calls) == 1 and calls[0].tool == self._tool:
            said = {k: normal(str(v)) for k, v in calls[0].arguments.items() if v is not None}
            if said == self._slots:
                return Judgement("right")
        wanted = ", ".join(f"{name}={value}" for name, value in self._slots.items())
        return Judgement(blame_routed(answer), (f"{told(calls)}, not {wanted}",))
