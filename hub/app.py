"""Settings become parts, and parts a hub: the only file that names concrete classes."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from home_assistant_intents import get_languages

from hub import egress
from hub.audio import soundcard
from hub.audio.cache import SoundFolder
from hub.audio.earcons import earcon as tone_of
from hub.audio.files import Recording
from hub.audio.level import scaled
from hub.audio.loudspeaker import Loudspeaker
from hub.audio.microphone import Microphone
from hub.audio.noise import Noise, recording
from hub.audio.null import Nowhere
from hub.audio.stdin import RawStream
from hub.audio.wav_out import WavFolder
from hub.cause import caused
from hub.config import Config, MqttSettings
from hub.control import requests
from hub.daily.lists import LocalLists
from hub.daily.opened import Daily
from hub.devices.simulated import SimulatedHome
from hub.dialogue.pending import Pending
from hub.dialogue.replies import Replies
from hub.engines import (
    ears,
    openwakeword,
    wyoming_asr,
    wyoming_link,
    wyoming_tts,
    wyoming_wake,
)
from hub.engines.llamacpp import LlamaModel
from hub.engines.openai_server import OpenAIServer
from hub.engines.piper import PiperSynthesizer
from hub.engines.recognizer import WhisperRecognizer
from hub.engines.worker import Worker
from hub.errors import ConfigError, HearthError, StorageError, reason
from hub.history import History
from hub.home.model import Home, Personal, State
from hub.later import obstacle
from hub.listening import Listener
from hub.manners import Manner, Manners, plainly
from hub.memory import Facts, Recall
from hub.messages import StateChange, Trace
from hub.models.store import ModelStore
from hub.past import Pasts
from hub.pipeline import Assistant
from hub.places import Places
from hub.policy import Policy, audit, pin
from hub.policy.approvals import Approvals
from hub.policy.audit import Audit
from hub.policy.pin import Pin
from hub.policy.policy import Table
from hub.ports import (
    AudioSink,
    AudioSource,
    ChatModel,
    DeviceSource,
    LanguageModel,
    Recognizer,
    Synthesizer,
    VoiceActivity,
    WakeWord,
)
from hub.privacy.sound import DebugSound
from hub.room import Room
from hub.router import Router
from hub.router.rules import data_language
from hub.routines.household import Household
from hub.skill import Where
from hub.skills.alone import Alone
from hub.skills.aloud import Aloud
from hub.skills.own import Phones, SkillSounds
from hub.skills.plan import Planner
from hub.skills.store import Stores
from hub.skills.undo import Done, put_back
from hub.skillset import Skillset
from hub.sound import Sounds
from hub.storage.documents import Documents
from hub.storage.journal import Journal
from hub.timers.agenda import Agenda
from hub.timers.bell import Bell
from hub.timers.book import Timers
from hub.timers.clock import SystemTime, Time
from hub.voice import Voice
from hub.wakeword import Cascade

if TYPE_CHECKING:
    from hub.audio.echo import EchoCanceller
    from hub.packs.remote import Packs

log = logging.getLogger(__name__)

OWN_BROKER = "own"
"""[mqtt] host: the hub runs a broker of its own."""
RESTORING = ".restore-ready"
"""In the data folder: a backup that takes its place, interrupted in the middle of it."""


class Engine(Protocol):
    """What has a worker process."""

    @property
    def worker(self) -> Worker: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Broker:
    """How an MQTT broker is reached."""

    settings: MqttSettings
    obstacle: Callable[[], str | None] = lambda: None
    """Why it is not even worth a try at the moment, if it is not."""
    abandoned: Callable[[], bool] = lambda: False
    """Whether it is the hub's own, and nobody would start it again if it died."""


