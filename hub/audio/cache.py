"""Spoken replies on disk, so that what was said once sounds at once.

One file for each sentence of each voice. Everything here can be made again: a damaged or missing
file is a sentence to synthesize, and the ones not used for longest make room.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import struct
import zlib
from pathlib import Path

from hub.errors import reason
from hub.messages import Audio

log = logging.getLogger(__name__)

HEADER = struct.Struct("<4sII")
"""Marker, rate in Hz, CRC-32 of the samples that follow."""
MARKER = b"HSND"
LIMIT = 64 << 20
"""Bytes of all files: about 25 minutes of speech at 22,050 Hz."""


class SoundFolder:
    """A `SoundCache` in a folder of at most `limit` bytes."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self._folder = folder
        self._limit = limit
        self._size: int | None = None
        self._lock = asyncio.Lock()

    async def get(self, voice: str, text: str) -> Audio | None:
        """The sound, or None if it is not there or damaged."""
        return await asyncio.to_thread(self._read, self._file(voice, text))

    async def put(self, voice: str, text: str, audio: Audio) -> None:
        """Keep the sound. That a disk is full or read-only is logged, and no error."""
        async with self._lock:
            await asyncio.to_thread(self._write, self._file(voice, text), audio)

    def _file(self, voice: str, text: str) -> Path:
        key = hashlib.sha256(f"{voice}\0{text}".encode(errors="surrogatepass")).hexdigest()
        return self._folder / f"{key}.sound"

    @staticmethod
    def _read(file: Path) -> Audio | None:
        try:
            content = file.read_bytes()
            marker, rate, checksum = HEADER.unpack_from(content)
            pcm = content[HEADER.size :]
            if marker == MARKER and rate and zlib.crc32(pcm) == checksum:
                os.utime(file)  # used just now
                return Audio(pcm, rate)
        except FileNotFoundError:
            return None
        except (OSError, struct.error) as error:
            log.debug("%s: %s", file, error)
        log.warning("%s is damaged: its sentence will be spoken anew", file)
        return None

    def _write(self, file: Path, audio: Audio) -> None:
        content = HEADER.pack(MARKER, audio.rate, zlib.crc32(audio.pcm)) + audio.pcm
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._size is None:
                self._size = sum(size for _, size, _ in self._files())
            if len(content) > self._limit:
                return
            replaced = file.stat().st_size if file.exists() else 0
            # No fsync: after a power cut the checksum tells, and a card wears less.
            unfinished = file.with_suffix(".new")
            unfinished.write_bytes(content)
            unfinished.replace(file)
            self._size += len(content) - replaced
            if self._size > self._limit:
                self._size = self._make_room()
        except OSError as error:
            log.warning("%s: a spoken reply could not be kept: %s", self._folder, reason(error))

    def _files(self) -> list[tuple[float, int, Path]]:
        """When each was used last, its size, and itself; also what a power cut left behind."""
        found = []
        for file in self._folder.iterdir():
            if file.suffix in (".sound", ".new"):
                status = file.stat()
                found.append((status.st_mtime, status.st_size, file))
        return found

    def _make_room(self) -> int:
        """Remove until a tenth is free, so that not every reply removes one; returns the size."""
        files = sorted(self._files())
        size = sum(length for _, length, _ in files)
        for _, length, file in files:
            if size <= self._limit * 0.9:
                break
            file.unlink(missing_ok=True)
            size -= length
        return size
