"""The turn: what was heard becomes text, an intent, actions, and a reply. One way, on one page.

    Heard -> Utterance -> Intent -> Outcomes -> Reply
     recognizer   router    skills    replies

Everything is handed forward; onlookers (terminal, log, control socket) get the finished `Trace`
and can only read. Trouble that is expected ends a turn in a spoken sentence.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from rapidfuzz import fuzz

from hub.activity import Activity
from hub.cause import Cause, because, cause
from hub.config import RoomSettings
from hub.dialogue.answers import Answers, answers
from hub.dialogue.conversation import Answered, Conversation, Question, means
from hub.dialogue.pending import Pending
from hub.dialogue.replies import Replies
from hub.dialogue.tongue import familiar
from hub.errors import ConfigError, EngineError, HearthError
from hub.home.guarded import needs_yes, unknown
from hub.home.model import Entity, Home, normal
from hub.messages import (
    Audio,
    Call,
    Heard,
    Hypothesis,
    Intent,
    Reply,
    Trace,
    Utterance,
)
from hub.policy import R3
from hub.ports import Recognizer, ThoroughRecognizer
from hub.router import Context, Router
from hub.router.clean import addressed, called, clean, spoken
from hub.router.learned import Corrections
from hub.router.words import words
from hub.skill import Where
from hub.skills.handling import Later, Performed
from hub.skills.second import SECRET, AskedForPin
from hub.skillset import Skillset
from hub.weighing import DOUBTFUL, EXPECTED, Weighed, anything, believed, doubtful, ended

log = logging.getLogger(__name__)

Onlooker = Callable[[Trace], None]

Aloud = Callable[[str, str | None, str], Awaitable[None]]
"""Says something (text, room, language) when nobody is talked with."""

CERTAIN = 0.9
"""Score from which what is said while a tool waits for an answer is a command of its own."""
ANSWERS = ("conversation.hello", "conversation.thanks", "timers.lasting")
"""Tools for what may as well be an answer to what a tool has asked."""
AGAIN = "conversation.say_again"

SAME_SOUND = 60
"""Likeness (`rapidfuzz.fuzz.ratio`, 0-100) that a reading with the home's names must have to the
one without: a recognizer that is given names may write them over a noise."""


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
    """It answers the pending question, and needs no more words."""
    milliseconds: float
    """Time spent recognising."""
    called: bool = False
    """Nothing was said but the wake phrase: what is wanted is still to come."""
    behind: bool = False
    """It is more than a wake phrase, for certain."""


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
        learns: bool = True,
        clock: Callable[[], float] = time.monotonic,
        rooms: Mapping[str, RoomSettings] | None = None,
        elsewhere: bool = False,
    ) -> None:
        """`learns`: what is said again after it was not understood may become a device's name.
        `clock`: seconds for what is forgotten after a while. `rooms`: what is known of the
        satellites, by the names of their rooms. `elsewhere`: all that is said is one conversation,
        whatever room it is about."""
        self.home = home
        self.router = router
        self.skillset = skillset
        self.replies = replies
        self.languages = tuple(languages)
        self.area = area
        self._recognizer = recognizer
        self._onlookers = list(onlookers)
        self._corrections = Corrections() if learns else None
        self._clock = clock
        self._rooms = dict(rooms or {})
        self._elsewhere = elsewhere
        self.pending: Pending | None = None
        """Where questions wait that outlive the hub, if they do."""
        self._conversations: dict[str | None, Conversation] = {}
        self._locks: dict[str | None, asyncio.Lock] = {}
        self._numbers = itertools.count(1)
        self.activity = Activity()
        """What goes on in the rooms, for whoever looks."""
        self.on_sound: Callable[[Audio, Trace], None] | None = None
        """Is given what was heard, where the settings say that it is kept for a while."""
        self.aloud: Aloud | None = None
        """How a tool is heard after its turn; None: whoever asks waits until it is done."""

    def aside(self, *, recognizer: Recognizer | None = None, at_home: bool = True) -> Assistant:
        """One for the same home that remembers nothing and has no onlookers: for whoever has no
        part in the conversations of the rooms. `at_home`: what names no room is said in this
        one's."""
        return Assistant(
            home=self.home,
            router=self.router,
            skillset=self.skillset,
            replies=self.replies,
            recognizer=recognizer,
            languages=self.languages,
            area=self.area if at_home else None,
            learns=False,
            clock=self._clock,
            rooms=self._rooms,
            elsewhere=True,
        )

    def conversation(self, area: str | None) -> Conversation:
        """The memory of what was said in a room."""
        key = None if self._elsewhere else area
        return self._conversations.setdefault(key, Conversation(self._clock))

    async def remember(self, pending: Pending) -> None:
        """Take up the questions that waited when the hub ended, and keep those that wait."""
        self.pending = pending
        for room, questions in (await pending.load()).items():
            self.conversation(room or None).ask(*(self._reopened(each) for each in questions))

    def _reopened(self, question: Question) -> Question:
        """A question of before; a tool that asked it is begun anew when it is answered."""
        if question.of is None or question.asking is None:
            return question
        begun = Reopened(question.text, question.of, question.asking, self)
        return replace(question, waiting=begun)

    def _keep_questions(self, area: str | None) -> None:
        if self.pending is not None:
            kept = [each for each in self.conversation(area).waiting if self._may_wait(each)]
            self.pending.keep(area or "", kept)

    def _may_wait(self, question: Question) -> bool:
        """Whether a question may be answered after the hub was started again: never what lets
        somebody in, or may."""
        if question.of is not None:
            return question.asking is not None and not self.skillset.delicate(question.of.tool)
        if not question.closed:
            return True  # whatever is chosen is asked about, if that is needed
        return not any(self._delicate(call) for call in question.choices.get("yes", ()))

    def _delicate(self, call: Call) -> bool:
        named = str(call.arguments.get("name", ""))
        if not named:
            return self.skillset.delicate(call.tool)
        known, wanted = self.home.entities, normal(named)
        found = [known[named]] if named in known else []
        found = found or [e for e in known.values() if wanted in map(normal, e.names)]
        highest = self.skillset.policy.highest
        return not found or any(highest(e).risk == R3 or _dangerous(e) for e in found)

    def _room(self, area: str | None) -> RoomSettings | None:
        """What is known of the satellite in a room."""
        if area is None or self._elsewhere:
            return None
        same = (room for name, room in self._rooms.items() if normal(name) == normal(area))
        return next(same, None)

    def _spoken_in(self, area: str | None, language: str | None) -> str | None:
        """The language that is spoken in a room, if only one can be meant."""
        room = self._room(area)
        return language or (room.language if room else None) or self._only_language()

    def _typed(self, text: str, area: str | None, language: str | None) -> Utterance:
        """A text, in the language it is in: the one in which it answers what was asked, or is
        understood, or has most of the small words."""
        if chosen := self._spoken_in(area, language):
            return Utterance.typed(text, chosen)
        conversation = self.conversation(area)
        before = conversation.language
        order = dict.fromkeys((*((before,) if before else ()), *self.languages))

        def worth(code: str) -> tuple[bool, bool, float]:
            said = Utterance.typed(text, code)
            answer = conversation.would_answer(_addressed(said, None), answers(code))
            known = self.router.understands(said, self._context(area, None))
            return answer is not None, known, familiar(text, code)

        return Utterance.typed(text, max(order, key=worth))

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
            audio, language=self._spoken_in(area or self.area, language)
        )
        if (waiting := self._secret(area)) is not None:
            return _only_heard(utterance, waiting, wake, started)
        context = self._context(area, wake)
        said = _more_than_wake(utterance, wake)
        intent = self.router.quick(said, context) if said.hypotheses else None
        command = clean(utterance.text, words(utterance.language), wake)
        unfinished = bool(command) and self.router.unfinished(command, utterance.language)
        answer = self._answer(utterance, area, wake)
        if intent is None and answer is None and said.text != utterance.text:
            milliseconds = (time.perf_counter() - started) * 1000
            return Understood(utterance, None, "", False, False, milliseconds, called=True)
        if intent is not None and intent.guessed and utterance.hypotheses[0].score < DOUBTFUL:
            utterance, meant = await self._reconsidered(audio, utterance, context, guessed=True)
            intent = meant or intent
        if intent is None and answer is None and command:
            utterance, intent = await self._filled_in(audio, utterance, context)
        missed = intent is None and answer is None and bool(command) and not unfinished
        if missed and not self._clear(utterance, context):
            utterance, intent, answer = await self._thoroughly(audio, utterance, area, wake)
        if missed and intent is None and answer is None:
            # More is waited for now, longer than the model takes.
            self.router.ahead(utterance, context)
        milliseconds = (time.perf_counter() - started) * 1000
        # After a 'yes' more is waited for: it may be 'yes, but not now'.
        settled = answer is not None and not answer.agreed
        behind = answer is not None or _behind_wake(utterance, intent, wake)
        return Understood(
            utterance, intent, command, unfinished, settled, milliseconds, behind=behind
        )

    def _clear(self, utterance: Utterance, context: Context) -> bool:
        """Whether it was heard well, and is a whole sentence that may go on: 'three times nine'."""
        if not utterance.hypotheses or utterance.hypotheses[0].score < DOUBTFUL:
            return False
        return self.router.understands(utterance, context)

    async def _thoroughly(
        self, audio: Audio, first: Utterance, area: str | None, wake: str | None
    ) -> tuple[Utterance, Intent | None, Answered | None]:
        """What is not understood, heard again in all the ways there are."""
        context = self._context(area, wake)
        utterance = await self._heard_again(audio, first, context)
        if utterance is not first:
            intent = self.router.quick(utterance, context)
            answer = self._answer(utterance, area, wake)
            if intent is not None or answer is not None:
                return utterance, intent, answer
        utterance, intent = await self._reconsidered(audio, utterance, context)
        if intent is None:
            command = clean(first.text, words(first.language), wake)
            verbs = await self._by_ear(audio, command, utterance.language, context)
            utterance = _with_readings(utterance, verbs)
            intent = self.router.quick(utterance, context)
        return utterance, intent, None

    async def _by_ear(
        self, audio: Audio, command: str, language: str, context: Context
    ) -> Sequence[str]:
        """The command with other verbs at its beginning, of which the rules make something and
        which the sound makes nearly as likely. Where they make free text of the rest, which may be
        anything, they must be likelier: 'people followed him' is no wish to play something."""
        found = {}
        for text in self.router.by_ear(command, language):
            intent = self.router.quick(_of_one(text, language), context, ended=True)
            if intent is not None:
                calls = [intent.calls, *intent.choices.values()]
                found[text] = any(anything(each) for each in calls)
        if not found or not isinstance(self._recognizer, ThoroughRecognizer):
            return [*found]
        try:
            heard, weights = await self._weights(audio, (command, *found), language)
        except EngineError as error:
            log.warning("not weighed: %s", error)
            return ()
        return [
            text
            for weight, (text, free) in zip(weights, found.items(), strict=True)
            if weight >= heard - (0.0 if free else EXPECTED)
        ]

    async def _heard_out(
        self, audio: Audio, understood: Understood, area: str | None, wake: str | None
    ) -> Understood:
        """What stopped in the middle of a sentence, and yet is all that was said: its end may have
        been misheard."""
        first = understood.utterance
        if understood.intent is not None or not understood.unfinished:
            return understood
        if self.conversation(area).question is not None:
            return understood  # it may be an answer
        if self.router.understands(first, self._context(area, wake)):
            return understood
        started = time.perf_counter()
        utterance, intent, _ = await self._thoroughly(audio, first, area, wake)
        milliseconds = understood.milliseconds + (time.perf_counter() - started) * 1000
        return replace(understood, utterance=utterance, intent=intent, milliseconds=milliseconds)

    def hears_secret(self, area: str | None) -> bool:
        """Whether a PIN is waited for in a room: what is said then is for nobody else."""
        return self._secret(area) is not None

    def _secret(self, area: str | None) -> AskedForPin | None:
        """What waits in a room for a PIN, if anything does: then nobody else hears what is said."""
        question = self.conversation(area).question
        waiting = question.waiting if question is not None else None
        return waiting if isinstance(waiting, AskedForPin) else None

    def _told_a_secret(
        self, said: Utterance, waiting: AskedForPin, area: str | None, known: Answers
    ) -> Intent | None:
        """What is said when a PIN was asked for. None for a command that has no number in it:
        that is no PIN, and no part of one."""
        conversation, language = self.conversation(area), said.language
        readings = [hypothesis.text for hypothesis in said.hypotheses]
        if conversation.would_answer(said, known) is not None:
            conversation.answer(said, known)
            return _about_secret(self.replies.dropped(language), "dropped: a PIN")
        if digits := waiting.digits(readings, language):
            calls = conversation.take(SECRET).calls
            return replace(
                _about_secret(None, "a PIN"),
                calls=calls,
                score=1.0,
                resumes=lambda: waiting.answer(digits),
            )
        if not waiting.numbers(readings, language):
            command = self.router.quick(said, self._context(area, None))
            if command is not None and command.score >= CERTAIN:
                return None
        if conversation.ask_again():
            return _about_secret("", "no PIN was heard")
        waiting.drop()
        return _about_secret(self.replies.dropped(language), "no PIN was heard")

    def _answer(self, utterance: Utterance, area: str | None, wake: str | None) -> Answered | None:
        """What it would be as an answer to what was asked in the room."""
        said = _addressed(utterance, wake)
        return self.conversation(area).would_answer(said, answers(utterance.language))

    async def _filled_in(
        self, audio: Audio, first: Utterance, context: Context
    ) -> tuple[Utterance, Intent | None]:
        """The utterance with the way to fill in a skill's form that is likeliest by the sound, if
        what was recognised is nearly such a sentence. It is heard once more with the words of that
        form in mind: 'dark rose' is 'dark roast' where coffee is ordered."""
        sentences = self.router.form_words(first, context)
        if not sentences or not isinstance(self._recognizer, ThoroughRecognizer):
            return first, None
        try:
            again = await self._recognizer.readings(audio, language=first.language, names=sentences)
            score = first.hypotheses[0].score
            more = tuple(replace(each, score=score, prompted=True) for each in again.hypotheses)
            found = self.router.filled_in(
                replace(first, hypotheses=first.hypotheses + more), context
            )
            if not found:
                return first, None
            texts = (first.text, *(text for text, _, _ in found))
            heard, weights = await self._weights(audio, texts, first.language)
        except EngineError as error:
            log.warning("heard once only: %s", error)
            return first, None
        # Both tell: the sound as a whole, and how far the likeliest readings are from it.
        place = max(range(len(found)), key=lambda n: weights[n] - found[n][2])
        text, call, _ = found[place]
        if weights[place] < heard - EXPECTED * (1 + len(call.arguments)):
            return first, None
        told = _with_readings(first, (text,))
        return told, self.router.quick(told, context)

    async def _heard_again(self, audio: Audio, first: Utterance, context: Context) -> Utterance:
        """The utterance with readings in which the home's own names were listened for.

        What is understood at once never pays for it, and is never bent towards a name."""
        names = self.router.suspects(first, context)
        if self._recognizer is None or not names:
            return first
        try:
            again = await self._recognizer.recognize(audio, language=first.language, names=names)
        except EngineError as error:
            log.warning("heard once only: %s", error)
            return first
        more = tuple(
            replace(hypothesis, score=first.hypotheses[0].score, prompted=True)
            for hypothesis in again.hypotheses
            if _same_words(hypothesis, first, names)
        )
        return replace(first, hypotheses=first.hypotheses + more) if more else first

    async def _reconsidered(
        self, audio: Audio, first: Utterance, context: Context, *, guessed: bool = False
    ) -> tuple[Utterance, Intent | None]:
        """The utterance with the sentence that the rules understand and that is likeliest by the
        sound, of those that sound like what was recognised; if it is likely enough. `guessed`:
        something is understood already, but not word for word."""
        if not isinstance(self._recognizer, ThoroughRecognizer) or not first.hypotheses:
            return first, None
        try:
            wide = await self._recognizer.readings(audio, language=first.language)
            known = {normal(hypothesis.text) for hypothesis in first.hypotheses}
            more = tuple(each for each in wide.hypotheses if normal(each.text) not in known)
            whole = replace(first, hypotheses=first.hypotheses + more)
            found = self.router.misheard(whole, context)
            if not found:
                return first, None
            heard, weighed = await self._weighed(audio, first, found)
        except EngineError as error:
            log.warning("not weighed: %s", error)
            return first, None
        readings = [each.text for each in whole.hypotheses if not each.prompted]
        belief = believed(
            readings,
            heard,
            weighed,
            language=first.language,
            score=first.hypotheses[0].score,
            guessed=guessed,
        )
        if belief is None:
            return first, None
        told = _with_readings(first, (belief.said.text,))
        intent = self.router.quick(told, context)
        if belief.sure:
            return told, intent
        asked = self._doubted(intent, belief.said, first.language)
        return (told, asked) if asked else (first, None)

    def _doubted(self, intent: Intent | None, said: Weighed, language: str) -> Intent | None:
        """What is asked back instead of doing what perhaps nobody said. None in a language in which
        the hub cannot ask."""
        question = self.replies.did_you_mean(said.text, language)
        if not question:
            return None
        meant = intent or Intent(tier="rules", heard=said.text, why="heard so")
        return replace(
            meant,
            calls=(),
            question=question,
            choices={"yes": said.calls},
            doubted=True,
            why=f"{meant.why}; doubtful by the sound",
        )

    def _asked_back(self, intent: Intent, language: str) -> Intent:
        """What was understood, as a question. What a model made of words that nobody said cannot be
        asked about with them."""
        if intent.tier != "model":
            said = Weighed(intent.heard, intent.calls, 0.0)
            if asked := self._doubted(intent, said, language):
                return asked
        return Intent(heard=intent.heard, why=f"{intent.why}; not heard so")

    async def _weighed(
        self, audio: Audio, first: Utterance, found: Sequence[tuple[str, tuple[Call, ...], float]]
    ) -> tuple[float, list[Weighed]]:
        """How likely the sound makes what was recognised, and each of the sentences that may have
        been said. Raises EngineError."""
        texts = (first.text, *(text for text, _, _ in found))
        heard, weights = await self._weights(audio, texts, first.language)
        weighed = [
            Weighed(text, calls, weight - free, free)
            for weight, (text, calls, free) in zip(weights, found, strict=True)
        ]
        return heard, weighed

    async def _weights(
        self, audio: Audio, texts: Sequence[str], language: str
    ) -> tuple[float, list[float]]:
        """How likely the sound makes the first of these texts, and each of the others. Raises
        EngineError."""
        assert isinstance(self._recognizer, ThoroughRecognizer)
        whole = [ended(text) for text in texts]
        heard, *others = await self._recognizer.weigh(audio, whole, language=language)
        log.debug("weighed: %s %.1f, %s", texts[0], heard, [*zip(others, texts[1:], strict=True)])
        return heard, others

    async def hear(
        self,
        heard: Heard,
        understood: Understood | None = None,
        *,
        area: str | None = None,
        language: str | None = None,
        person: str | None = None,
        overlapped: bool = False,
    ) -> Trace:
        """A turn from sound. `understood` is what was made of the same speech before its end;
        `overlapped` says that this took place while silence was waited for.

        Raises ConfigError for a room that the home does not have."""
        watch = Stopwatch()
        area = self.place(area) or self.area
        wake = heard.wake.phrase if heard.wake else None
        watch.stages["wake"] = heard.wake.milliseconds if heard.wake else 0.0
        watch.stages["speech_end"] = (heard.ended - heard.speech_ended) * 1000
        try:
            if understood is None:
                understood = await self.understand(
                    heard.audio, area=area, language=language, wake=wake
                )
            understood = await self._heard_out(heard.audio, understood, area, wake)
        except HearthError as error:
            trace = self._failed(error, Utterance((), self.languages[0]), watch)
        else:
            watch.stages["recognise"] = understood.milliseconds
            trace = await self._turn(
                understood.utterance, area, watch, wake, understood.intent, person
            )
        before = watch.stages["speech_end"] + watch.stages.get("recognise", 0.0) * (not overlapped)
        stages = {**trace.stages_ms, "total": trace.stages_ms["total"] + before}
        if self.on_sound is not None:
            self.on_sound(heard.audio, trace)
        return replace(trace, wake=heard.wake, area=area, stages_ms=stages)

    async def say(
        self,
        text: str,
        *,
        area: str | None = None,
        language: str | None = None,
        person: str | None = None,
    ) -> Trace:
        """A turn from typed text; `person`: whose it is, if that is known.

        Raises ConfigError for a room that the home does not have."""
        area = self.place(area) or self.area
        # What is no Unicode text, such as half of an emoji, is written to no file.
        text = text.encode("utf-8", "replace").decode("utf-8")
        utterance = self._typed(text, area, language)
        trace = await self._turn(utterance, area, Stopwatch(), person=person)
        return replace(trace, area=area)

    async def do(
        self,
        calls: Sequence[Call],
        shown: str,
        *,
        area: str | None = None,
        language: str | None = None,
        person: str | None = None,
    ) -> Trace:
        """A turn without words: somebody has chosen on a screen what is to be done. `shown` is what
        they saw there, and stands in the history. What comes first comes first here, too.

        Raises ConfigError for a room that the home does not have."""
        area = self.place(area) or self.area
        self.conversation(area).forget()  # it answers nothing that was asked
        intent = Intent(tuple(calls), "phrase", 1.0, shown, why="chosen on a screen")
        utterance = Utterance.typed(shown, language or self.languages[0])
        trace = await self._turn(
            utterance, area, Stopwatch(), known=intent, person=person, chosen=True
        )
        return replace(trace, area=area)

    async def _turn(
        self,
        utterance: Utterance,
        area: str | None,
        watch: Stopwatch,
        wake: str | None = None,
        known: Intent | None = None,
        person: str | None = None,
        chosen: bool = False,
    ) -> Trace:
        """A turn; what is done in it is known by its token. `chosen`: what is `known` was not said,
        and answers nothing."""
        outer, room = cause() or Cause("voice"), self._room(area)
        person = person or (room.person if room else None)
        own = Cause(outer.source, area, person or outer.person, secrets.token_hex(8))
        with because(own):
            trace = await self._taken(utterance, area, watch, wake, known, chosen)
        return replace(trace, token=own.turn, source=own.source, person=own.person)

    async def _taken(
        self,
        utterance: Utterance,
        area: str | None,
        watch: Stopwatch,
        wake: str | None = None,
        known: Intent | None = None,
        chosen: bool = False,
    ) -> Trace:
        intent, performed = Intent(), []
        async with self._locks.setdefault(area, asyncio.Lock()):
            try:
                with watch.stage("route"):
                    if chosen and known is not None:
                        intent = known
                    else:
                        intent = await self._decide(utterance, area, wake, known)
                if intent.heard == SECRET:
                    utterance = Utterance.typed(SECRET, utterance.language)
                with watch.stage("act"):
                    said = _as_written(utterance, intent.heard)
                    performed = await self._act(intent, utterance.language, area, said)
                reply = self._reply(utterance, intent, performed, area)
                self._learn(utterance, intent, performed, area, wake)
            except HearthError as error:
                return self._failed(error, utterance, watch, intent)
            finally:
                self._keep_questions(area)
        watch.stages["total"] = watch.elapsed
        return Trace(
            turn=next(self._numbers),
            heard=intent.heard or utterance.text,
            hypotheses=utterance.hypotheses,
            language=utterance.language,
            intent=intent,
            outcomes=tuple(o for _, done in performed for o in done.outcomes),
            reply=reply,
            stages_ms=dict(watch.stages),
        )

    async def _decide(
        self, utterance: Utterance, area: str | None, wake: str | None, known: Intent | None
    ) -> Intent:
        """What is meant: the answer to a pending question, or a new command. `known` is what the
        router has made of it already."""
        if not utterance.hypotheses:
            return Intent(why="no speech")
        language = utterance.language
        known_answers = answers(language)
        conversation = self.conversation(area)
        said = _addressed(utterance, wake)
        if (waiting := self._secret(area)) is not None:
            if secret := self._told_a_secret(said, waiting, area, known_answers):
                return secret
            known = self.router.quick(said, self._context(area, wake))
        elif conversation.question is not None and conversation.question.waiting is not None:
            if isinstance(conversation.question.waiting, Reopened):
                conversation.question.waiting.where = self._where(area, language)
            known = known or self.router.quick(utterance, self._context(area, wake))
            if told := self._told_a_tool(said, conversation, known):
                return told
        if answered := conversation.answer(said, known_answers):
            return Intent(
                calls=answered.calls,
                tier="dialogue",
                score=1.0,
                heard=answered.heard,
                sentence=_told(answered, self.replies.dropped(language)),
                why=answered.why,
                confirmed=answered.agreed,
            )
        intent = known or await self.router.route(utterance, self._context(area, wake))
        if doubtful(intent, utterance, clean(utterance.text, words(language), wake)):
            intent = self._asked_back(intent, language)
        if not intent.understood and means(said, known_answers.yes + known_answers.no):
            return replace(intent, sentence="", why="a yes or no, but nothing was asked")
        return intent

    def _told_a_tool(
        self, said: Utterance, conversation: Conversation, command: Intent | None
    ) -> Intent | None:
        """What is said while a tool waits: its answer, unless it is a command of its own."""
        question = conversation.question
        assert question is not None and question.waiting is not None
        language = said.language
        if found := conversation.would_answer(said, answers(language)):
            conversation.answer(said, answers(language))
            if found.waiting is None:
                dropped = self.replies.dropped(language)
                return Intent(tier="dialogue", heard=found.heard, sentence=dropped, why=found.why)
            return _resuming(found)
        called = {call.tool for call in command.calls} if command else set()
        if called == {AGAIN}:
            return Intent(tier="dialogue", score=1.0, heard=said.text, sentence="", why="once more")
        if command and command.score >= CERTAIN and not called <= set(ANSWERS):
            return None
        if not question.waiting.free:
            if not conversation.ask_again():
                return None
            sentence = self.replies.not_understood(said.text, language)
            return Intent(tier="dialogue", heard=said.text, sentence=sentence, why="no such answer")
        return _resuming(conversation.take(said.text))

    async def _act(
        self, intent: Intent, language: str, area: str | None, said: str = ""
    ) -> list[tuple[Call, Performed]]:
        """Run the calls, in the order they were said. `said`: the sentence as it was written."""
        if intent.resumes is not None:
            performed = [(intent.calls[0], await intent.resumes())]
        else:
            where = self._where(area, language, said or intent.heard)
            later = self.later(where) if self.aloud else None
            performed = [
                (
                    call,
                    await self.skillset.perform(
                        call,
                        where=where,
                        confirmed=intent.confirmed,
                        conversation=self.conversation(area),
                        later=later,
                    ),
                )
                for call in intent.calls
            ]
        self.conversation(area).did([deed for _, done in performed for deed in done.deeds])
        return performed

    def _where(self, area: str | None, language: str, said: str = "") -> Where:
        who = cause()
        return Where(area, language, who.person if who else None, said=said)

    async def again(self, call: Call, where: Where) -> Performed:
        """Begin a call again that was interrupted by the end of the hub."""
        later = self.later(where) if self.aloud else None
        memory = self.conversation(where.area)
        return await self.skillset.perform(call, where=where, conversation=memory, later=later)

    def later(self, where: Where) -> Later:
        """How what a tool says after its turn is worded and said."""

        async def tell(call: Call, done: Performed) -> None:
            text = self.replies.for_turn([(call, done)], self.home, where.language)
            self.conversation(where.area).did(done.deeds)
            if text and self.aloud is not None:
                await self.aloud(text, where.area, where.language)

        return tell

    def _learn(
        self,
        utterance: Utterance,
        intent: Intent,
        performed: Sequence[tuple[Call, Performed]],
        area: str | None,
        wake: str | None,
    ) -> None:
        """Remember what was not understood, and what was understood when it was said again."""
        known = words(utterance.language)
        text = clean(utterance.text, known, wake)
        if self._corrections is None or not text or intent.tier == "dialogue":
            return
        now = self._clock()
        if not any(done.outcomes or done.answer or done.ask for _, done in performed):
            if not intent.question:
                self._corrections.missed(area, text, now)
            return
        outcomes = [outcome for _, done in performed for outcome in done.outcomes]
        if len(outcomes) != 1 or outcomes[0].error is not None:
            return
        entity = self.home.entities.get(outcomes[0].entity_id)
        if entity is None or _dangerous(entity):
            return
        taken = self.router.taken(utterance.language)
        said = clean(intent.heard or utterance.text, known, wake)
        language = utterance.language
        if name := self._corrections.done(area, said, entity, now, language, taken):
            before = self.home.personal(entity.entity_id)
            learned = replace(before, aliases=(*entity.aliases, name))
            self.home.change(entity.entity_id, learned)
            log.info("%r is a name of %s from now on: it was heard so twice", name, entity.name)

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
        about = [done.answer.about for _, done in performed if done.answer and done.answer.about]
        conversation.refer_to(intent.targets, about[-1] if about else "")
        questions = [(done, _question(call, done, intent)) for call, done in performed if done.ask]
        if intent.question:
            conversation.ask(Question(intent.question, intent.choices, intent.heard))
            text = intent.question
        elif performed:
            later = {id(done) for done, _ in questions[1:]}
            worded = [(call, done) for call, done in performed if id(done) not in later]
            text = self.replies.for_turn(worded, self.home, language)
        elif not utterance.hypotheses:
            text = ""
        elif intent.sentence is not None:
            text = intent.sentence
        else:
            text = self.replies.not_understood(utterance.text, language)
        if why := self._unreachable(performed, intent, language):
            text = f"{text} {why}".strip()
        waiting = conversation.question if intent.tier == "dialogue" else None
        if waiting is not None and not questions:
            text = f"{text} {waiting.text}".strip()
        conversation.ask(*(question for _, question in questions))
        conversation.replied(text, language)
        return Reply(text, conversation.question is not None, language)

    def _unreachable(
        self, performed: Sequence[tuple[Call, Performed]], intent: Intent, language: str
    ) -> str:
        """Why something could not be done or found, if a source of devices is away."""
        troubles = {name: t for name, t in self.home.troubles.items() if t is not None}
        if not troubles or not intent.heard:
            return ""
        failed = {
            entity.source
            for _, done in performed
            for outcome in done.outcomes
            if outcome.error and (entity := self.home.entities.get(outcome.entity_id))
        }
        unknown = not performed or any(done.missing for _, done in performed)
        told = troubles if unknown else {n: t for n, t in troubles.items() if n in failed}
        return " ".join(
            self.replies.unreachable(name, trouble, language) for name, trouble in told.items()
        )

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
            stages_ms=dict(watch.stages),
            error=type(error).__name__,
        )

    def finished(self, trace: Trace) -> None:
        """Tell the onlookers; called when the reply has begun to sound, or will not."""
        log.info(
            "turn %d: %r -> %s: %r", trace.turn, trace.heard, trace.intent.why, trace.reply.text
        )
        for onlooker in tuple(self._onlookers):
            onlooker(trace)

    def place(self, name: str | None) -> str | None:
        """A room's name as the home spells it; None for None.

        Raises ConfigError if the home has no such room."""
        if name is None:
            return None
        area = self.home.find_area(name)
        if area is None:
            known = ", ".join(area.name for area in self.home.areas.values())
            raise ConfigError(f"there is no room '{name}' in this home; its rooms are {known}")
        return area.name

    def _context(self, area: str | None, wake: str | None) -> Context:
        known = self.conversation(area)
        return Context(area=area, targets=known.targets, about=known.about, wake=wake)

    def _only_language(self) -> str | None:
        """With one language configured, nothing needs to be found out."""
        return self.languages[0] if len(self.languages) == 1 else None


