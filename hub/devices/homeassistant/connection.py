"""One WebSocket to Home Assistant: commands with their answers, and what was subscribed to.

It is not mended: when it ends, `ended` says why, and whoever owns it makes another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from hass_client import HomeAssistantClient
from hass_client.exceptions import (
    AuthenticationFailed,
    CannotConnect,
    ConnectionFailedDueToLargeMessage,
    FailedCommand,
    TransportError,
)

from hub.devices.homeassistant.access import Access
from hub.devices.homeassistant.trouble import (
    REFUSED_TOKEN,
    SPOKEN_TOKEN,
    explained,
    unreachable,
)
from hub.errors import DeviceError

log = logging.getLogger(__name__)

CONNECTING = 10.0
"""Seconds in which Home Assistant has to accept a connection."""
ANSWERING = 10.0
"""Seconds in which it has to answer a command."""

Message = Mapping[str, Any]


class TokenRefused(DeviceError):
    """The access token is wrong, or was revoked."""


class Refusal(DeviceError):
    """Home Assistant answered a command with an error."""


class Unsupported(Refusal):
    """It does not know the command, or the token's user may not use it."""


class Connection:
    """An open connection; `open` makes it, and whoever made it closes it."""

    def __init__(self, client: HomeAssistantClient, url: str) -> None:
        self.version = str(client.version)
        """Of Home Assistant: `2024.3.3`."""
        self._url = url
        self._client = client
        self._listener = asyncio.create_task(client.start_listening(), name="homeassistant")
        self._pending: set[asyncio.Task[Any]] = set()

    @classmethod
    async def open(cls, access: Access) -> Connection:
        """Connect and show the token. Raises DeviceError."""
        client = HomeAssistantClient(access.websocket, access.token)
        try:
            async with asyncio.timeout(CONNECTING):
                await client.connect(ssl=access.tls if access.tls is not None else True)
        except AuthenticationFailed:
            await client.disconnect()
            raise TokenRefused(REFUSED_TOKEN, spoken=SPOKEN_TOKEN) from None
        except CannotConnect as error:
            await client.disconnect()
            raise explained(error.error or error, access.url) from None
        # What is not Home Assistant may answer with anything; it must never end the hub.
        except (TimeoutError, OSError, TypeError, KeyError, ValueError) as error:
            await client.disconnect()
            raise explained(error, access.url) from None
        except BaseException:
            await client.disconnect()
            raise
        return cls(client, access.url)

    @property
    def alive(self) -> bool:
        return not self._listener.done()

    async def command(self, name: str, **data: Any) -> Any:
        """The result of a command. Raises Refusal for an error, DeviceError if none comes.

        One that nobody waits for any more is not taken back."""
        # A task of its own: the client does not bear that a command is cancelled while its
        # result comes in.
        task = asyncio.create_task(self._client.send_command(name, **data), name=name)
        self._pending.add(task)
        task.add_done_callback(self._settled)
        done, _ = await asyncio.wait({task}, timeout=ANSWERING)
        if not done:
            raise unreachable(f"Home Assistant did not answer '{name}' within {ANSWERING:g} s")
        if task.cancelled():
            raise self.reason()
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, FailedCommand):
            raise _refusal(str(error))
        raise self.reason()

    async def optional(self, name: str, **data: Any) -> Any:
        """The same; None if this Home Assistant, or its user, has no such command."""
        try:
            return await self.command(name, **data)
        except Unsupported as error:
            log.debug("%s: %s", name, error)
            return None

    async def subscribe(self, handler: Callable[[Message], None], name: str, **data: Any) -> None:
        """Have `handler` called with the event of every message that a command brings.

        Raises as `command` does."""

        def each(message: Message) -> None:
            handler(message["event"])

        try:
            async with asyncio.timeout(ANSWERING):
                await self._client.subscribe(each, name, **data)
        except FailedCommand as error:
            raise _refusal(str(error)) from None
        except TimeoutError:
            raise unreachable(f"Home Assistant did not answer '{name}'") from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise self.reason() from None
        except (TransportError, OSError):
            raise self.reason() from None

    def when_ended(self, callback: Callable[[], None]) -> None:
        self._listener.add_done_callback(lambda task: callback())

    def reason(self) -> DeviceError:
        """Why the connection ended."""
        listener = self._listener
        error = listener.exception() if listener.done() and not listener.cancelled() else None
        if isinstance(error, ConnectionFailedDueToLargeMessage):
            return unreachable(f"a message of Home Assistant at {self._url} was too large")
        if error is not None and not isinstance(error, TransportError):
            log.error("the connection to Home Assistant failed", exc_info=error)
            return unreachable(f"the connection to {self._url} failed: {type(error).__name__}")
        return unreachable(f"Home Assistant at {self._url} hung up: is it being restarted?")

    async def close(self) -> None:
        await self._client.disconnect()
        self._listener.cancel()
        await asyncio.wait({self._listener, *self._pending})

    def _settled(self, task: asyncio.Task[Any]) -> None:
        self._pending.discard(task)
        if not task.cancelled():
            task.exception()  # seen, whether or not somebody still waits


def _refusal(message: str) -> Refusal:
    """An error as a person can read it. Home Assistant tells kinds of errors by their text."""
    if message == "Unknown command.":
        return Unsupported("this Home Assistant is too old for that")
    if message == "Unauthorized":
        return Unsupported("the user of the access token may not do that in Home Assistant")
    said = message.removeprefix("Validation error: ").strip()
    return Refusal(f"Home Assistant refuses: {said}" if said else "Home Assistant refuses")
