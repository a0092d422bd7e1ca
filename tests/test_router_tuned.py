"""The fine-tuned model as the last tier: it acts, asks back or refuses by how sure it is."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from hub.errors import EngineError
from hub.evaluate.homes import still_home
from hub.messages import Call
from hub.ports import Chosen, Completion, Inventory, Options, SourceArea, SourceEntity
from hub.router.codec import Listed, Listing, read, write
from hub.router.options import ENDED, listed, options
from hub.router.places import Places
from tests.router_home import INVENTORY, TOOLS, calls, make_router, said, tool

# --- what may be answered ------------------------------------------------------------------------

DOMAINS = {entity.domain for entity in INVENTORY.entities}


def small_listing(*tools: Any) -> Listing:
    area = Listed("", "area", "kitchen", "Kitchen")
    things = [
        Listed("", "entity", e.entity_id, e.name, e.domain, e.device_class, e.area)
        for e in INVENTORY.entities
    ]
    skills = [Listed("", "tool", tool.name, tool=tool) for tool in tools]
    return listed([area, *things, Listed("", "floor", "first", "First Floor"), *skills])


def allows(allowed: Options, text: str) -> bool:
    """Whether the automaton can spell a text."""

    def reach(state: int, rest: str, seen: frozenset[tuple[int, str]]) -> bool:
        if state == ENDED:
            return not rest
        if (state, rest) in seen:
            return False
        onward = seen | {(state, rest)}
        return any(
            rest.startswith(piece) and reach(target, rest[len(piece) :], onward)
            for piece, target in allowed[state]
        )

    return reach(0, text, frozenset())


COFFEE = next(tool for tool in TOOLS if tool.name == "coffee.brew")
NOTES = next(tool for tool in TOOLS if tool.name == "notes.write")


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("dim the worktop strip to 40", ("HassLightSet", {"name": "light.worktop"}, 40)),
        ("worktop strip forty percent", ("HassLightSet", {"name": "light.worktop"}, 40)),
        ("all lights off in the kitchen", ("HassTurnOff", {"area": "kitchen", "domain": "light"})),
        ("lights off everywhere", ("HassTurnOff", {"name": "all", "domain": "light"})),
        ("blinds down up there", ("HassTurnOff", {"floor": "first", "device_class": "blind"})),
        ("lock up", ("HassTurnOn", {"name": "lock.front"})),
        ("is the front door locked", ("HassGetState", {"name": "lock.front", "state": "locked"})),
        ("what time is it", ("HassGetCurrentTime", {})),
        ("twenty degrees", ("HassClimateSetTemperature", {"name": "climate.living"}, 20)),
        ("two cups of strong coffee", ("coffee.brew", {"cups": 2, "strength": "strong"})),
        ("brew some", ("coffee.brew", {})),
        ("note down call grandma", ("notes.write", {"text": "call grandma"})),
    ],
)
def test_what_was_said_may_be_answered(text: str, call: Any) -> None:
    listing = small_listing(COFFEE, NOTES)
    name, arguments, *number = call
    if number:
        slot = "brightness" if name == "HassLightSet" else "temperature"
        arguments = {**arguments, slot: number[0]}
    if arguments.get("device_class"):
        arguments = {**arguments, "domain": "cover"}
    answer = write([Call(name, arguments)], listing)
    allowed = options(listing, text, "en", TOOLS, DOMAINS)
    assert allows(allowed, f" {answer}\n"), answer


@pytest.mark.parametrize(
    "answer",
    [
        "dim C 70",  # nobody said seventy
        "dim Z 40",  # not listed
        "lock C",  # a light has no lock
        "R call dad",  # words that were not said
        "R grandma call",  # nor in this order
        "mow here",  # nothing to mow
        "turn on C",  # no verb
        "on C; on C; on C; on C",
    ],
)
def test_what_was_not_said_cannot_be_answered(answer: str) -> None:
    listing = small_listing(COFFEE, NOTES)
    assert [t.key for t in listing.things if t.id in "CR"] == ["light.worktop", "notes.write"]
    allowed = options(listing, "dim it to 40 and call grandma", "en", TOOLS, DOMAINS)
    assert allows(allowed, " dim C 40\n") and allows(allowed, " none\n")
    assert allows(allowed, " R call grandma\n")
    assert not allows(allowed, f" {answer}\n")


TEXTS = (
    "dim the worktop strip to forty and play some jazz",
    "set a timer for half an hour called pizza",
    "none all here 5 A",
    "",
)


@pytest.mark.parametrize("text", TEXTS)
def test_whatever_may_be_answered_can_be_read(text: str) -> None:
    from hub.config import Config
    from hub.home.model import Home
    from hub.skillset import Skillset

    tools = (*Skillset.load(Config(), Home()).specs(), COFFEE, NOTES)
    listing = small_listing(COFFEE, NOTES)
    allowed = options(listing, text, "en", tools, DOMAINS)
    dice = random.Random(1)
    for _ in range(400):
        state, answer = 0, ""
        while state != ENDED:
            piece, state = dice.choice([*allowed[state]])
            answer += piece
        assert read(answer, listing) is not None, answer


# --- what becomes of it --------------------------------------------------------------------------


class ScriptedChooser:
    """Gives the answers of the test, which it checks for being allowed; `{Name}` is the id."""

    format = "hearth-1"

    def __init__(self, *answers: tuple[str, float]) -> None:
        self.answers = answers
        self.error: EngineError | None = None
        self.prompts: list[str] = []

    async def prime(self, prefix: str) -> None:
        raise AssertionError("there is no common prefix")

    async def complete(
        self, prompt: str, *, grammar: str | None = None, max_tokens: int = 64
    ) -> Completion:
        raise AssertionError("it chooses")

    async def choose(
        self,
        prompt: str,
        options: Options,
        *,
        width: int = 4,
        enough: float = 0.0,
        idle: Sequence[str] = (),
    ) -> tuple[Chosen, ...]:
        self.prompts.append(prompt)
        if self.error:
            raise self.error
        found = []
        for answer, probability in self.answers:
            text = re.sub(r"\{(.+?)\}", lambda name: _id(prompt, name[1]), f" {answer}\n")
            assert allows(options, text), (text, prompt)
            found.append(Chosen(text, probability, probability))
        return tuple(found)


def _id(prompt: str, name: str) -> str:
    found = re.search(rf"\b{name} ([A-Z]{{1,2}})(?=[,:\n])", prompt)
    assert found, (name, prompt)
    return found[1]


ODD = "the worktop strip could do with going off for all i care"


async def test_it_acts_when_it_is_sure() -> None:
    model = ScriptedChooser(("off {Worktop Strip}", 0.93), ("none", 0.05))
    router, _ = await make_router(model=model)
    intent = await said(router, ODD, area="Bedroom")
    assert calls(intent) == [("HassTurnOff", {"name": "Worktop Strip"})]
    assert (intent.tier, intent.score) == ("model", pytest.approx(0.93))
    assert model.prompts[0].endswith(f"[Bedroom] {ODD} =>")
    assert "light Worktop Strip" in model.prompts[0]


async def test_what_is_far_less_likely_than_the_thing_that_was_named_is_not_read() -> None:
    model = ScriptedChooser(("none", 0.99))
    router, _ = await make_router(model=model)
    await said(router, "the ceiling light bothers me a bit")
    named = listed_things(model.prompts[0])
    assert "Ceiling Light" in named and "Worktop Strip" not in named


DULL = "the ceiling light bothers me a bit"


async def prompt_for(text: str, area: str | None = None, **home: Any) -> str:
    """What the model reads when this is said in a room."""
    model = ScriptedChooser(("none", 0.99))
    router, _ = await make_router(model=model, **home)
    await said(router, text, area=area)
    return model.prompts[0]


async def test_of_things_of_the_same_name_those_in_the_room_are_read() -> None:
    assert "Living Room" not in await prompt_for(DULL, area="Bedroom")
    nowhere = await prompt_for(DULL)
    assert "Living Room" in nowhere and "Bedroom" in nowhere
    elsewhere = await prompt_for(DULL.replace("light", "light in the living room"), area="Bedroom")
    assert "Living Room" in elsewhere and elsewhere.count("Ceiling Light") == 1


def lava_lamps(number: int) -> Inventory:
    """So many, each in a room of its own."""
    rooms = tuple(SourceArea(f"r{n}", f"Room {'ABCDEFGHIJ'[n]}x") for n in range(number))
    lamps = tuple(
        SourceEntity(f"light.{r.area_id}", "Lava Lamp", "light", r.area_id) for r in rooms
    )
    return Inventory(lamps, rooms)


@pytest.mark.parametrize(("lamps", "read"), [(2, 2), (3, 3), (4, 2), (10, 2)])
async def test_of_many_things_of_the_same_name_few_are_read(lamps: int, read: int) -> None:
    prompt = await prompt_for("the lava lamp is too much", inventory=lava_lamps(lamps))
    assert prompt.count("Lava Lamp") == read


async def test_of_many_things_of_the_same_name_none_is_picked() -> None:
    """However sure the model is: it has not read them all, and nothing tells which is meant."""
    model = ScriptedChooser(("off {Lava Lamp}", 0.98))
    router, _ = await make_router(model=model, inventory=lava_lamps(8))
    intent = await said(router, "the lava lamp is too much")
    assert not intent.calls
    assert intent.question and len(intent.choices) > 2
    # In its room it is clear which is meant.
    intent = await said(router, "the lava lamp is too much", area="Room Cx")
    assert intent.calls and not intent.question


async def test_things_in_other_rooms_than_was_said_are_read_only_if_they_were_named() -> None:
    there = "all of the lights in the bedroom bother me a bit"
    assert listed_things(await prompt_for(there, area="Kitchen")) <= {
        "Ceiling Light",
        "Bedside Lamp",
    }
    named = await prompt_for("the worktop strip and the lights in the bedroom bother me")
    assert {"Worktop Strip", "Bedside Lamp"} <= listed_things(named)


MENDING = tool(
    "diary.mending",
    description="Write into the diary which lamp was mended, by whom, when, and what it cost.",
    examples=["the lamp was mended by an electrician", "note that a lamp was mended"],
    who={"type": "string"},
    day={"enum": "monday tuesday wednesday thursday friday saturday sunday today now".split()},
)


async def test_a_tool_of_few_words_that_were_said_is_not_read_beside_a_thing_that_was_named() -> (
    None
):
    tools = (*TOOLS, MENDING)
    assert "diary" not in await prompt_for("the bedside lamp was quite a cost", tools=tools)
    prompt = await prompt_for("an electrician mended it for me", tools=tools)
    assert "diary" in prompt
    assert "(who, day)" in prompt  # of so many values the name alone is read


class Offered(ScriptedChooser):
    """Notes what may be answered."""

    async def choose(self, prompt: str, options: Options, **rest: Any) -> tuple[Chosen, ...]:
        self.offered = options
        return await super().choose(prompt, options, **rest)


async def test_what_is_for_a_list_that_was_named_goes_on_no_other() -> None:
    text = {"type": "string"}
    lists = (
        tool("HassShoppingListAddItem", required=["item"], item=text),
        tool("HassListAddItem", ["todo"], required=["item"], item=text),
    )
    home = Inventory((*INVENTORY.entities, SourceEntity("todo.camping", "Camping", "todo")))
    for said_text, shops in (
        ("camping is still short of gas", False),
        ("still short of gas", True),
    ):
        model = Offered(("none", 0.99))
        router, _ = await make_router(model=model, inventory=home, tools=(*TOOLS, *lists))
        await said(router, said_text)
        assert allows(model.offered, " shop gas\n") is shops


def listed_things(prompt: str) -> set[str]:
    """Names of the entities in a prompt."""
    return {
        n.strip()
        for n in re.findall(r"(?:^|[:,] )[a-z]+ ((?:[A-Z]\w* |\d+ )+)[A-Z]{1,2}(?=[,\n])", prompt)
    }


async def test_it_asks_which_of_two_things_it_wavers_between() -> None:
    model = ScriptedChooser(("off {Worktop Strip}", 0.5), ("off {Kitchen Light}", 0.4))
    router, _ = await make_router(model=model)
    intent = await said(router, "that thing in the kitchen could go off for all i care")
    assert not intent.calls
    assert intent.question and "Worktop Strip" in intent.question
    assert list(intent.choices) == ["Kitchen Worktop Strip", "Kitchen Light"]
    [call] = intent.choices["Kitchen Light"]
    assert (call.tool, call.arguments) == ("HassTurnOff", {"name": "Kitchen Light"})


async def test_a_thing_in_another_room_than_was_said_is_left_alone() -> None:
    model = ScriptedChooser(("off {Worktop Strip}", 0.99))
    router, _ = await make_router(model=model)
    for room, done in (("bedroom", False), ("kitchen", True)):
        intent = await said(router, f"the worktop strip in the {room} could go off for all i care")
        assert intent.understood is done
    intent = await said(router, "the worktop strip in the bedroom could go off for all i care")
    assert "another room" in intent.why


async def test_the_room_here_is_not_another_one_that_was_said() -> None:
    bedroom = SourceArea("master", "Master Bedroom")
    inventory = replace(INVENTORY, areas=(*INVENTORY.areas[:1], bedroom))
    router, _ = await make_router(
        model=ScriptedChooser(("on light here", 0.99)), inventory=inventory
    )
    intent = await said(router, "let some light into the bedroom by now", area="Kitchen")
    assert "another room" in intent.why


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([("none", 0.99)], "none"),
        ([("off {Worktop Strip}", 0.5), ("none", 0.45)], "not sure enough"),
        ([("off {Worktop Strip}", 0.5), ("on {Worktop Strip}", 0.45)], "not sure enough"),
        ([("off {Worktop Strip}", 0.4), ("off {Kitchen Light}", 0.05)], "not sure enough"),
        ([], "no answer"),
    ],
)
async def test_it_does_nothing_otherwise(answers: list[tuple[str, float]], reason: str) -> None:
    router, _ = await make_router(model=ScriptedChooser(*answers))
    intent = await said(router, "the worktop strip in the kitchen could go off or the light")
    assert not intent.understood
    assert reason in intent.why


@pytest.mark.parametrize(
    ("answer", "text", "reason"),
    [
        ("run {Movie Time}", "is the movie time thing happening at the moment", "a question"),
        ("run {Movie Time}", "the movie time thing should really go off by now", "the opposite"),
        ("off {Bedroom}", "the bedside lamp had better go off by now", "is not everything"),
        ("run {Movie Time}", "the movie time thing would be lovely by now", None),
        ("off {Kitchen}", "the kitchen had better go off by now", None),
    ],
)
async def test_a_sure_answer_must_not_go_beyond_the_words(
    answer: str, text: str, reason: str | None
) -> None:
    scene = SourceEntity("scene.movie", "Movie Time", "scene", "kitchen")
    inventory = replace(INVENTORY, entities=(*INVENTORY.entities, scene))
    off = tool("everything.off", area={"type": "string"})
    run = tool("HassTurnOn", ("light", "scene"))
    router, _ = await make_router(
        model=ScriptedChooser((answer, 0.99)), inventory=inventory, tools=(run, off)
    )
    intent = await said(router, text)
    assert intent.understood is (reason is None), intent.why
    assert reason is None or reason in intent.why


async def test_ways_to_say_the_same_make_it_surer_together() -> None:
    model = ScriptedChooser(("off {Bedroom Fan}", 0.5), ("off fan {Bedroom}", 0.4))
    router, _ = await make_router(model=model)
    intent = await said(router, "i'd say the bedroom fan had its time, off with it")
    assert calls(intent) == [("HassTurnOff", {"name": "Bedroom Fan"})]
    assert intent.score == pytest.approx(0.9)


async def test_here_is_the_room_of_the_person_and_all_is_the_house() -> None:
    router, _ = await make_router(model=ScriptedChooser(("dim here 40", 0.95)))
    intent = await said(router, "forty for the light is what i'd like", area="Bedroom")
    assert calls(intent) == [("HassLightSet", {"brightness": 40, "area": "Bedroom"})]
    assert not (await said(router, "forty for the light is what i'd like")).understood
    router, _ = await make_router(model=ScriptedChooser(("off light all", 0.95)))
    intent = await said(router, "kill the light all over this building", area="Bedroom")
    assert calls(intent) == [("HassTurnOff", {"domain": "light"})]


async def test_several_calls_at_once() -> None:
    model = ScriptedChooser(("off {Worktop Strip}; open {Bedroom Blinds}", 0.9))
    router, _ = await make_router(model=model)
    intent = await said(router, "worktop strip should rest plus bedroom blinds rise")
    assert [name for name, _ in calls(intent)] == ["HassTurnOff", "HassTurnOn"]


async def test_the_turn_before_is_told_to_the_model() -> None:
    model = ScriptedChooser(("dim {Worktop Strip} 40", 0.9))
    router, _ = await make_router(model=model)
    first = await said(router, "turn on the worktop strip", area="Kitchen")
    assert first.tier == "rules"
    then = await said(
        router, "somewhat less would do say forty", area="Kitchen", targets=first.targets
    )
    assert calls(then) == [("HassLightSet", {"name": "Worktop Strip", "brightness": 40})]
    lines = model.prompts[0].splitlines()
    name = _id(model.prompts[0], "Worktop Strip")
    assert lines[-2:] == [
        f"[Kitchen] turn on the worktop strip => on {name}",
        "[Kitchen] somewhat less would do say forty =>",
    ]


async def test_a_tool_of_a_skill_is_known_by_its_description() -> None:
    feed = tool(
        "pets.feed",
        description="Feed the pet a portion.",
        examples=["feed the cat"],
        grams={"type": "integer", "minimum": 1, "maximum": 200},
    )
    model = ScriptedChooser((r"{portion \(grams\)} 50", 0.9))
    router, _ = await make_router(model=model, tools=(*TOOLS, feed))
    intent = await said(router, "the pet looks hungry give it a portion of fifty")
    assert calls(intent) == [("pets.feed", {"grams": 50})]
    assert "pets.feed" not in model.prompts[0]


@pytest.mark.parametrize(
    "text", ["don't let the worktop strip go off", "worktop strip off except if it's dark"]
)
async def test_denials_and_conditions_are_for_the_rules_alone(text: str) -> None:
    model = ScriptedChooser(("off {Worktop Strip}", 1.0))
    router, _ = await make_router(model=model)
    assert not (await said(router, text)).calls
    assert not model.prompts


async def test_a_model_that_fails_does_nothing() -> None:
    model = ScriptedChooser()
    model.error = EngineError("out of luck")
    router, _ = await make_router(model=model)
    intent = await said(router, ODD)
    assert not intent.understood
    assert "out of luck" in intent.why


async def test_names_become_ids_again() -> None:
    home = await still_home(INVENTORY)
    places = Places(home, TOOLS)
    call = Call("HassTurnOn", {"area": "kitchen", "name": "light.worktop"})
    assert places.meant(places.call(call.tool, call.arguments)) == call
    await home.close()
