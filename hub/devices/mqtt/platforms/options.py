"""Configurations of announced devices, and the data of services: read key by key.

Whatever does not fit raises `NotUnderstood` with the key and the value.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from hub.devices.mqtt.component import NotUnderstood
from hub.devices.mqtt.templates import Template, template

MAX_ENTRIES = 1_000
"""Of a list in a configuration."""


def finite(value: Any, what: str) -> float:
    """A number from a message, a configuration or a command. `what` it is, for the error."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        raise NotUnderstood(f"{what} must be a number, not {str(value)[:100]!r}")
    return number


def within(value: Any, low: float, high: float, what: str) -> float:
    """A number that lies in a range."""
    number = finite(value, what)
    if not low <= number <= high:
        raise NotUnderstood(f"{what} is {number:g}, not within {low:g}-{high:g}")
    return number


def one_of(value: Any, choices: Collection[str], what: str) -> str:
    """A text that is in a list."""
    if not isinstance(value, str) or value not in choices:
        known = ", ".join(list(choices)[:30])
        raise NotUnderstood(f"{what} cannot be {str(value)[:100]!r}; it knows {known}")
    return value


class Options:
    """The configuration of one device."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def __contains__(self, key: str) -> bool:
        """Whether it is there and not null."""
        return self._config.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str | None:
        """A text; numbers and true or false count, as Home Assistant takes them. An explicit null
        is None, whatever the default."""
        value = self._config.get(key, default)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool | int | float):
            return str(value)
        raise NotUnderstood(f"'{key}' must be a text")

    def word(self, key: str, default: str) -> str:
        """A text that is never missing."""
        value = self.text(key, default)
        return default if value is None else value

    def topic(self, key: str) -> str | None:
        """A topic without wildcards."""
        value = self.text(key)
        if value is None:
            return None
        if not value or len(value.encode("utf-8", "replace")) > 65_535 or set(value) & set("+#\0"):
            raise NotUnderstood(f"'{key}' is no topic: {value[:100]!r}")
        return value

    def needed(self, key: str) -> None:
        """Raises NotUnderstood if a key is missing."""
        if key not in self:
            raise NotUnderstood(f"'{key}' is missing")

    def flag(self, key: str, default: bool = False) -> bool:
        value = self._config.get(key)
        if value is None:
            return default
        match str(value).lower():
            case "true" | "yes" | "on" | "enable" | "1":
                return True
            case "false" | "no" | "off" | "disable" | "0":
                return False
        raise NotUnderstood(f"'{key}' must be true or false, not {str(value)[:100]!r}")

    def number(self, key: str, default: float) -> float:
        return finite(self._config[key], f"'{key}'") if key in self else default

    def maybe(self, key: str) -> float | None:
        """A number, or None if it is not given."""
        return finite(self._config[key], f"'{key}'") if key in self else None

    def whole(self, key: str, default: int) -> int:
        return int(self.number(key, default))

    def texts(self, key: str, default: Collection[str] = ()) -> tuple[str, ...]:
        """A list of texts."""
        value = self._config.get(key)
        if value is None:
            return tuple(default)
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list | tuple) or len(value) > MAX_ENTRIES:
            raise NotUnderstood(f"'{key}' must be a list of texts")
        if not all(isinstance(each, str | int | float) for each in value):
            raise NotUnderstood(f"'{key}' must be a list of texts")
        return tuple(str(each) for each in value)

    def template(self, *keys: str) -> Template | None:
        """The template under the first of the keys that is there."""
        for key in keys:
            source = self.text(key)
            if source is not None:
                try:
                    return template(source)
                except NotUnderstood as error:
                    raise NotUnderstood(f"'{key}': {error}") from None
        return None