@dataclass(slots=True)
class Hub:
    """All parts of a running hub."""

    config: Config
    home: Home
    skillset: Skillset
    router: Router
    assistant: Assistant
    timers: Timers
    agenda: Agenda
    speaker: _Speaker
    synthesizer: Synthesizer | None = None
    voice: Voice | None = None
    wake: WakeWord | None = None
    vad: VoiceActivity | None = None
    language_model: LlamaModel | OpenAIServer | None = None
    recognizer: Recognizer | None = None
    workers: list[Worker] = field(default_factory=list)
    broker: Broker | None = None
    """Its MQTT broker, if it has one."""
    history: History | None = None
    """What was said and done."""
    facts: Facts | None = None
    """What people told it to remember."""
    sounds: Sounds | None = None
    """What is heard beneath the voice."""
    pasts: Pasts | None = None
    """What sensors have told."""
    phones: Phones = field(default_factory=Phones)
    """Where texts and pictures are shown."""
    places: Places = field(default_factory=Places)
    """Where things are heard."""
    planner: Planner | None = None
    """What skills have planned."""
    alone: Alone | None = None
    """What skills do by themselves, once they do."""
    aloud: Aloud | None = None
    packs: Packs | None = None
    """Skills of others, if there are any."""
    household: Household | None = None
    """Routines, and what else the hub does by itself."""
    time: Time = field(default_factory=SystemTime)
    manners: Manners | None = None
    safe: bool = False
    """It has crashed too often, and does without skills of others."""

    @property
    def free(self) -> asyncio.Event:
        """Set while nobody is talked with at the hub itself."""
        return self.places.free

    @property
    def voices(self) -> dict[str, Voice]:
        """Voices in rooms elsewhere that are there now, by the name of the room."""
        return self.places.voices

    def language(self, code: str | None) -> str | None:
        """A language that the hub was set up for. Raises ConfigError for another one."""
        if code is None or code in self.config.hub.languages:
            return code
        known = ", ".join(self.config.hub.languages)
        raise ConfigError(f"'{code}' is none of the languages of [hub] languages: {known}")

    def begin_timers(
        self,
        *,
        tone: Callable[[], Awaitable[object]] | None = None,
        alarm: Callable[[float], Awaitable[object]] | None = None,
        show: Callable[[str], None] = lambda text: None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Let timers and alarms ring, and do what was wanted for later; let skills run at events
        and by the clock. `tone` is that of a timer, `alarm` that of an alarm, at a volume. `show`
        gets what is said of timers, `tell` what skills say unasked."""
        bell = Bell(
            self._unattended,
            self.voice,
            tone=tone,
            show=show,
            done=self.timers.done,
            alarm=alarm,
            home=self.home,
            done_of=self.agenda.done,
            now=self.agenda.now,
            restore=self._restore,
            mention=self._mention,
            places=self.places,
            sound=tone_of,
        )
        foresee = partial(obstacle, router=self.router, skillset=self.skillset)
        self.timers.begin(bell.tell, foresee, self.places.free_in)
        self.agenda.begin(
            bell.come,
            foresee=foresee,
            act=self._unattended,
            free=self.places.free_in,
            heard_in=self.places.heard_in,
        )
        self._begin_skills(tell)

    def _begin_skills(self, tell: Callable[[str], None]) -> None:
        voice = self.voice

        async def speak(text: str, language: str) -> None:
            if voice is not None:
                await voice.say(text, language=language)

        self.aloud = Aloud(
            speak if voice else None,
            show=lambda text, area: tell(text),
            free=self.free,
            clock=self.time.steady,
            elsewhere=self._voice_in,
            quiet=self._quiet_for,
            sleep=self.time.sleep,
        )
        if self.manners is not None:
            self.manners.watch(self.aloud.recheck)
        self.assistant.aloud = self.aloud.later
        self.skillset.serve(aloud=self.aloud)
        self.alone = Alone(
            self.skillset,
            self.home,
            self.planner or Planner(self.time),
            self.time,
            self.assistant.later,
            Where(self.assistant.area, self.config.hub.languages[0]),
        )
        self.alone.begin()
        if self.household is not None:
            self.household.begin(
                self.aloud.later,
                self.aloud.announce,
                lambda area, deeds: self.assistant.conversation(area).did(list(deeds)),
                lambda area, question: self.assistant.conversation(area).ask(question),
            )
            self.assistant.watch(self.household.suggestions.after_turn)

    def _quiet_for(self) -> float | None:
        """Seconds until the quiet hours end that are now; None if there are none."""
        until = self.manners.quiet_until() if self.manners is not None else None
        return (until - self.time.now()).total_seconds() if until is not None else None

    def manner(self, trace: Trace) -> Manner:
        """How the reply to a turn is given in the room where it was said."""
        return plainly(trace) if self.manners is None else self.manners.of(trace, self.home)

    async def noticed(self, room: str | None = None) -> None:
        """Somebody in this room has heard the timer that rings there, or the reminder. An alarm
        goes on when nothing is said: nobody is late because of a noise."""

        def here(area: str | None) -> bool:
            return self.places.heard_in(area, room)

        await asyncio.gather(self.timers.hush(here), self.agenda.heard(here))

    def _voice_in(self, area: str | None) -> Callable[[str, str], Awaitable[object]] | None:
        """How something is said in a room with a satellite; None if there is none."""
        voice = self.places.voice_in(area)
        if voice is None:
            return None
        return lambda text, language: voice.say(text, language=language)

    async def take_packs(self) -> None:
        """Use the packs that are on the shelf now, and no others; none in safe mode."""
        if self.safe:
            return
        if self.packs is None:
            if not (shelf := self.config.hub.data / "packs").is_dir():
                return
            self.packs = _packs(shelf, self)
            changed = {handler.skill for handler in self.packs.handlers()}
        else:
            changed = await self.packs.refresh()
        for problem in self.packs.problems:
            log.error("%s", problem)
        if not changed:
            return
        tools = [handler for handler in self.packs.handlers() if handler.skill in changed]
        self.skillset.learn(tools, instead=changed)
        self.router.learn(self.skillset.specs())
        await self.router.prepare()
        if self.alone is not None:
            self.alone.begin()

    async def end_skills(self) -> None:
        """End what skills do, and keep what they have planned."""
        if self.household is not None:
            await self.household.close()
        if self.alone is not None:
            await self.alone.close()
        elif self.planner is not None:
            await self.planner.close()
        if self.aloud is not None:
            await self.aloud.close()
        await self.skillset.close()
        if self.packs is not None:
            await self.packs.close()

    async def answer(self, trace: Trace) -> None:
        """Say the reply to a turn in the room. Raises EngineError or AudioError."""
        manner = self.manner(trace)
        if self.voice is None:
            return
        if manner.tone:
            await self.voice.play(tone_of(manner.tone))
        elif manner.words:
            await self.voice.say(manner.words, language=trace.reply.language)

    def _mention(self, area: str | None, about: str) -> None:
        """From now on 'it' is this, in a room and wherever nothing is known of the room."""
        for place in {area, self.assistant.area}:
            self.assistant.conversation(place).refer_to(None, about)

    async def _restore(self, before: Mapping[str, State]) -> None:
        """Bring devices into their states of before, as far as that lets nobody in."""
        await put_back(self.home, Done(dict(before)), self.config.home.confirm_timeout)

    async def _unattended(self, text: str, area: str | None, language: str) -> Trace:
        """A turn of its own. What was asked in the room is not answered by it."""
        with caused("timer", area=area):
            trace = await self.assistant.aside().say(text, area=area, language=language)
        self.assistant.finished(trace)
        return trace

    def room(
        self,
        source: AudioSource,
        *,
        area: str | None = None,
        language: str | None = None,
        earcon: Callable[[str], None] = lambda name: None,
    ) -> Room:
        """Ears and mouth around one source of sound. Needs a hub opened with `ears`.

        Raises ConfigError for a room that the home does not have."""
        assert self.vad is not None, "the hub was opened without ears"
        listener = Listener(source, self.wake, self.vad, self.config.listen, self.config.wake)
        return Room(
            self.assistant,
            listener,
            self.voice,
            self.config.listen,
            area=self.assistant.place(area),
            language=language,
            earcon=earcon,
            realtime=source.realtime,
            free=self.free,
            manner=self.manner,
            tone=tone_of,
        )


LOST = "devices.lost"
"""A file that is there while nobody has looked at devices of which all that was set is lost."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where what a home knows is kept; nowhere, if it is not."""

    folder: Path | None

    def file(self, name: str) -> Path | None:
        """For what is no document: a database."""
        return self.folder / name if self.folder else None

    def documents(self, name: str) -> Documents | None:
        path = self.file(f"{name}.json")
        return Documents(path) if path else None

    def journal(self, name: str) -> Journal | None:
        """With what was kept otherwise before."""
        path = self.file(f"{name}.journal")
        return Journal(path, former=path.with_suffix(".json")) if path else None


def _kept(config: Config, home_file: Path | None, states: Path | None, remember: bool) -> _Kept:
    """Nothing is kept of another home than the configured one, unless there is a folder for it."""
    if not remember or (home_file is not None and states is None):
        return _Kept(None)
    return _Kept(states or config.hub.data)


@asynccontextmanager
async def open_hub(
    config: Config,
    *,
    home_file: Path | None = None,
    states: Path | None = None,
    ears: bool = False,
    recognise: bool = False,
    sink: AudioSink | None = None,
    remember: bool = True,
    lasting: bool = False,
    safe: bool = False,
    time: Time | None = None,
    synthesizer: Synthesizer | None = None,
) -> AsyncIterator[Hub]:
    """Put a hub together, and take it apart again.

    `ears` adds wake word and voice activity, `recognise` speech to text, `sink` a voice that plays
    there. Without any of them it understands typed text. `states` is another folder for the states
    of the home; without `remember` they are not kept. `lasting` is for the hub that runs for ever:
    any other opens the home only for a moment, perhaps beside one that runs elsewhere. `safe`
    leaves out the language model and all skills that did not come with the hub. `time` and
    `synthesizer` take the place of the machine's clocks and of the configured voice.

    Raises ConfigError, ModelError, EngineError or StorageError."""
    _check_languages(config)
    config = config.cautious() if safe else config
    clocks = time or SystemTime()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_at_home(config))
        store = ModelStore(config.models)
        engines: list[Engine] = []

        def started(engine: Any) -> Any:
            """An engine that is closed in the end; one on this machine begins to load."""
            stack.push_async_callback(engine.close)
            if hasattr(engine, "worker"):
                engines.append(engine)
                engine.worker.start_soon()
            return engine

        wake, vad = _ears(config, store, started) if ears else (None, None)
        listening = [engine.worker for engine in engines]
        recognizer = started(_recognizer(config, store)) if recognise else None
        piper = started(synthesizer or _synthesizer(config, store)) if sink else None
        voice = _voice(config, piper, sink) if piper and sink else None
        model = _language_model(config, store)
        if model is not None:
            stack.push_async_callback(model.close)
        if isinstance(model, LlamaModel):
            engines.append(model)
        real = home_file is None and states is None and remember
        kept = _kept(config, home_file, states, remember)
        broker = await stack.enter_async_context(open_broker(config)) if real else None
        home = await stack.enter_async_context(
            _home(config, home_file, real, kept, broker, lasting)
        )
        if voice is not None:
            stack.push_async_callback(voice.close)
        history = History(kept.file("history.db"), config.privacy, clocks)
        stack.push_async_callback(history.close)
        await history.open()
        history.watch(home)
        facts = Facts(
            kept.file("memory.db"),
            config.privacy,
            clocks,
            history,
        )
        stack.push_async_callback(facts.close)
        debug = DebugSound(
            config.hub.data, config.privacy.debug_audio_until if real else None, clocks
        )
        stack.push_async_callback(debug.close)
        if real:
            await debug.begin()
        timers = Timers(clocks, kept.journal("timers"))
        stack.push_async_callback(timers.close)
        await timers.open()
        pages = kept.journal("agenda")
        agenda = Agenda(clocks, pages, home=home, place=partial(_place, config, home))
        stack.push_async_callback(agenda.close)
        await agenda.open()
        stores = Stores(kept.documents("skills"))
        stack.push_async_callback(stores.close)
        await stores.open()
        planner = Planner(clocks, kept.documents("schedule"))
        await planner.open()
        sounds = Sounds(
            sink, clocks, volume=lambda: voice.volume * (not voice.muted) if voice else 1.0
        )
        stack.push_async_callback(sounds.close)
        pasts = Pasts(kept.file("past.db"), home, clocks)
        stack.push_async_callback(pasts.close)
        if lasting:
            await pasts.begin()
        phones = Phones()
        manners = Manners(
            config.manners,
            lambda: clocks.now().astimezone(clocks.zone),
            kept.documents("manners"),
        )
        stack.push_async_callback(manners.close)
        await manners.open()
        if voice is not None:
            voice.limit = manners.volume
        daily = Daily(
            config,
            kept.file,
            model,
            partial(_model_file, config, store),
        )
        stack.push_async_callback(daily.close)
        places = Places(voice, audible=voice is None or not isinstance(sink, Nowhere))
        speaker = _Speaker(places, timers, agenda, sounds)
        skillset = Skillset.load(
            config,
            home,
            manners=manners,
            speaker=speaker,
            sound=SkillSounds(sounds, Noise, recording),
            past=pasts,
            phone=phones,
            timers=timers,
            agenda=agenda,
            store=stores,
            schedule=planner,
            history=history,
            facts=facts,
            time=clocks,
            policy=_policy(config, clocks, kept),
            **daily.services(),
        )
        for problem in skillset.problems:
            log.error("%s", problem)
        router = Router(
            home,
            skillset.specs(),
            model=model,
            settings=config.router,
            languages=config.hub.languages,
        )
        router.recall = Recall(facts)
        assistant = Assistant(
            home=home,
            router=router,
            skillset=skillset,
            replies=Replies(),
            recognizer=recognizer,
            languages=config.hub.languages,
            clock=clocks.steady,
            onlookers=[history.turn],
            rooms=config.rooms,
        )
        if (asked := kept.documents("questions")) is not None:
            pending = Pending(asked, clocks.now)
            stack.push_async_callback(pending.close)
            await assistant.remember(pending)
        hub = Hub(
            config,
            home,
            skillset,
            router,
            assistant,
            timers,
            agenda,
            speaker,
            piper,
            voice,
            wake,
            vad,
            model,
            recognizer,
            [engine.worker for engine in engines],
            broker,
        )
        hub.planner = planner
        hub.places = places
        hub.safe = safe
        assistant.on_sound = debug.keep if debug.on else None
        hub.history = history
        hub.facts = facts
        hub.sounds, hub.pasts, hub.phones = sounds, pasts, phones
        sounds.free = hub.free
        hub.time = clocks
        hub.manners = manners
        hub.household = Household(
            config,
            home,
            router,
            skillset,
            clocks,
            kept.documents,
            history.deeds,
            manners.quiet,
            partial(_place, config, home),
        )
        await hub.household.open()
        stack.push_async_callback(hub.end_skills)
        try:
            assistant.area = assistant.place(config.hub.area)
        except ConfigError as error:
            raise ConfigError(f"[hub] area: {error}") from error
        if real:
            await hub.take_packs()
        await router.prepare()
        if ears:
            await asyncio.gather(*(worker.start() for worker in listening))
        yield hub


