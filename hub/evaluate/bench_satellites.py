"""Twenty satellites on one hub: commands at one of them, and at four at the same time.

The satellites speak the Wyoming protocol over loopback and stream all the time; the hub hears their
wake words, recognises, and sets the lights of their rooms. What is said is spoken by Piper, in a
home with a light and blinds in each room.

Four people who speak at once have said the wake word one after the other: of rooms that hear the
same one at the same moment, one answers. Their commands begin together.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.app import Hub, open_hub, reply_sink, synthesizer
from hub.audio.pcm import resampled
from hub.bridges.satellites.arbiter import Arbiter
from hub.bridges.satellites.rooms import Satellites, open_satellites
from hub.config import Config, RoomSettings
from hub.evaluate.far_room import CHUNK, STILL, FarRoom
from hub.evaluate.spoken import WAKE, until_last_word
from hub.messages import SAMPLE_RATE, StateChange, Trace
from hub.ports import Synthesizer

ROOMS = (
    "Kitchen", "Living Room", "Bedroom", "Bathroom", "Office", "Hallway", "Garage", "Attic",
    "Cellar", "Nursery", "Guest Room", "Dining Room", "Laundry", "Library", "Workshop", "Balcony",
    "Terrace", "Pantry", "Studio", "Gym",
)  # fmt: skip
AT_ONCE = 4
ROUNDS = 4
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("turn on the light", "light", "on"),
    ("open the blinds", "cover", "open"),
    ("switch the light on please", "light", "on"),
    ("can you open the blinds", "cover", "open"),
    ("turn off the light", "light", "off"),
    ("close the blinds", "cover", "closed"),
    ("switch off the light please", "light", "off"),
    ("please close the blinds", "cover", "closed"),
)
"""What is said, the kind of device that is meant, and the state that it gets. The second half
undoes the first, by the same places."""
APART = 1.4
"""Seconds between two wake words."""
BEFORE_COMMAND = 0.5
"""Seconds between the last wake word and the commands, at least."""
PATIENCE = 15.0
"""Seconds after a command in which it is done, or is not any more."""


@dataclass(slots=True)
class Said:
    """A command at one satellite, and what came of it."""

    room: str
    text: str
    entity: str
    state: str
    ended: float = 0.0
    done: float = 0.0
    heard: str | None = None

    @property
    def right(self) -> bool:
        return self.done > 0

    @property
    def milliseconds(self) -> float:
        """From the end of speech to the device's change."""
        return (self.done - self.ended) * 1000


