"""An ESPHome voice satellite: Home Assistant's Voice PE, an ESP32-S3 with `voice_assistant`, or
linux-voice-assistant, which speaks the same protocol.

The device hears its wake word and asks for a run. Then it streams its microphone, and the hub tells
it how far it is, in this order: RUN_START, STT_START, STT_VAD_END (which closes the microphone),
STT_END with the words, INTENT_START, INTENT_END, TTS_START, TTS_END with the address of the answer,
RUN_END. After a question (`continue_conversation`) the device asks for the next run by itself when
it has played that. What the hub says unasked is an announcement, which may open the microphone,
too.

Protocol: https://esphome.io/components/voice_assistant/ and `voice_assistant` in ESPHome's source
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Literal

from aioesphomeapi import (
    MediaPlayerCommand,
    MediaPlayerEntityState,
    MediaPlayerInfo,
    SwitchInfo,
    SwitchState,
    VoiceAssistantCommandFlag,
    VoiceAssistantEventType,
    VoiceAssistantFeature,
    VoiceAssistantTimerEventType,
)
from aioesphomeapi.core import APIConnectionError

from hub.audio.level import scaled
from hub.audio.pcm import Framer
from hub.bridges.satellites.arbiter import BYTES, loudness
from hub.bridges.satellites.esphome_link import Device, EsphomeAddress
from hub.bridges.satellites.esphome_mouth import Fetched, Mouth, Streamed
from hub.bridges.satellites.far import PRESSED, Stopped
from hub.bridges.satellites.sounds import SoundServer, form_of
from hub.errors import AudioError, EngineError, HearthError
from hub.messages import Audio, Trace, Wake
from hub.ports import FRAME_BYTES, FRAME_SECONDS

if TYPE_CHECKING:
    from hub.timers.book import TimerNews
    from hub.timers.timer import Timer

log = logging.getLogger(__name__)

WAITING = 250
"""Frames that may wait to be heard: 8 s. A hub that is slower than that loses the oldest."""
ECHO = 0.3
"""Seconds after the hub's own voice in which its echo is not listened to."""
TONE = 0.5
"""Seconds up to which a sound is a tone: nobody takes that for speech."""
REOPEN_WITHIN = 5.0
"""Seconds in which a device listens for an answer, after it has played the question."""
SILENCE, STALLED = 0.1, 1.0
"""Seconds without sound after which silence takes its place: while the microphone is closed, and
while it should be open. Without it nothing that is waited for would ever be too late."""
MUTES = ("mute", "microphone_mute", "mic_mute")
"""How the switch that mutes a device is called, as `object_id`."""
CLEAR = 1.0
"""How sure the device is that it heard its wake word: it does not say."""

Event = VoiceAssistantEventType
_TIMER_EVENTS = {
    "started": VoiceAssistantTimerEventType.VOICE_ASSISTANT_TIMER_STARTED,
    "updated": VoiceAssistantTimerEventType.VOICE_ASSISTANT_TIMER_UPDATED,
    "cancelled": VoiceAssistantTimerEventType.VOICE_ASSISTANT_TIMER_CANCELLED,
    "finished": VoiceAssistantTimerEventType.VOICE_ASSISTANT_TIMER_FINISHED,
}


