"""What the hub keeps about people: listed, exported, erased.

Everything that is kept is a file in the data folder or the cache folder. Each kind has a `Kept` in
`places`, and what no `Kept` claims is told, too, so that nothing is overlooked. Nobody else has the
files open while something is erased: a running hub puts itself away for that moment (`eraser`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is of something."""

    count: int
    since: datetime | None = None
    """When the oldest of it was kept, if that is known."""


class Kept(Protocol):
    """One kind of what is kept. All of it may raise StorageError."""

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> str:
        """One line for people."""
        ...

    @property
    def how_long(self) -> str: ...

    def files(self) -> Sequence[Path]:
        """Those that there are: with former generations, and what was set aside as damaged."""
        ...

    async def extent(self) -> Extent: ...

    async def export(self) -> Any:
        """All of it, as JSON."""
        ...

    async def erase(self, person: str | None = None) -> int:
        """Erase all of it, or what is of one person. How many entries."""
        ...
