"""The language model as the last tier: it acts only when it is sure and the words show why."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import EngineError
from hub.messages import ToolSpec, Utterance
from hub.ports import Completion
from hub.router import Context
from hub.router.prompt import choices, grammar, label, parse, prefix, question
from hub.router.retrieve import Thing
from tests.router_home import PERCENT, TOOLS, calls, make_router, said, tool


class ScriptedModel:
    """Answers what the test says; letters are put in for names in braces."""

    format = ""

    def __init__(self, answer: str = " none\n", probability: float = 0.95) -> None:
        self.answer = answer
        self.probability = probability
        self.error: EngineError | None = None
        self.primed: list[str] = []
        self.prompts: list[str] = []
        self.grammars: list[str | None] = []

    async def prime(self, prefix: str) -> None:
        self.primed.append(prefix)

    async def complete(
        self, prompt: str, *, grammar: str | None = None, max_tokens: int = 64
    ) -> Completion:
        self.prompts.append(prompt)
        self.grammars.append(grammar)
        if self.error:
            raise self.error
        return Completion(self._with_letters(prompt), self.probability)

    def _with_letters(self, prompt: str) -> str:
        text = self.answer
        for line in prompt.rpartition("\n\n")[2].splitlines():
            letter, _, rest = line.partition(" ")
            text = text.replace("{" + rest.split(",")[0] + "}", letter)
        return text


ODDLY_SAID = "the worktop strip could do with going off for all i care"


async def test_it_acts_when_it_is_sure() -> None:
    model = ScriptedModel(" turn off {Worktop Strip}\n", 0.91)
    router, _ = await make_router(model=model)
    intent = await said(router, ODDLY_SAID, area="Bedroom")
    assert calls(intent) == [("HassTurnOff", {"name": "Worktop Strip"})]
    assert intent.tier == "model"
    assert intent.score == pytest.approx(0.91)
    assert "model 0.91" in intent.why
    follow_up = await said(router, "turn it on", targets=intent.targets)
    assert calls(follow_up) == [("HassTurnOn", {"name": "Worktop Strip"})]


async def test_it_is_not_asked_what_the_rules_understand() -> None:
    model = ScriptedModel()
    router, _ = await make_router(model=model)
    assert (await said(router, "turn off the worktop strip")).tier == "rules"
    assert not model.prompts


async def test_its_prompt_begins_with_what_was_primed() -> None:
    model = ScriptedModel()
    router, _ = await make_router(model=model)
    await router.prime()
    await said(router, ODDLY_SAID, area="Bedroom")
    assert model.primed and model.prompts[0].startswith(model.primed[0])
    own = model.prompts[0][len(model.primed[0]) :]
    assert "Worktop Strip, light, Kitchen" in own
    assert "Room: Bedroom" in own
    assert own.endswith(f"Say: {ODDLY_SAID}\nDo:")


@pytest.mark.parametrize(
    ("text", "answer", "probability", "reason"),
    [
        (ODDLY_SAID, " turn off {Worktop Strip}\n", 0.5, "not sure enough"),
        (ODDLY_SAID, " none\n", 0.99, "none"),
        (ODDLY_SAID, " turn on {Worktop Strip}\n", 0.99, "opposite"),
        ("the worktop strip is nice", " turn on {Worktop Strip}\n", 0.99, "do not say so"),
        (ODDLY_SAID, " burn down A\n", 0.99, "no answer"),
        (ODDLY_SAID, "", 0.99, "no answer"),
        (ODDLY_SAID, " turn off Z\n", 0.99, "no answer"),
        (ODDLY_SAID, " turn off A; turn off A; turn off A; turn off A\n", 0.99, "no answer"),
        ("the closet light could go off", " turn off {all in Bedroom}\n", 0.99, "'closet'"),
    ],
)
async def test_it_does_nothing_otherwise(
    text: str, answer: str, probability: float, reason: str
) -> None:
    router, _ = await make_router(model=ScriptedModel(answer, probability))
    intent = await said(router, text, area="Bedroom")
    assert not intent.understood
    assert intent.tier == "none"
    assert reason in intent.why


@pytest.mark.parametrize(
    "text",
    [
        "don't let the worktop strip go off",
        "the worktop strip should go off when i leave",
        "worktop strip off except if it's dark",
    ],
)
async def test_it_is_not_asked_about_conditions_and_denials(text: str) -> None:
    model = ScriptedModel(" turn off {Worktop Strip}\n", 1.0)
    router, _ = await make_router(model=model)
    assert not (await said(router, text)).understood
    assert not model.prompts


@pytest.mark.parametrize(
    "text", ["what is the capital of france", "tell me a joke", "i like trains very much"]
)
async def test_it_is_not_asked_about_the_world(text: str) -> None:
    model = ScriptedModel(" turn off A\n", 1.0)
    router, _ = await make_router(model=model)
    intent = await said(router, text)
    assert not intent.understood and not model.prompts
    assert "nothing of the home" in intent.why


async def test_two_things_that_fit_are_asked_about() -> None:
    model = ScriptedModel(" turn off {Ceiling Light}\n", 0.99)
    router, _ = await make_router(model=model)
    intent = await said(router, "the ceiling light could do with going off for all i care")
    assert not intent.calls
    assert intent.question is not None
    assert set(intent.choices) == {"Living Room Ceiling Light", "Bedroom Ceiling Light"}


async def test_values_are_those_that_were_said() -> None:
    model = ScriptedModel(" light set {Worktop Strip} brightness=30\n", 0.95)
    lights = tool(
        "HassLightSet",
        ["light"],
        description="Set the brightness of lights.",
        examples=["dim the lights to 40 percent brightness"],
        brightness=PERCENT,
    )
    router, _ = await make_router(model=model, tools=[lights, TOOLS[0]])
    text = "i would like the brightness of the worktop strip to be some thirty"
    intent = await said(router, text)
    assert calls(intent) == [("HassLightSet", {"name": "Worktop Strip", "brightness": 30})]
    assert model.grammars[0] is not None
    assert '" brightness="' in model.grammars[0] and '"30"' in model.grammars[0]
    assert '"40"' not in model.grammars[0]


async def test_a_tool_that_needs_no_device() -> None:
    model = ScriptedModel(" coffee brew cups=2 strength=strong\n", 0.97)
    router, _ = await make_router(model=model)
    intent = await said(router, "how about two cups of some really strong coffee to brew")
    assert calls(intent) == [("coffee.brew", {"cups": 2, "strength": "strong"})]


async def test_a_model_that_fails_costs_only_its_answer() -> None:
    model = ScriptedModel()
    model.error = EngineError("the language model did not answer")
    router, _ = await make_router(model=model)
    intent = await said(router, ODDLY_SAID)
    assert not intent.understood
    assert "did not answer" in intent.why


async def test_what_was_considered_is_told() -> None:
    router, _ = await make_router(model=None)
    intent = await said(router, ODDLY_SAID)
    assert not intent.understood
    assert intent.candidates[0].what == "Worktop Strip"


THINGS = (
    Thing("light.a", "Lamp", "light", "x", "light.a", name=1.0),
    Thing("lock.b", "Door", "lock", "x", "lock.b", name=1.0),
)


class TestPrompt:
    def test_tools_are_called_by_plain_words(self) -> None:
        assert label("HassTurnOn") == "turn on"
        assert label("HassClimateSetTemperature") == "climate set temperature"
        assert label("coffee.brew_pot") == "coffee brew pot"

    def test_the_prefix_depends_on_the_tools_alone(self) -> None:
        assert prefix(TOOLS) == prefix(tuple(reversed(TOOLS)))
        assert "coffee brew: Brew coffee." in prefix(TOOLS)

    def test_the_words_come_last(self) -> None:
        text = question(THINGS, {"x": "Hall"}, None, "do\nsomething")
        assert text == "A Lamp, light, Hall\nB Door, lock, Hall\nSay: do something\nDo:"

    def test_only_fitting_things_are_offered(self) -> None:
        light = tool("HassLightSet", ["light"], brightness=PERCENT)
        rules = grammar(choices([light]), THINGS, ["20"], ["x"])
        assert rules is not None
        assert '" A"' in rules and '" B"' not in rules

    def test_nothing_to_offer(self) -> None:
        vacuum = tool("HassVacuumStart", ["vacuum"])
        needy = tool("x.y", (), required=["n"], n={"type": "integer"})
        assert grammar(choices([vacuum, needy]), THINGS, [], ["word"]) is None

    def test_a_required_value_must_be_there(self) -> None:
        offered = choices([tool("x.y", (), required=["n"], n={"type": "integer"})])
        assert parse("x y", offered, ()) is None
        assert parse("x y n=4", offered, ()) is not None

    @settings(max_examples=200, deadline=None)
    @given(
        st.text(max_size=40) | st.sampled_from(["turn on A", "turn on A x=1", "turn on  ", ";;"])
    )
    def test_garbage_is_no_answer_and_no_error(self, text: str) -> None:
        found = parse(text, choices(TOOLS[:2]), THINGS)
        if found:
            assert all(answer.thing in THINGS for answer in found)

    def test_llama_accepts_the_grammar(self) -> None:
        llama_cpp = pytest.importorskip("llama_cpp")
        rules = grammar(choices(TOOLS), THINGS, ["20", "1.5"], ["so", 'quo"te', "b\\s", "größe"])
        assert rules is not None
        assert llama_cpp.LlamaGrammar.from_string(rules, verbose=False)


def test_it_speaks_for_any_tool(anyio_backend: str = "asyncio") -> None:
    """A tool without a description, with an odd name, does not break the prompt."""
    odd = ToolSpec("odd..Name_2", "", {"type": "object", "properties": {}}, "test")
    model = ScriptedModel(" none\n")

    async def ask() -> None:
        router, _ = await make_router(model=model, tools=[*TOOLS, odd])
        await router.route(Utterance.typed("odd name two worktop strip going"), Context())

    asyncio.run(ask())
