"""Spoken orders for one machine: `labels.jsonl` (file, intent, slots) with `*_grammar.yaml`.

There is no transcript: the slots are scored. The machine is a skill that takes its orders as a
form, if there is one that knows all values of the grammar's slots; what a label says is then what
the same words say in that form. Else a skill is made from the grammar: each expression a phrase,
each slot an argument with its values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.audio import files
from hub.devices import homefile
from hub.errors import ConfigError
from hub.evaluate.formats.homes import _yaml
from hub.evaluate.formats.speech import HOME
from hub.evaluate.judging import Case, Ground, Judgement, TextSet, blame_routed, told
from hub.evaluate.stage import Answer, Request
from hub.evaluate.wake import mixed
from hub.home.model import normal
from hub.messages import Audio
from hub.router.forms import Forms
from hub.router.phrases import phrase_rules
from hub.skillset import load

SKILL = "machine"
PACKS = Path(__file__).parents[3] / "examples" / "packs"
"""Packs that come with a checkout."""
JUDGED = (
    "one call of the machine with exactly the slots of the label; the machine is {machine}, "
    "beside all other skills, in hub/evaluate/data/spoken_home.yaml"
)


@dataclass(frozen=True, slots=True)
class Machine:
    """The skill that is ordered from."""

    tool: str | None
    """Name of the tool; None: the skill that is made from the grammar, with a tool for each
    intent."""
    folder: Path | None
    """Where skills are, the machine among them; None: where the hub's are anyway."""
    forms: Forms | None = None

    def call(self, intent: str, slots: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Tool and arguments that a label means. Raises ConfigError."""
        if self.tool is None or self.forms is None:
            return f"{SKILL}.{intent}", {name: normal(value) for name, value in slots.items()}
        meant: dict[str, str] = {}
        for value in slots.values():
            said = self.forms.meaning(self.tool, value)
            if said is None:
                raise ConfigError(f"{self.tool} does not know {value!r}")
            meant |= {name: normal(str(given)) for name, given in said}
        return self.tool, meant


def machine(folder: Path, skills: Iterable[Path], into: Path) -> Machine:
    """The skill for a set: one in the folders of `skills` or in the packs of a checkout, or one
    that is made in `into`. Raises ConfigError if the set has no grammar."""
    context = _grammar(folder)
    values = [value for several in context["slots"].values() for value in several]
    known = tuple(skills)
    for place in (*known, *((PACKS,) if PACKS.is_dir() and PACKS not in known else ())):
        handlers, _ = load([place])
        specs = [handler.spec() for handler in handlers if handler.tool.phrases]
        forms = phrase_rules("en", specs, {}).forms
        for spec in specs:
            if all(forms.meaning(spec.name, value) is not None for value in values):
                return Machine(spec.name, None if place in known else place, forms)
    make_skill(folder, into)
    return Machine(None, into)


def read(folder: Path, noise: Audio | None, snr: float, machine: Machine) -> TextSet:
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
        judge = _Slots(*machine.call(intent, slots))
        cases.append(Case(Request("", audio=sound), judge, path.stem[:8]))
    ground = Ground("machine", homefile.load(HOME), cases)
    ordered = machine.tool or "made from the set's grammar"
    return TextSet(folder.name, "orders", [ground], JUDGED.format(machine=ordered))


def make_skill(folder: Path, into: Path) -> None:
    """Write the skill of a set's grammar. Raises ConfigError if there is none."""
    context = _grammar(folder)
    target = into / SKILL
    target.mkdir(parents=True)
    (target / "skill.py").write_text(_source(context), encoding="utf-8")


def _grammar(folder: Path) -> Mapping[str, Any]:
    grammars = sorted(folder.glob("*grammar*.yaml"))
    if not grammars:
        raise ConfigError(f"{folder}: has no *grammar*.yaml")
    context: Mapping[str, Any] = _yaml(grammars[0])["context"]
    return context


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
    def __init__(self, tool: str, slots: Mapping[str, str]) -> None:
        self._tool = tool
        self._slots = slots

    def __call__(self, answer: Answer) -> Judgement:
        calls = answer.routed
        if len(calls) == 1 and calls[0].tool == self._tool:
            said = {k: normal(str(v)) for k, v in calls[0].arguments.items() if v is not None}
            if said == self._slots:
                return Judgement("right")
        wanted = ", ".join(f"{name}={value}" for name, value in self._slots.items())
        return Judgement(blame_routed(answer), (f"{told(calls)}, not {wanted}",))
