"""The command `hearth`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from hub import __version__, config, terminal
from hub.author_cli import author_app
from hub.backup_cli import backup, restore
from hub.devices_cli import devices_app
from hub.errors import AudioError, ConfigError, HearthError, ModelError, reason
from hub.history_cli import history, why
from hub.mcp_cli import mcp
from hub.models.cli import models_app
from hub.options import PATIENCE, Area, Details, HomeFile, Json, Language
from hub.packs_cli import packs_app
from hub.privacy_cli import privacy_app
from hub.routines_cli import routines_app
from hub.satellites_cli import satellites_app
from hub.status_cli import status
from hub.trust_cli import trust_app
from hub.web_cli import web_app

app = typer.Typer(
    name="hearth",
    help="""Talk to your home. Everything stays on this machine.

    [bold]Examples[/]

      hearth run
      hearth say turn on the kitchen lights
      hearth doctor
    """,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(devices_app, name="devices")
app.add_typer(models_app, name="models")
app.add_typer(routines_app, name="routines")
app.add_typer(trust_app, name="trust")
packs_app.add_typer(author_app)
app.add_typer(packs_app, name="skill")
app.add_typer(satellites_app, name="satellites")
app.add_typer(privacy_app, name="privacy")
app.add_typer(web_app, name="web")
app.command()(status)
app.command()(mcp)
app.command()(why)
app.command()(history)
app.command()(backup)
app.command()(restore)

CONFIG_ERROR = 78
"""Exit status for wrong settings (sysexits.h, EX_CONFIG): systemd does not restart on it."""

NO_MODEL = 69
"""Exit status of a hub that lacks a model, or cannot use it (sysexits.h, EX_UNAVAILABLE): systemd
starts it again, and before it `hearth models fetch`, which may succeed by then."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as a shell gives it (128 + SIGINT)."""
NOBODY_READS = 141
"""Exit status when the reader of the output has gone, as of any Unix tool (128 + SIGPIPE)."""

T = TypeVar("T")


def main() -> None:
    """Run a command; trouble that is expected ends in one clear line."""
    terminal.speak_any_text()
    code: str | int | None
    try:
        code = _ended(app)
    except ConfigError as error:
        terminal.fail(str(error))
        code = CONFIG_ERROR
    except HearthError as error:
        terminal.fail(str(error))
        code = 1
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        _write_no_more()
        code = NOBODY_READS
    except OSError as error:
        logging.getLogger(__name__).debug("refused by the system", exc_info=error)
        terminal.fail(f"{error.filename or 'the output'}: {reason(error)}")
        _write_no_more()
        code = 1
    sys.exit(code)


