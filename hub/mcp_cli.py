"""`hearth mcp`: the home's tools for programs with a language model."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TextIO

import typer

from hub import config, terminal
from hub.config import Config
from hub.options import HomeFile
from hub.terminal import escape

Http = Annotated[
    str | None,
    typer.Option("--http", help="Listen for clients at this address, such as 127.0.0.1:8765."),
]


def mcp(
    http: Http = None,
    home: HomeFile = None,
    only_people: Annotated[
        bool,
        typer.Option(
            "--only-people",
            help="What needs a yes needs it of a person whom the client asks; no model's word.",
        ),
    ] = False,
    show_token: Annotated[
        bool, typer.Option("--show-token", help="Print the token that clients need, and end.")
    ] = False,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Let in whoever is on this machine.")
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="What clients call this machine, if not by its own name."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="PEM file, for https.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="PEM file of its key.")] = None,
) -> None:
    """Offer the home to MCP clients: its tools, its states, and a sentence to be said.

    Without --http a client starts this command by itself and speaks with it over standard input
    and output. A running hub (`hearth run`) is used if there is one, otherwise the home is opened
    while it is asked for something.

    [bold]Examples[/]

      hearth mcp
      hearth mcp --http 127.0.0.1:8765
      hearth mcp --show-token
    """
    settings = config.load()
    if show_token:
        from hub.bridges.mcp_http import token_of

        print(token_of(settings.hub.data))
        return
    with suppress(asyncio.CancelledError):
        if http is None:
            _only_with_http(no_token=no_token, name=name, certificate=certificate, key=key)
            from hub.bridges.mcp_stdio import claim_output

            asyncio.run(_stdio(settings, home, only_people, claim_output()))
        else:
            if (certificate is None) != (key is None):
                raise typer.BadParameter("--certificate and --key belong together")
            tls = (certificate, key) if certificate and key else None
            asyncio.run(_http(settings, home, only_people, http, no_token, name or [], tls))


def _only_with_http(**given: object) -> None:
    for option, value in given.items():
        if value:
            raise typer.BadParameter(f"--{option.replace('_', '-')} is for --http")


async def _stdio(settings: Config, home: Path | None, only_people: bool, output: TextIO) -> None:
    from hub.bridges.mcp import Policy
    from hub.bridges.mcp_link import open_door
    from hub.bridges.mcp_stdio import serve_stdio

    _end_with_sigterm()
    async with open_door(settings, home) as door:
        await serve_stdio(door, output, Policy(only_people))


async def _http(
    settings: Config,
    home: Path | None,
    only_people: bool,
    where: str,
    no_token: bool,
    names: list[str],
    tls: tuple[Path, Path] | None,
) -> None:
    from hub.bridges.mcp import Policy
    from hub.bridges.mcp_http import Address, Tls, serve_http, token_of
    from hub.bridges.mcp_link import open_door

    _end_with_sigterm()
    address = Address.of(where)
    token = None if no_token else token_of(settings.hub.data)
    address.check(token)
    async with (
        open_door(settings, home) as door,
        serve_http(
            door,
            address,
            token,
            policy=Policy(only_people),
            names=frozenset(names),
            tls=Tls(*tls) if tls else None,
        ) as url,
    ):
        terminal.out.print(f"[bold]MCP at {escape(url)}[/] [dim](Ctrl-C ends)[/]", soft_wrap=True)
        if not address.local and tls is None:
            terminal.fail(
                "who listens in on this network can read the token; "
                "--certificate and --key keep it to yourself"
            )
        await asyncio.Event().wait()


def _end_with_sigterm() -> None:
    """SIGTERM ends it as the end of the input does: what is open is put away."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
