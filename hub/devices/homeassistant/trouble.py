"""Why Home Assistant cannot be reached, in plain words and with the way out."""

from __future__ import annotations

import ssl

import aiohttp

from hub.errors import DeviceError

SPOKEN = "Sorry, I cannot reach Home Assistant."
SPOKEN_TOKEN = "Sorry, Home Assistant does not let me in. It needs a new access token."
SPOKEN_CERTIFICATE = "Sorry, I do not trust the certificate of Home Assistant."

REFUSED_TOKEN = (
    "Home Assistant refuses the access token: it is wrong, or was revoked. Make a new one there "
    "(your profile, Security, Long-lived access tokens) and put it in the place of the old one"
)

UNWANTED = 60.0
"""Seconds until the next attempt where this machine is banned, or asks too often."""
EXPIRED = frozenset({10})
OTHER_NAME = frozenset({62, 64})
"""OpenSSL's codes for a certificate that has run out, and one for another host or address."""


def unreachable(message: str, *, spoken: str = SPOKEN) -> DeviceError:
    return DeviceError(message, spoken=spoken)


def explained(error: BaseException, url: str) -> DeviceError:
    """What is wrong with a connection that could not be made to this address."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return unreachable(
                _certificate(error.certificate_error, url), spoken=SPOKEN_CERTIFICATE
            )
        case aiohttp.ClientConnectorDNSError():
            host = error.host
            hint = ": is the name right? Its IP address works, too"
            return unreachable(f"nobody in this network is called '{host}'{hint}")
        case aiohttp.ClientConnectorSSLError():
            return unreachable(f"{url} does not speak TLS: begin [homeassistant] url with http://")
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionRefusedError):
            return unreachable(f"nothing listens at {url}: is Home Assistant running?")
        case aiohttp.WSServerHandshakeError() | aiohttp.ClientResponseError():
            found = unreachable(_status(error.status, url))
            found.wait = _wait(error)
            return found
        case TimeoutError():
            return unreachable(f"{url} does not answer: is it switched on, and the address right?")
        case aiohttp.ServerDisconnectedError() | ConnectionResetError():
            hint = " If it is encrypted, begin [homeassistant] url with https://"
            return unreachable(f"{url} hung up.{hint}")
        case aiohttp.ClientConnectorError():
            return unreachable(f"{url} cannot be reached: {error.os_error.strerror or error}")
        case aiohttp.ClientError() | OSError():
            return unreachable(f"{url} cannot be reached: {error}")
    return unreachable(f"what answers at {url} is not Home Assistant")


def _certificate(error: BaseException, url: str) -> str:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if code in EXPIRED:
        return f"the certificate of {url} has expired: renew it"
    if code in OTHER_NAME:
        return (
            f"the certificate of {url} is for another name: in [homeassistant] url use the name it "
            "was made for"
        )
    return (
        f"the certificate of {url} is not from an authority that this machine knows: name the "
        "authority's own certificate in [homeassistant] ca"
    )


def _wait(error: aiohttp.ClientResponseError) -> float:
    """Seconds for which whoever answered wants to be left alone (`Retry-After`, RFC 9110). One
    that has banned this machine is not asked every few seconds."""
    told = error.headers.get("Retry-After", "") if error.headers else ""
    if told.isascii() and told.isdigit():
        return float(told)
    return UNWANTED if error.status in (403, 429) else 0.0


def _status(status: int, url: str) -> str:
    if status == 401:
        return REFUSED_TOKEN
    if status == 403:
        return (
            f"{url} has banned this machine: remove it from ip_bans.yaml of Home Assistant, and "
            "restart that"
        )
    if status in (502, 503, 504):
        return f"what stands before Home Assistant at {url} says that it is not running ({status})"
    if status == 429:
        return f"{url} says that it is asked too often ({status})"
    if status == 500:
        return f"Home Assistant at {url} has failed ({status}): its log says why"
    return f"what answers at {url} is not Home Assistant ({status})"
