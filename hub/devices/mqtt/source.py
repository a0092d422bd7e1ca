"""Devices on an MQTT broker that announce themselves: Zigbee2MQTT, Tasmota, ESPHome, Shelly and
whatever else knows Home Assistant's discovery.

`inventory` connects, listens to the announcements that the broker keeps, and to what each device
has to say. From then on one task takes what comes in, in batches; a connection that breaks off ends
`changes`, and whoever reads them asks for the inventory again. What is known of a device outlives
that, if the broker has kept what was said meanwhile: many say nothing by themselves for a long
time. A broker that knows the hub no longer has kept nothing: then a state is unknown until it is
told again, since an old one may be wrong by now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any

import aiomqtt

from hub.config import MqttSettings
from hub.devices.mqtt.complaints import Complaints, shown
from hub.devices.mqtt.component import Component, NotUnderstood, Publication
from hub.devices.mqtt.connection import MAX_PACKET, SESSION, Client, connected
from hub.devices.mqtt.discovery import Announced, Place, filters, place, read
from hub.devices.mqtt.entities import Entity, Ids, slug
from hub.devices.mqtt.inbox import Inbox
from hub.devices.mqtt.news import Listener
from hub.devices.mqtt.shared import Guarded
from hub.devices.mqtt.trouble import SPOKEN, Denied, GivenUp, trouble
from hub.errors import DeviceError
from hub.messages import StateChange
from hub.ports import Inventory, SourceArea

log = logging.getLogger(__name__)

Build = Callable[[str, Mapping[str, Any]], Component]
"""Makes a component of a kind of entity and its configuration. Raises NotUnderstood."""

FIRST_WORD = 0.5
"""Seconds in which the first announcement comes if there is one."""
QUIET = 0.15
"""Seconds without news after which what the broker keeps is taken to be complete."""
LONGEST = 5.0
"""Seconds for that, however much there is."""
SETTLED, UNSETTLED = 0.3, 2.0
"""Seconds without further announcements after which a new inventory is told, and seconds after
which it is told although they still come in."""
CALM = 60.0
"""Seconds that the second of these grows to while they do not end. All grammars are made anew for
each inventory, and nobody may keep the hub at that by calling a lamp something else for ever."""
ACKNOWLEDGED = 2.0
"""Seconds that the broker has to acknowledge a command."""
EXPIRY = 5
"""Seconds after which a command that did not reach its device is void: what comes late must not
act."""
LOYALTY = 120.0
"""Seconds after a reconnection that devices have to announce themselves again."""
SLICE = 0.005
"""Seconds of work after which others may run."""
MAX_ENTITIES = 5_000
MAX_PLACES, MAX_ANNOUNCED = 10_000, 32 * 1024 * 1024
"""Places on which announcements stand, and bytes of all of them together."""
MOST_WORK = 4 * 1024 * 1024
"""Bytes of a message, times the entities that read it: one topic may be that of thousands."""
MAX_HELD, MOST_HELD = 4 * 1024, 4_000
"""Bytes of a message that is kept for entities that come to hear the same topic later, and topics
of which one is kept."""


ELSEWHERE = frozenset("camera device_automation device_tracker image notify tag update".split())
"""Kinds of entities that other programs announce and that are nothing for a voice."""


class MqttHome:
    """A `DeviceSource` for the devices of one broker. `settings.host` is a real one here.

    `session`: seconds for which the broker keeps what happens while the hub is away; 0 for one that
    is only looking in, perhaps beside a hub that runs. `ids`: the entity ids that were given
    before, of which `keep_ids` is told when there are others. `obstacle` tells why the broker is
    not even worth a try, if it is not."""

    name = "mqtt"

    def __init__(
        self,
        settings: MqttSettings,
        *,
        session: int = SESSION,
        build: Build | None = None,
        ids: Mapping[str, str] | None = None,
        keep_ids: Callable[[Mapping[str, str]], None] = lambda ids: None,
        obstacle: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._session = session
        self._build = build or _platforms()
        self._prefix = settings.discovery.strip("/")
        self._own = f"{settings.prefix.strip('/')}/"
        self._complaints = Complaints(log)
        self._entities: dict[tuple[str, str], Entity] = {}
        """By place and key of the announcement."""
        self._ids: dict[str, Entity] = {}
        self._names = Ids(ids or {})
        self._keep_ids = keep_ids
        self._obstacle = obstacle
        self._hearing: dict[str, list[Entity]] = {}
        """By topic."""
        self._announcements: dict[str, tuple[bytes, int]] = {}
        """Place -> what stands there: a digest, and how many bytes it has."""
        self._announced = 0
        """Bytes of all of them."""
        self._confirmed: set[str] = set()
        """Places whose announcement came in over this connection."""
        self._held: dict[str, bytes] = {}
        """Topic -> what was said there last."""
        self._client: Client | None = None
        self._following: asyncio.Task[None] | None = None
        self._subscribed: set[str] = set()
        self._listeners: set[Listener] = set()
        """Those who follow this connection."""
        self._waiting: set[Listener] = set()
        """Those who will follow the next."""
        self._told: frozenset[str] = frozenset()
        """Entity ids of the inventory that was told last."""
        self._touched: dict[str, Entity] = {}
        self._gathering = False
        self._closing = False
        self._unheard = False
        """Whether the topics that are wanted are not those that are subscribed to."""
        self._unsettled_since: float | None = None
        self._patience = UNSETTLED
        """Seconds after which an inventory is told although announcements still come in."""
        self._told_at = 0.0
        self._settling: asyncio.TimerHandle | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._pruning: asyncio.TimerHandle | None = None

    # What a device source does.

    async def inventory(self) -> Inventory:
        """Raises DeviceError if the broker cannot be reached."""
        try:
            if not self._connected:
                await self._open()
        except BaseException:
            self._waiting.clear()
            raise
        self._listeners |= self._waiting
        self._waiting.clear()
        return self._tell()

    def changes(self) -> AsyncIterator[StateChange | Inventory]:
        listener = Listener()
        (self._listeners if self._connected else self._waiting).add(listener)
        return self._listen(listener)

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        """Ask the devices, all at once; those that are unavailable are passed over. Returns when
        the broker has acknowledged it.

        Raises DeviceError for what a device cannot do (the others are asked all the same), and
        when the broker is away or does not acknowledge: then nothing is sent later."""
        entities = [self._entity(domain, service, entity_id) for entity_id in entity_ids]
        client = self._client
        if client is None or not client.alive:
            raise DeviceError("there is no connection to the MQTT broker", spoken=SPOKEN)
        messages: list[tuple[Entity, Publication]] = []
        refused: list[str] = []
        for entity in entities:
            if entity.state[0] == "unavailable":
                continue
            try:
                said = entity.component.command(service, data)
                messages += [(entity, message) for message in said]
            except NotUnderstood as error:
                refused.append(f"{entity.entity_id}: {domain}.{service}: {error}")
        refused += await self._send(client, messages)
        # One that reports nothing has its new state by now.
        self._touch(entities)
        self._tell_changes()
        if refused:
            raise DeviceError("; ".join(refused))

    async def close(self) -> None:
        self._closing = True
        for timer in (self._settling, self._ticking, self._pruning):
            if timer is not None:
                timer.cancel()
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait((self._following,))
        for listener in self._waiting:
            listener.end(None)

    # Commands.

    def _entity(self, domain: str, service: str, entity_id: str) -> Entity:
        entity = self._ids.get(entity_id)
        if entity is None:
            raise DeviceError(f"there is no entity {entity_id}")
        if domain not in (entity.component.domain, "homeassistant"):
            raise DeviceError(f"{domain}.{service} is not for {entity_id}")
        return entity

    async def _send(
        self, client: Client, messages: Sequence[tuple[Entity, Publication]]
    ) -> list[str]:
        """Publish in this order, without waiting in between. What the broker did not let pass.

        Raises DeviceError if the broker does not acknowledge."""
        if not messages:
            return []
        sending = [
            asyncio.ensure_future(
                client.send(
                    message.topic,
                    message.payload,
                    qos=max(1, message.qos),
                    retain=message.retain,
                    expiry=EXPIRY,
                )
            )
            for _, message in messages
        ]
        try:
            async with asyncio.timeout(ACKNOWLEDGED):
                results = await asyncio.gather(*sending, return_exceptions=True)
        except TimeoutError:
            # What the system still holds back for a broker that is gone would come late.
            client.abort()
            raise trouble(GivenUp(), self._settings) from None
        finally:
            for task in sending:
                task.cancel()
        refused = []
        for (entity, message), result in zip(messages, results, strict=True):
            topic = shown(message.topic)
            if isinstance(result, Denied):
                who = self._settings.user or "the hub"
                why = (
                    f"the MQTT broker does not let '{who}' publish on {topic}: allow it in its ACL"
                )
            elif isinstance(result, aiomqtt.MqttError | OSError):
                raise trouble(result, self._settings)
            elif isinstance(result, ValueError):
                why = f"{topic} is no topic to publish on: {result}"
            elif isinstance(result, BaseException):
                raise result
            elif not result and not message.retain:
                why = f"nobody listens on {topic}: is the device, or its bridge, switched on?"
            else:
                continue
            refused.append(f"{entity.entity_id}: {why}")
        return refused

    # The connection.

    @property
    def _connected(self) -> bool:
        return self._client is not None and self._client.alive

    async def _open(self) -> None:
        """Connect and gather what the broker keeps. Raises DeviceError."""
        if why := self._obstacle():
            raise DeviceError(why, spoken=SPOKEN)
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait((self._following,))
        ready = asyncio.get_running_loop().create_future()
        self._following = asyncio.create_task(self._follow(ready), name="mqtt-home")
        try:
            await asyncio.wait((ready, self._following), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._following.cancel()
            raise
        if not ready.done():
            await self._following
            raise DeviceError("the connection to the MQTT broker was closed")

    async def _follow(self, ready: asyncio.Future[None]) -> None:
        """One connection, from its beginning to its end. Raises DeviceError."""
        inbox = Inbox(MAX_PACKET)
        failure: Exception = DeviceError("the connection to the MQTT broker was closed")
        try:
            async with connected(
                self._settings, "home", session=self._session, inbox=inbox
            ) as client:
                client.when_lost(inbox.end)
                self._client = client
                self._subscribed.clear()
                self._unheard = True
                self._confirmed.clear()
                if not client.resumed:
                    self._forget_states()
                if self._pruning is not None:
                    self._pruning.cancel()
                await self._gather(client, inbox)
                self._prune_later()
                ready.set_result(None)
                while (batch := await inbox.batch()) is not None:
                    await self._take(client, inbox, batch)
                await client.lost()
                raise failure
        except Exception as error:  # told to those who read the changes, or else raised
            failure = error
            if not ready.done():
                raise
        finally:
            self._client = None
            listeners, self._listeners = self._listeners, set()
            for listener in listeners:
                listener.end(None if self._closing else failure)

    def _forget_states(self) -> None:
        self._held.clear()
        for entity in self._entities.values():
            announced = entity.announced
            entity.forget(self._build(announced.domain, announced.config))

    async def _gather(self, client: Client, inbox: Inbox) -> None:
        """All announcements that the broker keeps, then all that it knows of their topics."""
        self._gathering = True
        try:
            self._told = frozenset()
            refused = await client.listen(dict.fromkeys(filters(self._prefix), 1))
            for topic in refused:
                log.error(
                    "the MQTT broker does not let the hub hear %s: allow it in its ACL", topic
                )
            await self._until_quiet(client, inbox, FIRST_WORD)
            await self._subscribe(client)
            await self._until_quiet(client, inbox, QUIET)
        finally:
            self._gathering = False
            self._touched.clear()

    async def _until_quiet(self, client: Client, inbox: Inbox, patience: float) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + LONGEST
        while clock() < end:
            try:
                async with asyncio.timeout(patience):
                    batch = await inbox.batch()
            except TimeoutError:
                return
            if batch is None:
                return
            await self._take(client, inbox, batch)
            patience = QUIET

    async def _subscribe(self, client: Client) -> None:
        """Hear what is wanted and is not heard yet, and no longer what nobody wants."""
        if not self._unheard:
            return
        self._unheard = False
        wanted = {
            topic: max(1, max(entity.topics[topic] for entity in entities))
            for topic, entities in self._hearing.items()
            if topic not in self._subscribed
        }
        self._subscribed |= wanted.keys()
        if wanted:
            for topic in await client.listen(wanted):
                self._complaints.tell(
                    f"the MQTT broker does not let the hub hear {shown(topic)}: allow it in its ACL"
                )
        if unwanted := self._subscribed - self._hearing.keys():
            self._subscribed -= unwanted
            for topic in unwanted:
                self._held.pop(topic, None)
            await client.ignore(unwanted)

    # What comes in.

    async def _take(self, client: Client, inbox: Inbox, batch: Iterable[tuple[str, bytes]]) -> None:
        """A batch of messages, in slices that leave time for others."""
        clock = asyncio.get_running_loop().time
        began = clock()
        leftover: set[str] = set()
        for topic, payload in batch:
            where = place(topic, self._prefix)
            if where is not None:
                self._announce(where, payload)
            elif topic in self._hearing:
                self._hear(topic, payload, clock())
            elif self._gathering:
                self._hold(topic, payload)
            elif topic not in self._subscribed:
                leftover.add(topic)
            if clock() - began > SLICE:
                self._tell_changes()
                await asyncio.sleep(0)
                began = clock()
        self._tell_changes()
        self._complain(inbox)
        if not self._gathering:
            await self._subscribe(client)
        # The broker's memory of an earlier connection, which heard more than this one.
        leftover -= self._hearing.keys()
        if leftover and not self._gathering:
            await client.ignore(leftover)

    def _complain(self, inbox: Inbox) -> None:
        while inbox.too_large:
            topic, size = inbox.too_large.popitem()
            self._complaints.tell(
                f"a message of {size} bytes on {shown(topic)} is refused: "
                f"more than {MAX_PACKET} are never looked at"
            )
        if inbox.overflown:
            self._complaints.tell(f"{inbox.overflown} messages too many were thrown away unread")
            inbox.overflown = 0

    def _hear(self, topic: str, payload: bytes, now: float) -> None:
        self._hold(topic, payload)
        entities = self._hearing[topic]
        if len(payload) * len(entities) > MOST_WORK:
            self._complaints.tell(
                f"a message of {len(payload)} bytes on {shown(topic)} is refused: that is too much "
                f"for {len(entities)} entities"
            )
            return
        try:
            text = payload.decode("utf-8")
        except UnicodeDecodeError:
            self._complaints.tell(f"a message on {shown(topic)} is refused: it is not UTF-8 text")
            return
        for entity in entities:
            self._give(entity, topic, text, now)

    def _give(self, entity: Entity, topic: str, text: str, now: float) -> None:
        try:
            entity.receive(topic, text, now)
        except NotUnderstood as error:
            self._complaints.tell(
                f"{entity.entity_id}: a message on {shown(topic)} is not understood: "
                f"{shown(str(error), 300)}"
            )
        else:
            self._touched[entity.entity_id] = entity
            if (due := entity.due(now)) is not None:
                self._tick(due)

    def _hold(self, topic: str, payload: bytes) -> None:
        """Keep what was said last for who comes to hear it later; the broker does not say it again
        unless it was retained."""
        if len(payload) <= MAX_HELD and (topic in self._held or len(self._held) < MOST_HELD):
            self._held[topic] = payload
        else:
            self._held.pop(topic, None)

    # Announcements.

    def _announce(self, where: Place, payload: bytes) -> None:
        """A place has another announcement, or none any more."""
        if where.component in ELSEWHERE:
            return
        said = (blake2b(payload, digest_size=16).digest(), len(payload))
        before = self._announcements.get(where.topic)
        if payload and before == said:
            self._confirmed.add(where.topic)
            return
        if before is not None:
            self._announced -= before[1]
            del self._announcements[where.topic]
            self._confirmed.discard(where.topic)
        elif not payload:
            return
        if payload:
            places, size = len(self._announcements), self._announced + len(payload)
            if places >= MAX_PLACES or size > MAX_ANNOUNCED:
                self._refuse(where.topic, f"there are {places} announcements already")
                self._forget(where.topic)
                return
            self._announcements[where.topic] = said
            self._announced = size
            self._confirmed.add(where.topic)
        try:
            reading = read(where, payload)
        except NotUnderstood as error:
            self._refuse(where.topic, str(error))
            return
        for fault in reading.faults:
            self._refuse(where.topic, fault)
        left = {key for key in self._entities if key[0] == where.topic}
        for announced in reading.announced:
            if self._add(announced):
                left.discard(announced.identity)
        for key in left:
            self._remove(key)
        self._changed_inventory()

    def _forget(self, topic: str) -> None:
        """What a place announced is there no longer."""
        for key in [key for key in self._entities if key[0] == topic]:
            self._remove(key)
            self._changed_inventory()

    def _refuse(self, topic: str, why: str) -> None:
        """What is wrong with an announcement; the entity it had before is kept."""
        self._complaints.tell(f"the announcement on {shown(topic)} is refused: {shown(why, 300)}")

    def _add(self, announced: Announced) -> bool:
        """Take in an entity, in the place of what it was. Whether it is there now."""
        if not announced.enabled or announced.domain in ELSEWHERE:
            return False
        if announced.device is not None and announced.device.is_hub:
            return False
        if topic := self._commands_the_hub(announced):
            self._refuse(announced.place.topic, f"{topic} is a topic of the hub's own")
            return False
        if len(self._entities) >= MAX_ENTITIES and announced.identity not in self._entities:
            self._refuse(announced.place.topic, f"there are {MAX_ENTITIES} entities already")
            return False
        try:
            component = self._build(announced.domain, announced.config)
            for topic in component.topics:
                if set(topic) & {"+", "#"}:
                    raise NotUnderstood(f"{topic}: a wildcard is no topic for messages")
        except NotUnderstood as error:
            key = f"component {announced.key!r}: " if announced.key else ""
            self._refuse(announced.place.topic, f"{key}{error}")
            return announced.identity in self._entities
        before = self._entities.get(announced.identity)
        if before is not None:
            self._remove(announced.identity)
        entity = Entity(announced, component, self._names)
        if before is not None and entity.only_renamed(before):
            entity.inherit(before)
        self._entities[announced.identity] = self._ids[entity.entity_id] = entity
        now = asyncio.get_running_loop().time()
        self._unheard = True
        for topic in entity.topics:
            self._hearing.setdefault(topic, []).append(entity)
            if entity.component is not component or component.domain == "event":
                continue  # It knows already; and an event is over once it was told.
            if (held := self._held.get(topic)) is not None:
                with suppress(UnicodeDecodeError):
                    self._give(entity, topic, held.decode("utf-8"), now)
        return True

    def _commands_the_hub(self, announced: Announced) -> str | None:
        """A topic of the hub's own that a device names as its own: what somebody says to it would
        be said to the hub."""
        return next(
            (
                shown(value)
                for key, value in announced.config.items()
                if key.endswith("_topic") and isinstance(value, str)
                if value.startswith(self._own)
            ),
            None,
        )

    def _remove(self, key: tuple[str, str]) -> None:
        entity = self._entities.pop(key)
        del self._ids[entity.entity_id]
        self._names.free(entity.entity_id)
        self._touched.pop(entity.entity_id, None)
        for topic in entity.topics:
            hearing = self._hearing[topic]
            hearing.remove(entity)
            if not hearing:
                del self._hearing[topic]
                self._unheard = True

    def _prune_later(self) -> None:
        """A device that was taken out while there was no connection is forgotten; one that is only
        slow, or whose broker has forgotten it, is given time to announce itself again."""
        loop = asyncio.get_running_loop()
        self._pruning = loop.call_later(LOYALTY, self._prune)

    def _prune(self) -> None:
        if self._client is None:
            return
        for topic in self._announcements.keys() - self._confirmed:
            self._announced -= self._announcements.pop(topic)[1]
            self._forget(topic)

    # What is told.

    def _touch(self, entities: Iterable[Entity]) -> None:
        self._touched |= {entity.entity_id: entity for entity in entities}

    def _tell_changes(self) -> None:
        """Tell of every entity that is not as it was."""
        if self._gathering:
            return
        touched, self._touched = self._touched, {}
        for entity_id, entity in touched.items():
            if self._ids.get(entity_id) is not entity:
                continue
            state, attributes = entity.state
            before = entity.shown
            if (state, attributes) == before:
                continue
            entity.shown = (state, attributes)
            if entity_id not in self._told:
                continue  # The inventory that is due tells it.
            change = StateChange(entity_id, state, attributes, before[0])
            for listener in self._listeners:
                listener.put(change, self._tell)

    def _tell(self) -> Inventory:
        """All there is, now."""
        self._unsettled_since = None
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if self._names.changed:
            self._names.changed = False
            self._keep_ids(self._names.known)
        areas: dict[str, SourceArea] = {}
        entities = []
        guarded = Guarded(self._entities.values())
        for entity in self._entities.values():
            entity.shown = entity.state
            device = entity.announced.device
            room = device.area if device else None
            area = slug(room) or room if room else None
            if room and area:
                areas.setdefault(area, SourceArea(area, room))
            entities.append(entity.described(area, guarded.reached_by(entity) or None))
        self._told = frozenset(self._ids)
        return Inventory(tuple(entities), tuple(areas.values()))

    def _changed_inventory(self) -> None:
        """There is another device, or one less: to be told when no more of that comes in."""
        if self._gathering:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._unsettled_since is None:
            self._unsettled_since = now
            if now - self._told_at > CALM:
                self._patience = UNSETTLED
        if self._settling is not None:
            self._settling.cancel()
        settled = SETTLED if self._patience <= UNSETTLED * 4 else self._patience
        when = min(now + settled, self._unsettled_since + self._patience)
        self._settling = loop.call_at(when, self._settle)

    def _settle(self) -> None:
        self._told_at = asyncio.get_running_loop().time()
        self._patience = min(CALM, self._patience * 1.5)
        inventory = self._tell()
        for listener in self._listeners:
            listener.put(inventory, self._tell)

    def _tick(self, due: float) -> None:
        """Look again when time has run out for an entity."""
        if self._ticking is not None:
            if self._ticking.when() <= due:
                return
            self._ticking.cancel()
        loop = asyncio.get_running_loop()
        self._ticking = loop.call_at(max(due, loop.time() + 0.05), self._ticked)

    def _ticked(self) -> None:
        self._ticking = None
        now = asyncio.get_running_loop().time()
        for entity in self._entities.values():
            if entity.expires is None and entity.ends is None:
                continue
            if (due := entity.due(now)) is not None:
                self._tick(due)
            self._touched[entity.entity_id] = entity
        self._tell_changes()

    async def _listen(self, listener: Listener) -> AsyncGenerator[StateChange | Inventory, None]:
        try:
            async for news in listener:
                yield news
        finally:
            self._listeners.discard(listener)
            self._waiting.discard(listener)


def _platforms() -> Build:
    from hub.devices.mqtt.platforms import build

    return build
