"""A day of a household, compressed: does the hub stay as it was at the beginning?

    scripts/soak                       10,000 turns as text and 500 aloud; within an hour
    scripts/soak --text 300 --spoken 5

The hub is `hearth run` in a process of its own, with Mosquitto, satellites, a pack, and the models
that the settings name. What is said is chosen by chance, with a seed: devices of two sources,
questions, timers, lists, facts, sums, corrections, what nobody understands; in English and German;
the broker is killed and started again meanwhile. Of the hub and its engines are measured: memory,
descriptors, threads, tasks, objects, and how long a turn takes.

`--apart` is for a network namespace, which `scripts/soak` makes: whatever would leave the machine
goes to an interface that leads nowhere, and is counted. Beside that, strace writes down the
addresses to which the hub and its engines connect.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from hub import config, egress
from hub.audio.pcm import resampled
from hub.control import SOCKET
from hub.engines.piper import PiperSynthesizer
from hub.errors import HearthError
from hub.evaluate.far_room import FarRoom
from hub.evaluate.soak_rooms import (
    LAMPS,
    ROOMS,
    Broker,
    Devices,
    dying_with_this,
    fractions,
)
from hub.evaluate.spoken import until_last_word
from hub.messages import SAMPLE_RATE
from hub.models.store import ModelStore
from hub.privacy.packets import Packets, lead_nowhere

MEGABYTE = 1e6
OUTAGES = 48
"""How often the broker dies in a whole day: every half hour."""
SPEAKING = ("Kitchen", "Living Room", "Office")
"""Rooms with a satellite; people speak in all of them at the same time."""
WRITING: tuple[tuple[str | None, ...], ...] = (("Bedroom", None), ("Hallway",), ("Office",))
"""Those who write at the same time, and the rooms in which they do."""
WITHIN = 20.0
"""Seconds for a spoken turn, its reply included. A wake word that was not heard costs these."""
STILL = 1.0
"""Seconds of silence after a reply before something else is said."""
APART = 2.0
"""Seconds between two wake words: of rooms that hear the same at once, only one answers."""
STARTS_WITHIN = 120.0
SAMPLES = 80
"""How often it is measured over the whole."""
WARM = 0.2
"""Part of the turns after which everything that is loaded once is loaded."""
GROWTH = 0.02
"""Of memory, from which it is growth."""
SLOWER = 1.25
"""Times as long as in the first fifth, from which turns became slower."""
PACK = "kitchen-converter"

Talk = tuple[str, ...]
"""What one person says, one after the other."""

TALKS: tuple[Talk, ...] = (
    ("turn on the {room} {lamp}", "turn it off again"),
    ("turn off the {room} {lamp}",),
    ("turn on the {room} air purifier", "turn off the {room} air purifier"),
    ("turn on the lights in the {room}", "turn off the lights in the {room}"),
    ("switch on the {lamp}",),
    ("is the {room} {lamp} on",),
    ("are any lights on in the {room}",),
    ("how warm is it in the {room}",),
    ("turn on the {room} {lamp} and turn off the coffee maker",),
    ("turn on the coffee maker", "undo that"),
    ("set the floor lamp to {number} percent", "make it brighter"),
    ("make the floor lamp blue",),
    ("set the living room thermostat to {few} degrees",),
    ("is the front door locked",),
    ("unlock the front door", "no"),
    ("lock the front door",),
    ("set a timer for {number} minutes", "how much time is left", "cancel the timer"),
    ("set a pasta timer for {number} minutes", "cancel the pasta timer"),
    ("turn off the {room} {lamp} in {number} minutes", "cancel all timers"),
    ("wake me at seven tomorrow", "cancel the alarm"),
    ("add milk to my shopping list", "remove milk from my shopping list"),
    ("what is on my shopping list",),
    ("what time is it",),
    ("what is {number} times {few}",),
    ("how many metres are {number} feet",),
    ("convert {few} cups to millilitres",),
    ("why did you do that",),
    ("what can you do",),
    ("what did you say",),
    ("turn on the {room} {lamp}, no, the air purifier",),
    ("everything off except the kitchen",),
    ("set the volume to {number} percent",),
    ("turn everything off",),
)
TALKS_DE: tuple[Talk, ...] = (
    ("stelle einen Timer auf {number} Minuten", "brich den Timer ab"),
    ("wie spät ist es",),
    ("setze Milch auf die Einkaufsliste",),
    ("schalte alle Lichter aus",),
    ("was ist {number} mal {few}",),
)
RARE: tuple[Talk, ...] = (
    ("the colour of tuesday is a spoon",),
    ("could you make it a bit more cosy in here please",),
    ("turn on the light in the stable",),
    ("remember that the drill is in the cellar", "where is the drill", "forget the drill"),
    ("close the living room blinds", "open them"),
    ("set a timer for 2 seconds",),
)
"""What takes seconds: the language model, blinds, a timer that rings."""
SELDOM = 0.03
"""Part of what is said that is of these."""
GERMAN = 0.15
"""Part of what is said that is German."""
SPOKEN = (
    "turn on the kitchen shelf lamp", "turn off the kitchen shelf lamp",
    "turn on the office reading lamp", "turn off the office reading lamp",
    "turn on the coffee maker", "turn off the coffee maker",
    "close the living room blinds", "open the living room blinds",
    "what time is it", "what is three times nine", "is the front door locked",
    "how warm is it in the office", "turn on the hallway light", "turn off the hallway light",
    "make the floor lamp blue", "what is on my shopping list", "turn off the lights upstairs",
    "what is twelve times seven", "turn off the kitchen lights", "are any lights on in the kitchen",
)  # fmt: skip


@dataclass(slots=True)
class Sample:
    """How the hub was at a moment."""

    turns: int
    """Turns of both kinds before it."""
    seconds: float
    memory: float
    """MB that the hub's own process has in memory."""
    engines: float
    """MB of its engines and packs, what is shared divided."""
    descriptors: int
    threads: int
    tasks: int
    objects: int
    processes: int


