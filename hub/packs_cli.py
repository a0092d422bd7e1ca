"""`hearth skill`: skills of others, from choosing one to taking it away."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from hub import config, terminal
from hub.errors import HearthError, reason
from hub.options import Json
from hub.packs import index as indexes
from hub.packs import pack as packing
from hub.packs import signing, sources
from hub.packs.audit import Audit
from hub.packs.description import PackError, Permissions, Setting, Value
from hub.packs.index import Entry, Index
from hub.packs.shelf import WITHHELD, Candidate, Installed, Shelf, ToolMetadata
from hub.packs.signing import PublicKey, SecretKey
from hub.terminal import err, escape, out

packs_app = typer.Typer(
    help="""Skills of others: find, install and control them; make and sign your own.

    [bold]Examples[/]

      hearth skill install coffee-machine-1.2.0.hearth
      hearth skill list
      hearth skill permissions coffee-machine
    """,
    no_args_is_help=True,
    rich_markup_mode="rich",
)
keys_app = typer.Typer(
    help="""Show whose key each pack is bound to; make, trust and forget keys.

    [bold]Examples[/]

      hearth skill keys
      hearth skill keys new
      hearth skill keys trust coffee-machine RWQ…
    """,
    rich_markup_mode="rich",
)
packs_app.add_typer(keys_app, name="keys")


def on_installed(installed: Installed) -> Sequence[ToolMetadata] | None:
    """Start a pack that was just installed, apart from everything, and have its tools told."""
    # Asyncio, processes and the language of all skills: only when a pack is started.
    from hub.packs.remote import describe

    return describe(installed, shelf().verify)


def after_change() -> None:
    """Have a hub that is running use the shelf as it is now."""
    import asyncio

    from hub.control import ask

    try:
        answer = asyncio.run(ask(config.load().hub.runtime, {"packs": True}))
    except HearthError as error:
        err.print(f"[yellow]The running hub does not know of it yet:[/] {escape(str(error))}")
        return
    for problem in (answer or {}).get("problems", ()):
        err.print(f"[yellow]{escape(str(problem))}[/]")


PackId = Annotated[str, typer.Argument(help="Id of a pack, as in `hearth skill list`.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Say yes to what would be asked.")]
Unsigned = Annotated[
    bool, typer.Option("--unsigned", help="Take it though nobody signed it: for your own.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="NAME=VALUE of a setting; NAME=@FILE keeps it off the screen."),
]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", help=f"Keep from it: {', '.join(WITHHELD)}.", show_default=False),
]
Key = Annotated[
    str | None, typer.Option("--key", help="Its author's public key, or a file with it.")
]
KeyFile = Annotated[
    Path | None, typer.Option("--key", "-k", help="Your secret key.", show_default=False)
]
IndexPlace = Annotated[
    str | None, typer.Option("--index", "-i", help="An index: https address or file.")
]
IndexKey = Annotated[
    str | None, typer.Option("--index-key", help="Public key of that index, or a file with it.")
]

_RISKS = {
    "R0": "only tells and answers",
    "R1": "does everyday things",
    "R2": "does things that are asked about each time, such as opening a window",
    "R3": "does what lets people in or takes protection away, such as unlocking a door",
}


def shelf() -> Shelf:
    """The packs of the hub that the settings speak of."""
    return Shelf(config.load().hub.data / "packs", lambda installed: on_installed(installed))


# --- taking one in --------------------------------------------------------------------------------


@packs_app.command()
def install(
    source: Annotated[
        str,
        typer.Argument(
            help="File, folder, https address, git address, name in an index, pip name."
        ),
    ],
    yes: Yes = False,
    unsigned: Unsigned = False,
    key: Key = None,
    settings: Set = None,
    without: Without = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Do not use it yet.")] = False,
    index: IndexPlace = None,
    index_key: IndexKey = None,
) -> None:
    """Install a pack: shows what it may do, and asks.

    Nothing of it runs before you said yes. What it may not do is kept from it by the system, not
    by its good will.

    [bold]Examples[/]

      hearth skill install coffee-machine-1.2.0.hearth
      hearth skill install git+https://git.example/skills.git@v2#subdirectory=coffee
      hearth skill install coffee-machine --index https://skills.example/index.json
      hearth skill install ./my-pack --unsigned --set cups=2
    """
    place = shelf()
    given = _public_key(key) if key else None
    with place.staging() as staging:
        found, listed = _fetched(place, source, staging, index, index_key)
        if listed is not None:
            author = signing.read_public(listed.key, f"{source} in the index")
            if given is not None and given != author:
                raise PackError(f"{source}: the index says that its key is {author.id}")
            given = author
        candidate = place.examine(found.folder, found.source, key=given, unsigned=unsigned)
        _check_listed(candidate, listed)
        if candidate.before is not None:
            if candidate.before.digest == candidate.digest:
                err.print(f"{escape(str(candidate.pack))} is installed already")
                return
            _show_update(candidate)
        else:
            _show_candidate(candidate, without or ())
        _ask("Install it?", yes)
        values = _asked_settings(candidate, settings or (), yes)
        done = place.put(
            candidate,
            settings=values,
            without=without,
            enabled=candidate.before.enabled if candidate.before else not disabled,
        )
    _installed(done)


@packs_app.command()
def update(
    packs: Annotated[
        list[str] | None, typer.Argument(help="Ids; all without any.", show_default=False)
    ] = None,
    yes: Yes = False,
    unsigned: Unsigned = False,
    source: Annotated[
        str | None, typer.Option("--from", help="Look there instead of where it came from.")
    ] = None,
    settings: Set = None,
) -> None:
    """Look for newer versions where packs came from, and use them.

    A version that may do no more than the one before is taken at once. One that wants more waits
    for your yes, and the old one is used until then.

    [bold]Examples[/]

      hearth skill update
      hearth skill update coffee-machine --from coffee-machine-1.3.0.hearth
    """
    place = shelf()
    wanted = [place.get(name) for name in packs] if packs else place.installed()
    if source and len(wanted) != 1:
        raise typer.BadParameter("--from is for one pack: name it")
    if not wanted:
        err.print("[dim]No packs are installed.[/]")
    waiting = False
    for installed in wanted:
        try:
            waiting |= not _updated(place, installed, source, yes, unsigned, settings or ())
        except HearthError as error:
            terminal.fail(f"{installed.pack.id}: {error}")
            waiting = True
    _deny_withdrawn(place, yes)
    if waiting:
        raise typer.Exit(1)


def _updated(
    place: Shelf,
    installed: Installed,
    source: str | None,
    yes: bool,
    unsigned: bool,
    settings: Sequence[str],
) -> bool:
    """Update one pack; False if it waits for a yes."""
    pack = installed.pack
    with place.staging() as staging:
        found, listed = _fetched(place, source or installed.source, staging, None, None)
        # Who took it unsigned gets the next one so, too.
        candidate = place.examine(
            found.folder, found.source, unsigned=unsigned or not installed.signed
        )
        if candidate.pack.id != pack.id:
            raise PackError(f"{found.source} is {candidate.pack.id}, not {pack.id}")
        _check_listed(candidate, listed)
        if candidate.digest == installed.digest:
            out.print(f"[dim]{escape(str(pack))} is the newest[/]")
            return True
        lacking = _lacking(candidate, settings)
        if candidate.more or lacking or candidate.first_key:
            _show_update(candidate)
            if not yes and not _attended():
                out.print(
                    f"[yellow]{escape(str(pack))} stays in use.[/] "
                    f"`hearth skill update {pack.id}` in a terminal asks you"
                )
                return False
            _ask("Take the new version?", yes)
        values = _asked_settings(candidate, settings, yes)
        _installed(place.put(candidate, settings=values, enabled=installed.enabled))
    return True


def _fetched(
    place: Shelf, source: str, staging: Path, index: str | None, index_key: str | None
) -> tuple[sources.Fetched, Entry | None]:
    """A pack, and what the index says of it that it was found in."""
    if source.startswith("index:"):
        address, _, name = source.removeprefix("index:").rpartition("#")
        looked = [_index(place, address, None)]
    elif index:
        looked, name = [_index(place, index, index_key)], source
    elif _is_name(source):
        looked, name = [_index(place, known, None) for known in place.indexes()], source
    else:
        looked, name = [], ""
    for one in looked:
        if (entry := one.newest(name)) is not None:
            address = one.address(entry)
            found = sources.fetch(address, staging, sha256=entry.sha256)
            return replace(found, source=f"index:{one.place}#{name}"), entry
    if index or source.startswith("index:"):
        raise PackError(f"{name}: is not in the index, or in no version for this hub")
    return sources.fetch(source, staging), None


def _is_name(source: str) -> bool:
    return not Path(source).exists() and not set(source) & set("/:@=<>")


def _index(place: Shelf, address: str, key: str | None) -> Index:
    """An index, whose key is pinned when it is seen first."""
    with place.staging() as staging:
        pinned, serial = place.indexes().get(_normal(address), (None, 0))
        wanted = _public_key(key) if key else pinned
        found = indexes.load(address, staging, key=wanted, serial=serial)
    if pinned is None:
        err.print(
            f"[dim]{escape(found.place)} is signed with key {found.key.id}, which is known as its "
            "own from now on[/]",
            soft_wrap=True,
        )
    place.remember_index(found.place, found.key, found.serial)
    return found


def _normal(address: str) -> str:
    if "://" in address:
        return address
    path = Path(address).expanduser().resolve()
    return str(path / indexes.FILE if path.is_dir() else path)


def _check_listed(candidate: Candidate, listed: Entry | None) -> None:
    if listed is not None and (candidate.pack.id, candidate.pack.version) != (
        listed.id,
        listed.version,
    ):
        raise PackError(
            f"the index says that this is {listed.id} {listed.version}, but it is {candidate.pack}"
        )


def _deny_withdrawn(place: Shelf, yes: bool) -> None:
    """Offer to deny what the keeper of an index has withdrawn since."""
    for address in place.indexes():
        try:
            lines = _index(place, address, None).denied
        except HearthError as error:
            terminal.fail(str(error))
            continue
        for line in lines:
            denied = place.denial(line)
            for installed in place.installed():
                if installed.refused or not denied.applies(
                    installed.pack, installed.key_id, installed.digest
                ):
                    continue
                err.print(
                    f"[red]{escape(str(installed.pack))} was withdrawn[/] by {escape(address)}: "
                    f"{escape(line)}"
                )
                if yes or (_attended() and typer.confirm("Use it no more?", default=True)):
                    place.deny(line)
                    after_change()


# --- what is said before a yes --------------------------------------------------------------------


def _show_candidate(candidate: Candidate, without: Iterable[str]) -> None:
    pack = candidate.pack
    out.print(
        f"[bold]{escape(pack.name)}[/] [dim]{escape(f'{pack} · {pack.licence}')}[/]",
        soft_wrap=True,
    )
    if pack.description:
        out.print(escape(pack.description), soft_wrap=True)
    _show_signature(candidate)
    _show_permissions("It may", candidate.more)
    if kept := list(without):
        out.print(f"  [dim]but you keep from it: {escape(', '.join(kept))}[/]")
    out.print(f"Of its tools, the riskiest {_RISKS[pack.risk]} ({pack.risk}).", soft_wrap=True)
    if pack.run is not None:
        out.print(f"[dim]It is started as: {escape(' '.join(pack.run.command))}[/]", soft_wrap=True)


def _show_update(candidate: Candidate) -> None:
    pack, before = candidate.pack, candidate.before
    assert before is not None
    out.print(
        f"[bold]{escape(pack.name)}[/] {escape(before.pack.version)} → {escape(pack.version)}",
        soft_wrap=True,
    )
    _show_signature(candidate)
    if candidate.more:
        _show_permissions("[yellow]The new version wants more:[/] it may also", candidate.more)
    else:
        out.print("It may do no more than before.")


def _show_signature(candidate: Candidate) -> None:
    if candidate.key is None:
        out.print(
            "[red]Nobody signed it:[/] who made it, and whether it was changed on the way, "
            "cannot be told.",
            soft_wrap=True,
        )
    elif candidate.first_key:
        out.print(
            f"Signed with key {candidate.key.id}, which is known as its author's from now on.",
            soft_wrap=True,
        )
    else:
        out.print(f"Signed with key {candidate.key.id}, as it should be.")


def _show_permissions(beginning: str, words: Sequence[str]) -> None:
    if not words:
        out.print(f"{beginning} do nothing but answer.")
        return
    out.print(beginning)
    for word in words:
        out.print(f"  • {escape(word)}", soft_wrap=True)


def _attended() -> bool:
    """Whether somebody can answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def _ask(question: str, yes: bool) -> None:
    """Go on only after a yes. Raises PackError where nobody can be asked."""
    if yes:
        return
    if not _attended():
        raise PackError("nobody is here to be asked; --yes says yes to it")
    if not typer.confirm(question):
        err.print("Nothing was changed.")
        raise typer.Exit(1)