class Reopened:
    """A tool that asked before the hub was started again: it had done nothing yet, and is begun
    anew when its question is answered."""

    def __init__(
        self, question: str, call: Call, schema: Mapping[str, Any], assistant: Assistant
    ) -> None:
        self.question = question
        self.free = dict(schema) == {"type": "string"}
        self.schema = schema
        self.over = False
        self.where = Where()
        """Where the answer is given."""
        self._call = call
        self._assistant = assistant

    def read(self, readings: Sequence[str], language: str) -> tuple[str, Any] | None:
        """See `Waiting`."""
        return self._assistant.skillset.answer(self.schema, readings, language)

    def drop(self) -> None:
        self.over = True

    async def answer(self, value: Any) -> Performed:
        """Begin the tool again, and tell it what it asks for."""
        self.over = True
        done = await self._assistant.again(self._call, self.where)
        if done.waiting is not None and done.ask is not None and done.ask.question == self.question:
            return await done.waiting.answer(value)
        return done


def _same_words(hypothesis: Hypothesis, first: Utterance, names: Sequence[str]) -> bool:
    """Whether a reading with the home's names is the same words, better understood: likelier than
    without, alike as a whole, and with a word in common that is no name."""
    text, before = normal(hypothesis.text), normal(first.text)
    common = set(text.split()) & set(before.split())
    named = {word for name in names for word in normal(name).split()}
    return (
        text not in {normal(other.text) for other in first.hypotheses}
        and hypothesis.score >= first.hypotheses[0].score
        and fuzz.ratio(text, before) >= SAME_SOUND
        and not common <= named
    )


