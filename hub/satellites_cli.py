"""`hearth satellites`: the rooms elsewhere, and how they are."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from hub import config, terminal
from hub.control import ask
from hub.errors import ConfigError, HearthError, reason
from hub.options import Json
from hub.terminal import escape

if TYPE_CHECKING:
    from hub.bridges.satellites.esphome_link import EsphomeAddress

satellites_app = typer.Typer(
    help="""Satellites: microphones and loudspeakers in other rooms.

    They are named in the settings, `[rooms.Kitchen] satellite = "tcp://192.168.1.30:10700"` of one
    that speaks Wyoming, `"esphome://kitchen-satellite.local"` of one of ESPHome's.

    [bold]Examples[/]

      hearth satellites
      hearth satellites list
      hearth satellites pair kitchen esphome://kitchen-satellite.local
      hearth satellites tone kitchen
      hearth satellites volume kitchen 40
    """,
    rich_markup_mode="rich",
)


@satellites_app.callback(invoke_without_command=True)
def satellites(context: typer.Context, as_json: Json = False) -> None:
    """Without a command: show them."""
    if context.invoked_subcommand is None:
        for row in _asked({}):
            _show(row, as_json)


Room = Annotated[str, typer.Argument(help="The room.")]


@satellites_app.command()
def tone(room: Room, as_json: Json = False) -> None:
    """Play a tone in a room, to find out which satellite that is."""
    _do(room, {"tone": True}, as_json)


@satellites_app.command()
def volume(
    room: Room,
    percent: Annotated[int, typer.Argument(min=0, max=100, help="0-100.")],
    as_json: Json = False,
) -> None:
    """Set how loud a satellite speaks."""
    _do(room, {"volume": percent}, as_json)


@satellites_app.command()
def mute(
    room: Room,
    off: Annotated[bool, typer.Option("--off", help="Let it hear again.")] = False,
    as_json: Json = False,
) -> None:
    """Mute a satellite's microphone, where it has a switch for that."""
    _do(room, {"mute": not off}, as_json)


@satellites_app.command("list")
def list_(as_json: Json = False) -> None:
    """Look for ESPHome's devices and Wyoming satellites in the local network, some seconds.

    Whether one of ESPHome's is a voice satellite it tells only when it is called, by 'hearth
    satellites pair'.
    """
    from hub.bridges.satellites.finding import find

    settings = config.load().rooms
    rooms = {_place(each.satellite): name for name, each in settings.items() if each.satellite}
    found = asyncio.run(find())
    if not found and not as_json:
        terminal.out.print("no satellite has announced itself in the local network")
    for each in found:
        room = rooms.get(_place(each.uri)) or rooms.get((each.host, each.port))
        if as_json:
            terminal.row(
                {
                    "name": each.name,
                    "title": each.title,
                    "address": each.uri,
                    "speaks": each.speaks,
                    "host": each.host,
                    "encrypted": each.encrypted,
                    "made_by": each.made_by,
                    "room": room,
                }
            )
            continue
        key = "encrypted" if each.encrypted else "[yellow]not encrypted[/]"
        where = f"in [bold]{escape(room)}[/]" if room else "no room's"
        terminal.out.print(
            f"{escape(each.title)} [dim]{escape(each.uri)} {escape(each.host)}[/] {key}, {where}"
        )
        if room is None:
            terminal.out.print(f'  \\[rooms.NAME]\n  satellite = "{escape(each.uri)}"')


@satellites_app.command()
def pair(
    room: Room,
    address: Annotated[
        str | None,
        typer.Argument(help="Such as esphome://kitchen-satellite.local; else as in the settings."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file", help="A file with the key; '-': standard input. Else asked for."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try a satellite of ESPHome's, and keep its encryption key for the hub.

    The key stands in its YAML under `api: encryption: key:`. It is kept only if it fits."""
    from hub.bridges.satellites.esphome_link import parse_esphome
    from hub.bridges.satellites.keys import checked, keep

    settings = config.load()
    named = next(
        ((name, each) for name, each in settings.rooms.items() if _same(name, room)), (room, None)
    )
    uri = address or (named[1].satellite if named[1] else None)
    if uri is None:
        raise ConfigError(
            f"{room} has no satellite in the settings: name its address, such as "
            "esphome://kitchen-satellite.local ('hearth satellites list' finds them)"
        )
    where = parse_esphome(uri)
    key = _key(key_file)
    if key is not None:
        checked(key, "the key")
    found = asyncio.run(_tried(where, key))
    kept = keep(named[0], key, settings.hub.data) if key is not None else None
    if as_json:
        terminal.row(
            {"room": named[0], "address": uri, "key": str(kept) if kept else None, **found}
        )
        return
    terminal.out.print(f"[green]✓[/] {escape(found['title'])} [dim]{escape(found['version'])}[/]")
    for ability in found["abilities"]:
        terminal.out.print(f"  {ability}")
    if kept is None:
        terminal.out.print("  [yellow]it does not encrypt: who is in your network can listen in[/]")
    else:
        terminal.out.print(f"  its key is kept in {escape(str(kept))}")
    if named[1] is None or named[1].satellite != uri:
        terminal.out.print(
            "Now write this into the settings ('hearth config' tells where), "
            f'and start the hub again:\n\n\\[rooms."{escape(room)}"]\nsatellite = "{escape(uri)}"',
            markup=True,
        )


async def _tried(where: EsphomeAddress, key: str | None) -> dict[str, Any]:
    """What a satellite is and can. Raises EngineError."""
    from hub.bridges.satellites.esphome import EsphomeSatellite
    from hub.bridges.satellites.esphome_link import esphome_device

    async with esphome_device(where, key, hint="the right key here") as device:
        satellite = EsphomeSatellite(where, device)
        return {
            "title": device.title,
            "version": f"ESPHome {device.info.esphome_version}",
            "abilities": satellite.abilities(),
        }


def _key(file: Path | None) -> str | None:
    """The key; None for none. Raises HearthError."""
    if file is None:
        asked: str = typer.prompt("Its key (empty: it has none)", default="", hide_input=True)
        return asked.strip() or None
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {reason(error)}") from error
    return text.strip() or None


def _place(uri: str | None) -> tuple[str, int] | None:
    """Host and port of an address; None for what is none."""
    parts = urlsplit(uri or "")
    try:
        port = parts.port
    except ValueError:
        return None
    return (parts.hostname, port or 6053) if parts.hostname else None


def _same(one: str, other: str) -> bool:
    from hub.home.things import normal

    return normal(one) == normal(other)


def _do(room: str, what: dict[str, Any], as_json: bool) -> None:
    """Do something to the satellite in a room."""
    for row in _asked({"room": room, **what}):
        if _same(row["room"], room):
            _show(row, as_json)


def _asked(request: dict[str, Any]) -> list[dict[str, Any]]:
    """What the running hub says of them. Raises HearthError."""
    settings = config.load()
    if not any(room.elsewhere for room in settings.rooms.values()):
        raise HearthError(
            "the settings name no satellite; one is named by "
            '[rooms.Kitchen] satellite = "tcp://192.168.1.30:10700" or '
            "\"esphome://kitchen-satellite.local\" ('hearth satellites list' finds them)"
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
    if row["connected"] and row["volume"] is not None:
        told += f", volume {row['volume']} %"
    if row["muted"]:
        told += ", muted"
    terminal.out.print(
        f"{mark} {escape(row['room'])} [dim]{escape(row['address'])}[/] {escape(told)}"
    )