def _asked_settings(candidate: Candidate, given: Sequence[str], yes: bool) -> dict[str, Value]:
    """Settings from the command line, and those asked for that are new. Raises PackError."""
    known = candidate.pack.settings
    values = _parsed(candidate.pack.id, known, given)
    had = candidate.before.settings if candidate.before else {}
    for name, setting in known.items():
        if name in values or name in had:
            continue
        if _attended() and not yes:
            values[name] = _prompted(setting)
    if missing := [
        name
        for name, setting in known.items()
        if setting.default is None and name not in values and name not in had
    ]:
        options = " ".join(f"--set {name}=…" for name in missing)
        raise PackError(f"{candidate.pack.id} cannot do without: {options}")
    return values


def _lacking(candidate: Candidate, given: Sequence[str]) -> bool:
    """Whether a new version needs a setting that there is no value for."""
    had = candidate.before.settings if candidate.before else {}
    named = {text.partition("=")[0] for text in given}
    return any(
        setting.default is None and name not in had and name not in named
        for name, setting in candidate.pack.settings.items()
    )


def _prompted(setting: Setting) -> Value:
    """A value from the person; asked again until it is one."""
    question = f"{setting.title or setting.name} ({setting.expected()})"
    while True:
        default = None if setting.default is None else _written(setting.default)
        text = typer.prompt(question, default=default, hide_input=setting.secret)
        try:
            return setting.parse(str(text))
        except PackError as error:
            terminal.fail(str(error))


