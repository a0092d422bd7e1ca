"""How the hub comes in at the broker: port, name, password and certificates, from the settings."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
from pathlib import Path

from hub.config import MqttSettings
from hub.errors import DeviceError, reason

CREDENTIAL, VARIABLE = "mqtt-password", "MQTT_PASSWORD"


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


def identifier(settings: MqttSettings, role: str, secret: str = "") -> str:
    """By this name the broker knows a connection again. It is the same over restarts and another
    one for each machine: two of one name would throw each other out for ever. So would a device
    that takes the hub's: with a `secret` in it nobody can tell what that is."""
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        machine = ""
    # The id of a machine is not to be told outside, says machine-id(5).
    known = f"{machine or socket.gethostname()} {settings.prefix} {role} {secret}".rstrip()
    return f"hearth-{role}-{hashlib.sha256(known.encode()).hexdigest()[:8]}"


def certificates(settings: MqttSettings) -> ssl.SSLContext:
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
