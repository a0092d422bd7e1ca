"""The hub's process in trouble: rows 53 to 61 of docs/faults.md, as far as other files do not have
them."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from hub import config, crashes
from hub.app import open_hub
from hub.control import ask
from hub.crashes import Starts
from hub.errors import ConfigError
from hub.service import serve
from tests.mqtt import PASSWORDS, Broker, needs_mosquitto
from tests.packs_kit import SKILL, built
from tests.real_home import Hearth, Lamp, OnBroker, until

# --- 53: what makes no sense ---------------------------------------------------------------------

NONSENSE = [
    b'{"say": "what is 2 times 3", "area": NaN}',
    b'{"say": "what is 2 times 3", "area": 1e999}',
    b'{"say": "\\ud800 turn on the light"}',
    b'{"say": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    b'{"say": ' + b"9" * 6_000 + b"}",
    b'{"devices": 1, "edit": "rename", "device": "\\udfff", "words": ["x"]}',
    b'{"privacy": {"erase": 1e400}}',
    b'{"mcp": {"do": {"do": []}}}',
    b"\xff\xfe\x00",
    b'{"say": "\x00\x01\x02"}',
    b"[]",
    b"NaN",
    b"-" * 60_000,
]


async def test_nothing_that_makes_no_sense_harms_a_running_hub(tmp_path: Path) -> None:
    settings = at(tmp_path)
    running = asyncio.create_task(serve(settings, ears=False))
    try:
        path = settings.hub.runtime / "hearth.sock"
        async with asyncio.timeout(60):
            while await ask(settings.hub.runtime, {"health": True}) is None:
                assert not running.done(), running.exception()
                await asyncio.sleep(0.05)
            for line in NONSENSE:
                reader, writer = await asyncio.open_unix_connection(path, limit=2**24)
                writer.write(line + b"\n")
                told = await reader.readline()
                assert not told or isinstance(json.loads(told), dict), line[:60]
                writer.close()
            answer = await ask(settings.hub.runtime, {"say": "what is 2 times 3"})
        assert answer is not None and answer["reply"] == "6."
    finally:
        running.cancel()
        await asyncio.wait({running})


def at(folder: Path, **tables: Any) -> config.Config:
    folders = {name: str(folder / name) for name in ("data", "cache", "runtime")}
    given = {"hub": folders, "router": {"model": ""}, **tables}
    return config.Config.model_validate(given, strict=False)


# --- 55: the watchdog bites ----------------------------------------------------------------------


@pytest.mark.slow
def test_where_the_watchdog_bites_the_log_shows_what_each_thread_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd ends a hub that it does not hear from with SIGABRT; the unit has the environment
    that is set here."""
    unit = (Path(__file__).parents[1] / "systemd" / "hearth.service").read_text()
    assert "PYTHONFAULTHANDLER=1" in unit and "WatchdogSec=" in unit
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")
    hub = Hearth(tmp_path).start()
    process = hub.process
    assert process is not None
    process.send_signal(signal.SIGABRT)
    assert process.wait(60) == -signal.SIGABRT
    hub.process = None
    assert "Fatal Python error: Aborted" in hub.output
    assert "most recent call first" in hub.output and "base_events.py" in hub.output
    # And it is back with all that it knew.
    again = Hearth(tmp_path).start()
    try:
        assert again.reply("what is 2 times 3") == "6."
    finally:
        again.stop()


# --- 56: it is told to end -----------------------------------------------------------------------


