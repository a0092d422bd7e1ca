"""The second factor: a PIN that is said, or a tap on a phone, before something is done.

A PIN is said to nobody but this: it is no argument of a tool, is in no trace and in no log, and no
language model hears it (see `hub/pipeline.py`).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hub.errors import StorageError
from hub.policy import Action, Harm, Policy
from hub.policy.pin import Pin, digits_in, has_number
from hub.policy.words import say
from hub.skill import Ask
from hub.skills.handling import Performed

SECRET = "•••"
"""What stands for a PIN wherever it was said."""
PATIENCE = 30.0
"""Seconds for which a PIN is waited for."""

Run = Callable[[], Awaitable[Performed]]
"""Does what was asked for."""


class AskedForPin:
    """A question for the PIN, as a conversation keeps it (`Waiting`)."""

    free = True

    def __init__(
        self,
        policy: Policy,
        pin: Pin,
        action: Action,
        found: Harm,
        what: str,
        run: Run,
        *,
        language: str,
        clock: Callable[[], float],
        again: bool = False,
    ) -> None:
        self.question = say("pin_again" if again else "pin", language, what)
        self._policy, self._pin = policy, pin
        self._action, self._found, self._what = action, found, what
        self._run = run
        self._language = language
        self._clock = clock
        self._until = clock() + PATIENCE
        self._over = False

    @property
    def over(self) -> bool:
        return self._over or self._clock() > self._until

    def read(self, readings: Sequence[str], language: str) -> tuple[str, Any] | None:
        """Never: what was said goes no further than `digits`."""
        return None

    def digits(self, readings: Sequence[str], language: str) -> str:
        """The PIN that was said; empty if none was."""
        return digits_in(readings, language)

    def numbers(self, readings: Sequence[str], language: str) -> bool:
        """Whether there is anything in it that may be a part of a PIN."""
        return any(has_number(text, language) for text in readings)

    async def answer(self, value: Any) -> Performed:
        """Try the PIN; act if it is right, and if that is not too late."""
        late, self._over = self.over, True
        if late:
            return Performed(said=say("pin_wrong", self._language))
        try:
            checked = await self._pin.check(str(value))
        except StorageError as error:
            return Performed(said=error.spoken, error=error)
        if checked == "right":
            self._policy.note("done", self._action, self._found, "right PIN")
            return await self._run()
        self._policy.note("refused", self._action, self._found, f"PIN: {checked}")
        if minutes := locked(self._pin):
            return Performed(said=say("locked", self._language, minutes=minutes))
        if checked == "none":
            return Performed(said=say("no_factor", self._language, self._what))
        again = AskedForPin(
            self._policy,
            self._pin,
            self._action,
            self._found,
            self._what,
            self._run,
            language=self._language,
            clock=self._clock,
            again=True,
        )
        return Performed(ask=Ask(again.question), waiting=again)

    def drop(self) -> None:
        if not self._over:
            self._over = True
            self._policy.note("dropped", self._action, self._found, "no PIN was said")


def locked(pin: Pin) -> int:
    """Minutes for which no PIN is taken; 0 if it is."""
    try:
        return math.ceil(pin.locked() / 60)
    except StorageError:
        return 0
