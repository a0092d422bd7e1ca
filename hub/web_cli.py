"""`hearth web`: the page for phones and browsers in the house, and its password."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from hub import config, control, terminal
from hub.errors import HearthError
from hub.options import Json
from hub.terminal import escape

web_app = typer.Typer(
    help="""The page for phones and browsers in the house. A password is all that it needs.

    [bold]Examples[/]

      hearth web password
      hearth web
    """,
    rich_markup_mode="rich",
)


@web_app.callback(invoke_without_command=True)
def web(context: typer.Context, as_json: Json = False) -> None:
    """Without a command: tell where the page is."""
    if context.invoked_subcommand is not None:
        return
    settings = config.load()
    there = _password(settings).there
    answer = asyncio.run(_asked(settings, changed=False))
    if as_json:
        terminal.row({"password": there, "running": answer is not None, **(answer or {})})
    elif not there:
        told = "There is no page: 'hearth web password' sets a password, then there is one."
        terminal.out.print(escape(told))
    else:
        _tell(answer)


@web_app.command()
def password(
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove it: then there is no page any more.")
    ] = False,
) -> None:
    """Set the password of the page: 8 characters or more, asked for twice where a person types;
    else a line of standard input. It is kept as a hash alone. Whoever was logged in is no more.

    [bold]Examples[/]

      hearth web password
      hearth web password --remove
    """
    settings = config.load()
    kept = _password(settings)
    if remove:
        if not kept.remove():
            raise HearthError("there is no password")
        asyncio.run(_asked(settings, changed=True))
        terminal.out.print("The password is removed; there is no page any more.")
        return
    if sys.stdin is not None and sys.stdin.isatty():
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = (sys.stdin.readline() if sys.stdin is not None else "").rstrip("\r\n")
    kept.set(str(given))
    terminal.out.print("The password is set.")
    _tell(asyncio.run(_asked(settings, changed=True)))


def _tell(answer: dict[str, Any] | None) -> None:
    if answer is None:
        terminal.out.print(escape("The page is there while a hub runs ('hearth run')."))
    elif answer.get("url"):
        terminal.out.print(f"The page is at [bold]{escape(answer['url'])}[/]")
    else:
        raise HearthError(answer.get("trouble") or "the hub that runs has no page; start it anew")


async def _asked(settings: config.Config, *, changed: bool) -> dict[str, Any] | None:
    """What the running hub says of its page; None if no hub is running."""
    return await control.ask(settings.hub.runtime, {"web": {"changed": changed}})


def _password(settings: config.Config) -> Any:
    from hub.bridges.web.access import FILE, Password

    return Password(settings.hub.data / FILE)
