"""Questions that are answered by what people have told the hub.

They need no phrases, which would take sentences from others: a question that nothing else
understands is for the memory if a fact answers it, and for nobody if none does.
"""

from __future__ import annotations

import logging

from hub.cause import cause
from hub.errors import StorageError
from hub.memory.facts import Facts
from hub.memory.stems import words_of
from hub.messages import Call, Intent, Utterance

log = logging.getLogger(__name__)

TOOL = "memory.recall"

ASKING = {
    "en": frozenset(
        "when where what who whom whose which how is are was were do does did can has have"
        " when's where's what's who's".split()
    ),
    "de": frozenset(
        "wann wo was wer wen wem wessen welche welcher welches welchen wie wohin woher ist sind war"
        " waren hat haben kann".split()
    ),
}
"""Words that a question begins with."""


class Recall:
    """What the router asks before it asks the language model."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    async def __call__(self, utterance: Utterance) -> Intent | None:
        """The call that answers a question; None where no fact does."""
        asking = ASKING.get(utterance.language.split("-")[0], ASKING["en"])
        who = cause()
        person = who.person if who else None
        for hypothesis in utterance.hypotheses:
            words = words_of(hypothesis.text)
            if not any(word in asking for word in words[:3]):
                continue
            try:
                found = await self._facts.find(hypothesis.text, utterance.language, person)
            except StorageError as error:
                log.error("%s", error)
                return None
            if found:
                return Intent(
                    calls=(Call(TOOL, {"question": hypothesis.text}),),
                    tier="phrase",
                    score=1.0,
                    heard=hypothesis.text,
                    why="a question that is answered by what was told",
                )
        return None