def _parsed(pack_id: str, known: Mapping[str, Setting], given: Sequence[str]) -> dict[str, Value]:
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise PackError(f"{text!r:.60}: write NAME=VALUE")
        if name not in known:
            raise PackError(
                f"{pack_id} has no setting {name!r:.40}; it has: {', '.join(known) or 'none'}"
            )
        values[name] = known[name].parse(_from_file(value))
    return values


def _from_file(value: str) -> str:
    """`@FILE`: what a file holds, for passwords; `@@…` is `@…`."""
    if not value.startswith("@"):
        return value
    if value.startswith("@@"):
        return value[1:]
    try:
        return Path(value[1:]).expanduser().read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        raise PackError(f"{value[1:]}: {reason(error)}") from error


def _public_key(text: str) -> PublicKey:
    path = Path(text).expanduser()
    try:
        if len(text) < 200 and path.is_file():
            return signing.read_public(path.read_text(encoding="utf-8"), str(path))
    except (OSError, ValueError) as error:
        raise PackError(f"{path}: {reason(error)}") from error
    return signing.read_public(text, f"{text!r:.80}")


def _installed(installed: Installed) -> None:
    state = "enabled" if installed.enabled else "not enabled"
    mark = "" if installed.signed else " [red](unsigned)[/]"
    out.print(
        f"[green]✓[/] {escape(str(installed.pack))}{mark} is installed and {state}", soft_wrap=True
    )
    if installed.refused:
        terminal.fail(installed.refused)
    elif installed.enabled and (phrases := _phrases(installed)):
        out.print(f"[dim]It understands: {escape(' · '.join(phrases))}[/]", soft_wrap=True)
    after_change()


