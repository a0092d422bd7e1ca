"""Tools that nobody has seen before are found by what they say of themselves, and take nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.config import Config
from hub.devices.simulated import SimulatedHome
from hub.evaluate.bench_router import commands
from hub.evaluate.homes import generated, still_home
from hub.evaluate.many_packs import write
from hub.evaluate.new_tools import measure, new_tools, summary
from hub.home.model import Home
from hub.messages import Call, Hypothesis, ToolSpec, Utterance
from hub.ports import Chosen, Options
from hub.router import Context, Router
from hub.router.unseen import Unseen
from hub.skillset import load

FOLDER = Path(__file__).parent / "data" / "new_tools"


def tool(
    name: str, description: str, examples: Sequence[str] = (), **parameters: dict[str, Any]
) -> ToolSpec:
    schema = {"type": "object", "properties": parameters, "required": list(parameters)}
    return ToolSpec(f"pack.{name}", description, schema, "pack", examples=examples, foreign=True)


COLOUR = {"enum": ["red", "blue"]}
COUNT = {"type": "integer", "minimum": 1, "maximum": 20}
DAY = {"type": "string", "format": "date"}
TOOLS = (
    tool("paint", "Paint the garden fence.", ["paint the fence red"], colour=COLOUR),
    tool("dry", "Tell whether the fence has dried.", ["is the fence dry"]),
    tool("bricks", "Note how many bricks were laid.", ["I have laid 5 bricks"], count=COUNT),
    tool("crane", "Tell when the crane comes.", ["does the crane come tomorrow"], day=DAY),
)


def meant(text: str) -> tuple[str, dict[str, Any]] | None:
    unseen = Unseen(TOOLS, "en")
    call: Call | None = unseen.sure(unseen.likely(text))
    return (call.tool.removeprefix("pack."), dict(call.arguments)) if call else None


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("could you paint my garden fence blue", ("paint", {"colour": "blue"})),
        ("has the fence dried yet", ("dry", {})),
        ("tell me if the fence is dry", ("dry", {})),
        ("we laid twelve bricks today", ("bricks", {"count": 12})),
        ("please note that I laid 3 bricks", ("bricks", {"count": 3})),
        ("will the crane be here on friday", ("crane", {"day": "on friday"})),
    ],
)
def test_a_sentence_close_to_an_example_is_understood(
    said: str, wanted: tuple[str, dict[str, Any]]
) -> None:
    assert meant(said) == wanted


@pytest.mark.parametrize(
    "said",
    [
        "paint the garden fence",  # in which colour?
        "the fence is red",  # tells, and nothing wants to be told
        "we laid 300 bricks",  # out of its range
        "how many bricks are in the house of a mason",
        "my neighbour hates the fence",
        "a crane is a bird",
        "",
        "red",
    ],
)
def test_what_is_not_meant_is_left_alone(said: str) -> None:
    assert meant(said) is None


def test_of_two_that_are_as_likely_none_is_called() -> None:
    twins = (tool("a", "Water the roses."), tool("b", "Water the roses."))
    unseen = Unseen(twins, "en")
    assert len(unseen.likely("water my roses")) == 2
    assert unseen.sure(unseen.likely("water my roses")) is None


def test_in_german() -> None:
    fed = ToolSpec(
        "pack.feed",
        "Feed the hens.",
        {"type": "object", "properties": {"count": COUNT}, "required": ["count"]},
        "pack",
        phrases={"de": ["fütter die Hühner mit {count} Bechern"]},
        foreign=True,
    )
    unseen = Unseen([fed], "de")
    call = unseen.sure(unseen.likely("kannst du bitte die Hühner mit drei Bechern füttern"))
    assert call is not None and call.arguments == {"count": 3}
    assert unseen.sure(unseen.likely("die Hühner sind laut")) is None


async def router_with(home: Home, tools: Sequence[ToolSpec], model: Any = None) -> Router:
    own = [handler.spec() for handler in load()[0] if handler.tool.spoken]
    router = Router(home, [*own, *tools], model=model, settings=Config().router, languages=("en",))
    await router.prepare()
    return router


class Tempted:
    """A language model that takes the first tool of a skill that it is shown."""

    format = "hearth-1"

    def __init__(self, probability: float) -> None:
        self.probability = probability
        self.prompts: list[str] = []

    async def prime(self, prefix: str) -> None:
        """Nothing to read."""

    async def complete(self, prompt: str, **more: Any) -> Any:
        raise AssertionError("it chooses")

    async def choose(self, prompt: str, options: Options, **how: Any) -> tuple[Chosen, ...]:
        if self.probability < how.get("enough", 0.0):
            return ()
        self.prompts.append(prompt)
        row = next(
            (line for line in prompt.splitlines() if "fence" in line and "=>" not in line), ""
        )
        answer = row.rsplit(" ", 1)[-1] if row else "none"
        return (Chosen(f" {answer}", self.probability, self.probability),)


@pytest.mark.parametrize(
    ("said", "sure", "called"),
    [
        ("has the wind already dried my old fence", 0.7, True),  # the words speak for it
        ("did the wind blow the old grey fence of my neighbour over", 0.6, False),
        ("my neighbour hates the fence", 1.0, False),  # it is not even shown
    ],
)
async def test_a_model_is_believed_as_far_as_the_words_go(
    said: str, sure: float, called: bool
) -> None:
    home = Home()
    await home.connect([SimulatedHome.from_file(None, transition=0)])
    model = Tempted(sure)
    router = await router_with(home, TOOLS, model)
    intent = await router.route(Utterance.typed(said, "en"), Context())
    assert [call.tool for call in intent.calls] == (["pack.dry"] if called else [])
    await home.close()


@pytest.mark.slow
async def test_many_are_found_without_any_model() -> None:
    """With the fine-tuned model four of five are; see docs/packs.md."""
    found = await measure(FOLDER, "tuning")
    assert sum(said.right for said in found if said.tool) >= 20, summary(found)
    assert not any(said.wrong for said in found if not said.tool), summary(found)


@pytest.mark.slow
async def test_with_fifty_packs_built_in_commands_go_where_they_went(tmp_path: Path) -> None:
    """The same as in `test_many_packs`, with all of them as packs of others, and by `route`."""
    write(tmp_path)
    home = await still_home(generated(25))
    many = new_tools(tmp_path)
    assert len(many) == 300
    alone = await router_with(home, ())
    among = await router_with(home, [*many, *new_tools(FOLDER)])
    context = Context(area=next(iter(home.areas.values())).name)
    changed, asked = [], commands(home)
    assert len(asked) > 90
    for text in asked:
        utterance = Utterance((Hypothesis(text, -0.2),))
        first, second = [await each.route(utterance, context) for each in (alone, among)]
        if first.calls and first.calls != second.calls:
            changed.append(text)
    await home.close()
    assert not changed
