"""The turn: what was heard becomes text, an intent, actions, and a reply. One way, on one page.

    Heard -> Utterance -> Intent -> Outcomes -> Reply
     recognizer   router    skills    replies

Everything is handed forward; onlookers (terminal, log, control socket) get the finished `Trace`
and can only read. Trouble that is expected ends a turn in a spoken sentence.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from hub.dialogue.conversation import Conversation, Question
from hub.dialogue.replies import Replies
from hub.errors import EngineError, HearthError
from hub.home.model import Home
from hub.messages import (
    Audio,
    Call,
    Heard,
    Intent,
    Reply,
    Trace,
    Utterance,
)
from hub.ports import Recognizer
from hub.router import Context, Router
from hub.router.clean import clean
from hub.router.words import words
from hub.skill import Where
from hub.skillset import Performed, Skillset

log = logging.getLogger(__name__)

Onlooker = Callable[[Trace], None]


@dataclass(slots=True)
class Stopwatch:
    """Milliseconds of each stage of a turn."""

    stages: dict[str, float] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self.stages[name] = self.stages.get(name, 0.0) + spent

    @property
    def elapsed(self) -> float:
        """Milliseconds since the beginning of the turn."""
        return (time.perf_counter() - self.begun) * 1000


@dataclass(frozen=True, slots=True)
class Understood:
    """An utterance, and what the fast tiers make of it; made while the person may still speak."""

    utterance: Utterance
    intent: Intent | None
    """None: not understood (yet)."""
    command: str
    """The likeliest reading without wake phrase and politeness; empty if that is all there is."""
    unfinished: bool
    """It stopped in the middle of a sentence."""
    answer: bool
    """A question was pending, so that a word or two may be all."""
    milliseconds: float
    """Time spent recognising."""


class Assistant:
    """Runs turns, one at a time for each room."""

    def __init__(
        self,
        *,
        home: Home,
        router: Router,
        skillset: Skillset,
        replies: Replies,
        recognizer: Recognizer | None = None,
        languages: Sequence[str] = ("en",),
        area: str | None = None,
        onlookers: Sequence[Onlooker] = (),
    ) -> None:
        self.home = home
        self.router = router
        self.skillset = skillset
        self.replies = replies
        self.languages = tuple(languages)
        self.area = area
        self._recognizer = recognizer
        self._onlookers = list(onlookers)
        self._conversations: dict[str | None, Conversation] = {}
        self._numbers = itertools.count(1)

    def conversation(self, area: str | None) -> Conversation:
        """The memory of what was said in a room."""
        return self._conversations.setdefault(area, Conversation())

    def watch(self, onlooker: Onlooker) -> Callable[[], None]:
        """Show every finished turn to `onlooker`; the result ends that."""
        self._onlookers.append(onlooker)
        return lambda: self._onlookers.remove(onlooker)

    async def understand(
        self,
        audio: Audio,
        *,
        area: str | None = None,
        language: str | None = None,
        wake: str | None = None,
    ) -> Understood:
        """Recognise what was said so far, and see whether it is a whole command. No effects."""
        if self._recognizer is None:
            raise EngineError("no recognizer is configured; set [recognizer] model")
        started = time.perf_counter()
        utterance = await self._recognizer.recognize(
            audio, language=language or self._only_language(), names=self.home.names()
        )
        milliseconds = (time.perf_counter() - started) * 1000
        intent = self.router.quick(utterance, self._context(area, wake))
        command = clean(utterance.text, words(utterance.language), wake)
        unfinished = bool(command) and self.router.unfinished(command, utterance.language)
        pending = self.conversation(area).question is not None
        return Understood(utterance, intent, command, unfinished, pending, milliseconds)

    async def hear(
        self,
        heard: Heard,
        understood: Understood | None = None,
        *,
        area: str | None = None,
        language: str | None = None,
        overlapped: bool = False,
    ) -> Trace:
        """A turn from sound. `understood` is what was made of the same speech before its end;
        `overlapped` says that this took place while silence was waited for."""
        watch = Stopwatch()
        area = area or self.area
        wake = heard.wake.phrase if heard.wake else None
        watch.stages["wake"] = heard.wake.milliseconds if heard.wake else 0.0
        watch.stages["speech_end"] = (heard.ended - heard.speech_ended) * 1000
        try:
            if understood is None:
                understood = await self.understand(
                    heard.audio, area=area, language=language, wake=wake
                )
        except HearthError as error:
            trace = self._failed(error, Utterance((), self.languages[0]), watch)
        else:
            watch.stages["recognise"] = understood.milliseconds
            trace = await self._turn(understood.utterance, area, watch, wake)
        before = watch.stages["speech_end"] + watch.stages.get("recognise", 0.0) * (not overlapped)
        stages = {**trace.stages_ms, "total": trace.stages_ms["total"] + before}
        return replace(trace, wake=heard.wake, area=area, stages_ms=stages)

    async def say(
        self, text: str, *, area: str | None = None, language: str | None = None
    ) -> Trace:
        """A turn from typed text."""
        area = area or self.area
        utterance = Utterance.typed(text, language or self.languages[0])
        trace = await self._turn(utterance, area, Stopwatch())
        return replace(trace, area=area)

    async def _turn(
        self,
        utterance: Utterance,
        area: str | None,
        watch: Stopwatch,
        wake: str | None = None,
    ) -> Trace:
        intent, performed = Intent(), []
        try:
            with watch.stage("route"):
                intent = await self._decide(utterance, area, wake)
            with watch.stage("act"):
                performed = await self._act(intent, utterance.language, area)
            reply = self._reply(utterance, intent, performed, area)
        except HearthError as error:
            return self._failed(error, utterance, watch, intent)
        watch.stages["total"] = watch.elapsed
        return Trace(
            turn=next(self._numbers),
            heard=intent.heard or utterance.text,
            hypotheses=utterance.hypotheses,
            language=utterance.language,
            intent=intent,
            outcomes=tuple(o for _, done in performed for o in done.outcomes),
            reply=reply,
            stages_ms=watch.stages,
        )

    async def _decide(self, utterance: Utterance, area: str | None, wake: str | None) -> Intent:
        """What is meant: the answer to a pending question, or a new command."""
        if not utterance.hypotheses:
            return Intent(why="no speech")
        conversation = self.conversation(area)
        words = self.replies.answers(utterance.language)
        if answered := conversation.answer(utterance, words.yes, words.no):
            return Intent(
                calls=answered.calls,
                tier="dialogue",
                score=1.0,
                heard=answered.heard,
                sentence=None if answered.calls else self.replies.dropped(utterance.language),
                why=answered.why,
                confirmed=answered.agreed,
            )
        return await self.router.route(utterance, self._context(area, wake))

    async def _act(
        self, intent: Intent, language: str, area: str | None
    ) -> list[tuple[Call, Performed]]:
        """Run the calls, in the order they were said."""
        where = Where(area, language)
        conversation = self.conversation(area)
        return [
            (
                call,
                await self.skillset.perform(
                    call, where=where, confirmed=intent.confirmed, conversation=conversation
                ),
            )
            for call in intent.calls
        ]

    def _reply(
        self,
        utterance: Utterance,
        intent: Intent,
        performed: Sequence[tuple[Call, Performed]],
        area: str | None,
    ) -> Reply:
        """Word what happened, and remember it for the next turn."""
        language = utterance.language
        conversation = self.conversation(area)
        conversation.refer_to(intent.targets)
        asked = [done.ask for _, done in performed if done.ask]
        if intent.question:
            conversation.ask(Question(intent.question, intent.choices))
            text = intent.question
        elif performed:
            text = self.replies.for_turn(performed, self.home, language)
            if asked:
                yes = tuple(call for ask in asked for call in ask.yes)
                choices = {"yes": yes} if yes else dict(asked[-1].choices)
                conversation.ask(Question(asked[-1].question, choices))
        elif not utterance.hypotheses:
            text = ""
        else:
            text = intent.sentence or self.replies.not_understood(utterance.text, language)
        conversation.replied(text)
        return Reply(text, bool(asked or intent.question), language)

    def _failed(
        self,
        error: HearthError,
        utterance: Utterance,
        watch: Stopwatch,
        intent: Intent | None = None,
    ) -> Trace:
        """Trouble that was expected: say so, and be ready for the next turn."""
        log.error("%s: %s", type(error).__name__, error)
        watch.stages["total"] = watch.elapsed
        return Trace(
            turn=next(self._numbers),
            heard=utterance.text,
            hypotheses=utterance.hypotheses,
            language=utterance.language,
            intent=intent or Intent(why=str(error)),
            outcomes=(),
            reply=Reply(error.spoken, False, utterance.language),
            stages_ms=watch.stages,
            error=type(error).__name__,
        )

    def finished(self, trace: Trace) -> None:
        """Tell the onlookers; called when the reply has begun to sound, or will not."""
        log.info(
            "turn %d: %r -> %s: %r", trace.turn, trace.heard, trace.intent.why, trace.reply.text
        )
        for onlooker in tuple(self._onlookers):
            onlooker(trace)

    def _context(self, area: str | None, wake: str | None) -> Context:
        return Context(area=area, targets=self.conversation(area).targets, wake=wake)

    def _only_language(self) -> str | None:
        """With one language configured, nothing needs to be found out."""
        return self.languages[0] if len(self.languages) == 1 else None
