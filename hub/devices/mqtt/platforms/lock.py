"""Locks of doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.patterns import pattern
from hub.devices.mqtt.platforms.base import Platform
from hub.devices.mqtt.platforms.options import Options, one_of

OPEN = 1
STATES = {
    "locked": "LOCKED",
    "locking": "LOCKING",
    "unlocked": "UNLOCKED",
    "unlocking": "UNLOCKING",
    "jammed": "JAMMED",
    "open": "OPEN",
    "opening": "OPENING",
}
"""State -> what a lock calls it, unless its configuration says otherwise."""
WANTED = {"lock": "locked", "unlock": "unlocked", "open": "open"}


class Lock(Platform):
    domain = "lock"

    def _set_up(self, options: Options) -> None:
        self._commands = self._needed("command_topic", "command_template")
        self._payloads = {
            "lock": options.word("payload_lock", "LOCK"),
            "unlock": options.word("payload_unlock", "UNLOCK"),
            "open": options.text("payload_open"),
        }
        self.features = OPEN if self._payloads["open"] is not None else 0
        code_format = options.text("code_format")
        self._code_format = None if code_format is None else pattern(code_format)
        self._always |= {} if code_format is None else {"code_format": code_format}
        self._states: dict[str, str | None] = {options.word("payload_reset", "None"): None}
        self._states |= {
            options.word(f"state_{state}", usual): state for state, usual in STATES.items()
        }
        if not self._listen("state_topic", ("value_template",), self._read_state):
            self.optimistic = True

    def _read_state(self, payload: str) -> Mapping[str, Any] | None:
        if not payload.strip():
            return None
        return {"state": self._states[one_of(payload, self._states, "the state")]}

    def _shown(self) -> tuple[str, dict[str, Any]]:
        return self.facts.get("state") or "unknown", {}

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        payload = self._payloads.get(service)
        if payload is None:
            raise self._no(service)
        code = data.get("code")
        if code is None:
            code = ""
        if self._code_format is not None and not self._code_format.fits(str(code)):
            raise NotUnderstood("'code' is missing or not of the kind that this lock takes")
        self._assume(heard=True, state=WANTED[service])
        return [self._commands.say(payload, code=code)]