def _phrases(installed: Installed) -> list[str]:
    """Some of what can be said to it, as its author wrote it."""
    found = [text for tool in installed.pack.tools.values() for text in tool.phrases.get("en", ())]
    for tool in installed.tools or ():
        for row in tool.get("_meta", {}).get("hearth", ()):
            found += [*row.get("examples", ()), *row.get("phrases", {}).get("en", ())]
    return found[:3]


# --- what is here ---------------------------------------------------------------------------------


@packs_app.command(name="list")
def list_packs(as_json: Json = False) -> None:
    """Show the packs that are installed.

    [bold]Examples[/]

      hearth skill list
      hearth skill list --json
    """
    place = shelf()
    installed, problems = place.installed(), place.problems()
    if as_json:
        for one in installed:
            terminal.row(_described(one))
    elif installed:
        table = Table("", "id", "version", "name", "signed", "", header_style="bold", box=None)
        for one in installed:
            table.add_row(
                "●" if one.usable else "",
                escape(one.pack.id),
                escape(one.pack.version),
                escape(one.pack.name),
                one.key_id if one.signed else "[red]unsigned[/]",
                _state(one),
            )
        out.print(table)
    elif not problems:
        err.print("[dim]No packs are installed; `hearth skill search` finds some.[/]")
    for problem in problems:
        terminal.fail(str(problem))
    if problems:
        raise typer.Exit(1)


