"""A connection to the broker.

`connected` is all that is needed to talk to a broker. The client is aiomqtt's, made for one
connection: after a break a new one is made, so that nothing said before is sent late.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

import aiomqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hub.config import MqttSettings
from hub.devices.mqtt.access import certificates, identifier, password, port
from hub.devices.mqtt.trouble import SPOKEN, Denied, GivenUp, HungUp, named, trouble
from hub.errors import DeviceError

__all__ = ["Client", "Denied", "GivenUp", "connected", "identifier", "make", "trouble"]

log = logging.getLogger(__name__)

MAX_PACKET = 256 * 1024
"""Bytes of the largest message that is let in."""
SESSION = 600
"""Seconds for which the broker keeps what happens while the hub is away."""
KEEPALIVE = 10
"""Seconds of silence after which the two make sure that the other is still there. A broker that
nobody has hung up on, and that is gone all the same, counts as lost after twice that and a bit."""
TIMEOUT = 8.0
"""Seconds for the whole of a connection, for a subscription, for a farewell."""
PROBE = 2.0
"""Seconds in which to find out whether a port that hangs up wanted TLS."""
NOBODY = 0x10
"""MQTT 5's reason code for a message that was taken and has no receiver."""
PORTION = 100
"""Topics in one packet."""
AT_ONCE = 16 * 1024
"""Bytes that are asked of the system at a time."""
PLAIN = (0x30, 0x31)
"""First bytes of a message of QoS 0; the second was kept by the broker."""
READING = 0.004
"""Seconds for which packets are handled before others have their turn."""


