"""Why a broker cannot be reached, in plain words and with the way out."""

from __future__ import annotations

import errno
import socket
import ssl

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from hub.config import MqttSettings
from hub.devices.mqtt.access import CREDENTIAL, VARIABLE, port
from hub.errors import DeviceError

SPOKEN = "Sorry, I cannot reach the MQTT broker."
SPOKEN_PASSWORD = "Sorry, the MQTT broker does not let me in. It wants another name or password."
SPOKEN_CERTIFICATE = "Sorry, I do not trust the certificate of the MQTT broker."

_LOCKED_OUT = ("Bad user name or password", "Not authorized")
_NO_TLS = "does not speak TLS on this port: set tls = false in [mqtt], or its other port"


class HungUp(aiomqtt.MqttError):
    """The other side closed the connection before it answered."""


class GivenUp(aiomqtt.MqttError):
    """The hub broke off a connection on which nothing came back."""


class Denied(aiomqtt.MqttCodeError):
    """The broker took a message and did not let it pass."""


def named(settings: MqttSettings) -> str:
    return f"the MQTT broker at {settings.host}:{port(settings)}"


def trouble(error: BaseException, settings: MqttSettings) -> DeviceError:
    """What went wrong with a broker, for a person, with the way out."""
    if isinstance(error, DeviceError):
        return error
    return DeviceError(f"{named(settings)} {_what(error, settings)}", spoken=_aloud(error))


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
