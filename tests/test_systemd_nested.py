"""The units under a systemd that is process 1: the hub gets ready, is guarded and kept in the
house, and a pack runs behind the walls of its own unit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.packs import units
from tests.hostile_packs import kit
from tests.hostile_packs.walls import SINS
from tests.nested_systemd import IN_PYTHON, PYTHON, RELEASE, ROOT, Nest, apart, trouble
from tests.real_home import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WATCHDOG = 15
HOUSE, ABROAD = "192.168.77.1", "203.0.113.9"
"""Addresses of the loopback device there: one is of a house, one of the internet."""
SETTINGS = '[router]\nmodel = ""\n'
# As the unit has it, but without a microphone, and less patient.
FOR_TESTS = f"""[Service]
ExecStart=
ExecStart={RELEASE}/.venv/bin/hearth run --no-microphone
WatchdogSec={WATCHDOG}
RestartSec=0
StandardOutput=tty
"""
REACH = """
import socket, sys
for address in sys.argv[1:]:
    try:
        socket.create_connection((address, 7777), timeout=3).close()
        print(address, "reached")
    except OSError as error:
        print(address, type(error).__name__)
"""
SERVER = """
import socket, threading
def serve(address):
    door = socket.create_server((address, 7777))
    while True:
        door.accept()[0].close()
for address in {addresses}:
    threading.Thread(target=serve, args=(address,)).start()
"""
AS_HEARTH = ["runuser", "-u", "hearth", "--", "env", "HOME=/var/lib/hearth",
             "STATE_DIRECTORY=/var/lib/hearth", "CACHE_DIRECTORY=/var/cache/hearth",
             "RUNTIME_DIRECTORY=/run/hearth", "CONFIGURATION_DIRECTORY=/etc/hearth",
             f"{RELEASE}/.venv/bin/hearth"]  # fmt: skip
"""What /usr/local/bin/hearth of scripts/install does."""


@pytest.fixture(scope="module")
def nest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nest]:
    if reason := trouble():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("nest")
    made = Nest(folder, addresses=(HOUSE, ABROAD))
    for file in (ROOT / "systemd").glob("hearth*.s[eo]*"):  # services and sockets
        if file.name != "hearth-models.service":  # nothing is fetched here
            shutil.copy(file, made.units)
    made.unit("hearth.service.d/test.conf", FOR_TESTS)
    walls = (ROOT / "systemd/hearth.service").read_text().partition("[Service]")[2]
    walls = walls.partition("[Install]")[0]
    walls = re.sub(
        r"^(Type|NotifyAccess|Exec\w+|Watchdog\w+|Restart\w*)=.*$", "", walls, flags=re.M
    )
    python = f"Environment=LD_LIBRARY_PATH={PYTHON}/lib\nExecStart={PYTHON}/bin/python3"
    reach = f"Type=oneshot\nStandardOutput=tty\n{python} /opt/reach {HOUSE} {ABROAD}\n{walls}"
    made.unit("reach.service", f"[Service]\n{reach}")
    made.unit("server.service", f"[Service]\n{python} /opt/server\n")
    made.start()
    try:
        write(made, "/etc/sysusers.d/hearth.conf", (ROOT / "systemd/hearth.sysusers").read_text())
        made.do("systemd-sysusers", "/etc/sysusers.d/hearth.conf")
        write(made, "/etc/hearth/hearth.toml", SETTINGS)
        made.do("chmod", "750", "/etc/hearth")
        made.do("chgrp", "hearth", "/etc/hearth")
        write(made, "/opt/reach", REACH)
        write(made, "/opt/server", SERVER.format(addresses=[HOUSE, ABROAD]))
        yield made
    finally:
        made.stop()


def write(nest: Nest, path: str, text: str) -> None:
    nest.do("sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "sh", path, text)


def hearth(nest: Nest, *arguments: str) -> str:
    return nest.do(*AS_HEARTH, *arguments)


@pytest.fixture(scope="module")
def hub(nest: Nest) -> Nest:
    """With the hub as a service: starting it returns when the hub has said that it is ready."""
    nest.do("systemctl", "start", "hearth.service")
    return nest


def test_nothing_is_set_up_outside_of_namespaces_of_its_own(tmp_path: Path) -> None:
    """It is tried in namespaces that lack one or the other, as the tests need them anyway: were
    it not refused, it would still be none of the machine's files that suffer."""
    if reason := trouble():
        pytest.skip(reason)
    script = tmp_path / "inside"
    script.write_text(Nest(tmp_path).inside("/dev/null"))
    for apart_in in (["--mount"], ["--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"]):
        done = subprocess.run(
            ["unshare", *apart_in, "sh", "-ex", str(script)], capture_output=True, text=True
        )
        assert done.returncode == 1, done.stderr
        assert "mount" not in done.stderr.replace("mnt", ""), done.stderr


def test_no_command_is_run_in_what_is_not_apart(tmp_path: Path) -> None:
    assert not any(map(apart, (0, 1, os.getpid())))
    if reason := trouble():
        pytest.skip(reason)
    nest = Nest(tmp_path)
    with pytest.raises(AssertionError):
        nest.do("true")


