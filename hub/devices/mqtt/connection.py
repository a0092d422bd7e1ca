"""The way to the broker: settings become a client, and what goes wrong becomes plain words.

`connected` is all that is needed to talk to a broker. The client is aiomqtt's, made for one
connection: after a break a new one is made, so that nothing said before is sent late.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import secrets
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hub.config import MqttSettings
from hub.errors import DeviceError, reason

log = logging.getLogger(__name__)

MAX_PACKET = 256 * 1024
"""Bytes of the largest message that is let in."""
SESSION = 600
"""Seconds for which the broker keeps what happens while the hub is away."""
KEEPALIVE = 15
"""Seconds of silence after which the two make sure that the other is still there."""
TIMEOUT = 8.0
"""Seconds for the whole of a connection, for a subscription, for a farewell."""
PROBE = 2.0
"""Seconds in which to find out whether a port that hangs up wanted TLS."""

SPOKEN = "Sorry, I cannot reach the MQTT broker."
SPOKEN_PASSWORD = "Sorry, the MQTT broker does not let me in. It wants another name or password."
SPOKEN_CERTIFICATE = "Sorry, I do not trust the certificate of the MQTT broker."

_LOCKED_OUT = ("Bad user name or password", "Not authorized")
_NO_TLS = "does not speak TLS on this port: set tls = false in [mqtt], or its other port"

NOBODY = 0x10
"""MQTT 5's reason code for a message that was taken and has no receiver."""
PORTION = 100
"""Topics in one packet."""

CREDENTIAL, VARIABLE = "mqtt-password", "MQTT_PASSWORD"