def _ended(command: Callable[[], Any]) -> str | int | None:
    """The exit status of a command, with all it printed on its way."""
    try:
        command()
        code: str | int | None = 0
    except SystemExit as end:
        # Typer ends with 1 when nobody reads the output any more.
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        code = end.code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def _write_no_more() -> None:
    """What is still to be written at the end cannot be, and is no trouble then."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]


def _version(wanted: bool) -> None:
    if wanted:
        terminal.out.print(f"Hearth {__version__}")
        raise typer.Exit


@app.callback()
def common(
    config_file: Annotated[
        Path | None, typer.Option("--config", "-c", help="Settings (hearth.toml).")
    ] = None,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Say more; twice: everything.")
    ] = 0,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    if config_file is not None:
        os.environ["HEARTH_CONFIG"] = str(config_file)
    terminal.log_to_person(verbose)


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@app.command()
def say(
    text: Annotated[list[str] | None, typer.Argument(help="What you say.")] = None,
    area: Area = None,
    language: Language = None,
    home: HomeFile = None,
    as_json: Json = False,
    details: Details = False,
) -> None:
    """Say something to the hub, typed.

    Without TEXT each line of standard input is a turn of one conversation. A running hub
    (`hearth run`) is asked if there is one, otherwise the home is opened for this command.

    [bold]Examples[/]

      hearth say turn on the kitchen lights
      hearth say --area Bedroom "make it a bit brighter"
      hearth say --json "is the front door locked?"
    """
    if not _run(_say(" ".join(text) if text else None, area, language, home, as_json, details)):
        raise typer.Exit(1)


async def _say(
    text: str | None,
    area: str | None,
    language: str | None,
    home: Path | None,
    as_json: bool,
    details: bool,
) -> bool:
    """Whether every line was taken. One that is refused keeps no other from being said."""
    from hub import control
    from hub.app import open_hub

    settings = config.load()
    texts = _once(text) if text is not None else _lines()
    request = {"area": area, "language": language}
    if home is None and await control.ask(settings.hub.runtime, {"devices": True}) is not None:
        good = True
        async for line in texts:
            try:
                answer = await control.ask(settings.hub.runtime, {"say": line, **request})
                if answer is None:
                    terminal.fail(f"the hub has just ended; it may not have done: {line}")
                    return False
                _show_turn(answer, as_json, details)
            except HearthError as error:
                terminal.fail(str(error))
                good = False
        return good
    async with _alone(settings, home), open_hub(settings, home_file=home) as hub:
        async for line in texts:
            trace = await hub.assistant.say(line, area=area, language=hub.language(language))
            hub.assistant.finished(trace)
            _show_turn(trace.to_json(), as_json, details)
    return True


def _alone(settings: config.Config, home: Path | None) -> AbstractAsyncContextManager[None]:
    """Commands take turns at the states of the own home; another home is kept nowhere."""
    from hub.app import lock

    return contextlib.nullcontext() if home else lock(settings, patience=PATIENCE)


async def _once(text: str) -> AsyncIterator[str]:
    yield text


async def _lines() -> AsyncIterator[str]:
    """Lines of standard input, with a prompt where a person types them."""
    while sys.stdin is not None:
        if sys.stdin.isatty():
            terminal.err.print("[bold cyan]»[/] ", end="")
        line = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            return
        if line.strip():
            yield line.strip()


def _show_turn(turn: dict[str, Any], as_json: bool, details: bool = False) -> None:
    if "heard" not in turn:
        raise HearthError(turn["error"])
    if as_json:
        terminal.row(turn)
    else:
        terminal.show_turn(turn, details=details)


@app.command()
def hear(
    files: Annotated[
        list[str], typer.Argument(help="WAV or FLAC files; '-' for raw 16 kHz 16-bit mono PCM.")
    ],
    no_wake: Annotated[
        bool, typer.Option("--no-wake", help="Each file is one command without a wake word.")
    ] = False,
    area: Area = None,
    language: Language = None,
    home: HomeFile = None,
    replies: Annotated[
        Path | None, typer.Option("--replies", help="Folder for the spoken replies, as WAV.")
    ] = None,
    as_json: Json = False,
    details: Details = False,
) -> None:
    """Hear sound from files as if it came from the microphone.

    [bold]Examples[/]

      hearth hear morning.wav
      hearth hear --no-wake --json command-*.flac
      arecord -t raw -f S16_LE -r 16000 -c 1 | hearth hear -
    """
    if files.count("-") > 1:
        raise typer.BadParameter("'-' is standard input, which can be heard only once")
    if not _run(_hear(files, no_wake, area, language, home, replies, as_json, details)):
        raise typer.Exit(1)


async def _hear(
    files: list[str],
    no_wake: bool,
    area: str | None,
    language: str | None,
    home: Path | None,
    replies: Path | None,
    as_json: bool,
    details: bool,
) -> bool:
    """Whether all files were sound; one that is not keeps no other from being heard."""
    from hub.app import open_hub, reply_sink, sound_source

    settings = config.load()
    if no_wake:
        settings = settings.without_wake_word()
    async with (
        _alone(settings, home),
        open_hub(
            settings, home_file=home, ears=True, recognise=True, sink=reply_sink(replies)
        ) as hub,
    ):
        hub.assistant.watch(lambda trace: _show_turn(trace.to_json(), as_json, details))
        good = True
        for name in files:
            try:
                source = sound_source(name)
            except AudioError as error:
                terminal.fail(str(error))
                good = False
                continue
            room = hub.room(
                source,
                area=area,
                language=hub.language(language),
            )
            turns = await (room.command() if no_wake else room.converse())
            if not turns and not as_json:
                what = "no speech" if no_wake else "no wake word"
                terminal.err.print(terminal.escape(f"{name}: {what} heard"))
        return good


@app.command()
def run(
    demo: Annotated[
        bool, typer.Option("--demo", help="Play a short spoken scene; needs no sound card.")
    ] = False,
    text_only: Annotated[
        bool, typer.Option("--no-microphone", help="Without ears: only `hearth say` reaches it.")
    ] = False,
) -> None:
    """Run the hub: listen, understand, act, answer. Ends with Ctrl-C or SIGTERM.

    [bold]Examples[/]

      hearth run
      hearth run --demo
    """
    from hub.service import serve

    if demo:
        from hub.demo import play

        _run(play(config.load()))
    else:
        terminal.log_of_a_service()
        try:
            _run(serve(config.load(), ears=not text_only))
        except ModelError as error:
            terminal.fail(str(error))
            raise typer.Exit(NO_MODEL) from error


@app.command()
def skills(as_json: Json = False) -> None:
    """List the skills, and what can be said for each.

    [bold]Examples[/]

      hearth skills
      hearth skills --json
    """
    from rich.table import Table

    from hub.app import load_skills

    skillset = load_skills(config.load())
    specs = sorted(skillset.specs(), key=lambda spec: (spec.skill, spec.name))
    if as_json:
        for spec in specs:
            terminal.row(
                {
                    "skill": spec.skill,
                    "tool": spec.name,
                    "description": spec.description,
                    "domains": spec.domains,
                    "examples": spec.examples,
                    "parameters": spec.parameters,
                }
            )
        return
    table = Table("skill", "tool", "what it does", "say", header_style="bold", box=None)
    previous = ""
    for spec in specs:
        name = spec.skill if spec.skill != previous else ""
        previous = spec.skill
        example = spec.examples[0] if spec.examples else ""
        table.add_row(f"[bold]{name}[/]", spec.name, spec.description, f"[cyan]{example}[/]")
    terminal.out.print(table)
    for problem in skillset.problems:
        terminal.fail(str(problem))


@app.command()
def broker(as_json: Json = False) -> None:
    """Tell what to enter into devices and apps for the hub's own MQTT broker, passwords included.

    [bold]Examples[/]

      hearth broker
      hearth broker --json
    """
    from hub.devices.mqtt.broker import OwnBroker

    settings = config.load()
    if settings.mqtt.host != "own":
        raise HearthError('the hub has no broker of its own: set [mqtt] host = "own"')
    known = OwnBroker(settings.mqtt, settings.hub.data / "broker").known()
    if as_json:
        terminal.row(known)
        return
    terminal.out.print(f"on this machine: 127.0.0.1, port {known['port']}")
    if known["tls_port"]:
        terminal.out.print(f"in the house: this machine's name, port {known['tls_port']}, TLS")
    else:
        told = "in the house: not open; it needs tls, certificate and key in [mqtt]"
        terminal.out.print(terminal.escape(told))
    passwords = known["passwords"]
    assert isinstance(passwords, dict)
    for name, password in passwords.items():
        terminal.out.print(f"  [bold]{name:14}[/] {terminal.escape(password)}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check every part, and say what to do about what is wrong. Ends with 1 if something is.

    [bold]Examples[/]

      hearth doctor
      hearth --config other.toml doctor
    """
    from hub.doctor import examine

    healthy = _run(examine(as_json))
    raise typer.Exit(0 if healthy else 1)


