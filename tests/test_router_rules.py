"""Phrases and rules: what people say becomes calls, in this home and this room."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.messages import Intent
from hub.ports import Inventory, SourceArea, SourceEntity
from hub.router import Context, Router
from hub.router.places import Places
from tests.router_home import INVENTORY, TOOLS, calls, chosen, make_router, said, tool, utterance


@pytest.fixture(scope="module")
def router() -> Router:
    """Built once: the grammars belong to no event loop."""
    return asyncio.run(make_router(languages=("en", "de", "fr")))[0]


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("Turn on the kitchen lights.", "HassTurnOn", {"area": "Kitchen", "domain": "light"}),
        ("turn off the bedside lamp", "HassTurnOff", {"name": "Bedside Lamp"}),
        ("turn off the night light", "HassTurnOff", {"name": "Bedside Lamp"}),
        ("Lights off in the lounge.", "HassTurnOff", {"area": "Living Room", "domain": "light"}),
        ("kitchen light 40 percent", "HassLightSet", {"name": "Kitchen Light", "brightness": 40}),
        ("set the kitchen light to forty percent", "HassLightSet", {"brightness": 40}),
        ("lock the front door", "HassTurnOn", {"name": "Front Door"}),
        ("unlock the front door", "HassTurnOff", {"name": "Front Door"}),
        ("is the front door locked?", "HassGetState", {"name": "Front Door", "state": "locked"}),
        ("open the bedroom blinds", "HassTurnOn", {"name": "Bedroom Blinds"}),
        ("turn off all the lights", "HassTurnOff", {"domain": "light"}),
        ("turn on the lights on the first floor", "HassTurnOn", {"floor": "First Floor"}),
        ("what time is it", "HassGetCurrentTime", {}),
    ],
)
async def test_commands_of_the_shared_sentences(
    router: Router, text: str, tool: str, arguments: dict[str, object]
) -> None:
    intent = await said(router, text)
    assert intent.tier == "rules"
    assert [call.tool for call in intent.calls] == [tool]
    assert arguments.items() <= dict(intent.calls[0].arguments).items()
    assert "hassil" in intent.why


@pytest.mark.parametrize(
    "text",
    [
        "Hey Jarvis, could you please turn on the Bedside Lamp?",
        "Hey, Jervis. Turn on the bedside lamp, please.",
        "Okay Nabu turn on the bedside lamp thank you",
        "[Music] Would you turn on the bedside lamp for me?",
        "bedside lamp on",
        "switch the bedside lamp on right now",
    ],
)
async def test_politeness_and_the_wake_phrase_do_not_matter(router: Router, text: str) -> None:
    assert calls(await said(router, text)) == [("HassTurnOn", {"name": "Bedside Lamp"})]


async def test_the_hubs_own_wake_phrase_is_dropped(router: Router) -> None:
    intent = await said(router, "computer turn on the bedside lamp", wake="Computer")
    assert calls(intent) == [("HassTurnOn", {"name": "Bedside Lamp"})]


async def test_the_room_completes_a_command(router: Router) -> None:
    intent = await said(router, "turn off the lights", area="Bedroom")
    assert calls(intent) == [("HassTurnOff", {"area": "Bedroom", "domain": "light"})]
    assert intent.calls[0].response == "lights_area"


async def test_without_a_room_it_asks_which(router: Router) -> None:
    intent = await said(router, "turn off the light")
    assert not intent.calls
    assert intent.question == "In which room?"
    assert chosen(intent, "Kitchen")[0].arguments == {"area": "Kitchen", "domain": "light"}


async def test_without_a_room_several_lights_are_all_of_them(router: Router) -> None:
    for text in ("turn off the lights", "turn the lamps off", "i want the lights off"):
        assert calls(await said(router, text)) == [("HassTurnOff", {"domain": "light"})], text
    assert (await said(router, "turn off the lights in here")).question


async def test_the_only_one_in_the_home_is_meant(router: Router) -> None:
    assert calls(await said(router, "turn on the fan")) == [("HassTurnOn", {"name": "Bedroom Fan"})]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("turn on the thermostat", "Smart Thermostat"),
        ("turn off the tv", "Samsung"),
        ("pause the television in the living room", "Samsung"),
        ("turn on the worktop", "Worktop Strip"),
        ("turn on the worktop light", "Worktop Strip"),
        ("turn on the strip in the kitchen", "Worktop Strip"),
    ],
)
async def test_things_are_called_by_what_they_are_or_a_part_of_their_name(
    router: Router, text: str, name: str
) -> None:
    intent = await said(router, text)
    assert [call.arguments.get("name") for call in intent.calls] == [name]


async def test_a_kind_alone_is_no_command(router: Router) -> None:
    for text in ("the lights", "music", "door", "the thermostat"):
        assert not (await said(router, text, area="Kitchen")).calls


async def test_the_lights_of_a_room_are_one_thing(router: Router) -> None:
    lights = {"area": "Kitchen", "domain": "light"}
    intent = await said(router, "set the kitchen lights to 30 percent")
    assert calls(intent) == [("HassLightSet", {**lights, "brightness": 30})]


async def test_all_lights_off_is_no_question(router: Router) -> None:
    assert calls(await said(router, "all lights off")) == [("HassTurnOff", {"domain": "light"})]


class TestTwoThingsOfOneName:
    """Two 'Ceiling Light's, one in the living room, one in the bedroom."""

    async def test_asks_which_one(self, router: Router) -> None:
        intent = await said(router, "turn on the ceiling light")
        assert intent.question == (
            "Which one: the Living Room Ceiling Light or the Bedroom Ceiling Light?"
        )
        picked = chosen(intent, "Bedroom Ceiling Light")
        assert picked[0].arguments == {"name": "light.bedroom_ceiling"}

    async def test_the_room_decides(self, router: Router) -> None:
        intent = await said(router, "turn on the ceiling light", area="Bedroom")
        assert calls(intent) == [("HassTurnOn", {"name": "light.bedroom_ceiling"})]

    @pytest.mark.parametrize(
        "text", ["turn on the bedroom ceiling light", "turn on the ceiling light in the bedroom"]
    )
    async def test_the_words_decide(self, router: Router, text: str) -> None:
        intent = await said(router, text, area="Living Room")
        assert intent.calls[0].arguments["name"] == "light.bedroom_ceiling"


class TestGerman:
    @pytest.mark.parametrize(
        ("text", "tool", "arguments"),
        [
            ("Schalte das Licht in der Küche ein.", "HassTurnOn", {"area": "Küche"}),
            ("Könntest du bitte die Deckenlampe ausschalten?", "HassTurnOff", {}),
            ("Deckenlampe auf fünfzig Prozent", "HassLightSet", {"brightness": 50}),
            ("schalte alle Lichter aus", "HassTurnOff", {"domain": "light"}),
            ("wie spät ist es", "HassGetCurrentTime", {}),
        ],
    )
    async def test_commands(
        self, router: Router, text: str, tool: str, arguments: dict[str, object]
    ) -> None:
        intent = await said(router, text, language="de")
        assert [call.tool for call in intent.calls] == [tool]
        assert arguments.items() <= dict(intent.calls[0].arguments).items()

    async def test_what_it_means(self, router: Router) -> None:
        before = await said(router, "schalte die Deckenlampe ein", language="de")
        intent = await said(router, "mach sie wieder aus", language="de", targets=before.targets)
        assert calls(intent) == [("HassTurnOff", {"name": "Deckenlampe"})]

    async def test_it_asks_in_german(self, router: Router) -> None:
        intent = await said(router, "schalte das Licht aus", language="de")
        assert intent.question == "In welchem Raum?"


async def test_french(router: Router) -> None:
    on = await said(router, "Allume la lumière dans le salon, s'il te plaît.", language="fr")
    assert calls(on) == [("HassTurnOn", {"area": "Salon", "domain": "light"})]
    off = await said(router, "éteins le lampadaire", language="fr")
    assert calls(off) == [("HassTurnOff", {"name": "Lampadaire"})]


async def test_a_language_is_served_by_its_base(router: Router) -> None:
    intent = await said(router, "schalte alle Lichter aus", language="de-AT")
    assert calls(intent) == [("HassTurnOff", {"domain": "light"})]


class TestSeveralHypotheses:
    async def test_the_one_that_is_understood_wins(self, router: Router) -> None:
        intent = await said(router, "Turn on the bed sight lab.", "Turn on the bedside lamp.")
        assert calls(intent) == [("HassTurnOn", {"name": "Bedside Lamp"})]
        assert intent.heard == "Turn on the bedside lamp"

    async def test_word_for_word_goes_before_a_guess(self, router: Router) -> None:
        intent = await said(router, "turn on the kichen light", "turn on the bedside lamp")
        assert calls(intent) == [("HassTurnOn", {"name": "Bedside Lamp"})]

    async def test_what_the_home_has_goes_first(self, router: Router) -> None:
        intent = await said(router, "turn on the fan in the kitchen", "turn on the bedroom fan")
        assert calls(intent) == [("HassTurnOn", {"name": "Bedroom Fan"})]

    async def test_the_likelier_of_two_commands_is_meant(self, router: Router) -> None:
        intent = await said(router, "turn off the bedside lamp", "turn on the bedside lamp")
        assert calls(intent) == [("HassTurnOff", {"name": "Bedside Lamp"})]

    async def test_an_unlikely_one_is_not_considered(self, router: Router) -> None:
        heard = utterance("who is singing that", "turn on the bedside lamp", step=2.0)
        intent = await router.route(heard, Context())
        assert not intent.calls

    async def test_a_lesser_one_is_less_sure(self, router: Router) -> None:
        first = await said(router, "turn on the bedside lamp")
        second = await said(router, "torn on bed side", "turn on the bedside lamp")
        assert second.score < first.score


class TestGuesses:
    async def test_a_misspelt_name(self, router: Router) -> None:
        intent = await said(router, "turn on the kichen light")
        assert calls(intent) == [("HassTurnOn", {"name": "Kitchen Light"})]
        assert "gazetteer" in intent.why and "kichen" in intent.why
        assert intent.score < 0.9

    async def test_two_commands_in_one(self, router: Router) -> None:
        intent = await said(router, "turn off the kitchen light and open the bedroom blinds")
        assert calls(intent) == [
            ("HassTurnOff", {"name": "Kitchen Light"}),
            ("HassTurnOn", {"name": "Bedroom Blinds"}),
        ]

    async def test_each_may_be_of_any_kind(self, router: Router) -> None:
        intent = await said(
            router, "set the kitchen lights to 30 percent and then brew three cups of mild coffee"
        )
        assert [call.tool for call in intent.calls] == ["HassLightSet", "coffee.brew"]

    async def test_the_second_may_speak_of_the_first(self, router: Router) -> None:
        intent = await said(router, "turn on the bedside lamp and make it brighter")
        assert calls(intent)[1] == ("lights.brighter", {"name": "Bedside Lamp"})

    async def test_two_commands_in_german(self, router: Router) -> None:
        text = "schalte die Deckenlampe ein und dann schalte alle Lichter aus"
        intent = await said(router, text, language="de")
        assert [call.tool for call in intent.calls] == ["HassTurnOn", "HassTurnOff"]

    async def test_half_a_command_is_none(self, router: Router) -> None:
        assert not (await said(router, "turn off the bedside lamp and feed the cat")).calls

    async def test_one_action_on_two_things(self, router: Router) -> None:
        intent = await said(router, "turn off the coffee maker and the kitchen light")
        assert [call.arguments["name"] for call in intent.calls] == [
            "Coffee Maker",
            "Kitchen Light",
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "don't turn on the kitchen light",
            "turn on the kitchen light when i come home",
            "turn the the on to kitchen blah",
            "never open the bedroom blinds",
            "reply to all",
        ],
    )
    async def test_a_word_that_is_not_understood_forbids_guessing(
        self, router: Router, text: str
    ) -> None:
        intent = await said(router, text, area="Kitchen")
        assert not intent.calls and not intent.question


class TestFollowUps:
    async def test_them_are_the_lights_of_before(self, router: Router) -> None:
        before = await said(router, "turn on the kitchen lights")
        intent = await said(router, "turn them off", targets=before.targets)
        assert calls(intent) == [("HassTurnOff", {"area": "Kitchen", "domain": "light"})]

    async def test_it_is_the_lamp_of_before(self, router: Router) -> None:
        before = await said(router, "is the front door locked")
        intent = await said(router, "lock it", targets=before.targets)
        assert calls(intent) == [("HassTurnOn", {"name": "Front Door"})]

    async def test_them_after_two_commands(self, router: Router) -> None:
        before = await said(router, "turn on the kitchen light and the bedside lamp")
        intent = await said(router, "turn them off", targets=before.targets)
        assert {call.arguments["name"] for call in intent.calls} == {
            "Kitchen Light",
            "Bedside Lamp",
        }

    async def test_without_a_before_it_means_nothing(self, router: Router) -> None:
        assert not (await said(router, "turn it off")).calls

    async def test_it_must_be_of_a_fitting_kind(self, router: Router) -> None:
        before = await said(router, "turn on the bedside lamp")
        assert not (await said(router, "lock it", targets=before.targets)).calls


class TestWhatTheHomeDoesNotHave:
    async def test_is_left_to_the_skills_to_say(self, router: Router) -> None:
        intent = await said(router, "turn on the fan in the kitchen")
        assert calls(intent) == [("HassTurnOn", {"area": "Kitchen", "domain": "fan"})]
        assert "nothing for it" in intent.why

    async def test_is_not_understood_early(self, router: Router) -> None:
        assert router.quick(utterance("turn on the fan in the kitchen"), Context()) is None

    async def test_an_unknown_tool_is_not_called(self, router: Router) -> None:
        assert not (await said(router, "set a timer for five minutes")).calls


@pytest.mark.parametrize(
    "text",
    [
        "what's the capital of France",
        "tell me a joke about dragons",
        "I had a wonderful time at the lighthouse yesterday",
        "mm hm",
        "How many people live in the kitchen of the world?",
        "the front door of their house is blue, isn't it",
        "who turned off the radio in nineteen eighty four",
    ],
)
async def test_chit_chat_is_none(router: Router, text: str) -> None:
    intent = await said(router, text, area="Kitchen")
    assert intent.tier == "none"
    assert not intent.understood
    assert intent.why


async def test_nothing_said(router: Router) -> None:
    intent = await router.route(utterance(), Context())
    assert not intent.understood
    assert router.quick(utterance("..."), Context()) is None


class TestPhrases:
    async def test_numbers_and_choices_by_the_schema(self, router: Router) -> None:
        intent = await said(router, "Brew three cups of strong coffee, please.")
        assert intent.tier == "phrase"
        assert calls(intent) == [("coffee.brew", {"cups": 3, "strength": "strong"})]

    async def test_a_number_outside_its_limits(self, router: Router) -> None:
        assert not (await said(router, "brew thirty cups of strong coffee")).calls

    async def test_free_text_keeps_its_spelling(self, router: Router) -> None:
        intent = await said(router, "write down call Aunt Mary")
        assert calls(intent) == [("notes.write", {"text": "call Aunt Mary"})]
        assert intent.score < 1.0

    async def test_areas(self, router: Router) -> None:
        intent = await said(router, "note for the lounge water the plants")
        assert calls(intent) == [
            ("notes.write", {"room": "Living Room", "text": "water the plants"})
        ]

    async def test_a_phrase_may_be_made_of_polite_words(self, router: Router) -> None:
        assert calls(await said(router, "Can you hear me?")) == [("chat.hear", {})]

    async def test_without_a_target_it_is_for_this_room(self, router: Router) -> None:
        intent = await said(router, "make it brighter", area="Kitchen")
        assert calls(intent) == [("lights.brighter", {"area": "Kitchen"})]

    async def test_without_a_room_it_never_is_for_the_whole_house(self, router: Router) -> None:
        intent = await said(router, "brighter")
        assert not intent.calls
        assert intent.question == "In which room?"

    async def test_names_in_phrases(self, router: Router) -> None:
        intent = await said(router, "make the bedside lamp brighter")
        assert calls(intent) == [("lights.brighter", {"name": "Bedside Lamp"})]

    async def test_a_thing_of_another_kind_is_not_its(self, router: Router) -> None:
        assert not (await said(router, "make the coffee maker brighter")).calls


class TestUnfinished:
    @pytest.mark.parametrize(
        "text",
        [
            "turn on the",
            "Turn on the kitchen light and",
            "set the bedroom to",
            "turn on",
            "could you",
        ],
    )
    def test_in_the_middle_of_a_sentence(self, router: Router, text: str) -> None:
        assert router.unfinished(text, "en")

    @pytest.mark.parametrize(
        "text",
        ["turn off the living", "turn on the kitchen", "turn on the bedside", "open the garage"],
    )
    def test_in_the_middle_of_a_name(self, router: Router, text: str) -> None:
        assert router.unfinished(text, "en")

    @pytest.mark.parametrize(
        "text", ["turn on the kitchen", "Kitchen Light", "write down call Aunt"]
    )
    def test_what_may_go_on_to_mean_something_else(self, router: Router, text: str) -> None:
        assert router.quick(utterance(text), Context()) is None

    def test_what_goes_on_to_mean_the_same(self, router: Router) -> None:
        assert router.quick(utterance("turn on the bedside"), Context()) is not None

    @pytest.mark.parametrize(
        "text",
        [
            "turn on the kitchen light",
            "turn on the lights in the kitchen",
            "turn on the bedroom fan",
        ],
    )
    def test_whole_sentences(self, router: Router, text: str) -> None:
        assert not router.unfinished(text, "en")
        assert router.quick(utterance(text), Context()) is not None

    @pytest.mark.parametrize("text", ["lights off", "stop", ""])
    def test_short_ones(self, router: Router, text: str) -> None:
        assert not router.unfinished(text, "en")

    def test_in_german(self, router: Router) -> None:
        assert router.unfinished("schalte das Licht in der", "de")
        assert not router.unfinished("schalte das Licht aus", "de")

    def test_of_a_language_without_words(self, router: Router) -> None:
        assert not router.unfinished("zapni světlo", "cs")


async def test_a_home_that_changed_is_understood_anew() -> None:
    made, home = await make_router()
    home.entities = {key: entity for key, entity in home.entities.items() if key != "light.bedside"}
    home.revision += 1
    assert (await said(made, "turn on the coffee maker")).calls
    assert not (await said(made, "turn on the bedside lamp")).calls
    await home.close()


async def test_a_broken_phrase_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    from tests.router_home import tool

    broken = tool("bad.one", (), ["do {something} odd", "[never closed", "do the good thing"])
    made, home = await make_router(tools=[*TOOLS, broken])
    assert calls(await said(made, "do the good thing")) == [("bad.one", {})]
    assert "{something}" in caplog.text and "[never closed" in caplog.text
    await home.close()


def test_before_it_is_prepared_nothing_is_understood() -> None:
    from hub.config import RouterSettings
    from hub.home.model import Home

    made = Router(Home(), TOOLS, model=None, settings=RouterSettings(), languages=["en"])
    assert made.quick(utterance("turn on the light"), Context()) is None


ODD_WORDS = (
    "turn on off the kitchen light and it them to 50 percent % . , 's { } [ ] | ( ) @ < > ? - ½ ß "
    "İ 😀 é open all lights in area name a b don't bedroom"
)
ODD = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(ODD_WORDS.split(" ")),
        max_size=20,
    ).map(" ".join),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(ODD, min_size=1, max_size=2), st.sampled_from(["en", "de", "fr", "xx"]))
def test_odd_text_is_harmless(router: Router, texts: list[str], language: str) -> None:
    started = time.process_time()
    router.quick(utterance(*texts, language=language), Context(area="Kitchen"))
    router.quick(utterance(*texts, language=language), Context(area="Nowhere"))
    router.unfinished(texts[0], language)
    assert time.process_time() - started < 1.0


def test_the_inventory_is_the_one_described() -> None:
    names = [entity.name for entity in INVENTORY.entities]
    assert names.count("Ceiling Light") == 2


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("turn on all the lights", "HassTurnOn", {"domain": "light"}),
        ("all lights on", "HassTurnOn", {"domain": "light"}),
        ("turn off all fans", "HassTurnOff", {"domain": "fan"}),
        ("set all lights to 50 percent", "HassLightSet", {"domain": "light", "brightness": 50}),
        ("set all the lights to red", "HassLightSet", {"domain": "light", "color": "red"}),
        ("turn the bedside lamp back on", "HassTurnOn", {"name": "Bedside Lamp"}),
        ("open the front door", "HassTurnOff", {"name": "Front Door"}),
        ("put the bedroom blinds up", "HassTurnOn", {"name": "Bedroom Blinds"}),
        ("turn of the bedside lamp", "HassTurnOff", {"name": "Bedside Lamp"}),
        ("turn on the lights in the attic", "HassTurnOn", {"domain": "light", "area": "attic"}),
        (
            "set the living room to twenty one and a half",
            "HassClimateSetTemperature",
            {"area": "Living Room", "temperature": 21.5},
        ),
    ],
)
async def test_all_means_the_house_and_an_unknown_room_stays_unknown(
    router: Router, text: str, tool: str, arguments: dict[str, object]
) -> None:
    for area in (None, "Kitchen"):
        assert calls(await said(router, text, area=area)) == [(tool, arguments)]


async def test_all_in_german(router: Router) -> None:
    intent = await said(router, "schalte alle Lichter ein", language="de", area="Kitchen")
    assert calls(intent) == [("HassTurnOn", {"domain": "light"})]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("turn on the bedside lamp when I leave", "I can only do things right away."),
        ("turn on the bedside lamp in ten minutes", "I can only do things right away."),
        ("don't turn on the bedside lamp", "All right, I leave it."),
        ("(don't) turn on the bedside lamp", "All right, I leave it."),
        (
            "frobnicate the bedside lamp",
            "I did not understand what to do with the Bedside Lamp.",
        ),
        ("lock the garage door", "I cannot do that with the Garage Door."),
        ("unlock the back door", "I do not know the back door."),
    ],
)
async def test_what_is_not_done_is_said_in_own_words(
    router: Router, text: str, sentence: str | None
) -> None:
    intent = await said(router, text)
    assert not intent.calls and not intent.question
    assert intent.sentence == sentence


async def test_an_unknown_room_is_not_understood_early(router: Router) -> None:
    assert router.quick(utterance("turn on the lights in the attic"), Context()) is None


async def test_the_second_thing_has_the_verb_of_the_first(router: Router) -> None:
    intent = await said(router, "open the garage door and the blinds")
    assert [call.tool for call in intent.calls] == ["HassTurnOn", "HassTurnOn"]
    first, second = (call.arguments for call in intent.calls)
    assert first["name"] == "Garage Door"
    assert second["device_class"] == "blind"  # there is but one


async def test_a_long_text_costs_nothing(router: Router) -> None:
    started = time.process_time()
    intent = await said(router, "the kitchen light and the bedroom fan " * 130)
    assert not intent.calls
    assert time.process_time() - started < 1.0
    stuck = await said(router, "turn on the bedside lamp " * 20)
    assert calls(stuck) == [("HassTurnOn", {"name": "Bedside Lamp"})]


async def test_what_is_known_is_not_matched_again(router: Router) -> None:
    known = router.quick(utterance("turn on the bedside lamp"), Context())
    assert known is not None
    assert await router.route(utterance("x"), Context(), known=known) is known


class TestLeaningOnTheSentenceBefore:
    """What adds to the last sentence, or takes a part of it back."""

    @staticmethod
    async def after(router: Router, first: str, text: str, area: str = "Kitchen") -> Intent:
        before = await said(router, first, area=area)
        return await said(router, text, area=area, targets=before.targets)

    async def test_one_more_thing(self, router: Router) -> None:
        intent = await self.after(router, "turn off the bedside lamp", "And the bedroom fan too.")
        assert calls(intent) == [("HassTurnOff", {"name": "Bedroom Fan"})]

    async def test_the_same_in_another_room(self, router: Router) -> None:
        intent = await self.after(router, "are any lights on in the bedroom", "and in the kitchen?")
        assert [call.tool for call in intent.calls] == ["HassGetState"]
        assert intent.calls[0].arguments["area"] == "Kitchen"

    async def test_another_value(self, router: Router) -> None:
        intent = await self.after(
            router, "set the bedside lamp to forty percent", "no, twenty percent"
        )
        assert calls(intent) == [("HassLightSet", {"name": "Bedside Lamp", "brightness": 20})]

    async def test_a_name_behind_and_is_not_turned_on(self, router: Router) -> None:
        assert not (await said(router, "and the bedside lamp")).calls

    async def test_it_is_the_lights_that_were_made_brighter(self, router: Router) -> None:
        intent = await self.after(router, "make it brighter", "turn it off")
        assert calls(intent) == [("HassTurnOff", {"area": "Kitchen", "domain": "light"})]

    async def test_the_second_command_is_for_the_room_of_the_first(self, router: Router) -> None:
        intent = await said(router, "close the bedroom blinds and turn on the ceiling light")
        assert intent.calls[1].arguments == {"name": "light.bedroom_ceiling"}


async def test_a_room_by_another_name_is_that_of_the_second_command() -> None:
    areas = (SourceArea("master", "Master Bedroom"), SourceArea("kitchen", "Kitchen"))
    entities = (
        SourceEntity("cover.blinds", "Blinds", "cover", "master", "blind"),
        SourceEntity("light.a", "Ceiling Light", "light", "master"),
        SourceEntity("light.b", "Kitchen Light", "light", "kitchen"),
    )
    router, _ = await make_router(inventory=Inventory(areas=areas, entities=entities))
    intent = await said(router, "close the bedroom blinds and turn off the lights")
    assert intent.calls[1].arguments == {"area": "Master Bedroom", "domain": "light"}


async def test_a_french_but_plays_nothing() -> None:
    """The shared sentences take 'mais', as some recognizers write it, for 'mets' (put on)."""
    play = tool("HassMediaSearchAndPlay", ["media_player"], search_query={"type": "string"})
    router, _ = await make_router(languages=("fr",), tools=[*TOOLS, play])
    for text in ("mais je ne sais pas", "mais il pleut encore"):
        assert not (await said(router, text, language="fr", area="living_room")).calls, text
    put_on = await said(router, "mets du jazz", language="fr", area="living_room")
    assert [tool for tool, _ in calls(put_on)] == ["HassMediaSearchAndPlay"]


@pytest.mark.parametrize(
    "text",
    [
        "the kitchen light is on, don't turn it off",
        "the kitchen light is broken so do not switch it on",
        "the kitchen light is on because I can't turn it off",
        "the kitchen light is too hot to switch it off",
        "the kitchen light is on until I switch it off",
    ],
)
async def test_what_is_not_wanted_is_not_recast_into_a_wish(text: str) -> None:
    router, _ = await make_router()
    assert not (await said(router, text)).calls


async def test_what_is_told_may_stand_before_the_wish() -> None:
    router, _ = await make_router()
    intent = await said(router, "the kitchen light is still on, so turn it off")
    assert [tool for tool, _ in calls(intent)] == ["HassTurnOff"]


async def test_a_game_is_no_music() -> None:
    play = tool("HassMediaSearchAndPlay", ["media_player"], search_query={"type": "string"})
    router, _ = await make_router(tools=[*TOOLS, play])
    for text in ("let's play a game", "play chess with me", "play cards", "play hide and seek"):
        assert not (await said(router, text, area="living_room")).calls, text
    song = await said(router, "play poker face", area="living_room")
    assert [tool for tool, _ in calls(song)] == ["HassMediaSearchAndPlay"]


async def test_tools_that_are_learnt_while_the_grammars_are_built_are_understood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pack is installed in the moment in which a device gets another name."""
    router, home = await make_router()
    build = Router._build
    more = [*TOOLS, tool("kites.fly", (), ["fly a kite"])]

    def meanwhile(self: Router, places: Places) -> object:
        built = build(self, places)
        monkeypatch.setattr(Router, "_build", build)
        self.learn(more)
        return built

    monkeypatch.setattr(Router, "_build", meanwhile)
    home.revision += 1
    assert calls(await said(router, "fly a kite")) == [("kites.fly", {})]
