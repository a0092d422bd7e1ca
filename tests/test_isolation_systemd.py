"""Packs under systemd: the units are tight, and a pack answers at its socket."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hub.packs import description, sandbox, units
from hub.packs.remote import Packs
from tests.fakes import House
from tests.hostile_packs import kit
from tests.hostile_packs.kit import simple_house  # noqa: F401 - the fixture `house`

UNITS = Path(__file__).parent.parent / "systemd"
PYTHON = os.path.realpath(sys.executable)
MOST_EXPOSED = 5
"""Tenths, of ten."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)


def placed(folder: Path, pack: Path, command: list[str] | None = None) -> Path:
    """The units of a pack as the administrator puts them in place."""
    for name in ("hearth-pack@.socket", "hearth-pack@.service"):
        shutil.copy(UNITS / name, folder / name.replace("@", "@coin"))
    known = description.read(pack)
    if command:
        known = replace(known, run=description.Run(tuple(command)))
    more = folder / units.folder("coin")
    more.mkdir()
    (more / units.NAME).write_text(units.drop_in(known, pack, 64))
    return folder / "hearth-pack@coin.service"


@needs_systemd
@pytest.mark.parametrize("command", [None, ["node", "server.js", "50%", "$HOME", 'a "b"']])
def test_the_units_are_tight_and_correct(tmp_path: Path, command: list[str] | None) -> None:
    pack = kit.write(tmp_path, kit.code("pass"), pack_id="coin")
    folder = tmp_path / "units"
    folder.mkdir()
    unit = placed(folder, pack, command)
    scored = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit)],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
    )
    assert scored.returncode == 0, scored.stdout[-300:]
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
    )
    said = [line for line in checked.stderr.splitlines() if "hearth-pack" in line]
    # The interpreter is where the unit puts it, not where this machine has it.
    assert all("/python/bin/python3" in line for line in said), said


def test_names_with_blanks_quotes_and_per_cent_are_bound_as_they_are(tmp_path: Path) -> None:
    """Source and target apart: a colon within quotes separates nothing (systemd.exec(5))."""
    pack = kit.write(tmp_path, kit.code("pass"), pack_id="coin")
    known = description.read(pack)
    for name, written in {
        "plain": '"/a/plain":"/pack"',
        "two words 5%": '"/a/two words 5%%":"/pack"',
        'a "b"': '\'/a/a "b"\':"/pack"',
        "a:b": '"/a/a:b":"/pack"',
    }.items():
        lines = units.drop_in(known, Path("/a") / name, 64).splitlines()
        assert f"BindReadOnlyPaths={written}" in lines


def test_a_unit_of_another_version_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "SYSTEM", tmp_path / "system")
    pack = kit.write(tmp_path, kit.code("pass"), pack_id="coin")
    known = description.read(pack)
    assert not units.outdated(known, pack, 64)  # there is none
    unit = tmp_path / "system" / units.folder("coin") / units.NAME
    unit.parent.mkdir(parents=True)
    unit.write_text(units.drop_in(known, pack, 64))
    assert not units.outdated(known, pack, 64)
    assert units.outdated(known, tmp_path / "newer", 64)


@needs_systemd
def test_a_unit_with_a_hole_is_seen(tmp_path: Path) -> None:
    """The control: without its walls the same unit scores far worse."""
    unit = tmp_path / "hearth-pack@open.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    scored = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit)],
        capture_output=True,
    )
    assert scored.returncode != 0