@app.command()
def bench(
    as_json: Json = False,
    commands: Annotated[int, typer.Option(help="How many spoken commands.")] = 24,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            help="turn, recognise, rules, retrieve, mqtt, packs, reply, habits, idle, start; "
            "only if named: wakes, satellites.",
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            "--recordings",
            help="Recognise these (transcripts.tsv), not Piper's speech; for 'wakes', sounds as "
            "'hearth eval' takes them.",
        ),
    ] = None,
    hours: Annotated[
        float, typer.Option("--hours", min=0, help="For 'wakes': hours of made sound.")
    ] = 0.1,
    texts: Annotated[
        Path | None,
        typer.Option("--texts", help="For 'wakes': what is said in it, a sentence a line."),
    ] = None,
) -> None:
    """Measure speed and memory on this machine, with the real models.

    [bold]Examples[/]

      hearth bench
      hearth bench --only recognise --recordings my-recordings
      hearth bench --only wakes --hours 3 --recordings sounds-that-must-not-wake
    """
    from hub.evaluate.bench import bench as measure

    _run(measure(as_json, commands, only, recordings, hours, texts))


@app.command(name="eval")
def evaluate(
    folders: Annotated[list[Path], typer.Argument(help="Folders with test sets.")],
    as_json: Json = False,
    failures: Annotated[bool, typer.Option("--failures", help="List what went wrong.")] = False,
    tiers: Annotated[
        str | None,
        typer.Option("--tiers", help="rules, model, all; less a part: all-fuzzy; ablation."),
    ] = None,
    peer: Annotated[
        bool, typer.Option("--peer", help="Home Assistant's understanding beside ours.")
    ] = False,
    card: Annotated[
        Path | None, typer.Option("--scorecard", help="Write all results as Markdown.")
    ] = None,
    spoken: Annotated[
        int, typer.Option("--spoken", min=0, help="Also speak so many sentences, in noise.")
    ] = 0,
    noise: Annotated[
        Path | None, typer.Option("--noise", help="A recording of noise, instead of a made one.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="At most about so many of each set.")
    ] = None,
) -> None:
    """Measure how well it hears and understands, on recordings and texts with known answers.

    The kind of a set is seen from its layout, and folders are looked through for sets: homes with
    sentences (HOME/_fixtures.yaml), test sentences of Home Assistant's intents (LANGUAGE/INTENT/),
    the voice benchmark (test_cases/, inventories/), SLURP (*.jsonl), conversations (dialogues in
    *.yaml), recorded commands (transcripts.tsv), and wake words (PHRASE.csv beside PHRASE
    folders, or folders of sounds that must not wake).

    [bold]Examples[/]

      hearth eval --tiers rules --peer --failures my-sentences
      hearth eval --scorecard docs/scorecard.md data tests/data/dialogues
    """
    from hub.evaluate.sets import Options
    from hub.evaluate.sets import evaluate as measure

    chosen = tuple((tiers or ("rules,all" if card else "all")).replace(" ", "").split(","))
    options = Options(
        chosen, peer or card is not None, as_json, failures, card, spoken, noise, limit
    )
    _run(measure(folders, options))


@app.command()
def route(
    home: Annotated[
        Path | None,
        typer.Option("--home", help="The home (YAML or JSON); without it the configured one."),
    ] = None,
) -> None:
    """The router for other programs: one JSON line in, one out; no device is touched.

    Each line is an object with `text`, and if wanted `area`, `language` and `states`; the answer
    has `calls`, `outcomes` (the states they would lead to), `reply`, `recognized`, and `own`.

    [bold]Example[/]

      echo '{"text": "turn on the kitchen lights"}' | hearth route
    """
    from hub.evaluate.route import serve

    terminal.keep_for_rows()
    _run(serve(config.load(), home))


@app.command(name="config")
def show_config(
    check: Annotated[bool, typer.Option("--check", help="Only say whether it is right.")] = False,
) -> None:
    """Print a settings file with every default explained, to be kept as hearth.toml.

    [bold]Examples[/]

      hearth config > ~/.config/hearth/hearth.toml
      hearth config --check
    """
    path = config.default_path()
    if not check:
        print(config.template(), end="")
        return
    config.load()
    known = "is right" if path.exists() else "does not exist; all settings have their defaults"
    terminal.out.print(f"{path} {known}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
