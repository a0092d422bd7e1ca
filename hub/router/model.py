"""The last tier: a small language model chooses among the likeliest tools and things.

A small model is often wrong and does not know it, so it acts only within what the words
themselves show: the thing must be traceable to them (`retrieve`), so must the action, no word may
turn the sentence round or put it off, and the model must be sure. A wrong action is far worse
than none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hub.errors import EngineCrashed, EngineError
from hub.home.model import normal
from hub.messages import Call, Candidate, Intent
from hub.ports import LanguageModel
from hub.router.context import Targets
from hub.router.numbers import numbers
from hub.router.places import Places, targets
from hub.router.prompt import Answer, choices, grammar, parse, prefix, question
from hub.router.readings import which
from hub.router.retrieve import Found, Thing
from hub.router.words import Words

TRACEABLE = 0.7
"""0-1: evidence from which a thing may be acted on."""
WORTHWHILE = 0.5
"""0-1: evidence from which the model is offered a thing; without one it is hardly ever asked."""
SAME = 0.05
"""Evidence by which two things must differ for one of them to be meant."""
TOOL_SAID = 0.6
"""Weight of a tool's own words that must be among those said: one that few other tools have."""
MOST_TOKENS = 48

OPPOSITES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "HassTurnOn": (("on", "open", "lock"), ("off", "close", "unlock")),
    "HassTurnOff": (("off", "close", "unlock"), ("on", "open", "lock")),
}
"""Tool -> the directions that ask for it, and those that ask for its opposite."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One utterance as the model tier sees it."""

    text: str
    """The likeliest hypothesis, cleaned."""
    language: str
    area: str | None
    """Name of the person's room."""
    found: Found
    here: str | None = None
    """Id of the person's room."""
    before: Targets | None = None
    """The turn before, if it was about something."""
    trusted: Mapping[str, float] = field(default_factory=dict)
    """Tools of packs that may be meant -> how sure a model has to be of each."""


class ModelTier:
    """Asks the language model, and believes it only as far as the words go."""

    def __init__(self, model: LanguageModel, places: Places, confidence: float) -> None:
        self._model = model
        self._places = places
        self._confidence = confidence
        tools = [tool for several in places.tools.values() for tool in several]
        self._choices = {choice.tool: choice for choice in choices(tools)}
        self._prefix = prefix(tools)
        self._areas = {area.area_id: area.name for area in places.areas.values()}

    async def prime(self) -> None:
        """Let the model evaluate what all prompts share. Raises EngineError."""
        await self._model.prime(self._prefix)

    async def understand(self, asked: Asked, words: Words) -> Intent:
        """What the model makes of it: calls, a question, or nothing with the reason."""
        nothing = Intent(heard=asked.text, candidates=candidates(asked.found))
        said = normal(asked.text).split()
        if held := held_back(asked.text, words):
            return replace(nothing, why=f"no sentence fits, and '{held}' is for the rules alone")
        if not _worthwhile(asked.found):
            return replace(nothing, why="no sentence fits, and nothing of the home was named")
        things = [thing for thing in asked.found.things if thing.evidence >= WORTHWHILE]
        names = dict.fromkeys(tool.name for tool, _ in asked.found.tools)
        offered = [self._choices[name] for name in names]
        rules = grammar(offered, things, numbers(asked.text, asked.language), said)
        if rules is None:
            return replace(nothing, why="no sentence fits, and no tool is for what was named")
        prompt = self._prefix + question(things, self._areas, asked.area, asked.text)
        try:
            completion = await self._model.complete(prompt, grammar=rules, max_tokens=MOST_TOKENS)
        except EngineCrashed:
            raise  # it is being restarted: the person is asked to say it again
        except EngineError as error:
            return replace(nothing, why=f"no sentence fits, and the model failed: {error}")
        sure = f"model {completion.probability:.2f}: {completion.text.strip()}"
        answers = parse(completion.text, offered, things)
        if answers is None:
            return replace(nothing, why=f"{sure}, which is no answer")
        if not answers:
            return replace(nothing, why=sure, score=completion.probability)
        if completion.probability < self._confidence:
            return replace(nothing, why=f"{sure}, which is not sure enough")
        for answer in answers:
            if reason := _doubt(answer, said, asked.found, words):
                return replace(nothing, why=f"{sure}, but {reason}")
            if not self._places.doable(answer.choice.tool, _slots(answer)):
                return replace(nothing, why=f"{sure}, which this home cannot do")
        if len(answers) == 1 and (rivals := _rivals(answers[0], things)):
            return self._question(answers[0], rivals, nothing, sure, words)
        slots = [_slots(answer) for answer in answers]
        return replace(
            nothing,
            tier="model",
            score=completion.probability,
            why=sure,
            calls=tuple(self._call(answer) for answer in answers),
            targets=targets(slots),
        )

    def _call(self, answer: Answer) -> Call:
        return self._places.call(answer.choice.tool, _slots(answer))

    def _question(
        self, answer: Answer, rivals: Sequence[Thing], nothing: Intent, why: str, words: Words
    ) -> Intent:
        """Other things fit the words as well: ask which one."""
        options = {
            self._places.full_name(self._places.entities[thing.key]): self._call(
                replace(answer, thing=thing)
            )
            for thing in rivals
        }
        return replace(
            nothing,
            tier="model",
            question=which(list(options), words),
            choices={name: (call,) for name, call in options.items()},
            why=f"{why}, but {len(options)} things fit as well",
        )


