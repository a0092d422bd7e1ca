"""The keys with which ESPHome devices encrypt what they say: one for each room.

They are kept apart from the settings, as a small TOML file that only the hub's user can read:

    Kitchen = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="

It is the systemd credential `satellite-keys`, or `satellite-keys.toml` in the hub's data folder,
into which `hearth satellites pair` writes; where both have a key, the credential counts."""

from __future__ import annotations

import base64
import binascii
import json
import os
import tomllib
from pathlib import Path

from hub import disk
from hub.errors import ConfigError, reason
from hub.home.things import normal

CREDENTIAL = "satellite-keys"
KEY_BYTES = 32


def key_for(room: str, data: Path) -> str | None:
    """The key of the satellite in a room; None if there is none. Raises ConfigError for a file that
    cannot be read; no message ever contains a key."""
    for path in _files(data):
        for name, key in _read(path).items():
            if normal(name) == normal(room):
                return checked(key, f"{path}: {name}")
    return None


def checked(key: str, where: str) -> str:
    """The key, if it is one. Raises ConfigError."""
    key = key.strip()
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ConfigError(
            f"{where}: this is no key of ESPHome's: it has 44 characters, as `key:` under "
            "`api: encryption:` in the device's YAML"
        )
    return key


def keep(room: str, key: str, data: Path) -> Path:
    """Keep a room's key, in place of the one of before; where. Raises ConfigError."""
    path = data / f"{CREDENTIAL}.toml"
    kept = {name: old for name, old in _read(path).items() if normal(name) != normal(room)}
    kept[room] = checked(key, room)
    # What TOML quotes, JSON quotes alike: names of rooms have no control characters.
    text = "".join(f"{json.dumps(name)} = {json.dumps(each)}\n" for name, each in kept.items())
    try:
        disk.replace(path, text.encode())
    except OSError as error:
        raise ConfigError(f"{path}: the key is not kept: {reason(error)}") from error
    return path


def _files(data: Path) -> list[Path]:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = [Path(folder) / CREDENTIAL] if folder else []
    return [*credential, data / f"{CREDENTIAL}.toml"]


def _read(path: Path) -> dict[str, str]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError:
        # Its message may repeat a part of the line.
        raise ConfigError(
            f'{path}: this is not TOML; write lines such as Kitchen = "its key"'
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {reason(error)}") from None
    return {name: key for name, key in found.items() if isinstance(key, str)}
