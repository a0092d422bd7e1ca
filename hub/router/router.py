"""The router: from the readings of an utterance to what is to be done.

Three tiers, the sure and fast first: the skills' own phrases, the shared sentence rules, and a
small language model for the rest. What none of them understands ends in an honest 'none'.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import replace

from hub.config import RouterSettings
from hub.home.model import Home, normal
from hub.language import words as language_words
from hub.messages import Call, Candidate, Intent, ToolSpec, Utterance
from hub.ports import ChatModel, LanguageModel
from hub.router import byear
from hub.router.again import SecondHearing
from hub.router.chat import ChatTier
from hub.router.clean import addressed, clean
from hub.router.context import Context, Targets
from hub.router.grammars import Grammars, base, build, model_tier
from hub.router.judging import acts
from hub.router.leaning import STEPS
from hub.router.likeliest import EXACT, Likeliest
from hub.router.model import Asked, ModelTier, candidates
from hub.router.places import Places
from hub.router.reader import Reader
from hub.router.reading import Ranked, Reading, ranked
from hub.router.refusals import elsewhere, refusal, tells
from hub.router.retrieve import MOST_GROUPS, Found
from hub.router.said import MOST_LETTERS, MOST_WORDS, Said, sayings
from hub.router.tuned import MOST_ENTITIES, TunedTier, remembered
from hub.router.unseen import Likely
from hub.router.words import words
from hub.routines.claims import COURTESIES, MAKE, Claims

MOST_THINGS = 8
"""Things that a model without fine-tuning is offered."""
MOST_ROOMS = 6
"""Rooms that are tried in the place of one that is not known."""
TALK = ("conversation", "help", "manners", "HassNevermind")
"""Skills about the talk itself: what was spoken of before them is still spoken of."""
MOST_UNSEEN = 3
"""Tools of packs that a model is shown."""
NAMED, ALL_SAID = 0.7, 0.9
"""0-1: how much of a device's name must have been said for it to be about that; and how much of
what was said a pack must know for it to be its own all the same."""

Recall = Callable[[Utterance], Awaitable[Intent | None]]


class Router:
    """Understands utterances. It has no effects: the calls it returns are for others to run."""

    def __init__(
        self,
        home: Home,
        tools: Sequence[ToolSpec],
        *,
        model: LanguageModel | ChatModel | None,
        settings: RouterSettings,
        languages: Sequence[str],
        without: Collection[str] = (),
    ) -> None:
        """`without`: those of MECHANISMS that are left out."""
        self.home = home
        self.tools = tuple(tools)
        self.languages = tuple(languages)
        self.settings = settings
        self._without = frozenset(without)
        self._model = None if "model" in self._without else model
        self._grammars: Grammars | None = None
        self._readers: dict[str, Reader] = {}
        self.routines = Claims() if any(tool.name == MAKE for tool in tools) else None
        """What is taken for routines, if there is a skill for them."""
        self.recall: Recall | None = None
        """Answers a question that nothing else understands by what people have told the hub. It is
        asked before the language model, which must not guess there."""
        self._building = asyncio.Lock()

    async def prepare(self) -> None:
        """Build the grammars for the home as it is now, off the loop; cheap if nothing changed."""
        async with self._building:
            if self._grammars and self._grammars.places.revision == self.home.revision:
                return
            tools: tuple[ToolSpec, ...] | None = None
            while tools is not self.tools:  # others may have been learnt meanwhile
                tools = self.tools
                built = await asyncio.to_thread(self._build, Places(self.home, tools))
            self._grammars, self._readers = built, {}

    def learn(self, tools: Sequence[ToolSpec]) -> None:
        """Other tools than before; `prepare` makes the grammars for them."""
        self.tools = tuple(tools)
        self._grammars, self._readers = None, {}

    def _build(self, places: Places) -> Grammars:
        model = self._model_tier(places)
        # Hundreds of thousands of small objects that stay: collections that walk through them
        # would take two thirds of the time.
        gc.disable()
        try:
            built = build(places, self.tools, self.languages, model, self._without)
        finally:
            gc.enable()
        # Later, a turn that meets a full collection would wait for 0.1 s.
        gc.unfreeze()  # the grammars of before
        gc.collect()
        gc.freeze()
        return built

    def _model_tier(self, places: Places) -> ModelTier | TunedTier | ChatTier | None:
        return model_tier(self._model, places, self.settings)

    def quick(
        self, utterance: Utterance, context: Context, *, ended: bool = False
    ) -> Intent | None:
        """What phrases and rules make of it, while the person may still be speaking.

        None if nothing, or if a longer sentence may have begun: one that ends in free text, or in
        the beginning of a longer name; unless it has `ended`. Before `prepare`: nothing."""
        waits = self.routines is not None and self.routines.waits(context.area)
        if waits or self._of_routines(utterance, context):
            return None
        best = self._best(utterance, context)
        if best is None or not best.reading.doable:
            return None
        if ended:
            return _intent(best, context)
        if best.reading.open:
            return None
        language = self._language(utterance.language)
        if self._may_go_on(best.text, language, context, best.reading):
            return None
        return _intent(best, context)

    def understands(self, utterance: Utterance, context: Context) -> bool:
        """Whether phrases and rules make something of it, as a whole sentence. Before `prepare`:
        nothing."""
        if self._of_routines(utterance, context):
            return True
        best = self._best(utterance, context)
        return best is not None and best.reading.doable

    def suspects(self, utterance: Utterance, context: Context) -> tuple[str, ...]:
        """Names of what may have been spoken of, the likeliest first: for a second hearing.

        Before `prepare`, here and in the next three: none."""
        again = self._again(utterance.language)
        return again.suspects(utterance, context) if again else ()

    def misheard(
        self, utterance: Utterance, context: Context
    ) -> tuple[tuple[str, tuple[Call, ...], float], ...]:
        """Sentences that sound like the hypotheses, with what they mean; see `SecondHearing`."""
        again = self._again(utterance.language)
        return again.misheard(utterance, context) if again else ()

    def form_words(self, utterance: Utterance, context: Context) -> tuple[str, ...]:
        """Sentences with the words of the form that was nearly filled in; none if it was none."""
        again = self._again(utterance.language)
        return again.form_words(utterance, context) if again else ()

    def filled_in(
        self, utterance: Utterance, context: Context
    ) -> tuple[tuple[str, Call, float], ...]:
        """Ways in which a form may have been filled in, the likeliest first."""
        again = self._again(utterance.language)
        return again.filled_in(utterance, context) if again else ()

    def taken(self, language: str) -> frozenset[str]:
        """Names and words for kinds of things and rooms, in normal form. Before `prepare`: none."""
        known = self._grammars
        return known.names[self._language(language)] if known else frozenset()

    def by_ear(self, text: str, language: str) -> tuple[str, ...]:
        """A text with the verbs at its beginning that it may have begun with, in English."""
        chosen = self._language(language)
        if base(chosen) != byear.LANGUAGE or "verbs" in self._without:
            return ()
        return byear.readings(text, language_words(chosen)["verbs"])

    def unfinished(self, text: str, language: str) -> bool:
        """Whether a text stopped in the middle of a sentence ('turn on the', 'and') or name."""
        chosen = self._language(language)
        known = words(chosen)
        if len(text) > MOST_LETTERS or len(text.split()) > MOST_WORDS:
            return False
        said = clean(text, known)
        plain = normal(said)
        if not plain:
            return False
        return (
            plain in known.openers
            or plain.split()[-1] in known.dangling
            or self._may_go_on(said, chosen, Context(), None)
        )

    def _may_go_on(
        self, text: str, language: str, context: Context, reading: Reading | None
    ) -> bool:
        """Whether the text ends in the beginning of a name, and means something else with its
        end."""
        reader = self._reader(language)
        if self._grammars is None or reader is None:
            return False
        for end in self._grammars.endings.of(text):
            longer = f"{text} {end}"
            for other in reader.exact(Said(longer, longer), context):
                if other.doable and (reading is None or other.calls != reading.calls):
                    return True
        return False

    async def route(
        self, utterance: Utterance, context: Context, *, known: Intent | None = None
    ) -> Intent:
        """What is to be done: by phrases, rules or the language model, or an honest none.

        `known`: what `quick` made of the same utterance, so that it is not matched twice."""
        if known is not None and known.understood:
            return known
        await self.prepare()
        if of_routines := self._of_routines(utterance, context):
            return of_routines
        best = self._best(utterance, context)
        if best and (best.reading.calls or best.reading.question):
            return _intent(best, context)
        if refused := self._refused(utterance, context):
            return refused
        if self.recall is not None and (told := await self.recall(utterance)):
            return told
        spoken_words = words(self._language(utterance.language))
        if best and spoken_words.both & set(normal(best.text).split()):
            # A model would do it to all of them.
            return Intent(heard=best.text, sentence=best.reading.sentence, why=best.reading.why)
        if tells(addressed(utterance.text, spoken_words, context.wake), spoken_words):
            # Nothing of it is a wish, whatever it is about; a model would find one.
            return Intent(heard=utterance.text, why="it tells of something")
        intent = await self._ask_model(utterance, context)
        if best and not intent.understood:
            reading = best.reading
            return replace(intent, sentence=reading.sentence, why=f"{reading.why}; {intent.why}")
        return intent

    def _refused(self, utterance: Utterance, context: Context) -> Intent | None:
        """A command that is not done: forbidden, for another time, or in a room that is not
        known."""
        reader = self._reader(utterance.language)
        texts = sayings(utterance, reader.language, context) if reader else []
        if reader is None or not texts:
            return None
        text = texts[0].command

        def command(part: str) -> bool:
            return any(acts(reading) for reading in reader.exact(Said(part, part), context))

        if sentence := refusal(text, reader.words, command):
            return Intent(heard=text, sentence=sentence, why="forbidden, or for another time")
        return self._elsewhere(reader, text, context)

    @staticmethod
    def _elsewhere(reader: Reader, text: str, context: Context) -> Intent | None:
        """A sentence that would be understood of another room: the skills say what is missing."""
        areas = [*reader.places.areas.values()][:MOST_ROOMS]
        for found in elsewhere(text, reader.words):
            if reader.places.is_place(found.room):
                continue
            if not found.inside and normal(found.thing) in reader.names:
                continue
            for area in areas:
                said = found.in_room(area.name)
                for reading in reader.exact(Said(said, said), context):
                    if reading.calls and all(
                        c.arguments.get("area") == area.name for c in reading.calls
                    ):
                        why = f"no room of the name {found.room!r}; {reading.why}"
                        unknown = reader.words.refusals.get("unknown")
                        if not found.inside and unknown:
                            told = unknown.format(name=found.thing)
                            return Intent(heard=text, sentence=told, why=why)
                        calls = tuple(_moved(call, found.room) for call in reading.calls)
                        return Intent(calls, reading.tier, reading.quality, text, why=why)
        return None

    async def prime(self) -> None:
        """Let the language model read what all its prompts share, ahead of the first of them.

        Raises EngineError."""
        await self.prepare()
        if self._grammars and self._grammars.model:
            await self._grammars.model.prime()

    def ahead(self, utterance: Utterance, context: Context) -> None:
        """Let the language model begin with what it will be asked if nothing more is said."""
        tier = self._grammars.model if self._grammars else None
        if not isinstance(tier, TunedTier):
            return
        looked = self._for_model(utterance, context)
        if not isinstance(looked, Intent):
            tier.ahead(looked[0], words(looked[0].language))

    async def _ask_model(self, utterance: Utterance, context: Context) -> Intent:
        """The last tier; without a model, only what was looked at."""
        looked = self._for_model(utterance, context)
        if isinstance(looked, Intent):
            return looked
        asked, likely = looked
        if self._grammars is None or self._grammars.model is None:
            return Intent(
                heard=asked.text, why="no sentence fits", candidates=candidates(asked.found)
            )
        intent = await self._grammars.model.understand(asked, words(asked.language))
        return remembered(_with_values(intent, likely))

    def _for_model(
        self, utterance: Utterance, context: Context
    ) -> tuple[Asked, Sequence[Likely]] | Intent:
        """What a model would be asked, with the tools of packs that are likely; or what is decided
        without one."""
        grammars = self._grammars
        language = self._language(utterance.language)
        texts = [said.command for said in sayings(utterance, language, context)]
        if grammars is None or not texts:
            return Intent(heard=utterance.text, why="nothing was said")
        places = grammars.places
        area = places.area_id(context.area)
        tuned = isinstance(grammars.model, TunedTier)
        number = MOST_ENTITIES if tuned else MOST_THINGS
        groups = 0 if tuned else MOST_GROUPS
        found = grammars.retrievers[language].find(texts, area, things=number, groups=groups)
        room = places.areas[area].name if area else None
        before = context.targets if isinstance(context.targets, Targets) else None
        likely: Sequence[Likely] = ()
        if (unseen := grammars.unseen.get(language)) and "unseen" not in self._without:
            # With its commas: they tell what its clauses do.
            likely = unseen.likely(texts[0], utterance.text)
            named = _named(found) and likely and likely[0].share < ALL_SAID
            if not named and (call := unseen.sure(likely)):
                why = f"nearest to what {call.tool} says of itself"
                return Intent((call,), "phrase", likely[0].share, texts[0], why=why)
            # What cannot be meant only tempts a model.
            kept = [(tool, said) for tool, said in found.tools if not tool.foreign]
            more = [(each.tool, max(1.0, each.weight)) for each in likely[:MOST_UNSEEN]]
            found = replace(found, tools=(*more, *kept))
        trusted = {each.tool.name: each.confidence for each in likely}
        return Asked(texts[0], language, room, found, area, before, trusted), likely

    def _of_routines(self, utterance: Utterance, context: Context) -> Intent | None:
        """A sentence that makes a routine, or names one: 'every weekday at seven, …' is no command
        for now."""
        if self.routines is None or not utterance.hypotheses:
            return None
        language = self._language(utterance.language)
        text = addressed(utterance.text, words(language), context.wake)
        call = self.routines.ahead(text, language, self.taken(language))
        if call is None:
            return None
        why = f"a routine: {call.tool}"
        found = (Candidate(call.tool, 1.0, "phrase"),)
        return Intent((call,), "phrase", 1.0, text, why=why, candidates=found)

    def means_command(self, text: str, language: str) -> bool:
        """Whether a text means something without any routine, other than a courtesy or a name."""
        best = self._understood(Utterance.typed(text, language), Context())
        return best is not None and not self._weak(best)

    def _weak(self, best: Ranked) -> bool:
        """Whether a routine's phrase goes before it."""
        reading = best.reading
        called = {call.tool for call in reading.calls}
        nothing = not reading.doable or not (reading.calls or reading.question)
        nothing = nothing or best.score < EXACT  # it was guessed
        return nothing or reading.bare or (bool(called) and called <= COURTESIES)

    def _best(self, utterance: Utterance, context: Context) -> Ranked | None:
        """The best reading. The phrase of a routine is one of what means nothing else."""
        best = self._understood(utterance, context)
        if self.routines is None or (best is not None and not self._weak(best)):
            return best
        language = self._language(utterance.language)
        for rank, said in enumerate(sayings(utterance, language, context)):
            for text in dict.fromkeys((said.all, said.command)):
                if call := self.routines.behind(text, language):
                    why = f"the routine {call.arguments['name']}"
                    return ranked(Reading((call,), "phrase", 1.0, why), text, rank)
        return best

    def _understood(self, utterance: Utterance, context: Context) -> Ranked | None:
        """The best reading without routines."""
        reader = self._reader(utterance.language)
        return Likeliest(reader).best(utterance, context) if reader else None

    def _again(self, code: str) -> SecondHearing | None:
        reader = self._reader(code)
        return SecondHearing(reader, self._grammars) if reader and self._grammars else None

    def _reader(self, code: str) -> Reader | None:
        """What reads texts of this language in the home as it is; None before `prepare`."""
        language = self._language(code)
        if self._grammars is not None and language not in self._readers:
            reader = Reader(self._grammars, language, self.home, self.tools, self._without)
            self._readers[language] = reader
        return self._readers.get(language)

    def _language(self, code: str) -> str:
        """The configured language that serves an utterance."""
        if code in self.languages:
            return code
        same = [known for known in self.languages if base(known) == base(code)]
        return same[0] if same else self.languages[0]


