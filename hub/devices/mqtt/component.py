"""What stands between the broker and one announced device: the contract of all platforms.

`discovery` reads announcements, `platforms` turns the configuration of each into a `Component`,
and `source` keeps them, feeds them what the broker delivers, and publishes what they want said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class NotUnderstood(ValueError):
    """A configuration, a payload or a template that makes no sense; the message says why, and
    names the key. It costs that device or that message, nothing else."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A message for the broker."""

    topic: str
    payload: str
    qos: int = 0
    retain: bool = False


class Component(Protocol):
    """One announced entity. Made from its configuration with all keys in their long form and `~`
    filled in; raises `NotUnderstood` if that cannot work.

    States and attributes are those that Home Assistant's own MQTT integration would show."""

    domain: str
    """Home Assistant's domain of the entity it becomes: number, select, event, text, ... too."""
    device_class: str | None
    features: int | None
    """Home Assistant's bit set of what its configuration has topics for."""
    topics: Mapping[str, int]
    """Topics it wants to hear -> QoS. Those for availability are not among them."""
    state: str
    """`unknown` before anything was heard."""
    attributes: Mapping[str, Any]

    def receive(self, topic: str, payload: str) -> None:
        """Take a message on one of its topics. Raises `NotUnderstood`; then nothing changed."""
        ...

    def command(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        """What has to be published for a service of its domain, in this order. An optimistic one
        (`optimistic`, or no state topic) has its new state at once.

        Raises `NotUnderstood` for a service or a value that it does not have."""
        ...
