"""What Home Assistant's REST API tells better: whether it is there, and what a scene is made of."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp

from hub.devices.homeassistant.access import Access
from hub.devices.homeassistant.connection import TokenRefused
from hub.devices.homeassistant.trouble import REFUSED_TOKEN, SPOKEN_TOKEN, explained
from hub.errors import DeviceError

if TYPE_CHECKING:
    from homeassistant_api import Client

log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=10)


class Rest:
    """Requests over one HTTP session; `opened` makes it."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    async def configuration(self) -> Mapping[str, Any]:
        """Its version, its state, the integrations it has loaded. Raises DeviceError."""
        answer = await self._get("config")
        if not isinstance(answer, Mapping) or "version" not in answer:
            raise explained(ValueError(), self._url)
        return answer

    async def scene(self, scene_id: str) -> Mapping[str, Any] | None:
        """The entities of a scene with the states it gives them. None where that cannot be had:
        it was made elsewhere, or the token's user may not look."""
        try:
            answer = await self._get(f"config/scene/config/{quote(scene_id, safe='')}")
        except DeviceError as error:
            log.debug("scene %s: %s", scene_id, error)
            return None
        entities = answer.get("entities") if isinstance(answer, Mapping) else None
        return entities if isinstance(entities, Mapping) else None

    async def _get(self, path: str) -> Any:
        from homeassistant_api import errors

        try:
            return await self._client.async_request(path)
        except errors.UnauthorizedError:
            raise TokenRefused(REFUSED_TOKEN, spoken=SPOKEN_TOKEN) from None
        except errors.RequestTimeoutError:
            raise explained(TimeoutError(), self._url) from None
        except (aiohttp.ClientError, OSError) as error:
            raise explained(error, self._url) from None
        except (errors.HomeassistantAPIError, ValueError) as error:
            log.debug("%s: %s", path, error)
            raise explained(error, self._url) from None


@asynccontextmanager
async def opened(access: Access) -> AsyncIterator[Rest]:
    """A session that ends with the block. Nothing is sent yet."""
    # Imported when it is needed: it brings a good deal along.
    from homeassistant_api import Client

    tls = access.tls if access.tls is not None else True
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
        # A session of our own: that of the library answers from a cache.
        client = Client(
            access.rest,
            access.token,
            use_async=True,
            async_cache_session=session,
            global_request_kwargs={"timeout": TIMEOUT},
        )
        yield Rest(client, access.url)
