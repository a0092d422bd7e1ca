"""Speech to text by a Wyoming server on another machine of the house."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop

from hub.engines.wyoming_link import Address, Link, asked, described, parse
from hub.errors import EngineError
from hub.messages import Audio, Hypothesis, Utterance

TIMEOUT = 20.0
"""Seconds a recognition may take, the way there and back included."""
CHUNK = 16_000
"""Bytes of sound in an event: half a second."""
MOST_READINGS = 8


class WyomingRecognizer:
    """Implements `hub.ports.Recognizer`.

    Names of the home are not passed on: no server tells how sure it is, so what it heard with
    names in mind could not be weighed against what it heard without. It is asked once for a sound.
    """

    def __init__(
        self, address: Address, *, languages: Sequence[str] = ("en",), timeout: float = TIMEOUT
    ) -> None:
        """`address` may have an option `model`. `languages` are those of the hub."""
        self.address = address
        self.languages = tuple(languages)
        self._timeout = timeout
        self._last: tuple[int, Utterance] | None = None

    def __str__(self) -> str:
        return f"the recognizer at {self.address}"

    async def start(self) -> None:
        """See whether the server is there and recognises speech. Raises EngineError."""
        info = await described(self.address)
        if not any(program.installed for program in info.asr):
            raise EngineError(f"{self.address} offers no speech recognition")

    async def close(self) -> None:
        """Nothing is kept open between two utterances."""

    async def recognize(
        self, audio: Audio, *, language: str | None = None, names: Sequence[str] = ()
    ) -> Utterance:
        """See `hub.ports.Recognizer`. Raises EngineError, which names the server."""
        heard = hash((audio.pcm, audio.rate, language))
        if names and self._last is not None and self._last[0] == heard:
            return self._last[1]

        async def work(link: Link) -> Utterance:
            await link.send(*_request(audio, language, self.address.options.get("model")))
            while True:
                event = await link.receive()
                if Transcript.is_type(event.type):
                    return self._utterance(event.data, language)

        utterance = await asked(self.address, work, within=self._timeout)
        self._last = hash((audio.pcm, audio.rate, utterance.language)), utterance
        return utterance

    def _utterance(self, data: Mapping[str, Any], language: str | None) -> Utterance:
        text, found = data.get("text"), data.get("language")
        if not isinstance(text, str):
            raise EngineError(f"{self.address} sent a transcript without a text")
        spoken = found if isinstance(found, str) and found else language or self.languages[0]
        context = data.get("context")
        readings = tuple(_readings(context.get("hypotheses") if isinstance(context, dict) else ()))
        if not readings and text.strip():
            readings = (Hypothesis(text.strip(), 0.0),)
        return Utterance(readings, spoken)


def _request(audio: Audio, language: str | None, model: str | None) -> Iterator[Any]:
    yield Transcribe(name=model or None, language=language).event()
    sound = {"rate": audio.rate, "width": 2, "channels": 1}
    yield AudioStart(**sound).event()
    for start in range(0, len(audio.pcm), CHUNK):
        yield AudioChunk(**sound, audio=audio.pcm[start : start + CHUNK]).event()
    yield AudioStop().event()


def _readings(given: Any) -> Iterator[Hypothesis]:
    """Further readings with their scores, which another Hearth sends along."""
    for each in (given if isinstance(given, list) else ())[:MOST_READINGS]:
        text, score = (each.get("text"), each.get("score")) if isinstance(each, dict) else (0, 0)
        if isinstance(text, str) and text.strip() and isinstance(score, int | float):
            yield Hypothesis(text.strip(), min(0.0, float(score)))


def recognizer(uri: str, *, languages: Sequence[str] = ("en",)) -> WyomingRecognizer:
    """The recognizer at `tcp://host:port`, or `…?model=NAME`. Raises ModelError for no address."""
    return WyomingRecognizer(parse(uri, ("model",)), languages=languages)
