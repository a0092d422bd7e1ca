"""How Home Assistant is reached: its address, the token, the certificate that must fit."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from hub.config import HomeAssistantSettings
from hub.devices.homeassistant.trouble import SPOKEN_TOKEN, unreachable
from hub.errors import reason

CREDENTIAL = "ha-token"
"""Name of the systemd credential that holds the token."""

NO_TOKEN = (
    "there is no access token for Home Assistant: make one there (your profile, Security, "
    "Long-lived access tokens), and keep it in the systemd credential 'ha-token', in $HASS_TOKEN "
    "or in [homeassistant] token"
)


@dataclass(frozen=True, slots=True)
class Access:
    """Where Home Assistant is, and what opens its door."""

    url: str
    """`http://homeassistant.local:8123`, nothing after it."""
    token: str = field(repr=False)
    tls: ssl.SSLContext | None = field(repr=False)
    """Which certificates fit, should it be encrypted; None: those that this machine trusts."""

    @property
    def websocket(self) -> str:
        return f"ws{self.url.removeprefix('http')}/api/websocket"

    @property
    def rest(self) -> str:
        return f"{self.url}/api"


def access(settings: HomeAssistantSettings) -> Access:
    """Read what is needed; this may read files. Raises DeviceError, and names the way out."""
    url = _address(settings.url or "")
    given = token(settings)
    # An address without encryption may lead on to one with it.
    special = settings.ca is not None or not settings.verify
    return Access(url, given, _tls(settings) if special else None)


def token(settings: HomeAssistantSettings) -> str:
    """The token from the settings, a systemd credential, or the environment, in this order.

    Raises DeviceError if there is none. No message ever contains it."""
    if settings.token.strip():
        return settings.token.strip()
    if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
        path = Path(folder) / CREDENTIAL
        try:
            found = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            found = ""
        except (OSError, UnicodeDecodeError) as error:
            raise unreachable(f"{path}: {reason(error)}", spoken=SPOKEN_TOKEN) from None
        if found:
            return found
    if found := os.environ.get("HASS_TOKEN", "").strip():
        return found
    raise unreachable(NO_TOKEN, spoken=SPOKEN_TOKEN)


def _address(url: str) -> str:
    """The address without what people copy along with it."""
    wanted = "write [homeassistant] url like 'http://homeassistant.local:8123'"
    if not url.strip():
        raise unreachable(f"it is not said where Home Assistant is: {wanted}")
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
        host = parts.hostname
    except ValueError:
        host = None
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme) if host else ""
    if host is None or scheme not in ("http", "https"):
        raise unreachable(f"'{url}' is no address: {wanted}")
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}{port}"


def _tls(settings: HomeAssistantSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except ssl.SSLError:
        raise unreachable(
            f"[homeassistant] ca: {settings.ca} is not a certificate in PEM form"
        ) from None
    except OSError as error:
        raise unreachable(f"[homeassistant] ca: {settings.ca}: {reason(error)}") from None
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