class Client(aiomqtt.Client):
    """aiomqtt's client for one connection, which also tells when that has ended."""

    def __init__(
        self, *arguments: Any, plain: Callable[[str, bytes], None] | None = None, **settings: Any
    ) -> None:
        self.wire = _Wire()
        super().__init__(*arguments, logger=self.wire.logger, **settings)
        self.pending_calls_threshold = 10_000
        self._modern = settings.get("protocol") == aiomqtt.ProtocolVersion.V5
        self._reading = _Reading(self._client, self._modern, plain)
        self._sent: dict[int, asyncio.Future[bool]] = {}
        self.resumed = False
        """Whether the broker still knew this client, and has kept what was said meanwhile."""

    def _on_connect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.resumed = bool(flags.session_present)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        # aiomqtt waits for its whole timeout for the answer of a broker that hung up on it.
        if not self._connected.done():
            self._connected.set_exception(HungUp(self.wire.error))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        # aiomqtt reads one packet each time the loop comes round, in three calls of the system.
        def read() -> None:
            try:
                more = self._reading.some()
            except Exception as error:  # whatever it is, it ends this connection
                more = False
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)
            self._acknowledge_now()
            if more:
                self._loop.call_soon(read)

        def register() -> None:
            if client.socket() is sock and sock.fileno() >= 0:
                self._loop.add_reader(sock.fileno(), read)
                self._misc_task = self._loop.create_task(self._misc_loop())

        self._loop.call_soon_threadsafe(register)

    async def _misc_loop(self) -> None:
        # The keepalive is all there is to it; aiomqtt wakes up for that every second.
        while self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:  # noqa: ASYNC110
            await asyncio.sleep(KEEPALIVE / 5)

    def _acknowledge_now(self) -> None:
        """Let the system tell the broker at once that something came in. Otherwise it waits for
        40 ms whether we have anything to say, and as long does a broker that has TCP's usual
        settings (Mosquitto does) keep back what comes next: the report after a command."""
        with suppress(OSError, AttributeError):
            held: Any = self._client.socket()
            held.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if (waiting := self._sent.pop(mid, None)) is None:
            super()._on_publish(client, userdata, mid, reason_code, properties)
        elif waiting.done():
            pass
        elif reason_code.is_failure:
            waiting.set_exception(Denied(reason_code))
        else:
            waiting.set_result(reason_code.value != NOBODY)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        # aiomqtt would register a socket that has been closed by the time it gets to it.
        def write() -> None:
            try:
                client.loop_write()
            except Exception as error:  # whatever it is, it ends this connection
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)

        def register() -> None:
            if client.socket() is sock and sock.fileno() >= 0:
                self._loop.add_writer(sock.fileno(), write)

        self._loop.call_soon_threadsafe(register)

    async def send(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False, expiry: int
    ) -> bool:
        """Publish, and wait until the broker has acknowledged it or the connection has ended.
        What is not retained is thrown away by a broker of MQTT 5 if it cannot be delivered within
        `expiry` seconds. Nothing is kept to be sent later.

        False if the broker knows that nobody listens there; not all brokers say so.

        Raises Denied if the broker does not let it pass, MqttError if there is no connection."""
        properties = None
        if self._modern and not retain:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry
        if not self.alive:
            raise aiomqtt.MqttError("there is no connection")
        info = self._client.publish(topic, payload, qos, retain, properties)
        if info.rc:
            raise aiomqtt.MqttCodeError(info.rc, "could not be sent")
        if qos == 0:
            return True
        waiting: asyncio.Future[bool] = self._loop.create_future()
        self._sent[info.mid] = waiting
        try:
            await asyncio.wait((waiting, self._disconnected), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise aiomqtt.MqttError("the connection ended before it was acknowledged")
            return waiting.result()
        finally:
            self._sent.pop(info.mid, None)

    async def listen(self, topics: Mapping[str, int]) -> list[str]:
        """Subscribe to topics (topic -> QoS); what is retained there comes at once. Those that the
        broker refuses. Raises MqttError."""
        refused = []
        for some in _portions(list(topics.items())):
            wanted: Any = [
                (topic, SubscribeOptions(qos=qos) if self._modern else qos) for topic, qos in some
            ]
            codes: Any = await self.subscribe(wanted)
            for (topic, _), code in zip(some, codes, strict=False):
                if getattr(code, "value", code) >= 0x80:
                    refused.append(topic)
        return refused

    async def ignore(self, topics: Iterable[str]) -> None:
        """Subscribe no longer. Raises MqttError."""
        for some in _portions(list(topics)):
            await self.unsubscribe(some)

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._connected.done() and not self._disconnected.done()

    @property
    def has_socket(self) -> bool:
        return self._client.socket() is not None

    async def lost(self) -> None:
        """Wait until the connection has ended. Raises MqttError if nobody meant it to."""
        try:
            await asyncio.shield(self._disconnected)
        except (OSError, ValueError) as error:
            raise aiomqtt.MqttError(str(error)) from error

    def when_lost(self, told: Callable[[], None]) -> None:
        """Call back once when the connection has ended, whyever."""
        self._disconnected.add_done_callback(lambda _: told())

    def abort(self) -> None:
        """Break off at once; what the broker has not taken yet is thrown away unsent."""
        raw = self._client.socket()
        with suppress(OSError, AttributeError):
            held = cast(Any, raw)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # paho forgets the socket without a farewell only by its own hand.
        self._client._sock_close()
        if not self._disconnected.done():
            self._disconnected.set_exception(GivenUp())
            self._disconnected.exception()

    def forsake(self) -> None:
        """Let go of a connection that never came about, or has ended."""
        with suppress(OSError, ValueError):
            if self._client.is_connected():
                self._client.disconnect()
            self._client._sock_close()


class _Reading:
    """Reads what came in as a whole, where paho asks the system for each packet byte by byte; and
    hands on by itself what is most of all that comes: messages of QoS 0 without properties.
    Otherwise a device that sends without end would keep the hub from all else.

    Section 3.3 (PUBLISH) of MQTT 3.1.1 and 5.0 describes such a packet."""

    def __init__(
        self, client: Any, modern: bool, plain: Callable[[str, bytes], None] | None
    ) -> None:
        self._client = client
        self._empty = b"\0" if modern else b""
        self._plain = plain
        self._receive = client._sock_recv
        self._socket: Any = None
        self._came = memoryview(b"")
        self._dry = False
        self._error: OSError | None = None
        client._sock_recv = self._take

    def some(self) -> bool:
        """Handle the packets that are there, for as long as others can be kept waiting. Whether
        there are more."""
        end = time.monotonic() + READING
        self._dry = False
        while self._client.socket() is not None:
            if not self._there() and not self._dry:
                try:
                    self._fill()
                except OSError as error:
                    self._error = error  # paho knows what it means
            if not self._hand_on():
                self._client.loop_read()
            if not self._came and self._dry:
                return False
            if time.monotonic() > end:
                return self._client.socket() is not None
        return False

    def _take(self, size: int) -> bytes:
        """As `socket.recv`, of what was read before if there is any."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if not self._there():
            self._fill()
        taken, self._came = bytes(self._came[:size]), self._came[size:]
        return taken

    def _fill(self) -> None:
        try:
            came = self._receive(AT_ONCE)
        except BlockingIOError:
            self._dry = True
            raise
        # TLS may have taken more off the wire than it gave; nothing would tell of that.
        pending = getattr(self._socket, "pending", None)
        self._dry = len(came) < AT_ONCE and not (pending and pending())
        self._came = memoryview(came)

    def _there(self) -> memoryview:
        """What was read on this connection and not handled yet."""
        if (held := self._client.socket()) is not self._socket:
            self._socket, self._came = held, memoryview(b"")
        return self._came

    def _hand_on(self) -> bool:
        """Give away a plain message, if that is what comes next, and is there in full."""
        came = self._there()
        if self._plain is None or len(came) < 4 or came[0] not in PLAIN:
            return False
        if self._client._in_packet["command"]:
            return False  # The rest of another packet.
        if came[1] < 0x80:
            start, length = 2, came[1]
        elif came[2] < 0x80:
            start, length = 3, (came[1] & 0x7F) | came[2] << 7
        else:
            return False
        end, text = start + length, start + 2
        if length < 2 or len(came) < end:
            return False
        topic = text + (came[start] << 8 | came[start + 1])
        body = topic + len(self._empty)
        if body > end or came[topic:body] != self._empty:
            return False
        try:
            name = str(came[text:topic], "utf-8")
        except UnicodeDecodeError:
            return False
        self._came = came[end:]
        self._plain(name, bytes(came[body:end]))
        return True


_Item = TypeVar("_Item")


def _portions(items: list[_Item]) -> Iterator[list[_Item]]:
    """As many as go into one packet."""
    for start in range(0, len(items), PORTION):
        yield items[start : start + PORTION]


class _Wire:
    """What paho says about the wire: the last error is kept, since it often is the only trace of
    why a connection ended; everything goes to the log of who asks for details."""

    def __init__(self) -> None:
        self.error = ""
        self.logger = logging.Logger("mqtt", logging.WARNING)
        handler = logging.Handler()
        handler.emit = self._keep  # type: ignore[method-assign]
        self.logger.addHandler(handler)

    def _keep(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        log.debug("%s", text)
        if record.levelno >= logging.ERROR:
            self.error = text


@asynccontextmanager
async def connected(
    settings: MqttSettings,
    role: str,
    *,
    will: aiomqtt.Will | None = None,
    max_packet: int = MAX_PACKET,
    session: int = SESSION,
    inbox: asyncio.Queue[aiomqtt.Message] | None = None,
) -> AsyncIterator[Client]:
    """A client that is connected for as long as this lasts.

    `role` (`home`, `phone`) tells the hub's connections apart; each has a session that the broker
    keeps for `session` seconds. 0: it keeps nothing, and there may be others of the same role at
    the same time. `inbox` takes what comes in, in the place of aiomqtt's own queue.

    Raises DeviceError when no connection comes about, or when it ends."""
    client = make(settings, role, will=will, max_packet=max_packet, session=session, inbox=inbox)
    try:
        await _enter(client)
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        client.forsake()
        if isinstance(error, HungUp) and not settings.tls and await _wants_tls(settings):
            expected = "expects TLS: set tls = true in [mqtt], or its other port"
            raise DeviceError(f"{named(settings)} {expected}", spoken=SPOKEN) from error
        raise trouble(error, settings) from error
    try:
        yield client
    except aiomqtt.MqttError as error:
        raise trouble(error, settings) from error
    finally:
        with suppress(aiomqtt.MqttError, OSError, ValueError):
            await client.__aexit__(None, None, None)
        client.forsake()


async def _enter(client: Client) -> None:
    """Connect. When that is cancelled, the connection is given up: at once if the broker is only
    waited for, else as soon as it stands, since it is made in a thread that cannot be stopped."""
    entering = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(entering)
    except asyncio.CancelledError:
        entering.add_done_callback(lambda task: _forgotten(task, client))
        if client.has_socket:
            entering.cancel()
        raise


def _forgotten(task: asyncio.Future[Client], client: Client) -> None:
    if not task.cancelled():
        task.exception()  # Nobody else will ask for it.
    client.forsake()


def make(
    settings: MqttSettings,
    role: str,
    *,
    will: aiomqtt.Will | None = None,
    max_packet: int = MAX_PACKET,
    session: int = SESSION,
    inbox: asyncio.Queue[aiomqtt.Message] | None = None,
) -> Client:
    """A client that is not connected yet; as `connected`. Raises DeviceError for certificates
    that cannot be read."""
    modern, brief = settings.version == "5", session == 0
    more: dict[str, Any] = {}
    if modern:
        asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        asked.SessionExpiryInterval = session
        asked.MaximumPacketSize = max_packet
        more |= {"properties": asked, "clean_start": brief}
    else:
        more |= {"clean_session": brief}
    if inbox is not None:
        more |= {"queue_type": lambda maxsize: inbox, "plain": getattr(inbox, "arrived", None)}
    secret = password(settings) if settings.user else ""
    if settings.user:
        more |= {"username": settings.user, "password": secret or None}
    if settings.tls:
        more["tls_context"] = certificates(settings)
    if settings.transport == "websockets":
        more["websocket_path"] = settings.path
    return Client(
        settings.host or "",
        port(settings),
        identifier=identifier(settings, role, secret)
        + (f"-{secrets.token_hex(3)}" if brief else ""),
        protocol=aiomqtt.ProtocolVersion.V5 if modern else aiomqtt.ProtocolVersion.V311,
        transport=settings.transport,
        keepalive=KEEPALIVE,
        timeout=TIMEOUT,
        will=will,
        max_inflight_messages=1000,
        # The commands of a group leave at once, not when the first was acknowledged.
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        **more,
    )


async def _wants_tls(settings: MqttSettings) -> bool:
    """Whether a port that hung up on plain words takes the beginning of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(PROBE):
            _, writer = await asyncio.open_connection(settings.host, port(settings), ssl=context)
    except ssl.SSLError as error:
        # A certificate is asked of us: that, too, is TLS.
        return "ALERT" in (error.reason or "")
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
