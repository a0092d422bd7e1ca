"""The hub as a device on an MQTT broker: for Home Assistant, for phones, for whatever is there.

It introduces itself (`announcement`), takes what is asked of it (`topics`, `requests`, `orders`),
has a conversation with whoever asks (`talk`), and tells what happens. Nothing in the room waits for
any of this: onlookers only put messages into the outbox (`post`).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import aiomqtt

from hub import __version__
from hub.bridges.announcement import Abilities, Announcement, Form
from hub.bridges.ears import Ears
from hub.bridges.orders import Orders, Parts, WakeWords, as_json, summary
from hub.bridges.post import JPEG, JSON, PNG, TEXT, Inbox, Incoming, Outbox, Outgoing
from hub.bridges.requests import MOST_BYTES, Origin
from hub.bridges.topics import RoomTopics, Topics
from hub.config import MqttSettings
from hub.devices.mqtt.component import Publication
from hub.devices.mqtt.connection import Client, connected, identifier
from hub.errors import ConfigError, DeviceError, HearthError
from hub.messages import Trace, Wake
from hub.policy.approvals import Request

log = logging.getLogger(__name__)

LARGEST = MOST_BYTES + 64 * 1024
"""Bytes of the largest message that is let in: a recording, and what is around it."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 5.0
"""Seconds between attempts to reach a broker that is away."""
SETTLED = 2.0
"""Seconds after which the hub introduces itself even if it does not see what it says."""
SPREAD = 3.0
"""Seconds, at most, until it does so anew when Home Assistant has started; so that not all devices
of a home do it at the same moment."""
HEALTH = 60.0
"""Seconds between two looks at how the hub is."""
AWAY = "Sorry, I cannot reach any phone at the moment."
FAREWELL = 1.0
"""Seconds for saying goodbye."""


