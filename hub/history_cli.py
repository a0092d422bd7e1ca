"""`hearth why` and `hearth history`: what was understood, done, and why."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from hub import config, control, terminal
from hub.errors import HearthError
from hub.history import Deed, History, Turn
from hub.options import Json
from hub.terminal import escape

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
SOON = 0.7
"""Seconds within which a running hub has written what happened."""
MOST = 50

TIERS = {
    "phrase": "a sentence that a skill knows",
    "rules": "the shared sentences and rules",
    "model": "the language model",
    "dialogue": "an answer to a question",
    "none": "not understood",
}


@asynccontextmanager
async def _opened() -> AsyncIterator[History]:
    """The history as it is now, also of a running hub. Raises HearthError if there is none."""
    settings = config.load()
    path = settings.hub.data / "history.db"
    if await control.ask(settings.hub.runtime, {"health": True}) is not None:
        await asyncio.sleep(SOON)
    if not await asyncio.to_thread(path.is_file):
        raise HearthError("nothing was said or done yet")
    from hub.timers.clock import SystemTime

    history = History(path, settings.privacy, SystemTime())
    try:
        yield history
    finally:
        await history.close()


def why(
    turn: Annotated[int | None, typer.Argument(help="Number of a turn; none: the last.")] = None,
    as_json: Json = False,
) -> None:
    """Tell how a turn was understood: by what, how sure, what else was considered, what was done.

    [bold]Examples[/]

      hearth why
      hearth why 42
    """
    asyncio.run(_why(turn, as_json))


async def _why(number: int | None, as_json: bool) -> None:
    async with _opened() as history:
        turns = await history.turns(id=number, most=1)
        if not turns:
            words = config.load().privacy.words_hours
            kept = f"words are kept for {words:g} hours" if words else "words are never kept"
            raise HearthError(f"there is no such turn, or not any more: {kept}")
        found = turns[0]
        deeds = await history.done(turn=found.token) if found.token else []
    if as_json:
        terminal.row({**found.to_json(), "deeds": [deed.to_json() for deed in deeds]})
        return
    _show_why(found, deeds)


def _show_why(turn: Turn, deeds: list[Deed]) -> None:
    from rich.table import Table

    trace, out = turn.trace, terminal.out
    place = f" in {turn.area}" if turn.area else ""
    who = f" by {turn.person}" if turn.person else ""
    out.print(f"[bold]turn {turn.id}[/] {escape(f'{_local(turn.at)}{place}{who} ({turn.source})')}")
    about = Table(box=None, show_header=False, pad_edge=False)
    about.add_row("heard", escape(f"“{turn.heard}”"))
    for other in trace.get("hypotheses", ())[1:]:
        about.add_row("or", escape(f"“{other['text']}” ({other['score']:.2f})"))
    tier = str(trace.get("tier", "none"))
    sure = f", {float(trace.get('score', 0)):.0%} sure" if tier != "none" else ""
    about.add_row("tier", escape(f"{tier}: {TIERS.get(tier, '')}{sure}"))
    about.add_row("why", escape(str(trace.get("why", ""))))
    for call in trace.get("calls", ()):
        arguments = ", ".join(f"{name}={value}" for name, value in call["arguments"].items())
        about.add_row("call", escape(f"{call['tool']}({arguments})"))
    for outcome in trace.get("outcomes", ()):
        sign = "confirmed" if outcome.get("confirmed") else "not confirmed"
        about.add_row("outcome", escape(f"{outcome['entity_id']} is {outcome['state']}, {sign}"))
    about.add_row("answer", escape(f"“{turn.reply}”"))
    if trace.get("error"):
        about.add_row("error", escape(str(trace["error"])))
    stages = trace.get("stages_ms", {})
    times = ", ".join(f"{name} {value:.0f} ms" for name, value in stages.items() if value)
    about.add_row("time", escape(times))
    out.print(about)
    candidates = sorted(trace.get("candidates", ()), key=lambda each: -each["score"])
    if candidates:
        table = Table("score", "tier", "considered", header_style="bold", box=None)
        for each in candidates:
            table.add_row(f"{each['score']:.3f}", each["tier"], escape(str(each["what"])))
        out.print(table)
    if deeds:
        out.print(_deeds_table(deeds))


def history(
    since: Annotated[
        str | None, typer.Option("--since", help="'2h', '3d', '2026-11-27' or '2026-11-27T18:00'.")
    ] = None,
    deeds: Annotated[
        bool, typer.Option("--deeds", help="What devices did, instead of what was said.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell what was said and answered, or what was done and by whom.

    [bold]Examples[/]

      hearth history
      hearth history --deeds --since 2d
      hearth history --since 2026-11-27 --json
    """
    asyncio.run(_history(_moment(since), deeds, as_json))


async def _history(since: datetime | None, deeds: bool, as_json: bool) -> None:
    most = 1_000_000 if since is not None else MOST
    async with _opened() as history:
        if deeds:
            done = await history.done(since, most=most)
            if as_json:
                for deed in done:
                    terminal.row(deed.to_json())
            else:
                terminal.out.print(_deeds_table(done) if done else "Nothing was done.")
            return
        turns = await history.turns(since, most=most)
    if as_json:
        for turn in turns:
            terminal.row(turn.to_json())
        return
    if not turns:
        terminal.out.print("Nothing was said.")
        return
    from rich.table import Table

    table = Table("turn", "when", "where", "heard", "answer", "tier", header_style="bold", box=None)
    for turn in turns:
        where = turn.area or turn.source
        tier = f"{turn.trace.get('tier')} {float(turn.trace.get('score', 0)):.2f}"
        row = (str(turn.id), _local(turn.at), where, turn.heard, turn.reply, tier)
        table.add_row(*map(escape, row))
    terminal.out.print(table)


def _deeds_table(deeds: list[Deed]) -> object:
    from rich.table import Table

    table = Table("when", "what", "service", "before", "after", "by", header_style="bold", box=None)
    for deed in deeds:
        data = ", ".join(f"{name}={value}" for name, value in deed.data.items())
        service = f"{deed.service} {data}".strip()
        who = " ".join(part for part in (deed.source, deed.person, deed.area) if part)
        row = (_local(deed.at), deed.name, service, deed.before or "", deed.after or "?", who)
        table.add_row(*map(escape, row))
    return table


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    if ago := re.fullmatch(r"(\d{1,4})\s*([mhdw])", text.strip()):
        return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write '2h', '3d' or '2026-11-27'") from None
