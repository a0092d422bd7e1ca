"""The hub as a device on an MQTT broker: for Home Assistant, for phones, for whatever is there.

It introduces itself (`announcement`), takes what is asked of it on its topics (`topics`,
`requests`), has a conversation with whoever asks (`talk`), and tells what happens. Nothing in the
room waits for any of this: onlookers only put messages into the outbox.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Protocol

import aiomqtt

from hub import __version__
from hub.audio.wav_out import wav
from hub.bridges import requests
from hub.bridges.announcement import Abilities, Announcement, Form
from hub.bridges.ears import Ears
from hub.bridges.post import JSON, TEXT, WAV, Inbox, Incoming, Outbox, Outgoing
from hub.bridges.requests import MOST_BYTES, Origin, Refused
from hub.bridges.talk import Talk
from hub.bridges.topics import Topics
from hub.config import MqttSettings
from hub.devices.mqtt.connection import Client, connected, identifier
from hub.errors import ConfigError, DeviceError, HearthError
from hub.home.model import Home
from hub.messages import Audio, Heard, Trace, Wake
from hub.pipeline import Assistant
from hub.ports import Recognizer, Synthesizer
from hub.router import Router
from hub.skillset import Skillset
from hub.speech import clean, sentences
from hub.timers.book import Timers
from hub.voice import Voice

log = logging.getLogger(__name__)

LARGEST = MOST_BYTES + 64 * 1024
"""Bytes of the largest message that is let in: a recording, and what is around it."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between attempts to reach a broker that is away."""
SETTLED = 2.0
"""Seconds after which the hub introduces itself even if it does not see what it says."""
SPREAD = 3.0
"""Seconds, at most, until it does so anew when Home Assistant has started; so that not all devices
of a home do it at the same moment."""
MOST_REQUESTS = 24
"""Requests under way."""
MOST_ANNOUNCEMENTS = 4
"""Announcements that wait to be spoken."""
COURTESY = 5.0
"""Seconds for which a recording from elsewhere lets whoever speaks in the room go first."""
PATIENCE = 60.0
"""Seconds for which an announcement does."""
COMPLAINTS = 10
"""Errors a second that are told, at most."""
FAREWELL = 1.0
"""Seconds for saying goodbye, and for finishing what has begun."""


class Parts(Protocol):
    """What it needs of a running hub (`hub.app.Hub`)."""

    @property
    def home(self) -> Home: ...
    @property
    def router(self) -> Router: ...
    @property
    def skillset(self) -> Skillset: ...
    @property
    def assistant(self) -> Assistant: ...
    @property
    def timers(self) -> Timers: ...
    @property
    def recognizer(self) -> Recognizer | None: ...
    @property
    def synthesizer(self) -> Synthesizer | None: ...
    @property
    def voice(self) -> Voice | None: ...
    @property
    def free(self) -> asyncio.Event: ...


class WakeWords(Protocol):
    """Wake words that can be changed while the hub runs."""

    @property
    def options(self) -> Sequence[str]: ...
    @property
    def chosen(self) -> str: ...
    async def choose(self, name: str) -> None:
        """Raises HearthError."""
        ...