@asynccontextmanager
async def open_language_model(
    config: Config,
) -> AsyncIterator[LanguageModel | ChatModel | None]:
    """The language model alone; None if the settings want none, or it is not installed."""
    model = _language_model(config, ModelStore(config.models))
    try:
        yield model
    finally:
        if model is not None:
            await model.close()


@asynccontextmanager
async def open_home(
    config: Config,
    home_file: Path | None = None,
    states: Path | None = None,
    *,
    remember: bool = True,
) -> AsyncIterator[Home]:
    """The home alone: its devices and their states, kept in the data folder.

    Another home than the configured one, or one whose states are not kept there, is only
    simulated: nothing that is tried out reaches real devices.
    Raises ConfigError for a file that makes no sense, StorageError for states that cannot be
    read."""
    real = home_file is None and states is None and remember
    kept = _kept(config, home_file, states, remember)
    async with (
        _at_home(config),
        open_broker(config) if real else nullcontext() as broker,
        _home(config, home_file, real, kept, broker) as home,
    ):
        yield home


@asynccontextmanager
async def _at_home(config: Config) -> AsyncIterator[None]:
    """Nothing but what the settings name is reached outside of the house."""
    with egress.guarded(egress.named_in(config.model_dump())):
        yield


@asynccontextmanager
async def _home(
    config: Config,
    home_file: Path | None,
    real: bool,
    kept: _Kept,
    broker: Broker | None,
    lasting: bool = False,
) -> AsyncIterator[Home]:
    async with AsyncExitStack() as stack:
        home = Home()
        changed = kept.documents("devices")
        if changed is not None:
            stack.push_async_callback(changed.close)
            lost = kept.file(LOST)
            home.remember(*await _changed_by_people(changed, lost), changed.flush)
        mqtt = await stack.enter_async_context(_mqtt_source(config, broker, lasting))
        stack.push_async_callback(home.close)
        sources = _sources(config, home_file, real, kept, mqtt)
        await home.connect(sources, lasting=lasting)
        yield home


