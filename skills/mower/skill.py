"""Robot lawn mowers."""

from __future__ import annotations

from hub.skill import Entities, Home, tool


@tool("HassLawnMowerStartMowing", domains=["lawn_mower"], examples=["start mowing the lawn"])
async def start(mowers: Entities, home: Home) -> None:
    """Let a robot mow the lawn."""
    await home.call("lawn_mower.start_mowing", mowers)


@tool("HassLawnMowerDock", domains=["lawn_mower"])
async def dock(mowers: Entities, home: Home) -> None:
    """Send a lawn mower back to its base."""
    await home.call("lawn_mower.dock", mowers)