class EsphomeSatellite:
    """The hub's side of one device, while the connection holds: an `AudioSource`, an `AudioSink`,
    and the `Follower` of the turns in its room.

    It hears nothing while it speaks, and shortly after: the hub's own voice neither wakes it nor
    answers for a person."""

    realtime = True
    wakes_itself = True

    def __init__(
        self,
        address: EsphomeAddress,
        device: Device,
        *,
        area: str = "",
        asks: Callable[[], bool] = lambda: False,
    ) -> None:
        """`asks`: whether what is announced now is a question that has to be answered. Raises
        EngineError for a device that is no voice satellite."""
        self._address = address
        self._device = device
        self._client = device.client
        self._area = area
        self._asks = asks
        self._has = VoiceAssistantFeature(device.features)
        self.stopped: Callable[[], object] = lambda: None
        """Called when somebody at the device stops what is said."""
        self.changed: Callable[[], None] = lambda: None
        """Called when its volume or its mute switch has changed."""
        self.muted: bool | None = None
        """Whether its microphone is muted; None: it has no such switch, or has not said."""
        self.volume: float | None = None
        """0-1: of its own player; None without one."""
        self._players = [each for each in device.entities if isinstance(each, MediaPlayerInfo)]
        self._mute_switch = next((each for each in device.entities if _mutes(each)), None)
        self._gone = asyncio.Event()
        self._wakes: asyncio.Queue[Wake] = asyncio.Queue(1)
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self._framer = Framer()
        self._recent = bytearray()
        self._open = False
        """Its microphone streams to the hub."""
        self._opened = asyncio.Event()
        self._ended: Literal["", "stopped", "over"] = ""
        """Why there is nothing more to be heard of it in this turn."""
        self._in_turn = False
        self._run = False
        """Between RUN_START and RUN_END."""
        self._reply = ""
        self._speaking = 0
        self._deaf_until = 0.0
        self._mouth: Mouth | None = None
        """What is being said."""
        self._ending: Mouth | None = None
        """What has been said, and is still heard."""
        self._closing: asyncio.Task[None] | None = None
        self._sounds: SoundServer | None = None
        if not self._has & VoiceAssistantFeature.VOICE_ASSISTANT:
            raise EngineError(
                f"{address} ('{device.title}') is no voice satellite: "
                "its firmware has no voice_assistant"
            )
        if not self._has & VoiceAssistantFeature.API_AUDIO:
            raise EngineError(
                f"{address} ('{device.title}') has an ESPHome from before 2024.4, "
                "which sends sound in another way: update it"
            )

    @property
    def follower(self) -> EsphomeSatellite:
        return self

    @property
    def has_timers(self) -> bool:
        """Whether it shows timers, and rings when one runs out."""
        return bool(self._has & VoiceAssistantFeature.TIMERS)

    def abilities(self) -> list[str]:
        """What it can, for people."""
        has = self._has
        return [
            "hears its wake word, and sends sound",
            "plays replies and announcements"
            if self._players or has & VoiceAssistantFeature.ANNOUNCE
            else "plays replies, and no announcements"
            if has & VoiceAssistantFeature.SPEAKER
            else "has no loudspeaker",
            *(["shows timers"] if self.has_timers else []),
            *(
                ["listens for the answer to a question of the hub"]
                if has & VoiceAssistantFeature.START_CONVERSATION
                else []
            ),
            *(["can be muted"] if self._mute_switch else []),
        ]

    # --- its life -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve it until it has gone. Raises EngineError when it does."""
        try:
            self._client.subscribe_states(self._state)
            unsubscribe = self._client.subscribe_voice_assistant(
                handle_start=self._start,
                handle_stop=self._stop,
                handle_audio=self._take,
                handle_announcement_finished=self._played,
            )
        except APIConnectionError:
            raise EngineError(f"{self._address} has closed the connection") from None
        try:
            await self._gone.wait()
        finally:
            if not self._gone.is_set():
                unsubscribe()
        raise EngineError(f"{self._address} has closed the connection")

    def lost(self) -> None:
        """The connection is broken."""
        self._gone.set()
        self._finish()

    async def pause(self) -> None:
        """Let it be silent: the hub ends, or lets it go."""
        if self._closing is not None:
            self._closing.cancel()
            await asyncio.wait({self._closing})
        await self._hush()
        if self._sounds is not None:
            await self._sounds.close()

    async def answered(self) -> None:
        """It is connected already."""

    async def ready(self) -> None:
        """It always hears its wake word itself."""

    async def next_wake(self) -> Wake:
        """The next wake word that it hears, or press of its button."""
        return await self._wakes.get()

    def clearness(self) -> float:
        """0-2: how loud it is there since the wake word; how sure of that it was it does not
        say."""
        return CLEAR + loudness(bytes(self._recent))

    # --- what it sends --------------------------------------------------------------------------

    async def _start(
        self, conversation: str, flags: int, settings: Any, phrase: str | None
    ) -> int | None:
        """It asks for a run. 0: let it send sound by this connection."""
        if flags & VoiceAssistantCommandFlag.USE_WAKE_WORD:
            log.error(
                "%s leaves the wake word to the hub; let its firmware hear it (micro_wake_word)",
                self._address,
            )
            self._later(Event.VOICE_ASSISTANT_ERROR, {"code": "wake-provider-missing"})
            return 0
        if self.muted or (self._deaf and phrase):
            self._later(Event.VOICE_ASSISTANT_RUN_END)
            return 0
        if self._speaking:  # somebody has pressed its button
            self.stopped()
        self._frames = asyncio.Queue(WAITING)
        self._framer = Framer()
        self._recent.clear()
        self._ended = ""
        self._open = True
        self._opened.set()
        if not self._in_turn:
            name = (phrase or "").strip()[:60]
            spoken = bool(name)
            wake = Wake(name or PRESSED, name.replace("_", " "), CLEAR, 0.0, spoken=spoken)
            if self._wakes.full():
                self._wakes.get_nowait()
            self._wakes.put_nowait(wake)
        return 0

    async def _stop(self, abort: bool) -> None:
        """It sends no more: `abort` when somebody does not want to be heard, otherwise because all
        was said."""
        if not self._open:
            if abort and self._speaking:
                self.stopped()
            return
        self._open = False
        if abort:
            self._ended = "stopped"

    async def _take(self, data: bytes, _: bytes | None) -> None:
        if not self._open or self.muted:
            return
        self._recent += data
        del self._recent[:-BYTES]
        for frame in self._framer.add(data):
            if self._frames.full():
                self._frames.get_nowait()
            self._frames.put_nowait(bytes(FRAME_BYTES) if self._deaf else frame)

    async def _played(self, _: Any) -> None:
        self._finish()

    def _finish(self) -> None:
        for mouth in (self._mouth, self._ending):
            if mouth is not None:
                mouth.finished()

    def _state(self, state: Any) -> None:
        if isinstance(state, SwitchState) and self._mute_switch is not None:
            if state.key == self._mute_switch.key and state.state is not self.muted:
                self.muted = state.state
                if self.muted and self._open:
                    self._open, self._ended = False, "stopped"
                self.changed()
        elif isinstance(state, MediaPlayerEntityState) and self._players:
            volume = round(min(1.0, max(0.0, state.volume)), 2)
            if state.key == self._players[0].key and volume != self.volume:
                self.volume = volume
                self.changed()

    @property
    def _deaf(self) -> bool:
        return (
            bool(self._speaking)
            or self._mouth is not None
            or (self._ending is not None and not self._ending.over)
            or time.monotonic() < self._deaf_until
        )

    # --- hub.ports.AudioSource ------------------------------------------------------------------

    async def frames(self) -> AsyncIterator[bytes]:
        """What it hears; silence while it sends nothing. Raises Stopped when somebody there does
        not want to be heard any more."""
        last = time.monotonic()
        while not self._gone.is_set():
            if self._ended == "stopped":
                raise Stopped(f"{self._address}: somebody has stopped it")
            if self._ended == "over":
                return
            try:
                async with asyncio.timeout(STALLED if self._open else SILENCE):
                    frame = await self._frames.get()
                last = time.monotonic()
                yield frame
            except TimeoutError:
                missing = int((time.monotonic() - last) / FRAME_SECONDS)
                last += missing * FRAME_SECONDS
                for _ in range(missing):
                    yield bytes(FRAME_BYTES)

    # --- hub.room.Follower ----------------------------------------------------------------------

    async def listening(self) -> None:
        """Its microphone is open, or opens for an answer."""
        if self._run and self._open:
            return
        if self._in_turn and not self._open:
            try:
                async with asyncio.timeout(REOPEN_WITHIN):
                    await self._opened.wait()
            except TimeoutError:
                self._ended = "over"
                return
        self._in_turn = self._run = True
        self._send(Event.VOICE_ASSISTANT_RUN_START)
        self._send(Event.VOICE_ASSISTANT_STT_START)

    async def heard(self, text: str) -> None:
        self._close_microphone()
        self._send(Event.VOICE_ASSISTANT_STT_VAD_END)
        self._send(Event.VOICE_ASSISTANT_STT_END, {"text": text})
        self._send(Event.VOICE_ASSISTANT_INTENT_START)

    async def answers(self, trace: Trace) -> None:
        self._reply = trace.reply.text
        self._send(
            Event.VOICE_ASSISTANT_INTENT_END,
            {
                "conversation_id": self._area,
                "continue_conversation": "1" if trace.reply.expects_answer else "0",
            },
        )

    async def spoken(self) -> None:
        """Return when it has been heard."""
        await self._shut_mouth()
        self._end_run()

    async def finished(self, error: HearthError | None = None) -> None:
        """All has been said, or nothing came of it: it listens for its wake word again."""
        await self._shut_mouth()
        if self._run and error is not None and not isinstance(error, Stopped):
            self._send(Event.VOICE_ASSISTANT_ERROR, {"code": "hub-error", "message": error.spoken})
        elif self._run and self._open:
            self._send(
                Event.VOICE_ASSISTANT_ERROR,
                {"code": "stt-no-text-recognized", "message": "Nothing was said"},
            )
        if self._open and not self._run:
            self._send(Event.VOICE_ASSISTANT_RUN_END)
        self._close_microphone()
        self._end_run()
        self._in_turn = False
        self._asks()  # what was asked in the turn has been listened for

    def _close_microphone(self) -> None:
        self._open = False
        self._opened.clear()

    def _end_run(self) -> None:
        if self._run:
            self._run = False
            self._send(Event.VOICE_ASSISTANT_RUN_END)

    # --- hub.ports.AudioSink --------------------------------------------------------------------

    async def play(self, audio: Audio) -> None:
        """Raises AudioError."""
        if not audio.pcm:
            return
        deaf = audio.seconds > TONE
        self._speaking += deaf
        try:
            await self._stay_open()
            if self._mouth is None:
                self._mouth = await self._opened_mouth()
            mouth = self._mouth
            if not await mouth.add(audio):
                self._mouth = None
                await mouth.stop()
                self.stopped()  # which cancels this
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            await self._hush()
            raise
        except (AudioError, APIConnectionError) as error:
            self._mouth = None
            if isinstance(error, AudioError):
                raise
            raise AudioError(f"{self._address} has closed the connection") from None
        finally:
            self._speaking -= deaf
            if deaf:
                self._deaf_until = time.monotonic() + ECHO
        if self._mouth is not None and not self._in_turn:
            self._closing = asyncio.create_task(self._close_soon(self._mouth))

    async def close(self) -> None:
        """The connection stays open: replies come one after the other."""

    async def _opened_mouth(self) -> Mouth:
        """Begin to say something: the reply of a turn, or else an announcement."""
        if self._players or self._has & VoiceAssistantFeature.ANNOUNCE:
            return await self._fetched()
        if not self._has & VoiceAssistantFeature.SPEAKER:
            raise AudioError(f"{self._address} has no loudspeaker")
        if not self._run:
            raise AudioError(
                f"{self._address} plays replies only: announcements need a media_player in its "
                "firmware, instead of a speaker alone"
            )
        self._tts("api:")
        self._send(Event.VOICE_ASSISTANT_TTS_STREAM_START)
        return Streamed(self._client.send_voice_assistant_audio, self._send_stream_end)

    async def _fetched(self) -> Mouth:
        if self._sounds is None:
            address = self._client.connected_address
            if address is None:
                raise AudioError(f"{self._address} has closed the connection")
            self._sounds = SoundServer(address)
        formats = self._players[0].supported_formats if self._players else ()
        url, stream = await self._sounds.offer(form_of(formats))
        announces = bool(self._has & VoiceAssistantFeature.ANNOUNCE)
        mouth = Fetched(str(self._address), stream, self._sounds, tells=announces)

        def begin() -> None:
            if self._run:
                self._tts(url)
            elif announces:
                self._announce(url)
            else:
                self._client.media_player_command(
                    self._players[0].key, media_url=url, announcement=True
                )

        mouth.begin = begin
        return mouth

    def _tts(self, url: str) -> None:
        self._send(Event.VOICE_ASSISTANT_TTS_START, {"text": self._reply or "…"})
        self._send(Event.VOICE_ASSISTANT_TTS_END, {"url": url})
        if self._players or self._has & VoiceAssistantFeature.ANNOUNCE:
            self._end_run()

    def _announce(self, url: str) -> None:
        asks = bool(self._has & VoiceAssistantFeature.START_CONVERSATION) and self._asks()
        task = asyncio.create_task(
            self._client.send_voice_assistant_announcement_await_response(
                url, timeout=0.0, start_conversation=asks
            )
        )
        # It is sent at once; that it was heard is told as of replies.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _send_stream_end(self) -> None:
        self._send(Event.VOICE_ASSISTANT_TTS_STREAM_END)

    async def _close_soon(self, mouth: Mouth) -> None:
        """An announcement that nothing was added to is over."""
        await mouth.drained()
        if self._mouth is mouth:
            await self._shut_mouth()

    async def _stay_open(self) -> None:
        """Let more be said: with what is being said, or else when that has been heard."""
        closing, self._closing = self._closing, None
        if closing is not None and self._mouth is not None and not self._mouth.over:
            closing.cancel()
        elif closing is not None:
            await asyncio.wait({closing})

    async def _shut_mouth(self) -> None:
        """Return when all has been heard."""
        mouth, self._mouth = self._mouth, None
        if mouth is not None:
            self._ending = mouth
            try:
                await mouth.end()
            finally:
                self._ending = None
                self._deaf_until = time.monotonic() + ECHO

    async def _hush(self) -> None:
        """Silence at once."""
        mouth, self._mouth = self._mouth or self._ending, None
        if mouth is None:
            return
        await mouth.stop()
        if self._players:
            self._tell(
                self._client.media_player_command,
                self._players[0].key,
                command=MediaPlayerCommand.STOP,
                announcement=True,
            )

    # --- what else it can be told ---------------------------------------------------------------

    def scaled(self, audio: Audio, volume: float) -> Audio:
        """Sound at a volume of 0-1, where the device's own is a part of that already."""
        return scaled(audio, volume / self.volume if self.volume else volume)

    def set_volume(self, volume: float) -> None:
        """0-1: of its own player."""
        if self._players:
            self.volume = round(volume, 2)
            self._tell(self._client.media_player_command, self._players[0].key, volume=volume)

    def set_muted(self, muted: bool) -> None:
        """Its microphone. Raises EngineError where it has no switch for that."""
        if self._mute_switch is None:
            raise EngineError(f"{self._address} has no switch that mutes its microphone")
        self._tell(self._client.switch_command, self._mute_switch.key, muted)

    def timer(self, news: TimerNews, timer: Timer, left: float) -> None:
        """Something about a timer of its room; `left` seconds."""
        if self.has_timers:
            self._tell(
                self._client.send_voice_assistant_timer_event,
                _TIMER_EVENTS[news],
                timer.id,
                timer.name,
                round(timer.seconds),
                max(0, round(left)),
                not timer.paused and news in ("started", "updated"),
            )

    # --- telling it -----------------------------------------------------------------------------

    def _send(self, event: VoiceAssistantEventType, data: dict[str, str] | None = None) -> None:
        self._tell(self._client.send_voice_assistant_event, event, data)

    def _tell(self, send: Callable[..., object], *arguments: Any, **named: Any) -> None:
        """A device that has gone is found out elsewhere."""
        if not self._gone.is_set():
            try:
                send(*arguments, **named)
            except APIConnectionError:
                self._gone.set()

    def _later(self, event: VoiceAssistantEventType, data: dict[str, str] | None = None) -> None:
        """After the answer to what it has just asked for."""
        asyncio.get_running_loop().call_later(0.05, self._send, event, data)


def _mutes(entity: Any) -> bool:
    return isinstance(entity, SwitchInfo) and entity.object_id in MUTES
