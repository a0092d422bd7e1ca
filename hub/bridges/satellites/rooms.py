"""Satellites as rooms of the hub: called up, listened to, spoken through, and called again when
they are lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub.app import Hub
from hub.audio.cache import SoundFolder
from hub.audio.earcons import earcon
from hub.audio.level import scaled
from hub.bridges.ears import Ears
from hub.bridges.satellites.arbiter import Arbiter, OneOfSeveral
from hub.bridges.satellites.card import CardAddress, card_of, open_card
from hub.bridges.satellites.esphome_link import (
    EsphomeAddress,
    esphome_device,
    is_esphome,
    parse_esphome,
)
from hub.bridges.satellites.far import PRESSED, FarSatellite, Stopped
from hub.bridges.satellites.keys import key_for
from hub.bridges.satellites.wyoming import NoWakeWord, Satellite
from hub.bridges.wyoming.offer import FarEars, open_far_ears
from hub.config import RoomSettings
from hub.engines.wyoming_link import Address, linked, parse
from hub.errors import ConfigError, EngineError, HearthError
from hub.home.model import normal
from hub.listening import Listener
from hub.ports import VoiceActivity, WakeWord
from hub.room import Room
from hub.timers.book import TimerNews
from hub.timers.timer import Timer
from hub.voice import Voice

if TYPE_CHECKING:
    from hub.bridges.satellites.esphome import EsphomeSatellite

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between attempts to reach a satellite that is not there."""


@dataclass(slots=True)
class Known:
    """A satellite as the settings name it, and how it is."""

    area: str
    address: Address | EsphomeAddress | CardAddress
    settings: RoomSettings
    connected: bool = False
    trouble: str | None = None
    """Why it is away, if it is."""
    turns: int = 0
    volume: float | None = None
    """0-1, once somebody has chosen it; it stays when the satellite is lost and back."""
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while nobody is talked with there."""
    esphome: EsphomeSatellite | None = None
    """The device, while it is connected and is one of ESPHome's."""
    microphone: Ears | None = None
    """What mutes it, where it is one of this machine."""
    wake: OneOfSeveral | None = None
    voices: VoiceActivity | None = None
    """The ears for its sound. They stay when it is lost and back: each new pair takes memory in
    their process."""

    def row(self, voice: Voice | None = None) -> dict[str, Any]:
        """What `hearth satellites` shows; `voice` is that of the room."""
        return {
            "room": self.area,
            "address": str(self.address),
            "connected": self.connected,
            "trouble": self.trouble,
            "turns": self.turns,
            "language": self.settings.language,
            "person": self.settings.person,
            "volume": round(voice.volume * 100) if voice is not None else None,
            "muted": self.muted,
        }

    @property
    def muted(self) -> bool | None:
        """None: it cannot be, or has not said."""
        mutes = self.esphome or self.microphone
        return mutes.muted if mutes else None


