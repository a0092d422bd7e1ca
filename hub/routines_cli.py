"""`hearth routines`: list, run, change, export and import what is done by itself."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from hub import config, terminal
from hub.control import ask
from hub.errors import ConfigError, HearthError
from hub.options import PATIENCE, Json
from hub.terminal import escape

routines_app = typer.Typer(
    help="""What is done when something is said, at a time, or when something happens.

    [bold]Examples[/]

      hearth routines
      hearth routines run "good night"
      hearth routines export > routines.yaml
      hearth routines export --homeassistant > automations.yaml
    """,
    rich_markup_mode="rich",
)

Name = Annotated[str, typer.Argument(help="What it is called.")]


@routines_app.callback(invoke_without_command=True)
def routines(context: typer.Context) -> None:
    """Without a command: list them."""
    if context.invoked_subcommand is None:
        _list(False)


@routines_app.command("list")
def list_them(as_json: Json = False) -> None:
    """List all routines."""
    _list(as_json)


def _list(as_json: bool) -> None:
    found = _ask({"do": "list"})["routines"]
    if as_json:
        for row in found:
            terminal.row(row)
        return
    for row in found:
        off = "" if row["enabled"] else " [yellow](switched off)[/]"
        terminal.out.print(f"[bold]{escape(row['name'])}[/]{off}  {escape(row['text'])}")
    if not found:
        terminal.out.print(
            "There are no routines. Say “when I say good night, turn off the lights”."
        )


@routines_app.command()
def show(name: Name) -> None:
    """Show one as YAML."""
    _print_yaml([_ask({"do": "show", "name": name})["routine"]])


@routines_app.command()
def run(name: Name) -> None:
    """Run one now."""
    terminal.out.print(escape(_ask({"do": "run", "name": name})["text"]))


@routines_app.command()
def enable(name: Name) -> None:
    """Switch one on again."""
    _done(_ask({"do": "enable", "name": name}), "is switched on")


@routines_app.command()
def disable(name: Name) -> None:
    """Switch one off, without forgetting it."""
    _done(_ask({"do": "disable", "name": name}), "is switched off")


@routines_app.command()
def remove(name: Name) -> None:
    """Delete one."""
    _done(_ask({"do": "remove", "name": name}), "is gone")


@routines_app.command()
def export(
    name: Annotated[str | None, typer.Argument(help="One of them; none: all.")] = None,
    homeassistant: Annotated[
        bool, typer.Option("--homeassistant", help="As automations of Home Assistant.")
    ] = False,
) -> None:
    """Print routines as YAML, for `import`, a backup, or Home Assistant."""
    if homeassistant:
        answer = _ask({"do": "automations", "name": name})
        for problem in answer["problems"]:
            terminal.fail(problem)
        _print_yaml(answer["automations"])
    elif name is not None:
        _print_yaml([_ask({"do": "show", "name": name})["routine"]])
    else:
        rows = _ask({"do": "list"})["routines"]
        _print_yaml([_plain(row) for row in rows])


@routines_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="YAML as of export; - for standard input.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete those that are not in the file.")
    ] = False,
) -> None:
    """Take routines from a file: all, or none if one of them makes no sense."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    _put(text, str(file), replace)


@routines_app.command()
def edit(name: Name) -> None:
    """Change one in an editor ($EDITOR)."""
    import yaml

    routine = _ask({"do": "show", "name": name})["routine"]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump([routine], file, allow_unicode=True, sort_keys=False)
        file.flush()
        editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        before = Path(file.name).read_text(encoding="utf-8")
        try:
            subprocess.run([*editor, file.name], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise HearthError(f"the editor {editor[0]} failed: {error}") from error
        after = Path(file.name).read_text(encoding="utf-8")
    if after == before:
        terminal.out.print("Nothing was changed.")
        return
    renamed = _put(after, name, False)
    if name.casefold() not in [each.casefold() for each in renamed] and len(renamed) == 1:
        _ask({"do": "remove", "name": routine["name"]})


def _put(text: str, source: str, replace: bool) -> list[str]:
    import yaml

    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: this is no YAML: {error}") from error
    if isinstance(given, dict):
        given = given.get("routines", [given])
    plain = _dated(given)
    names: list[str] = _ask({"do": "put", "routines": plain, "keep_others": not replace})["done"]
    terminal.out.print(f"Kept: {escape(', '.join(names))}.")
    return names


def _dated(value: Any) -> Any:
    """What YAML makes of dates and the word `on`, as text again."""
    if isinstance(value, dict):
        return {("on" if key is True else str(key)): _dated(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_dated(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    left = {"id", "text"} | ({"enabled"} if row.get("enabled") else set())
    return {key: value for key, value in row.items() if key not in left}


def _print_yaml(value: Any) -> None:
    import yaml

    sys.stdout.write(yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100))


def _done(answer: dict[str, Any], what: str) -> None:
    terminal.out.print(f"“{escape(answer['done'])}” {what}.")


def _ask(request: dict[str, Any]) -> dict[str, Any]:
    return asyncio.run(_answer(request))


async def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """Of the hub that runs, or of one that is opened for it. Raises HearthError."""
    settings = config.load()
    answer = await ask(settings.hub.runtime, {"routines": request})
    if answer is None:
        from hub.app import lock, open_hub

        async with lock(settings, patience=PATIENCE), open_hub(settings) as hub:
            assert hub.household is not None
            answer = await hub.household.door.answer(request)
    if "error" in answer:
        raise HearthError(str(answer["error"]))
    return answer
