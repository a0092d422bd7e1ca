"""`hearth skill new`, `test`, `check` and `run`: for whoever writes a skill."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from hub import config, terminal
from hub.errors import ConfigError, HearthError, SkillError
from hub.options import Area, HomeFile, Json, Language
from hub.terminal import escape, out

author_app = typer.Typer(
    help="""Write a skill: begin one, try it, and see whether it is fit to be shared.

    [bold]Examples[/]

      hearth skill new "coffee machine"
      hearth skill run coffee-machine
      hearth skill test coffee-machine
      hearth skill check coffee-machine
    """,
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Folder = Annotated[Path, typer.Argument(help="The folder of the skill.", show_default=False)]
LOOKED = 0.5
"""Seconds between two looks at the files of a skill that is edited."""


@author_app.command()
def new(
    name: Annotated[str, typer.Argument(help="What it is called: letters, digits and blanks.")],
    folder: Annotated[Path, typer.Option("--in", help="Where its folder is made.")] = Path(),
) -> None:
    """Make a skill that works, to be changed.

    [bold]Examples[/]

      hearth skill new "coffee machine"
    """
    from hub.author.new import make

    made = make(name, folder)
    out.print(f"{escape(str(made))} is made. Try it with:")
    out.print(f"  hearth skill run {escape(str(made))}")


@author_app.command()
def check(folder: Folder, as_json: Json = False) -> None:
    """Look through a skill for what would fail, mislead, or be refused elsewhere.

    Exit status 1 if something is wrong.

    [bold]Examples[/]

      hearth skill check coffee-machine
    """
    from hub.author.check import check as findings

    found = findings(_folder(folder))
    for finding in found:
        if as_json:
            row = {"place": finding.place, "text": finding.text, "error": finding.error}
            terminal.row(row)
        else:
            mark = "[red]error[/]" if finding.error else "[yellow]hint[/] "
            out.print(f"{mark} {escape(finding.place)}: {escape(finding.text)}")
    wrong = sum(finding.error for finding in found)
    if not as_json:
        out.print(f"{wrong or 'no'} errors, {len(found) - wrong or 'no'} hints")
    if wrong:
        raise typer.Exit(1)


@author_app.command()
def test(
    folder: Folder,
    language: Language = None,
    model: Annotated[
        bool, typer.Option(help="Also ask the language model, if it is installed.")
    ] = True,
    tests: Annotated[bool, typer.Option(help="Also run the tests of its own.")] = True,
    as_json: Json = False,
) -> None:
    """Say its phrases and examples, among all other skills, and run its tests.

    Exit status 1 if something of it is not understood, taken for something else, or takes
    something away from another skill.

    [bold]Examples[/]

      hearth skill test coffee-machine
      hearth skill test coffee-machine --language de --no-model
    """
    folder = _folder(folder)
    good = asyncio.run(_tried(folder, language, model, as_json))
    if tests and not as_json:
        good = _own_tests(folder) and good
    if not good:
        raise typer.Exit(1)


@author_app.command()
def run(
    folder: Folder, home: HomeFile = None, area: Area = None, language: Language = None
) -> None:
    """Talk to a skill in a simulated home, while you edit it.

    What you type is answered; the skill is taken anew whenever one of its files changes. Nothing
    reaches real devices, and nothing is kept. Ctrl-D ends it.

    [bold]Examples[/]

      hearth skill run coffee-machine
    """
    asyncio.run(_run(_folder(folder), home, area, language or "en"))


def _folder(folder: Path) -> Path:
    folder = folder.absolute()
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder")
    return folder


# --- test ---------------------------------------------------------------------------------------


async def _tried(folder: Path, language: str | None, model: bool, as_json: bool) -> bool:
    from hub.author.trial import Tried, trial

    settings = config.load()
    async with _model(settings, model) as loaded:
        found = await trial(
            folder, settings, languages=(language,) if language else (), model=loaded
        )
    if as_json:
        for kind, several in (
            ("own", found.tried),
            ("taken", found.taken),
            ("model", found.guessed),
        ):
            for each in several:
                row = {"kind": kind, "language": each.language, "text": each.text}
                terminal.row({**row, "wanted": each.wanted, "got": each.got, "right": each.right})
        return found.good

    def show(title: str, several: Sequence[Tried]) -> None:
        if several:
            out.print(f"[bold]{title}[/]")
        for each in several:
            got = ", ".join(each.got) or "nothing"
            out.print(f"  “{escape(each.text)}” is for {each.wanted}, and went to {escape(got)}")

    show("Not understood as it is meant:", found.wrong)
    show("Taken away from other skills:", found.taken)
    show("The language model took for something else:", [t for t in found.guessed if not t.right])
    right = len(found.tried) - len(found.wrong)
    out.print(f"{right} of {len(found.tried)} sentences of its own are understood")
    out.print(f"{len(found.taken)} of {found.others} sentences of other skills are taken away")
    if found.guessed:
        guessed = sum(each.right for each in found.guessed)
        out.print(f"{guessed} of {len(found.guessed)} examples are understood without its phrases")
    return found.good


@asynccontextmanager
async def _model(settings: config.Config, wanted: bool) -> AsyncIterator[Any]:
    if not wanted:
        yield None
        return
    from hub.app import open_language_model

    async with open_language_model(settings) as model:
        yield model


def _own_tests(folder: Path) -> bool:
    """Run the tests of a skill with pytest; whether they pass, or there is nothing to run."""
    if not list((folder / "tests").glob("test_*.py")):
        return True
    if (
        importlib.util.find_spec("pytest") is None
        or importlib.util.find_spec("pytest_asyncio") is None
    ):
        out.print("its tests are not run: they need `pip install pytest pytest-asyncio`")
        return True
    quiet = ["-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]
    quiet += ["-o", "asyncio_default_fixture_loop_scope=function"]
    command = [sys.executable, "-m", "pytest", *quiet, "tests"]
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


# --- run ----------------------------------------------------------------------------------------


async def _run(folder: Path, home: Path | None, area: str | None, language: str) -> None:
    from hub.author.stage import Stage

    stage = Stage(
        folder,
        home=home,
        languages=(language,),
        all_skills=True,
        now=None,
        area=area,
        tell=lambda text: out.print(f"  [bold]{escape(text)}[/]"),
    )
    async with stage as hearth:
        out.print(f"{escape(hearth.name)} listens. Say: {escape(_what_to_say(hearth))}")
        watching = asyncio.create_task(_reloaded(hearth), name="reload")
        try:
            async for line in _lines():
                if line.strip():
                    reply = await hearth.say(line)
                    terminal.show_turn(reply.trace.to_json())
        finally:
            watching.cancel()


def _what_to_say(hearth: Any) -> str:
    specs = [spec for spec in hearth.skillset.specs() if spec.skill == hearth.name]
    said = [example for spec in specs for example in spec.examples]
    return ", ".join(f"“{text}”" for text in said[:3]) or "something"


async def _reloaded(hearth: Any) -> None:
    """Take the skill anew whenever one of its files has changed."""
    before = _stamps(hearth.folder)
    while True:
        await asyncio.sleep(LOOKED)
        now = _stamps(hearth.folder)
        if now == before:
            continue
        before = now
        try:
            await hearth.reload()
        except (SkillError, HearthError) as error:
            terminal.fail(f"{error} (the one of before goes on)")
        else:
            out.print("[dim]taken anew[/]")


def _stamps(folder: Path) -> dict[Path, int]:
    found: dict[Path, int] = {}
    for path in (*folder.rglob("*.py"), *folder.rglob("*.toml")):
        try:
            found[path] = path.stat().st_mtime_ns
        except OSError:
            continue  # an editor is just replacing it
    return found


async def _lines() -> AsyncIterator[str]:
    """Lines of standard input, until it ends. The thread that waits for them keeps nobody."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, name="lines", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
