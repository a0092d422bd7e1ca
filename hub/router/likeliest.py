"""The best reading over all that may have been heard."""

from __future__ import annotations

from dataclasses import replace

from hub.home.model import normal
from hub.messages import Utterance
from hub.router.clean import fluent, without_asides
from hub.router.context import Context
from hub.router.followup import added
from hub.router.judging import NAMING, less_free, of_one
from hub.router.places import slots_of
from hub.router.reader import Reader
from hub.router.reading import Ranked, Reading, ranked
from hub.router.readings import MOST_CHOICES, one_of
from hub.router.said import sayings
from hub.router.sense import Sense
from hub.router.several import of_them

EXACT = 0.9
"""Quality from which a reading needs no comparison with likelier ones of lesser quality."""


class Likeliest:
    """The best reading of an utterance, over all that the recognizer may have heard."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def best(self, utterance: Utterance, context: Context) -> Ranked | None:
        """The best reading; free text of packs is the last resort, since it fits anything."""
        self.reader.withheld = False
        owners = self.reader.owners
        apart = self.reader.counted.apart
        heard = utterance.hypotheses
        owned = [owners.resolved(apart(each.text), context) for each in heard]
        if any(each.unknown for each in owned[:1]) and not self._of_text(utterance, context):
            told = self.reader.words.refusals.get("which")
            why = "nobody was named whose room it is"
            return ranked(
                Reading((), "rules", 0, why, doable=False, sentence=told), owned[0].text, 0
            )
        told_of = [replace(each, text=whose.text) for each, whose in zip(heard, owned, strict=True)]
        utterance = replace(utterance, hypotheses=tuple(told_of))
        best = self._known(utterance, context)
        if self.reader.withheld and not (best and best.reading.doable and best.reading.calls):
            self.reader.any_text = True
            try:
                best = self._known(utterance, context)
            finally:
                self.reader.any_text = False
        # As it was heard, so that it can be compared with the sound.
        said = {whose.text: each.text for whose, each in zip(owned, heard, strict=True)}
        return replace(best, text=said.get(best.text, best.text)) if best else None

    def _of_text(self, utterance: Utterance, context: Context) -> bool:
        """Whether the whole is free text that is remembered or played, whosever room it names."""
        best = self._known(utterance, context)
        return best is not None and best.reading.doable and best.reading.open

    def _known(self, utterance: Utterance, context: Context) -> Ranked | None:
        """The best reading; of what is left without asides, and then without hesitations, if the
        whole is not understood."""
        best = self._likeliest(utterance, context)
        known = self.reader.words
        for left in (without_asides, fluent) if "asides" not in self.reader.without else ():
            if best is not None and best.reading.doable:
                break
            heard = tuple(replace(h, text=left(h.text, known)) for h in utterance.hypotheses)
            less = replace(utterance, hypotheses=heard)
            if less != utterance:
                best = self._likeliest(less, context) or best
        return self._settled(self._of_two(best)) if best else None

    def _settled(self, best: Ranked) -> Ranked:
        """The reading for what alone can be meant, in the home as it is now."""
        sense = Sense(self.reader.places, self.reader.home.state)
        return replace(best, reading=sense.settled(best.reading, best.text, self.reader.words))

    def _of_two(self, best: Ranked) -> Ranked:
        """The reading, if there are two things where 'both' was said; or else a question."""
        reading, known = best.reading, self.reader.words
        said = known.both & set(normal(best.text).split())
        if said and not reading.calls and len(reading.choices) == 2:
            calls = tuple(call for each in reading.choices.values() for call in each)
            both = replace(reading, calls=calls, question=None, choices={})
            return replace(best, reading=both)
        if not said or reading.targets is None or not reading.calls:
            return best
        places, things = self.reader.places, reading.targets.things
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
        if not utterance.hypotheses:
            return None
        texts = sayings(utterance, self.reader.language, context)
        if leaning := self.reader.leaning.read(texts, context):
            return leaning
        them = [said.command for said in texts[:1] if of_them(said.command, self.reader.words)]
        for text in them:
            if several := self.reader.each(text, context):
                return ranked(several, text, 0)
        found: list[Ranked] = []
        for rank, said in enumerate(texts):
            read = self.reader.exact(said, context)
            adds = added(said.all, self.reader.words) is not None
            found += [
                ranked(reading, said.command, rank)
                for reading in read
                if not (adds and reading.bare)  # 'and the lamp' alone tells nothing
            ]
            if any(each.reading.doable and each.reading.quality >= EXACT for each in found):
                break
        if any(each.reading.doable for each in found):
            best = max(found, key=_worth)
            return self._closer(best, context) or best
        for rank, said in enumerate(texts):
            for text in dict.fromkeys((said.command, said.all)):  # 'would you mind closing ...'
                whole = self.reader.explained(text, context)
                if whole and not said.prompted and of_one(whole):
                    return ranked(replace(whole, guessed=True), said.command, rank)
        for rank, said in enumerate(texts):
            if other := self.reader.otherwise(said.command, context):
                return ranked(other, said.command, rank)
            if again := self.reader.leaning.changed(said.command, context):
                return ranked(*again, rank)
        for rank, said in enumerate(texts):
            if said.prompted:
                # Nothing is guessed of it, but it may be several commands.
                several = self.reader.parts.several(said.command, context, inherit=True)
                found += [ranked(several, said.command, rank)] if several else []
            elif several := (
                self.reader.parts.told(said, context) or self.reader.parts.clauses(said, context)
            ):
                found.append(ranked(several, said.command, rank))
            elif (guess := self.reader.parts.guess(said.command, context)) and (
                guess.calls or not found  # of what is not there it is told, and not asked where
            ):
                found.append(ranked(replace(guess, guessed=True), said.command, rank))
        return max(found, key=_worth, default=None)

    def _closer(self, best: Ranked, context: Context) -> Ranked | None:
        """The reading in which every word has a meaning, of what is only known with free text in
        it: 'cancel timer for a minute' is no timer of the name 'cancel', and 'milk from
        my shopping list' no item."""
        reading = best.reading
        free = reading.tier == "phrase" or {call.tool for call in reading.calls} <= {*NAMING}
        if not reading.open or reading.bare or not free:
            return None
        whole = self.reader.explained(best.text, context)
        if whole is None or not (of_one(whole) or less_free(whole, best.reading)):
            return None
        return replace(best, reading=whole)


def _worth(each: Ranked) -> tuple[bool, float, bool]:
    """A name of the home goes before a courtesy: 'good morning' may be a script."""
    return each.reading.doable, each.score, each.reading.bare
