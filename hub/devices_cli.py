"""`hearth devices`: show the home, and change what devices are called and what voice may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from hub import config, terminal
from hub.config import Config
from hub.daily.lists import NAME as LISTS
from hub.errors import HearthError
from hub.home.model import Home
from hub.options import PATIENCE, HomeFile, Json
from hub.terminal import escape

devices_app = typer.Typer(
    help="""Show the home: floors, rooms, devices and their states; or change a device.

    [bold]Examples[/]

      hearth devices --watch
      hearth devices --home flat.yaml
      hearth devices rename light.0x00158d0001 "Reading Lamp"
      hearth devices allow lock.front_door
    """,
    rich_markup_mode="rich",
)

Device = Annotated[str, typer.Argument(help="Its id, or what it is called.")]


@devices_app.callback(invoke_without_command=True)
def devices(
    context: typer.Context,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show changes as they come.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Also what is hidden from voice.")
    ] = False,
    home: HomeFile = None,
    as_json: Json = False,
) -> None:
    """Without a command: show the home."""
    if context.invoked_subcommand is None and not asyncio.run(
        _show(watch, everything, home, as_json)
    ):
        raise typer.Exit(1)


@devices_app.command()
def rename(
    device: Device,
    name: Annotated[str | None, typer.Argument(help="Its new name; none: its own one.")] = None,
    as_json: Json = False,
) -> None:
    """Call a device something else.

    [bold]Examples[/]

      hearth devices rename light.0x00158d0001 "Reading Lamp"
    """
    _edit(device, "rename", [name] if name else [], as_json)


@devices_app.command()
def alias(
    device: Device,
    names: Annotated[list[str] | None, typer.Argument(help="All its other names.")] = None,
    as_json: Json = False,
) -> None:
    """Give a device other names that it is known by as well; without any, those of its source.

    [bold]Examples[/]

      hearth devices alias "Ceiling Light" "big light" "main light"
    """
    _edit(device, "alias", list(names or ()), as_json)


@devices_app.command()
def area(
    device: Device,
    room: Annotated[str | None, typer.Argument(help="The room; none: as its source says.")] = None,
    as_json: Json = False,
) -> None:
    """Say in which room a device is. A room that there is not is made.

    [bold]Examples[/]

      hearth devices area light.shelf Office
    """
    _edit(device, "area", [room] if room else [], as_json)


@devices_app.command()
def hide(device: Device, as_json: Json = False) -> None:
    """Let voice know nothing of a device."""
    _edit(device, "hide", [], as_json)


@devices_app.command()
def show(device: Device, as_json: Json = False) -> None:
    """Let voice know of a device, even if its source hides it."""
    _edit(device, "show", [], as_json)


@devices_app.command()
def allow(device: Device, as_json: Json = False) -> None:
    """Let voice act on a lock, an alarm, a garage door or an oven. It still asks before it opens.

    [bold]Examples[/]

      hearth devices allow lock.front_door
    """
    _edit(device, "allow", [], as_json)


@devices_app.command()
def deny(device: Device, as_json: Json = False) -> None:
    """Let voice no longer act on a lock, an alarm, a garage door or an oven."""
    _edit(device, "deny", [], as_json)


@devices_app.command()
def reset(device: Device, as_json: Json = False) -> None:
    """Forget all that was changed about a device here."""
    _edit(device, "reset", [], as_json)


async def _show(watch: bool, everything: bool, home_file: Path | None, as_json: bool) -> bool:
    """Whether there is anything to show: with no source in reach there is not."""
    from hub.app import follow_states
    from hub.home.view import describe_change, home_table
    from hub.home.wire import row

    settings = config.load()
    async with looked_at(settings, home_file) as (home, reached):
        if as_json:
            hidden = home.hidden.values() if everything else ()
            for entity in (*home.entities.values(), *hidden):
                terminal.row(row(home, entity))
        else:
            terminal.out.print(home_table(home, everything=everything))
        if watch:
            async for change in follow_states(settings, home):
                if as_json:
                    told = {"entity_id": change.entity_id, "state": change.state}
                    terminal.row(told | {"attributes": dict(change.attributes)})
                else:
                    terminal.out.print(escape(describe_change(home, change)))
    return reached


def _in_reach(troubles: Mapping[str, Any]) -> bool:
    """Whether any source of devices is. The hub's own lists always are, and are no home."""
    told = [trouble for name, trouble in troubles.items() if name != LISTS]
    return not told or not all(told)


@asynccontextmanager
async def looked_at(settings: Config, home_file: Path | None) -> AsyncIterator[tuple[Home, bool]]:
    """The home of the running hub, or else the home itself; and whether any of its sources is in
    reach. Those that are not are told."""
    from hub import control
    from hub.app import open_home
    from hub.home.wire import from_json

    answer = None
    if home_file is None:
        answer = await control.ask(settings.hub.runtime, {"devices": True})
    if answer is not None:
        # What is open here for the first time tells of its troubles itself.
        health = await control.ask(settings.hub.runtime, {"health": True}) or {}
        sources = health.get("sources", {})
        for name, lost in sources.items():
            if lost:
                terminal.fail(f"{name}: {lost['reason']}")
        yield from_json(answer["home"]), _in_reach(sources)
        return
    async with open_home(settings, home_file) as home:
        yield home, _in_reach(home.troubles)


def _edit(device: str, change: str, words: list[str], as_json: bool) -> None:
    row = asyncio.run(edited(device, change, words))
    if as_json:
        terminal.row(row)
        return
    names = "".join(f", also “{name}”" for name in row["aliases"])
    room = row["area"] or "no room"
    limits = " It is hidden from voice." if row["hidden"] else ""
    if row["barred"]:
        limits += " Voice must not act on it."
    terminal.out.print(
        f"[bold]{escape(row['entity_id'])}[/]: “{escape(row['name'])}”{escape(names)}, "
        f"{escape(room)}.{limits}"
    )


async def edited(device: str, change: str, words: list[str]) -> dict[str, Any]:
    """Have it changed by the running hub, or do it here. Raises HearthError."""
    from hub import control
    from hub.app import lock, open_home
    from hub.home.edit import edit
    from hub.home.wire import row

    settings = config.load()
    request = {"edit": change, "device": device, "words": words}
    answer = await control.ask(settings.hub.runtime, request)
    if answer is not None:
        if "device" not in answer:
            raise HearthError(answer.get("error", "the hub did not understand; is it of now?"))
        found: dict[str, Any] = answer["device"]
        return found
    async with lock(settings, patience=PATIENCE), open_home(settings) as home:
        changed = row(home, edit(home, device, change, words))
        await home.kept()
        return changed
