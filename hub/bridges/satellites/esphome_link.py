"""Connections to ESPHome devices: their addresses, and in plain words why there is none.

`aioesphomeapi` speaks the protocol (https://esphome.io/components/api/). It is loaded only where
the settings name such a device, or somebody looks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from hub.errors import ConfigError, EngineError

if TYPE_CHECKING:
    from aioesphomeapi import DeviceInfo, EntityInfo
    from aioesphomeapi.client import APIClient

SCHEME = "esphome://"
PORT = 6053
"""ESPHome's usual one."""
KEEP_ALIVE = 10.0
"""Seconds between questions whether it is still there; after 45 without an answer it is not."""


@dataclass(frozen=True, slots=True)
class EsphomeAddress:
    """Where a device is: `esphome://kitchen-satellite.local`, `esphome://192.168.1.40:6053`."""

    host: str
    port: int = PORT
    name: str | None = None
    """What it must be called, if that is known: an address may be another's by now."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}{host}:{self.port}"


def is_esphome(uri: str) -> bool:
    return uri.startswith(SCHEME)


def parse_esphome(uri: str) -> EsphomeAddress:
    """The address that the settings name. A name in the local network is the device's own, and
    `?name=` says it where there is a number. Raises ConfigError for what is none."""
    parts = urlsplit(uri)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if not is_esphome(uri) or not parts.hostname or port == 0 or parts.path.strip("/"):
        raise ConfigError(
            f"{uri}: no address of an ESPHome device, like esphome://kitchen-satellite.local "
            f"or esphome://192.168.1.40:{PORT}"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if wrong := [key for key in options if key != "name"]:
        raise ConfigError(f"{uri}: there is no option '{wrong[0]}'; there is 'name'")
    host = parts.hostname
    own = host.removesuffix(".local") if host.endswith(".local") else None
    return EsphomeAddress(host, port or PORT, options.get("name") or own)


@dataclass(frozen=True, slots=True)
class Device:
    """A device that is connected, and what it has."""

    client: APIClient
    info: DeviceInfo
    entities: tuple[EntityInfo, ...]
    features: int
    """`VoiceAssistantFeature`s; 0: it is no voice satellite."""

    @property
    def title(self) -> str:
        return self.info.friendly_name or self.info.name


@asynccontextmanager
async def esphome_device(
    address: EsphomeAddress,
    key: str | None,
    *,
    lost: Callable[[], None] = lambda: None,
    hint: str = "'hearth satellites pair'",
) -> AsyncIterator[Device]:
    """A connection, closed at the end. `lost` is called when it breaks; `hint` says how a key is
    given. Raises EngineError, which says in plain words why there is none."""
    from aioesphomeapi.client import APIClient
    from aioesphomeapi.core import APIConnectionError

    from hub import __version__

    client = APIClient(
        address.host,
        address.port,
        None,
        client_info=f"Hearth {__version__}",
        keepalive=KEEP_ALIVE,
        noise_psk=key,
        expected_name=address.name,
    )

    async def stopped(expected: bool) -> None:
        lost()

    try:
        try:
            await client.connect(on_stop=stopped, login=True, log_errors=False)
            info, entities, _ = await client.device_info_and_list_entities()
        except APIConnectionError as error:
            raise EngineError(f"{address} {trouble(error, key is not None, hint)}") from error
        assert client.api_version is not None
        features = info.voice_assistant_feature_flags_compat(client.api_version)
        yield Device(client, info, tuple(entities), features)
    finally:
        with suppress(APIConnectionError, TimeoutError):
            await client.disconnect()


def trouble(error: Exception, keyed: bool, hint: str = "'hearth satellites pair'") -> str:
    """Why there is no connection, for a person, after the address; with the way out. `keyed`: there
    was a key for it."""
    from aioesphomeapi import core

    if isinstance(error, core.BadNameAPIError):
        return (
            f"is another device, called '{error.received_name}': the address has changed hands, "
            "or the name in the settings is wrong"
        )
    if isinstance(error, core.RequiresEncryptionAPIError):
        return f"wants encryption, and there is no key for it: give it with {hint}"
    if isinstance(error, core.EncryptionErrorAPIError):
        return "sent what does not fit the encryption"
    if isinstance(error, core.InvalidEncryptionKeyAPIError):
        return f"has another encryption key: give the one of its YAML with {hint}"
    plain = isinstance(error, core.EncryptionPlaintextAPIError | core.EncryptionHelloAPIError)
    if plain or (keyed and isinstance(error, core.HandshakeAPIError)):
        return (
            "does not encrypt, and there is a key for it: set `api: encryption:` on the device, "
            "or take its key away"
        )
    if isinstance(error, core.InvalidAuthAPIError):
        return "wants a password, which ESPHome has given up: set `api: encryption:` instead"
    if isinstance(error, core.ResolveAPIError):
        return "cannot be reached: nobody knows this name"
    if isinstance(error, core.TimeoutAPIError):
        return "cannot be reached: it has not answered in time"
    if isinstance(error, core.SocketClosedAPIError | core.PingFailedAPIError):
        return "has closed the connection"
    if isinstance(error, core.SocketAPIError):
        return _refused(error)
    if isinstance(error, core.ProtocolAPIError):
        return "is no ESPHome device, or speaks another version of its protocol"
    return f"cannot be used: {str(error)[:200]}"


def _refused(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return "cannot be reached: nothing listens on this port"
        if isinstance(cause, OSError) and cause.strerror:
            return f"cannot be reached: {cause.strerror}"
        cause = cause.__cause__
    return "cannot be reached"
