"""Packs to test with: a good one, its key, and a shelf."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hub.packs import pack, signing, sources
from hub.packs.description import PackError
from hub.packs.shelf import Candidate, Installed, Shelf

DESCRIPTION = """\
id = "coffee-machine"
name = "Coffee machine"
version = "{version}"
sdk = ">=1,<2"
licence = "Apache-2.0"
description = "Orders coffee from a machine on MQTT."
risk = "{risk}"

[tools.order]
risk = "{risk}"

[permissions]
{permissions}

[settings.cups]
type = "integer"
default = 2
minimum = 1
maximum = 12
{settings}
"""
SKILL = '''\
from hub.skill import tool


@tool(phrases=["make [a] coffee"])
def order() -> str:
    """Order a coffee."""
    return "It is coming."
'''
KEY = signing.SecretKey(b"hearth-1", bytes(range(32)))
OTHER_KEY = signing.SecretKey(b"hearth-2", bytes(range(1, 33)))


def description(
    version: str = "1.2.0",
    *,
    permissions: str = 'mqtt = ["coffee/#"]',
    settings: str = "",
    risk: str = "R1",
) -> str:
    return DESCRIPTION.format(
        version=version, permissions=permissions, settings=settings, risk=risk
    )


def write(folder: Path, files: Mapping[str, str | bytes] | None = None, **about: str) -> Path:
    """A folder with a pack in it."""
    version = about.pop("version", "1.2.0")
    content: dict[str, str | bytes] = {
        "pack.toml": description(version, **about),
        "skill.py": SKILL,
        "phrases/de.toml": "order = ['mach [einen] Kaffee']\n",
        **(files or {}),
    }
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def built(
    place: Path,
    key: signing.SecretKey | None = KEY,
    files: Mapping[str, str | bytes] | None = None,
    **about: str,
) -> Path:
    """A packed pack in `place`."""
    folder = write(
        place / f"source-{about.get('version', '1.2.0')}-{os.urandom(4).hex()}", files, **about
    )
    return pack.build(folder, place, key)


def examined(
    shelf: Shelf,
    source: Path | str,
    staging: Path,
    *,
    unsigned: bool = False,
    key: signing.PublicKey | None = None,
) -> Candidate:
    found = sources.fetch(str(source), staging)
    return shelf.examine(found.folder, found.source, unsigned=unsigned, key=key)


def install(
    shelf: Shelf,
    source: Path | str,
    *,
    unsigned: bool = False,
    key: signing.PublicKey | None = None,
    **how: object,
) -> Installed:
    """Fetch, check and keep a pack, as the command does after a yes."""
    with shelf.staging() as staging:
        candidate = examined(shelf, source, staging, unsigned=unsigned, key=key)
        return shelf.put(candidate, **how)  # type: ignore[arg-type]


def refused(shelf: Shelf, source: Path | str, **how: bool) -> str:
    """Why a pack is not taken; empty if it is."""
    try:
        install(shelf, source, **how)
    except PackError as error:
        return str(error)
    return ""
