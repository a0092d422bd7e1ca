"""Sound for devices that fetch what they play: ESPHome's media players take an address, no samples.

A small HTTP server, which is there while a satellite needs it, and at the one address of this
machine by which that satellite is reached. It knows nothing but sounds that are being played: each
has an unguessable name, which is good for the one satellite that it was made for, and until it has
been heard. To everybody else nothing is there."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hub.errors import AudioError, reason
from hub.messages import Audio

if TYPE_CHECKING:
    from aiohttp import web

LONGEST = 600.0
"""Seconds of sound under one name; nothing that is said is that long."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a player takes."""

    kind: str = "flac"
    """`flac`, `wav` or `mp3`."""
    rate: int = 48_000
    """Hz."""
    channels: int = 1

    @property
    def content_type(self) -> str:
        return {"flac": "audio/flac", "wav": "audio/wav", "mp3": "audio/mpeg"}[self.kind]


KINDS = ("flac", "wav", "mp3")
"""Those that can be made here, best first."""


def form_of(formats: Sequence[Any]) -> Form:
    """The best of a media player's `supported_formats` for announcements; those that name none
    take everything."""
    announcing = [each for each in formats if each.purpose == 1] or list(formats)
    for kind in KINDS:
        for each in announcing:
            if each.format == kind and each.sample_bytes in (0, 2):
                return Form(kind, each.sample_rate or 48_000, 2 if each.num_channels == 2 else 1)
    return Form()


class Stream:
    """One sound while it is made: what is fed comes out at its address."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.fetched = asyncio.Event()
        """Set when it is being taken."""
        self._file = _Growing()
        self._encoder: Any = None
        self._fed = 0.0
        self._over = False
        self._news = asyncio.Event()

    def feed(self, audio: Audio) -> None:
        """More of it, at the rate of its form. Raises AudioError for what never ends."""
        self._fed += audio.seconds
        if self._fed > LONGEST:
            raise AudioError(f"a sound of more than {LONGEST / 60:g} minutes is not played")
        import numpy as np
        import soundfile

        if self._encoder is None:
            kind, subtype = self.form.kind.upper(), "PCM_16"
            if kind == "MP3":
                subtype = "MPEG_LAYER_III"
            self._encoder = soundfile.SoundFile(
                self._file, "w", self.form.rate, self.form.channels, subtype, format=kind
            )
        samples = np.frombuffer(audio.pcm, "<i2")
        if self.form.channels == 2:
            samples = np.repeat(samples, 2).reshape(-1, 2)
        self._encoder.write(samples)
        self._tell()

    def end(self) -> None:
        """There is no more of it."""
        if not self._over:
            self._over = True
            if self._encoder is not None:
                self._encoder.close()
            self._tell()

    async def write_to(self, response: web.StreamResponse) -> None:
        """All of it, as it comes."""
        self.fetched.set()
        sent = 0
        while True:
            news = self._news
            part = bytes(self._file.made[sent:])
            if part:
                sent += len(part)
                await response.write(part)
            elif self._over:
                return
            else:
                await news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class _Growing:
    """A file that is only ever written at its end: a header that would be corrected afterwards has
    been sent already."""

    def __init__(self) -> None:
        self.made = bytearray()
        self._at = 0

    def write(self, data: Any) -> int:
        if self._at == len(self.made):
            self.made += bytes(data)
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, len(self.made))[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        return b""


class SoundServer:
    """Sounds at this machine's address by which one device is reached."""

    def __init__(self, device: str, port: int = 0) -> None:
        """`device`: its IP address; `port` 0: any that is free."""
        self._device = ipaddress.ip_address(device.partition("%")[0])
        self._port = port
        self._runner: web.AppRunner | None = None
        self._base = ""
        self._streams: dict[str, Stream] = {}

    async def offer(self, form: Form) -> tuple[str, Stream]:
        """A new sound and its address. Raises AudioError if nothing can be offered."""
        if self._runner is None:
            await self._start()
        name = f"{secrets.token_urlsafe(24)}.{form.kind}"
        stream = self._streams[name] = Stream(form)
        return f"{self._base}/{name}", stream

    def retire(self, stream: Stream) -> None:
        """Nobody can fetch it any more."""
        stream.end()
        self._streams = {name: each for name, each in self._streams.items() if each is not stream}

    async def close(self) -> None:
        for stream in self._streams.values():
            stream.end()
        self._streams.clear()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _start(self) -> None:
        from aiohttp import web

        app = web.Application(client_max_size=1024)
        app.router.add_get("/{name}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, keepalive_timeout=1.0)
        await runner.setup()
        try:
            host = await asyncio.to_thread(own_address, str(self._device))
            site = web.TCPSite(runner, host, self._port)
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise AudioError(
                f"no sound can be offered to {self._device}: {reason(error)}"
            ) from None
        port = runner.addresses[0][1]
        self._runner = runner
        self._base = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        stream = self._streams.get(request.match_info["name"])
        if stream is None or not self._is_device(request.remote):
            raise web.HTTPNotFound(text="")
        response = web.StreamResponse(
            headers={"Content-Type": stream.form.content_type, "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        await stream.write_to(response)
        await response.write_eof()
        return response

    def _is_device(self, remote: str | None) -> bool:
        if not remote:
            return False
        address = ipaddress.ip_address(remote.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address) == self._device


def own_address(device: str) -> str:
    """This machine's address by which a device reaches it. Raises OSError without a network."""
    family = socket.AF_INET6 if ":" in device else socket.AF_INET
    # Nothing is sent: the system only says from where it would.
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.connect((device, 9))
        return str(asked.getsockname()[0])