@dataclass(slots=True)
class Found:
    """What was measured."""

    satellites: int
    at_once: int
    one: list[Said] = field(default_factory=list)
    several: list[Said] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Changes that nobody asked for."""

    @property
    def alone(self) -> list[float]:
        return [said.milliseconds for said in self.one if said.right]

    @property
    def together(self) -> list[float]:
        return [said.milliseconds for said in self.several if said.right]

    @property
    def ratio(self) -> float:
        """Median of those at once, by the median of those alone."""
        if not self.alone or not self.together:
            return 0.0
        return round(statistics.median(self.together) / statistics.median(self.alone), 2)

    def to_json(self) -> dict[str, Any]:
        every = [*self.one, *self.several]
        return {
            "satellites": self.satellites,
            "at_once": self.at_once,
            "commands": len(every),
            "right": sum(said.right for said in every) - len(self.wrong),
            "not_done": [
                {"room": said.room, "said": said.text, "heard": said.heard}
                for said in every
                if not said.right
            ],
            "done_unasked": self.wrong,
        }


def home_file(folder: Path, rooms: Sequence[str] = ROOMS) -> Path:
    """A home with a light and blinds in each room."""
    lines = ["areas:"]
    lines += [f"  - {{id: {_id(room)}, name: {room}}}" for room in rooms]
    lines += ["entities:"]
    for room in rooms:
        lines += [
            f"  - id: light.{_id(room)}",
            f"    name: {room} Light",
            f"    area: {_id(room)}",
            '    state: "off"',
            "    attributes: {supported_color_modes: [brightness]}",
            f"  - id: cover.{_id(room)}",
            f"    name: {room} Blinds",
            f"    area: {_id(room)}",
            "    state: closed",
            "    features: [OPEN, CLOSE, SET_POSITION, STOP]",
            "    attributes: {device_class: blind, current_position: 0}",
        ]
    path = folder / "home.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _id(room: str) -> str:
    return room.casefold().replace(" ", "_")


class Household:
    """A hub with satellites, and people who speak at them."""

    def __init__(self, hub: Hub, rooms: dict[str, FarRoom], actor: Synthesizer) -> None:
        self.hub = hub
        self.rooms = rooms
        self.unasked: list[str] = []
        self._actor = actor
        self._waiting: list[Said] = []
        self._news = asyncio.Event()
        self._wake = b""
        hub.home.watch(self._changed)
        hub.assistant.watch(self._turned)

    async def speak(
        self, several: Sequence[Said], *, apart: float = APART, patience: float = PATIENCE
    ) -> None:
        """People say commands in different rooms: the wake words one after the other, and then
        all at once what they want. Returns when all is done, or `patience` seconds are over."""
        if not self._wake:
            self._wake = await self._pcm(f"{WAKE}.")
        spoken = [await self._pcm(f"{said.text}.") for said in several]
        self._waiting = list(several)
        last = apart * (len(several) - 1) + BEFORE_COMMAND
        tasks = []
        for number, (said, pcm) in enumerate(zip(several, spoken, strict=True)):
            size = 2 * round(SAMPLE_RATE * (last - apart * number))
            still = (STILL * (size // CHUNK + 1))[:size]
            tasks.append(asyncio.create_task(self._say(said, apart * number, still, pcm)))
        await asyncio.gather(*tasks)
        try:
            async with asyncio.timeout(patience):
                while not all(said.done for said in several):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        self._waiting = []

    async def _say(self, said: Said, after: float, still: bytes, pcm: bytes) -> None:
        await asyncio.sleep(after)
        room = self.rooms[said.room]
        room.say(self._wake + still + pcm)
        said.ended = await room.until_said()

    async def _pcm(self, text: str) -> bytes:
        audio = resampled(await self._actor.synthesize(text), SAMPLE_RATE)
        return until_last_word(audio).pcm

    def _changed(self, change: StateChange) -> None:
        if change.state == change.before:
            return
        for said in self._waiting:
            if said.entity == change.entity_id:
                if change.state == said.state and not said.done:
                    said.done = time.perf_counter()
                    self._news.set()
                return
        self.unasked.append(f"{change.entity_id} became {change.state}")

    def _turned(self, trace: Trace) -> None:
        for said in self._waiting:
            if said.room == trace.area:
                said.heard = trace.heard


@asynccontextmanager
async def household(
    config: Config,
    folder: Path,
    rooms: Sequence[str] = ROOMS,
    *,
    arbiter: Arbiter | None = None,
    actor: Synthesizer | None = None,
) -> AsyncIterator[Household]:
    """A hub with a satellite in each room, all of them connected, and all engines loaded. `actor`
    plays the people; None: the hub's own voice. Raises ConfigError, ModelError, EngineError."""
    far = {room: FarRoom(room) for room in rooms}
    async with AsyncExitStack() as stack:
        for each in far.values():
            await each.start()
            stack.push_async_callback(each.close)
        settings = {
            name: RoomSettings(satellite=f"tcp://127.0.0.1:{each.port}")
            for name, each in far.items()
        }
        hub = await stack.enter_async_context(
            open_hub(
                config.model_copy(update={"rooms": settings}),
                home_file=home_file(folder, rooms),
                recognise=True,
                sink=reply_sink(None),
                remember=False,
            )
        )
        came = asyncio.Event()
        served = await stack.enter_async_context(
            open_satellites(hub, arbiter=arbiter, changed=lambda known: came.set())
        )
        running = asyncio.create_task(served.run())
        stack.push_async_callback(_ended, running)
        await _all_there(served, came)
        for worker in hub.workers:
            if worker.name != "language model":
                await worker.start()
        yield Household(hub, far, actor or synthesizer(hub))


async def _all_there(served: Satellites, came: asyncio.Event) -> None:
    async with asyncio.timeout(60):
        while not all(known.connected for known in served.known):
            came.clear()
            await came.wait()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def script(rooms: Sequence[str], at_once: int, rounds: int) -> tuple[list[Said], list[list[Said]]]:
    """Commands one by one, and in groups: as many of the same kinds of each."""
    half = len(COMMANDS) // 2
    one: list[Said] = []
    several: list[list[Said]] = []
    for number in range(rounds):
        back = half * (number % 2)
        group = [
            (rooms[(at_once * (number // 2) + place) % len(rooms)], COMMANDS[back + place % half])
            for place in range(at_once)
        ]
        several.append([_said(room, command) for room, command in group])
        away = [rooms[-1 - place - at_once * (number // 2)] for place in range(at_once)]
        one += [_said(room, command) for room, (_, command) in zip(away, group, strict=True)]
    return one, several


def _said(room: str, command: tuple[str, str, str]) -> Said:
    text, kind, state = command
    return Said(room, text, f"{kind}.{_id(room)}", state)


async def measure(
    config: Config,
    *,
    rooms: Sequence[str] = ROOMS,
    at_once: int = AT_ONCE,
    rounds: int = ROUNDS,
) -> Found:
    """Commands at one satellite at a time, and at several at once, in turn. Raises ConfigError,
    ModelError, EngineError."""
    found = Found(len(rooms), at_once)
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        async with household(config, Path(folder), rooms) as house:
            alone, groups = script(rooms, at_once, rounds)
            for command in (COMMANDS[0], COMMANDS[len(COMMANDS) // 2]):
                await _settled(house, [_said(rooms[-1], command)])  # everything is warm afterwards
            house.unasked.clear()
            for number, group in enumerate(groups):
                for said in alone[number * at_once : (number + 1) * at_once]:
                    await _settled(house, [said])
                await _settled(house, group)
            found.one, found.several = alone, [said for group in groups for said in group]
            found.wrong = house.unasked
    return found


async def _settled(house: Household, several: list[Said]) -> None:
    """Say it; then let the replies be spoken."""
    await house.speak(several)
    for said in several:
        free = house.hub.places.rooms.get(said.room)
        if free is not None:
            await free.wait()
    await asyncio.sleep(2.2)  # a wake word is found 2 s after another at the earliest
