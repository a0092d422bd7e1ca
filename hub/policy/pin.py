"""The PIN: four digits or more, kept as an Argon2id hash that only the owner can read.

A try is counted before it is looked at, so that ending the hub in the middle of one gains nothing.
After three wrong ones none is taken for five minutes, then for ten, and so on. That time is counted
by the clock that nobody sets; after another start of the machine it begins anew.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from hub import disk
from hub.errors import ConfigError, StorageError, reason
from hub.timers.clock import Time

FILE = "pin.json"
SHORTEST, LONGEST = 4, 12
"""Digits of a PIN."""
TRIES = 3
LOCKED = 300.0
"""Seconds for which none is taken after so many wrong ones; each time twice as long."""
LONGEST_LOCKED = 24 * 3600.0
MEMORY_KIB, ROUNDS = 19 * 1024, 2
"""What one try costs (Argon2id, OWASP's least)."""

Checked = Literal["right", "wrong", "locked", "none"]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the file has."""

    hash: str = ""
    failed: int = 0
    """Wrong tries since the last right one, or since the last time that it was locked."""
    locks: int = 0
    """How often it was locked since the last right one."""
    until: float = 0.0
    """Seconds of the steady clock until which it is locked."""
    boot: str = ""
    """The run of the machine that these are of."""


class Pin:
    """The PIN in a file; `path` None: there is none, and none can be set."""

    def __init__(self, path: Path | None, time: Time) -> None:
        self._path = path
        self._time = time
        self._lock = asyncio.Lock()

    @property
    def there(self) -> bool:
        """Whether a PIN was set. One that cannot be read was, and is right for nobody."""
        try:
            return bool(self._read().hash)
        except StorageError:
            return True

    def locked(self) -> float:
        """Seconds for which no PIN is taken now."""
        return self._left(self._read())

    def set(self, pin: str) -> None:
        """Set it, instead of another one. Raises ConfigError for what is no PIN, StorageError if it
        cannot be kept."""
        from argon2 import PasswordHasher

        if not re.fullmatch(rf"\d{{{SHORTEST},{LONGEST}}}", pin, re.ASCII):
            raise ConfigError(f"a PIN has {SHORTEST} to {LONGEST} digits, and nothing else")
        if len(set(pin)) == 1 or pin in "01234567890 98765432109":
            raise ConfigError("this PIN is among the first that anybody tries; choose another one")
        hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=1)
        self._write(_Kept(hasher.hash(pin)))

    def remove(self) -> bool:
        """Whether there was one."""
        if self._path is None or not self._path.exists():
            return False
        try:
            self._path.unlink()
            disk.sync_folder(self._path.parent)
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be removed: {reason(error)}") from error
        return True

    async def check(self, digits: str) -> Checked:
        """Try a PIN. Raises StorageError if a try cannot be counted: then none is."""
        async with self._lock:
            return await asyncio.to_thread(self._check, digits)

    def _check(self, digits: str) -> Checked:
        from argon2 import PasswordHasher
        from argon2.exceptions import Argon2Error, InvalidHashError

        kept = self._read()
        if not kept.hash:
            return "none"
        if self._left(kept) > 0:
            return "locked"
        failed = kept.failed + 1
        if failed >= TRIES:
            locks = kept.locks + 1
            until = self._time.steady() + _seconds(locks)
            counted = replace(kept, failed=0, locks=locks, until=until, boot=self._time.boot)
        else:
            counted = replace(kept, failed=failed)
        self._write(counted)
        try:
            PasswordHasher().verify(kept.hash, digits)
        except (Argon2Error, InvalidHashError):
            return "wrong"
        self._write(_Kept(kept.hash))
        return "right"

    def _left(self, kept: _Kept) -> float:
        if not kept.until:
            return 0.0
        if kept.boot == self._time.boot:
            return max(0.0, kept.until - self._time.steady())
        # How long the machine was off nobody knows who does not trust the clock on the wall.
        seconds = _seconds(kept.locks)
        self._write(replace(kept, until=self._time.steady() + seconds, boot=self._time.boot))
        return seconds

    def _read(self) -> _Kept:
        if self._path is None:
            return _Kept()
        try:
            found: Any = json.loads(self._path.read_bytes())
            return _Kept(
                str(found["hash"]),
                int(found["failed"]),
                int(found["locks"]),
                float(found["until"]),
                str(found["boot"]),
            )
        except FileNotFoundError:
            return _Kept()
        except (OSError, ValueError, KeyError, TypeError) as error:
            # Whoever damages the file must not open the door with it.
            raise StorageError(
                f"{self._path}: cannot be read ({error}); 'hearth trust pin set' makes it anew"
            ) from error

    def _write(self, kept: _Kept) -> None:
        if self._path is None:
            raise StorageError("a home that is only tried out has no PIN")
        try:
            disk.replace(self._path, json.dumps(asdict(kept)).encode())
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be kept: {reason(error)}") from error


def _seconds(locks: int) -> float:
    """How long it is locked, when that makes so many times."""
    return min(LONGEST_LOCKED, LOCKED * 2.0 ** min(max(0, locks - 1), 20))


def digits_in(readings: Sequence[str], language: str) -> str:
    """The digits of a PIN as it was said: 'one two three four', '12 34', 'zwölf vierunddreißig'.
    Those of the likeliest reading that has enough; empty if none has."""
    for text in readings:
        found = _digits(text, language)
        if SHORTEST <= len(found) <= LONGEST:
            return found
    return ""


def has_number(text: str, language: str) -> bool:
    """Whether there is any digit in it, or any number in words."""
    return bool(_digits(text, language))


DOUBLED = {"double": 2, "triple": 3, "zweimal": 2, "dreimal": 3, "doppel": 2}
OH = {"en": ("o", "oh", "zero"), "de": ("null", "o")}
ALSO = {"en": {}, "de": {"zwo": "2"}}
MOST_WORDS = 4
"""Words of a number."""


def _digits(text: str, language: str) -> str:
    code = language.split("-")[0]
    found, times = "", 1
    words = re.findall(r"\d+|[^\W\d_]+", text.casefold())
    position = 0
    while position < len(words):
        word = words[position]
        if word in DOUBLED:
            times, position = DOUBLED[word], position + 1
            continue
        value, used = _number_at(words, position, code)
        found += value * times
        times, position = 1, position + used
    return found


def _number_at(words: Sequence[str], position: int, code: str) -> tuple[str, int]:
    """The number that begins at a word, and the words that it takes; nothing and one for none.
    Digits that are said one by one are one each: 'twenty two' is 22, 'two two' is 2 and 2."""
    word = words[position]
    if word.isdecimal():
        return "".join(str(int(digit)) for digit in word), 1
    if word in OH.get(code, OH["en"]):
        return "0", 1
    if word in ALSO.get(code, {}):
        return ALSO[code][word], 1
    known = _numbers(code)
    for count in range(min(MOST_WORDS, len(words) - position), 0, -1):
        said = " ".join(words[position : position + count])
        if said in known:
            return known[said], count
    return "", 1


@cache
def _numbers(code: str) -> Mapping[str, str]:
    """The numbers to 99 in words, as they are heard: with and without hyphens."""
    from hub.language.spellout import spellout

    found: dict[str, str] = {}
    try:
        engine = spellout(code)
    except ValueError:
        return found
    for number in range(100):
        spelt = str(engine.format_number(number).text).replace("\u00ad", "").casefold()
        found[spelt] = found[spelt.replace("-", " ")] = str(number)
    return found
