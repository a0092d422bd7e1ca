"""What the core needs from the world outside, each as small as it can be.

Adapters (`audio/`, `engines/`, `devices/`) implement these; `hub/app.py` alone knows which
adapter stands behind which port. All methods are coroutines or iterators: nothing here blocks
the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hub.messages import Audio, StateChange, Utterance, Wake

FRAME_SAMPLES = 512
"""Samples in a frame from an `AudioSource`: 32 ms, what the voice activity detector takes."""

FRAME_BYTES = FRAME_SAMPLES * 2
FRAME_SECONDS = FRAME_SAMPLES / 16_000

HUB_DEVICE = "hearth_"
"""How the identifiers begin under which hubs are devices for others. No hub is a device for a hub,
least of all for itself."""


class AudioSource(Protocol):
    """A microphone, a file, a stream of raw samples."""

    realtime: bool
    """True if frames come at the pace of sound; False if as fast as they are taken."""

    def frames(self) -> AsyncIterator[bytes]:
        """Frames of FRAME_BYTES at 16 kHz, 16-bit mono; ends when the sound ends.

        Raises AudioError when the device is missing or lost."""
        ...


@runtime_checkable
class GathersFrames(Protocol):
    """An `AudioSource` that can let frames gather, so that the hub is woken less often."""

    gather: int
    """Frames that may come together, some time after they sounded."""


class AudioSink(Protocol):
    """A loudspeaker, a file, or nothing."""

    async def play(self, audio: Audio) -> None:
        """Return when all of it has been heard. Cancelling stops the sound at once."""
        ...

    async def close(self) -> None: ...


class Beneath(Protocol):
    """An endless sound, at its own loudness."""

    def prepare(self, rate: int) -> None:
        """Be ready to be read at a rate; takes a moment."""
        ...

    def read(self, count: int, rate: int, speaking: bool = False) -> Any:
        """The next samples as an array of float32, -1 to 1. `speaking`: something else is played
        at the same time."""
        ...


@runtime_checkable
class BackdropSink(Protocol):
    """An `AudioSink` that can play something endless beneath what else it plays."""

    async def under(self, backdrop: Beneath | None) -> None:
        """From now on play this; None: nothing. Raises AudioError without a device."""
        ...


class WakeWord(Protocol):
    """Finds the wake word in a stream."""

    async def process(self, pcm: bytes) -> Wake | None:
        """Take the next stretch of the stream (any whole number of frames)."""
        ...

    async def reset(self) -> None:
        """Forget what was heard, so that one wake word fires once."""
        ...


class VoiceActivity(Protocol):
    """Tells speech from the rest."""

    async def process(self, pcm: bytes) -> list[float]:
        """Probability of speech, 0-1, for each FRAME of the stream."""
        ...

    async def reset(self) -> None: ...


class Recognizer(Protocol):
    """Speech to text."""

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        """`names` of the home make their own spelling likelier. No hypotheses: no speech.

        `language` None lets the recognizer find out. Raises EngineError."""
        ...


@runtime_checkable
class ThoroughRecognizer(Recognizer, Protocol):
    """One that can be asked again about a sound it has just heard."""

    async def readings(
        self, audio: Audio, *, language: str, names: Sequence[str] = ()
    ) -> Utterance:
        """What may have been said, with the less likely readings; `names` as in `recognize`.
        Raises EngineError."""
        ...

    async def weigh(self, audio: Audio, texts: Sequence[str], *, language: str) -> Sequence[float]:
        """Log-probability of each text, as a whole, as what was said. Raises EngineError."""
        ...


class Synthesizer(Protocol):
    """Text to speech."""

    name: str
    """Identifies voice and settings: two synthesizers of one name sound the same."""

    async def synthesize(self, text: str) -> Audio:
        """Speak one sentence. Raises EngineError."""
        ...


class SoundCache(Protocol):
    """Keeps what was spoken, so that it need not be synthesized again. `voice` is a
    synthesizer's name. Nothing here fails: what cannot be kept or read is missing."""

    async def get(self, voice: str, text: str) -> Audio | None: ...

    async def put(self, voice: str, text: str, audio: Audio) -> None: ...


@dataclass(frozen=True, slots=True)
class Completion:
    """What a language model wrote."""

    text: str
    probability: float
    """0-1: product of the probabilities of the tokens, among those the grammar allowed."""
    prompt_tokens: int = 0
    """Tokens evaluated, without those found in the cache."""
    tokens: int = 0


Options = Sequence[Sequence[tuple[str, int]]]
"""The answers that are allowed, as states: each has pieces of text with the state behind them. An
answer begins in the first state and is complete in state -1. Each piece is turned into tokens by
itself, so it begins where a token does: " dim", " B", " 40", ";"."""


