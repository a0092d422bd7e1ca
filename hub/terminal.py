"""How turns look in a terminal."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape as _escape

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_rows: TextIO | None = None
"""Where rows go, once standard output is kept for them."""

TIERS = {"phrase": "phrase", "rules": "rules", "model": "model", "dialogue": "answer", "none": "—"}


def escape(text: str) -> str:
    """Text of others, so that it is shown as it is: no mark-up, and nothing that a terminal takes
    for an order."""
    return _escape(re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text))


def keep_for_rows() -> None:
    """Keep standard output for `row`: what anything else prints there, be it a skill, a native
    library or a program that it starts, goes to standard error from now on."""
    global _rows
    if sys.stdout is None:
        return
    _rows, sys.stdout = sys.stdout, sys.stderr
    try:
        number = _rows.fileno()
    except (OSError, ValueError):  # no file of the system: in a test
        return
    _rows.flush()
    # Other programs read UTF-8 whatever this terminal speaks; a half character becomes \udcXX.
    _rows = os.fdopen(os.dup(number), "w", encoding="utf-8", errors="backslashreplace")
    try:
        os.dup2(2, number)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def row(values: Mapping[str, Any]) -> None:
    """Print one JSON object, for other programs."""
    stream = _rows or sys.stdout
    if stream is not None:
        print(json.dumps(values, ensure_ascii=False), file=stream, flush=True)


class ForPeople(logging.Formatter):
    """Errors in a line: who wants the traceback asks for it with -v."""

    def format(self, record: logging.LogRecord) -> str:
        return f"hearth: {record.getMessage()}"


def log_of_a_service() -> None:
    """Show the hub's own warnings, too: what is refused or lost while nobody looks."""
    if logging.getLogger().level > logging.WARNING:
        logging.getLogger("hub").setLevel(logging.WARNING)


def log_to_person(verbose: int) -> None:
    """Show what is logged: errors in a line; with `verbose` 1 and 2 more and everything."""
    handler = logging.StreamHandler()
    if not verbose:
        handler.setFormatter(ForPeople())
    logging.basicConfig(
        level={0: logging.ERROR, 1: logging.INFO}.get(verbose, logging.DEBUG),
        format="%(levelname)s %(name)s: %(message)s",
        handlers=[handler],
    )
    # Warnings of libraries are for those who write programs.
    logging.captureWarnings(True)
    if verbose < 2:
        logging.getLogger("asyncio").setLevel(logging.ERROR)


def speak_any_text() -> None:
    """What a terminal cannot show becomes a question mark, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def show_turn(turn: dict[str, Any], *, details: bool = False, console: Console = out) -> None:
    """Print a turn (as `Trace.to_json` gives it) for a person: said, done, answered."""
    line = partial(console.print, soft_wrap=True)
    heard = turn["heard"] or "(nothing)"
    line(f"[bold cyan]»[/] {escape(heard)}")
    for call in turn["calls"]:
        arguments = ", ".join(f"{key}={value}" for key, value in call["arguments"].items())
        line(f"  [dim]{TIERS[turn['tier']]:>7} {escape(call['tool'])}({escape(arguments)})[/]")
    for outcome in turn["outcomes"]:
        mark = "[green]✓[/]" if outcome["confirmed"] else "[red]✗[/]"
        line(f"  {mark} {escape(outcome['entity_id'])} {escape(str(outcome['state']))}")
    if turn["reply"]:
        question = " [yellow](listening)[/]" if turn["expects_answer"] else ""
        line(f"[bold green]«[/] {escape(turn['reply'])}{question}")
    if details:
        show_details(turn, console)


def show_details(turn: dict[str, Any], console: Console = out) -> None:
    """Why it was decided so, what else was considered, and how long each stage took."""
    line = partial(console.print, soft_wrap=True)
    if turn["why"]:
        line(f"  [dim]why: {escape(turn['why'])}[/]")
    for hypothesis in turn["hypotheses"][1:]:
        line(f"  [dim]or: {escape(hypothesis['text'])} ({hypothesis['score']})[/]", soft_wrap=True)
    for candidate in turn["candidates"][:5]:
        line(f"  [dim]considered: {escape(candidate['what'])} {candidate['score']}[/]")
    stages = "  ".join(
        f"{name} {milliseconds:.0f}"
        for name, milliseconds in turn["stages_ms"].items()
        if milliseconds
    )
    line(f"  [dim]ms: {stages}[/]")


def fail(message: str) -> None:
    """Print an error for a person; the caller decides how to end."""
    err.print(f"[bold red]hearth:[/] {escape(message)}", soft_wrap=True)


def interactive() -> bool:
    """Whether a person is looking."""
    return sys.stdout.isatty()