class Client(aiomqtt.Client):
    """aiomqtt's client for one connection, which also tells when that has ended."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.wire = _Wire()
        super().__init__(*arguments, logger=self.wire.logger, **settings)
        self.pending_calls_threshold = 10_000
        self._modern = settings.get("protocol") == aiomqtt.ProtocolVersion.V5
        self._sent: dict[int, asyncio.Future[bool]] = {}

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

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self._acknowledge_now()
        super()._on_message(client, userdata, message)

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
        self._acknowledge_now()
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


class HungUp(aiomqtt.MqttError):
    """The other side closed the connection before it answered."""


class GivenUp(aiomqtt.MqttError):
    """The hub broke off a connection on which nothing came back."""


class Denied(aiomqtt.MqttCodeError):
    """The broker took a message and did not let it pass."""


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
            raise DeviceError(f"{_broker(settings)} {expected}", spoken=SPOKEN) from error
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
    """Connect. When cancelled meanwhile, the connection is given up as soon as it stands: it is
    made in a thread that cannot be stopped."""
    entering = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(entering)
    except asyncio.CancelledError:
        entering.add_done_callback(lambda task: (task.cancelled() or task.exception(), None)[1])
        entering.add_done_callback(lambda _: client.forsake())
        raise


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
        more["queue_type"] = lambda maxsize: inbox
    if settings.user:
        more |= {"username": settings.user, "password": password(settings) or None}
    if settings.tls:
        more["tls_context"] = _tls(settings)
    if settings.transport == "websockets":
        more["websocket_path"] = settings.path
    return Client(
        settings.host or "",
        port(settings),
        identifier=identifier(settings, role) + (f"-{secrets.token_hex(3)}" if brief else ""),
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


def port(settings: MqttSettings) -> int:
    """The port that is set, or else the usual one."""
    if settings.port:
        return settings.port
    if settings.transport == "websockets":
        return 443 if settings.tls else 80
    return 8883 if settings.tls else 1883


def password(settings: MqttSettings) -> str:
    """The password: as set, else systemd's credential, else of the environment; '' for none.

    Raises DeviceError for a credential that cannot be read."""
    if settings.password:
        return settings.password
    if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
        path = Path(folder) / CREDENTIAL
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError) as error:
            raise DeviceError(
                f"the credential {CREDENTIAL} cannot be read: {reason(error)}"
            ) from error
    return os.environ.get(VARIABLE, "")


def identifier(settings: MqttSettings, role: str) -> str:
    """By this name the broker knows a connection again. It is the same over restarts and another
    one for each machine: two of one name would throw each other out for ever."""
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        machine = ""
    # The id of a machine is not to be told outside, says machine-id(5).
    known = f"{machine or socket.gethostname()} {settings.prefix} {role}"
    return f"hearth-{role}-{hashlib.sha256(known.encode()).hexdigest()[:8]}"


def _tls(settings: MqttSettings) -> ssl.SSLContext:
    """Raises DeviceError for a file that is missing or no certificate, naming the setting."""
    for name in ("ca", "certificate", "key"):
        path = getattr(settings, name)
        try:
            if path is not None:
                path.read_bytes()
        except OSError as error:
            raise DeviceError(f"[mqtt] {name}: {path}: {reason(error)}") from error
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except (ssl.SSLError, OSError) as error:
        raise DeviceError(
            f"[mqtt] ca: {settings.ca} is not a certificate in the form of PEM"
        ) from error
    if settings.certificate is not None:
        try:
            # An empty pass phrase: without one OpenSSL would ask at the terminal.
            context.load_cert_chain(settings.certificate, settings.key, password="")
        except (ssl.SSLError, OSError) as error:
            raise DeviceError(
                f"[mqtt] certificate: {settings.certificate} and its key "
                f"({settings.key or 'in the same file'}) are not a pair in the form of PEM "
                "without a pass phrase"
            ) from error
    return context


def _broker(settings: MqttSettings) -> str:
    return f"the MQTT broker at {settings.host}:{port(settings)}"


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


def trouble(error: BaseException, settings: MqttSettings) -> DeviceError:
    """What went wrong with a broker, for a person, with the way out."""
    if isinstance(error, DeviceError):
        return error
    return DeviceError(f"{_broker(settings)} {_what(error, settings)}", spoken=_aloud(error))


def _aloud(error: BaseException) -> str:
    if isinstance(error, aiomqtt.MqttCodeError) and str(error.rc) in _LOCKED_OUT:
        return SPOKEN_PASSWORD
    if isinstance(error.__cause__ or error.__context__, ssl.SSLCertVerificationError):
        return SPOKEN_CERTIFICATE
    return SPOKEN


def _what(error: BaseException, settings: MqttSettings) -> str:
    """The sentence behind 'the MQTT broker at nas:1883'."""
    if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
        return _refusal(error.rc, settings)
    if isinstance(error, HungUp):
        return _hung_up(str(error), settings)
    if isinstance(error, GivenUp):
        return "did not acknowledge a command; the connection is made anew"
    # aiomqtt passes on only the words of what it caught; the thing itself is behind it.
    cause = error if isinstance(error, OSError) else error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLError):
        return _tls_trouble(cause, settings)
    if isinstance(cause, ConnectionResetError) and settings.tls:
        return _NO_TLS
    if isinstance(cause, socket.gaierror):
        return f"is not found: no '{settings.host}' in this network; correct [mqtt] host"
    if isinstance(cause, ConnectionRefusedError):
        return "is not there: nothing listens on that port; start it, or correct [mqtt] port"
    if isinstance(cause, TimeoutError) or "timed out" in str(error):
        return "does not answer: is it switched on, is it a broker, does a firewall keep it closed?"
    if isinstance(cause, OSError) and cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return "cannot be reached: there is no way to it from this network"
    if "WebSocket" in str(error) or "handshake" in str(error).lower():
        return f"takes no websockets on '{settings.path}': correct path or transport in [mqtt]"
    if isinstance(error, aiomqtt.MqttCodeError):
        return f"broke off: {error}"
    return f"broke off: {cause or error}"


def _refusal(code: ReasonCode, settings: MqttSettings) -> str:
    """A reason code of MQTT 5; those of 3.1.1 have become such."""
    match str(code):
        case said if said in _LOCKED_OUT:
            if not settings.user:
                return "wants a name and a password: set [mqtt] user and password"
            return (
                f"refuses the name '{settings.user}' or its password: correct [mqtt] user, "
                f"and password, credential '{CREDENTIAL}' or ${VARIABLE}"
            )
        case "Unsupported protocol version":
            other = "3.1.1" if settings.version == "5" else "5"
            return f'does not speak MQTT {settings.version}: set version = "{other}" in [mqtt]'
        case "Client identifier not valid":
            return "does not accept the hub's client id: allow names that begin with 'hearth-'"
        case "Session taken over":
            return "gave this connection to another one of the same name: are there two hubs?"
        case "Unspecified error" | "Server shutting down" | "Normal disconnection" | "Server busy":
            return "broke off the connection"
        case "Keep alive timeout":
            return "does not answer any more"
        case said:
            return f"refuses: {said}"


def _hung_up(wire: str, settings: MqttSettings) -> str:
    """It closed the connection before it answered; `wire` is what was last said of that."""
    if "alert" in wire and "certificate required" in wire:
        return "wants a certificate of the hub: set [mqtt] certificate and key"
    if "alert" in wire:
        return f"does not accept the hub's certificate ({_alert(wire)})"
    if settings.tls and settings.certificate is None:
        return (
            "hung up: it is no MQTT broker, or wants a certificate of the hub "
            "([mqtt] certificate and key)"
        )
    older = ', or knows only MQTT 3.1.1 ([mqtt] version = "3.1.1")'
    return f"hung up: it is no MQTT broker{older if settings.version == '5' else ''}"


def _alert(wire: str) -> str:
    """'tlsv1 alert unknown ca' of '… [SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (…)'"""
    return wire.partition("]")[2].partition("(")[0].strip() or "refused"


def _tls_trouble(error: ssl.SSLError, settings: MqttSettings) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        match error.verify_code:
            case 10:
                return "has a certificate that has run out: it needs a new one"
            case 9:
                return "has a certificate that is not valid yet: is the clock right?"
            case 62 | 64:
                return (
                    f"has a certificate for another name than '{settings.host}': write "
                    "[mqtt] host as in the certificate, or make it a new one"
                )
            case 18 | 19 | 20 | 21:
                way = "another authority than that of" if settings.ca else "one named with"
                return (
                    "has a certificate that was signed by nobody known here: "
                    f"it takes {way} [mqtt] ca"
                )
        return f"has a certificate that does not fit: {error.verify_message}"
    said = error.reason or ""
    if said in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE") or (
        isinstance(error, ssl.SSLEOFError)
    ):
        return _NO_TLS
    if "CERTIFICATE_REQUIRED" in said:
        return "wants a certificate of the hub: set [mqtt] certificate and key"
    if "ALERT" in said:
        return f"does not accept the hub's certificate ({said.lower().replace('_', ' ')})"
    return f"and the hub do not agree on TLS: {said.lower().replace('_', ' ') or error}"
