"""The router: from the readings of an utterance to what is to be done.

Three tiers, the sure and fast first: the skills' own phrases, the shared sentence rules, and a
small language model for the rest. What none of them understands ends in an honest 'none'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hub.config import RouterSettings
from hub.home.model import Home
from hub.messages import Candidate, Intent, ToolSpec, Utterance
from hub.ports import LanguageModel
from hub.router.clean import clean
from hub.router.context import Context, Targets
from hub.router.fuzzy import LANGUAGE as FUZZY_LANGUAGE
from hub.router.fuzzy import FuzzyRules
from hub.router.places import Places
from hub.router.reading import Reading
from hub.router.readings import from_fuzzy, from_matches
from hub.router.rules import SentenceRules
from hub.router.words import words

EXACT = 0.9
"""Quality from which a reading needs no comparison with likelier ones of lesser quality."""
RANK_PENALTY = 0.05
"""Taken from the quality for each place behind the likeliest hypothesis."""
DOUBT = 0.7
"""A hypothesis whose mean log-probability is this far behind the first is not considered."""


@dataclass(frozen=True, slots=True)
class Grammars:
    """All that is built from the names of the home."""

    places: Places
    sentences: dict[str, SentenceRules]
    fuzzy: FuzzyRules | None


class Router:
    """Understands utterances. It has no effects: the calls it returns are for others to run."""

    def __init__(
        self,
        home: Home,
        tools: Sequence[ToolSpec],
        *,
        model: LanguageModel | None,
        settings: RouterSettings,
        languages: Sequence[str],
    ) -> None:
        self.home = home
        self.tools = tuple(tools)
        self.languages = tuple(languages)
        self.settings = settings
        self._model = model
        self._grammars: Grammars | None = None
        self._building = asyncio.Lock()

    async def prepare(self) -> None:
        """Build the grammars for the home as it is now, off the loop; cheap if nothing changed."""
        async with self._building:
            if self._grammars and self._grammars.places.revision == self.home.revision:
                return
            places = Places(self.home, self.tools)
            self._grammars = await asyncio.to_thread(self._build, places)

    def _build(self, places: Places) -> Grammars:
        return Grammars(
            places,
            {code: SentenceRules(code, places, words(code)) for code in self.languages},
            FuzzyRules(places, words(FUZZY_LANGUAGE))
            if any(_base(code) == FUZZY_LANGUAGE for code in self.languages)
            else None,
        )

    def quick(self, utterance: Utterance, context: Context) -> Intent | None:
        """What phrases and rules make of it; None if nothing. Before `prepare`: nothing."""
        best = self._best(utterance, context)
        if best is None or not (best[0].calls or best[0].question):
            return None
        return _intent(*best)

    def unfinished(self, text: str, language: str) -> bool:
        """Whether a text stopped in the middle of a sentence: 'turn on the', 'and'."""
        known = words(language)
        said = clean(text, known).casefold()
        return said in known.openers or (bool(said) and said.split()[-1] in known.dangling)

    async def route(self, utterance: Utterance, context: Context) -> Intent:
        """What is to be done: by phrases, rules or the language model, or an honest none."""
        await self.prepare()
        best = self._best(utterance, context)
        if best and (best[0].calls or best[0].question):
            return _intent(*best)
        heard = utterance.text
        if best is None:
            return Intent(heard=heard, why="no sentence, name or tool fits")
        reading = best[0]
        return Intent(heard=heard, sentence=reading.sentence, why=reading.why)

    def _best(self, utterance: Utterance, context: Context) -> tuple[Reading, str, float] | None:
        """The best reading over all hypotheses, with its text and score."""
        grammars = self._grammars
        if grammars is None or not utterance.hypotheses:
            return None
        language = self._language(utterance.language)
        texts = _texts(utterance, language, context)
        found: list[tuple[Reading, str, float]] = []
        for rank, text in enumerate(texts):
            if reading := self._exact(grammars, language, text, context):
                score = reading.quality - RANK_PENALTY * rank
                found.append((reading, text, score))
                if reading.doable and reading.quality >= EXACT:
                    break
        if not any(reading.doable for reading, _, _ in found) and self._may_guess(language):
            for rank, text in enumerate(texts):
                if reading := self._fuzzy(grammars, text, context):
                    found.append((reading, text, reading.quality - RANK_PENALTY * rank))
        return max(found, key=lambda f: (f[0].doable, f[2]), default=None)

    def _may_guess(self, language: str) -> bool:
        return _base(language) == FUZZY_LANGUAGE

    def _exact(
        self, grammars: Grammars, language: str, text: str, context: Context
    ) -> Reading | None:
        rules = grammars.sentences.get(language)
        if rules is None:
            return None
        area = grammars.places.area_id(context.area)
        return from_matches(rules.matches(text, area), grammars.places, words(language), context)

    def _fuzzy(self, grammars: Grammars, text: str, context: Context) -> Reading | None:
        if grammars.fuzzy is None:
            return None
        known = context.targets if isinstance(context.targets, Targets) else None
        area = grammars.places.area_id(context.area)
        return from_fuzzy(grammars.fuzzy.read(text, area, known), grammars.places)

    def _language(self, code: str) -> str:
        """The configured language that serves an utterance."""
        if code in self.languages:
            return code
        same = [known for known in self.languages if _base(known) == _base(code)]
        return same[0] if same else self.languages[0]


def _texts(utterance: Utterance, language: str, context: Context) -> list[str]:
    """The cleaned texts worth a try, the likeliest first."""
    first = utterance.hypotheses[0].score
    near = (h for h in utterance.hypotheses if first - h.score <= DOUBT)
    cleaned = (clean(h.text, words(language), context.wake) for h in near)
    return [text for text in dict.fromkeys(cleaned) if text]


def _intent(reading: Reading, heard: str, score: float) -> Intent:
    return Intent(
        calls=reading.calls,
        tier=reading.tier,
        score=min(1.0, max(0.0, score)),
        heard=heard,
        question=reading.question,
        choices=reading.choices,
        why=reading.why,
        candidates=tuple(_candidates(reading)),
        targets=reading.targets,
    )


def _candidates(reading: Reading) -> Iterator[Candidate]:
    for label in reading.choices:
        yield Candidate(label, reading.quality, reading.tier)
    for call in reading.calls:
        yield Candidate(call.tool, reading.quality, reading.tier)


def _base(code: str) -> str:
    return code.replace("_", "-").split("-")[0].lower()
