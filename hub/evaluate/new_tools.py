"""How well tools are found that nobody has seen before: by what they say of themselves alone.

    python -m hub.evaluate.new_tools FOLDER [tuning | held_out] [--rules] [--all]

FOLDER holds skills, and `sentences.toml` with what people might say for their tools
(`tests/data/new_tools`). Their tools are taken for those of packs, in the built-in home, beside all
that comes with the hub. `--rules`: without a language model. `--all`: list what went wrong; of
sentences that are held out only the totals are shown otherwise.
"""

from __future__ import annotations

import asyncio
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hub.config import Config
from hub.devices.simulated import SimulatedHome
from hub.home.model import Home, normal
from hub.messages import Call, ToolSpec, Utterance
from hub.ports import ChatModel, LanguageModel
from hub.router import Context, Router
from hub.skillset import load, load_handlers

SENTENCES = "sentences.toml"


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence, and what became of it."""

    text: str
    tool: str
    """That is meant; empty for a sentence that is for none."""
    arguments: dict[str, Any]
    calls: tuple[Call, ...]
    why: str

    @property
    def right(self) -> bool:
        if not self.tool:
            return not any("." in call.tool and call.tool in NEW for call in self.calls)
        return len(self.calls) == 1 and self.calls[0].tool == self.tool and self._fits()

    @property
    def wrong(self) -> bool:
        """Something was done that was not meant: worse than nothing."""
        return bool(self.calls) and not self.right

    def _fits(self) -> bool:
        given = self.calls[0].arguments
        return given.keys() == self.arguments.keys() and all(
            _same(given[name], value) for name, value in self.arguments.items()
        )


NEW: set[str] = set()
"""Names of the tools under test."""


def _same(given: Any, wanted: Any) -> bool:
    if isinstance(wanted, int | float):
        try:
            return float(given) == float(wanted)
        except (TypeError, ValueError):
            return False
    plain = normal(str(given))
    for small in ("on ", "the "):
        plain = plain.removeprefix(small)
    return plain == normal(str(wanted)).removeprefix("the ")


def new_tools(folder: Path) -> list[ToolSpec]:
    """The tools in a folder of skills, as those of packs."""
    return [
        replace(handler.spec(), foreign=True)
        for path in sorted(folder.glob("*/skill.py"))
        for handler in load_handlers(path.parent.name, path)
        if handler.tool.spoken
    ]


async def measure(
    folder: Path, part: str, model: LanguageModel | ChatModel | None = None
) -> list[Said]:
    """The sentences of a part, each routed by itself."""
    given = tomllib.loads((folder / SENTENCES).read_text(encoding="utf-8"))
    asked: list[tuple[str, str, dict[str, Any]]] = [
        (text, group["tool"], arguments)
        for group in given[part]
        for text, arguments in group["sentences"]
    ]
    asked += [(text, "", {}) for text in given["none"][part]]
    tools = new_tools(folder)
    NEW.update(tool.name for tool in tools)
    home = Home()
    await home.connect([SimulatedHome.from_file(None, transition=0)])
    own = [handler.spec() for handler in load()[0] if handler.tool.spoken]
    router = Router(home, [*own, *tools], model=model, settings=Config().router, languages=("en",))
    await router.prepare()
    found = []
    for text, tool, arguments in asked:
        intent = await router.route(Utterance.typed(text, "en"), Context())
        found.append(Said(text, tool, arguments, intent.calls, intent.why))
    await home.close()
    return found


def summary(found: Sequence[Said]) -> str:
    """Totals in one line."""
    meant = [said for said in found if said.tool]
    none = [said for said in found if not said.tool]
    right = sum(said.right for said in meant)
    wrong = sum(said.wrong for said in found)
    taken = sum(said.wrong for said in none)
    others = sum(said.wrong and not {call.tool for call in said.calls} & NEW for said in meant)
    return (
        f"{right} of {len(meant)} right ({right / len(meant):.0%}); {wrong} of {len(found)} wrong "
        f"({wrong / len(found):.1%}): {taken} of {len(none)} that are for none, {others} by tools "
        "of the hub"
    )


async def _main(folder: Path, part: str, rules: bool, everything: bool) -> None:
    from hub import config
    from hub.app import open_language_model

    async with open_language_model(config.load()) as model:
        found = await measure(folder, part, None if rules else model)
    print(f"{part}: {summary(found)}")
    if everything:
        for said in found:
            if not said.right:
                calls = [(call.tool, dict(call.arguments)) for call in said.calls]
                print(f"  {'WRONG' if said.wrong else 'none'}  {said.text!r}: {calls}  {said.why}")


if __name__ == "__main__":
    options = sys.argv[1:]
    chosen = [each for each in options if not each.startswith("--")]
    for each in chosen[1:] or ["tuning", "held_out"]:
        asyncio.run(_main(Path(chosen[0]), each, "--rules" in options, "--all" in options))