@dataclass(slots=True)
class Day:
    """What was seen."""

    text: int
    spoken: int
    samples: list[Sample] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    """Milliseconds of each turn as text, until its reply."""
    spoken_latencies: list[float] = field(default_factory=list)
    """Milliseconds from the end of speech to the first sound, of each spoken turn."""
    tiers: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    said: int = 0
    """Commands that were said aloud, whatever came of them."""
    unheard: int = 0
    """Spoken turns to which no reply came."""
    missed: Counter[str] = field(default_factory=Counter)
    """What was said in them, and where."""
    outages: int = 0
    restarts: int = 0
    engines: dict[str, tuple[float, float]] = field(default_factory=dict)
    """MB of each engine, after the warm-up and at the end."""
    named_tasks: list[dict[str, int]] = field(default_factory=list)
    kinds: list[dict[str, int]] = field(default_factory=list)
    complaints: Counter[str] = field(default_factory=Counter)
    """Lines of the hub's log, without their numbers."""
    outside: list[str] | None = None
    """Addresses outside the house that it tried to reach; None if nobody looked."""
    addresses: int = 0
    """Connections that were made or tried."""
    packets: int | None = None
    """That would have left the machine, or asked for a name outside; None if nobody counted."""

    def growth(self) -> float:
        """Of memory after the warm-up, in parts of it: the last fifth against the first."""
        own = [one.memory for one in self.warm()]
        parts = fractions(own, 5)
        first, last = statistics.median(parts[0]), statistics.median(parts[-1])
        return (last - first) / first

    def warm(self) -> list[Sample]:
        """What was measured after the warm-up."""
        after = WARM * (self.text + self.spoken)
        return [one for one in self.samples if one.turns >= after] or self.samples

    def latency(self, parts: int = 5) -> list[float]:
        """Median of each part of the turns, in order."""
        return _medians(self.latencies, parts)

    def leaks(self) -> list[str]:
        """What there is more of in the last fifth, at its least, than there ever was in the
        first."""
        found = []
        warm = self.warm()
        size = max(1, len(warm) // 5)
        for name in ("descriptors", "threads", "tasks", "processes"):
            first = max(getattr(one, name) for one in warm[:size])
            last = min(getattr(one, name) for one in warm[-size:])
            if last > first:
                found.append(f"{name}: {first} at most at first, {last} at least at the end")
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "text": len(self.latencies),
            "spoken": len(self.spoken_latencies),
            "said": self.said,
            "unheard": self.unheard,
            "missed": dict(self.missed.most_common()),
            "outages": self.outages,
            "restarts": self.restarts,
            "growth": round(self.growth(), 4),
            "leaks": self.leaks(),
            "latency_ms": self.latency(),
            "spoken_latency_ms": _medians(self.spoken_latencies),
            "tiers": dict(self.tiers),
            "errors": dict(self.errors),
            "engines_mb": {name: [round(x, 1) for x in two] for name, two in self.engines.items()},
            "outside": self.outside,
            "addresses": self.addresses,
            "packets": self.packets,
            "complaints": dict(self.complaints.most_common(30)),
            "grown_kinds": self._grown(),
            "named_tasks": self.named_tasks,
            "samples": [
                [one.turns, round(one.seconds), round(one.memory, 2), round(one.engines, 1),
                 one.descriptors, one.threads, one.tasks, one.objects, one.processes]
                for one in self.samples
            ],
        }  # fmt: skip

    def _grown(self) -> dict[str, list[int]]:
        if len(self.kinds) < 2:
            return {}
        first, last = self.kinds[0], self.kinds[-1]
        grown = {
            kind: [first.get(kind, 0), number]
            for kind, number in last.items()
            if number > first.get(kind, 0) + 50
        }
        ordered = sorted(grown.items(), key=lambda one: one[1][0] - one[1][1])
        return dict(ordered[:25])


