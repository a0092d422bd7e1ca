"""Several commands in one sentence, in every language that has sentence data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
from hassil import TextSlotList, parse_sentence
from hassil.errors import MissingListError, MissingRuleError
from hassil.sample import sample_expression
from home_assistant_intents import get_intents, get_languages

from hub.config import RouterSettings
from hub.evaluate.homes import still_home
from hub.messages import Call, ToolSpec, Utterance
from hub.ports import Inventory, SourceArea, SourceEntity
from hub.router import Context, Router
from hub.router.words import words

HOME = Inventory(
    areas=(SourceArea("room", "Zimmer 7"),),
    entities=(
        SourceEntity("light.alpha", "Alfa", "light", "room"),
        SourceEntity("light.beta", "Bravo", "light", "room"),
    ),
)
SLOTS = {slot: {"type": "string"} for slot in ("name", "area", "floor")}
TOOLS = [
    ToolSpec(name, name, {"type": "object", "properties": SLOTS}, "lights", ("light",))
    for name in ("HassTurnOn", "HassTurnOff")
]
MOST = 150
"""Wordings that are tried."""


def _sentences(language: str, intent: str, name: str) -> Iterator[str]:
    """Ways to say it of the thing of this name."""
    found = get_intents(language) or {}
    rules = {
        key: parse_sentence(text) for key, text in (found.get("expansion_rules") or {}).items()
    }
    lists = {"name": TextSlotList.from_strings([name], allow_template=False)}
    for block in ((found.get("intents") or {}).get(intent) or {}).get("data", ()):
        for template in block["sentences"]:
            try:
                samples = sample_expression(
                    parse_sentence(template).expression,
                    slot_lists=lists,
                    expansion_rules=rules,
                    language=language,
                )
                # Some templates have millions of samples, few of them with a name.
                first = itertools.islice(samples, 400)
                yield from itertools.islice((text for text in first if name in text), 12)
            except (MissingListError, MissingRuleError):
                continue  # about something else


def _command(router: Router, language: str, call: Call) -> str | None:
    """A sentence that the rules understand as this call."""
    said = _sentences(language, call.tool, str(call.arguments["name"]))
    for text in itertools.islice(dict.fromkeys(said), MOST):
        intent = router.quick(Utterance.typed(text, language), Context())
        if intent and _same(intent.calls, [call]):
            return text
    return None


def _same(calls: Sequence[Call], wanted: Sequence[Call]) -> bool:
    return [(c.tool, dict(c.arguments)) for c in calls] == [
        (c.tool, dict(c.arguments)) for c in wanted
    ]


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(get_languages()))
async def test_two_commands_in_one_sentence(language: str) -> None:
    router = Router(
        await still_home(HOME), TOOLS, model=None, settings=RouterSettings(), languages=(language,)
    )
    await router.prepare()
    on = Call("HassTurnOn", {"name": "Alfa"})
    off = Call("HassTurnOff", {"name": "Bravo"})
    first, second = _command(router, language, on), _command(router, language, off)
    if first is None or second is None:
        pytest.skip("no sentences for a lamp that has a name")
    known = words(language)
    ways = [f"{first}, {second}"]
    for joint in known.conjunctions:
        joint = known.spelled.get(joint, joint)
        blank = "" if known.unspaced else " "
        ways.append(f"{first}{blank}{joint}{'' if known.attached else blank}{second}")
    understood = []
    for way in ways:
        intent = await router.route(Utterance.typed(way, language), Context())
        if _same(intent.calls, [on, off]):
            understood.append(way)
    assert ways[0] in understood, ways
    assert len(understood) > 1, ways