def held_back(text: str, words: Words) -> str | None:
    """A word that turns a command round or puts it off; a model must not overlook it."""
    sentence = f" {normal(text)} "
    return next((word for word in sorted(words.negations) if f" {word} " in sentence), None)


def _worthwhile(found: Found) -> bool:
    """Whether something of the home, or a tool that needs nothing of it, seems to be meant."""
    named = any(thing.evidence >= WORTHWHILE for thing in found.things)
    return named or any(said >= TOOL_SAID and not tool.domains for tool, said in found.tools)


def _doubt(answer: Answer, said: Sequence[str], found: Found, words: Words) -> str | None:
    """Why an answer goes beyond the words; None if it does not."""
    thing = answer.thing
    if thing is not None and thing.evidence < TRACEABLE:
        return f"'{thing.label}' was not said clearly enough ({thing.evidence:.2f})"
    # If only what it is was said, because this room or the home has just one, every word counts:
    # 'the closet light' is not the one in this room.
    only_kind = thing is not None and max(thing.name, thing.room) < TRACEABLE
    if only_kind and (stray := _stray(said, answer, words)):
        return f"'{stray}' was not understood"
    directions = OPPOSITES.get(answer.choice.tool)
    if directions is not None:
        if contradicted(answer.choice.tool, " ".join(said), words):
            return "the words say the opposite"
        return None if _directed(said, words, directions[0]) else "the words do not say so"
    weight = max((w for tool, w in found.tools if tool.name == answer.choice.tool), default=0.0)
    return None if weight >= TOOL_SAID else "the words do not say so"


def contradicted(tool: str, text: str, words: Words) -> bool:
    """Whether the words ask for the opposite of what a tool does."""
    _, opposing = OPPOSITES.get(tool, ((), ()))
    return _directed(normal(text).split(), words, opposing)


def _stray(said: Sequence[str], answer: Answer, words: Words) -> str | None:
    """A word that is neither a kind of thing, an action, a number, nor one of little meaning."""
    groups = (
        words.before, words.after, words.fillers, words.dangling, words.openers, words.singular,
        words.plural, *words.kinds.values(), *words.actions.values(),
        (normal(answer.choice.label),), tuple(map(str, answer.arguments.values())),
    )  # fmt: skip
    known = {word for phrases in groups for phrase in phrases for word in normal(phrase).split()}
    return next((word for word in said if word not in known and not word.isdigit()), None)


def _directed(said: Sequence[str], words: Words, directions: Sequence[str]) -> bool:
    sentence = f" {' '.join(said)} "
    return any(
        f" {phrase} " in sentence
        for direction in directions
        for phrase in words.actions.get(direction, ())
    )


def _rivals(answer: Answer, things: Sequence[Thing]) -> list[Thing]:
    """The chosen entity and others that fit the words as well; none if it is the only one."""
    chosen = answer.thing
    if chosen is None or chosen.entity is None:
        return []
    fitting = [
        thing
        for thing in things
        if thing.entity is not None
        and thing.domain in answer.choice.domains
        and thing.evidence >= chosen.evidence - SAME
        and (thing.here or not chosen.here)
    ]
    return fitting if len(fitting) > 1 else []


def _slots(answer: Answer) -> dict[str, object]:
    thing = answer.thing
    if thing is None:
        return dict(answer.arguments)
    if thing.entity is not None:
        return {"name": thing.entity, **answer.arguments}
    assert thing.area is not None
    return {"area": thing.area, "domain": thing.domain, **answer.arguments}


def candidates(found: Found) -> tuple[Candidate, ...]:
    """What was considered, for the trace."""
    things = (Candidate(t.label, min(1.0, t.evidence), "model") for t in found.things)
    tools = (Candidate(tool.name, min(1.0, said), "model") for tool, said in found.tools)
    return (*things, *tools)
