"""A short piece of the soak, and that it sees what it looks for."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from hub.evaluate.soak import Day, Sample, outside, verdict
from tests.mqtt import needs_mosquitto

ROOT = Path(__file__).parents[1]


def day(
    *, memory: float = 0.0, engines: float = 0.0, descriptors: float = 0.0, slower: float = 0.0
) -> Day:
    """A whole one, in which something grows with each of a hundred samples."""
    found = Day(10_000, 0, packets=0)
    for number in range(100):
        found.samples.append(
            Sample(
                turns=number * 100,
                seconds=number,
                memory=200 + number * memory,
                engines=700 + number % 5 + number * engines,
                descriptors=30 + number % 3 + int(number * descriptors),
                threads=20,
                tasks=50 + number % 7,
                objects=1000,
                processes=5,
            )
        )
    found.latencies = [100 + number * slower for number in range(10_000)]
    return found


def test_what_leaks_is_seen() -> None:
    assert verdict(day()) == []
    assert "memory grew by" in verdict(day(memory=0.1))[0]
    assert "descriptors" in verdict(day(descriptors=0.1))[0]
    assert "engines had" in verdict(day(engines=0.5))[0]
    assert "turns took" in verdict(day(slower=0.02))[0]
    later = day()
    later.spoken_latencies = [900.0] * 250 + [1300.0] * 250
    assert "turns aloud took" in verdict(later)[0]
    dying = day()
    dying.restarts = 2
    assert verdict(dying) == ["engines or packs died 2 times"]
    uncounted = day()
    uncounted.packets = None
    assert "nobody counted" in verdict(uncounted)[0]
    broken = day()
    broken.errors["the hub ended with status 1"] += 1
    assert verdict(broken) == ["the hub ended with status 1 (1 times)"]
    chatty = day()
    chatty.packets, chatty.outside = 3, ["8.8.8.8"]
    assert len(verdict(chatty)) == 2


def test_addresses_outside_the_house_are_found_in_the_record(tmp_path: Path) -> None:
    record = tmp_path / "addresses"
    four = ("127.0.0.1", "192.168.1.5", "93.184.216.34")
    lines = [
        f'1 connect(3, {{sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("{each}")}}, 16)'
        for each in four
    ]
    lines += [
        "2 connect(4, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), "
        'inet_pton(AF_INET6, "2606:2800:220:1::1", &sin6_addr)}, 28) = -1 ENETUNREACH',
        '3 connect(5, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = 0',
    ]
    record.write_text("\n".join(lines))
    assert outside(record) == (["2606:2800:220:1::1", "93.184.216.34"], 4)


APART = (
    shutil.which("unshare") is not None
    and not subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode
)


@pytest.mark.skipif(not APART or shutil.which("ip") is None, reason="no namespace, or no ip")
def test_where_there_is_a_way_out_it_makes_none_that_leads_nowhere() -> None:
    """... which would be made in the network of the machine itself."""
    soak = f"{sys.executable} -m hub.evaluate.soak --apart --text 1 --spoken 0"
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-c", f"ip link set lo up; ip route add default dev lo; {soak}"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1 and "no new network namespace" in done.stderr, done.stderr


BROKER = """
import asyncio, sys
from pathlib import Path
from hub.evaluate.soak_rooms import Broker
async def main():
    broker = Broker(Path(sys.argv[1]))
    await broker.start()
    print(broker.port, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@needs_mosquitto
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_its_broker_does_not_outlive_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BROKER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    ) as soak:
        assert soak.stdout is not None
        port = int(soak.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=60) as held:
            soak.kill()
            with suppress(ConnectionResetError):
                assert held.recv(1) == b""  # hung up on, since it has ended


@needs_mosquitto
@pytest.mark.slow
@pytest.mark.models
@pytest.mark.timeout(900)
def test_a_short_piece_of_a_day_goes_well(tmp_path: Path) -> None:
    """Too short to judge memory: that it runs to its end, heard what was said aloud, lost its
    broker once, and sent nothing out of the house."""
    import json

    from hub import config

    if not (config.load().models / "recognizer" / "whisper-tiny").exists():
        pytest.skip("whisper-tiny is not fetched")
    command = [sys.executable, "-m", "hub.evaluate.soak", "--text", "200", "--spoken", "3"]
    command += ["--recognizer", "whisper-tiny"]
    if APART:
        command = ["unshare", "-rn", *command, "--apart"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=800
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["text"] >= 200 and found["outages"] >= 1, done.stderr
    assert found["spoken"] >= 1, done.stderr
    assert found["errors"] == {} and found["outside"] in ([], None)
    if APART:
        assert found["packets"] == 0