def test_the_hub_is_ready_and_answers(hub: Nest) -> None:
    told = hub.tells("hearth.service", "ActiveState", "StatusText", "User", "WatchdogUSec")
    assert told["ActiveState"] == "active" and told["User"] == "hearth"
    assert re.match(r"\d+ devices in \d+ rooms", told["StatusText"]), told
    assert "kitchen" in hearth(hub, "say", "turn on the kitchen lights").lower()
    # What it keeps is its own user's alone.
    assert hub.do("stat", "--format=%U %a", "/var/lib/hearth").split() == ["hearth", "700"]
    pid = hub.tells("hearth.service", "MainPID")["MainPID"]
    status = hub.do("cat", f"/proc/{pid}/status")
    assert {"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"} <= set(status.split("\n"))


def test_a_hub_that_stands_still_is_ended_and_started_again(hub: Nest) -> None:
    before = hub.tells("hearth.service", "MainPID", "NRestarts")
    hub.do("kill", "-STOP", before["MainPID"])
    until(
        "systemd starts it again",
        lambda: (
            hub.tells("hearth.service", "NRestarts")["NRestarts"] != before["NRestarts"]
            and hub.tells("hearth.service", "ActiveState")["ActiveState"] == "active"
        ),
        seconds=150,
    )
    until("it is on the console, too", lambda: "Watchdog timeout" in hub.said)
    assert "kitchen" in hearth(hub, "say", "turn off the kitchen lights").lower()


def test_a_pack_runs_behind_its_unit_and_is_started_by_its_socket(hub: Nest) -> None:
    kit.write(hub.folder / "given", kit.code("pass"), pack_id="coin")
    hub.do("cp", "-r", str(hub.folder / "given/coin"), "/opt/coin")
    # The hub's own walls leave no room for bubblewrap.
    hearth(hub, "skill", "install", "/opt/coin", "--unsigned", "--yes")
    assert "cannot run skills of others" in hearth(hub, "say", "sin")

    unit = "hearth-pack@coin"
    drop_in = hearth(hub, "skill", "unit", "coin")
    write(hub, f"/run/units/{units.folder('coin')}/{units.NAME}", drop_in + "\n")
    hub.do("systemctl", "daemon-reload")
    hub.do("systemctl", "start", f"{unit}.socket")
    assert hub.tells(f"{unit}.service", "ActiveState")["ActiveState"] == "inactive"
    assert "Worked" in hearth(hub, "say", "sin"), hub.said[-4000:]
    told = hub.tells(f"{unit}.service", "ActiveState", "MainPID")
    assert told["ActiveState"] == "active"

    pid = told["MainPID"]
    status = hub.do("cat", f"/proc/{pid}/status")
    assert {"NoNewPrivs:\t1", "CapEff:\t0000000000000000"} <= set(status.split("\n"))
    assert "Uid:\t0" not in status
    seen = hub.do("ls", f"/proc/{pid}/root").split()
    assert {"pack", "hearth", "python"} <= set(seen)
    # What is there besides is empty, or closed.
    assert not {"home", "opt", "boot", "bin", "sbin", "srv"} & set(seen), seen
    assert hub.do("ls", "-A", f"/proc/{pid}/root/run") in ("", "systemd")
    assert (
        not hub.do("ls", "-A", f"/proc/{pid}/root/etc")
        .replace("ld.so.cache", "")
        .replace("localtime", "")
        .strip()
    )
    network = hub.do("cat", f"/proc/{pid}/net/dev")
    assert re.findall(r"^\s*(\w+):", network, re.M) == ["lo"]

    # It ends when the hub hangs up.
    hub.do("systemctl", "stop", "hearth.service")
    until("the pack ends", lambda: hub.tells(f"{unit}.service", "ActiveState")["ActiveState"]
          == "inactive")  # fmt: skip


def test_sins_that_bubblewrap_stops_are_stopped_by_the_unit(nest: Nest) -> None:
    """Sixty of them, one pack that does nothing wrong, and an MCP server that is a pack."""
    said = nest.do(*IN_PYTHON, "-m", "tests.hostile_packs.under_systemd", "/opt/sins", "/run/units")
    *rows, served = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert served["server"] == "Bern $HOME shared None", served
    assert len(rows) == len(SINS) + 1
    assert [row["sin"] for row in rows if row["worked"]] == ["nothing"]
    # They came so far as to sin.
    early = [row for row in rows if not row["worked"] and "sin" not in row["error"]]
    assert not early, early


def test_the_kernel_keeps_it_in_the_house(nest: Nest) -> None:
    nest.do("systemctl", "start", "server.service")
    # Without the unit's walls both are reached.
    until(
        "the server is there",
        lambda: nest.do(*IN_PYTHON, "/opt/reach", HOUSE, ABROAD).count("reached") == 2,
    )
    nest.do("systemctl", "start", "reach.service")
    until("it is on the console, too", lambda: f"{ABROAD} " in nest.said)
    said = [line for line in nest.said.splitlines() if HOUSE in line or ABROAD in line]
    assert f"{HOUSE} reached" in " ".join(said)
    assert not any(f"{ABROAD} reached" in line for line in said), said
