"""`hearth trust`: what voice may do with each device, the PIN, and what was decided."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from hub import config, terminal
from hub.devices_cli import edited, looked_at
from hub.errors import HearthError, StorageError, reason
from hub.options import HomeFile, Json
from hub.terminal import escape

trust_app = typer.Typer(
    help="""Show what voice may do with each device, and what has to come first.

    [bold]Examples[/]

      hearth trust
      hearth trust pin set
      hearth trust allow "Front Door" pin
      hearth trust decisions
    """,
    rich_markup_mode="rich",
)
pin_app = typer.Typer(help="The PIN that lets voice unlock and disarm.")
trust_app.add_typer(pin_app, name="pin")

MEANINGS = {
    "R0": "only tells",
    "R1": "just done",
    "R2": "after a yes",
    "R3": "after a PIN or a tap",
}


@trust_app.callback(invoke_without_command=True)
def trust(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Also what is just done.")
    ] = False,
    home: HomeFile = None,
    as_json: Json = False,
) -> None:
    """Without a command: list what is asked for first, or opened only by a PIN or a tap."""
    if context.invoked_subcommand is None:
        asyncio.run(_show(everything, home, as_json))


async def _show(everything: bool, home_file: Any, as_json: bool) -> None:
    from rich.table import Table

    from hub.app import trusted
    from hub.policy.words import WHY, text

    settings = config.load()
    policy = trusted(settings)
    language = settings.hub.languages[0]
    rows = []
    async with looked_at(settings, home_file) as (home, _):
        for entity in sorted(home.entities.values(), key=lambda each: each.entity_id):
            found = policy.highest(entity)
            if found.risk in ("R0", "R1") and not everything:
                continue
            factor = policy.factor([entity]) if found.risk == "R3" else ""
            area = home.area_of(entity)
            rows.append(
                {
                    "entity_id": entity.entity_id,
                    "name": entity.name,
                    "area": area.name if area else None,
                    "class": found.risk,
                    "why": text(WHY[found.why], language),
                    "first": _first(found.risk, factor),
                    "barred": entity.barred,
                }
            )
    if as_json:
        for row in rows:
            terminal.row(row)
        return
    table = Table("device", "room", "class", "first", "why", header_style="bold", box=None)
    for row in rows:
        first = f"{row['first']}, not allowed yet" if row["barred"] else str(row["first"])
        table.add_row(
            escape(f"{row['name']} ({row['entity_id']})"),
            escape(str(row["area"] or "")),
            str(row["class"]),
            first,
            escape(str(row["why"])),
        )
    terminal.out.print(table)
    if policy.pin is not None and policy.pin.there:
        minutes = policy.pin.locked() / 60
        state = f"is not taken for {minutes:.0f} minutes" if minutes else "is set"
        terminal.out.print(f"The PIN {state}.")
    else:
        told = "No PIN is set: 'hearth trust pin set' sets one."
        terminal.out.print(escape(told))


def _first(risk: str, factor: str) -> str:
    if risk != "R3":
        return {"R2": "a yes"}.get(risk, "nothing")
    return {"pin": "the PIN", "phone": "a tap", "no": "never"}.get(factor, "a PIN or a tap")


@trust_app.command()
def allow(
    device: Annotated[str, typer.Argument(help="Its id, or what it is called.")],
    how: Annotated[str, typer.Argument(help="pin, phone, or no.")],
    as_json: Json = False,
) -> None:
    """Let voice open a lock, a door or a garage, or disarm an alarm: after the PIN, or a tap on the
    phone. `no` takes that back, and voice leaves it alone.

    [bold]Examples[/]

      hearth trust allow lock.front_door pin
      hearth trust allow "Garage Door" phone
    """
    if how not in ("pin", "phone", "no"):
        raise typer.BadParameter(f"'{how}' lets nobody in; known are pin, phone and no")
    row = asyncio.run(edited(device, "trust", [how]))
    if as_json:
        terminal.row(row)
        return
    name = f"[bold]{escape(row['entity_id'])}[/] “{escape(row['name'])}”"
    if how == "no":
        terminal.out.print(f"Voice leaves {name} alone.")
        return
    first = "the PIN was said" if how == "pin" else "a tap on the phone"
    terminal.out.print(f"Voice opens {name} after {first}.")
    if how == "pin" and not _pin().there:
        terminal.out.print(escape("There is no PIN yet: 'hearth trust pin set' sets one."))


@trust_app.command()
def reviewed() -> None:
    """After the file of what was set about the devices was lost (the log and 'hearth doctor' say
    so): voice opens again what 'hearth trust' now lists. Set again first what is missing there.

    [bold]Examples[/]

      hearth trust reviewed
    """
    from hub.app import LOST

    lost = config.load().hub.data / LOST
    if not lost.exists():
        raise HearthError("nothing was lost: there is nothing to look at")
    try:
        lost.unlink()
    except OSError as error:
        raise StorageError(f"{lost}: cannot be removed: {reason(error)}") from error
    terminal.out.print("What 'hearth trust' lists counts from now on.")


@pin_app.command(name="set")
def set_pin() -> None:
    """Set the PIN: 4 to 12 digits, asked for twice where a person types; else a line of standard
    input. It is kept as a hash alone.

    [bold]Examples[/]

      hearth trust pin set
    """
    if sys.stdin is not None and sys.stdin.isatty():
        pin = typer.prompt("PIN", hide_input=True, confirmation_prompt=True, err=True)
    else:
        pin = (sys.stdin.readline() if sys.stdin is not None else "").strip()
    _pin().set(str(pin))
    terminal.out.print("The PIN is set, at once, also for a hub that is running.")


@pin_app.command(name="remove")
def remove_pin() -> None:
    """Remove the PIN. What it opened is opened by a tap on the phone alone from then on."""
    if not _pin().remove():
        raise HearthError("there is no PIN")
    terminal.out.print("The PIN is removed.")


@trust_app.command()
def decisions(
    count: Annotated[int, typer.Option("--last", min=1, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what was asked for, done after a PIN or a tap, or refused. Ends with 1 if somebody has
    changed or removed a row.

    [bold]Examples[/]

      hearth trust decisions --last 50
    """
    from hub.app import trusted

    kept = list(trusted(config.load()).audit.checked())
    _shown([row for row, _ in kept[-count:]], as_json)
    if altered := [row for row, fits in kept if not fits]:
        raise HearthError(
            f"somebody has changed or removed what was written here, or a Hearth of before there "
            f"were hashes has written since: the row of {altered[0].get('at', 'an unknown time')} "
            f"is not as it was, or does not follow the one before ({len(altered)} such)"
        )


def _shown(rows: list[dict[str, Any]], as_json: bool) -> None:
    for row in rows:
        if as_json:
            terminal.row(row)
            continue
        devices = ", ".join(row.get("entities", ()))
        what = " ".join(filter(None, (row.get("service") or row.get("tool"), devices)))
        place = f" in {row['area']}" if row.get("area") else ""
        at, risk, decision, why = (
            str(row.get(key, "?")) for key in ("at", "risk", "decision", "why")
        )
        line = f"{at[:19]}  {risk}  {decision}: {what}{place} ({why})"
        terminal.out.print(escape(line), soft_wrap=True)


def _pin() -> Any:
    from hub.app import trusted

    pin = trusted(config.load()).pin
    assert pin is not None
    return pin
