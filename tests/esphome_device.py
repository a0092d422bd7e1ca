"""A scripted ESPHome voice satellite: the real protocol, encrypted or not, at a port of this
machine.

It behaves as `voice_assistant` in ESPHome's firmware does: a run is asked for and opens the
microphone, STT_VAD_END closes it, what has an address is fetched and played, and after a question
the next run is asked for. The protobuf messages are aioesphomeapi's own; the encryption is
Noise_NNpsk0_25519_ChaChaPoly_SHA256, this side of it by the library that aioesphomeapi uses."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aioesphomeapi import api_pb2 as pb
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from aioesphomeapi.model import VoiceAssistantEventType, VoiceAssistantFeature
from noise.connection import NoiseConnection

from hub.ports import FRAME_BYTES

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(1, 33))).decode()
MAC = "AA:BB:CC:00:11:22"
PLAYER, MUTE = 1, 2
"""Keys of its entities."""
TYPE_OF = {message: number for number, message in MESSAGE_TYPE_TO_PROTO.items()}

Feature = VoiceAssistantFeature
VOICE = (
    Feature.VOICE_ASSISTANT
    | Feature.API_AUDIO
    | Feature.ANNOUNCE
    | Feature.START_CONVERSATION
    | Feature.TIMERS
)
"""What a Voice PE has."""
SPEAKER = Feature.VOICE_ASSISTANT | Feature.API_AUDIO | Feature.SPEAKER
"""What a device with a loudspeaker, but no media player, has."""


@dataclass
class Device:
    """One device. What the hub did to it is in its lists."""

    name: str = "kitchen-satellite"
    key: str | None = None
    """base64; None: it does not encrypt."""
    features: int = int(VOICE)
    formats: tuple[tuple[str, int, int], ...] = (("flac", 48_000, 1),)
    fetches: bool = True
    """Whether it can reach the hub."""
    port: int = 0
    events: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    announced: list[tuple[str, bool]] = field(default_factory=list)
    """Address and `start_conversation` of each announcement."""
    played: list[bytes] = field(default_factory=list)
    """What it has fetched and played, whole files."""
    fetching: int = 0
    """Sounds that it has begun to fetch."""
    streamed: bytearray = field(default_factory=bytearray)
    """What came to its loudspeaker over the API."""
    timers: list[tuple[int, str, str, int, int, bool]] = field(default_factory=list)
    muted: bool = False
    volume: float = 0.5
    commands: list[Any] = field(default_factory=list)
    pause_before_end: asyncio.Event | None = None
    """What is played ends only when this is set."""

    def __post_init__(self) -> None:
        self.news = asyncio.Event()
        self.streaming = False
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()
        self._subscriber: _Line | None = None
        self._continue = False
        self._playing: asyncio.Task[None] | None = None
        self._microphone: list[bytes] = []

    # --- its life -------------------------------------------------------------------------------

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Line(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.drop()
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.wait({self._playing})
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def drop(self) -> None:
        """All connections break."""
        for line in tuple(self._lines):
            line.abort()

    @property
    def subscribed(self) -> bool:
        return self._subscriber is not None

    async def until(self, happens: Callable[[], bool], what: str, seconds: float = 20) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not happens():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise AssertionError(f"not seen: {what}; events {self.events}") from None

    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    def data(self, name: str) -> dict[str, str]:
        """Of the last event of that name."""
        return next(data for each, data in reversed(self.events) if each == name)

    # --- what people do at it ---------------------------------------------------------------------

    def wake(self, phrase: str = "Hey Jarvis", then: Iterable[bytes] = ()) -> None:
        """It hears its wake word ('': somebody presses its button), and then `then`."""
        self._microphone = list(then)
        self._ask(phrase)

    def say(self, frames: Iterable[bytes]) -> None:
        """Somebody speaks; heard as soon as the microphone is open."""
        self._microphone += frames
        self._stream()

    def cancel(self) -> None:
        """Somebody presses the button: no more."""
        self.streaming = False
        self._send(pb.VoiceAssistantRequest(start=False))

    def mute(self, muted: bool) -> None:
        """By its own switch."""
        self.muted = muted
        self._send(pb.SwitchStateResponse(key=MUTE, state=muted))

    def turn(self, volume: float) -> None:
        """By its own knob."""
        self.volume = volume
        self._send(self._player_state())

    def silence(self) -> None:
        """Somebody stops what it plays."""
        if self._playing is not None:
            self._playing.cancel()
        self._finished()

    # --- what the hub says ----------------------------------------------------------------------

    def took(self, line: _Line, message: Any) -> None:
        answer = self._answer(line, message)
        for each in answer:
            line.send(each)
        self.news.set()

    def _answer(self, line: _Line, message: Any) -> list[Any]:
        match message:
            case pb.HelloRequest():
                return [
                    pb.HelloResponse(
                        api_version_major=1,
                        api_version_minor=14,
                        name=self.name,
                        server_info="test",
                    )
                ]
            case pb.PingRequest():
                return [pb.PingResponse()]
            case pb.DisconnectRequest():
                line.send(pb.DisconnectResponse())
                line.abort()
                return []
            case pb.DeviceInfoRequest():
                return [
                    pb.DeviceInfoResponse(
                        name=self.name,
                        friendly_name=self.name.replace("-", " ").title(),
                        mac_address=MAC,
                        esphome_version="2026.10.0",
                        voice_assistant_feature_flags=self.features,
                    )
                ]
            case pb.ListEntitiesRequest():
                return [*self._entities(), pb.ListEntitiesDoneResponse()]
            case pb.SubscribeStatesRequest():
                states = [pb.SwitchStateResponse(key=MUTE, state=self.muted)]
                return [*states, *([self._player_state()] if self._has_player else [])]
            case pb.SubscribeVoiceAssistantRequest():
                self._subscriber = line if message.subscribe else None
                return []
            case pb.SwitchCommandRequest():
                self.commands.append(message)
                self.muted = message.state
                return [pb.SwitchStateResponse(key=MUTE, state=self.muted)]
            case pb.MediaPlayerCommandRequest():
                self.commands.append(message)
                if message.has_volume:
                    self.volume = message.volume
                    return [self._player_state()]
                return []
            case _:
                self._voice(message)
                return []

    def _voice(self, message: Any) -> None:
        match message:
            case pb.VoiceAssistantResponse():
                self.streaming = not message.error
                self._stream()
            case pb.VoiceAssistantEventResponse():
                name = VoiceAssistantEventType(message.event_type).name
                data = {each.name: each.value for each in message.data}
                self._event(name.removeprefix("VOICE_ASSISTANT_"), data)
            case pb.VoiceAssistantAudio():
                self.streamed += message.data
            case pb.VoiceAssistantAnnounceRequest():
                self.announced.append((message.media_id, message.start_conversation))
                self._continue = message.start_conversation
                self._play(message.media_id)
            case pb.VoiceAssistantTimerEventResponse():
                self.timers.append(
                    (
                        message.event_type,
                        message.timer_id,
                        message.name,
                        message.total_seconds,
                        message.seconds_left,
                        message.is_active,
                    )
                )

    def _event(self, name: str, data: dict[str, str]) -> None:
        self.events.append((name, data))
        if name in ("STT_VAD_END", "ERROR") or (name == "RUN_END" and self.streaming):
            self.streaming = False
        if name == "INTENT_END":
            self._continue = data.get("continue_conversation") == "1"
        if name == "TTS_END" and self._has_player:
            self._play(data["url"])
        if name == "TTS_STREAM_END":
            self._next()

    # --- its parts --------------------------------------------------------------------------------

    @property
    def _has_player(self) -> bool:
        return bool(self.features & Feature.ANNOUNCE)

    def _entities(self) -> list[Any]:
        mute = pb.ListEntitiesSwitchResponse(object_id="mute", key=MUTE, name="Mute")
        player = pb.ListEntitiesMediaPlayerResponse(
            object_id="loudspeaker",
            key=PLAYER,
            name="Loudspeaker",
            supported_formats=[
                pb.MediaPlayerSupportedFormat(
                    format=kind, sample_rate=rate, num_channels=channels, purpose=1, sample_bytes=2
                )
                for kind, rate, channels in self.formats
            ],
        )
        return [mute, *([player] if self._has_player else [])]

    def _player_state(self) -> Any:
        return pb.MediaPlayerStateResponse(key=PLAYER, state=1, volume=self.volume)

    def _ask(self, phrase: str) -> None:
        self._send(pb.VoiceAssistantRequest(start=True, wake_word_phrase=phrase))

    def _stream(self) -> None:
        """All that is to be heard, at once: the hub's clock is the sound's."""
        if self.streaming:
            for frame in self._microphone:
                assert len(frame) == FRAME_BYTES
                self._send(pb.VoiceAssistantAudio(data=frame))
            self._microphone.clear()

    def _play(self, url: str) -> None:
        if self.fetches:
            self._playing = asyncio.create_task(self._fetch(url))

    async def _fetch(self, url: str) -> None:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert response.status == 200
            self.fetching += 1
            self.news.set()
            content = await response.read()
        if self.pause_before_end is not None:
            await self.pause_before_end.wait()
        self.played.append(content)
        self._finished()

    def _finished(self) -> None:
        self._send(pb.VoiceAssistantAnnounceFinished(success=True))
        self._next()

    def _next(self) -> None:
        self.news.set()
        if self._continue:
            self._continue = False
            self._ask("")

    def _send(self, message: Any) -> None:
        if self._subscriber is not None:
            self._subscriber.send(message)

    def connected(self, line: _Line) -> None:
        self._lines.add(line)

    def lost(self, line: _Line) -> None:
        self._lines.discard(line)
        if self._subscriber is line:
            self._subscriber, self.streaming = None, False
        self.news.set()


class _Line(asyncio.Protocol):
    """A connection: frames, plain or encrypted."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._buffer = bytearray()
        self._noise: NoiseConnection | None = None
        self._greeted = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._device.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._device.lost(self)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        read = self._encrypted if self._device.key is not None else self._plain
        while self._transport is not None and read():
            pass

    def send(self, message: Any) -> None:
        if self._transport is None:
            return
        number, content = TYPE_OF[type(message)], message.SerializeToString()
        if self._device.key is None:
            head = b"\0" + _varuint(len(content)) + _varuint(number)
            self._transport.write(head + content)
        elif self._noise is not None and self._noise.handshake_finished:
            head = number.to_bytes(2, "big") + len(content).to_bytes(2, "big")
            self._frame(self._noise.encrypt(head + content))

    def _took(self, number: int, content: bytes) -> None:
        self._device.took(self, MESSAGE_TYPE_TO_PROTO[number].FromString(content))

    # --- without encryption ---------------------------------------------------------------------

    def _plain(self) -> bool:
        """Whether a whole message was there."""
        if not self._buffer:
            return False
        if self._buffer[0] != 0:  # one that encrypts
            self._close(b"\0Bad indicator byte")
            return False
        numbers, at = [], 1
        for _ in range(2):
            found = _read_varuint(self._buffer, at)
            if found is None:
                return False
            value, at = found
            numbers.append(value)
        length, number = numbers
        if len(self._buffer) < at + length:
            return False
        content = bytes(self._buffer[at : at + length])
        del self._buffer[: at + length]
        self._took(number, content)
        return True

    # --- with encryption --------------------------------------------------------------------------

    def _encrypted(self) -> bool:
        if self._buffer and self._buffer[0] != 1:
            self._close(b"\x01\0\x13\x01Bad indicator byte")
            return False
        if len(self._buffer) < 3:
            return False
        length = int.from_bytes(self._buffer[1:3], "big")
        if len(self._buffer) < 3 + length:
            return False
        frame = bytes(self._buffer[3 : 3 + length])
        del self._buffer[: 3 + length]
        if not self._greeted:
            self._greeted = True
            self._frame(b"\x01" + self._device.name.encode() + b"\0" + b"aabbcc001122\0")
        elif self._noise is None:
            self._shake_hands(frame)
        else:
            plain = self._noise.decrypt(frame)
            self._took(int.from_bytes(plain[:2], "big"), bytes(plain[4:]))
        return True

    def _shake_hands(self, frame: bytes) -> None:
        assert self._device.key is not None
        noise = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        noise.set_as_responder()
        noise.set_psks(base64.b64decode(self._device.key))
        noise.set_prologue(b"NoiseAPIInit\0\0")
        noise.start_handshake()
        try:
            noise.read_message(frame[1:])
        except Exception:
            self._close(b"\x01\0\x16\x01Handshake MAC failure")
            return
        self._frame(b"\0" + bytes(noise.write_message()))
        self._noise = noise

    def _close(self, why: bytes) -> None:
        """As the firmware says it."""
        if self._transport is not None:
            self._transport.write(why)
            self._transport.close()

    def _frame(self, content: bytes) -> None:
        if self._transport is not None:
            self._transport.write(b"\x01" + len(content).to_bytes(2, "big") + content)


def _varuint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varuint(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
        shift += 7
    return None


def seconds_of(content: bytes) -> tuple[float, int]:
    """Length and rate of a file that was played, as ffmpeg sees it."""
    import av

    with av.open(io.BytesIO(content)) as container:
        count = sum(each.samples for each in container.decode(audio=0))
        rate: int = container.streams.audio[0].rate
        return count / rate, rate
