"""Questions that wait for their answer, kept over a restart of the hub.

Only what was asked a moment ago, and only what opens nothing: a 'yes' to 'Unlock the front door?'
has to be asked for anew. A tool that waited is begun again when its question is answered, if it had
done nothing before it asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from hub.dialogue.conversation import Question
from hub.errors import StorageError
from hub.messages import Call

log = logging.getLogger(__name__)

OLDEST = 120.0
"""Seconds after which a question is not worth an answer, however long the hub was away."""
MOST = 3
"""Questions of one conversation."""


class Notes(Protocol):
    """One document for each room."""

    async def load(self) -> dict[str, dict[str, Any]]: ...

    def put(self, key: str, document: Mapping[str, Any]) -> None: ...

    async def close(self) -> None: ...


class Pending:
    """The questions of all rooms. `now`: the clock on the wall."""

    def __init__(self, notes: Notes, now: Callable[[], datetime]) -> None:
        self._notes = notes
        self._now = now
        self._kept: dict[str, tuple[Question, ...]] = {}

    async def load(self) -> dict[str, tuple[Question, ...]]:
        """Those that still wait, by room ('' where none is known)."""
        found: dict[str, tuple[Question, ...]] = {}
        try:
            documents = await self._notes.load()
        except StorageError as error:
            log.error("%s; what was asked before is forgotten", error)
            return {}
        for room, document in documents.items():
            try:
                age = (self._now() - datetime.fromisoformat(document["at"])).total_seconds()
                if 0 <= age <= OLDEST:
                    found[room] = tuple(_question(each) for each in document["questions"])
            except (AttributeError, KeyError, TypeError, ValueError):
                continue
        return {room: questions for room, questions in found.items() if questions}

    def keep(self, room: str, questions: Sequence[Question]) -> None:
        """These wait now in a room, and no others; costs nothing if none did and none do."""
        asked = tuple(questions[:MOST])
        if asked == self._kept.get(room, ()):
            return
        self._kept[room] = asked
        at = self._now().isoformat()
        self._notes.put(room, {"at": at, "questions": [_document(each) for each in asked]})

    async def close(self) -> None:
        await self._notes.close()


def _document(question: Question) -> dict[str, Any]:
    return {
        "text": question.text,
        "said": question.said,
        "choices": {key: [_call(c) for c in calls] for key, calls in question.choices.items()},
        "lacking": _call(question.lacking) if question.lacking else None,
        "of": _call(question.of) if question.of else None,
        "asking": dict(question.asking) if question.asking is not None else None,
    }


def _question(document: Mapping[str, Any]) -> Question:
    choices = document["choices"].items()
    lacking, of = document.get("lacking"), document.get("of")
    return Question(
        str(document["text"]),
        {str(key): tuple(_as_call(call) for call in calls) for key, calls in choices},
        str(document.get("said") or ""),
        _as_call(lacking) if lacking else None,
        of=_as_call(of) if of else None,
        asking=document.get("asking"),
    )


def _call(call: Call) -> dict[str, Any]:
    return {
        "tool": call.tool,
        "arguments": dict(call.arguments),
        "response": call.response,
    }


def _as_call(document: Mapping[str, Any]) -> Call:
    return Call(str(document["tool"]), dict(document["arguments"]), str(document["response"]))