@needs_mosquitto
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_told_to_end_in_the_middle_of_a_command_it_ends_soon_and_in_order(tmp_path: Path) -> None:
    """With a device that does not answer, and a timer and a list that were told just before."""
    (tmp_path / "broker").mkdir()
    broker = Broker(tmp_path / "broker", persistence=True)
    broker.start()
    settings = {
        "host": "127.0.0.1",
        "port": broker.port,
        "user": "hub",
        "password": PASSWORDS["hub"],
    }
    try:
        with OnBroker(broker) as outside:
            outside.hear("hearth/v1/status")
            lamp = outside.lamp("desk_1", "Desk lamp")
            lamp.heeds = lambda told: False
            hub = Hearth(tmp_path, mqtt=settings).start()
            try:
                until("the hub has it", lambda: hub.state("light.desk_1") == "off")
                for number in range(2):
                    process = hub.process
                    assert process is not None
                    hub.say(f"add thing {number} to my shopping list")
                    hub.say("set a timer for 50 minutes")
                    talking = threading.Thread(target=spoken_to, args=(hub,))
                    talking.start()
                    until("it is asked", partial(further, lamp, number))
                    # Asserts that it ends by itself, with 0, and without a traceback.
                    hub.stop()
                    talking.join()
                    until(
                        "it says goodbye",
                        lambda: told_last(broker, "hearth/v1/status") == "offline",
                    )
                    hub.start()
                    listed = hub.reply("what is on my shopping list").casefold()
                    assert all(f"thing {one}" in listed for one in range(number + 1)), listed
                    left = hub.say("how much time is left on my timers")["reply"]
                    assert "left" in left, left
            finally:
                hub.stop()
    finally:
        broker.kill()


def spoken_to(hub: Hearth) -> None:
    """By somebody who gets no answer, or a late one."""
    with suppress(OSError, ValueError, RuntimeError, StopIteration):
        hub.say("turn on the desk lamp")


def further(lamp: Lamp, times: int) -> bool:
    """Whether it was told something more often than that."""
    return len(lamp.asked) > times


def told_last(broker: Broker, topic: str) -> str:
    """What the broker keeps on a topic."""
    import paho.mqtt.subscribe as subscribe

    login = {"username": "devices", "password": PASSWORDS["devices"]}
    simple: Any = subscribe.simple
    message = simple(topic, hostname="127.0.0.1", port=broker.port, auth=login)
    return str(message.payload.decode())


# --- 57: it crashes again and again --------------------------------------------------------------


def test_only_crashes_that_come_soon_after_each_other_count(tmp_path: Path) -> None:
    assert Starts(tmp_path).begin(1000) == 0
    assert Starts(tmp_path).begin(1100) == 1
    assert Starts(tmp_path).begin(1200) == 2
    assert Starts(tmp_path).begin(1290) == 3
    assert Starts(tmp_path).begin(1590) == 0  # the ones of before are more than five minutes ago
    third = Starts(tmp_path)
    assert third.begin(1600) == 1
    third.good()
    assert Starts(tmp_path).begin(1601) == 0
    # A clock that was set, a file that is none: nothing is held against the hub.
    assert Starts(tmp_path).begin(5) == 0
    (tmp_path / crashes.FILE).write_text('{"a": [')
    assert Starts(tmp_path).begin(6) == 0
    (tmp_path / crashes.FILE).write_text('["x", null, 1e999, [7], true]')
    assert Starts(tmp_path).begin(7) <= 1
    (tmp_path / crashes.FILE).write_text(f"[{10**400}, NaN]")
    assert Starts(tmp_path).begin(7) == 0
    (tmp_path / "no folder").touch()
    assert Starts(tmp_path / "no folder").begin(8) == 0