def _state(installed: Installed) -> str:
    if installed.refused:
        return f"[red]{escape(installed.refused)}[/]"
    return "" if installed.enabled else "[dim]disabled[/]"


def _described(installed: Installed) -> dict[str, Any]:
    pack = installed.pack
    return {
        "id": pack.id,
        "name": pack.name,
        "version": pack.version,
        "description": pack.description,
        "licence": pack.licence,
        "risk": pack.risk,
        "enabled": installed.enabled,
        "usable": installed.usable,
        "refused": installed.refused,
        "signed": installed.signed,
        "key": installed.key_id,
        "digest": installed.digest,
        "source": installed.source,
        "folder": str(installed.folder),
        "tools": [{"name": tool.name, "risk": tool.risk} for tool in pack.tools.values()],
        "permissions": installed.granted.to_table(),
        "may": installed.granted.in_words(),
        "settings": _shown_settings(installed),
    }


def _shown_settings(installed: Installed) -> dict[str, Value | None]:
    """What is secret is not shown again."""
    known = installed.pack.settings
    return {
        name: "••••"
        if setting.secret and name in installed.settings
        else installed.settings.get(name)
        for name, setting in known.items()
    }


@packs_app.command()
def info(pack: PackId, as_json: Json = False) -> None:
    """Show all that is known of a pack.

    [bold]Examples[/]

      hearth skill info coffee-machine
      hearth skill info coffee-machine --json
    """
    place = shelf()
    installed = place.get(pack)
    if as_json:
        terminal.row({**_described(installed), "versions": place.versions(pack)})
        return
    about = installed.pack
    out.print(
        f"[bold]{escape(about.name)}[/] [dim]{escape(f'{about} · {about.licence}')}[/]",
        soft_wrap=True,
    )
    if about.description:
        out.print(escape(about.description), soft_wrap=True)
    signed = f"key {installed.key_id}" if installed.signed else "[red]nobody[/]"
    rows = {
        "state": _state(installed) or "[green]enabled[/]",
        "from": escape(installed.source),
        "signed by": signed,
        "content": f"[dim]sha256 {installed.digest}[/]",
        "versions here": escape(", ".join(place.versions(pack))),
        "tools": escape(", ".join(f"{t.name} ({t.risk})" for t in about.tools.values())),
    }
    for name, value in rows.items():
        out.print(f"[dim]{name:>13}[/]  {value}", soft_wrap=True)
    _show_permissions("It may", installed.granted.in_words())
    for name, given in _shown_settings(installed).items():
        out.print(f"  [dim]{escape(name)} =[/] {escape(_written(given))}", soft_wrap=True)