def _with_values(intent: Intent, likely: Sequence[Likely]) -> Intent:
    """A model's call of a pack's tool with the days, numbers and choices that were said."""
    typed = {each.tool.name: each.typed for each in likely}
    if len(intent.calls) != 1 or not (values := typed.get(intent.calls[0].tool)):
        return intent
    (call,) = intent.calls
    return replace(intent, calls=(replace(call, arguments={**call.arguments, **values}),))


def _named(found: Found) -> bool:
    """Whether a device was named."""
    return any(thing.entity and thing.name >= NAMED for thing in found.things)


def _moved(call: Call, room: str) -> Call:
    return replace(call, arguments={**call.arguments, "area": room})


def _intent(best: Ranked, context: Context) -> Intent:
    reading = best.reading
    if reading.targets is None and {call.tool for call in reading.calls} <= set(STEPS):
        # 'Louder' was said of nothing, and may still be asked for once more.
        before = context.targets.things if isinstance(context.targets, Targets) else ()
        reading = replace(reading, targets=Targets(before))
    elif reading.targets is None and reading.calls and not _of_talk(reading):
        # 'What is on today?' may be asked once more, of tomorrow; 'it' is still what it was.
        before = context.targets.things if isinstance(context.targets, Targets) else ()
        reading = replace(reading, targets=Targets(before))
    intent = Intent(
        calls=reading.calls,
        tier=reading.tier,
        score=min(1.0, max(0.0, best.score)),
        heard=best.text,
        question=reading.question,
        choices=reading.choices,
        why=reading.why,
        candidates=tuple(_candidates(reading)),
        guessed=reading.guessed,
        targets=reading.targets,
    )
    return remembered(intent)


def _of_talk(reading: Reading) -> bool:
    """Whether it is about the talk itself: 'thanks'."""
    return any(call.tool.partition(".")[0] in TALK for call in reading.calls)


def _candidates(reading: Reading) -> Iterator[Candidate]:
    for label in reading.choices:
        yield Candidate(label, reading.quality, reading.tier)
    for call in reading.calls:
        yield Candidate(call.tool, reading.quality, reading.tier)