@pytest.mark.slow
def test_after_three_crashes_it_does_without_packs_and_model_and_says_so(tmp_path: Path) -> None:
    hub = Hearth(tmp_path)
    status, told = hub.run(
        "skill", "install", str(built(tmp_path, files={"skill.py": BLEND})), "--unsigned", "--yes"
    )
    assert status == 0, told
    own = tmp_path / "own" / "gift"
    own.mkdir(parents=True)
    (own / "skill.py").write_text(OWN)
    file = tmp_path / "hearth.toml"
    file.write_text(file.read_text() + f'[skills]\nfolders = ["{own.parent}"]\n')

    hub.start()
    assert "crashed" not in hub.output
    assert hub.reply("brew my special blend") == "It is coming."
    assert hub.reply("wrap the present") == "It is wrapped."
    process, hub.process = hub.process, None
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # One crash is left there; two more would only take longer.
    noted = tmp_path / "data" / crashes.FILE
    (crash,) = json.loads(noted.read_text())
    noted.write_text(json.dumps([crash, crash, crash]))
    hub.start()
    try:
        assert "I have crashed 3 times in five minutes" in hub.output
        assert hub.reply("brew my special blend") != "It is coming."
        assert hub.reply("wrap the present") != "It is wrapped."
        assert hub.say("turn on the hallway light")["outcomes"][0]["confirmed"]
        # Nor is it brought back by somebody who changes the shelf.
        assert hub.ask(packs=True)["problems"] == []
        assert hub.reply("brew my special blend") != "It is coming."
    finally:
        hub.stop()
    # Ended in order, it tries everything again.
    hub.start()
    try:
        assert hub.reply("brew my special blend") == "It is coming."
    finally:
        hub.stop()


BLEND = SKILL.replace("make [a] coffee", "brew my special blend")
OWN = '''
from hub.skill import tool


@tool(phrases=["wrap the present"])
def wrap() -> str:
    """Wrap it."""
    return "It is wrapped."
'''


async def test_safe_mode_has_no_model_whatever_the_settings_name(tmp_path: Path) -> None:
    settings = at(
        tmp_path, router={"model": "smollm2-135m"}, model={"url": "http://127.0.0.1:9/v1"}
    )
    async with open_hub(settings, safe=True) as hub:
        assert hub.language_model is None and hub.safe
        assert (await hub.assistant.say("what is 2 times 3")).reply.text == "6."


def test_what_somebody_has_to_mend_is_no_crash_and_forgives_none(tmp_path: Path) -> None:
    starts = Starts(tmp_path)
    assert starts.begin(1000) == 0
    starts.not_a_crash()
    assert not (tmp_path / crashes.FILE).exists()
    Starts(tmp_path).begin(1100)
    for at in (1110, 1120, 1130):
        again = Starts(tmp_path)
        assert again.begin(at) == 1  # the one that was killed at 1100
        again.not_a_crash()


@pytest.mark.slow
def test_a_model_that_is_missing_is_named_with_a_status_of_its_own_and_is_no_crash(
    tmp_path: Path,
) -> None:
    """However often systemd starts it until somebody, or `hearth models fetch`, has mended that:
    a safe mode would not help, and leave out what works."""
    status, told = Hearth(tmp_path).run("run")
    assert status == 69, (status, told)
    assert "fetch it with `hearth models fetch" in told
    assert not (tmp_path / "data" / crashes.FILE).exists()


# --- 58: settings that are wrong -----------------------------------------------------------------


def mutations(text: str, count: int, seed: int = 58) -> Iterator[str]:
    """A file of settings as it is after a slip of the hand, a bad disk or a bad idea."""
    chance = random.Random(seed)
    values = ["-1", "0", "1e400", "nan", '""', "[]", "{}", "true", '"\\u0000"', "1979-05-27", "'x'",
              "99999999999999", '"tcp://"', '["a", 3]', '"/dev/null/x"', '"~"', "0x10"]  # fmt: skip
    for _ in range(count):
        lines = text.splitlines()
        for _ in range(chance.choice((1, 1, 2))):
            number = chance.randrange(len(lines))
            line = lines[number]
            match chance.randrange(8):
                case 0:
                    lines[number] = line[: chance.randrange(len(line) + 1)]
                case 1:
                    place = chance.randrange(len(line) + 1)
                    lines[number] = (
                        line[:place] + chance.choice("\x00[]{}=\"'#\n.ß\ud83d") + line[place:]
                    )
                case 2:
                    lines.insert(number, line)
                case 3:
                    lines[number] = ""
                case 4 | 5 if "=" in line:
                    lines[number] = f"{line.split('=')[0]}= {chance.choice(values)}"
                case 6:
                    lines[number] = line.swapcase()
                case _:
                    lines.insert(number, f"{chance.choice(['name', 'port', 'x y'])} = 1")
        yield "\n".join(lines)


