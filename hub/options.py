"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub import terminal

PATIENCE = 10.0
"""Seconds that a command waits for another one to be done with the home."""

Area = Annotated[str | None, typer.Option("--area", help="The room you are in.")]
Language = Annotated[str | None, typer.Option("--language", help="en, de, …")]
HomeFile = Annotated[
    Path | None,
    typer.Option("--home", help="Another simulated home (YAML or JSON).", show_default=False),
]


def _keep_for_rows(wanted: bool) -> bool:
    if wanted:
        terminal.keep_for_rows()
    return wanted


Json = Annotated[
    bool,
    typer.Option(
        "--json",
        callback=_keep_for_rows,
        help="One JSON object a line on standard output, and nothing else there.",
    ),
]
Details = Annotated[bool, typer.Option("--details", "-d", help="Also why, and how long it took.")]