@pytest.mark.skipif(
    shutil.which("systemd-socket-activate") is None, reason="systemd is not installed"
)
async def test_a_pack_answers_at_its_socket(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kit.write(tmp_path, kit.code('assert at["n"] == 1'), pack_id="coin")
    sockets = tmp_path / "run"
    sockets.mkdir()
    monkeypatch.setattr(sandbox, "SOCKETS", sockets)
    door = sockets / "coin.sock"
    start = str(sandbox.HUB / sandbox.START)
    systemd = await asyncio.create_subprocess_exec(
        "systemd-socket-activate",
        f"--listen={door}",
        PYTHON,
        "-I",
        "-S",
        start,
        "64",
        cwd=folder,
        stderr=asyncio.subprocess.DEVNULL,
    )
    packs = Packs(kit.Shelf(folder), house.home)
    try:
        async with asyncio.timeout(5):
            while sandbox.wall("coin") != "systemd":  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        assert (await kit.call(packs, house.home, "coin", hint='{"n": 1}')).worked
        assert packs.process("coin").alive
        await packs.close()
        async with asyncio.timeout(5):  # it ends when the hub hangs up
            await systemd.wait()
    finally:
        if systemd.returncode is None:
            systemd.kill()
            await systemd.wait()


@pytest.mark.skipif(
    shutil.which("systemd-socket-activate") is None, reason="systemd is not installed"
)
async def test_a_command_gets_its_settings_from_the_hub(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the line, and not in the unit, where everybody could read them."""
    folder, shelf = kit.of_a_server(tmp_path)
    unit = units.drop_in(shelf.installed()[0].pack, folder, 64)
    assert "Bern" not in unit and "PYTHONPATH=/pack/lib" in unit
    sockets = tmp_path / "run"
    sockets.mkdir()
    monkeypatch.setattr(sandbox, "SOCKETS", sockets)
    door, start = sockets / "coin.sock", str(sandbox.HUB / sandbox.START)
    how = [PYTHON, "-I", "-S", start, "64", PYTHON, "server.py"]
    systemd = await asyncio.create_subprocess_exec(
        "systemd-socket-activate",
        f"--setenv=PYTHONPATH={folder / 'lib'}",
        f"--listen={door}",
        *how,
        cwd=folder,
        stderr=asyncio.subprocess.DEVNULL,
    )
    packs = Packs(shelf, house.home)
    try:
        async with asyncio.timeout(5):
            while sandbox.wall("coin") != "systemd":  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        assert (await kit.call(packs, house.home, "coin")).said == "Bern $HOME shared None"
    finally:
        await packs.close()
        if systemd.returncode is None:
            systemd.kill()
            await systemd.wait()


async def test_a_command_that_needs_the_proxy_is_refused_under_systemd(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shelf = kit.of_a_server(tmp_path, "https://api.example.org")
    monkeypatch.setattr(sandbox, "SOCKETS", tmp_path)
    (door := socket.socket(socket.AF_UNIX)).bind(str(tmp_path / "coin.sock"))
    packs = Packs(shelf, house.home)
    ran = await kit.call(packs, house.home, "coin")
    assert ran.error is not None and "--without network" in str(ran.error)
    await packs.close()
    door.close()


def test_without_any_wall_nothing_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sandbox, "SOCKETS", tmp_path)
    monkeypatch.setattr(sandbox, "bubblewrap_trouble", lambda: "bubblewrap is not installed")
    assert sandbox.wall("coin") is None
    with pytest.raises(sandbox.NoSandbox, match="Install bubblewrap"):
        sandbox.require("coin")
    said = {layer.name: layer.active for layer in sandbox.layers()}
    assert not said["bubblewrap"]
    assert not said["systemd"]


def test_bubblewrap_without_the_filter_is_no_wall(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sandbox, "SOCKETS", tmp_path)
    monkeypatch.setattr(sandbox.seccomp, "program", lambda: None)
    sandbox.bubblewrap_trouble.cache_clear()
    try:
        with pytest.raises(sandbox.NoSandbox, match="install libseccomp2"):
            sandbox.require("coin")
    finally:
        sandbox.bubblewrap_trouble.cache_clear()


async def test_a_hub_without_walls_says_so_and_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sandbox, "bubblewrap_trouble", lambda: "bubblewrap is not installed")
    packs = Packs(kit.Shelf(kit.write(tmp_path, kit.code("pass"))), house.home)
    for _ in range(4):  # that is not the pack's fault, and no reason for a quarantine
        ran = await kit.call(packs, house.home)
        assert "cannot run skills of others safely" in (ran.error.spoken if ran.error else "")
    assert packs.status()[0].quarantined is None