class PhoneBridge:
    """The hub on a broker. `run` does it all, until it is cancelled.

    `ears` and `wake_words` are left out of a hub that has none. `form` tells in which form to
    introduce itself; it is asked each time. `spread`: see SPREAD.

    Raises ConfigError for a prefix that cannot begin a topic."""

    def __init__(
        self,
        hub: Parts,
        settings: MqttSettings,
        *,
        ears: Ears | None = None,
        wake_words: WakeWords | None = None,
        form: Callable[[], Form] = lambda: Form.DEVICE,
        spread: float = SPREAD,
    ) -> None:
        if not settings.prefix.strip("/") or set(settings.prefix) & set("+#"):
            raise ConfigError(f"[mqtt] prefix: '{settings.prefix}' cannot begin a topic")
        self._hub = hub
        self._settings = settings
        self._ears = ears
        self._words = wake_words
        self._form = form
        self._spread = spread
        self.topics = Topics(
            settings.prefix.strip("/"),
            settings.discovery.strip("/"),
            identifier(settings, "device").rpartition("-")[2],
        )
        self._announcement = Announcement(
            self.topics,
            Abilities(
                ears=ears is not None,
                voice=hub.voice is not None,
                wake_words=tuple(wake_words.options) if wake_words else (),
            ),
            name=settings.name,
            version=__version__,
        )
        self._talk = Talk(self._new_assistant)
        self._outbox = Outbox(modern=settings.version == "5")
        self._handlers = self._all_handlers()
        self._requests: set[asyncio.Task[None]] = set()
        self._announcing = asyncio.Lock()
        self._introducing: asyncio.Task[None] | None = None
        self._announcements = 0
        self._introduced: Form | None = None
        self._stale: set[str] = set()
        """Topics on which older announcements of this hub are kept."""
        self._settled = asyncio.Event()
        """The broker has delivered all that it keeps for this hub."""
        self._shown: dict[str, str] = {}
        """Topic -> state as it was published last."""
        self._origin = Origin()
        """Of the turn that is being told to the onlookers."""
        self._complaints: deque[float] = deque(maxlen=COMPLAINTS)
        self._ignored: set[str] = set()

    async def run(self) -> None:
        """Be there, for ever; a broker that is away is tried again and again."""
        unwatch = [self._hub.assistant.watch(self._on_turn)]
        if self._ears is not None:
            unwatch.append(self._ears.watch(self._on_wake))
        pause, lost = FIRST_PAUSE, False
        try:
            while True:
                began = time.monotonic()
                try:
                    await self._connection(lost)
                except DeviceError as error:
                    if not lost or time.monotonic() - began > LONGEST_PAUSE:
                        log.warning("%s; it is tried again and again", error)
                    if time.monotonic() - began > LONGEST_PAUSE:
                        pause = FIRST_PAUSE
                    lost = True
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(LONGEST_PAUSE, pause * 2)
        finally:
            for end in unwatch:
                end()
            await self._finish()

    def introduce(self) -> None:
        """Announce the hub anew, soon: `form` may have another answer now."""
        self._introduce_after(0.0)

    def rang(self, text: str) -> None:
        """Tell that a timer has run out, with what is said of it."""
        self._event("timer", text=text)

    # --- the connection --------------------------------------------------------------------------

    async def _connection(self, lost: bool) -> None:
        """One connection, until it ends. Raises DeviceError."""
        topics = self.topics
        will = aiomqtt.Will(topics.status, "offline", qos=1, retain=True)
        inbox = Inbox()
        async with connected(
            self._settings, "phone", will=will, max_packet=LARGEST, session=0, inbox=inbox
        ) as client:
            self._settled.clear()
            self._stale.clear()
            self._shown.clear()
            self._introduced = None
            self._outbox.open()
            sending = asyncio.create_task(self._outbox.send(client), name="mqtt-outbox")
            try:
                for refused in await client.listen(dict.fromkeys(self._wanted(), 1)):
                    log.warning("MQTT: the broker does not let the hub hear %s", refused)
                _end_if_cancelled()
                self._outbox.put(self._state(topics.status, "online"))
                self._introduce_after(0.0)
                if lost:
                    log.warning("the MQTT broker is back")
                async for message in client.messages:
                    self._take(message)
            finally:
                self._outbox.close()
                await self._ended(sending, self._introducing)
                if client.alive:
                    await self._goodbye(client)

    async def _goodbye(self, client: Client) -> None:
        with suppress(aiomqtt.MqttError, OSError, ValueError, TimeoutError):
            await client.publish(
                self.topics.status, "offline", qos=1, retain=True, timeout=FAREWELL
            )

    async def _ended(self, *tasks: asyncio.Task[None] | None) -> None:
        running = {task for task in tasks if task is not None}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _finish(self) -> None:
        """What has begun to act is not cut short, if it does not take long."""
        if self._requests:
            await asyncio.wait(self._requests, timeout=FAREWELL)
        await self._ended(*self._requests)

    def _wanted(self) -> list[str]:
        topics = self.topics
        own = [*self._handlers, f"{topics.audio}/+", topics.status]
        return [*own, topics.birth, topics.device_config, topics.all_entity_configs]

    # --- introducing itself ----------------------------------------------------------------------

    def _introduce_after(self, seconds: float) -> None:
        if self._outbox.is_open and (self._introducing is None or self._introducing.done()):
            self._introducing = asyncio.create_task(
                self._introduce(seconds), name="mqtt-introduction"
            )

    async def _introduce(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        # What is kept of an older announcement has to be known before.
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED):
                await self._settled.wait()
        form = self._form()
        if self._introduced not in (None, form):
            assert self._introduced is not None
            before = self._announcement.publications(self._introduced)
            self._stale.update(publication.topic for publication in before)
        stale = {topic for topic in self._stale if self._announcement.stale(form, topic)}
        self._stale.clear()
        for each in self._announcement.replacing(form, stale):
            self._outbox.put(Outgoing(each.topic, each.payload, each.qos, each.retain, JSON))
        self._introduced = form
        self._show_states()

    def _show_states(self) -> None:
        """Publish those that are others than were published last."""
        topics, voice = self.topics, self._hub.voice
        states: dict[str, str] = {}
        if self._ears is not None:
            states[topics.mute] = "ON" if self._ears.muted else "OFF"
        if voice is not None:
            states[topics.volume] = str(round(voice.volume * 100))
        if self._words is not None:
            states[topics.wake_word] = self._words.chosen
        for topic, state in states.items():
            if self._shown.get(topic) != state:
                self._shown[topic] = state
                self._outbox.put(self._state(topic, state))

    def _state(self, topic: str, state: str) -> Outgoing:
        return Outgoing(topic, state, qos=1, retain=True, kind=TEXT)

    # --- what happens, told ----------------------------------------------------------------------

    def _on_turn(self, trace: Trace) -> None:
        told = summary(trace, self._origin)
        self._outbox.put(Outgoing(self.topics.turn, _json(told), kind=JSON))
        self._event(
            "turn",
            **{key: told[key] for key in ("text", "reply", "tier", "area", "expects_answer")},
        )
        self._show_states()

    def _on_wake(self, wake: Wake) -> None:
        self._event("wake", wake_word=wake.phrase or wake.model, area=self._hub.assistant.area)

    def _event(self, kind: str, **more: Any) -> None:
        content = _json({"event_type": kind, **more})
        self._outbox.put(Outgoing(self.topics.event, content, kind=JSON))

    def _finished(self, trace: Trace, origin: Origin) -> None:
        """Tell all onlookers, this one among them, which then knows who had asked."""
        self._origin = origin
        try:
            self._hub.assistant.finished(trace)
        finally:
            self._origin = Origin()

    # --- what is asked ---------------------------------------------------------------------------

    def _take(self, message: aiomqtt.Message) -> None:
        """Look at a message; what takes longer becomes a task."""
        topic, topics = message.topic.value, self.topics
        if topic == topics.birth:
            if message.payload == b"online" and not message.retain:
                self._introduce_after(random.uniform(0.0, self._spread))
        elif topic == topics.status:
            self._heard_of_itself(message)
        elif topic.startswith(f"{topics.discovery}/"):
            if message.retain and message.payload:
                self._stale.add(topic)
        elif message.retain:
            self._ignore(topic)
        else:
            self._begin(Incoming.of(message))

    def _heard_of_itself(self, message: aiomqtt.Message) -> None:
        if message.payload == b"online":
            if not message.retain:
                self._settled.set()
        elif not message.retain:
            # The last will of a connection that is no more, or somebody's mistake.
            self._outbox.put(self._state(self.topics.status, "online"))

    def _ignore(self, topic: str) -> None:
        if topic not in self._ignored:
            self._ignored.add(topic)
            log.warning(
                "MQTT: what the broker keeps on %s is ignored, for it would be done at every start:"
                " a command must not be retained",
                topic[:200],
            )

    def _begin(self, incoming: Incoming) -> None:
        handler = self._handlers.get(incoming.topic)
        caller = self.topics.caller(incoming.topic)
        if handler is None and caller is None:
            error = Refused("who sends sound is named by letters, digits, '-' and '_'")
            self._refuse(incoming, error)
            return
        try:
            incoming.allowed(self.topics.replies)
        except Refused as refused:
            self._complain(incoming.topic, refused)
            return
        if len(self._requests) >= MOST_REQUESTS:
            self._refuse(incoming, Refused("busy: too much is asked at once"))
            return
        work = handler(incoming) if handler is not None else self._audio(incoming, caller)
        task = asyncio.create_task(self._handled(incoming, work), name="mqtt-request")
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _handled(self, incoming: Incoming, work: Awaitable[None]) -> None:
        try:
            await work
        except Refused as refused:
            self._refuse(incoming, refused)
        except HearthError as error:
            self._refuse(incoming, Refused(str(error)))
        # Whatever goes wrong costs this one request.
        except Exception:
            log.exception("MQTT: what came in on %s could not be done", incoming.topic)
            self._refuse(incoming, Refused("something went wrong; see the hub's log"))

    def _refuse(self, incoming: Incoming, refused: Refused) -> None:
        """Tell who asked, where they asked for it, and whoever looks for errors."""
        self._answer(incoming, {"id": refused.id, "error": str(refused)})
        self._complain(incoming.topic, refused)

    def _complain(self, topic: str, refused: Refused) -> None:
        now, before = time.monotonic(), self._complaints
        if len(before) == COMPLAINTS and now - before[0] < 1.0:
            return
        before.append(now)
        content = {"topic": topic[:200], "id": refused.id, "error": str(refused)}
        self._outbox.put(Outgoing(self.topics.error, _json(content), kind=JSON))

    def _answer(self, incoming: Incoming, content: dict[str, Any]) -> None:
        topic, caller = incoming.answer_to, self.topics.caller(incoming.topic)
        if topic is None and caller is not None:
            topic = self.topics.audio_turn(caller)
        if topic is not None:
            self._outbox.put(Outgoing(topic, _json(content), 1, False, JSON, incoming.correlation))

    # --- what is done ----------------------------------------------------------------------------

    def _all_handlers(self) -> dict[str, Callable[[Incoming], Coroutine[Any, Any, None]]]:
        """By topic. What a hub does not have is answered like that."""
        topics = self.topics
        return {
            topics.say: self._say,
            topics.audio: self._audio,
            topics.announce: self._announce,
            topics.listen: self._listen,
            topics.stop: self._stop,
            topics.set(topics.mute): self._mute,
            topics.set(topics.volume): self._set_volume,
            topics.set(topics.wake_word): self._choose,
        }

    async def _say(self, incoming: Incoming) -> None:
        said = requests.say(incoming.payload)
        origin = said.origin
        language = self._language(origin)
        with _named(origin):
            trace = await self._talk.turn(
                origin.conversation,
                lambda assistant: assistant.say(said.text, area=origin.area, language=language),
            )
        self._finished(trace, origin)
        self._answer(incoming, summary(trace, origin))

    async def _audio(self, incoming: Incoming, caller: str | None = None) -> None:
        """Push to talk: a turn, and its reply as sound to whoever waits for it."""
        origin = requests.origin(incoming.properties)
        if caller is not None:
            origin = Origin(
                origin.id or caller, origin.conversation or caller, origin.area, origin.language
            )
        with _named(origin):
            language = self._language(origin)
            if self._hub.recognizer is None:
                raise Refused("this hub has no speech recognition")
            heard = await asyncio.to_thread(requests.sound, incoming.payload)

            async def run(assistant: Assistant) -> Trace:
                await self._room_first(COURTESY)
                return await assistant.hear(
                    Heard(heard, heard.seconds, heard.seconds), area=origin.area, language=language
                )

            trace = await self._talk.turn(origin.conversation, run)
            self._finished(trace, origin)
            self._answer(incoming, summary(trace, origin))
            topic = incoming.answer_to or (self.topics.audio_reply(caller) if caller else None)
            if topic is not None and self._hub.synthesizer is not None:
                sound = await spoken(self._hub.synthesizer, trace)
                if sound.pcm:
                    content = wav(sound)
                    self._outbox.put(Outgoing(topic, content, 1, False, WAV, incoming.correlation))

    async def _announce(self, incoming: Incoming) -> None:
        said = requests.say(incoming.payload)
        origin, voice = said.origin, self._hub.voice
        with _named(origin):
            language = self._language(origin) or self._hub.assistant.languages[0]
            here = self._hub.assistant.area
            if voice is None:
                raise Refused("this hub has no loudspeaker")
            if here and (area := self._hub.assistant.place(origin.area)) not in (None, here):
                raise Refused(f"there is no loudspeaker in {area}, only in {here}")
            if self._announcements >= MOST_ANNOUNCEMENTS:
                raise Refused("busy: too much is to be announced")
            self._announcements += 1
            try:
                async with self._announcing:
                    if not await self._room_first(PATIENCE):
                        raise Refused("busy: somebody talks with the hub")
                    heard = await voice.say(said.text, language=language)
            finally:
                self._announcements -= 1
            if heard.first_audio_ms is None:
                raise Refused("nothing was heard of it: the voice is muted, or there are no words")
        self._answer(incoming, {"id": origin.id, "announced": True})

    async def _listen(self, incoming: Incoming) -> None:
        if self._ears is None:
            raise Refused("this hub has no microphone")
        if not self._ears.listen():
            raise Refused("the microphone is muted")

    async def _stop(self, incoming: Incoming) -> None:
        await self._hub.timers.hush()
        if self._hub.voice is not None:
            self._hub.voice.stop()

    async def _mute(self, incoming: Incoming) -> None:
        if self._ears is None:
            raise Refused("this hub has no microphone")
        self._ears.mute(requests.switch(incoming.payload))
        self._show_states()

    async def _set_volume(self, incoming: Incoming) -> None:
        if self._hub.voice is None:
            raise Refused("this hub has no loudspeaker")
        self._hub.voice.volume = requests.percent(incoming.payload) / 100
        self._show_states()

    async def _choose(self, incoming: Incoming) -> None:
        if self._words is None:
            raise Refused("the wake word of this hub can only be changed in its settings")
        name = requests.name(incoming.payload)
        if name not in self._words.options:
            raise Refused(f"known wake words are {', '.join(self._words.options)}")
        await self._words.choose(name)
        self._show_states()

    async def _room_first(self, seconds: float) -> bool:
        """Wait until nobody is talked with in the room, or for so long. Whether nobody is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hub.free.wait()
        return self._hub.free.is_set()

    def _language(self, origin: Origin) -> str | None:
        known = self._hub.assistant.languages
        if origin.language is not None and origin.language not in known:
            given = origin.language
            raise Refused(f"'{given}' is none of the languages of this hub: {', '.join(known)}")
        return origin.language

    def _new_assistant(self) -> Assistant:
        hub, known = self._hub, self._hub.assistant
        return Assistant(
            home=hub.home,
            router=hub.router,
            skillset=hub.skillset,
            replies=known.replies,
            recognizer=hub.recognizer,
            languages=known.languages,
            area=known.area,
        )


class _named:
    """Whatever is refused within it is known by the id of its origin."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Refused):
            error.id = error.id or self._origin.id
        elif isinstance(error, HearthError):
            refused = Refused(str(error))
            refused.id = self._origin.id
            raise refused from error


def _end_if_cancelled() -> None:
    """Python 3.11's `asyncio.wait_for`, which aiomqtt uses, can lose a cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def spoken(synthesizer: Synthesizer, trace: Trace) -> Audio:
    """The reply as one sound; empty if there is nothing to say. Raises EngineError."""
    reply = trace.reply
    made = [
        await synthesizer.synthesize(sentence)
        for sentence in sentences(clean(reply.text, reply.language))
    ]
    rate = made[0].rate if made else Audio(b"").rate
    return Audio(b"".join(audio.pcm for audio in made), rate)


def summary(trace: Trace, origin: Origin) -> dict[str, Any]:
    """A turn, for those outside."""
    whole = trace.to_json()
    return {
        "id": origin.id,
        "turn": whole["turn"],
        "text": whole["heard"],
        "reply": whole["reply"],
        "expects_answer": whole["expects_answer"],
        "language": whole["language"],
        "area": trace.area,
        "tier": whole["tier"],
        "calls": whole["calls"],
        "outcomes": whole["outcomes"],
        "ms": whole["stages_ms"]["total"],
        "error": whole["error"],
    }


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)