@dataclass(frozen=True, slots=True)
class Step:
    """A decision within an answer. All shares are 0-1."""

    text: str
    probability: float
    """Among what was allowed here."""
    raw: float
    """Among everything the model could write."""
    others: tuple[tuple[str, float], ...] = ()
    """What else was allowed, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An allowed answer."""

    text: str
    probability: float
    """0-1: product over its steps, among what was allowed."""
    raw: float
    """0-1: the same among everything; what was forced counts as certain."""
    steps: tuple[Step, ...] = ()
    """Where there was something to choose."""
    prompt_tokens: int = 0
    tokens: int = 0
    """Tokens of answers that had to be computed, of all answers together."""


class LanguageModel(Protocol):
    """A small language model that completes a prompt."""

    @property
    def format(self) -> str:
        """The prompt it was tuned for (`hearth-1`); empty for any other model."""
        ...

    async def prime(self, prefix: str) -> None:
        """Evaluate a prefix that many prompts will share, and keep it."""
        ...

    async def complete(
        self, prompt: str, *, grammar: str | None = None, max_tokens: int = 64
    ) -> Completion:
        """Continue the prompt greedily; `grammar` is GBNF and limits what can be written.

        Raises EngineError."""
        ...


@runtime_checkable
class ChoosingModel(LanguageModel, Protocol):
    """A language model that can be held to options, token by token."""

    async def choose(
        self,
        prompt: str,
        options: Options,
        *,
        width: int = 4,
        enough: float = 0.0,
        idle: Sequence[str] = (),
    ) -> tuple[Chosen, ...]:
        """The likeliest answers, the best first; `width` are followed at a time.

        `enough`: probability that an answer, or several of them together, must have to be of use
        to the caller; what cannot get there is not followed to its end, and there may be no
        answer. `idle`: pieces of the one answer that does nothing, and so counts for none of
        them. Raises EngineError."""
        ...


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What a chat model wants done."""

    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Names of tools with arguments, as the model gave them."""
    text: str = ""


@runtime_checkable
class ChatModel(Protocol):
    """An instruct model that is given tools as JSON schemas."""

    async def chat(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> ChatAnswer:
        """Messages and tools in the form of OpenAI's API. Raises EngineError."""
        ...


@dataclass(frozen=True, slots=True)
class SourceEntity:
    """An entity as a device source announces it. Home Assistant's vocabulary."""

    entity_id: str
    """`light.kitchen_ceiling`"""
    name: str
    domain: str
    area: str | None = None
    """Id of its area."""
    device_class: str | None = None
    features: int | None = None
    """Home Assistant's bit set of supported features; None if unknown: assume all."""
    aliases: tuple[str, ...] = ()
    state: str = "unknown"
    attributes: Mapping[str, Any] | None = None
    guarded: bool | None = None
    """Whether it may let somebody in, as a scene does that unlocks a door; voice then asks first.

    A source that can see what a scene, script, automation or button leads to must say so, True or
    False. None: it does not know; then these four are asked for, since nobody else can know, and
    of everything else class and name tell (`hub/home/guarded.py`). Every 'activate movie night'
    that asks back is a nuisance, so a source is expected to look: Home Assistant lists the
    entities of a scene in its attributes, and a script's steps in its configuration."""
    unique_id: str | None = None
    """What its maker calls it, the same whichever way it is reached: of a device that two sources
    announce (Home Assistant and the broker behind it) the first source has it."""
    exposed: bool = True
    """Whether voice is to know of it at all; Home Assistant keeps a list of these."""
    allowed: bool = False
    """Whether somebody has said that voice may act on it although it is of a kind that needs an
    explicit yes: locks, alarms, garage doors, ovens."""


@dataclass(frozen=True, slots=True)
class SourceArea:
    area_id: str
    name: str
    floor: str | None = None
    """Id of its floor."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFloor:
    floor_id: str
    name: str
    level: int = 0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that a device source knows of at one moment."""

    entities: tuple[SourceEntity, ...] = ()
    areas: tuple[SourceArea, ...] = ()
    floors: tuple[SourceFloor, ...] = ()


class DeviceSource(Protocol):
    """Devices of one kind of origin: the simulated home, MQTT, Home Assistant."""

    name: str

    async def inventory(self) -> Inventory: ...

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        """Ask the devices; returns when the request is on its way. What they did is told by
        `changes`. Raises DeviceError when they cannot be asked."""
        ...

    def changes(self) -> AsyncIterator[StateChange | Inventory]:
        """Every change of state from now on, whoever caused it; and the whole inventory anew
        whenever there is another device, a device less, or one of another name.

        When this ends or raises, `changes` and `inventory` are called anew, after a pause if need
        be (`hub/home/link.py`): a source need not mend its own connection."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Telling(Protocol):
    """A `DeviceSource` that can be asked for more than states: a forecast, the items of a list."""

    async def ask(self, domain: str, service: str, entity_id: str, data: Mapping[str, Any]) -> Any:
        """What a service that changes nothing answers of one entity. Raises DeviceError."""
        ...
