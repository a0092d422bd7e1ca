"""What the page needs of the running hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from hub.app import Hub
    from hub.bridges.ears import Ears
    from hub.bridges.seeing.snapshot import Seeing


class Eraser(Protocol):
    """Erases what is kept (`hub.privacy.eraser.Eraser`)."""

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """A hub, and what stands around it."""

    hub: Hub
    seeing: Seeing
    ears: Ears | None = None
    """Of the hub's own microphone."""
    eraser: Eraser | None = None
    changed: Callable[[], None] = lambda: None
    """Is called when microphone or volume are other than before, for others who show them."""
