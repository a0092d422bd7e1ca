"""How turns look in a terminal."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.markup import escape

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

TIERS = {"phrase": "phrase", "rules": "rules", "model": "model", "dialogue": "answer", "none": "—"}


def show_turn(turn: dict[str, Any], *, details: bool = False, console: Console = out) -> None:
    """Print a turn (as `Trace.to_json` gives it) for a person: said, done, answered."""
    heard = turn["heard"] or "(nothing)"
    console.print(f"[bold cyan]»[/] {escape(heard)}", soft_wrap=True)
    for call in turn["calls"]:
        arguments = ", ".join(f"{key}={value}" for key, value in call["arguments"].items())
        console.print(
            f"  [dim]{TIERS[turn['tier']]:>7} {escape(call['tool'])}({escape(arguments)})[/]"
        )
    for outcome in turn["outcomes"]:
        mark = "[green]✓[/]" if outcome["confirmed"] else "[red]✗[/]"
        console.print(f"  {mark} {escape(outcome['entity_id'])} {escape(str(outcome['state']))}")
    if turn["reply"]:
        question = " [yellow](listening)[/]" if turn["expects_answer"] else ""
        console.print(f"[bold green]«[/] {escape(turn['reply'])}{question}", soft_wrap=True)
    if details:
        show_details(turn, console)


def show_details(turn: dict[str, Any], console: Console = out) -> None:
    """Why it was decided so, what else was considered, and how long each stage took."""
    if turn["why"]:
        console.print(f"  [dim]why: {escape(turn['why'])}[/]")
    for hypothesis in turn["hypotheses"][1:]:
        console.print(f"  [dim]or: {escape(hypothesis['text'])} ({hypothesis['score']})[/]")
    for candidate in turn["candidates"][:5]:
        console.print(f"  [dim]considered: {escape(candidate['what'])} {candidate['score']}[/]")
    stages = "  ".join(
        f"{name} {milliseconds:.0f}"
        for name, milliseconds in turn["stages_ms"].items()
        if milliseconds
    )
    console.print(f"  [dim]ms: {stages}[/]")


def fail(message: str) -> None:
    """Print an error for a person; the caller decides how to end."""
    err.print(f"[bold red]hearth:[/] {escape(message)}", soft_wrap=True)


def interactive() -> bool:
    """Whether a person is looking."""
    return sys.stdout.isatty()
