"""`hearth backup` and `hearth restore`."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hub import config, terminal
from hub.errors import HearthError, reason
from hub.options import Json
from hub.terminal import escape

CREDENTIAL = "backup_password"
"""systemd's name for the password, in $CREDENTIALS_DIRECTORY."""
SHORTEST = 8
"""Characters of a password."""

PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="A file with the password in its first line."),
]


def backup(
    to: Annotated[
        Path | None, typer.Argument(help="File or folder; none: this one.", show_default=False)
    ] = None,
    password_file: PasswordFile = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Without a password: whoever has it can read it.")
    ] = False,
    keep: Annotated[
        int, typer.Option("--keep", min=0, help="Of a folder, so many are kept; 0: all.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Write all that the hub knows, and its settings, to one encrypted file. The hub may run.

    Models are not in it; `hearth models fetch` gets them again.

    [bold]Examples[/]

      hearth backup
      hearth backup /media/stick --keep 7 --password-file ~/.hearth-backup-password
    """
    from hub import backup as backups

    settings = config.load()
    password = None if plain else _password(password_file, twice=True)
    now = datetime.now()
    target = to or Path.cwd()
    if target.is_dir() or not target.suffix:
        target = target / backups.name(now)
    files = backups.make(target, settings.hub.data, config.default_path(), password)
    gone = backups.thin_out(target.parent, keep) if keep else []
    size = target.stat().st_size
    if as_json:
        terminal.row({"file": str(target), "files": files, "bytes": size, "removed": len(gone)})
        return
    terminal.out.print(f"{escape(str(target))}: {files} files, {size / 1e6:.1f} MB")
    if plain:
        terminal.out.print("It is not encrypted: whoever has it knows what is kept here.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `hearth backup` wrote.")],
    password_file: PasswordFile = None,
    without_settings: Annotated[
        bool, typer.Option("--without-settings", help="Leave the settings as they are.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Put back what is in a backup. The hub must not run. What is there now is kept beside.

    [bold]Examples[/]

      systemctl stop hearth; hearth restore hearth-2026-11-27-113000.tar
    """
    from hub import backup as backups
    from hub.app import lock

    settings = config.load()
    known = backups.about(file)
    password = _password(password_file, twice=False) if known.encrypted else None
    question = f"Restore what was kept on {known.created[:10]} in the place of what is there now?"
    if not yes and not typer.confirm(question, err=True):
        raise typer.Exit(1)
    where = None if without_settings else config.default_path()

    async def alone() -> backups.Restored:
        async with lock(settings):
            return await asyncio.to_thread(
                backups.restore, file, settings.hub.data, where, password
            )

    done = asyncio.run(alone())
    if as_json:
        kept = str(done.kept) if done.kept else None
        terminal.row({**known.document(), "files": done.files, "before": kept})
        return
    terminal.out.print(f"{done.files} files of {known.created[:10]} are back.")
    if done.kept is not None:
        terminal.out.print(f"What was there before is in {escape(str(done.kept))}")


def _password(file: Path | None, *, twice: bool) -> str:
    """From a file, systemd's credentials, or asked for. Raises HearthError."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    given = file or (Path(folder) / CREDENTIAL if folder else None)
    if given is not None:
        password = _first_line(given, private=file is not None)
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True)
    else:
        raise HearthError(
            "a password is needed: name a file that has it with --password-file, "
            "or take --plain for a backup that anybody can read"
        )
    if len(password) < SHORTEST:
        raise HearthError(f"the password is too short: take {SHORTEST} characters or more")
    return password


def _first_line(path: Path, *, private: bool) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HearthError(f"{path}: the password cannot be read: {reason(error)}") from error
    if private and stat.S_IMODE(mode) & 0o077:
        raise HearthError(f"{path}: others can read this password: chmod 600 {path}")
    return text.split("\n", 1)[0].strip("\r")
