"""The last tier with the fine-tuned model: candidates, its prompt, a choice among what is allowed.

How sure the model is decides what becomes of its answer: it is done, or the person is asked which
of several things was meant, or nothing is done. A wrong action is far worse than none.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace

from hub.config import RouterSettings
from hub.errors import EngineCrashed, EngineError
from hub.home.model import Entity, normal
from hub.messages import Call, Intent, ToolSpec
from hub.ports import ChoosingModel, Chosen, Options
from hub.router.beyond import beyond
from hub.router.codec import Listed, Listing, Turn, Unsayable, read, render, write
from hub.router.context import Targets
from hub.router.model import TRACEABLE, Asked, candidates, held_back
from hub.router.options import END, listed, options
from hub.router.places import Places, targets
from hub.router.readings import which
from hub.router.retrieve import Found, Thing
from hub.router.rules import spoken_rooms
from hub.router.verbs import ALL, BY_TOOL, NONE, TWINS
from hub.router.words import Words

FORMAT = "hearth-1"
"""What the catalogue calls models that know this prompt."""
MOST_ENTITIES = 10
SURE, UNSURE = (0.75, 5), (0.5, 6)
"""How near a thing's score must be to the best one's, and how many things at most: where the best
was named, and where it was not. What is less likely lengthens the prompt; where nothing was named
clearly, more is read, so that it can be asked which is meant."""
MOST_ALIKE, SOME_ALIKE = 3, 2
"""Things of one name that are read where nothing tells which is meant: up to three, for they can be
asked about; of more two, which show that nobody can tell."""
NEAREST = 0.9
"""0-1: how near another thing of the same name must be to be meant, relative to the nearest."""
TOOLS_NAMED, TOOLS_UNNAMED = (2.0, 1), (1.0, 2)
"""Weight of a skill's own words that must be among those said for it to be listed, and how many at
most: where a thing of the home was named, and where none was. A description is a dozen tokens, and
of 174 that were listed from a weight of 0.6 on, three were answered, not all of them rightly."""
SHOPPING = ("HassShoppingListAddItem", "HassShoppingListCompleteItem")
"""Tools for the one list that needs no name."""
WIDTH = 6
"""Answers that are followed at a time: enough to see between which things the model wavers."""
MOST_CHOICES = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """Answers that come to the same, together."""

    calls: tuple[Call, ...]
    """With ids; none for 'none'."""
    probability: float
    text: str


@dataclass(frozen=True, slots=True)
class _Question:
    """What the model is asked."""

    prompt: str
    allowed: Options
    enough: float


class TunedTier:
    """Asks the fine-tuned model about one home."""

    def __init__(self, model: ChoosingModel, places: Places, settings: RouterSettings) -> None:
        self._model = model
        self._places = places
        self._settings = settings
        self._tools = [tool for several in places.tools.values() for tool in several]
        self._domains = {entity.domain for entity in places.entities.values()}
        self._begun: tuple[_Question, asyncio.Task[tuple[Chosen, ...]]] | None = None
        """What the model was asked ahead, with its answer."""
        self._rooms: dict[str, Mapping[str, frozenset[str]]] = {}
        """For each language."""

    async def prime(self) -> None:
        """Load the model; its prompts have nothing in common. Raises EngineError."""
        await self._model.choose("=>", [[("", -1)]])

    async def understand(self, asked: Asked, words: Words) -> Intent:
        """What the model makes of it: calls, a question, or nothing with the reason."""
        nothing = Intent(heard=asked.text, candidates=candidates(asked.found))
        if (held := held_back(asked.text, words)) and not asked.trusted:
            return replace(nothing, why=f"no sentence fits, and '{held}' is for the rules alone")
        listing, question = self._question_for(asked)
        try:
            answers = await self._answers(question)
        except EngineCrashed:
            raise  # it is being restarted: the person is asked to say it again
        except EngineError as error:
            return replace(nothing, why=f"no sentence fits, and the model failed: {error}")
        verdicts = self._verdicts(answers, listing, asked.here)
        if not answers:
            return replace(nothing, why="no sentence fits, and the model is sure of no answer")
        if not verdicts:
            return replace(nothing, why="no sentence fits, and the model has no answer")
        if self._elsewhere(verdicts[0], asked.text, words):
            why = f"model: {verdicts[0].text}, which is in another room than was said"
            return replace(nothing, why=why)
        if reason := beyond(verdicts[0].calls, asked.text, self._places, words):
            return replace(nothing, why=f"model: {verdicts[0].text}, but {reason}")
        if held and verdicts[0].calls and not _of_packs(verdicts[0], asked):
            return replace(nothing, why=f"no sentence fits, and '{held}' is for the rules alone")
        return self._decide(verdicts, nothing, words, asked)

    def ahead(self, asked: Asked, words: Words) -> None:
        """Let the model answer this already: it may be asked in a moment, or something else."""
        if held_back(asked.text, words) and not asked.trusted:
            return
        _, question = self._question_for(asked)
        if self._begun is not None:
            if self._begun[0] == question:
                return
            self._begun[1].cancel()  # what the engine has begun it ends all the same
        task = asyncio.create_task(self._choose(question), name="model-ahead")
        task.add_done_callback(_ignored)
        self._begun = question, task

    async def _answers(self, question: _Question) -> tuple[Chosen, ...]:
        """The answers, which may be there already. Raises EngineError."""
        begun, self._begun = self._begun, None
        if begun is not None:
            if begun[0] == question:
                with suppress(EngineError):  # another time it may do
                    return await begun[1]
            else:
                begun[1].cancel()
        return await self._choose(question)

    async def _choose(self, question: _Question) -> tuple[Chosen, ...]:
        return await self._model.choose(
            question.prompt,
            question.allowed,
            width=WIDTH,
            enough=question.enough,
            idle=(f" {NONE}", END),
        )

    def _question_for(self, asked: Asked) -> tuple[Listing, _Question]:
        listing, turns = self._prompt(asked)
        tools = self._offered(asked.found)
        allowed = options(listing, asked.text, asked.language, tools, self._domains)
        enough = min([self._settings.confidence, *asked.trusted.values()])
        return listing, _Question(render(listing, turns), allowed, enough)

    def _offered(self, found: Found) -> list[ToolSpec]:
        """The tools that may be answered: where a list was named, what is said is for that one."""
        if any(t.domain == "todo" and t.evidence >= TRACEABLE for t in found.things):
            return [tool for tool in self._tools if tool.name not in SHOPPING]
        return self._tools

    # --- the prompt ------------------------------------------------------------------------------

    def _prompt(self, asked: Asked) -> tuple[Listing, list[Turn]]:
        before = asked.before
        calls = [self._places.meant(call) for call in before.calls] if before else []
        listing = self._listing(asked.found, calls, asked.trusted.keys())
        turns = [Turn(asked.text, asked.area)]
        if before and calls:
            with suppress(Unsayable):  # a tool that is not listed now
                turns.insert(0, Turn(before.said, asked.area, write(calls, listing)))
        return listing, turns

    def _listing(self, found: Found, before: Sequence[Call], trusted: Set[str]) -> Listing:
        """The candidates, by area; what was spoken of before; the places that were named."""
        mentioned = [str(call.arguments.get("name")) for call in before]
        likely = _apart([t for t in found.things if t.entity and _in_place(t, found.areas)])
        best = max(likely, key=lambda thing: thing.score, default=None)
        named = best is not None and best.evidence >= TRACEABLE
        near, most = SURE if named else UNSURE
        least = near * best.score if best else 0.0
        near_best = (t.key for t in likely if t.score >= least or t.evidence >= TRACEABLE)
        wanted = [*mentioned, *near_best]
        entities = [
            self._places.entities[key]
            for key in dict.fromkeys(wanted)
            if key in self._places.entities
        ][: most + len(mentioned)]
        areas = [*found.areas, *(entity.area_id for entity in entities)]
        areas += [call.arguments.get("area") for call in before]
        things: list[Listed] = []
        for key in dict.fromkeys(areas):
            if area := self._places.areas.get(key or ""):
                things.append(Listed("", "area", area.area_id, area.name))
                things += [_entity(e) for e in entities if e.area_id == area.area_id]
        things += [_entity(e) for e in entities if e.area_id not in self._places.areas]
        floors = [*found.floors, *(call.arguments.get("floor") for call in before)]
        things += [
            Listed("", "floor", key, self._places.floors[key].name)
            for key in dict.fromkeys(floors)
            if key in self._places.floors
        ]
        return listed([*things, *self._skills(found.tools, named, trusted)])

    def _skills(
        self, tools: Iterable[tuple[ToolSpec, float]], named: bool, trusted: Set[str]
    ) -> list[Listed]:
        """Tools of skills that no verb stands for, if their words were said; and those of packs
        that may be meant."""
        least, most = TOOLS_NAMED if named else TOOLS_UNNAMED
        own = {
            tool.name: Listed("", "tool", tool.name, tool=tool)
            for tool, said in tools
            if tool.name not in BY_TOOL and tool.name not in TWINS
            if said >= least or tool.name in trusted
        }
        return list(own.values())[: max(most, len(trusted & own.keys()))]

    # --- the answer ------------------------------------------------------------------------------

    def _verdicts(
        self, answers: Iterable[Chosen], listing: Listing, here: str | None
    ) -> list[Verdict]:
        """What the answers mean, the likeliest first; those that mean the same are one, and those
        that this home cannot do are left out."""
        found: dict[str, Verdict] = {}
        for answer in answers:
            written = read(answer.text, listing)
            settled = [self._settled(call, here) for call in written or ()]
            calls = tuple(call for call in settled if call is not None)
            if written is None or len(calls) < len(written):
                continue
            same = repr([self._effect(call) for call in calls])
            before = found.get(same)
            share = answer.probability + (before.probability if before else 0.0)
            text = before.text if before else answer.text.strip()
            found[same] = Verdict(before.calls if before else calls, share, text)
        return sorted(found.values(), key=lambda verdict: -verdict.probability)

    def _settled(self, call: Call, here: str | None) -> Call | None:
        """The call as it is meant here; None if the home has nothing for it."""
        slots = dict(call.arguments)
        whole = slots.get("name") == ALL
        if whole:
            del slots["name"]
            slots = {**self._places.kind(call.tool), **slots}
        elif self._untargeted(call):
            near = {**slots, "area": here}
            if here is not None and self._places.doable(call.tool, near):
                slots = near
            elif len(self._places.actable(call.tool, slots)) > 1:
                return None  # 'brighter', and nobody knows where
        if not self._places.doable(call.tool, slots):
            return None
        return Call(call.tool, slots, call.response)

    def _untargeted(self, call: Call) -> bool:
        placed = any(slot in call.arguments for slot in ("name", "area", "floor"))
        return not placed and self._places.acts_on_entities(call.tool)

    def _effect(self, call: Call) -> object:
        """What a call would be about: 'the lamp' and 'the lamp in the kitchen' may be the same."""
        about = sorted(e.entity_id for e in self._places.actable(call.tool, call.arguments))
        places = {"name", "area", "floor", "domain", "device_class"} if about else set()
        rest = sorted((k, str(v)) for k, v in call.arguments.items() if k not in places)
        return call.tool, about, rest

    def _elsewhere(self, verdict: Verdict, text: str, words: Words) -> bool:
        """Whether a room was said, and what would be acted on is in another."""
        said = f" {normal(text)} "
        spoken = self._spoken(words)
        rooms = {key for key, names in spoken.items() if any(f" {name} " in said for name in names)}
        if not rooms or len(verdict.calls) != 1:
            return False
        given = verdict.calls[0].arguments
        entity = self._places.entities.get(str(given.get("name")))
        if entity is None:
            room = self._places.area_id(str(given["area"])) if "area" in given else None
            return room is not None and room not in rooms
        if not entity.area_id or entity.area_id in rooms:
            return False
        own = f" {normal(' '.join(entity.names))} "
        return not any(f" {name} " in own for room in rooms for name in spoken[room])

    def _spoken(self, words: Words) -> Mapping[str, frozenset[str]]:
        """What people call each room."""
        if words.language not in self._rooms:
            self._rooms[words.language] = {
                key: frozenset(map(normal, spoken_rooms(area, self._places, words)))
                for key, area in self._places.areas.items()
            }
        return self._rooms[words.language]

    def _decide(
        self, verdicts: Sequence[Verdict], nothing: Intent, words: Words, asked: Asked
    ) -> Intent:
        best = verdicts[0]
        wanted = self._settings.confidence
        if _of_packs(best, asked):
            wanted = asked.trusted[best.calls[0].tool]
        sure = f"model {best.probability:.2f}: {best.text}"
        if not best.calls:
            return replace(nothing, why=sure, score=best.probability)
        if best.probability >= wanted:
            if alike := self._alike(best, asked):
                return self._question(alike, nothing, f"{sure}, one of many of its name", words)
            return replace(
                nothing,
                tier="model",
                score=min(1.0, best.probability),
                why=sure,
                calls=tuple(self._named(call) for call in best.calls),
                targets=targets(call.arguments for call in best.calls),
            )
        rivals = self._rivals(verdicts)
        together = sum(rival.probability for rival in rivals)
        if len(rivals) > 1 and together >= self._settings.confidence:
            return self._question(rivals, nothing, f"{sure}, or {rivals[1].text}", words)
        return replace(nothing, why=f"{sure}, which is not sure enough", score=best.probability)

    def _alike(self, best: Verdict, asked: Asked) -> list[Verdict]:
        """The same with each of the things of that name, where nothing told which is meant and not
        all of them were read: the model cannot know either."""
        before = asked.before.calls if asked.before else ()
        mentioned = {self._places.meant(call).arguments.get("name") for call in before}
        if len(best.calls) != 1 or best.calls[0].arguments.get("name") in mentioned:
            return []
        [call] = best.calls
        likely = [t for t in asked.found.things if t.entity and _in_place(t, asked.found.areas)]
        for several in _near(likely):
            keys = [thing.key for thing in several]
            if len(keys) > MOST_ALIKE and call.arguments.get("name") in keys:
                ways = (replace(call, arguments={**call.arguments, "name": key}) for key in keys)
                return [replace(best, calls=(way,)) for way in ways][:MOST_CHOICES]
        return []

    def _rivals(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Those that differ from the best in the thing alone, and are about as likely."""
        best = verdicts[0]
        if len(best.calls) != 1 or best.calls[0].arguments.get("name") not in self._places.entities:
            return []
        least = best.probability * self._settings.rival
        return [
            verdict
            for verdict in verdicts
            if verdict.probability >= least
            and len(verdict.calls) == 1
            and verdict.calls[0].tool == best.calls[0].tool
            and verdict.calls[0].arguments.get("name") in self._places.entities
            and _without_target(verdict.calls[0]) == _without_target(best.calls[0])
        ][:MOST_CHOICES]

    def _question(
        self, rivals: Sequence[Verdict], nothing: Intent, why: str, words: Words
    ) -> Intent:
        """'The desk lamp or the ceiling light?'"""
        labels = [
            self._places.full_name(self._places.entities[rival.calls[0].arguments["name"]])
            for rival in rivals
        ]
        if len(set(labels)) < len(labels):
            return replace(nothing, why=f"{why}, which nobody can tell apart by name")
        return replace(
            nothing,
            tier="model",
            score=rivals[0].probability,
            question=which(labels, words),
            choices={
                label: (self._named(rival.calls[0]),)
                for label, rival in zip(labels, rivals, strict=True)
            },
            why=why,
        )

    def _named(self, call: Call) -> Call:
        return self._places.call(call.tool, call.arguments, call.response)


