"""A real Mosquitto for tests: passwords, an access list, TLS with an authority of its own, client
certificates and websockets, on ports that the system chooses. And somebody who plays the devices.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.config import MqttSettings

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")

PASSWORDS = {"hub": "hub-secret", "devices": "dev-secret", "guest": "guest-secret"}

ACL = """
user hub
topic readwrite #

user devices
topic readwrite #

user guest
topic read #
topic write guest/#
"""


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = (
            self._builder(self._name, self._key, days=365)
            .add_extension(x509.BasicConstraints(True, 0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.ca = folder / "ca.crt"
        self.ca.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def issue(
        self, file: str, host: str = "localhost", *, days: int = 90, began: int = 1
    ) -> tuple[Path, Path]:
        """Certificate and key for a server or a client; `began`: days ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ip_address("127.0.0.1")))
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = (
            self._builder(name, key, days=days, began=began)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        certificate, keyfile = self.folder / f"{file}.crt", self.folder / f"{file}.key"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        keyfile.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, keyfile

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int, began: int = 1
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=began))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def passwords(path: Path, users: dict[str, str]) -> None:
    """A password file for Mosquitto."""
    path.write_text("".join(f"{user}:{word}\n" for user, word in users.items()))
    subprocess.run(["mosquitto_passwd", "-U", str(path)], check=True, capture_output=True)


class Broker:
    """A Mosquitto of its own, which can be killed and started again on the same ports."""

    def __init__(self, folder: Path, *, persistence: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        authority = Authority(folder)
        self.ca = authority.ca
        server = authority.issue("server")
        self.certificate, self.key = authority.issue("client", "hub.test")
        passwords(folder / "passwords", PASSWORDS)
        (folder / "acl").write_text(ACL)
        self.port, self.tls_port, self.cert_port, self.ws_port = (free_port() for _ in range(4))
        tls = f"cafile {self.ca}\ncertfile {server[0]}\nkeyfile {server[1]}"
        kept = f"persistence true\npersistence_location {folder}/" if persistence else ""
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"""per_listener_settings false
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
user root
log_dest file {folder}/log
connection_messages true
max_inflight_messages 100
max_queued_messages 100000
{kept}
listener {self.port} 127.0.0.1
listener {self.tls_port} 127.0.0.1
{tls}
listener {self.cert_port} 127.0.0.1
{tls}
require_certificate true
listener {self.ws_port} 127.0.0.1
protocol websockets
"""
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)], stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.ws_port)) == 0:
                    return
            assert self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.005)
        raise AssertionError("mosquitto does not listen")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self, on: bool = True) -> None:
        """Let it neither answer nor hang up."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def settings(self, **changes: Any) -> MqttSettings:
        """As the hub's owner would write them."""
        given = {"host": "127.0.0.1", "port": self.port, "user": "hub", "password": "hub-secret"}
        return MqttSettings.model_validate(given | changes)

    @asynccontextmanager
    async def devices(self, *topics: str) -> AsyncIterator[Devices]:
        """Somebody who publishes as devices do, and hears what is said on some topics."""
        async with aiomqtt.Client(
            "127.0.0.1",
            self.port,
            username="devices",
            password="dev-secret",
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        ) as client:
            client.pending_calls_threshold = 10_000
            for topic in topics:
                await client.subscribe(topic, qos=1)
            yield Devices(client)


class Devices:
    """The other side of the broker."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def say(self, topic: str, payload: Any, *, retain: bool = False, qos: int = 1) -> None:
        """Publish text, bytes, or anything else as JSON."""
        text = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        await self._client.publish(topic, text, qos=qos, retain=retain)

    async def heard(self) -> tuple[str, str]:
        """The next message on the topics that are heard."""
        async with asyncio.timeout(5):
            message = await anext(aiter(self._client.messages))
        assert isinstance(message.payload, bytes)
        return message.topic.value, message.payload.decode()
