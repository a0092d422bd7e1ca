"""The services for daily things, as the settings want them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.config import Config
from hub.daily import calendars

CALENDAR = "calendar.ics"
"""The hub's own calendar, in its data folder."""


class Daily:
    """What skills for daily things are given. `folder`: where what people keep with the hub is;
    None where nothing is kept."""

    def __init__(self, config: Config, folder: Path | None) -> None:
        settings = config.skills.settings
        own = folder / CALENDAR if folder is not None else None
        self.calendars = calendars.opened(settings.get("calendar", {}), own)

    def services(self) -> dict[str, Any]:
        """By their names in `hub/skill/services.py`."""
        return {"calendars": self.calendars}

    async def close(self) -> None:
        await self.calendars.close()
