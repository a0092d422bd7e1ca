"""Words that make no command are read as the command that they sound like, if the sound agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from hub.endpointer import Verdict
from hub.home.model import Entity
from hub.language import words as language_words
from hub.messages import Audio, Heard, Hypothesis, Trace, Utterance
from hub.pipeline import Assistant
from hub.room import verdict_of
from hub.router import Context
from hub.router.misheard import Mishearing, sound
from hub.router.places import Places
from hub.router.plain import Plain
from hub.router.words import words
from tests.conftest import Household

NAMES = ("Mood Lighting", "Front Door", "Kitchen", "lights", "EcoBee", "Outdoor Humidity")


class Ears:
    """A recognizer that hears what it is told, and weighs what it is asked about."""

    def __init__(
        self,
        text: str,
        weights: Mapping[str, float],
        more: Sequence[str] = (),
        score: float = -0.4,
    ) -> None:
        self._heard = Utterance((Hypothesis(text, score),))
        self._more = tuple(Hypothesis(each, -0.6) for each in more)
        self._weights = {text.casefold(): -2.0} | {k.casefold(): v for k, v in weights.items()}
        self.weighed: list[str] = []
        self.thorough = 0

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        return self._heard

    async def readings(self, audio: Audio, *, language: str) -> Utterance:
        self.thorough += 1
        return Utterance(self._heard.hypotheses + self._more)

    async def weigh(self, audio: Audio, texts: Sequence[str], *, language: str) -> Sequence[float]:
        self.weighed += texts
        return [self._weights.get(text.casefold(), -30.0) for text in texts]


def listening(house: Household, ears: Ears) -> Assistant:
    return Assistant(
        home=house.home,
        router=house.assistant.router,
        skillset=house.assistant.skillset,
        replies=house.assistant.replies,
        recognizer=ears,
        languages=("en",),
    )


async def hear(house: Household, ears: Ears) -> Trace:
    return await listening(house, ears).hear(Heard(Audio(bytes(32_000)), 0.8, 1.0))


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("activate lose lighting", "activate mood lighting"),
        ("lock the sand door", "lock the front door"),
        ("set kitchen nice to green", "set kitchen lights to green"),
        ("what's the temperature of the incubi", "what's the temperature of the ecobee"),
        ("what is the tour humidity", "what is the outdoor humidity"),
        ("block the sand door", "lock the front door"),
    ],
)
def test_sentences_that_sound_alike_are_found(heard: str, meant: str) -> None:
    known = Mishearing(NAMES, words("en"), language_words("en")["verbs"])
    assert meant in [text for _, text in known.readings(heard)]


def test_a_few_words_may_have_been_a_single_verb() -> None:
    known = Mishearing(NAMES, words("en"), language_words("en")["verbs"])
    assert "pause" in [text for _, text in known.readings("I can't pause")]
    assert "pause" not in [text for _, text in known.readings("I can't pause for a moment")]


def test_words_of_commands_are_taken_for_others_last() -> None:
    """'what is' is heard well, and 'the actor' is not what is said to a home."""
    verbs = language_words("en")["verbs"]
    heard, meant = "what is the actor or humidity", "what is the outdoor humidity"
    naive = Mishearing((*NAMES, "Latte"), words("en"), verbs).readings(heard)
    aware = Mishearing((*NAMES, "Latte"), words("en"), verbs, {"what", "is", "the"}).readings(heard)
    place = [text for _, text in aware].index(meant)
    assert place < [text for _, text in naive].index(meant)


def test_what_is_said_alike_sounds_alike() -> None:
    for one, other in (("night", "nite"), ("knob", "nob"), ("phone", "fone")):
        assert sound(one, "en") == sound(other, "en")


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("I'll set it time off at 30 seconds", "set a timer for 30 seconds"),
        ("So kitchen nice degree", "set kitchen lights to green"),
        ("watch the way there", "what's the weather"),
    ],
)
async def test_a_plain_command_is_found_where_most_words_were_misheard(
    house: Household, heard: str, meant: str
) -> None:
    known = words("en")
    plain = Plain(Places(house.home, ()), known, known.plain, colors=("green", "red"))
    (found,) = plain.readings([heard])
    assert meant in [text for _, text in found[:3]], found


async def test_plain_commands_are_found_by_german_sounds_too(house: Household) -> None:
    known = words("de")
    plain = Plain(Places(house.home, ()), known, known.plain, joined="und")
    heard = ["stell einen Teimer auf 10 Minuten", "mach das Fluhrlicht an und wies päd ist es"]
    single, both = plain.readings(heard)
    assert "stelle einen timer auf 10 minuten" in [text for _, text in single[:2]]
    assert "mach das Fluhrlicht an und wie spät ist es" in [text for _, text in both]


async def test_a_number_may_come_from_another_reading(house: Household) -> None:
    known = words("en")
    plain = Plain(Places(house.home, ()), known, known.plain)
    found, _ = plain.readings(["set it time up for a few seconds", "I sent a tie for 40 seconds"])
    assert "set a timer for 40 seconds" in [text for _, text in found]


@pytest.mark.parametrize("language", ["en", "de"])
async def test_what_lets_somebody_in_is_no_plain_command(language: str) -> None:
    """What opens a door must have been said; it is never made of what sounds like it."""
    locks = " ".join(words(language).plain["lock"])
    assert not {"unlock", "open", "öffne", "auf", "entriegle"} & set(locks.split())


@pytest.mark.parametrize(("language", "heard"), [("en", "open the"), ("de", "öffne das")])
async def test_no_garage_door_is_put_into_a_plain_command(
    house: Household, language: str, heard: str
) -> None:
    places = Places(house.home, ())
    shade = Entity("cover.shade", "Roller", "cover", device_class="shade")
    gate = Entity("cover.gate", "Rolltor", "cover", device_class="garage")
    places.entities = {each.entity_id: each for each in (shade, gate)}
    known = words(language)
    made = [text.casefold() for text in Plain(places, known, known.plain).sentences([heard])]
    assert f"{heard} roller" in made
    assert not any("rolltor" in text or "garage" in text for text in made)


async def test_thousands_of_devices_give_no_more_sentences(house: Household) -> None:
    known = words("en")
    entity = house.home.entities["light.hallway"]
    many = {
        f"light.number_{n}": replace(entity, entity_id=f"light.number_{n}", name=f"Lamp {n}")
        for n in range(2_000)
    }
    places = Places(house.home, ())
    few = len(Plain(places, known, known.plain).sentences(["turn on the hall weigh night"]))
    places.entities = {**places.entities, **many}
    plain = Plain(places, known, known.plain)
    assert len(plain.sentences(["turn on the hall weigh night"])) <= 2 * few
    (found,) = plain.readings(["turn on the hall weigh night"])
    assert "turn on the hallway light" in [text for _, text in found]


async def test_two_commands_of_which_one_was_misheard_are_both_done(house: Household) -> None:
    house.devices.set_state("light.hallway", "off")
    house.devices.set_state("light.floor_lamp", "on")
    heard = "Turn off the floor lamp and turn on the hall weigh night."
    meant = "Turn off the floor lamp and turn on the hallway light."
    trace = await hear(house, Ears(heard, {meant: -5.0}))
    assert house.devices.state("light.hallway") == "on", trace
    assert house.devices.state("light.floor_lamp") == "off", trace


async def test_a_command_that_the_sound_agrees_with_is_done(house: Household) -> None:
    house.devices.set_state("light.hallway", "off")
    ears = Ears("Turn on the hall weigh night.", {"Turn on the hallway light.": -5.0})
    trace = await hear(house, ears)
    assert house.devices.state("light.hallway") == "on", (trace, ears.weighed)


async def test_one_that_it_does_not_agree_with_is_not(house: Household) -> None:
    house.devices.set_state("light.hallway", "off")
    ears = Ears("Turn on the hall weigh night.", {"Turn on the hallway light.": -15.0})
    await hear(house, ears)
    assert "Turn on the hallway light." in ears.weighed
    assert house.devices.state("light.hallway") == "off"


@pytest.mark.parametrize(("meant", "done"), [("What time is it?", True), ("Mute.", False)])
async def test_what_is_only_told_may_be_less_sure_than_what_is_done(
    house: Household, meant: str, done: bool
) -> None:
    ears = Ears("What dime is sit?" if done else "I can't moot.", {meant: -11.0}, [meant])
    trace = await hear(house, ears)
    assert meant.casefold() in [each.casefold() for each in ears.weighed]
    assert bool(trace.intent.calls) is done


async def test_a_less_likely_reading_that_is_a_command_is_done(house: Household) -> None:
    house.devices.set_state("light.hallway", "off")
    meant = "Turn on the hallway light."
    await hear(house, Ears("Learn Norwegian, why like?", {meant: -5.0}, [meant]))
    assert house.devices.state("light.hallway") == "on"


async def test_the_beginning_of_what_was_said_is_no_command(house: Household) -> None:
    """'Turn off the kitchen lights' is not done where more was said that is not understood."""
    house.devices.set_state("light.kitchen_ceiling", "on")
    short = "Turn off the kitchen lights"
    await hear(house, Ears("Turn off the kitchen lights xylophone", {short: -0.5}, [short]))
    assert house.devices.state("light.kitchen_ceiling") == "on"


async def test_what_is_understood_is_not_weighed(house: Household) -> None:
    ears = Ears("Turn on the hallway light.", {})
    await hear(house, ears)
    assert not ears.weighed


@pytest.mark.parametrize(("score", "times"), [(-0.3, 0), (-0.9, 1)])
async def test_a_sentence_that_may_go_on_is_heard_once_if_it_was_heard_well(
    house: Household, score: float, times: int
) -> None:
    """'Three times nine' may become 'nine hundred'; it needs no second hearing to be known."""
    ears = Ears("what is three times nine", {}, score=score)
    trace = await hear(house, ears)
    assert trace.reply.text == "27."
    assert ears.thorough == times


async def test_a_noise_that_is_nothing_is_no_command_either(house: Household) -> None:
    house.devices.set_state("light.hallway", "off")
    heard, meant = "Turn on the hall weigh night.", "Turn on the hallway light."
    ears = Ears(heard, {heard: -16.5, meant: -18.0})
    await hear(house, ears)
    assert meant in ears.weighed
    assert house.devices.state("light.hallway") == "off"


async def test_what_stops_in_the_middle_is_heard_again_when_that_was_all(house: Household) -> None:
    """'Light in' was 'lighting', and nothing came behind it."""
    house.devices.set_state("light.hallway", "off")
    meant = "Turn on the hallway light."
    ears = Ears("Turn on the hall weigh light in", {meant: -5.0}, [meant])
    assistant = listening(house, ears)
    audio = Audio(bytes(32_000))
    understood = await assistant.understand(audio)
    assert understood.unfinished
    assert not ears.weighed, "the person may still speak"
    await assistant.hear(Heard(audio, 0.8, 1.0), understood)
    assert house.devices.state("light.hallway") == "on"


@pytest.mark.parametrize(("meant", "done"), [("Mute.", False), ("Floor lamp off.", True)])
async def test_a_single_word_must_be_likelier_than_a_sentence(
    house: Household, meant: str, done: bool
) -> None:
    heard = "I have made out that a man came off."
    trace = await hear(house, Ears(heard, {heard: -11.0, meant: -12.0}, [meant]))
    assert bool(trace.intent.calls) is done, trace


async def test_free_text_that_was_not_recognised_at_first_must_be_likelier(
    house: Household,
) -> None:
    """'Get some light off' could be about a list, as anything could."""
    house.devices.set_state("light.hallway", "on")
    ears = Ears(
        "Its hallway night off.",
        {"Hallway light off.": -7.0, "Get some way light off.": -3.0},
        ["Get some way light off."],
    )
    trace = await hear(house, ears)
    assert house.devices.state("light.hallway") == "off", trace


async def test_a_command_for_later_is_no_free_text(house: Household) -> None:
    heard = Utterance((Hypothesis("turn off the for lamp in ten minutes", -0.4),))
    found = house.assistant.router.misheard(heard, Context())
    free = {text: much for text, _, much in found}
    assert free["turn off the floor lamp in ten minutes"] == 0.0, free


@pytest.mark.parametrize(
    ("score", "weight", "state"), [(-1.1, -3.0, "off"), (-1.1, -6.0, "on"), (-0.2, -3.0, "on")]
)
async def test_a_guess_at_doubtful_words_is_weighed(
    house: Household, score: float, weight: float, state: str
) -> None:
    """'Light up' is understood, though no sentence is so; 'light off' is one, and sounds alike."""
    house.devices.set_state("light.hallway", "off" if state == "on" else "on")
    ears = Ears("Hallway light up.", {"Hallway light off.": weight}, score=score)
    await hear(house, ears)
    assert house.devices.state("light.hallway") == state


async def test_what_is_less_sure_is_asked_about_and_done_after_a_yes(house: Household) -> None:
    house.devices.set_state("light.hallway", "off")
    ears = Ears("Turn on the hall weigh night.", {"Turn on the hallway light.": -12.0})
    assistant = listening(house, ears)
    trace = await assistant.hear(Heard(Audio(bytes(32_000)), 0.8, 1.0))
    assert trace.reply.text == "Did you mean: turn on the hallway light?"
    assert trace.reply.expects_answer
    assert house.devices.state("light.hallway") == "off"
    await assistant.say("yes")
    assert house.devices.state("light.hallway") == "on"


async def test_after_a_no_it_is_not_done(house: Household) -> None:
    house.devices.set_state("light.hallway", "off")
    ears = Ears("Turn on the hall weigh night.", {"Turn on the hallway light.": -12.0})
    assistant = listening(house, ears)
    await assistant.hear(Heard(Audio(bytes(32_000)), 0.8, 1.0))
    trace = await assistant.say("no")
    assert trace.reply.text == "All right."
    assert house.devices.state("light.hallway") == "off"


async def test_what_sounds_like_no_command_is_not_asked_about(house: Household) -> None:
    ears = Ears("The sound of the sea is so calming.", {"Turn on the hallway light.": -12.0})
    trace = await hear(house, ears)
    assert not trace.intent.understood, trace


async def test_more_is_waited_for_where_it_would_be_asked(house: Household) -> None:
    ears = Ears("Turn on the hall weigh night.", {"Turn on the hallway light.": -12.0})
    understood = await listening(house, ears).understand(Audio(bytes(32_000)))
    assert understood.intent is not None and understood.intent.question
    assert verdict_of(understood) is Verdict.UNKNOWN


async def test_a_verb_that_is_put_before_any_words_must_be_heard(house: Household) -> None:
    """'Pass me the sword' is no wish to play something of that name, unless that is likelier."""
    said, meant = "Pass me the sword.", "play me the sword."
    assert not (await hear(house, Ears(said, {meant: -7.0}, score=-0.3))).intent.understood
    room = await hear(house, Ears(said, {meant: -1.0}, score=-0.3))
    assert room.reply.text == "In which room?"


async def test_what_is_weighed_ends(house: Household) -> None:
    """The beginning of a sentence is always likelier than the whole; its full stop is not."""
    ears = Ears("Deem the floor lamp to 30%", {}, ["Dim the floor lamp"])
    await hear(house, ears)
    assert ears.weighed
    assert not [text for text in ears.weighed if not text.endswith((".", "?", "!"))]
