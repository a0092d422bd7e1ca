"""The values that travel through a turn, each made once and handed forward.

    sound -> Heard -> Utterance -> Intent(Calls) -> Outcomes -> Reply -> sound

Everything here is frozen and depends on nothing else in Hearth, so any module may import it.
Times called `at`, `started` or `ended` are seconds on the clock of the audio stream (samples
received divided by the rate), not of the wall: a file that is read faster than it sounds gives
the same times as a microphone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SAMPLE_RATE = 16_000
"""Hz of all sound on its way in: 16-bit little-endian mono."""

BYTES_PER_SECOND = SAMPLE_RATE * 2

Tier = Literal["phrase", "rules", "model", "dialogue", "none"]
"""Which part of the router decided: a skill's own phrase, the shared sentence rules, the language
model, an answer to a question that was pending, or nobody."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A stretch of sound."""

    pcm: bytes
    """16-bit little-endian mono samples."""
    rate: int = SAMPLE_RATE
    """Hz."""

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate


@dataclass(frozen=True, slots=True)
class Wake:
    """The wake word was heard."""

    model: str
    """The model that heard it, such as `hey_jarvis`."""
    phrase: str
    """The words, such as `Hey Jarvis`."""
    score: float
    """0-1, of the detector that decided last."""
    at: float
    """Seconds on the audio clock at which the detector fired."""
    milliseconds: float = 0.0
    """Time spent verifying it."""
    spoken: bool = True
    """False: nobody said it; a button was pressed, or the hub asked."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one person said, cut out of the stream."""

    audio: Audio
    """From shortly before the wake word (if there was one) to the end of speech."""
    speech_ended: float
    """Seconds on the audio clock at which the last speech was detected."""
    ended: float
    """Seconds on the audio clock at which listening stopped: `ended - speech_ended` was waited."""
    wake: Wake | None = None


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of what was said."""

    text: str
    score: float
    """Mean log-probability of a token (0 is certain, -1 is doubtful). Typed text has 0."""
    prompted: bool = False
    """Heard with names of the home in mind, which may have been written over something else."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said, as text: the likeliest reading first. No hypotheses means no speech."""

    hypotheses: tuple[Hypothesis, ...]
    language: str = "en"
    """BCP 47 code."""

    @property
    def text(self) -> str:
        return self.hypotheses[0].text if self.hypotheses else ""

    @classmethod
    def typed(cls, text: str, language: str = "en") -> Utterance:
        """What somebody typed: one hypothesis, certain."""
        shown = "".join(c if c >= " " and not "\x7f" <= c <= "\x9f" else " " for c in text).strip()
        return cls((Hypothesis(shown, 0.0),) if shown else (), language)


