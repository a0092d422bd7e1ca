"""The home's tools for programs that are not people: what `hearth mcp` has behind it.

A `Door` is asked for the tools and the home, runs a tool or takes a sentence, and is told what a
person has answered. `HomeDoor` is the door of a home in this process; `answer` lets another
process through it, over the control socket.

What a tool asks before it acts is never answered by the next sentence here, as it would be in a
room: a language model that was told to say 'yes' is no person. The question is set aside as a
`Confirmation` with a secret name, which is good once, for a minute, in the session that it arose
in. Who may use that name is for the side that knows the client to decide.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from hub.bridges.mcp_tools import Offered, described, misfit, offered
from hub.cause import caused
from hub.dialogue.answers import answers
from hub.dialogue.conversation import Conversation, Question
from hub.errors import ConfigError, HearthError
from hub.messages import Call, Outcome, Trace, Utterance
from hub.pipeline import Assistant
from hub.policy.policy import heard_by_a_model
from hub.skill import Where
from hub.skillset import Performed

log = logging.getLogger(__name__)

CONFIRM_SECONDS = 60.0
"""How long a question can be answered. A person has to be asked, and to come back to it."""
MOST_PENDING = 8
"""Questions of one session that wait; an older one is dropped."""
MOST_SESSIONS = 256
LONGEST_SESSION = 64
NOTHING_ASKED = "That answers nothing here. What must be confirmed is answered with 'confirm'."
LONGEST_TEXT = 1000
"""Characters of a sentence. The longest that people say has some two hundred."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A question that a person must answer before anything is done."""

    token: str
    question: str
    seconds: float = CONFIRM_SECONDS


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request."""

    text: str
    """In the hub's own words."""
    outcomes: tuple[Mapping[str, Any], ...] = ()
    """Of each device: `entity_id`, `name`, `state`, `confirmed`, `changed`, `error`."""
    failed: bool = False
    """Nothing was done of what was asked for."""
    confirmation: Confirmation | None = None
    """Nothing was done yet: this must be answered first."""
    choices: tuple[str, ...] = ()
    """What to choose from, where it is asked which is meant."""
    listening: bool = False
    """An answer is waited for in what is said next."""
    argument: str | None = None
    """The argument that was wrong."""
    allowed: tuple[str, ...] = ()
    """What it may be, where that can be listed."""

    def to_json(self) -> dict[str, Any]:
        asked = self.confirmation
        return {
            "text": self.text,
            "outcomes": [dict(outcome) for outcome in self.outcomes],
            "failed": self.failed,
            "confirmation": asked
            and {"token": asked.token, "question": asked.question, "seconds": asked.seconds},
            "choices": list(self.choices),
            "listening": self.listening,
            "argument": self.argument,
            "allowed": list(self.allowed),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        asked = told["confirmation"]
        return cls(
            told["text"],
            tuple(told["outcomes"]),
            told["failed"],
            Confirmation(**asked) if asked else None,
            tuple(told["choices"]),
            told["listening"],
            told["argument"],
            tuple(told["allowed"]),
        )


class Door(Protocol):
    """A home for programs. A session is a name that its user has made up: what 'it' means, and
    what was asked, is remembered by it. All raise HearthError where nothing can be asked."""

    async def tools(self) -> list[Offered]: ...

    async def home(self, area: str | None = None, domain: str | None = None) -> dict[str, Any]:
        """Floors, areas and devices with their states; of one room or one kind only, if given."""
        ...

    async def call(self, session: str, tool: str, arguments: Mapping[str, Any]) -> Done: ...

    async def say(
        self, session: str, text: str, area: str | None = None, language: str | None = None
    ) -> Done: ...

    async def confirm(self, session: str, token: str, agreed: bool) -> Done:
        """Answer a `Confirmation` of this session."""
        ...


@dataclass(frozen=True, slots=True)
class _Pending:
    """What waits for a person: calls, or the questions of a conversation."""

    where: Where
    until: float
    calls: tuple[Call, ...] = ()
    questions: tuple[Question, ...] = ()


@dataclass(slots=True)
class _Session:
    assistant: Assistant
    pending: OrderedDict[str, _Pending] = field(default_factory=OrderedDict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class HomeDoor:
    """The door of a home in this process. `clock` counts seconds and never goes back."""

    def __init__(self, assistant: Assistant, clock: Callable[[], float] = time.monotonic) -> None:
        self._assistant = assistant
        self._clock = clock
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    async def tools(self) -> list[Offered]:
        return offered(self._assistant.skillset.specs())

    async def home(self, area: str | None = None, domain: str | None = None) -> dict[str, Any]:
        home = self._assistant.home
        return described(home, self._assistant.place(area), domain)

    async def call(self, session: str, tool: str, arguments: Mapping[str, Any]) -> Done:
        chosen = next((one for one in await self.tools() if one.name == tool), None)
        if chosen is None:
            raise HearthError(f"there is no tool '{tool}'")
        if wrong := misfit(chosen, arguments, self._assistant.home):
            return Done(wrong.text, failed=True, argument=wrong.argument, allowed=wrong.allowed)
        known = self._session(session)
        where = Where(self._assistant.area, self._assistant.languages[0])
        return await self._run(known, (Call(chosen.tool, dict(arguments)),), where)

    async def say(
        self, session: str, text: str, area: str | None = None, language: str | None = None
    ) -> Done:
        if len(text) > LONGEST_TEXT:
            return Done(
                f"'text' is one sentence, of at most {LONGEST_TEXT} characters.",
                failed=True,
                argument="text",
            )
        spoken = language or self._assistant.languages[0]
        if spoken not in self._assistant.languages:
            return Done(
                f"'{spoken}' is none of the languages of this hub.",
                failed=True,
                argument="language",
                allowed=self._assistant.languages,
            )
        try:
            room = self._assistant.place(area) or self._assistant.area
        except ConfigError as error:
            rooms = tuple(a.name for a in self._assistant.home.areas.values())
            return Done(str(error), failed=True, argument="area", allowed=rooms)
        known = self._session(session)
        async with known.turn:
            return await self._say(known, text, Where(room, spoken))

    async def confirm(self, session: str, token: str, agreed: bool) -> Done:
        known = self._session(session)
        pending = self._taken(known, token)
        if pending is None:
            return Done(
                "No question of this session waits for that answer: it was answered already, "
                f"or is older than {CONFIRM_SECONDS:.0f} seconds. Nothing was done.",
                failed=True,
                argument="confirmation",
            )
        where = pending.where
        if pending.calls:
            if agreed:
                return await self._run(known, pending.calls, where, confirmed=True)
            return Done(self._assistant.replies.dropped(where.language))
        async with known.turn:
            known.assistant.conversation(where.area).ask(*pending.questions)
            # The answer is said as a person would, so that what follows from it follows here, too.
            words = answers(where.language)
            return await self._say(known, (words.yes if agreed else words.no)[0], where)

    async def _run(
        self,
        session: _Session,
        calls: Sequence[Call],
        where: Where,
        *,
        confirmed: bool = False,
    ) -> Done:
        """Run calls, one after the other, and word what became of them."""
        conversation = session.assistant.conversation(where.area)
        with caused("phone", area=where.area), heard_by_a_model():
            performed = [
                (
                    call,
                    await self._assistant.skillset.perform(
                        call, where=where, confirmed=confirmed, conversation=conversation
                    ),
                )
                for call in calls
            ]
        replies, home = self._assistant.replies, self._assistant.home
        text = replies.for_turn(performed, home, where.language)
        for call in calls:
            log.info("%s %s -> %r", call.tool, dict(call.arguments), text)
        return self._told(session, performed, where, text or "Nothing was reported back.")

    def _told(
        self,
        session: _Session,
        performed: Sequence[tuple[Call, Performed]],
        where: Where,
        text: str,
    ) -> Done:
        every = [done for _, done in performed]
        outcomes = [outcome for done in every for outcome in done.outcomes]
        missing = next((done.missing for done in every if done.missing), None)
        # Which device is meant the client can say by itself, with another call.
        asks = [done.ask for done in every if done.ask and done.ask.yes and not done.missing]
        asked = None
        if asks:
            yes = tuple(call for ask in asks for call in ask.yes)
            question = " ".join(ask.question for ask in asks)
            asked = self._set_aside(session, question, _Pending(where, self._until(), calls=yes))
        choices = next((tuple(done.ask.choices) for done in every if done.ask), ())
        unfit = next((done.unfit for done in every if done.unfit), None)
        wrong = bool(missing or unfit or any(done.error for done in every))
        allowed: tuple[str, ...] = ()
        if missing is not None:
            allowed = tuple(entity.entity_id for entity in missing.candidates)
        return Done(
            text,
            tuple(_outcome(outcome) for outcome in outcomes),
            failed=wrong or (bool(outcomes) and all(o.error for o in outcomes)),
            confirmation=asked,
            choices=choices,
            argument=unfit.parameter if unfit else missing.reason if missing else None,
            allowed=allowed,
        )

    async def _say(self, session: _Session, text: str, where: Where) -> Done:
        """A turn of the session's own conversation."""
        with caused("phone", area=where.area), heard_by_a_model():
            trace = await session.assistant.say(text, area=where.area, language=where.language)
        conversation = session.assistant.conversation(where.area)
        # Nothing may be awaited between the turn and this: no sentence may find the question.
        questions = _yes_or_no(conversation, where.language)
        asked = None
        if questions:
            pending = _Pending(where, self._until(), questions=questions)
            asked = self._set_aside(session, questions[0].text, pending)
        open_question = conversation.question
        self._assistant.finished(trace)
        return Done(
            trace.reply.text or NOTHING_ASKED,
            tuple(_outcome(outcome) for outcome in trace.outcomes),
            failed=_failed(trace) and asked is None,
            confirmation=asked,
            choices=tuple(open_question.choices) if open_question else (),
            listening=open_question is not None,
        )

    def _session(self, name: str) -> _Session:
        if not 0 < len(name) <= LONGEST_SESSION:
            raise HearthError(f"a session has a name of 1 to {LONGEST_SESSION} characters")
        known = self._sessions.get(name)
        if known is None:
            # With a memory of its own: no session hears of another.
            known = self._sessions[name] = _Session(self._assistant.aside())
        self._sessions.move_to_end(name)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return known

    def _until(self) -> float:
        return self._clock() + CONFIRM_SECONDS

    def _set_aside(self, session: _Session, question: str, pending: _Pending) -> Confirmation:
        token = secrets.token_urlsafe(16)
        session.pending[token] = pending
        while len(session.pending) > MOST_PENDING:
            session.pending.popitem(last=False)
        return Confirmation(token, question)

    def _taken(self, session: _Session, token: str) -> _Pending | None:
        """What waits under this name; it is gone with that, whatever the answer is."""
        pending = session.pending.pop(token, None)
        return pending if pending and self._clock() <= pending.until else None


def _yes_or_no(conversation: Conversation, language: str) -> tuple[Question, ...]:
    """Take out the yes-or-no questions that are to be answered next."""
    no = Utterance.typed(answers(language).no[0], language)
    taken: list[Question] = []
    while (question := conversation.question) is not None and question.closed:
        taken.append(question)
        conversation.answer(no, answers(language))
    return tuple(taken)


def _failed(trace: Trace) -> bool:
    if trace.error or not trace.intent.understood:
        # An answer of 'no' does nothing, and was understood.
        return bool(trace.error) or trace.intent.tier != "dialogue"
    return bool(trace.outcomes) and all(outcome.error for outcome in trace.outcomes)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "entity_id": outcome.entity_id,
        "name": outcome.name,
        "state": outcome.state,
        "confirmed": outcome.confirmed,
        "changed": outcome.changed,
        "error": outcome.error,
    }


async def answer(door: Door, request: Mapping[str, Any]) -> dict[str, Any]:
    """Take the request of another process: `{"do": "say", "session": …, "text": …}`.

    The answer has `tools`, `home` or `done`; or `error`, with the reason."""
    try:
        match request:
            case {"do": "tools"}:
                return {"tools": [tool.to_json() for tool in await door.tools()]}
            case {"do": "home"}:
                area, domain = _texts(request, "area", "domain")
                return {"home": await door.home(area, domain)}
            case {"do": "call", "session": str(session), "tool": str(tool), "arguments": dict(of)}:
                return {"done": (await door.call(session, tool, of)).to_json()}
            case {"do": "say", "session": str(session), "text": str(text)}:
                area, language = _texts(request, "area", "language")
                return {"done": (await door.say(session, text, area, language)).to_json()}
            case {"do": "confirm", "session": str(session), "token": str(token)}:
                agreed = request.get("agreed") is True
                return {"done": (await door.confirm(session, token, agreed)).to_json()}
    except HearthError as error:
        return {"error": str(error)}
    return {"error": "known to 'mcp' are tools, home, call, say and confirm"}


def _texts(request: Mapping[str, Any], *names: str) -> list[str | None]:
    given = [request.get(name) for name in names]
    for name, value in zip(names, given, strict=True):
        if value is not None and not isinstance(value, str):
            raise HearthError(f"'{name}' is text or null")
    return given
