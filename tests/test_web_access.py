"""The page's password, its lockout and its sessions."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.bridges.web.access import (
    IDLE,
    LOCKED,
    LONGEST_SESSION,
    MOST_SESSIONS,
    MOST_TRIES,
    TRIES,
    Guard,
    Password,
    Sessions,
)
from hub.cli import app
from hub.errors import ConfigError, StorageError

WORD = "quiet evening"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Known(Password):
    """A password whose tries cost nothing."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))
        self.looked = 0

    @property
    def there(self) -> bool:
        return True

    def matches(self, password: str) -> bool:
        self.looked += 1
        return password == WORD


def test_it_is_kept_as_a_hash_that_only_its_owner_can_read(tmp_path: Path) -> None:
    password = Password(tmp_path / "data" / "web-password")
    assert not password.there
    password.set(WORD)
    path = tmp_path / "data" / "web-password"
    assert WORD not in path.read_text()
    assert path.read_text().startswith("$argon2id$")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert password.matches(WORD)
    assert not password.matches("quiet morning")
    assert password.remove()
    assert not password.remove()


@pytest.mark.parametrize("word", ["", "short", "aaaaaaaaaa", "x" * 300])
def test_what_anybody_guesses_is_none(tmp_path: Path, word: str) -> None:
    with pytest.raises(ConfigError):
        Password(tmp_path / "web-password").set(word)


def test_a_damaged_file_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "web-password"
    path.write_text("$argon2id$nonsense")
    assert not Password(path).matches("")
    path.write_bytes(b"\xff\xff")
    with pytest.raises(StorageError, match="hearth web password"):
        Password(path).matches(WORD)


async def test_after_five_wrong_ones_even_the_right_one_is_not_looked_at() -> None:
    clock, known = Clock(), Known()
    guard = Guard(known, clock)
    for _ in range(TRIES):
        assert await guard.check("guess", "10.0.0.5") == "wrong"
    assert await guard.check(WORD, "10.0.0.5") == "locked"
    assert known.looked == TRIES
    assert await guard.check(WORD, "10.0.0.6") == "right"  # a guest locks nobody else out
    clock.now += LOCKED + 1
    assert await guard.check(WORD, "10.0.0.5") == "right"


async def test_it_is_locked_twice_as_long_each_time() -> None:
    clock = Clock()
    guard = Guard(Known(), clock)
    for times in range(3):
        for _ in range(TRIES):
            await guard.check("guess", "10.0.0.5")
        assert guard.locked("10.0.0.5") == pytest.approx(LOCKED * 2**times)
        clock.now += LOCKED * 2**times + 1


async def test_a_right_one_forgets_the_wrong_ones_before_it() -> None:
    guard = Guard(Known(), Clock())
    for _ in range(3):
        for _ in range(TRIES - 1):
            assert await guard.check("guess", "10.0.0.5") == "wrong"
        assert await guard.check(WORD, "10.0.0.5") == "right"


async def test_many_addresses_together_do_not_get_more_tries() -> None:
    known = Known()
    guard = Guard(known, Clock())
    for number in range(MOST_TRIES + 20):
        await guard.check("guess", f"10.0.{number}.1")
    assert known.looked == MOST_TRIES


def test_a_session_ends_when_it_is_not_used_and_in_any_case() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    session = sessions.begin()
    clock.now += IDLE - 1
    assert sessions.find(session.token) is session
    clock.now += IDLE + 1
    assert sessions.find(session.token) is None
    lasting = sessions.begin()
    while clock.now - lasting.began < LONGEST_SESSION:
        assert sessions.find(lasting.token) is lasting
        clock.now += IDLE - 1
    assert sessions.find(lasting.token) is None


def test_no_token_is_another_s_and_none_is_guessed() -> None:
    sessions = Sessions(Clock())
    several = [sessions.begin() for _ in range(MOST_SESSIONS + 1)]
    assert len({each.token for each in several} | {each.csrf for each in several}) == 2 * len(
        several
    )
    assert sessions.find(several[0].token) is None  # there were too many
    assert sessions.find(several[-1].token) is several[-1]
    for wrong in (None, "", several[-1].csrf, several[-1].token[:-1], several[-1].token + "x"):
        assert sessions.find(wrong) is None
    sessions.end(several[-1])
    assert sessions.find(several[-1].token) is None
    assert WORD not in repr(several) and several[-1].token not in repr(several)


def test_the_command_sets_it_and_takes_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "hearth.toml"
    settings.write_text(f'[hub]\ndata = "{tmp_path}/data"\nruntime = "{tmp_path}/run"\n')
    monkeypatch.setenv("HEARTH_CONFIG", str(settings))

    def run(*arguments: str, typed: str | None = None) -> str:
        result = CliRunner().invoke(app, ["web", *arguments], input=typed)
        return f"{result.output}{result.exception or ''}"

    assert "hearth web password" in run()
    assert "8 to 256" in run("password", typed="short\n")
    assert "is set" in run("password", typed=f"{WORD}\n")
    assert Password(tmp_path / "data" / "web-password").matches(WORD)
    assert "while a hub runs" in run()
    assert "removed" in run("password", "--remove")
    assert "there is no password" in run("password", "--remove")