def _as_written(utterance: Utterance, heard: str) -> str:
    """The sentence that was understood, with its commas."""
    plain = normal(heard)
    written = (hypothesis.text for hypothesis in utterance.hypotheses)
    return next((text for text in written if plain and plain in normal(text)), heard)


def _only_heard(
    utterance: Utterance, waiting: AskedForPin, wake: str | None, started: float
) -> Understood:
    """What was heard when a PIN was asked for: nothing is made of it, and more may come."""
    said = _addressed(utterance, wake)
    readings = [hypothesis.text for hypothesis in said.hypotheses]
    some = waiting.numbers(readings, utterance.language)
    unfinished = some and not waiting.digits(readings, utterance.language)
    milliseconds = (time.perf_counter() - started) * 1000
    return Understood(utterance, None, SECRET if some else "", unfinished, False, milliseconds)


def _about_secret(sentence: str | None, why: str) -> Intent:
    return Intent(tier="dialogue", heard=SECRET, sentence=sentence, why=why)


def _dangerous(entity: Entity) -> bool:
    """Whether a device lets people in, or may do anything: it gets no name that was misheard."""
    return (
        entity.barred
        or bool(entity.guarded)
        or unknown(entity.domain, entity.guarded)
        or needs_yes(entity.domain, entity.device_class, entity.names)
    )


