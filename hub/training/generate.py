"""Synthetic training data: homes, what is said in them, and what the model shall answer.

`samples` is the whole of it. Everything is drawn from a seed; a held-out stream shares no names,
rooms, skills or sentence templates with the other. An item is kept only if `codec` can write its
answer and `options` allows it for the words that were said: what cannot be answered at run time is
not taught.

One meaning has one answer: a thing that is named stands alone (`on B`, not `on B A`); a kind is
left out where the verb acts on no other (`dim A 40`, not `dim light A 40`); no place, where none
was said and the verb can do without one (`dim 40`); `all` for questions about the whole house.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from hub.router.codec import home
from hub.training.asked import KINDS, LANGUAGES
from hub.training.chosen import Index, index
from hub.training.filling import Unfit
from hub.training.homes import Builder
from hub.training.samples import Item, Sample
from hub.training.sentences import SkillSentences
from hub.training.speaker import Speaker

FEWEST, MOST = 8, 24

TRIES = 6


class Maker:
    """Makes the samples of one stream."""

    def __init__(self, dice: random.Random, *, held_out: bool) -> None:
        self._dice = dice
        self._held_out = held_out
        self.dropped: Counter[str] = Counter()
        """Items that were not kept, by the reason."""

    def sample(self) -> Sample | None:
        """One home and what is said in it; None if nothing came of it."""
        dice = self._dice
        language = dice.choices([*LANGUAGES], [*LANGUAGES.values()])[0]
        known = index(language, self._held_out)
        chosen = self._tools(known)
        scene = Builder(dice, language, held_out=self._held_out).scene(
            [skill.spec for skill in chosen]
        )
        spoken = [skill for skill in chosen if skill in known.skills]
        speaker = Speaker(dice, scene, known, spoken, self._held_out)
        wanted = dice.randint(FEWEST, MOST)
        items: list[Item] = []
        for _ in range(wanted * 3):
            if len(items) >= wanted:
                break
            item = self._item(speaker)
            if item is not None and all(item.prompt != other.prompt for other in items):
                items.append(item)
        if len(items) < FEWEST:
            return None
        return Sample(home(scene.listing), tuple(items))

    def _tools(self, known: Index) -> list[SkillSentences]:
        dice = self._dice
        pool = known.skills or index("en", self._held_out).skills
        count = min(len(pool), dice.choices((0, 1, 2, 3, 4), (45, 22, 15, 10, 8))[0])
        return dice.sample(pool, count)

    def _item(self, speaker: Speaker) -> Item | None:
        kind = self._dice.choices([*KINDS], [*KINDS.values()])[0]
        for _ in range(TRIES):
            try:
                return speaker.item(kind)
            except Unfit as reason:
                self.dropped[f"{kind}: {reason}"] += 1
        return None


def samples(seed: int, *, held_out: bool = False) -> Iterator[Sample]:
    """Endless, and the same for the same seed and data. `held_out`: other names, rooms, skills and
    sentences than the stream that is trained on."""
    maker = Maker(random.Random(f"{seed} {held_out}"), held_out=held_out)
    while True:
        sample = maker.sample()
        if sample is not None:
            yield sample
