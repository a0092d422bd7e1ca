"""Which of the sentences that may have been said is believed: by how likely the sound makes each.

The recognizer gives every text a log-probability as a whole. A command to this home may be somewhat
less likely than what was recognised at first, since commands are what is said to a hub; it must be
clearly likelier than any other. One that is in between is asked about before it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from hub.home.model import normal
from hub.messages import Call, Intent, Utterance
from hub.router.judging import FREE
from hub.router.misheard import SHORT, coarse, sound

EXPECTED = 7.0
"""Log-probability by which a command to this home may be less likely by the sound than what was
recognised: commands are what is said to a hub."""
TOLD = frozenset(
    {
        "HassClimateGetTemperature",
        "HassGetCurrentDate",
        "HassGetCurrentTime",
        "HassGetState",
        "HassGetWeather",
        "HassTimerStatus",
    }
)
EXPECTED_TOLD = 10.0
"""The same for these, which change nothing: a wrong answer harms less than a wrong action."""
DOUBTFUL = -0.8
"""Mean log-probability of a token below which a guess at what was recognised is weighed against
what is understood word for word: 'light up' in a noise was 'light off'."""
EXPECTED_OF_GUESS = 2.0
"""Log-probability by which that may be less likely."""
LEAST, LEAST_OF_NONE, LEAST_OF_WORD = -16.0, -8.0, -2.0
"""Log-probability of a command below which nothing that is known was said: at most, and for a short
one the second with the third for each of its words. A single word fits anything a little."""
APART = 0.25
"""Log-probability by which it must be likelier than any other command."""
ALIKE = 0.6
"""0-1: likeness of sounds that a command must have to some reading of what was said, or else be
likelier: where most words were other ones, too much would sound like them."""
LEFT = 0.7
"""Share of the sounds of that reading that a command must have: what it leaves out was said
as well, and may change what is meant."""
NEARLY = 1.0
"""Log-probability by which what is unlike, or has free text, may be less likely than what was
recognised."""
OTHER, SAME = 0.4, 0.9
"""0-1: how alike those words must be that are not the same, where what was recognised is in doubt
as well: 'you look for television' has a name in it, and no 'turn off the'. Not asked of a command
that is nearly one of the readings, of which the second is the likeness."""
ASKED = 15.0
"""Log-probability by which a command that is only asked about may be less likely; then it must be
alike, as noise is otherwise, and no free text, as anything is that."""
ASKED_OF_GUESS = 3.0
"""The same where something is understood already."""
MOST = 0.5
"""Share of what was recognised, in letters, that must have a part in what is done."""
ANYTHING = ("query", "search_query", "title")
"""Arguments that any words can be."""
SURE = 0.0
"""Score of what was typed."""
TALK = ("conversation", "help", "manners")
"""Skills about the talk itself."""
WHOLE = ("area", "domain", "floor")
"""Arguments that mean several things, unless there is a name as well."""
ENDS = ".?!"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A sentence that may have been said, what it means, and how likely the sound makes it."""

    text: str
    calls: tuple[Call, ...]
    weight: float
    """Log-probability, less what is asked of free text."""
    free: float = 0.0
    """What is asked of it: more than 0 if it has text that was not recognised so at first."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What was said, and whether that is sure enough to be done unasked."""

    said: Weighed
    sure: bool = True


def ended(text: str) -> str:
    """The text with a full stop, if it has none. The recognizer weighs no end of a text, so that
    the beginning of what was said would always seem likelier than the whole; a full stop is
    likely only where the sentence ends."""
    return text if text.rstrip()[-1:] in ENDS else f"{text.rstrip()}."


