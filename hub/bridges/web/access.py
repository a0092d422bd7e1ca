"""Who may use the page: one password, kept as an Argon2id hash, and sessions that it begins.

A wrong password is counted for the address that it came from before it is looked at. After five
none is taken from there for five minutes, then for ten, and so on; and of all addresses together
few are looked at, one at a time, so that guessing costs the hub little.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hub import disk
from hub.errors import ConfigError, StorageError, reason

FILE = "web-password"
SHORTEST, LONGEST = 8, 256
"""Characters of a password."""
MEMORY_KIB, ROUNDS = 19 * 1024, 2
"""What one try costs (Argon2id, OWASP's least)."""
TRIES = 5
"""Wrong passwords from one address until none is taken from there..."""
LOCKED, LONGEST_LOCKED = 300.0, 24 * 3600.0
"""... for so many seconds, each time twice as long."""
FORGOTTEN = 24 * 3600.0
"""Seconds after which wrong ones of an address no longer count."""
MOST_TRIES, WHILE = 60, 600.0
"""Tries of all addresses together in so many seconds."""
MOST_ADDRESSES = 1000
IDLE, LONGEST_SESSION = 24 * 3600.0, 30 * 24 * 3600.0
"""Seconds after which a session ends that is not used, and in any case."""
MOST_SESSIONS = 24

Checked = Literal["right", "wrong", "locked", "none"]


class Password:
    """The password, in a file that only the hub's user can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def there(self) -> bool:
        """Whether one was set."""
        return self._path.exists()

    def set(self, password: str) -> None:
        """Set it, instead of another one. Raises ConfigError for one that is none, StorageError if
        it cannot be kept."""
        from argon2 import PasswordHasher

        if not SHORTEST <= len(password) <= LONGEST:
            raise ConfigError(f"a password has {SHORTEST} to {LONGEST} characters")
        if len(set(password)) < 4:
            raise ConfigError("this password is one of the first that anybody tries")
        hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=1)
        try:
            disk.replace(self._path, f"{hasher.hash(password)}\n".encode())
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be kept: {reason(error)}") from error

    def remove(self) -> bool:
        """Whether there was one."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be removed: {reason(error)}") from error
        return True

    def matches(self, password: str) -> bool:
        """Whether it is this one; takes a moment. Raises StorageError if it cannot be read."""
        from argon2 import PasswordHasher
        from argon2.exceptions import Argon2Error, InvalidHashError

        try:
            kept = self._path.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise StorageError(
                f"{self._path}: cannot be read ({error}); 'hearth web password' makes it anew"
            ) from error
        try:
            return PasswordHasher().verify(kept, password)
        except (Argon2Error, InvalidHashError):
            return False


@dataclass(slots=True)
class _Address:
    """Wrong passwords that came from one address."""

    wrong: int = 0
    locks: int = 0
    until: float = 0.0
    last: float = 0.0


class Guard:
    """Looks at passwords, not too often. `clock` counts seconds and never goes back."""

    def __init__(self, password: Password, clock: Callable[[], float] = time.monotonic) -> None:
        self._password = password
        self._clock = clock
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._tries: deque[float] = deque(maxlen=MOST_TRIES)
        self._lock = asyncio.Lock()

    def locked(self, address: str) -> float:
        """Seconds for which no password is taken from an address."""
        known = self._addresses.get(address)
        return max(0.0, known.until - self._clock()) if known else 0.0

    async def check(self, password: str, address: str) -> Checked:
        """Try a password. Raises StorageError if it cannot be read."""
        async with self._lock:
            now = self._clock()
            known = self._known(address)
            if self.locked(address) or self._busy(now):
                return "locked"
            if not self._password.there:
                return "none"
            self._count(known, now)
            # A longer one is none, and would only take its time.
            given = password[: LONGEST + 1]
            if not await asyncio.to_thread(self._password.matches, given):
                return "wrong"
            self._addresses.pop(address, None)
            self._tries.pop()
            return "right"

    def _count(self, known: _Address, now: float) -> None:
        self._tries.append(now)
        known.wrong, known.last = known.wrong + 1, now
        if known.wrong >= TRIES:
            known.wrong, known.locks = 0, known.locks + 1
            known.until = now + min(LONGEST_LOCKED, LOCKED * 2.0 ** min(known.locks - 1, 20))

    def _known(self, address: str) -> _Address:
        now = self._clock()
        known = self._addresses.get(address)
        if known is None or (now - known.last > FORGOTTEN and now > known.until):
            known = self._addresses[address] = _Address(last=now)
        self._addresses.move_to_end(address)
        while len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        return known

    def _busy(self, now: float) -> bool:
        return len(self._tries) == MOST_TRIES and now - self._tries[0] < WHILE


@dataclass(slots=True)
class Session:
    """Somebody who has given the password."""

    token: str = field(repr=False)
    """What the cookie has."""
    csrf: str = field(repr=False)
    """What each request that does something must repeat, which a page elsewhere cannot read."""
    name: str
    """Of its conversation; no secret."""
    began: float
    used: float


class Sessions:
    """Those that are open. They end with the hub: nothing of them is kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def begin(self) -> Session:
        """A new one; where there are too many, the one goes that was not used for longest."""
        now = self._clock()
        session = Session(
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(24),
            f"web-{secrets.token_hex(4)}",
            now,
            now,
        )
        self._sessions[session.token] = session
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def find(self, token: str | None) -> Session | None:
        """The session of a cookie; None if it has ended, or never was."""
        session = self._sessions.get(token) if token else None
        if session is None or not hmac.compare_digest(session.token, token or ""):
            return None
        now = self._clock()
        if now - session.used > IDLE or now - session.began > LONGEST_SESSION:
            del self._sessions[session.token]
            return None
        session.used = now
        self._sessions.move_to_end(session.token)
        return session

    def open(self, session: Session) -> bool:
        """Whether nobody has ended it."""
        return session.token in self._sessions

    def end(self, session: Session) -> None:
        self._sessions.pop(session.token, None)

    def end_all(self) -> None:
        self._sessions.clear()