def _of_one(text: str, language: str) -> Utterance:
    """An utterance of which this alone may have been said, and nothing is guessed."""
    return Utterance((Hypothesis(text, 0.0, prompted=True),), language)


def _with_readings(utterance: Utterance, texts: Sequence[str]) -> Utterance:
    """The utterance with more readings, of which nothing is guessed."""
    score = utterance.hypotheses[0].score
    more = tuple(Hypothesis(text, score, prompted=True) for text in texts)
    return replace(utterance, hypotheses=utterance.hypotheses + more) if more else utterance


def _addressed(utterance: Utterance, wake: str | None) -> Utterance:
    """What was said behind the wake phrase."""
    known = words(utterance.language)
    return replace(
        utterance,
        hypotheses=tuple(
            replace(hypothesis, text=addressed(hypothesis.text, known, wake))
            for hypothesis in utterance.hypotheses
        ),
    )


def _more_than_wake(utterance: Utterance, wake: str | None) -> Utterance:
    """The utterance with those of its readings that are more than the wake phrase."""
    known = words(utterance.language)
    readings = utterance.hypotheses
    more = tuple(each for each in readings if not called(each.text, known, wake))
    return utterance if len(more) == len(readings) else replace(utterance, hypotheses=more)


def _behind_wake(utterance: Utterance, intent: Intent | None, wake: str | None) -> bool:
    """Whether there are words behind the wake phrase, or a command in just the words that were
    heard: one that leans on the command before it may be made of anything."""
    said = spoken(utterance.text)
    if addressed(said, words(utterance.language), wake) != said:
        return True
    plain = normal(intent.heard) if intent is not None else ""
    return bool(plain) and any(plain in normal(each.text) for each in utterance.hypotheses)


def _told(answered: Answered, dropped: str) -> str | None:
    """What is said after an answer that does nothing; the question itself comes by itself."""
    if answered.calls:
        return None
    return "" if answered.again else dropped


def _resuming(answered: Answered) -> Intent:
    """A tool goes on with the answer that it has waited for."""
    waiting = answered.waiting
    assert waiting is not None
    return Intent(
        calls=answered.calls,
        tier="dialogue",
        score=1.0,
        heard=answered.heard,
        why=answered.why,
        resumes=lambda: waiting.answer(answered.value),
    )


def _question(call: Call, done: Performed, intent: Intent) -> Question:
    ask = done.ask
    assert ask is not None
    choices = {"yes": ask.yes} if ask.yes else dict(ask.choices)
    if done.waiting is not None:
        begun = not done.outcomes and not done.deeds
        asking = getattr(done.waiting, "schema", None) if begun else None
        return Question(
            ask.question, {}, intent.heard, waiting=done.waiting, of=call, asking=asking
        )
    return Question(ask.question, choices, intent.heard, ask.lacking)