@asynccontextmanager
async def open_broker(config: Config) -> AsyncIterator[Broker | None]:
    """The MQTT broker; the hub's own one is started here, and ended afterwards. If that does not
    come up, the hub does without until it does. None if the settings want no MQTT."""
    if config.mqtt.host != OWN_BROKER:
        yield Broker(config.mqtt) if config.mqtt.host else None
        return
    from hub.devices.mqtt.broker import OwnBroker

    broker = OwnBroker(config.mqtt, config.hub.data / "broker")
    try:
        yield Broker(await broker.begin(), lambda: broker.trouble, lambda: broker.abandoned)
    finally:
        await broker.close()


@asynccontextmanager
async def _mqtt_source(
    config: Config, broker: Broker | None, lasting: bool
) -> AsyncIterator[DeviceSource | None]:
    """The devices of the broker, if there is one, under the ids that they had before.

    The broker knows the running hub by a name that nobody else may use at the same time."""
    if broker is None:
        yield None
        return
    from hub.devices.mqtt.connection import SESSION
    from hub.devices.mqtt.source import MqttHome

    kept = Documents(config.hub.data / "mqtt.json")
    try:
        try:
            known = (await kept.load()).get("ids", {})
        except StorageError as error:
            log.error("%s; devices of one name may change their ids", error)
            known = {}
        yield MqttHome(
            broker.settings,
            session=SESSION if lasting else 0,
            ids={key: found for key, found in known.items() if isinstance(found, str)},
            keep_ids=lambda ids: kept.put("ids", ids),
            obstacle=broker.obstacle,
        )
    finally:
        await kept.close()