class Satellites:
    """All satellites of a hub. It needs a hub that recognises speech and has a voice."""

    def __init__(
        self,
        hub: Hub,
        ears: FarEars,
        *,
        arbiter: Arbiter | None = None,
        changed: Callable[[Known], None] = lambda known: None,
        microphones: Ears | None = None,
    ) -> None:
        """`changed` is told when one comes or goes; `microphones` mutes those of this machine.
        Raises ConfigError for a room that the home does not have, or an address that is none."""
        self._heard = microphones.source if microphones else lambda source: source
        self._hub = hub
        self._ears = ears
        self._arbiter = arbiter or Arbiter()
        self._changed = changed
        self._begun: set[asyncio.Task[Any]] = set()
        self.known = [
            _known(hub, name, settings, microphones)
            for name, settings in hub.config.rooms.items()
            if settings.elsewhere
        ]
        hub.places.rooms.update((known.area, known.free) for known in self.known)

    async def run(self) -> None:
        """Serve all of them, for ever."""
        self._hub.timers.watch(self._timer_news)
        async with asyncio.TaskGroup() as tasks:
            for known in self.known:
                tasks.create_task(self._keep(known), name=f"satellite-{known.area}")

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Of a request over the control socket: all of them. With the name of a `room`, what is
        done to that one: play a `tone`, set its `volume` (0-100), `mute` it or not."""
        name = request.get("room", request.get("tone"))
        if name is not None:
            known = next((each for each in self.known if _same(each.area, name)), None)
            if known is None:
                rooms = ", ".join(each.area for each in self.known)
                return {"error": f"there is no satellite in '{name}'; there are some in {rooms}"}
            try:
                await self._do(known, request)
            except HearthError as error:
                return {"error": f"{known.area}: {error}"}
        return {"satellites": [each.row(self._hub.voices.get(each.area)) for each in self.known]}

    async def _do(self, known: Known, request: Mapping[str, Any]) -> None:
        """Raises HearthError."""
        voice = self._hub.voices.get(known.area)
        if voice is None:
            raise EngineError(known.trouble or "it is not there yet")
        volume, mute = request.get("volume"), request.get("mute")
        if request.get("tone"):
            await voice.play(earcon("timer"))
        if isinstance(volume, int) and 0 <= volume <= 100:
            known.volume = voice.volume = volume / 100
            self._changed(known)
        if isinstance(mute, bool):
            if known.esphome is None:
                raise EngineError("what it is cannot be muted from here")
            known.esphome.set_muted(mute)

    def _timer_news(self, news: TimerNews, timer: Timer) -> bool:
        """Tell the device in the timer's room. Whether that rings by itself when it runs out. What
        is to be done later rings nowhere."""
        if timer.command is not None:
            return False
        device = next((each.esphome for each in self.known if each.area == timer.area), None)
        if device is None or not device.has_timers:
            return False
        device.timer(news, timer, self._hub.timers.left(timer))
        return True

    async def _keep(self, known: Known) -> None:
        def begun() -> None:
            if known.wake is not None:
                known.wake.begun()

        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                if isinstance(known.address, EsphomeAddress):
                    await self._serve_esphome(known, known.address)
                elif isinstance(known.address, CardAddress):
                    card = open_card(known.address, self._hub.config.audio, self._heard)
                    await self._serve(known, card)
                else:
                    async with linked(known.address) as link:
                        await self._serve(known, Satellite(link, begun))
            except HearthError as error:
                self._lost(known, str(error))
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    def _lost(self, known: Known, why: str) -> None:
        if known.connected or known.trouble is None:
            log.error("%s: %s (it is looked for again and again)", known.area, why)
        was, known.connected, known.trouble = known.connected, False, why
        self._hub.voices.pop(known.area, None)
        known.free.set()
        if was:
            self._changed(known)

    async def _serve_esphome(self, known: Known, address: EsphomeAddress) -> None:
        from hub.bridges.satellites.esphome import EsphomeSatellite

        key = await asyncio.to_thread(key_for, known.area, self._hub.config.hub.data)

        def lost() -> None:
            if known.esphome is not None:
                known.esphome.lost()

        async with esphome_device(
            address, key, lost=lost, hint=f"'hearth satellites pair {known.area}'"
        ) as device:
            satellite = EsphomeSatellite(
                address, device, area=known.area, asks=_Asking(self._hub, known).anew
            )
            known.esphome = satellite
            try:
                await self._serve(known, satellite)
            finally:
                known.esphome = None

    async def _serve(self, known: Known, satellite: FarSatellite) -> None:
        """While the connection holds. Raises HearthError when it is lost."""
        hub = self._hub
        assert hub.synthesizer is not None, "the hub was opened without a voice"
        voice = Voice(
            hub.synthesizer,
            satellite,
            sounds=SoundFolder(hub.config.hub.cache / "replies"),
            scale=scaled if known.esphome is None else known.esphome.scaled,
            volume=hub.config.voice.volume if known.volume is None else known.volume,
        )
        if known.esphome is not None:
            self._follow(known, known.esphome, voice)
        leave = self._arbiter.join(known.area)
        talking = asyncio.create_task(self._talk(known, satellite, voice))
        hearing = asyncio.create_task(satellite.run(), name=f"satellite-{known.area}-events")
        try:
            done, _ = await asyncio.wait({hearing, talking}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            leave()
            for task in (hearing, talking):
                task.cancel()
            await asyncio.wait({hearing, talking})
            await satellite.pause()
            await voice.close()

    def _follow(self, known: Known, device: EsphomeSatellite, voice: Voice) -> None:
        """A device has buttons, a volume and a mute switch of its own."""
        device.stopped = voice.stop
        voice.turned = device.set_volume

        def changed() -> None:
            if device.volume is not None:
                voice.follow(device.volume)
            self._changed(known)

        device.changed = changed

    async def _talk(self, known: Known, satellite: FarSatellite, voice: Voice) -> None:
        """Turns in this room, one after the other."""
        await satellite.answered()
        known.connected, known.trouble = True, None
        self._hub.voices[known.area] = voice
        if self._hub.manners is not None:
            voice.limit = self._hub.manners.volume
        log.info("%s: the satellite at %s is there", known.area, known.address)
        self._changed(known)
        for timer in self._hub.timers.all():
            if timer.area == known.area:
                self._timer_news("started", timer)
        await satellite.ready()
        if not satellite.wakes_itself:
            if self._ears.streams.phrase is None:
                raise ConfigError(
                    f"the satellite at {known.address} leaves the wake word to the hub, "
                    "which has none: set 'micro' in [wake]"
                )
            if known.wake is None:
                known.wake = OneOfSeveral(self._ears.wake(), known.area, self._arbiter)
            while True:
                room = self._room(known, satellite, voice, known.wake)
                await self._attempt(known, room.converse())
        while True:
            wake_word = await satellite.next_wake()
            trouble = None
            if wake_word.model == PRESSED or await self._arbiter.wins(
                known.area, wake_word.phrase, satellite.clearness
            ):
                room = self._room(known, satellite, voice, NoWakeWord())
                trouble = await self._attempt(known, room.exchange(wake_word))
            await satellite.finished(trouble)

    async def _attempt(self, known: Known, talk: Coroutine[Any, Any, int]) -> HearthError | None:
        """What went wrong, if anything did."""
        try:
            known.turns += await talk
        except Stopped as stopped:
            log.debug("%s: %s", known.area, stopped)
            return stopped
        except HearthError as error:
            log.error("%s: %s", known.area, error)
            await asyncio.sleep(FIRST_PAUSE)
            return error
        return None

    def _room(self, known: Known, satellite: FarSatellite, voice: Voice, wake: WakeWord) -> Room:
        config = self._hub.config
        if known.voices is None:
            known.voices = self._ears.streams.voices()
        listener = Listener(satellite, wake, known.voices, config.listen, config.wake)

        def tone(name: str) -> None:
            if name == "wake":
                self._begin(self._hub.noticed(known.area))
            if config.voice.earcons and not satellite.wakes_itself:  # that has its own
                self._begin(voice.play(earcon(name)))

        return Room(
            self._hub.assistant,
            listener,
            voice,
            config.listen,
            area=known.area,
            language=known.settings.language,
            earcon=tone,
            realtime=True,
            free=known.free,
            manner=self._hub.manner,
            tone=earcon,
            follower=satellite.follower,
        )

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        """Something that nobody waits for."""
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._begun.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("at a wake word: %s", error)


class _Asking:
    """Whether what is announced in a room is a question of the hub's that nobody has been listened
    to for yet."""

    def __init__(self, hub: Hub, known: Known) -> None:
        self._conversation = hub.assistant.conversation(known.area)
        self._asked: object = None

    def anew(self) -> bool:
        question = self._conversation.question
        new = question is not None and question is not self._asked
        self._asked = question
        return new


def _same(area: str, name: Any) -> bool:
    return isinstance(name, str) and normal(area) == normal(name)


def _known(hub: Hub, name: str, settings: RoomSettings, microphones: Ears | None) -> Known:
    try:
        area = hub.assistant.place(name)
        uri = settings.satellite or ""
        card = card_of(settings)
        address = card or (parse_esphome(uri) if is_esphome(uri) else parse(uri))
    except HearthError as error:
        raise ConfigError(f"[rooms.{name}]: {error}") from error
    assert area is not None
    known = Known(area, address, settings, microphone=microphones if card else None)
    known.free.set()
    return known


@asynccontextmanager
async def open_satellites(
    hub: Hub,
    *,
    ears: FarEars | None = None,
    arbiter: Arbiter | None = None,
    changed: Callable[[Known], None] = lambda known: None,
    microphones: Ears | None = None,
) -> AsyncIterator[Satellites]:
    """The satellites that the settings name, with ears for their sound, which may be shared, as
    `arbiter` may be, which decides which room answers.
    Raises ConfigError, ModelError."""
    async with nullcontext(ears) if ears else open_far_ears(hub) as hearing:
        hearing.streams.worker.start_soon()
        yield Satellites(hub, hearing, arbiter=arbiter, changed=changed, microphones=microphones)
