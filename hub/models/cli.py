"""`hearth models`: list, fetch, verify and remove models."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from hub import config
from hub.models.catalogue import Catalogue, Model, default_set
from hub.models.store import ModelStore
from hub.models.store import Progress as Report

models_app = typer.Typer(
    help="""List, fetch, verify and remove models.

    [bold]Examples[/]

      hearth models list
      hearth models fetch --default
    """,
    no_args_is_help=True,
    rich_markup_mode="rich",
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Names = Annotated[
    list[str] | None,
    typer.Argument(help="Names; role:name where several roles have it.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a model.")]

_STATES = {
    "installed": "[green]here[/]",
    "missing": "[dim]—[/]",
    "damaged": "[red]damaged[/]",
    "outdated": "[yellow]outdated[/]",
}


@models_app.command(name="list")
def list_models(as_json: Json = False) -> None:
    """Show what there is, what is here, and what the settings use (●).

    [bold]Examples[/]

      hearth models list
      hearth models list --json
    """
    settings = config.load()
    store = ModelStore(settings.models)
    used = default_set(settings, store.catalogue)
    if as_json:
        for model in store.catalogue.models:
            print(json.dumps(_described(store, model, model in used), ensure_ascii=False))
        return
    table = Table(
        "", "role", "name", "MB", "languages", "licence", "", header_style="bold", box=None
    )
    table.columns[3].justify = "right"
    previous = ""
    for model in store.catalogue.models:
        table.add_row(
            "●" if model in used else "",
            model.role if model.role != previous else "",
            f"[bold]{model.name}[/]",
            _megabytes(model.size) if model.size else "?",
            escape(", ".join(model.languages)),
            f"[yellow]{escape(model.licence)}[/]" if model.notice else escape(model.licence),
            _STATES[store.state(model)],
        )
        previous = model.role
    out.print(table)
    out.print(f"[dim]in {store.folder}[/]")


def _described(store: ModelStore, model: Model, used: bool) -> dict[str, object]:
    state = store.state(model)
    return {
        "role": model.role,
        "name": model.name,
        "description": model.description,
        "languages": model.languages,
        "bytes": model.size,
        "licence": model.licence,
        "noncommercial": model.noncommercial,
        "state": state,
        "used": used,
        "folder": str(store.place(model)) if state != "missing" else None,
    }


@models_app.command()
def fetch(
    names: Names = None,
    default: Annotated[
        bool, typer.Option("--default", help="Those that the settings name.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
) -> None:
    """Fetch models that are not here yet.

    An interrupted fetch is continued. Python packages are fetched by pip with pip's own settings,
    so a mirror or a proxy that pip knows is used.

    [bold]Examples[/]

      hearth models fetch --default
      hearth models fetch whisper-tiny wake:alexa
    """
    settings = config.load()
    store = ModelStore(settings.models)
    wanted = _named(store.catalogue, names)
    if default:
        wanted += default_set(settings, store.catalogue)
    if everything:
        wanted += store.catalogue.models
    if not names and not default and not everything:
        raise typer.BadParameter("say which models, or --default, or --all")
    wanted = list(dict.fromkeys(wanted))
    missing = [model for model in wanted if store.state(model) != "installed"]
    if not missing:
        what = "The model is" if len(wanted) == 1 else f"All {len(wanted)} models are"
        err.print(f"[dim]{what} here.[/]")
    for model in missing:
        started = time.monotonic()
        with _progress(str(model)) as report:
            place = store.fetch(model, report, _notice)
        took = time.monotonic() - started
        size = sum(file.stat().st_size for file in place.iterdir())
        out.print(f"[green]✓[/] {model} [dim]{_megabytes(size)} MB, {took:.0f} s[/]")


@models_app.command()
def verify(names: Names = None) -> None:
    """Read models and compare them with their checksums; without NAMES all that are here.

    [bold]Examples[/]

      hearth models verify
      hearth models verify whisper-base
    """
    store = ModelStore(config.load().models)
    present = [m for m in store.catalogue.models if store.state(m) != "missing"]
    wrong = 0
    if not names and not present:
        err.print("[dim]No models are here; `hearth models fetch --default` gets some.[/]")
    for model in _named(store.catalogue, names) or present:
        with _progress(str(model)) as report:
            problems = store.verify(model, report)
        wrong += bool(problems)
        if not problems:
            against = "" if model.verifiable else " [yellow](as it was fetched; not verified)[/]"
            out.print(f"[green]✓[/] {model}{against}")
        for problem in problems:
            out.print(f"[red]✗[/] {escape(problem)}")
    if wrong:
        raise typer.Exit(1)


@models_app.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="Names; role:name where several have it.")],
) -> None:
    """Remove models from this machine. They can be fetched again.

    [bold]Examples[/]

      hearth models remove whisper-tiny
      hearth models remove wake:alexa
    """
    store = ModelStore(config.load().models)
    for model in _named(store.catalogue, names):
        store.remove(model)
        out.print(f"{model} is removed")


def _named(catalogue: Catalogue, names: list[str] | None) -> list[Model]:
    return [catalogue.named(name) for name in names or ()]


def _notice(text: str) -> None:
    err.print(f"[yellow]{escape(text)}[/]")


@contextmanager
def _progress(what: str) -> Iterator[Report]:
    """A bar with the time left, where there is a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield _reporter(progress, task)


def _reporter(progress: Progress, task: object) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total or None)  # type: ignore[arg-type]

    return report


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}" if size < 10_000_000 else f"{size / 1e6:.0f}"
