"""Text to speech by a Wyoming server on another machine of the house."""

from __future__ import annotations

from wyoming.audio import AudioChunk, AudioStop
from wyoming.info import Info
from wyoming.tts import Synthesize, SynthesizeVoice

from hub.engines.wyoming_link import Address, Link, asked, described, parse
from hub.engines.wyoming_sound import mono, sound_format
from hub.errors import EngineError
from hub.messages import Audio

TIMEOUT = 20.0
"""Seconds a sentence may take."""
LONGEST = 120
"""Seconds of sound taken for one sentence, at most."""


class WyomingSynthesizer:
    """Implements `hub.ports.Synthesizer`."""

    def __init__(self, address: Address, *, timeout: float = TIMEOUT) -> None:
        """`address` may have the options `voice` and `speaker`; without, the server chooses."""
        self.address = address
        self._timeout = timeout
        self.name = self._name("")
        """Which voice it is: address, options, and what the server says of its voices, once it was
        asked."""
        self._known = False

    def __str__(self) -> str:
        return f"the voice at {self.address}"

    async def start(self) -> None:
        """See whether the server is there and speaks. Raises EngineError."""
        info = await described(self.address)
        if not any(program.installed for program in info.tts):
            raise EngineError(f"{self.address} offers no voice")
        self.name = self._name(_default_voice(info))
        self._known = True

    async def close(self) -> None:
        """Nothing is kept open between two sentences."""

    async def synthesize(self, text: str) -> Audio:
        """See `hub.ports.Synthesizer`. Raises EngineError, which names the server."""
        if not self._known:
            await self.start()
        chosen = self.address.options
        voice = SynthesizeVoice(chosen.get("voice"), speaker=chosen.get("speaker"))
        request = Synthesize(text, voice if chosen.get("voice") else None).event()

        async def work(link: Link) -> Audio:
            await link.send(request)
            return await self._sound(link)

        return await asked(self.address, work, within=self._timeout)

    def _name(self, otherwise: str) -> str:
        chosen = self.address.options
        voice = chosen.get("voice") or otherwise
        parts = "wyoming", self.address.host, str(self.address.port), voice, chosen.get("speaker")
        return "-".join(part for part in parts if part)

    async def _sound(self, link: Link) -> Audio:
        """What it says, up to audio-stop, as 16-bit mono."""
        pcm, rate = bytearray(), 0
        while True:
            event = await link.receive()
            if AudioStop.is_type(event.type):
                return Audio(bytes(pcm), rate or 22_050)
            if AudioChunk.is_type(event.type):
                before = rate
                try:
                    rate, width, channels = sound_format(event.data)
                    pcm += mono(event.payload or b"", width, channels).tobytes()
                except ValueError as error:
                    raise EngineError(f"{self.address} sent {error}") from None
                if before not in (0, rate):
                    raise EngineError(f"{self.address} changed the rate in mid-sentence")
                if len(pcm) > LONGEST * rate * 2:
                    raise EngineError(f"{self.address} sends more than {LONGEST} s for a sentence")


def _default_voice(info: Info) -> str:
    """The first voice that is installed, with its version."""
    for program in info.tts:
        for voice in program.voices:
            if program.installed and voice.installed:
                return f"{voice.name}-{voice.version or program.version or ''}".rstrip("-")
    return ""


def synthesizer(uri: str) -> WyomingSynthesizer:
    """The voice at `tcp://host:port`, or `…?voice=NAME&speaker=NAME`. Raises ModelError."""
    return WyomingSynthesizer(parse(uri, ("voice", "speaker")))
