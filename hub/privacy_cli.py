"""`hearth privacy`: what is kept about people, all of it as a file, and an end of it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hub import config, control, terminal
from hub.config import Config
from hub.errors import HearthError, reason
from hub.options import PATIENCE, Json
from hub.terminal import escape

privacy_app = typer.Typer(
    help="""What is kept about people: show it, take it with you, erase it.

    [bold]Examples[/]

      hearth privacy show
      hearth privacy export mine.json
      hearth privacy erase --person Sam
    """,
    rich_markup_mode="rich",
    no_args_is_help=True,
)

SOON = 1.0
"""Seconds within which a running hub has written what it was told."""
RETURN = 90.0
"""Seconds that a hub may take to come back."""


@privacy_app.command()
def show(as_json: Json = False) -> None:
    """Tell what is kept, how much of it, since when, and for how long.

    [bold]Examples[/]

      hearth privacy show
      hearth privacy show --json
    """
    asyncio.run(_show(config.load(), as_json))


async def _show(settings: Config, as_json: bool) -> None:
    from rich.table import Table

    from hub.privacy.files import size_of
    from hub.privacy.places import everything, unclaimed
    from hub.privacy.sound import warning

    table = Table(
        "kind", "what", "entries", "since", "kept for", "size", header_style="bold", box=None
    )
    for kept in everything(settings):
        extent = await kept.extent()
        files = kept.files()
        size = size_of(files)
        if as_json:
            terminal.row(
                {
                    "kind": kept.name,
                    "about": kept.about,
                    "entries": extent.count,
                    "since": extent.since.isoformat() if extent.since else None,
                    "kept_for": kept.how_long,
                    "bytes": size,
                    "files": [str(path) for path in files],
                }
            )
        elif extent.count or size:
            since = f"{extent.since.astimezone():%Y-%m-%d %H:%M}" if extent.since else ""
            row = (kept.name, kept.about, str(extent.count), since, kept.how_long, _size(size))
            table.add_row(*map(escape, row))
    if kept_sound := warning(settings, datetime.now(UTC)):
        terminal.fail(kept_sound)
    if as_json:
        return
    if not table.row_count:
        terminal.out.print("Nothing is kept.")
    else:
        terminal.out.print(table)
    terminal.out.print(
        escape(f"All of it is in {settings.hub.data} and {settings.hub.cache}, and nowhere else."),
        soft_wrap=True,
    )
    for path in unclaimed(settings):
        terminal.out.print(escape(f"also there: {path}"), soft_wrap=True)


def _size(size: int) -> str:
    return f"{size / 1024:.0f} KB" if size < 2**20 else f"{size / 2**20:.1f} MB"


@privacy_app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A file that there is not yet.")],
) -> None:
    """Write everything that is kept into one JSON file, which only you can read.

    [bold]Examples[/]

      hearth privacy export mine.json
    """
    counts = asyncio.run(_export(config.load(), file))
    terminal.out.print(escape(f"{file}: {counts} entries"))


async def _export(settings: Config, file: Path) -> int:
    from hub.privacy.eraser import export as exported

    if await control.ask(settings.hub.runtime, {"health": True}) is not None:
        await asyncio.sleep(SOON)
    kept = await exported(settings)
    document = {"exported_at": datetime.now(UTC).isoformat(timespec="seconds"), **kept}
    text = json.dumps(document, ensure_ascii=False, indent=1, default=str)
    await asyncio.to_thread(_write, file, text)
    return sum(len(rows) for rows in kept.values() if isinstance(rows, list))


def _write(file: Path, text: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        raise HearthError(f"{file}: cannot be written: {reason(error)}") from error


@privacy_app.command()
def erase(
    person: Annotated[
        str | None, typer.Option("--person", help="Only what is of one person, by the name.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Erase everything that is kept, or what is known to be of one person.

    A running hub puts itself away for that moment and comes back by itself. Backups that you have
    made are not touched.

    [bold]Examples[/]

      hearth privacy erase
      hearth privacy erase --person Sam --yes
    """
    what = f"all that is known to be of {person}" if person else "all that is kept about people"
    if not yes and not typer.confirm(
        f"Erase {what}? That cannot be undone ('hearth privacy export' keeps a copy)."
    ):
        raise typer.Exit(1)
    erased = asyncio.run(_erase(config.load(), person))
    if as_json:
        terminal.row({"person": person, "erased": erased})
        return
    for kind, count in erased.items():
        if count:
            terminal.out.print(escape(f"{kind}: {count}"))
    terminal.out.print(escape(f"Erased: {sum(erased.values())} entries."))


async def _erase(settings: Config, person: str | None) -> dict[str, int]:
    """By the running hub, or here. Raises HearthError."""
    from hub.app import lock
    from hub.privacy.eraser import erase as erased

    runtime, id = settings.hub.runtime, secrets.token_hex(8)
    answer = await control.ask(runtime, {"privacy": {"erase": id, "person": person}})
    if answer is None:
        async with lock(settings, patience=PATIENCE):
            return await erased(settings, person)
    if "erasing" not in answer:
        raise HearthError(str(answer.get("error", "the hub did not understand; is it of now?")))
    until = asyncio.get_running_loop().time() + RETURN
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.2)
        found: dict[str, Any] | None
        try:
            found = await control.ask(runtime, {"privacy": {"done": id}})
        except HearthError:
            found = None
        if found is not None and "erased" in found:
            if found.get("error"):
                raise HearthError(found["error"])
            counts: dict[str, int] = found["erased"]
            return counts
    raise HearthError("the hub did not come back; look at it, and erase again")


@privacy_app.command()
def prove(
    say: Annotated[
        list[str] | None, typer.Option("--say", help="Say this instead; may be given again.")
    ] = None,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, max=1000, help="How often all of it is said.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Prove that nothing leaves the house: run the hub where every packet is seen.

    A second hub runs for a minute or two in a network of its own that leads nowhere, with your
    settings and models, and without what is known of you. It is spoken to, hears, and answers.
    Every packet of each of its processes is counted. It cannot show what would happen with devices
    that answer: none is reached. The status is 1 if anything was for somebody outside.

    [bold]Examples[/]

      hearth privacy prove
      hearth privacy prove --say "turn on the lamp" --rounds 100
    """
    from hub.privacy.prove import proved, shown

    proof = proved(config.load(), say or (), rounds)
    if as_json:
        terminal.row(shown(proof))
        raise typer.Exit(0 if proof.holds else 1)
    told = f"{proof.turns} turns, {proof.spoken} of them heard and spoken as sound."
    terminal.out.print(told)
    if proof.left_out:
        terminal.out.print(escape(f"Nothing more was spoken: {proof.left_out}"), soft_wrap=True)
    for host in proof.named:
        terminal.out.print(escape(f"Your settings let it reach {host}."), soft_wrap=True)
    for sent, count in proof.sent.items():
        terminal.out.print(escape(f"{count} packets to {sent}"), soft_wrap=True)
    for sent, count in proof.outside.items():
        terminal.fail(f"{count} packets left the house: {sent}")
    for who, count in proof.refused.items():
        terminal.fail(f"wanted to leave the house and was refused, {count} times: {who}")
    if not proof.holds:
        raise typer.Exit(1)
    terminal.out.print("Nothing was sent to anybody outside of the house.")
