"""The services for daily things, as the settings want them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.config import Config
from hub.daily import calendars, library
from hub.daily.writer import Writer
from hub.ports import ChatModel, LanguageModel


class Daily:
    """What skills for daily things are given.

    `kept` tells where a file of the data folder is, or that nothing is kept; `file` is that of the
    language model, if it is one on this machine."""

    def __init__(
        self,
        config: Config,
        kept: Callable[[str], Path | None],
        model: LanguageModel | ChatModel | None = None,
        file: Callable[[], Path | None] = lambda: None,
    ) -> None:
        settings = config.skills.settings
        self.calendars = calendars.opened(settings.get("calendar", {}), kept("calendars"))
        self.library = library.opened(settings.get("documents", {}), kept("documents.db"))
        self.writer = Writer(model, file=file)

    def services(self) -> dict[str, Any]:
        """By their names in `hub/skill/services.py`."""
        return {"calendars": self.calendars, "library": self.library, "writer": self.writer}

    async def close(self) -> None:
        await self.calendars.close()
        await self.library.close()