class Soak:
    """One day with one hub."""

    def __init__(
        self, folder: Path, text: int, spoken: int, seed: int, apart: bool, recognizer: str | None
    ) -> None:
        self.day = Day(text, spoken)
        self._folder = folder
        self._chance = random.Random(seed)
        self._recognizer = recognizer or config.load().recognizer.model
        self._apart = apart
        self._strace = folder / "addresses" if apart and shutil.which("strace") else None
        self._broker = Broker(folder)
        self._devices = Devices(self._broker.port)
        self._speaking = [FarRoom(room) for room in SPEAKING] if spoken else []
        self._process: asyncio.subprocess.Process | None = None
        self._hub: psutil.Process | None = None
        self._began = 0.0
        self._told = folder / "measured.json"
        self._log = folder / "hub.log"
        self._alone = asyncio.Lock()
        self._next_outage = max(150, text // OUTAGES)
        self._mute = asyncio.Event()
        """Set while nothing is said aloud any more."""

    async def run(self) -> Day:
        """Raises HearthError where something needed is missing, or the hub ends."""
        seen = Packets() if self._apart else None
        try:
            await self._lived()
        finally:
            if seen is not None:
                seen.close()
        self._read_log()
        if seen is not None:
            self.day.packets = seen.sent.total()
        if self._strace is not None:
            self.day.outside, self.day.addresses = outside(self._strace)
        return self.day

    async def _lived(self) -> None:
        async with AsyncExitStack() as stack:
            await self._broker.start()
            stack.push_async_callback(self._broker.kill)
            devices = asyncio.create_task(self._devices.run(), name="soak-devices")
            stack.callback(devices.cancel)
            async with asyncio.timeout(STARTS_WITHIN):
                await self._devices.there.wait()
            for room in self._speaking:
                await room.start()
                stack.push_async_callback(room.close)
            speech = await self._speech() if self._speaking else []
            await stack.enter_async_context(self._running())
            self._began = time.monotonic()
            await self._all(speech)
            self._look()

    # --- the hub --------------------------------------------------------------------------------

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        settings = self._folder / "hearth.toml"
        settings.write_text(self._settings(), encoding="utf-8")
        environment = {**os.environ, "HEARTH_CONFIG": str(settings), "COLUMNS": "1000"}
        await self._install(environment)
        command = [sys.executable, "-m", "hub.evaluate.soak_hub", str(self._told)]
        if self._strace is not None:
            watched = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect"]
            watched += ["-e", "signal=none", "-o", str(self._strace)]
            command = [*watched, *dying_with_this(), *command]  # a tracer that is killed lets go
        command = [*dying_with_this(), *command]
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        try:
            await self._until_there()
            yield
        finally:
            if self._hub is not None and self._hub.is_running():
                self._hub.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(30):
                    await self._process.wait()
            if self._process.returncode is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                await self._process.wait()
            if self._process.returncode:
                self.day.errors[f"the hub ended with status {self._process.returncode}"] += 1

    def _settings(self) -> str:
        own = config.load()
        folders = {name: self._folder / name for name in ("data", "cache", "run")}
        folders["data"].mkdir()
        (folders["data"] / "models").symlink_to(own.models)
        rooms = "\n".join(
            f'[rooms."{each.room}"]\nsatellite = "tcp://127.0.0.1:{each.port}"'
            for each in self._speaking
        )
        return f"""\
[hub]
data = "{folders["data"]}"
cache = "{folders["cache"]}"
runtime = "{folders["run"]}"
languages = ["en", "de"]
[home]
simulated = true
[mqtt]
host = "127.0.0.1"
port = {self._broker.port}
[recognizer]
model = "{self._recognizer}"
[router]
model = "{own.router.model or ""}"
[manners]
quiet = ""
{rooms}
"""

    async def _install(self, environment: dict[str, str]) -> None:
        """A pack, if the folder with the examples is there."""
        source = Path(__file__).parents[2] / "examples" / "packs" / PACK
        if not source.is_dir():
            return
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub", "skill", "install", str(source)),
            *("--unsigned", "--yes"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise HearthError(f"no pack: {said.decode(errors='replace').strip()}")

    async def _until_there(self) -> None:
        assert self._process is not None
        async with asyncio.timeout(STARTS_WITHIN):
            while "Talk to me" not in self._log.read_text(errors="replace"):
                if self._process.returncode is not None:
                    raise HearthError(f"the hub has ended:\n{self._log.read_text()}")
                await asyncio.sleep(0.1)
        top = psutil.Process(self._process.pid)
        if self._strace is not None:
            top = next(child for child in top.children() if child.name() != "strace")
        self._hub = top

    # --- the day --------------------------------------------------------------------------------

    async def _all(self, speech: list[bytes]) -> None:
        day = self.day
        async with asyncio.TaskGroup() as tasks:
            writing = [
                tasks.create_task(self._write(random.Random(self._chance.getrandbits(32)), rooms))
                for rooms in WRITING
            ]
            speaking = [
                tasks.create_task(self._speak(room, speech, number))
                for number, room in enumerate(self._speaking)
            ]
            measuring = tasks.create_task(self._measure())
            watching = tasks.create_task(self._watch())
            await asyncio.wait({*writing, *speaking})
            measuring.cancel()
            watching.cancel()
        if day.kinds and self._hub is not None:
            await self._sample(kinds=True)

    async def _write(self, chance: random.Random, rooms: Sequence[str | None]) -> None:
        """What one person says as text; when something is spoken too, both end together."""
        day = self.day
        reader, writer = await asyncio.open_unix_connection(
            self._folder / "run" / SOCKET, limit=2**24
        )
        try:
            while len(day.latencies) < day.text:
                if len(day.latencies) >= self._next_outage:
                    self._next_outage += max(150, day.text // OUTAGES)
                    await self._outage()
                language = "de" if chance.random() < GERMAN else "en"
                room = chance.choice(rooms)
                for text in _talk(chance, language):
                    request = {"say": text, "area": room, "language": language}
                    began = time.perf_counter()
                    writer.write(json.dumps(request).encode() + b"\n")
                    line = await reader.readline()
                    if not line:
                        raise HearthError(f"the hub has gone:\n{self._log.read_text()[-3000:]}")
                    day.latencies.append((time.perf_counter() - began) * 1000)
                    answer = json.loads(line)
                    day.tiers[str(answer.get("tier"))] += 1
                    if error := answer.get("error"):
                        day.errors[str(error)] += 1
                await self._abreast(len(day.latencies))
        finally:
            self._mute.set()
            writer.close()

    async def _abreast(self, number: int) -> None:
        """Wait for those who speak, who need more time for as large a part of their day."""
        day = self.day
        while day.spoken and not self._mute.is_set():
            if day.said >= day.spoken or number / day.text <= (day.said + 2) / day.spoken:
                return
            await asyncio.sleep(0.1)

    async def _speak(self, room: FarRoom, speech: list[bytes], offset: int) -> None:
        turns = range(offset, self.day.spoken, len(self._speaking))
        for number in turns:
            async with self._alone:
                room.say(speech[number % len(speech)])
                await asyncio.sleep(APART)
            await room.until_said()
            room.answered.clear()  # what rang meanwhile is no answer
            try:
                async with asyncio.timeout(WITHIN):
                    await room.answered.wait()
            except TimeoutError:
                self.day.unheard += 1
                self.day.missed[f"{room.room}: {SPOKEN[number % len(SPOKEN)]}"] += 1
            self.day.said += 1
            await room.until_still(STILL)

    async def _watch(self) -> None:
        """Turns that were spoken, as the hub tells them."""
        reader, writer = await asyncio.open_unix_connection(
            self._folder / "run" / SOCKET, limit=2**24
        )
        writer.write(b'{"watch": true}\n')
        try:
            while line := await reader.readline():
                turn = json.loads(line).get("turn")
                if turn and turn["stages_ms"]["recognise"]:
                    self.day.spoken_latencies.append(turn["stages_ms"]["total"])
        finally:
            writer.close()

    async def _outage(self) -> None:
        await self._broker.kill()
        self._devices.there.clear()
        await asyncio.sleep(0.5)
        await self._broker.start()
        self.day.outages += 1

    async def _speech(self) -> list[bytes]:
        """Commands as Piper speaks them, each with the wake word."""
        store = ModelStore(config.load().models)
        actor = PiperSynthesizer(store.file("voice", config.load().voice.model), variation=0.0)
        try:
            made = []
            for text in SPOKEN:
                sound = await actor.synthesize(f"hey jarvis, {text}.")
                said = until_last_word(resampled(sound, SAMPLE_RATE))
                made.append(bytes(16000) + said.pcm)  # the satellite streams on
            return made
        finally:
            await actor.close()

    # --- measuring ------------------------------------------------------------------------------

    @property
    def _turns(self) -> int:
        day = self.day
        return len(day.latencies) + len(day.spoken_latencies)

    async def _measure(self) -> None:
        every = max(10, (self.day.text + self.day.spoken) // SAMPLES)
        warm = WARM * (self.day.text + self.day.spoken)
        due = 0
        while True:
            if self._turns >= due:
                due = self._turns + every
                await self._sample(kinds=not self.day.kinds and self._turns >= warm)
            await asyncio.sleep(0.2)

    async def _sample(self, *, kinds: bool) -> None:
        assert self._hub is not None
        self._told.unlink(missing_ok=True)
        self._hub.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(60):
            while not self._told.exists():  # noqa: ASYNC110  another process writes it
                await asyncio.sleep(0.02)
        told = json.loads(self._told.read_text())
        engines = self._engines(told["workers"])
        self.day.samples.append(
            Sample(
                self._turns,
                time.monotonic() - self._began,
                self._hub.memory_info().rss / MEGABYTE,
                sum(engines.values()),
                self._hub.num_fds(),
                told["threads"],
                told["tasks"],
                told["objects"],
                len(engines),
            )
        )
        if kinds:
            self.day.kinds.append(told["kinds"])
            self.day.named_tasks.append(told["named_tasks"])
            for name, used in engines.items():
                first = self.day.engines.get(name, (used, used))[0]
                self.day.engines[name] = (first, used)
        self._show(self.day.samples[-1])

    def _engines(self, workers: dict[str, str]) -> dict[str, float]:
        assert self._hub is not None
        found: dict[str, float] = {}
        for child in self._hub.children(recursive=True):
            with suppress(psutil.Error):
                name = workers.get(str(child.pid)) or f"{child.name()} {child.pid}"
                found[name] = child.memory_full_info().pss / MEGABYTE
        return found

    def _show(self, one: Sample) -> None:
        latest = statistics.median(self.day.latencies[-200:] or [0.0])
        print(
            f"{one.turns:6} turns ({len(self.day.spoken_latencies)} + {self.day.unheard} aloud)"
            f" {one.seconds:6.0f} s  {one.memory:7.1f} MB + {one.engines:6.1f} MB"
            f" in {one.processes}  {one.descriptors} fd {one.threads} threads {one.tasks} tasks"
            f" {one.objects} objects  {latest:.0f} ms",
            file=sys.stderr, flush=True,
        )  # fmt: skip

    def _look(self) -> None:
        text = self._log.read_text(errors="replace")
        self.day.restarts = text.count("restarted") + text.count("has ended; ")

    def _read_log(self) -> None:
        for line in self._log.read_text(errors="replace").splitlines():
            if "Traceback" in line:
                self.day.errors["a traceback in the log"] += 1
            if re.match(r"(WARNING|ERROR|hearth|\S+ (warning|error))", line.strip(), re.I):
                self.day.complaints[re.sub(r"\d+", "#", line.strip())[:160]] += 1


def _talk(chance: random.Random, language: str) -> Talk:
    if language == "en" and chance.random() < SELDOM:
        talk = chance.choice(RARE)
    else:
        talk = chance.choice(TALKS_DE if language == "de" else TALKS)
    words = {
        "room": chance.choice(ROOMS).lower(),
        "lamp": chance.choice(LAMPS).lower(),
        "number": chance.randrange(11, 60),
        "few": chance.randrange(17, 24),
    }
    return tuple(text.format(**words) for text in talk)


def outside(record: Path) -> tuple[list[str], int]:
    """Addresses of a record of strace's that are not in the house, and how many there were in it.

    What is in the house: `hub.egress.HOUSE`."""
    found: Counter[str] = Counter()
    pattern = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
    if not record.is_file():
        return [], 0
    with record.open(errors="replace") as lines:
        for line in lines:
            for four, six in pattern.findall(line):
                found[four or six] += 1
    away = [text for text in found if not egress.at_home(text)]
    return sorted(away), sum(found.values())


def _medians(values: Sequence[float], parts: int = 5) -> list[float]:
    """Of each part of the values, in order."""
    return [round(statistics.median(each), 1) for each in fractions(values, parts)]


def verdict(day: Day) -> list[str]:
    """What is not as it has to be."""
    found = day.leaks()
    if day.growth() >= GROWTH:
        found.append(f"memory grew by {day.growth():.1%}")
    engines = fractions([one.engines for one in day.warm()], 5)
    if min(engines[-1]) > (1 + GROWTH) * max(engines[0]):
        found.append(
            f"engines had {max(engines[0]):.0f} MB at most at first, "
            f"{min(engines[-1]):.0f} at least at the end"
        )
    for kind, times in (("turns", day.latencies), ("turns aloud", day.spoken_latencies)):
        parts = _medians(times) or [0.0]
        first, last = parts[0], parts[-1]
        if last > SLOWER * first:
            found.append(f"{kind} took {first:.0f} ms at first, {last:.0f} ms at the end")
    if day.restarts:
        found.append(f"engines or packs died {day.restarts} times")
    if day.packets is None:
        found.append("nobody counted what left the machine: there was no network namespace")
    elif day.packets:
        found.append(f"{day.packets} packets were sent out of the house")
    if day.outside:
        found.append(f"it tried to reach {', '.join(day.outside)}")
    heard = len(day.spoken_latencies)
    if heard < 0.9 * day.spoken:
        found.append(f"only {heard} of {day.spoken} spoken turns were heard")
    found += [f"{name} ({number} times)" for name, number in day.errors.items()]
    return found


async def soak(
    text: int,
    spoken: int,
    *,
    seed: int = 1,
    apart: bool = False,
    keep: bool = False,
    recognizer: str | None = None,
) -> Day:
    """`apart`: this is a network namespace of its own, made by `hub.privacy.packets.lead_nowhere`.

    Raises HearthError where Mosquitto or a model is missing, or the hub ends."""
    folder = Path(tempfile.mkdtemp(prefix="hearth-soak-"))
    try:
        return await Soak(folder, text, spoken, seed, apart, recognizer).run()
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description="A day of a household with the real hub, compressed."
    )
    parser.add_argument("--text", type=int, default=10_000, help="turns as text")
    parser.add_argument("--spoken", type=int, default=500, help="turns aloud")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--apart", action="store_true", help="in a network namespace of its own")
    parser.add_argument("--recognizer", help="a model for speech, instead of the settings'")
    parser.add_argument("--keep", action="store_true", help="leave the hub's folder where it is")
    given = parser.parse_args(arguments)
    try:
        if given.apart:
            try:
                lead_nowhere()
            except OSError as error:
                raise HearthError(str(error)) from error
        day = asyncio.run(
            soak(
                given.text, given.spoken, seed=given.seed, apart=given.apart, keep=given.keep,
                recognizer=given.recognizer,
            )
        )  # fmt: skip
    except HearthError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(day.to_json()))
    wrong = verdict(day)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