async def test_with_two_hundred_wrong_files_it_starts_or_says_what_is_wrong(
    tmp_path: Path,
) -> None:
    """`hearth run` ends with 78 and the message of a ConfigError, which systemd does not restart
    on. What is taken must open; no error of another kind may come."""
    whole = "\n".join(
        [line[1:] if line.startswith("#") and " = " in line else line
         for line in config.template().splitlines() if not line.startswith("# ")]
    )  # fmt: skip
    taken, named = [], 0
    for number, text in enumerate(mutations(whole, 200)):
        file = tmp_path / f"{number}.toml"
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            taken.append(config.load(file))
        except ConfigError as error:
            assert str(file) in str(error)
            named += 1
    assert named > 50 and len(taken) > 10, (named, len(taken))
    folder = {name: tmp_path / name for name in ("data", "cache", "runtime")}
    opened = 0
    for settings in taken[:6]:
        less = {
            "hub": settings.hub.model_copy(update=folder),
            "router": settings.router.model_copy(update={"model": None}),
            "mqtt": settings.mqtt.model_copy(update={"host": None}),
            "homeassistant": settings.homeassistant.model_copy(update={"url": None}),
        }
        try:
            async with open_hub(settings.model_copy(update=less), remember=False):
                opened += 1
        except ConfigError as error:
            assert str(error)
    assert opened > 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["[hub", "[hub]\nlanguages = ['xx']", "[mqtt]\nport = 99999", "\0"]
)
def test_a_hub_with_wrong_settings_ends_with_78_and_no_traceback(tmp_path: Path, text: str) -> None:
    hub = Hearth(tmp_path)
    given = hub._file.read_text()
    hub._file.write_text(
        text + "\n" + given.replace("[hub]\n", "" if "[hub]" in text else "[hub]\n")
    )
    status, told = hub.run("run", "--no-microphone")
    assert status == 78, (status, told)
    assert told.strip()
    # It counts as no crash: it was ended by what somebody wrote.
    assert not (tmp_path / "data" / crashes.FILE).exists()


# --- 61: nothing is left behind ------------------------------------------------------------------


def held() -> dict[str, Counter[str]]:
    """What this process holds: open files and sockets by kind, threads by name, processes that it
    started, and tasks of the loop."""
    gc.collect()
    me = psutil.Process()
    kinds = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of this very look
            kinds.append(re.sub(r"\d+", "N", str(each.readlink())))
    return {
        "descriptors": Counter(kinds),
        "threads": Counter(each.name for each in threading.enumerate()),
        "processes": Counter(str(each.pid) for each in me.children(recursive=True)),
        "tasks": Counter(each.get_name() for each in asyncio.all_tasks()),
    }


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts in /proc")
async def test_a_hub_that_was_opened_used_and_closed_leaves_nothing_behind(tmp_path: Path) -> None:
    """`hearth run` does so itself when somebody has something erased."""
    settings = at(tmp_path)

    async def used() -> None:
        async with open_hub(settings, lasting=True) as hub:
            hub.begin_timers()
            for said in ("turn on the hallway light", "set a timer for 50 minutes",
                         "add milk to my shopping list", "remind me at 7 to call Ann"):  # fmt: skip
                assert (await hub.assistant.say(said)).error is None, said

    await used()  # libraries open things of their own, once
    # Threads of asyncio's own pool come one by one, up to its limit, and stay.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    await asyncio.to_thread(int)
    before = held()
    await used()
    # What tests before this one have left may go meanwhile.
    more = {kind: found - before[kind] for kind, found in held().items()}
    assert not any(more.values()), more