async def _changed_by_people(
    kept: Documents, lost: Path | None
) -> tuple[dict[str, Personal], Callable[[str, Personal], None]]:
    """What people changed about their devices, and where it is put. If that is lost, the policy is
    closed (`lost` is there) until somebody has looked at it, also when the hub is started again."""
    try:
        documents = await kept.load()
    except StorageError as error:
        log.error(
            "%s; devices have the names that their sources give them, and voice opens nothing "
            "until 'hearth trust reviewed'",
            error,
        )
        documents = {}
        if lost is not None:
            with suppress(OSError):
                await asyncio.to_thread(lost.touch, 0o600)
    personal = {key: Personal.from_document(value) for key, value in documents.items()}
    return personal, lambda key, changed: kept.put(key, changed.document())


def _sources(
    config: Config,
    home_file: Path | None,
    own: bool,
    kept: _Kept,
    mqtt: DeviceSource | None,
) -> list[DeviceSource]:
    """Where devices come from; the first one has the say."""
    real = _real_sources(config, mqtt) if own else []
    simulated = config.home.simulated
    if simulated is None:
        simulated = not real or config.home.file is not None
    # People's own lists come last: one of the same name that is elsewhere has the say.
    lists = [LocalLists(kept.documents("lists"))] if own else []
    if own and not simulated:
        return [*real, *lists]
    chosen = home_file or config.home.file
    states = kept.documents("home")
    return [*real, SimulatedHome.from_file(chosen, states=states), *lists]


