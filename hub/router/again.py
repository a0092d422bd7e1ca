"""What may have been said instead, for a second look at the sound."""

from __future__ import annotations

from hub.messages import Call, Utterance
from hub.router.clean import clean, spoken, surface
from hub.router.context import Context
from hub.router.forms import Arguments
from hub.router.grammars import Grammars
from hub.router.judging import free_words
from hub.router.reader import Reader
from hub.router.readings import EXPLAINED
from hub.router.said import begins, sayings

SUSPECTS = 8
"""Names that a recognizer is given for a second hearing: more mislead it."""
MOST_SOURCES = 10
"""Hypotheses from which sentences are made that sound like them."""
LESS_LIKELY = 0.1
"""What each place behind the likeliest hypothesis adds to how unlike such a sentence is."""
MOST_MISHEARD = 120
"""Such sentences that are matched with the rules."""
MOST_SPELLINGS = 2
"""Of those, the ones that mean the same."""
MOST_WEIGHED = 16
"""Such sentences that are weighed against the sound: each takes about 25 ms."""
FREE = 4.0
"""Log-probability by which it must be likelier for each word of free text that was not recognised
so at first: anything can be such text, and something always fits."""
MOST_HYPOTHESES = 10
"""Hypotheses over which forms are laid."""
UNLIKELY = 0.2
"""Sounds by which the way of each further hypothesis is less likely."""


class SecondHearing:
    """What the sound is to be weighed with, when what was heard at first means nothing."""

    def __init__(self, reader: Reader, grammars: Grammars) -> None:
        self.reader = reader
        self.retriever = grammars.retrievers[reader.language]
        self.mishearing = grammars.misheard[reader.language]
        self.plain = grammars.plain.get(reader.language)

    def suspects(self, utterance: Utterance, context: Context) -> tuple[str, ...]:
        """Names of what may have been spoken of, the likeliest first: for a second hearing."""
        texts = [said.command for said in sayings(utterance, self.reader.language, context)]
        if not texts or "names" in self.reader.without:
            return ()
        places = self.reader.places
        area = places.area_id(context.area)
        found = self.retriever.find(texts, area, things=SUSPECTS, groups=0)
        named = [places.areas[key].name for key in found.areas]
        named += [places.entities[thing.key].name for thing in found.things if thing.entity]
        return tuple(dict.fromkeys(named))[:SUSPECTS]

    def misheard(
        self, utterance: Utterance, context: Context
    ) -> tuple[tuple[str, tuple[Call, ...], float], ...]:
        """Sentences that sound like the hypotheses, with what the rules understand of them, the
        likeliest first: to be weighed against the sound. Last, by how much log-probability that
        must be the likelier."""
        if "misheard" in self.reader.without:
            return ()
        known, made = self.reader.words, dict[str, float]()
        sources = utterance.hypotheses[:MOST_SOURCES]
        heard = [spoken(hypothesis.text) for hypothesis in sources]
        wholes = self.plain.readings(heard) if self.plain else [[] for _ in heard]
        for rank, (hypothesis, whole) in enumerate(zip(sources, wholes, strict=True)):
            less = LESS_LIKELY * rank
            made[hypothesis.text] = min(made.get(hypothesis.text, less), less)
            for unlike, text in (
                *self.mishearing.readings(heard[rank]),
                *whole,
            ):
                way = surface(text, hypothesis.text)
                made[way] = min(made.get(way, unlike + less), unlike + less)
        found: list[tuple[str, tuple[Call, ...], float]] = []
        likeliest = sorted(made, key=lambda text: made[text])[:MOST_MISHEARD]
        for text in likeliest:
            said = clean(text, known, context.wake)
            reading = self.reader.able(said, context) if said else None
            if reading is None and said:
                reading = self.reader.parts.several(said, context, inherit=True)
            if reading and self.reader.fuzzy_rules is not None and EXPLAINED in reading.why:
                reading = None  # so much is understood so that something always sounds like it
            if reading and text == utterance.text:
                return ()  # it is what it says, and only too open for haste
            if reading and not begins(utterance.text, text):
                same = sum(reading.calls == calls for _, calls, _ in found)
                free = FREE * free_words(reading, utterance.text, self.reader.names)
                found += [(text, reading.calls, free)] if same < MOST_SPELLINGS else []
        return tuple(found)[:MOST_WEIGHED]

    def form_words(self, utterance: Utterance, context: Context) -> tuple[str, ...]:
        """Sentences with the words of the form that was nearly filled in, for a second hearing;
        none if it was no form."""
        texts = [said.command for said in sayings(utterance, self.reader.language, context)]
        if not texts:
            return ()
        return self.reader.phrases.forms.like(texts[0])

    def filled_in(
        self, utterance: Utterance, context: Context
    ) -> tuple[tuple[str, Call, float], ...]:
        """Ways in which a form may have been filled in, the likeliest first: sentences that sound
        like the hypotheses, what they mean, and the sounds in which they are unlike."""
        if not self.reader.phrases.forms:
            return ()
        found: dict[tuple[str, Arguments], tuple[float, str]] = {}
        for rank, said in enumerate(
            sayings(utterance, self.reader.language, context)[:MOST_HYPOTHESES]
        ):
            for filled in self.reader.phrases.forms.near(said.command):
                unlike = filled.unlike + UNLIKELY * rank
                meant = filled.form.key, filled.arguments
                if meant not in found or unlike < found[meant][0]:
                    found[meant] = unlike, surface(filled.text, utterance.text)
        ways = sorted(found.items(), key=lambda way: way[1][0])[:MOST_WEIGHED]
        return tuple(
            (text, self.reader.places.call(tool, dict(arguments)), unlike)
            for (tool, arguments), (unlike, text) in ways
        )