def believed(
    readings: Sequence[str],
    heard: float,
    found: Sequence[Weighed],
    *,
    language: str,
    score: float,
    guessed: bool = False,
) -> Belief | None:
    """The sentence that was said, if it is likely enough beside what was recognised: the first of
    `readings`, whose log-probability is `heard`, of a token `score`; the others are less likely.
    `guessed`: it means something, but not word for word."""
    if not found:
        return None
    best = max(found, key=lambda each: each.weight)
    others = [each.weight for each in found if each.calls != best.calls]
    apart = best.weight - max(others) if others else APART
    told = bool(best.calls) and all(call.tool in TOLD for call in best.calls)
    expected = EXPECTED_TOLD if told else EXPECTED
    expected = EXPECTED_OF_GUESS if guessed else expected
    least = max(LEAST, LEAST_OF_NONE + LEAST_OF_WORD * len(best.text.split()))
    less = heard - best.weight
    alike, left = max(_likeness(each, best.text, language) for each in readings)
    like = alike >= ALIKE and left >= LEFT
    text = anything(best.calls)
    if best.weight >= max(least, heard - expected) and apart >= APART:
        strange = alike < ALIKE and (less > NEARLY or _several(best.calls))
        if less > NEARLY and score < DOUBTFUL and alike < SAME:
            strange = strange or _likeness(*_other(readings[0], best.text), language)[0] < OTHER
        # A few words may have been a single one, as `misheard` tries: 'I can't pause'.
        long = len(readings[0].split()) > SHORT
        unlike = (long and (left < LEFT or strange)) or (text and less > NEARLY)
        return Belief(best, sure=tells(best.calls) or not (best.free or unlike))
    asked = ASKED_OF_GUESS if guessed else ASKED
    if like and not text and not tells(best.calls) and less <= asked:
        return Belief(best, sure=False)
    return None


def doubtful(intent: Intent, utterance: Utterance, command: str) -> bool:
    """Whether what was understood must not be done unasked, because of how it was heard: most words
    of a `command` that was heard badly have no part in it, a language model found a meaning in
    such words, it has a number that the likeliest reading has not, or free text that is only in a
    reading made with names in mind. What is typed is heard well, and what is told harms nobody."""
    readings = utterance.hypotheses
    if intent.tier == "dialogue" or not readings or readings[0].score == SURE:
        return False
    if tells(intent.calls):
        return False
    if intent.tier == "model":
        return readings[0].score < DOUBTFUL
    said = f" {normal(intent.heard)} "
    heard = [f" {normal(each.text)} " for each in readings if not each.prompted]
    if any(said in text for text in heard):
        if not {word for word in said.split() if word.isdigit()} <= {*heard[0].split()}:
            return True
        return readings[0].score < DOUBTFUL and len(said) < MOST * len(normal(command))
    if not any(said in f" {normal(each.text)} " for each in readings if each.prompted):
        return False
    texts = (call.arguments.get(slot) for call in intent.calls for slot in FREE)
    free = [normal(text) for text in texts if isinstance(text, str)]
    return any(not any(f" {text} " in each for each in heard) for text in free)


def tells(calls: Sequence[Call]) -> bool:
    """Whether calls change nothing, or are about the talk itself. Nothing is such, too."""
    return all(call.tool in TOLD or call.tool.partition(".")[0] in TALK for call in calls)


def anything(calls: Sequence[Call]) -> bool:
    """Whether they are about whatever somebody may name, as music is, with nothing around it that
    tells so: 'add ... to the shopping list' does."""
    return any(slot in call.arguments for call in calls for slot in ANYTHING)


def _other(one: str, text: str) -> tuple[str, str]:
    """Two texts without the words that they have in common at their beginnings and ends."""
    first, second = normal(one).split(), normal(text).split()
    while first and second and first[-1] == second[-1]:
        del first[-1], second[-1]
    while first and second and first[0] == second[0]:
        del first[0], second[0]
    return " ".join(first), " ".join(second)


def _several(calls: Sequence[Call]) -> bool:
    """Whether it is about all the things of a kind, or in a place: more goes wrong then."""
    return any(
        call.tool == "everything.off"
        or ({*call.arguments} & {*WHOLE} and "name" not in call.arguments)
        for call in calls
    )


def _likeness(first: str, text: str, language: str) -> tuple[float, float]:
    """0-1: how alike two texts sound; and how many sounds the second has for one of the first."""
    one, other = sound(first, language), sound(text, language)
    changed = Levenshtein.distance(one, other) + Levenshtein.distance(coarse(one), coarse(other))
    return 1 - changed / 2 / max(1, len(one), len(other)), len(other) / max(1, len(one))
