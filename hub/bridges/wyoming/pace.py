"""How fast clients may ask, each by its address: who asks without end takes nobody's turn."""

from __future__ import annotations

from hub.packs.link import Rate

PER_SECOND = 10.0
"""Requests that an address may make for as long as it likes. Home Assistant makes some eight for a
command, for whoever in the house speaks with it."""
BURST = 100.0
"""Requests that it may make at once: ten rooms in which somebody speaks."""
MOST_KNOWN = 256
"""Addresses that are remembered, those that came last."""


class Pace:
    """What each address has asked lately."""

    def __init__(self) -> None:
        self._rates: dict[str, Rate] = {}

    def allows(self, host: str) -> bool:
        """Count a request; whether it may be made now."""
        rate = self._rates.pop(host, None) or Rate(PER_SECOND, BURST)
        self._rates[host] = rate  # the last one now
        if len(self._rates) > MOST_KNOWN:
            del self._rates[next(iter(self._rates))]
        return rate.allows()