def _written(value: Value | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


@packs_app.command()
def verify(
    packs: Annotated[
        list[str] | None, typer.Argument(help="Ids; all without any.", show_default=False)
    ] = None,
) -> None:
    """Read packs and compare them with their signatures, as is done each time one is started.

    [bold]Examples[/]

      hearth skill verify
    """
    place = shelf()
    wrong = place.problems() if not packs else []
    for installed in [place.get(name) for name in packs] if packs else place.installed():
        try:
            place.verify(installed)
        except PackError as error:
            wrong.append(error)
            continue
        signed = f"signed with key {installed.key_id}" if installed.signed else "[red]unsigned[/]"
        out.print(f"[green]✓[/] {escape(str(installed.pack))} [dim]{signed}[/]")
    for problem in wrong:
        terminal.fail(str(problem))
    if wrong:
        raise typer.Exit(1)


@packs_app.command()
def unit(pack: PackId) -> None:
    """Print what a pack's systemd unit needs to know of it; anew after each update of the pack.

    [bold]Examples[/]

      hearth skill unit coffee-machine

    It goes into /etc/systemd/system/hearth-pack@coffee-machine.service.d/pack.conf.
    """
    from hub.packs import units

    installed = shelf().get(pack)
    text = units.drop_in(installed.pack, installed.folder, installed.granted.memory_mb)
    print(text, end="")


@packs_app.command()
def enable(pack: PackId) -> None:
    """Use a pack again.

    [bold]Examples[/]

      hearth skill enable coffee-machine
    """
    from hub.packs.ledger import Ledger
    from hub.packs.remote import FAILURES

    found = shelf()
    done = found.set_enabled(pack, True)
    Ledger(found.folder / "state" / FAILURES).release(done.digest)
    out.print(f"{escape(str(done.pack))} is enabled")
    after_change()


@packs_app.command()
def disable(pack: PackId) -> None:
    """Leave a pack unused; it stays installed.

    [bold]Examples[/]

      hearth skill disable coffee-machine
    """
    done = shelf().set_enabled(pack, False)
    out.print(f"{escape(str(done.pack))} is disabled")
    after_change()


@packs_app.command()
def remove(pack: PackId, yes: Yes = False) -> None:
    """Take a pack away, with its settings and the record of what it did. Whose it is stays known.

    [bold]Examples[/]

      hearth skill remove coffee-machine
    """
    place = shelf()
    if pack not in place.ids():
        place.get(pack)  # says what there is
    _ask(f"Remove {pack} and its settings?", yes)
    place.remove(pack)
    out.print(f"{escape(pack)} is removed")
    after_change()
    Audit(place.folder / "state" / "audit").forget(pack)


@packs_app.command()
def rollback(pack: PackId) -> None:
    """Use the version of a pack that was used before.

    [bold]Examples[/]

      hearth skill rollback coffee-machine
    """
    done = shelf().rollback(pack)
    out.print(f"{escape(str(done.pack))} is used again")
    after_change()


@packs_app.command()
def permissions(
    pack: PackId,
    without: Without = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Give it all that it asks for.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a pack may do, or keep some of it from it.

    [bold]Examples[/]

      hearth skill permissions coffee-machine
      hearth skill permissions coffee-machine --without speak --without network
      hearth skill permissions coffee-machine --all
    """
    place = shelf()
    if without or everything:
        if without and everything:
            raise typer.BadParameter("either --without, or --all")
        installed = place.withhold(pack, without or ())
        after_change()
    else:
        installed = place.get(pack)
    asked: Permissions = installed.pack.permissions
    withheld = asked.beyond(installed.granted)
    if as_json:
        terminal.row(
            {
                "id": pack,
                "granted": installed.granted.to_table(),
                "may": installed.granted.in_words(),
                "may_not": withheld,
                "risk": installed.pack.risk,
            }
        )
        return
    _show_permissions(f"{escape(installed.pack.name)} may", installed.granted.in_words())
    if withheld:
        out.print("You keep from it to")
        for word in withheld:
            out.print(f"  [dim]•[/] {escape(word)}", soft_wrap=True)
    out.print(f"Of its tools, the riskiest {_RISKS[installed.pack.risk]} ({installed.pack.risk}).")


@packs_app.command()
def settings(
    pack: PackId,
    values: Annotated[
        list[str] | None,
        typer.Argument(help="NAME=VALUE; NAME= for the default; NAME=@FILE.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the settings of a pack, or change them.

    [bold]Examples[/]

      hearth skill settings coffee-machine
      hearth skill settings coffee-machine cups=2 sugar=
    """
    place = shelf()
    installed = place.get(pack)
    known = installed.pack.settings
    if values:
        back = [text.removesuffix("=") for text in values if text.endswith("=")]
        given = _parsed(pack, known, [text for text in values if not text.endswith("=")])
        installed = place.set_settings(pack, {**given, **dict.fromkeys(back, None)})
        after_change()
    if as_json:
        terminal.row({"id": pack, "settings": _shown_settings(installed)})
        return
    if not known:
        err.print(f"[dim]{escape(pack)} has no settings.[/]")
    for name, value in _shown_settings(installed).items():
        setting = known[name]
        meaning = f"{setting.title}: {setting.expected()}" if setting.title else setting.expected()
        shown = _written(value) or "[red]missing[/]" if value is None else escape(_written(value))
        out.print(f"{escape(name)} = {shown}  [dim]{escape(meaning)}[/]", soft_wrap=True)
    if installed.refused:
        terminal.fail(installed.refused)


# --- catalogues -----------------------------------------------------------------------------------


@packs_app.command()
def search(
    words: Annotated[
        list[str] | None, typer.Argument(help="What it should do.", show_default=False)
    ] = None,
    index: IndexPlace = None,
    index_key: IndexKey = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Look into that --index no more.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find packs in indexes. An index that you name once is looked into from then on.

    [bold]Examples[/]

      hearth skill search coffee --index https://skills.example/index.json
      hearth skill search
    """
    place = shelf()
    if forget:
        if not index:
            raise typer.BadParameter("say which --index")
        place.forget_index(_normal(index))
        out.print(f"{escape(index)} is looked into no more")
        return
    known = [index] if index else list(place.indexes())
    if not known:
        raise PackError("no index is known: name one with --index, an https address or a file")
    here = {one.pack.id: one.pack.version for one in place.installed()}
    failed = found = 0
    for address in known:
        try:
            one = _index(place, address, index_key)
        except HearthError as error:
            terminal.fail(str(error))
            failed += 1
            continue
        for entry in one.search(" ".join(words or ())):
            found += 1
            _show_entry(one, entry, here.get(entry.id), as_json)
    if not found and not as_json:
        err.print("[dim]Nothing was found.[/]")
    if failed:
        raise typer.Exit(1)


def _show_entry(index: Index, entry: Entry, here: str | None, as_json: bool) -> None:
    if as_json:
        terminal.row(
            {
                "id": entry.id,
                "name": entry.name,
                "version": entry.version,
                "description": entry.description,
                "risk": entry.risk,
                "licence": entry.licence,
                "may": list(entry.may),
                "installed": here,
                "index": index.place,
            }
        )
        return
    installed = f" [green](here: {escape(here)})[/]" if here else ""
    out.print(
        f"[bold]{escape(entry.id)}[/] {escape(entry.version)}  {escape(entry.name)}{installed}",
        soft_wrap=True,
    )
    out.print(f"  {escape(entry.description)}", soft_wrap=True)
    may = "; ".join(entry.may) or "do nothing but answer"
    out.print(f"  [dim]it may {escape(may)}[/]", soft_wrap=True)


@packs_app.command()
def deny(
    line: Annotated[list[str], typer.Argument(help="ID, ID '<1.3', key KEYID, or sha256 DIGEST.")],
) -> None:
    """Never use a pack, some versions of it, or anything signed with a key.

    The list is a text file; what you delete there may be used again.

    [bold]Examples[/]

      hearth skill deny coffee-machine
      hearth skill deny key E681CC9F0AFF2947
    """
    place = shelf()
    denied = place.deny(" ".join(line))
    out.print(f"'{escape(denied.line)}' is in {escape(str(place.denylist))}", soft_wrap=True)
    after_change()


# --- for authors ----------------------------------------------------------------------------------


@packs_app.command(name="pack")
def build(
    folder: Annotated[Path, typer.Argument(help="The folder with pack.toml.")],
    key: KeyFile = None,
    to: Annotated[Path, typer.Option("--to", help="Where the file goes.")] = Path(),
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Sign the folder itself, for git or a Python package."),
    ] = False,
) -> None:
    """Make one file of a pack's folder. The same folder always gives the same bytes.

    [bold]Examples[/]

      hearth skill pack coffee --key ~/.minisign/minisign.key
      hearth skill pack coffee --key my.key --in-place
    """
    secret = _secret_key(key) if key else None
    if in_place:
        if secret is None:
            raise typer.BadParameter("--in-place signs, and needs --key")
        for path in packing.sign(folder, secret):
            out.print(escape(str(path)), soft_wrap=True)
        return
    path = packing.build(folder, to, secret)
    signed = f"signed with key {secret.public.id}" if secret else "[yellow]not signed[/]"
    size = path.stat().st_size / 1000
    out.print(f"[green]✓[/] {escape(str(path))} [dim]{size:.0f} kB[/], {signed}", soft_wrap=True)
    out.print(f"[dim]sha256 {sources.hash_of(path)}[/]", soft_wrap=True)


@packs_app.command(name="index")
def make_index(
    folder: Annotated[Path, typer.Argument(help="The folder with the .hearth files.")],
    key: Annotated[Path, typer.Option("--key", "-k", help="Your secret key.")],
    name: Annotated[str, typer.Option("--name", help="What the index is called.")] = "",
    withdraw: Annotated[
        list[str] | None,
        typer.Option("--withdraw", help="Line for the denylist of those who use it."),
    ] = None,
) -> None:
    """Make an index of the signed packs in a folder, to be put on a web server or a disk.

    [bold]Examples[/]

      hearth skill index packs/ --key my.key --name "Our skills"
    """
    path = indexes.make(folder, _secret_key(key), name=name, denied=withdraw or ())
    out.print(f"[green]✓[/] {escape(str(path))} and its signature", soft_wrap=True)


def _secret_key(path: Path) -> SecretKey:
    def password() -> str:
        if not _attended():
            raise PackError(f"{path}: is encrypted, and nobody is here to type its password")
        return str(typer.prompt(f"Password of {path}", hide_input=True, err=True))

    return signing.read_secret(path.expanduser(), password)


@keys_app.callback(invoke_without_command=True)
def keys(context: typer.Context, as_json: Json = False) -> None:
    """Without a command: show which key each pack and index is bound to."""
    if context.invoked_subcommand is not None:
        return
    place = shelf()
    bound: dict[str, PublicKey] = {
        **place.keys(),
        **{address: key for address, (key, _) in place.indexes().items()},
    }
    for name, key in bound.items():
        if as_json:
            terminal.row({"for": name, "id": key.id, "key": str(key)})
        else:
            out.print(f"{escape(name)}  {key.id}  [dim]{key}[/]", soft_wrap=True)
    if not bound and not as_json:
        err.print("[dim]No key is known yet.[/]")


@keys_app.command(name="new")
def new_key(
    path: Annotated[
        Path, typer.Argument(help="Where the secret key goes; its public one beside it, .pub.")
    ] = Path("~/.minisign/minisign.key"),
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Do not encrypt it: for machines.")
    ] = False,
) -> None:
    """Make a key to sign packs with, as the tool minisign makes and reads it.

    [bold]Examples[/]

      hearth skill keys new
      hearth skill keys new my.key --no-password
    """
    path = path.expanduser()
    password = ""
    if not no_password:
        if not _attended():
            raise PackError("nobody is here to type a password; --no-password makes one without")
        password = str(
            typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        )
    key = SecretKey.new()
    key.write(path, password)
    public = path.with_suffix(".pub")
    try:
        with public.open("x", encoding="utf-8") as file:
            file.write(key.public.to_file())
    except OSError as error:
        raise PackError(f"{public}: {reason(error)}; the secret key is in {path}") from error
    out.print(f"[green]✓[/] {escape(str(path))} [dim]keep it; whoever has it is you[/]")
    out.print(
        f"[green]✓[/] {escape(str(public))} [dim]give it to everybody: {key.public}[/]",
        soft_wrap=True,
    )


@keys_app.command()
def trust(
    pack: PackId,
    key: Annotated[str, typer.Argument(help="The new public key, or a file with it.")],
    yes: Yes = False,
) -> None:
    """Take updates of a pack that are signed with another key than before.

    Ask its author where you know them from: whoever has changed a pack has another key, too.

    [bold]Examples[/]

      hearth skill keys trust coffee-machine new.pub
    """
    place = shelf()
    new = _public_key(key)
    old = place.keys().get(pack)
    if old == new:
        err.print(f"[dim]It is key {new.id} already.[/]")
        return
    before = f", no longer {old.id}" if old else ""
    _ask(f"Does {pack} belong to key {new.id}{before}?", yes)
    place.trust(pack, new)
    out.print(f"{escape(pack)} belongs to key {new.id}")


@keys_app.command()
def forget(pack: PackId, yes: Yes = False) -> None:
    """Forget whose a pack was, and which version, after it was removed.

    [bold]Examples[/]

      hearth skill keys forget coffee-machine
    """
    _ask(f"Take {pack} from anybody the next time?", yes)
    shelf().forget_key(pack)
    out.print(f"nothing is known of {escape(pack)} any more")
