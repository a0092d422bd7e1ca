"""Percentages and the scales of devices, rounded as Home Assistant rounds them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hub.devices.mqtt.component import NotUnderstood


@dataclass(frozen=True, slots=True)
class Scale:
    """A device's numbers for 0 % and 100 %. `bottom` may be the greater one: then it is turned."""

    bottom: float
    top: float

    def __post_init__(self) -> None:
        if self.bottom == self.top:
            raise NotUnderstood(f"a scale from {self.bottom:g} to {self.top:g} has no range")

    def percent(self, value: float) -> int:
        """What a device's number means, 0-100 if it is within the scale."""
        return math.floor((value - self.bottom) * 100 / (self.top - self.bottom) + 1e-9)

    def value(self, percent: float) -> float:
        """The device's number for a percentage, not rounded."""
        return self.bottom + (self.top - self.bottom) * percent / 100


def clamped(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))
