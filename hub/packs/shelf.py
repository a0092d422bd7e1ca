"""The packs on this machine: what is installed, what each may do, and that it is still the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.packs.description import Pack, PackError, Permissions, Value

ToolMetadata = Mapping[str, Any]
"""A tool as MCP's `tools/list` gives it: name, description, inputSchema, _meta."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A pack on the shelf, in the version that is used."""

    pack: Pack
    folder: Path
    """Its content, content-addressed and read-only."""
    digest: str
    """sha256 (hex) of its manifest, which holds the sha256 of every file."""
    granted: Permissions
    """What the owner said yes to; never more than the pack asks for."""
    settings: Mapping[str, Value]
    """With the defaults for what was not given."""
    enabled: bool
    """Whether the owner wants it used. A pack that is `refused` is not, all the same."""
    signed: bool
    key_id: str | None
    """Of the key it is signed with, as minisign prints it (16 hex digits)."""
    source: str = ""
    """Where it came from, and updates are looked for."""
    refused: str = ""
    """Why it may not be used though it is enabled: the owner's denylist. Empty if it may."""
    tools: Sequence[ToolMetadata] | None = field(default=None)
    """What `on_installed` told of it; None if it has not been asked yet."""

    @property
    def usable(self) -> bool:
        return self.enabled and not self.refused


OnInstalled = Callable[[Installed], Sequence[ToolMetadata] | None]
"""Starts a pack once, when it is enabled for the first time, and returns its tools. PackError or
SkillError that it raises refuse the pack."""


class Shelf:
    """`folder` is `packs` in the hub's data folder; it is made when it is first written to."""

    def __init__(self, folder: Path, on_installed: OnInstalled | None = None) -> None:
        self.folder = folder
        self._on_installed = on_installed

    def installed(self) -> list[Installed]:
        """All packs, by id. One that is damaged is left out: see `problems`."""
        raise NotImplementedError

    def problems(self) -> list[PackError]:
        """Packs that are on the shelf and cannot be read."""
        raise NotImplementedError

    def get(self, pack_id: str) -> Installed:
        """One of them. Raises PackError if there is none of that id."""
        raise NotImplementedError

    def verify(self, installed: Installed) -> None:
        """Hash all of it again, and check its signature against the pinned key and the denylist.

        To be called before each start. Raises PackError."""
        raise NotImplementedError

    def keep_tools(self, installed: Installed, tools: Sequence[ToolMetadata]) -> None:
        """Keep what a pack said of its tools beside its entry, for this very content (digest)."""
        raise NotImplementedError