def _real_sources(config: Config, mqtt: DeviceSource | None) -> list[DeviceSource]:
    """Home Assistant has the say: what is on its broker, too, has its names and rooms there.

    Their libraries are loaded only where they are used."""
    found: list[DeviceSource] = []
    if config.homeassistant.url:
        from hub.devices.homeassistant import HomeAssistantHome

        found.append(HomeAssistantHome(config.homeassistant))
    if mqtt is not None:
        found.append(mqtt)
    return found


def _place(config: Config, home: Home) -> tuple[float, float] | None:
    """Where the home is: as the settings say, else as Home Assistant does."""
    latitude, longitude = config.home.latitude, config.home.longitude
    if latitude is None or longitude is None:
        known = home.state("zone.home").attributes
        latitude, longitude = known.get("latitude"), known.get("longitude")
    if latitude is None or longitude is None:
        source = home.source("homeassistant")
        latitude, longitude = getattr(source, "place", None) or (None, None)
    return None if latitude is None or longitude is None else (float(latitude), float(longitude))


@asynccontextmanager
async def lock(config: Config, *, patience: float = 0.0) -> AsyncIterator[None]:
    """Only one process at a time may keep the states of a home.

    Where nothing can be kept, on a disk that is full or can only be read, there is nothing to
    lock, and the hub does its work without.

    Raises StorageError if another one does for longer than `patience` seconds."""
    path = config.hub.data / "hub.lock"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w")
    except OSError as error:
        log.error("%s: no states can be kept there: %s", path.parent, reason(error))
        yield
        return
    with file:
        until = time.monotonic() + patience
        while not _locked(file):
            if time.monotonic() >= until:
                raise StorageError(
                    f"another hub is running with the data in {config.hub.data}; "
                    "talk to it with 'hearth say', or end it first"
                )
            await asyncio.sleep(0.05)
        if (config.hub.data / RESTORING).is_dir():
            from hub.backup import finish

            await asyncio.to_thread(finish, config.hub.data)
        yield


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _check_languages(config: Config) -> None:
    """Raise ConfigError for a language in which the hub would hear nothing and say nothing."""
    for code in config.hub.languages:
        if data_language(code) is None:
            raise ConfigError(
                f"[hub] languages: '{code}' is no language that Hearth knows; "
                f"known are {', '.join(sorted(get_languages()))}"
            )


def _packs(folder: Path, hub: Hub) -> Packs:
    """The packs of a shelf. Loaded only where there is one."""
    from hub.bridges.pack_topics import Topics
    from hub.packs.remote import Packs
    from hub.packs.shelf import Shelf

    return Packs(
        Shelf(folder),
        hub.home,
        state=folder / "state",
        mqtt=Topics(hub.broker) if hub.broker is not None else None,
    )


def _policy(config: Config, time: Time, kept: _Kept) -> Policy:
    """What comes before what is dangerous. Of a home that is only tried out no PIN is known, and
    nothing is noted."""
    trust = config.trust
    lost = kept.file(LOST)
    table = Table(trust.heating, trust.factor, trust.devices, trust.rooms, trust.people)
    return Policy(
        table,
        pin=Pin(kept.file(pin.FILE), time),
        approvals=Approvals(time),
        audit=Audit(kept.file(audit.FILE)),
        closed=lost.exists if lost is not None else lambda: False,
    )


