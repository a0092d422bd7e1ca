"""Texts to be set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.patterns import pattern
from hub.devices.mqtt.platforms.base import Platform
from hub.devices.mqtt.platforms.options import Options

LONGEST = 255
"""Characters of a state."""


class Text(Platform):
    domain = "text"

    def _set_up(self, options: Options) -> None:
        self._commands = self._needed("command_topic", "command_template")
        self._shortest, self._longest = options.whole("min", 0), options.whole("max", LONGEST)
        if not 0 <= self._shortest <= self._longest <= LONGEST:
            raise NotUnderstood(f"'min' {self._shortest}, 'max' {self._longest}")
        self._mode = options.word("mode", "text")
        source = options.text("pattern")
        self._pattern = None if source is None else pattern(source)
        self._always |= {} if source is None else {"pattern": source}
        if not self._listen("state_topic", ("value_template",), self._read_value):
            self.optimistic = True

    def _checked(self, value: Any, what: str) -> str:
        if not isinstance(value, str):
            raise NotUnderstood(f"{what} must be a text")
        if not self._shortest <= len(value) <= self._longest:
            raise NotUnderstood(
                f"{what} has {len(value)} characters, not {self._shortest}-{self._longest}"
            )
        if self._pattern is not None and not self._pattern.fits(value):
            raise NotUnderstood(f"{what} is {value[:100]!r}, which does not fit its pattern")
        return value

    def _read_value(self, payload: str) -> Mapping[str, Any] | None:
        return {"value": self._checked(payload, "the text")}

    def _shown(self) -> tuple[str, dict[str, Any]]:
        value = self.facts.get("value")
        return "unknown" if value is None else value, {
            "min": self._shortest,
            "max": self._longest,
            "mode": self._mode,
        }

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        if service != "set_value":
            raise self._no(service)
        value = self._checked(data.get("value"), "'value'")
        self._assume(heard=True, value=value)
        return [self._commands.say(value)]
