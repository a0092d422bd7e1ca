"""`hearth status`: how the running hub is, as it happens."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import config, control, terminal
from hub.errors import HearthError
from hub.options import Json
from hub.terminal import escape

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

EVERY = 0.25
"""Seconds between two looks."""
BARS = 12
"""Letters of a level meter."""
QUIETEST = -60.0
"""dB below the loudest sound there is, from which a meter shows something."""

DOING = {
    "asleep": "[dim]asleep[/]",
    "listening": "[bold cyan]listening[/]",
    "thinking": "[yellow]thinking[/]",
    "speaking": "[bold green]speaking[/]",
    "muted": "[magenta]muted[/]",
    "away": "[red]away[/]",
}
OUTCOMES = {
    "done": "[green]✓[/]",
    "unconfirmed": "[red]✗[/]",
    "asked": "[yellow]?[/]",
    "not_understood": "[dim]·[/]",
    "error": "[red]![/]",
}
STAGES = ("speech_end", "recognise", "route", "act", "first_audio", "total")


def status(
    once: Annotated[bool, typer.Option("--once", help="Show it, and end.")] = False,
    as_json: Json = False,
) -> None:
    """Show how the running hub is: rooms, turns, memory, connections, troubles. Ends with Ctrl-C.

    Looking costs nothing while nobody looks: levels are taken from the sound only then.

    [bold]Examples[/]

      hearth status
      hearth status --json
    """
    asyncio.run(_status(once or as_json or not terminal.interactive(), as_json))


async def _status(once: bool, as_json: bool) -> None:
    settings = config.load()
    if once:
        found = await _asked(settings, levels=False)
        if as_json:
            terminal.row(found)
        else:
            terminal.out.print(shown(found))
        return
    from rich.live import Live

    found = await _asked(settings, levels=True)
    with Live(shown(found), console=terminal.out, auto_refresh=False, screen=True) as live:
        while True:
            await asyncio.sleep(EVERY)
            found = await _asked(settings, levels=True)
            live.update(shown(found), refresh=True)


async def _asked(settings: config.Config, *, levels: bool) -> dict[str, Any]:
    answer = await control.ask(settings.hub.runtime, {"status": {"levels": levels}})
    if answer is None:
        raise HearthError("no hub is running here; start one with 'hearth run'")
    if "status" not in answer:
        raise HearthError("the hub that runs is of an older version; start it anew")
    found: dict[str, Any] = answer["status"]
    return found


def shown(found: dict[str, Any]) -> RenderableType:
    """A snapshot for a person."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_headline(found)]
    for title, part in (
        ("Rooms", _rooms(found["rooms"])),
        ("Turns", _turns(found["turns"])),
        ("Engines", _engines(found["engines"])),
        ("Connections", _connections(found["connections"])),
        ("Troubles", _troubles(found["troubles"])),
    ):
        if part is not None:
            parts += [Text(), Text(title, style="bold"), part]
    return Group(*parts)


def _headline(found: dict[str, Any]) -> RenderableType:
    from rich.text import Text

    devices, waiting = found["devices"], sum(found["waiting"].values())
    away = f" ({devices['unavailable']} unavailable)" if devices["unavailable"] else ""
    told = (
        f"Hearth {found['version']}, up {_length(found['uptime'])}, "
        f"{_size(found['memory']['all'])} with engines ({_size(found['memory']['hub'])} without), "
        f"{devices['known']} devices{away}, {waiting} waiting for their time"
    )
    machine = escape(str(found.get("machine", "")))
    return Text.from_markup(
        f"[bold]{escape(told)}[/]" + (f"\n[dim]{machine}[/]" if machine else "")
    )


def _rooms(rooms: list[dict[str, Any]]) -> RenderableType | None:
    if not rooms:
        return None
    table = _table(4)
    for row in rooms:
        volume = f"volume {row['volume']:.0%}" if row["volume"] is not None else ""
        table.add_row(
            escape(row["room"] or "(no room)"),
            DOING.get(row["doing"], escape(row["doing"])),
            f"[cyan]{meter(row['level'])}[/]",
            escape(row["trouble"] or volume),
        )
    return table


def meter(level: float) -> str:
    """A level (0-1) as a bar; the ear hears powers, so it is in decibels."""
    from math import log10

    loud = 20 * log10(level) if level > 0 else QUIETEST
    filled = round(max(0.0, 1 - loud / QUIETEST) * BARS)
    return "█" * filled + "·" * (BARS - filled)


def _turns(turns: list[dict[str, Any]]) -> RenderableType | None:
    if not turns:
        return None
    table = _table(5)
    for turn in turns:
        at = datetime.fromisoformat(turn["at"]).astimezone()
        stages = turn["stages_ms"]
        times = " ".join(f"{name} {stages[name]:.0f}" for name in STAGES if stages.get(name))
        table.add_row(
            f"{at:%H:%M:%S}",
            escape(turn["area"] or turn["source"]),
            f"{OUTCOMES.get(turn['outcome'], '')} {escape(turn['heard'])}",
            escape(turn["reply"]),
            f"[dim]{times}[/]",
        )
    return table


def _engines(engines: list[dict[str, Any]]) -> RenderableType | None:
    if not engines:
        return None
    table = _table(4)
    for row in engines:
        table.add_row(
            escape(row["engine"]),
            "[green]up[/]" if row["up"] else "[dim]not started[/]",
            _size(row["memory"]),
            escape(row["trouble"] or _restarts(row["restarts"])),
        )
    return table


def _connections(connections: list[dict[str, Any]]) -> RenderableType | None:
    if not connections:
        return None
    table = _table(3)
    for row in connections:
        mark = "[green]✓[/]" if row["up"] else "[red]✗[/]"
        table.add_row(f"{mark} {row['kind']}", escape(row["name"]), escape(row["trouble"] or ""))
    return table


def _troubles(troubles: list[dict[str, str]]) -> RenderableType | None:
    if not troubles:
        return None
    table = _table(2)
    for row in troubles:
        table.add_row(f"[red]{escape(row['what'])}[/]", escape(row["why"]))
    return table


def _table(columns: int) -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(columns):
        table.add_column(overflow="fold")
    return table


def _size(size: int | None) -> str:
    return f"{size / 2**20:.0f} MB" if size else ""


def _restarts(count: int) -> str:
    return f"started again {count} times" if count > 1 else "started again once" if count else ""


def _length(seconds: float) -> str:
    days, rest = divmod(round(seconds), 86400)
    hours, minutes = rest // 3600, rest // 60 % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest % 60} s"
