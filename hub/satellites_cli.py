"""`hearth satellites`: the rooms elsewhere, and how they are."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from hub import config, terminal
from hub.control import ask
from hub.errors import HearthError
from hub.options import Json
from hub.terminal import escape

satellites_app = typer.Typer(
    help="""Satellites: microphones and loudspeakers in other rooms.

    They are named in the settings, `[rooms.Kitchen] satellite = "tcp://192.168.1.30:10700"`.

    [bold]Examples[/]

      hearth satellites
      hearth satellites tone kitchen
    """,
    rich_markup_mode="rich",
)


@satellites_app.callback(invoke_without_command=True)
def satellites(context: typer.Context, as_json: Json = False) -> None:
    """Without a command: show them."""
    if context.invoked_subcommand is None:
        for row in _asked({}):
            _show(row, as_json)


@satellites_app.command()
def tone(room: Annotated[str, typer.Argument(help="The room.")], as_json: Json = False) -> None:
    """Play a tone in a room, to find out which satellite that is."""
    for row in _asked({"tone": room}):
        if row["room"].casefold() == room.casefold():
            _show(row, as_json)


def _asked(request: dict[str, Any]) -> list[dict[str, Any]]:
    """What the running hub says of them. Raises HearthError."""
    settings = config.load()
    if not any(room.elsewhere for room in settings.rooms.values()):
        raise HearthError(
            "the settings name no satellite; one is named by "
            '[rooms.Kitchen] satellite = "tcp://192.168.1.30:10700"'
        )
    answer = asyncio.run(ask(settings.hub.runtime, {"satellites": request}))
    if answer is None:
        raise HearthError("no hub is running here; start one with 'hearth run'")
    if "error" in answer:
        raise HearthError(answer["error"])
    found: list[dict[str, Any]] = answer["satellites"]
    return found


def _show(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        terminal.row(row)
        return
    mark = "[green]✓[/]" if row["connected"] else "[red]✗[/]"
    turns = f"{row['turns']} turns" if row["turns"] != 1 else "1 turn"
    told = turns if row["connected"] else row["trouble"] or "not there yet"
    terminal.out.print(
        f"{mark} {escape(row['room'])} [dim]{escape(row['address'])}[/] {escape(told)}"
    )