@dataclass(frozen=True, slots=True)
class Call:
    """One tool to be run.

    Tools that the field knows have Home Assistant's intent name and slots (`HassTurnOn` with
    `{"area": "Kitchen", "domain": "light"}`); a tool of a skill's own is `skill.function`.
    Entities, areas and floors are given by name; where a name is not unique in the home, by id.
    """

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    response: str = "default"
    """Key of the reply template that fits the way it was said (`lights_area`, `one_yesno`)."""

    def to_json(self) -> dict[str, Any]:
        return {"tool": self.tool, "arguments": dict(self.arguments)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something the router considered, kept for the trace."""

    what: str
    score: float
    """0-1."""
    tier: Tier = "none"

    def to_json(self) -> dict[str, Any]:
        return {"what": self.what, "score": round(self.score, 3), "tier": self.tier}


@dataclass(frozen=True, slots=True)
class Intent:
    """What the router made of an utterance: calls to run, or a question, or neither."""

    calls: tuple[Call, ...] = ()
    tier: Tier = "none"
    score: float = 0.0
    """0-1: how sure the tier is. Rules and phrases say 1."""
    heard: str = ""
    """The hypothesis that was understood."""
    question: str | None = None
    """A question to ask back instead of acting."""
    choices: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)
    """Answers to the question -> what is then done."""
    sentence: str | None = None
    """What to say when nothing can be done and the reason is known."""
    why: str = ""
    """One line for a person: what matched, or what was missing."""
    candidates: tuple[Candidate, ...] = ()
    guessed: bool = False
    """Not word-for-word: what was said is spelt or put otherwise than what is known."""
    doubted: bool = False
    """Heard so badly that it is only asked whether this was said."""
    confirmed: bool = False
    """The person has said yes to just these calls."""
    targets: Any = None
    """Opaque to all but the router: what 'them' refers to in the next utterance."""
    resumes: Callable[[], Awaitable[Any]] | None = None
    """Lets the tool go on that this is the answer for."""

    @property
    def understood(self) -> bool:
        return bool(self.calls) or self.question is not None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entity."""

    entity_id: str
    name: str
    state: str
    """The state the device reports afterwards."""
    confirmed: bool
    """True only if the device itself reports what was asked for."""
    changed: bool = True
    """False if it was so already."""
    error: str | None = None
    """Why not, as the end of a sentence: `did not answer`."""

    def to_json(self) -> dict[str, Any]:
        return {"entity_id": self.entity_id, "state": self.state, "confirmed": self.confirmed}


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said back."""

    text: str
    """Plain words, no mark-up. Empty where a tone says enough."""
    expects_answer: bool = False
    """True keeps the microphone open for an answer without a wake word."""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class StateChange:
    """An entity's state as it became known."""

    entity_id: str
    state: str
    attributes: Mapping[str, Any]
    before: str | None = None
    """The state of before, None when there was none."""


@dataclass(frozen=True, slots=True)
class Trace:
    """All about one turn, for `--json`, the log, and 'why did you do that?'."""

    turn: int
    heard: str
    hypotheses: tuple[Hypothesis, ...]
    language: str
    intent: Intent
    outcomes: tuple[Outcome, ...]
    reply: Reply
    stages_ms: Mapping[str, float]
    """Milliseconds: wake, speech_end (silence waited), recognise, route, act, first_audio, and
    total: from the end of speech (or from the typed text) to the first sound of the reply."""
    wake: Wake | None = None
    area: str | None = None
    error: str | None = None
    """The class of the error that ended the turn early, if one did."""
    token: str = ""
    """Names this turn among those of all runs; what it did has it, too (`hub.cause`)."""
    source: str = "voice"
    """Where it came from: `voice`, `phone`, `timer`, `routine`, `skill`."""
    person: str | None = None
    """Who spoke, if that is known."""

    def to_json(self) -> dict[str, Any]:
        """The public form of a turn, as `hearth say --json` prints it."""
        stages = ("wake", "speech_end", "recognise", "route", "act", "first_audio", "total")
        return {
            "turn": self.turn,
            "heard": self.heard,
            "hypotheses": [{"text": h.text, "score": round(h.score, 3)} for h in self.hypotheses],
            "language": self.language,
            "tier": self.intent.tier,
            "score": round(self.intent.score, 3),
            "why": self.intent.why,
            "candidates": [candidate.to_json() for candidate in self.intent.candidates],
            "calls": [call.to_json() for call in self.intent.calls],
            "outcomes": [outcome.to_json() for outcome in self.outcomes],
            "reply": self.reply.text,
            "expects_answer": self.reply.expects_answer,
            "stages_ms": {name: round(self.stages_ms.get(name, 0.0), 1) for name in stages},
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the router sees it: everything but the code."""

    name: str
    description: str
    """One line, the first of the tool's docstring."""
    parameters: Mapping[str, Any]
    """JSON schema of the arguments, an object with `properties` and `required`."""
    skill: str
    domains: tuple[str, ...] = ()
    """Domains of the entities it acts on; empty if it acts on none."""
    examples: tuple[str, ...] = ()
    """Things a person says for it, for the help and the language model."""
    phrases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Language -> sentence templates in hassil's notation, with `{parameter}` for an argument."""
    anywhere: bool = False
    """It finds out by itself what is meant where nothing was said of that."""
    about: str = ""
    """Its phrases are only for when this was spoken of last."""
    foreign: bool = False
    """Of a pack. What the hub understands without it is not for it."""
