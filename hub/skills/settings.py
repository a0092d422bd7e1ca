"""What people have set for the skills that run in the hub's own process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from hub.packs.description import FILE, read
from hub.skill import Settings
from hub.skills.handling import Handler, Turn


class SkillSettings:
    """Gives each skill its `Settings`: what is set, else the defaults of its `pack.toml`."""

    def __init__(self, given: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """`given`: skill -> name -> value."""
        self._given = dict(given or {})

    def of(self, handler: Handler, turn: Turn) -> Settings:
        """Raises PackError for a `pack.toml` that is wrong."""
        folder = Path(handler.tool.function.__code__.co_filename).parent
        return Settings({**_defaults(folder), **self._given.get(handler.skill, {})})


@lru_cache(64)
def _defaults(folder: Path) -> dict[str, Any]:
    if not (folder / FILE).is_file():
        return {}
    settings = read(folder).settings
    return {name: each.default for name, each in settings.items() if each.default is not None}