class PhoneBridge:
    """The hub on a broker. `run` does it all, until it is cancelled.

    `ears` and `wake_words` are left out of a hub that has none. `form` tells in which form to
    introduce itself; it is asked each time. `spread`: see SPREAD. `obstacle` tells why the broker
    is not even worth a try, if it is not.

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
        obstacle: Callable[[], str | None] = lambda: None,
        people: Mapping[str, str] | None = None,
        rooms: Sequence[str] = (),
        health: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """`rooms`: the names of those with a satellite. `health`: how the hub is, with `state` and
        `troubles`."""
        if not settings.prefix.strip("/") or set(settings.prefix) & set("+#"):
            raise ConfigError(f"[mqtt] prefix: '{settings.prefix}' cannot begin a topic")
        self._hub = hub
        self._settings = settings
        self._ears = ears
        self._words = wake_words
        self._form = form
        self._health = health
        self._health_told: tuple[dict[str, Any], float] = ({}, 0.0)
        self._spread = spread
        self._obstacle = obstacle
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
                health=health is not None,
            ),
            name=settings.name,
            version=__version__,
        )
        self._rooms = {name: self.topics.room(name) for name in rooms}
        self._devices = [
            self._announcement,
            *(self._of_room(topics) for topics in self._rooms.values()),
        ]
        self._outbox = Outbox(modern=settings.version == "5")
        self._orders = Orders(
            hub,
            self.topics,
            self._outbox,
            ears=ears,
            wake_words=wake_words,
            finished=self._finished,
            changed=self._show_states,
            people=people,
            rooms=self._rooms,
        )
        self._introducing: asyncio.Task[None] | None = None
        self._introduced: Form | None = None
        self._stale: set[str] = set()
        """Topics on which older announcements of this hub are kept."""
        self._settled = asyncio.Event()
        """The broker has delivered all that it keeps for this hub."""
        self._shown: dict[str, str] = {}
        """Topic -> state as it was published last."""
        self._origin = Origin()
        """Of the turn that is being told to the onlookers."""
        self._ignored: set[str] = set()

    @property
    def connected(self) -> bool:
        """Whether the broker can be reached now."""
        return self._outbox.is_open

    async def run(self) -> None:
        """Be there, for ever; a broker that is away is tried again and again."""
        unwatch = [self._hub.assistant.watch(self._on_turn)]
        if self._ears is not None:
            unwatch.append(self._ears.watch(self._on_wake))
        approvals = self._hub.skillset.policy.approvals
        unwatch.append(
            approvals.attach(lambda request: self._show_states(), lambda: self._outbox.is_open)
        )
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
            await self._orders.finish()

    def introduce(self) -> None:
        """Announce the hub anew, soon, if `form` has another answer now."""
        if self._form() is not self._introduced:
            self._introduce_after(0.0)

    def rang(self, text: str) -> None:
        """Tell that a timer has run out, with what is said of it."""
        self._event("timer", text=text)

    async def show(self, text: str, image: bytes | None, by: str) -> None:
        """Bring a text, and a picture if there is one, to phones. Raises HearthError while the
        broker is away."""
        if not self._outbox.is_open:
            raise HearthError("the MQTT broker is away", spoken=AWAY)
        if image is not None:
            kind = PNG if image.startswith(b"\x89PNG") else JPEG
            self._outbox.put(Outgoing(self.topics.picture, image, qos=1, kind=kind))
        told = {"text": text, "by": by, "picture": image is not None}
        self._outbox.put(Outgoing(self.topics.notice, as_json(told), qos=1, kind=JSON))
        self._event("notice", **told)

    # --- the connection --------------------------------------------------------------------------

    async def _connection(self, lost: bool) -> None:
        """One connection, until it ends. Raises DeviceError."""
        if why := self._obstacle():
            raise DeviceError(why)
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
            self._health_told = ({}, 0.0)
            sending = asyncio.create_task(self._outbox.send(client), name="mqtt-outbox")
            looking = asyncio.create_task(self._keep_looking(), name="mqtt-health")
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
                await self._ended(sending, looking, self._introducing)
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

    def _wanted(self) -> list[str]:
        topics = self.topics
        known = [topics.status, topics.birth, topics.all_rooms]
        for device in (topics, *self._rooms.values()):
            known += [device.device_config, device.all_entity_configs]
        return [*self._orders.wanted, *known]

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
            for device in self._devices:
                before = device.publications(self._introduced)
                self._stale.update(publication.topic for publication in before)
        for device in self._devices:
            stale = {topic for topic in self._stale if device.stale(form, topic)}
            self._put(device.replacing(form, stale))
        self._stale.clear()
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
        states[topics.approval] = as_json(_approval(self._hub.skillset.policy.approvals.waiting))
        if self._words is not None:
            states[topics.wake_word] = self._words.chosen
        for area, room in self._rooms.items():
            there = self._hub.voices.get(area)
            states[room.connected] = "online" if there else "offline"
            if there:
                states[room.volume] = str(round(there.volume * 100))
        for topic, state in states.items():
            if self._shown.get(topic) != state:
                self._shown[topic] = state
                self._outbox.put(self._state(topic, state))

        self._show_health()

    async def _keep_looking(self) -> None:
        """Look at how the hub is, now and then."""
        while self._health is not None:
            await asyncio.sleep(HEALTH)
            self._show_health()

    def _show_health(self) -> None:
        """Publish how the hub is: at once if that has changed, figures once in a while."""
        if self._health is None:
            return
        found, (before, at) = self._health(), self._health_told
        now = time.monotonic()
        worse = any(found[key] != before.get(key) for key in ("state", "troubles"))
        if worse or (found != before and now - at >= HEALTH):
            self._health_told = (found, now)
            self._outbox.put(Outgoing(self.topics.health, as_json(found), 1, True, JSON))

    def rooms_changed(self) -> None:
        """A satellite has come or gone."""
        if self._outbox.is_open:
            self._show_states()

    def _of_room(self, topics: RoomTopics) -> Announcement:
        return Announcement(topics, None, name=topics.area, version=__version__)

    def _forget_room(self, topic: str) -> None:
        """A satellite of before, that the settings no longer name, is taken back."""
        if topic in {room.connected for room in self._rooms.values()}:
            return
        slug = topic.split("/")[-2]
        self._put(self._of_room(self.topics.room(slug)).gone())
        self._outbox.put(Outgoing(topic, "", qos=1, retain=True))

    def _put(self, publications: Iterable[Publication]) -> None:
        for each in publications:
            self._outbox.put(Outgoing(each.topic, each.payload, each.qos, each.retain, JSON))

    def _state(self, topic: str, state: str) -> Outgoing:
        return Outgoing(topic, state, qos=1, retain=True, kind=TEXT)

    # --- what happens, told ----------------------------------------------------------------------

    def _on_turn(self, trace: Trace) -> None:
        told = summary(trace, self._origin)
        self._outbox.put(Outgoing(self.topics.turn, as_json(told), kind=JSON))
        if (room := self._rooms.get(trace.area or "")) is not None:
            self._outbox.put(Outgoing(room.turn, as_json(told), kind=JSON))
        self._event(
            "turn",
            **{key: told[key] for key in ("text", "reply", "tier", "area", "expects_answer")},
        )
        self._show_states()

    def _on_wake(self, wake: Wake) -> None:
        self._event("wake", wake_word=wake.phrase or wake.model, area=self._hub.assistant.area)

    def _event(self, kind: str, **more: Any) -> None:
        content = as_json({"event_type": kind, **more})
        self._outbox.put(Outgoing(self.topics.event, content, kind=JSON))

    def _finished(self, trace: Trace, origin: Origin) -> None:
        """Tell all onlookers, this one among them, which then knows who had asked."""
        self._origin = origin
        try:
            self._hub.assistant.finished(trace)
        finally:
            self._origin = Origin()

    # --- what comes in ---------------------------------------------------------------------------

    def _take(self, message: aiomqtt.Message) -> None:
        """Look at a message; what takes longer becomes a task."""
        topic, topics = message.topic.value, self.topics
        if topic == topics.birth:
            if message.payload == b"online" and not message.retain:
                self._introduce_after(random.uniform(0.0, self._spread))
        elif topic == topics.status:
            self._heard_of_itself(message)
        elif topic.startswith(topics.own("rooms/")) and topic.endswith("/status"):
            if message.retain and message.payload:
                self._forget_room(topic)
        elif topic.startswith(f"{topics.discovery}/"):
            if message.retain and message.payload:
                self._stale.add(topic)
        elif message.retain:
            self._ignore(topic)
        else:
            self._orders.begin(Incoming.of(message))

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


def _approval(request: Request | None) -> dict[str, Any]:
    """What waits for a tap, as it is published."""
    if request is None:
        return {"id": None, "question": "", "area": None}
    return {"id": request.id, "question": request.question, "area": request.area}


def _end_if_cancelled() -> None:
    """Python 3.11's `asyncio.wait_for`, which aiomqtt uses, can lose a cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