def trusted(config: Config) -> Policy:
    """The policy of the configured home, to look at it and to set its PIN."""
    return _policy(config, SystemTime(), _Kept(config.hub.data))


def load_skills(config: Config) -> Skillset:
    """The skills alone, to look at them."""
    home = Home()
    skillset = Skillset.load(config, home)
    if (folder := config.hub.data / "packs").is_dir():
        from hub.packs.remote import Packs
        from hub.packs.shelf import Shelf

        packs = Packs(Shelf(folder), home)
        skillset.problems += tuple(packs.problems)
        skillset.learn(packs.handlers())
    return skillset


def _ears(
    config: Config, store: ModelStore, started: Callable[[Any], Any]
) -> tuple[WakeWord | None, VoiceActivity]:
    """Wake word and voice activity, from what [wake] names."""
    settings = config.wake
    elsewhere = [
        wyoming_link.is_address(name or "") for name in (settings.micro, settings.verifier)
    ]
    micro = None
    if settings.micro and not elsewhere[0]:
        micro = _described(store.file("wake", settings.micro))
    ears_worker = ears.worker(micro)
    started(_Ears(ears_worker))
    detectors: list[Any] = []
    if micro is not None:
        detectors.append(ears.MicroWakeWord(ears_worker, micro))
    elif settings.micro:
        detectors.append(started(wyoming_wake.wake_word(settings.micro)))
    if settings.verifier and elsewhere[1]:
        detectors.append(started(wyoming_wake.wake_word(settings.verifier)))
    elif settings.verifier:
        model = store.file("verifier", settings.verifier)
        mel, embedding = store.shared(model)
        files = {"model": str(model), "melspectrogram": str(mel), "embedding": str(embedding)}
        detectors.append(started(openwakeword.OpenWakeWord(files)))
    wake = Cascade(*detectors, sensitivity=settings.sensitivity) if detectors else None
    return wake, ears.Voices(ears_worker)


def _recognizer(
    config: Config, store: ModelStore
) -> WhisperRecognizer | wyoming_asr.WyomingRecognizer:
    settings = config.recognizer
    if wyoming_link.is_address(settings.model):
        return wyoming_asr.recognizer(settings.model, languages=config.hub.languages)
    return WhisperRecognizer(
        store.find("recognizer", settings.model),
        languages=config.hub.languages,
        threads=settings.threads,
        hypotheses=settings.hypotheses,
        device=settings.device,
    )


def _synthesizer(
    config: Config, store: ModelStore
) -> PiperSynthesizer | wyoming_tts.WyomingSynthesizer:
    if wyoming_link.is_address(config.voice.model):
        return wyoming_tts.synthesizer(config.voice.model)
    return PiperSynthesizer(store.file("voice", config.voice.model))


def _voice(config: Config, synthesizer: Synthesizer, sink: AudioSink) -> Voice:
    return Voice(
        synthesizer,
        sink,
        sounds=SoundFolder(config.hub.cache / "replies"),
        scale=scaled,
        volume=config.voice.volume,
    )


def _language_model(config: Config, store: ModelStore) -> LlamaModel | OpenAIServer | None:
    """None if the settings want none, or it is not installed: the rules work without it."""
    settings, remote = config.router, config.model
    try:
        if remote.url:
            return OpenAIServer(
                remote.url, name=remote.name, key=remote.key, timeout=remote.timeout
            )
        if not settings.model:
            return None
        path = store.file("language-model", settings.model)
        known = store.catalogue.get("language-model", settings.model)
        adapter = path.parent / known.adapter if known and known.adapter else None
        return LlamaModel(
            path,
            adapter=adapter,
            format=known.format if known else "",
            threads=settings.threads,
            device=settings.device,
            notes=config.hub.cache,
        )
    except HearthError as error:
        log.warning("only rules understand what is said: %s", error)
        return None


def _model_file(config: Config, store: ModelStore) -> Path | None:
    """The language model on this machine, if there is one."""
    try:
        named = config.router.model
        return store.file("language-model", named) if named and not config.model.url else None
    except HearthError:
        return None


def _described(model: Path) -> Path:
    """microWakeWord's description of a model, which is beside its .tflite file."""
    return model.with_suffix(".json")


