"""The router: from the readings of an utterance to what is to be done.

Three tiers, the sure and fast first: the skills' own phrases, the shared sentence rules, and a
small language model for the rest. What none of them understands ends in an honest 'none'.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

from hub.config import RouterSettings
from hub.home.model import Entity, Home, normal
from hub.language import words as language_words
from hub.messages import Call, Candidate, Intent, ToolSpec, Utterance
from hub.ports import ChatModel, ChoosingModel, LanguageModel
from hub.router import byear
from hub.router.chat import ChatTier
from hub.router.clean import (
    COMMA,
    addressed,
    clauses,
    clean,
    collapsed,
    fluent,
    spoken,
    surface,
    without_asides,
)
from hub.router.compound import repairs, split, together
from hub.router.context import Context, Target, Targets
from hub.router.endings import Endings
from hub.router.excepting import excepting
from hub.router.followup import added, corrected, variants
from hub.router.forms import Arguments
from hub.router.fuzzy import LANGUAGE as GUESSED
from hub.router.fuzzy import FuzzyRules
from hub.router.gazetteer import Gazetteer
from hub.router.lexicon import lexicon
from hub.router.misheard import Mishearing
from hub.router.model import Asked, ModelTier, candidates
from hub.router.moved import moved, place_in
from hub.router.numbers import numbers
from hub.router.phrases import Phrases, no_phrases, phrase_rules
from hub.router.places import TARGET_SLOTS, Places, slots_of
from hub.router.plain import Plain
from hub.router.planned import timed
from hub.router.reading import Reading
from hub.router.readings import (
    EXPLAINED,
    GUESS_LOSS,
    GUESS_QUALITY,
    MOST_CHOICES,
    QUESTIONS,
    from_fuzzy,
    from_matches,
    narrowed,
    one_of,
)
from hub.router.recast import recasts
from hub.router.refusals import elsewhere, refusal, tells
from hub.router.retrieve import MOST_GROUPS, Found, Retriever
from hub.router.rules import Grammar, Match, home_names, sentence_rules, spoken_rooms
from hub.router.several import of_them, singly, states
from hub.router.spelling import Spelling
from hub.router.tuned import FORMAT, MOST_ENTITIES, TunedTier, remembered
from hub.router.unseen import Likely, Unseen
from hub.router.words import Words, words
from hub.routines.claims import COURTESIES, MAKE, Claims

EXACT = 0.9
"""Quality from which a reading needs no comparison with likelier ones of lesser quality."""
RECAST_QUALITY = 0.95
"""Quality of what is understood of a sentence in another form."""
RANK_PENALTY = 0.05
"""Taken from the quality for each place behind the likeliest hypothesis."""
DOUBT = 0.7
"""A hypothesis whose mean log-probability is this far behind the first is not considered."""
MOST_LETTERS, MOST_WORDS = 2000, 40
"""Longer texts are no commands: the first before, the second after repeated phrases are dropped."""
MOST_THINGS = 8
"""Things that a model without fine-tuning is offered."""
SUSPECTS = 8
"""Names that a recognizer is given for a second hearing: more mislead it."""
MOST_ROOMS = 6
"""Rooms that are tried in the place of one that is not known."""
SHORTEST_COMMAND = 3
"""Words from which a sentence that is understood by itself does not lean on the one before."""
MOST_WAYS = 10
"""Ways to lean that are tried: each costs as much as a sentence, while the person may speak."""
FEW_WORDS = 3
"""Words that may lean on a sentence whatever they are: 'all the way'."""
LONGEST_SLIP = 5
"""Words that are said anew after a slip of the tongue."""
LONGEST_VERB = 3
"""Words at the beginning of a command that may go for the next thing, too: 'turn off'."""


STEPS = (
    "climate.cooler",
    "climate.warmer",
    "lights.brighter",
    "lights.dimmer",
    "media.louder",
    "media.quieter",
    "HassMediaNext",
    "HassMediaPrevious",
    "HassSetVolumeRelative",
    "volume.louder",
    "volume.quieter",
)
"""Tools that go a step, which can be gone once more."""
PLAYING: Mapping[str, tuple[str, ...]] = {
    "HassMediaNext": ("playing", "paused"),
    "HassMediaPause": ("playing",),
    "HassMediaPrevious": ("playing", "paused"),
    "HassMediaUnpause": ("paused",),
    "HassSetVolume": ("playing", "on"),
    "HassSetVolumeRelative": ("playing", "on"),
    "media.louder": ("playing", "on"),
    "media.quieter": ("playing", "on"),
}
"""Tools that may be for whatever plays -> states of what they are for."""
LISTED = (
    "HassListAddItem",
    "HassListCompleteItem",
    "HassListRemoveItem",
    "HassShoppingListAddItem",
    "HassShoppingListCompleteItem",
)
"""Tools of whose free text there may be more: 'and butter'."""
TALK = ("conversation", "help", "manners", "HassNevermind")
"""Skills about the talk itself: what was spoken of before them is still spoken of."""
SWEPT = ("light", "switch", "input_boolean", "fan", "media_player")
"""What 'everything' is, where some of it is to be left."""
RESTING = ("off", "standby", "unavailable", "unknown")
"""States of what need not be turned off."""

MOST_SOURCES = 10
"""Hypotheses from which sentences are made that sound like them."""
LESS_LIKELY = 0.1
"""What each place behind the likeliest hypothesis adds to how unlike such a sentence is."""
MOST_MISHEARD = 120
"""Such sentences that are matched with the rules."""
LARGE = 500
"""Devices of a home in which only their own names are compared by sound, not with each room in
front, so that it takes tens of milliseconds."""
MOST_SPELLINGS = 2
"""Of those, the ones that mean the same."""
MOST_WEIGHED = 16
"""Such sentences that are weighed against the sound: each takes about 25 ms."""
LATER = "conversation_command"
"""The slot with the command that is to be done later."""
FREE = 4.0
"""Log-probability by which it must be likelier for each word of free text that was not recognised
so at first: anything can be such text, and something always fits."""
MOST_HYPOTHESES = 10
"""Hypotheses over which forms are laid."""
UNLIKELY = 0.2
"""Sounds by which the way of each further hypothesis is less likely."""

MOST_UNSEEN = 3
"""Tools of packs that a model is shown."""
NAMED, ALL_SAID = 0.7, 0.9
"""0-1: how much of a device's name must have been said for it to be about that; and how much of
what was said a pack must know for it to be its own all the same."""

MECHANISMS = (
    "unseen",
    "phrases",
    "sentences",
    "fuzzy",
    "spelling",
    "compounds",
    "leaning",
    "excepting",
    "recast",
    "planned",
    "asides",
    "names",
    "misheard",
    "plain",
    "verbs",
    "model",
)
"""What is understood with; each can be left out, to measure what it is worth: the phrases of
skills, the shared sentences, gazetteer-matcher and our own gazetteer, misspelt words, several
commands in one sentence, what leans on the one before, exceptions, other forms of a sentence,
commands with a time, asides in front and hesitations, and the model;
and of what was heard, a second hearing with the home's names, what sounds like a command and is
weighed against the sound, and misheard verbs. `unseen`: tools of packs by what they say of
themselves."""


@dataclass(frozen=True, slots=True)
class Grammars:
    """All that is built from the names of the home."""

    places: Places
    endings: Endings
    phrases: dict[str, Phrases]
    sentences: dict[str, Grammar]
    fuzzy: FuzzyRules | None
    gazetteers: dict[str, Gazetteer]
    """Of the languages that have a lexicon."""
    spelling: dict[str, Spelling]
    retrievers: dict[str, Retriever]
    misheard: dict[str, Mishearing]
    plain: dict[str, Plain]
    names: dict[str, frozenset[str]]
    """What things and rooms, and kinds of them, are called, in normal form."""
    model: ModelTier | TunedTier | ChatTier | None
    unseen: dict[str, Unseen]


@dataclass(frozen=True, slots=True)
class Said:
    """One hypothesis, cleaned."""

    command: str
    """Without politeness."""
    all: str
    """With it, in case a skill's phrase is made of it: 'can you hear me'."""
    prompted: bool = False
    """As in `Hypothesis`: nothing is guessed from it."""
    clauses: str = ""
    """The command with its commas as words of their own, if it has any."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A reading of one hypothesis among those of others."""

    reading: Reading
    text: str
    score: float


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
        self._foreign = _foreign(tools)
        self._any_text = False
        self._withheld = False
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
            self._grammars = built

    def learn(self, tools: Sequence[ToolSpec]) -> None:
        """Other tools than before; `prepare` makes the grammars for them."""
        self.tools = tuple(tools)
        self._foreign = _foreign(tools)
        self._grammars = None

    def _build(self, places: Places) -> Grammars:
        lists = {code: home_names(places, words(code)) for code in self.languages}
        retrievers = {code: Retriever(places, words(code)) for code in self.languages}
        built = Grammars(
            places,
            Endings(places),
            {
                code: no_phrases(code)
                if "phrases" in self._without
                else phrase_rules(code, self.tools, lists[code])
                for code in self.languages
            },
            {
                code: Grammar.empty(code, "rules")
                if "sentences" in self._without
                else sentence_rules(code, places, words(code), lists[code])
                for code in self.languages
            },
            FuzzyRules(places, words(GUESSED))
            if any(_base(code) == GUESSED for code in self.languages)
            and "fuzzy" not in self._without
            else None,
            {
                code: Gazetteer(places, words(code), known)
                for code in self.languages
                if "fuzzy" not in self._without and (known := lexicon(code)) is not None
            },
            {
                code: Spelling(places, words(code))
                for code in self.languages
                if "spelling" not in self._without
            },
            retrievers,
            {
                code: Mishearing(
                    places.said(words(code)),
                    words(code),
                    language_words(code)["verbs"],
                    retrievers[code].known,
                )
                for code in self.languages
            },
            {
                code: Plain(
                    places,
                    words(code),
                    words(code).plain,
                    joined=language_words(code)["and"],
                    colors=[*language_words(code)["colours"].values()],
                )
                for code in self.languages
                if "plain" not in self._without
            },
            {code: frozenset(places.said(words(code))) for code in self.languages},
            self._model_tier(places),
            {code: Unseen(self.tools, code) for code in self.languages if self._foreign},
        )
        # Hundreds of thousands of small objects that stay: without this, each full collection
        # walks through them, and a turn that meets one waits for 0.1 s.
        gc.unfreeze()  # the grammars of before
        gc.collect()
        gc.freeze()
        return built

    def _model_tier(self, places: Places) -> ModelTier | TunedTier | ChatTier | None:
        """Which prompt a model gets is told by what is known of it, not by its name."""
        if self._model is None:
            return None
        if isinstance(self._model, ChatModel):
            return ChatTier(self._model, places)
        if self._model.format == FORMAT and isinstance(self._model, ChoosingModel):
            return TunedTier(self._model, places, self.settings)
        return ModelTier(self._model, places, self.settings.confidence)

    def quick(self, utterance: Utterance, context: Context) -> Intent | None:
        """What phrases and rules make of it, while the person may still be speaking.

        None if nothing, or if a longer sentence may have begun: one that ends in free text, or in
        the beginning of a longer name. Before `prepare`: nothing."""
        waits = self.routines is not None and self.routines.waits(context.area)
        if waits or self._of_routines(utterance, context):
            return None
        best = self._best(utterance, context)
        if best is None or not best.reading.doable or best.reading.open:
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

        Before `prepare`: none."""
        grammars = self._grammars
        language = self._language(utterance.language)
        texts = [said.command for said in _texts(utterance, language, context)]
        if grammars is None or not texts or "names" in self._without:
            return ()
        places = grammars.places
        area = places.area_id(context.area)
        found = grammars.retrievers[language].find(texts, area, things=SUSPECTS, groups=0)
        named = [places.areas[key].name for key in found.areas]
        named += [places.entities[thing.key].name for thing in found.things if thing.entity]
        return tuple(dict.fromkeys(named))[:SUSPECTS]

    def misheard(
        self, utterance: Utterance, context: Context
    ) -> tuple[tuple[str, tuple[Call, ...], float], ...]:
        """Sentences that sound like the hypotheses, with what the rules understand of them, the
        likeliest first: to be weighed against the sound. Last, by how much log-probability that
        must be the likelier.

        Before `prepare`: none."""
        grammars = self._grammars
        language = self._language(utterance.language)
        if grammars is None or "misheard" in self._without:
            return ()
        known, made = words(language), dict[str, float]()
        sources = utterance.hypotheses[:MOST_SOURCES]
        heard = [spoken(hypothesis.text) for hypothesis in sources]
        plain = grammars.plain.get(language)
        wholes = plain.readings(heard) if plain else [[] for _ in heard]
        for rank, (hypothesis, whole) in enumerate(zip(sources, wholes, strict=True)):
            less = LESS_LIKELY * rank
            made[hypothesis.text] = min(made.get(hypothesis.text, less), less)
            for unlike, text in (*grammars.misheard[language].readings(heard[rank]), *whole):
                way = surface(text, hypothesis.text)
                made[way] = min(made.get(way, unlike + less), unlike + less)
        found: list[tuple[str, tuple[Call, ...], float]] = []
        likeliest = sorted(made, key=lambda text: made[text])[:MOST_MISHEARD]
        for text in likeliest:
            said = clean(text, known, context.wake)
            reading = self._able(grammars, language, said, context) if said else None
            if reading is None and said:
                reading = self._compound(grammars, language, said, context, inherit=True)
            if reading and _base(language) == GUESSED and EXPLAINED in reading.why:
                reading = None  # so much is understood so that something always sounds like it
            if reading and text == utterance.text:
                return ()  # it is what it says, and only too open for haste
            if reading and not _begins(utterance.text, text):
                same = sum(reading.calls == calls for _, calls, _ in found)
                free = FREE * _free_words(reading, utterance.text, grammars.names[language])
                found += [(text, reading.calls, free)] if same < MOST_SPELLINGS else []
        return tuple(found)[:MOST_WEIGHED]

    def taken(self, language: str) -> frozenset[str]:
        """Names and words for kinds of things and rooms, in normal form. Before `prepare`: none."""
        known = self._grammars
        return known.names[self._language(language)] if known else frozenset()

    def by_ear(self, text: str, language: str) -> tuple[str, ...]:
        """A text with the verbs at its beginning that it may have begun with, in English."""
        chosen = self._language(language)
        if _base(chosen) != byear.LANGUAGE or "verbs" in self._without:
            return ()
        return byear.readings(text, language_words(chosen)["verbs"])

    def form_words(self, utterance: Utterance, context: Context) -> tuple[str, ...]:
        """Sentences with the words of the form that was nearly filled in, for a second hearing;
        none if it was no form. Before `prepare`: none."""
        language = self._language(utterance.language)
        texts = [said.command for said in _texts(utterance, language, context)]
        if self._grammars is None or not texts:
            return ()
        return self._grammars.phrases[language].forms.like(texts[0])

    def filled_in(
        self, utterance: Utterance, context: Context
    ) -> tuple[tuple[str, Call, float], ...]:
        """Ways in which a form may have been filled in, the likeliest first: sentences that sound
        like the hypotheses, what they mean, and the sounds in which they are unlike. Before
        `prepare`: none."""
        grammars, language = self._grammars, self._language(utterance.language)
        if grammars is None or not grammars.phrases[language].forms:
            return ()
        found: dict[tuple[str, Arguments], tuple[float, str]] = {}
        for rank, said in enumerate(_texts(utterance, language, context)[:MOST_HYPOTHESES]):
            for filled in grammars.phrases[language].forms.near(said.command):
                unlike = filled.unlike + UNLIKELY * rank
                meant = filled.form.key, filled.arguments
                if meant not in found or unlike < found[meant][0]:
                    found[meant] = unlike, surface(filled.text, utterance.text)
        ways = sorted(found.items(), key=lambda way: way[1][0])[:MOST_WEIGHED]
        return tuple(
            (text, grammars.places.call(tool, dict(arguments)), unlike)
            for (tool, arguments), (unlike, text) in ways
        )

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
        grammars = self._grammars
        if grammars is None:
            return False
        for end in grammars.endings.of(text):
            longer = f"{text} {end}"
            for other in self._exact(grammars, language, Said(longer, longer), context):
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
        grammars = self._grammars
        language = self._language(utterance.language)
        known = words(language)
        texts = _texts(utterance, language, context)
        if grammars is None or not texts:
            return None
        text = texts[0].command

        def command(part: str) -> bool:
            readings = self._exact(grammars, language, Said(part, part), context)
            return any(_acts(reading) for reading in readings)

        if sentence := refusal(text, known, command):
            return Intent(heard=text, sentence=sentence, why="forbidden, or for another time")
        return self._elsewhere(grammars, language, text, context)

    def _elsewhere(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Intent | None:
        """A sentence that would be understood of another room: the skills say what is missing."""
        known, areas = words(language), [*grammars.places.areas.values()][:MOST_ROOMS]
        named = grammars.names[language]
        for found in elsewhere(text, known):
            if grammars.places.is_place(found.room):
                continue
            if not found.inside and normal(found.thing) in named:
                continue
            for area in areas:
                said = found.in_room(area.name)
                for reading in self._exact(grammars, language, Said(said, said), context):
                    if reading.calls and all(
                        c.arguments.get("area") == area.name for c in reading.calls
                    ):
                        why = f"no room of the name {found.room!r}; {reading.why}"
                        unknown = known.refusals.get("unknown")
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

    async def _ask_model(self, utterance: Utterance, context: Context) -> Intent:
        """The last tier; without a model, only what was looked at."""
        grammars = self._grammars
        language = self._language(utterance.language)
        texts = [said.command for said in _texts(utterance, language, context)]
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
        asked = Asked(texts[0], language, room, found, area, before, trusted)
        if grammars.model is None:
            return Intent(
                heard=texts[0], why="no sentence fits", candidates=candidates(asked.found)
            )
        intent = await grammars.model.understand(asked, words(language))
        return remembered(_with_values(intent, likely))

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
        best = self._without_routines(Utterance.typed(text, language), Context())
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
        best = self._without_routines(utterance, context)
        if self.routines is None or (best is not None and not self._weak(best)):
            return best
        language = self._language(utterance.language)
        for rank, said in enumerate(_texts(utterance, language, context)):
            for text in dict.fromkeys((said.all, said.command)):
                if call := self.routines.behind(text, language):
                    why = f"the routine {call.arguments['name']}"
                    return _ranked(Reading((call,), "phrase", 1.0, why), text, rank)
        return best

    def _without_routines(self, utterance: Utterance, context: Context) -> Ranked | None:
        """The best reading; free text of packs is the last resort, since it fits anything."""
        self._withheld = False
        best = self._known(utterance, context)
        if not self._withheld or (best and best.reading.doable and best.reading.calls):
            return best
        self._any_text = True
        try:
            return self._known(utterance, context)
        finally:
            self._any_text = False

    def _known(self, utterance: Utterance, context: Context) -> Ranked | None:
        """The best reading; of what is left without asides, and then without hesitations, if the
        whole is not understood."""
        best = self._likeliest(utterance, context)
        known = words(self._language(utterance.language))
        for left in (without_asides, fluent) if "asides" not in self._without else ():
            if best is not None and best.reading.doable:
                break
            heard = tuple(replace(h, text=left(h.text, known)) for h in utterance.hypotheses)
            less = replace(utterance, hypotheses=heard)
            if less != utterance:
                best = self._likeliest(less, context) or best
        return self._of_two(best, utterance.language) if best else None

    def _of_two(self, best: Ranked, code: str) -> Ranked:
        """The reading, if there are two things where 'both' was said; or else a question."""
        reading, known = best.reading, words(self._language(code))
        said = known.both & set(normal(best.text).split())
        if said and not reading.calls and len(reading.choices) == 2:
            calls = tuple(call for each in reading.choices.values() for call in each)
            both = replace(reading, calls=calls, question=None, choices={})
            return replace(best, reading=both)
        if self._grammars is None or not said or reading.targets is None or not reading.calls:
            return best
        places, things = self._grammars.places, reading.targets.things
        meant = {e.entity_id: e for thing in things for e in places.entities_for(slots_of(thing))}
        if 2 in (len(things), len(meant)):
            return best
        why = f"{reading.why}, but there are {len(meant)} of them"
        sentence = known.refusals.get("which")
        refused = replace(reading, calls=(), doable=False, sentence=sentence, why=why)
        if 2 < len(meant) <= MOST_CHOICES and len(reading.calls) == 1:
            refused = one_of(reading, [*meant.values()], places, known, why)
        return replace(best, reading=refused)

    def _likeliest(self, utterance: Utterance, context: Context) -> Ranked | None:
        """The best reading over all hypotheses. What can be done goes before what cannot, and
        word-for-word before guessing, which is not tried if something was understood."""
        grammars = self._grammars
        if grammars is None or not utterance.hypotheses:
            return None
        language = self._language(utterance.language)
        texts = _texts(utterance, language, context)
        if leaning := self._leaning(grammars, language, texts, context):
            return leaning
        them = [said.command for said in texts[:1] if of_them(said.command, words(language))]
        for text in them:
            if several := self._each(grammars, language, text, context):
                return _ranked(several, text, 0)
        found: list[Ranked] = []
        for rank, said in enumerate(texts):
            read = self._exact(grammars, language, said, context)
            adds = added(said.all, words(language)) is not None
            found += [
                _ranked(reading, said.command, rank)
                for reading in read
                if not (adds and reading.bare)  # 'and the lamp' alone tells nothing
            ]
            if any(each.reading.doable and each.reading.quality >= EXACT for each in found):
                break
        if any(each.reading.doable for each in found):
            best = max(found, key=_worth)
            return self._closer(grammars, language, best, context) or best
        for rank, said in enumerate(texts):
            for text in dict.fromkeys((said.command, said.all)):  # 'would you mind closing ...'
                whole = self._explained(grammars, language, text, context)
                if whole and not said.prompted and _of_one(whole):
                    return _ranked(replace(whole, guessed=True), said.command, rank)
        for rank, said in enumerate(texts):
            if other := self._otherwise(grammars, language, said.command, context):
                return _ranked(other, said.command, rank)
            if again := self._changed(grammars, language, said.command, context):
                return _ranked(*again, rank)
        for rank, said in enumerate(texts):
            if said.prompted:
                # Nothing is guessed of it, but it may be several commands.
                several = self._compound(grammars, language, said.command, context, inherit=True)
                found += [_ranked(several, said.command, rank)] if several else []
            elif several := self._clauses(grammars, language, said, context):
                found.append(_ranked(several, said.command, rank))
            elif (guess := self._guess(grammars, language, said.command, context)) and (
                guess.calls or not found  # of what is not there it is told, and not asked where
            ):
                found.append(_ranked(replace(guess, guessed=True), said.command, rank))
        return max(found, key=_worth, default=None)

    def _closer(
        self, grammars: Grammars, language: str, best: Ranked, context: Context
    ) -> Ranked | None:
        """The reading in which every word has a meaning, of what a phrase only knows with free
        text in it: 'cancel timer for a minute' is no timer of the name 'cancel'."""
        if not best.reading.open or best.reading.bare or best.reading.tier != "phrase":
            return None
        whole = self._explained(grammars, language, best.text, context)
        return replace(best, reading=whole) if whole and _of_one(whole) else None

    def _leaning(
        self, grammars: Grammars, language: str, texts: Sequence[Said], context: Context
    ) -> Ranked | None:
        """What is meant by 'and in the kitchen', or 'no, twenty', after the last sentence: the
        same of something else, or something else of the same."""
        last, known = context.targets, words(language)
        if not isinstance(last, Targets) or not last.said or not texts:
            return None
        if "leaning" in self._without:
            return None
        if stepped := self._step(grammars, language, texts[0].command, context, last):
            return _ranked(stepped, texts[0].command, 0)
        if normal(texts[0].all) in known.repeating and last.calls:
            again = Reading(last.calls, "rules", 1.0, f"once more: {last.said!r}", targets=last)
            return _ranked(again, last.said, 0)
        tools = {call.tool for call in last.calls}
        more, changed = added(texts[0].all, known), corrected(texts[0].all, known)
        changed = clean(changed, known) if changed else None
        changed = _without_end(changed, known.preferring) or changed if changed else None
        for part in filter(None, (clean(more, known) if more else None, changed)):
            whole = self._able(grammars, language, part, context)
            if whole and not whole.open and len(part.split()) >= SHORTEST_COMMAND:
                # 'And turn off the lamp', 'no, turn it off' need none of the many ways to lean.
                return _ranked(whole, part, 0) if part == changed else None
            if not self._leans(grammars, language, part):
                continue
            if there := place_in(part, grammars.places, known):
                why = f"{last.said!r}, in another place"
                if elsewhere := moved(last.calls, there, grammars.places, why):
                    return _ranked(elsewhere, last.said, 0)
            for text in self._ways(grammars, language, part, last):
                reading = self._able(grammars, language, text, context)
                if reading is None:
                    continue
                listed = {call.tool for call in reading.calls} <= set(LISTED)
                of_devices = all(_of_devices(call, grammars.places) for call in reading.calls)
                if reading.why.startswith(EXPLAINED) and not of_devices:
                    continue  # 'make that ten minutes' begins no timer anew
                if reading.open and not (listed and len(part.split()) <= FEW_WORDS + 1):
                    continue
                same = reading.targets is not None and reading.targets.things == last.things
                asked = self._same_skill(last.calls, reading.calls)
                if (
                    {call.tool for call in reading.calls} <= tools
                    or (same and _acts(reading))
                    or asked
                ):
                    why = f"{reading.why} <- leaning on {last.said!r}"
                    return _ranked(replace(reading, why=why), text, 0)
        return None

    def _same_skill(self, before: Sequence[Call], now: Sequence[Call]) -> bool:
        """Whether two questions are for one skill: the weather now, and that of tomorrow."""
        skills = {tool.name: tool.skill for tool in self.tools if not tool.domains}
        asked = {skills.get(call.tool) for call in (*before, *now)}
        return len(asked) == 1 and None not in asked

    def _step(
        self, grammars: Grammars, language: str, text: str, context: Context, last: Targets
    ) -> Reading | None:
        """'A bit brighter' right after a lamp was spoken of: that lamp, wherever it is."""
        known, places = words(language), grammars.places
        if len(last.things) != 1 or not any(normal(text).startswith(f"{p} ") for p in known.partly):
            return None
        entity = places.entities.get(last.things[0].entity or "")
        reading = self._able(grammars, language, text, context) if entity else None
        if entity is None or reading is None or len(reading.calls) != 1:
            return None
        (call,) = reading.calls
        if call.tool not in STEPS or set(call.arguments) - {"area"}:
            return None
        if entity not in places.actable(call.tool, {"name": entity.entity_id}):
            return None
        named = places.call(call.tool, {"name": entity.entity_id}, call.response)
        return replace(reading, calls=(named,), targets=Targets(last.things))

    @staticmethod
    def _leans(grammars: Grammars, language: str, part: str) -> bool:
        """Whether words may lean on a command: they are few, or name something of the home."""
        plain = normal(part)
        return (
            len(plain.split()) <= FEW_WORDS
            or bool(numbers(plain, language))
            or any(f" {name} " in f" {plain} " for name in grammars.names[language])
        )

    def _exact(
        self, grammars: Grammars, language: str, said: Said, context: Context
    ) -> Iterator[Reading]:
        """What the phrases and the sentences make of one hypothesis."""
        less = _without_all(said.command, words(language))
        if less is None:
            yield from self._plain(grammars, language, said, context, whole=False)
            return
        found = list(self._plain(grammars, language, said, context, whole=True))
        yield from found
        if not found:
            # 'dim all the lights', where there is a sentence for 'dim the lights'.
            for reading in self._plain(grammars, language, Said(less, less), context, whole=True):
                if reading.question and not reading.calls:
                    continue  # of all of them it is not asked which one
                if not reading.bare and not _of_forms(grammars, language, reading):
                    yield reading

    def _otherwise(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """What is understood word for word of a sentence that leans on the one before, has an
        exception, or has another form."""
        return (
            self._there(grammars, language, text, context)
            or self._each(grammars, language, text, context)
            or self._except(grammars, language, text, context)
            or self._planned(grammars, language, text, context)
            or self._recast(grammars, language, text, context)
        )

    def _there(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """'Switch the fan on in there': in the room, or on the floor, that was spoken of last."""
        last, known, places = context.targets, words(language), grammars.places
        if not isinstance(last, Targets) or not last.things:
            return None
        less = _without_end(text, known.there)
        if less is None:
            return None
        thing = last.things[-1]
        area = _area_of(thing, places)
        if area in places.areas:
            name = places.areas[area].name
            for inside in known.inside:
                if reading := self._able(grammars, language, f"{less} {inside} {name}", context):
                    return reading
            reading = self._able(grammars, language, less, replace(context, area=area))
            placed = reading and all(c.arguments.get("area") == name for c in reading.calls)
            return reading if placed else None
        if thing.floor in places.floors:
            named = f"{less} {places.floors[thing.floor].name}"
            return self._able(grammars, language, named, context)
        return None

    def _each(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """'Are the front door and the side door locked', and 'are they locked' after that."""
        known, places = words(language), grammars.places
        things = context.targets.things if isinstance(context.targets, Targets) else ()
        meant = [e for thing in things if (e := places.entities.get(thing.entity or ""))]
        names = [places.full_name(entity) for entity in meant] if len(meant) == len(things) else []
        for questions in singly(text, known, names) if "compounds" not in self._without else ():
            read = [self._able(grammars, language, each, context) for each in questions]
            if all(read) and (asked := states([each for each in read if each])):
                return asked
        return None

    def _except(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """'Turn off everything except the radio'."""
        places = grammars.places
        if "excepting" in self._without:
            return None

        def read(part: str) -> Reading | None:
            return self._able(grammars, language, part, context)

        def meant(reading: Reading) -> list[Entity]:
            (call,) = reading.calls
            if call.tool == "everything.off":
                slots = {**places.meant(call).arguments, "domain": list(SWEPT)}
                return places.actable("HassTurnOff", slots)
            if call.tool in QUESTIONS:
                return []
            slots = {k: v for k, v in places.meant(call).arguments.items() if k in TARGET_SLOTS}
            return places.actable(call.tool, slots) if slots else []

        def stirs(call: Call, entity: Entity) -> bool:
            resting = self.home.state(entity.entity_id).state in RESTING
            return {"HassTurnOff": not resting, "HassTurnOn": resting}.get(call.tool, True)

        return excepting(text, words(language), places, read, meant, stirs)

    def _planned(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """'Turn off the heating at nine', 'turn on the fan for an hour'."""
        places = grammars.places
        for found in timed(text, language) if "planned" not in self._without else ():
            if found.tool not in places.tools:
                return None
            command = clean(found.command, words(language))
            able = self._able(grammars, language, command, context)
            if able is None:
                able = self._compound(grammars, language, command, context, inherit=True)
                # 'Turn on the fan and turn it off at nine' are two commands, one of them for nine.
                leads = text.casefold().startswith(found.time.casefold())
                if able and not leads:
                    apart = self._compound(grammars, language, command, context, inherit=False)
                    able = None if apart else able
            if able is None or able.open or not all(_of_devices(c, places) for c in able.calls):
                continue
            why = f"{able.why}; {found.time!r} taken out"
            quality = able.quality - (1 - RECAST_QUALITY)
            call = Call(found.tool, replace(found, command=command).arguments)
            return Reading((call,), able.tier, quality, why)
        return None

    def _changed(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> tuple[Reading, str] | None:
        """'All the way', or 'a bit more', right after a command: the same thing, otherwise; with
        the words that would have said so."""
        last, known = context.targets, words(language)
        if "leaning" in self._without or not isinstance(last, Targets):
            return None
        if not last.said or len(text.split()) > FEW_WORDS + 1:
            return None
        if (known.dangling - known.acting) & set(normal(text).split()[-1:]):
            return None  # 'turn off all the' has not said yet what, and leans on nothing
        if normal(text) in known.more and {call.tool for call in last.calls} <= set(STEPS):
            reading = self._able(grammars, language, last.said, context)
            return (reading, last.said) if reading else None
        part = _without_end(text, known.preferring) or text
        for way in self._ways(grammars, language, part, last):
            reading = self._able(grammars, language, way, context)
            if reading is None or reading.open or reading.targets is None:
                continue
            if set(reading.targets.things) <= set(last.things) and _acts(reading):
                return replace(reading, why=f"{reading.why} <- leaning on {last.said!r}"), way
        return None

    def _ways(self, grammars: Grammars, language: str, part: str, last: Targets) -> Iterator[str]:
        """The ways in which words may lean on what was said last; of several commands the last
        one first."""
        known = words(language)
        rooms = grammars.places.place_names(known)
        parts: list[str] = max(split(last.said, known), key=len, default=[])
        said = dict.fromkeys((*parts[-1:], *parts[:1], last.said))
        part = _the_one(part, last, grammars.places, known)
        # By turns, so that none of the commands before takes all the tries.
        each = zip_longest(*(variants(part, before, known, rooms) for before in said))
        ways = (way for several in each for way in several if way)
        return islice(dict.fromkeys(ways), MOST_WAYS)

    def _recast(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """What is understood of a sentence in another form: 'I want the lights off'."""
        for form in recasts(text, words(language)) if "recast" not in self._without else ():
            if excepted := self._except(grammars, language, form, context):
                return replace(excepted, why=f"{excepted.why} <- recast as {form!r}")
            found = self._exact(grammars, language, Said(form, form), context)
            # Free text ends where the sentence ends, or what was left out was a part of it.
            whole = text.casefold().endswith(form.casefold())
            able = [r for r in found if r.doable and (whole or not r.open)]
            able = [r for r in able if r.calls or r.question]
            if reading := max(able, key=lambda reading: reading.quality, default=None):
                loss = 1 - RECAST_QUALITY
                why = f"{reading.why} <- recast as {form!r}"
                return replace(reading, quality=reading.quality - loss, why=why)
        return None

    def _plain(
        self, grammars: Grammars, language: str, said: Said, context: Context, *, whole: bool
    ) -> Iterator[Reading]:
        found = list(self._matched(grammars, language, said, context, whole=whole))
        yield from found
        here = _without_here(said.command, words(language)) if not found else None
        if here is not None and not whole:
            # Phrases of skills need no 'in here': a sentence without a room means this one.
            for reading in self._matched(grammars, language, Said(here, here), context):
                if not reading.bare:
                    yield reading

    def _matched(
        self,
        grammars: Grammars,
        language: str,
        said: Said,
        context: Context,
        *,
        whole: bool = False,
    ) -> Iterator[Reading]:
        places, known = grammars.places, words(language)
        area = places.area_id(context.area)
        # 'Turn off the lights', from a person whose room is not known, means all of them.
        whole = whole or (area is None and _several(said.command, known))
        strange: list[list[Match]] = []
        clear = False
        for text in dict.fromkeys((said.command, said.all)):
            matches = grammars.phrases[language].matches(text, area)
            if self._foreign:
                strange.append([m for m in matches if m.intent in self._foreign])
                matches = [m for m in matches if m.intent not in self._foreign]
            if reading := from_matches(matches, places, known, context, whole=whole):
                reading = self._heard(grammars, language, reading, text, context)
                clear = clear or _clear(reading)
                yield self._kept_later(grammars, language, reading, context)
        for text in dict.fromkeys((said.command, said.all)):  # 'is the alarm okay'
            matches = grammars.sentences[language].matches(text, area)
            if reading := from_matches(matches, places, known, context, whole=whole):
                if _no_text(reading, text, known):
                    continue
                reading = narrowed(reading, text, places, known)
                reading = self._heard(grammars, language, reading, text, context)
                clear = clear or _clear(reading)
                yield self._kept_later(grammars, language, reading, context)
                break
        # A pack gets nothing that is understood without it: nobody loses 'lock the door' to one.
        for matches in strange if not clear else ():
            reading = from_matches(matches, places, known, context, whole=whole)
            if reading and reading.open and not self._any_text:
                self._withheld = True
            elif reading:
                yield self._kept_later(grammars, language, reading, context)

    def _heard(
        self, grammars: Grammars, language: str, reading: Reading, text: str, context: Context
    ) -> Reading:
        """The reading for the one player that a word for what it plays can mean: 'the music' is not
        what the television shows."""
        known, places = words(language), grammars.places
        if len(reading.calls) != 1 or reading.calls[0].tool not in PLAYING:
            return reading
        (call,) = reading.calls
        slots = dict(places.meant(call).arguments)
        said = set(normal(text).split())
        if "name" in slots or not said & (known.music | known.film):
            return reading
        area = slots.get("area") or places.area_id(context.area)
        sounding = [
            entity
            for entity in places.entities.values()
            if entity.domain == "media_player"
            and self.home.state(entity.entity_id).state in PLAYING[call.tool]
        ]
        here = [entity for entity in sounding if entity.area_id == area]
        heard = here or ([] if slots.get("area") else sounding)
        fitting = [e for e in heard if self._shows(e) != bool(said & known.music)]
        if len(fitting) == len(heard):
            return reading
        if not fitting:
            told = known.refusals.get("silent")
            why = f"{reading.why}, but nothing of that kind plays"
            return replace(reading, calls=(), doable=False, sentence=told, why=why)
        if len(fitting) > 1:
            return reading
        kept = {k: v for k, v in slots.items() if k not in TARGET_SLOTS}
        named = places.call(call.tool, {**kept, "name": fitting[0].entity_id}, call.response)
        target = Targets((Target(entity=fitting[0].entity_id),))
        return replace(reading, calls=(named,), targets=target)

    def _shows(self, entity: Entity) -> bool:
        """Whether it is a television, and one that plays no music."""
        told = self.home.state(entity.entity_id).attributes
        music = told.get("media_content_type") == "music" or told.get("media_artist")
        return entity.device_class == "tv" and not music

    def _kept_later(
        self, grammars: Grammars, language: str, reading: Reading, context: Context
    ) -> Reading:
        """The reading, if what is to be done later is a command. 'Remind me of the meeting in an
        hour' has the form of 'turn on the lamp in an hour', but nothing could be done then."""
        for call in reading.calls:
            later = call.arguments.get(LATER)
            if not isinstance(later, str):
                continue
            said = Said(later, later)
            if not any(r.calls for r in self._exact(grammars, language, said, context)):
                told = words(language).refusals.get("then")
                why = f"{reading.why}; {later!r} is not understood"
                return replace(reading, calls=(), doable=False, sentence=told, why=why)
        return reading

    def _clauses(
        self, grammars: Grammars, language: str, said: Said, context: Context
    ) -> Reading | None:
        """Several commands with commas between them."""
        if not said.clauses:
            return None
        parts = {normal(part) for part in said.clauses.split(f" {COMMA} ")}
        if parts & words(language).retracting:
            return None  # 'raise the blind, sorry, lower it' is one command
        return self._compound(grammars, language, said.clauses, context, inherit=True)

    def _compound(
        self, grammars: Grammars, language: str, text: str, context: Context, *, inherit: bool
    ) -> Reading | None:
        """Several commands in one sentence, each understood by itself, and able to speak of what
        the one before it was about. `inherit`: a part may go without the verb of the first."""
        known = words(language)
        for parts in split(text, known) if "compounds" not in self._without else ():
            understood: list[Reading] = []
            here = context
            for each in parts:
                part = clean(each, known)
                room = _room(understood, grammars.places)
                done = parts[: len(understood)]
                told = room and _says_room(done, room, grammars.places, known)
                if here.area is None and told and _several(part, known):
                    here = replace(here, area=room)  # 'close the bedroom blinds, dim the lights'
                # 'The back kitchen' is a room there, and no wish to go back in the kitchen.
                room_alone = bool(understood) and _is_place(part, grammars.places, known)
                reading = None if room_alone else self._able(grammars, language, part, here)
                if reading and _turned(understood, reading, part, known):
                    reading = None
                verbs = parts[0].split() if inherit and understood and not reading else []
                if set(known.nots) & set(normal(parts[0]).split()):
                    verbs = []  # 'I don't want, that you turn it on'
                for whole in _inherited(verbs, part, known):
                    reading = reading or self._able(grammars, language, whole, here)
                if reading is None and (room := _room(understood, grammars.places)):
                    # 'Close the bedroom blinds and dim the lights': those there.
                    there = replace(here, area=room)
                    ways = (part, *(" ".join([*verbs[:n], part]) for n in range(1, len(verbs))))
                    tried = (self._able(grammars, language, way, there) for way in ways)
                    reading = next(filter(None, tried), None)
                reading = reading or self._otherwise(grammars, language, part, here)
                if reading is None or _turned(understood, reading, part, known):
                    break
                understood.append(reading)
                here = replace(here, targets=understood[-1].targets or here.targets)
            if len(understood) == len(parts):
                return together(understood)
        return None

    def _guess(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """What the fuzzy matcher makes of it, or it as several commands."""
        if repaired := self._repaired(grammars, language, text, context):
            return repaired
        if several := self._compound(grammars, language, text, context, inherit=False):
            return several
        fuzzy = self._fuzzy(grammars, language, text, context)
        if fuzzy and fuzzy.doable and not _mixed(fuzzy):
            return fuzzy
        several = self._compound(grammars, language, text, context, inherit=True)
        several = several or self._respelt(grammars, language, text, context)
        return several or (None if fuzzy and _mixed(fuzzy) else fuzzy)

    def _respelt(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """What is understood once misspelt words are put right, whole or in parts."""
        spelling = grammars.spelling.get(language)
        for way in spelling.variants(text) if spelling else ():
            right = clean(way.text, words(language))  # 'turn of the lihgt'
            reading = self._able(grammars, language, right, context) or self._compound(
                grammars, language, right, context, inherit=True
            )
            if reading is not None and not _unfounded(reading):
                guessed = ", ".join(f"fuzzy {guess}" for guess in way.guesses)
                return replace(
                    reading,
                    quality=GUESS_QUALITY - GUESS_LOSS * way.distance,
                    why=f"{reading.why} <- {guessed}",
                )
        return None

    def _repaired(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """'Turn on the lamp, no, the fan': a command that was taken back for another one, which
        may go without its verb."""
        known = words(language)
        for before, after in repairs(text, known):
            verbs = before.split()
            taken = self._able(grammars, language, before, context)
            if taken is None:
                alone = self._able(grammars, language, after, context)
                if alone and _taken_back(text, before, after, known):
                    return alone  # 'drop the blind, sorry, open the blind halfway'
                # 'Turn on the light in the guest, sorry, in the hall'.
                for count in range(len(verbs) - 1, max(1, len(verbs) - LONGEST_SLIP), -1):
                    whole = " ".join([*verbs[:count], after])
                    if reading := self._able(grammars, language, whole, context):
                        return reading
                continue
            there = replace(context, targets=taken.targets or context.targets)
            if reading := self._able(grammars, language, after, there):
                return reading
            for count in range(1, min(LONGEST_VERB, len(verbs) - 1) + 1):
                whole = " ".join([*verbs[:count], after])
                if reading := self._able(grammars, language, whole, context):
                    return reading
            # 'Turn the lamp on, no, the fan'.
            if normal(verbs[-1]) in known.acting:
                whole = " ".join([verbs[0], after, verbs[-1]])
                if reading := self._able(grammars, language, whole, context):
                    return reading
        return None

    def _able(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """The best reading of a part of a sentence that can be done."""
        readings = self._exact(grammars, language, Said(text, text), context)
        able = [r for r in readings if r.doable and r.calls and not r.bare]
        if not able and (own := self._explained(grammars, language, text, context)):
            return own if own.calls and own.doable else None
        return max(able, key=lambda reading: reading.quality, default=None)

    def _explained(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        """What is understood of a text because each of its words is."""
        gazetteer = grammars.gazetteers.get(language)
        reading = gazetteer.read(text, context) if gazetteer else None
        if reading is None or _no_text(reading, text, words(language)):
            return None
        return self._heard(grammars, language, reading, text, context)

    def _fuzzy(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        if grammars.fuzzy is None or _base(language) != GUESSED:
            return self._explained(grammars, language, text, context)
        known = context.targets if isinstance(context.targets, Targets) else None
        all_of_them = _without_all(text, words(language)) is not None
        area = None if all_of_them else grammars.places.area_id(context.area)
        found = grammars.fuzzy.read(text, area, known)
        reading = from_fuzzy(found, grammars.places, words(language))
        gazetteer = grammars.gazetteers.get(language)
        if reading and _acts(reading) and gazetteer and gazetteer.tells(text):
            reading = None  # 'the lamp's on', 'the blinds closed'
        if reading and reading.doable:
            return reading
        return self._explained(grammars, language, text, context) or reading

    def _language(self, code: str) -> str:
        """The configured language that serves an utterance."""
        if code in self.languages:
            return code
        same = [known for known in self.languages if _base(known) == _base(code)]
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


def _texts(utterance: Utterance, language: str, context: Context) -> list[Said]:
    """The hypotheses worth a try, the likeliest first."""
    first = utterance.hypotheses[0].score if utterance.hypotheses else 0.0
    near = [h for h in utterance.hypotheses if first - h.score <= DOUBT]
    known = words(language)
    said = (
        Said(
            clean(text, known, context.wake),
            addressed(text, known, context.wake),
            prompted,
            clauses(text, known, context.wake),
        )
        for text, prompted in (
            (collapsed(h.text), h.prompted) for h in near if len(h.text) <= MOST_LETTERS
        )
        if len(text.split()) <= MOST_WORDS
    )
    return [each for each in dict.fromkeys(said) if each.command]


def _without_all(text: str, known: Words) -> str | None:
    """The text without its word for everything; None if it has none, or is about this room."""
    tokens = text.split()
    plain = [normal(token) for token in tokens]
    whole = f" {' '.join(plain)} "
    said = [phrase for phrase in known.all if f" {phrase} " in whole]
    if not said or known.here & set(plain):
        return None
    for phrase in said:
        length = len(phrase.split())
        for start in range(len(tokens)):
            rest = f"{' '.join(plain[start:])} "
            if any(rest.startswith(f"{fully} ") for fully in known.fully):
                continue  # 'all the way up'
            if rest.startswith(f"{phrase} "):
                return " ".join([*tokens[:start], *tokens[start + length :]])
    return None


def _sayable(places: Places, known: Words) -> set[str]:
    """Names and kinds of things and rooms, and kinds of things with the room in which they are."""
    said = places.said(known)
    for entity in places.entities.values() if len(places.entities) <= LARGE else ():
        room = places.areas.get(entity.area_id or "")
        kinds = known.kinds_of(entity.domain, entity.device_class, entity.name)
        for each in room.names if room else ():
            said |= {normal(f"{each} {name}") for name in (*entity.names, *kinds)}
    return said


def _free_words(reading: Reading, heard: str, named: Collection[str]) -> int:
    """How many words of free text there are in what was understood that stand otherwise in what
    was recognised; names of the home, and a command for later, are no free text."""
    if not reading.open:
        return 0
    said = f" {normal(heard)} "
    texts = [
        normal(value)
        for call in reading.calls
        for slot, value in call.arguments.items()
        if isinstance(value, str) and slot != LATER
    ]
    free = [text for text in texts if text not in named and f" {text} " not in said]
    return max((len(text.split()) for text in free), default=0)


def _no_text(reading: Reading, text: str, known: Words) -> bool:
    """Whether what was taken for an item of a list, or for what is to be played, is rather a part
    of a sentence: 'soll ich Milch auf die Liste setzen', 'setz keine Milch auf die Liste'."""
    for call in reading.calls if reading.open else ():
        for key in ("item", "search_query"):
            free = normal(str(call.arguments.get(key, "")))
            if not free:
                continue
            first, *rest = free.split()
            said = any(f"{free} ".startswith(f"{phrase} ") for phrase in known.no_text)
            if said and (free in known.no_text or normal(text).startswith(free)):
                return True
            if first in known.nots or (key == "item" and rest and rest[-1] in known.nots):
                return True
            if first in known.none and (key == "item" or {*rest} <= known.music):
                return True
    return False


def _begins(whole: str, text: str) -> bool:
    """Whether a text is the beginning of another: nothing is weighed for the rest, so that it
    always seems likelier."""
    return f"{normal(whole)} ".startswith(f"{normal(text)} ")


def _several(text: str, known: Words) -> bool:
    """Whether lights are spoken of as several, and not those in this room."""
    said = set(normal(text).split())
    return bool(known.many & said) and not known.here & said


def _the_one(part: str, last: Targets, places: Places, known: Words) -> str:
    """'The one in the hall' after a light was spoken of: 'the light in the hall'."""
    thing = last.things[-1] if last.things else Target()
    entity = places.entities.get(thing.entity or "")
    domain = entity.domain if entity else thing.domain
    kinds = known.kinds.get(domain or "", ())
    for phrase in known.ones:
        if kinds and normal(part).startswith(f"{phrase} "):
            return " ".join(["the", kinds[0], *part.split()[len(phrase.split()) :]])
    return part


def _without_here(text: str, known: Words) -> str | None:
    """The text without its word for the person's room at the end; None if it has none."""
    return _without_end(text, known.in_here)


def _without_end(text: str, phrases: Sequence[str]) -> str | None:
    """The text without one of these phrases at its end; None if it has none."""
    tokens = text.split()
    for phrase in phrases:
        count = len(phrase.split())
        if len(tokens) > count and normal(" ".join(tokens[-count:])) == phrase:
            return " ".join(tokens[:-count])
    return None


def _room(understood: Sequence[Reading], places: Places) -> str | None:
    """The room that the last of several commands was about."""
    if not understood or not understood[-1].targets:
        return None
    return _area_of(understood[-1].targets.things[-1], places)


def _is_place(part: str, places: Places, known: Words) -> bool:
    """Whether words are but the name of a room or floor."""
    tokens = part.split()
    if tokens and normal(tokens[0]) in known.articles:
        tokens = tokens[1:]
    return bool(tokens) and places.is_place(" ".join(tokens))


def _says_room(parts: Sequence[str], room: str, places: Places, known: Words) -> bool:
    """Whether a room was named: after 'lock the front door', 'the lights' are not those there."""
    said = f" {normal(' '.join(parts))}"
    area = places.areas.get(room)
    names = spoken_rooms(area, places, known) if area else ()
    # 'Küchenlicht' names the kitchen, too.
    return any(f" {normal(name)}" in said for name in names)


def _area_of(thing: Target, places: Places) -> str | None:
    entity = places.entities.get(thing.entity or "")
    return thing.area or (entity.area_id if entity else None)


def _inherited(verbs: Sequence[str], part: str, known: Words) -> Iterator[str]:
    """A part of a sentence with what it has in common with the first: its verb ('turn off'), the
    verb and what goes with it at the end ('turn - off'), or its end ('on the shopping list')."""
    counts = range(1, min(LONGEST_VERB, len(verbs) - 1) + 1)
    for count in counts:
        yield " ".join([*verbs[:count], part])
    if len(verbs) > 2 and normal(verbs[-1]) in known.acting:
        for count in counts:
            yield " ".join([*verbs[:count], part, verbs[-1]])
    for start in range(len(verbs) - 2, 1, -1):
        if normal(verbs[start]) in known.linking:
            yield " ".join([part, *verbs[start:]])


def _turned(understood: Sequence[Reading], reading: Reading, part: str, known: Words) -> bool:
    """Whether a part of a question was taken for a command: 'is the door locked and the garage
    closed' must close nothing. Behind a question a command begins as one."""
    asked = any(call.tool in QUESTIONS for each in understood for call in each.calls)
    begins = any(f"{normal(part)} ".startswith(f"{opener} ") for opener in known.openers)
    return asked and _acts(reading) and not begins


def _of_one(reading: Reading) -> bool:
    """Whether it is one call, so that its 'and' stands between no two commands, and its numbers
    are no time of day."""
    return reading.doable and len(reading.calls) == 1 and not reading.open


def _taken_back(text: str, before: str, after: str, known: Words) -> bool:
    """Whether what stands between two parts takes back even words that are no command, and the
    second begins as one: 'did you say no, turn on the lamp' takes nothing back."""
    between = normal(text[len(before) : len(text) - len(after)])
    begins = any(f"{normal(after)} ".startswith(f"{opener} ") for opener in known.openers)
    return begins and between in known.retracting


def _unfounded(reading: Reading) -> bool:
    """Whether what was read word by word is about nothing that was said: 'reply' is no 'replay'."""
    said = any(slot in call.arguments for call in reading.calls for slot in TARGET_SLOTS)
    return reading.why.startswith(EXPLAINED) and not said


def _mixed(reading: Reading) -> bool:
    """Whether it asks and acts."""
    return len({call.tool in QUESTIONS for call in reading.calls}) > 1


def _of_devices(call: Call, places: Places) -> bool:
    """Whether a call does something to devices: nothing else is done later, or for a while."""
    specs = places.tools.get(call.tool, ())
    acts = call.tool == "everything.off" or (bool(specs) and all(spec.domains for spec in specs))
    return acts and call.tool not in QUESTIONS


def _acts(reading: Reading) -> bool:
    """Whether it would do something rather than answer."""
    asks = any(call.tool in QUESTIONS for call in reading.calls)
    return reading.doable and not reading.bare and not asks


def _moved(call: Call, room: str) -> Call:
    return replace(call, arguments={**call.arguments, "area": room})


def _worth(each: Ranked) -> tuple[bool, float, bool]:
    """A name of the home goes before a courtesy: 'good morning' may be a script."""
    return each.reading.doable, each.score, each.reading.bare


def _ranked(reading: Reading, text: str, rank: int) -> Ranked:
    return Ranked(reading, text, reading.quality - RANK_PENALTY * rank)


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


def _foreign(tools: Sequence[ToolSpec]) -> frozenset[str]:
    """Names of the tools of packs."""
    return frozenset(tool.name for tool in tools if tool.foreign)


def _clear(reading: Reading) -> bool:
    """Whether it is understood in every word, and can be done or is a question."""
    return reading.doable and bool(reading.calls) and not reading.open


def _of_forms(grammars: Grammars, language: str, reading: Reading) -> bool:
    """Whether it is a form that is filled in: 'all the milk' is no wish for all of something."""
    keys = grammars.phrases[language].forms.keys
    return any(call.tool in keys for call in reading.calls)


def _base(code: str) -> str:
    return code.replace("_", "-").split("-")[0].lower()
