"""All sins against the walls, each in a pack with a unit of its own. For root, where systemd is
process 1: `python -m tests.hostile_packs.under_systemd FOLDER UNITS`. Prints a line of JSON for
each that tells whether it worked. That each would work without walls,
`tests/test_isolation_hostile.py` shows."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from hub.packs import description, units
from hub.packs.remote import Packs
from tests.fakes import House
from tests.hostile_packs import kit
from tests.hostile_packs.walls import SINS, Sin
from tests.hostile_packs.world import to_sin_against

AT_ONCE = 4
GOOD = Sin("nothing", "pass")
"""The control: what does not sin, works."""
SERVED = "served"


def main(place: Path, there: Path) -> None:
    place.mkdir(parents=True)
    sins = {f"sin{number}": sin for number, sin in enumerate([GOOD, *SINS])}
    os.environ["HEARTH_CANARY"] = "canary"
    with to_sin_against(place) as known:
        folders = [_placed(place, there, name, sin, known["secret"]) for name, sin in sins.items()]
        # Not hosted by us: an MCP server, with a setting and a library of its own.
        folder, served = kit.of_a_server(place / "packs", python="python3", pack_id=SERVED)
        _unit(there, folder)
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        sockets = [f"hearth-pack@{name}.socket" for name in (*sins, SERVED)]
        subprocess.run(["systemctl", "start", *sockets], check=True)
        known["descriptor"] = os.open("/etc/hostname", os.O_RDONLY)
        os.set_inheritable(known["descriptor"], True)
        asyncio.run(_all_called(sins, folders, json.dumps(known), served))


async def _all_called(
    sins: dict[str, Sin], folders: list[Path], known: str, served: kit.Shelf
) -> None:
    several = asyncio.Semaphore(AT_ONCE)
    async with House() as house:

        async def call(name: str, folder: Path) -> None:
            packs = Packs(kit.Shelf(folder), house.home)
            async with several:
                ran = await kit.call(packs, house.home, name, hint=known)
                await packs.close()
            told = {"sin": sins[name].name, "worked": ran.worked, "error": str(ran.error)}
            print(json.dumps(told), flush=True)

        await asyncio.gather(*map(call, sins, folders))
        packs = Packs(served, house.home)
        ran = await kit.call(packs, house.home, SERVED)
        await packs.close()
        print(json.dumps({"server": ran.said, "error": str(ran.error)}), flush=True)


def _placed(place: Path, there: Path, name: str, sin: Sin, secret: str) -> Path:
    """The pack, its link, and the drop-in of its unit."""
    # What may be written to is elsewhere than behind bubblewrap.
    sin = replace(sin, body=sin.body.replace('"/tmp/', '"/scratch/'))
    folder = kit.write(place / "packs", kit.code(sin.body), pack_id=name)
    (folder / "link").unlink(missing_ok=True)
    (folder / "link").symlink_to(secret)
    _unit(there, folder)
    return folder


def _unit(there: Path, folder: Path) -> None:
    pack = description.read(folder)
    drop_in = there / units.folder(pack.id) / units.NAME
    drop_in.parent.mkdir()
    drop_in.write_text(units.drop_in(pack, folder, 64))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