class _Ears:
    """The ears' process, as an engine."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    async def close(self) -> None:
        await self.worker.close()


class _Speaker:
    """A loudspeaker as skills may use it: the hub's own, or that of a room."""

    def __init__(
        self,
        places: Places,
        timers: Timers,
        agenda: Agenda,
        sounds: Sounds,
        room: str | None = None,
    ) -> None:
        """`room`: where it is talked with; None if that is not known."""
        self._places = places
        self._room = room
        self._timers = timers
        self._agenda = agenda
        self._sounds = sounds
        self._volume = 1.0
        self._muted = False

    def in_room(self, room: str | None) -> _Speaker:
        """That of a room."""
        if room is None or self._places.own is None:
            return self
        return _Speaker(self._places, self._timers, self._agenda, self._sounds, room)

    @property
    def _voice(self) -> Voice | None:
        return self._places.voice_in(self._room) or self._places.own

    @property
    def volume(self) -> float:
        return self._voice.volume if self._voice else self._volume

    @property
    def muted(self) -> bool:
        return self._voice.muted if self._voice else self._muted

    async def set_volume(self, volume: float) -> None:
        self._volume = min(1.0, max(0.0, volume))
        if self._voice:
            self._voice.volume = self._volume
        self._sounds.adjust()

    async def set_muted(self, muted: bool) -> None:
        self._muted = muted
        if self._voice:
            self._voice.muted = muted
        self._sounds.adjust()

    async def stop(self) -> None:
        """Of a room: what is heard there, and only where that is nothing, what is heard elsewhere.
        Otherwise everything, everywhere."""
        if self._room is not None and await self._stop_in(self._room):
            return
        await self._timers.hush()
        await self._agenda.stop()
        await self._agenda.heard()
        await self._sounds.stop()
        self._places.stop()

    async def _stop_in(self, room: str) -> bool:
        """False if nothing was heard there."""

        def here(area: str | None) -> bool:
            return self._places.heard_in(area, room)

        alarm = any(here(what.area) for what in self._agenda.ringing())
        ended = [
            await self._timers.hush(here),
            await self._agenda.heard(here),
            alarm and await self._agenda.stop(room),
            self._places.voice_in(room) is None and await self._sounds.stop(),
            self._places.stop(room),
        ]
        return any(ended)


def describe(hub: Hub, listening: bool) -> str:
    """One line about what is running."""
    devices, rooms = len(hub.home.entities), len(hub.home.areas)
    if not listening:
        return f"{devices} devices in {rooms} rooms. Talk to me with 'hearth say'."
    phrase = getattr(hub.wake, "phrase", None)
    called = f"Say “{phrase}, …”" if phrase else "Listening"
    return f"{called} ({devices} devices in {rooms} rooms)."


async def follow_states(config: Config, home: Home) -> AsyncIterator[StateChange]:
    """Changes in the running hub as they come. Raises HearthError if none is running."""
    answers = await requests(config.hub.runtime, {"watch": True})
    if answers is None:
        raise HearthError("no hub is running here; start one with 'hearth run'")
    async for answer in answers:
        if change := answer.get("change"):
            found = StateChange(
                change["entity_id"], change["state"], change["attributes"], change["before"]
            )
            home.apply(found)
            yield found


def sound_source(name: str) -> AudioSource:
    """A sound file, or raw samples on standard input if it is named '-'. Raises AudioError."""
    return RawStream() if name == "-" else Recording.of(Path(name))


def reply_sink(folder: Path | None) -> AudioSink:
    """Where replies go when there is no loudspeaker: WAV files in a folder, or nowhere."""
    return WavFolder(folder) if folder else Nowhere()


def echo_canceller(config: Config) -> EchoCanceller | None:
    """What takes the hub's own voice out of what its own microphone hears, if that is wanted.
    Raises AudioError where it is not installed."""
    if not config.audio.echo_cancellation:
        return None
    from hub.audio.echo import EchoCanceller

    return EchoCanceller()


def loudspeaker(config: Config, canceller: EchoCanceller | None = None) -> AudioSink:
    if canceller is None:
        return Loudspeaker(config.audio.loudspeaker)
    return Loudspeaker(config.audio.loudspeaker, plays=canceller.plays)


def microphone(config: Config, canceller: EchoCanceller | None = None) -> AudioSource:
    source = Microphone(config.audio.microphone)
    if canceller is None:
        return source
    from hub.audio.echo import WithoutEcho

    return WithoutEcho(source, canceller)


def microphone_name(config: Config) -> str:
    """The microphone that would be used. Raises AudioError if there is none."""
    return str(soundcard.find("input", config.audio.microphone)["name"])


def loudspeaker_name(config: Config) -> str:
    """The loudspeaker that would be used. Raises AudioError if there is none."""
    return str(soundcard.find("output", config.audio.loudspeaker)["name"])


def synthesizer(hub: Hub) -> Synthesizer:
    """The hub's own voice, to play a person with."""
    assert hub.synthesizer is not None, "the hub was opened without a voice"
    return hub.synthesizer