def _ignored(task: asyncio.Task[tuple[Chosen, ...]]) -> None:
    """An answer that nobody waits for may fail."""
    if not task.cancelled():
        task.exception()


def _of_packs(verdict: Verdict, asked: Asked) -> bool:
    """Whether it is a tool of a pack, and that alone."""
    return len(verdict.calls) == 1 and verdict.calls[0].tool in asked.trusted


def _in_place(thing: Thing, rooms: Collection[str]) -> bool:
    """Whether it is where something was said to be; what is elsewhere must have been named."""
    return not rooms or thing.area in rooms or thing.name >= TRACEABLE


def _apart(things: Sequence[Thing]) -> list[Thing]:
    """Of things of the same name those in the room that was said, or else in the person's: a large
    home has thirty ceiling lights, and only the room tells which is meant."""
    kept = {
        thing.key
        for several in _near(things)
        for thing in several[: SOME_ALIKE if len(several) > MOST_ALIKE else MOST_ALIKE]
    }
    return [thing for thing in things if thing.key in kept]


def _near(things: Sequence[Thing]) -> list[list[Thing]]:
    """For each name the things of that name that are as near as any."""
    alike: dict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        alike[normal(thing.label)].append(thing)
    found = []
    for several in alike.values():
        nearest = NEAREST * max(map(_nearness, several))
        found.append([thing for thing in several if _nearness(thing) >= nearest])
    return found


def _nearness(thing: Thing) -> float:
    """0-1: whether its room is the one that was said or, where none was, the person's."""
    return thing.room if thing.room_said else float(thing.here)


def _entity(entity: Entity) -> Listed:
    return Listed(
        "",
        "entity",
        entity.entity_id,
        entity.name,
        entity.domain,
        entity.device_class,
        entity.area_id,
    )


def _without_target(call: Call) -> Mapping[str, object]:
    return {slot: value for slot, value in call.arguments.items() if slot not in ("name", "area")}


def remembered(intent: Intent) -> Intent:
    """The intent, with what the next prompt may say of it."""
    if not isinstance(intent.targets, Targets) or not intent.calls:
        return intent
    return replace(intent, targets=replace(intent.targets, said=intent.heard, calls=intent.calls))
