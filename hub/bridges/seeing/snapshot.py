"""One look at a running hub: rooms, turns, engines, connections, troubles."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import psutil

from hub import __version__, board
from hub.crashes import SAFE, WITHOUT
from hub.engines.worker import Worker
from hub.errors import StorageError

if TYPE_CHECKING:
    from hub.app import Hub
    from hub.bridges.ears import Ears

TURNS = 8
"""Turns that are shown."""
MEASURED = 2.0
"""Seconds for which a measured memory holds."""
ROUGHLY = 25
"""MB to which the memory is rounded that is told to the broker."""
KINDS = ("alarm", "reminder", "command", "back")
"""Of what waits for its time, besides timers; a `back` puts devices back."""


class Satellite(Protocol):
    """A room elsewhere, as the part that serves it knows it."""

    def row(self) -> dict[str, Any]:
        """`room`, `connected`, `trouble`, and `muted` if it can be."""
        ...


class Seeing:
    """Looks at a hub. `connected` tells whether the broker is reached, None without one."""

    def __init__(
        self,
        hub: Hub,
        *,
        ears: Ears | None = None,
        connected: Callable[[], bool] | None = None,
        satellites: Callable[[], Sequence[Satellite]] = lambda: (),
        workers: Sequence[Worker] = (),
    ) -> None:
        """`ears`: those of the hub itself, if it has a microphone; `workers`: engines besides
        those that the hub was opened with."""
        self.hub = hub
        self.ears = ears
        self._connected = connected
        self.wrong: dict[str, str] = {}
        """What is wrong with parts that tell it themselves; an empty text for nothing."""
        self._satellites = satellites
        self._workers = workers
        self._machine = board.named(hub.config)
        self._started = time.monotonic()
        self._since = datetime.now(UTC).isoformat(timespec="seconds")
        self._process = psutil.Process()
        self._memory: dict[int, tuple[float, int]] = {}
        self._count = 0
        self._turns: tuple[int, list[dict[str, Any]]] = (-1, [])

    def begin(self) -> Callable[[], None]:
        """From now on notice that there are turns; the result ends that."""

        def count(trace: Any) -> None:
            self._count += 1

        return self.hub.assistant.watch(count)

    @property
    def uptime(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def pid(self) -> int:
        """The hub's own process."""
        return self._process.pid

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Of a request over the control socket: `{"levels": true}` if somebody watches, and wants
        to see how loud it is."""
        if request.get("levels"):
            self.hub.assistant.activity.look()
        return {"status": await self.snapshot()}

    async def snapshot(self) -> dict[str, Any]:
        """All of it, as `hearth status --json` shows it."""
        return {
            "version": __version__,
            "machine": self._machine,
            "uptime": round(self.uptime),
            "rooms": self.rooms(),
            "turns": await self.turns(),
            "engines": self.engines(),
            "memory": {"hub": self.memory(self.pid), "all": self.all_memory()},
            "connections": self.connections(),
            "waiting": self.waiting(),
            "devices": self.devices(),
            "troubles": self.troubles(),
        }

    # --- rooms ----------------------------------------------------------------------------------

    def rooms(self) -> list[dict[str, Any]]:
        """Rooms in which the hub hears or speaks: what is done there, and how loud it is (0-1)."""
        hub, activity = self.hub, self.hub.assistant.activity
        found = []
        if self.ears is not None:
            here = activity.room(hub.assistant.area)
            muted = self.ears.muted
            found.append(
                {
                    "room": here.area,
                    "kind": "hub",
                    "doing": "muted" if muted and here.doing != "speaking" else here.doing,
                    "muted": muted,
                    "level": 0.0 if muted else round(here.level, 3),
                    "volume": hub.voice.volume if hub.voice else None,
                    "trouble": here.trouble or None,
                }
            )
        for known in self._satellites():
            row = known.row()
            here = activity.room(row["room"])
            voice = hub.voices.get(row["room"])
            there = bool(row["connected"])
            muted = bool(row.get("muted"))
            doing = "muted" if muted and here.doing != "speaking" else here.doing
            doing = "asleep" if doing == "away" else doing
            found.append(
                {
                    "room": row["room"],
                    "kind": "satellite",
                    "doing": doing if there else "away",
                    "muted": muted,
                    "level": round(here.level, 3) if there and not muted else 0.0,
                    "volume": voice.volume if voice else None,
                    "trouble": None if there else row["trouble"] or "it is not there yet",
                }
            )
        return found

    # --- turns ----------------------------------------------------------------------------------

    async def turns(self) -> list[dict[str, Any]]:
        """The last turns, the newest first, as far as their words are kept."""
        if self._turns[0] == self._count:
            return self._turns[1]
        count, history = self._count, self.hub.history
        if history is None:
            return []
        try:
            found = await history.turns(most=TURNS)
        except StorageError:
            return []
        rows = [
            {
                "at": turn.at.isoformat(timespec="seconds"),
                "area": turn.area,
                "source": turn.source,
                "heard": turn.heard,
                "reply": turn.reply,
                "tier": turn.trace.get("tier", "none"),
                "outcome": outcome(turn.trace),
                "stages_ms": turn.trace.get("stages_ms", {}),
            }
            for turn in reversed(found)
        ]
        self._turns = (count, rows)
        return rows

    # --- engines --------------------------------------------------------------------------------

    def engines(self) -> list[dict[str, Any]]:
        """Processes of engines: whether they are up, their memory (bytes), how often they were
        started again."""
        known = [*self.hub.workers, *self._workers]
        names = [worker.name for worker in known]
        return [
            {
                "engine": _numbered(names, number),
                "up": worker.pid is not None,
                "memory": self.memory(worker.pid),
                "restarts": worker.restarts,
                "trouble": worker.trouble or None,
            }
            for number, worker in enumerate(known)
        ]

    def memory(self, pid: int | None) -> int | None:
        """Resident bytes of a process; None if there is none."""
        if pid is None:
            return None
        now = time.monotonic()
        at, size = self._memory.get(pid, (0.0, 0))
        if not size or now - at > MEASURED:
            try:
                process = self._process if pid == self.pid else psutil.Process(pid)
                size = int(process.memory_info().rss)
            except psutil.Error:
                self._memory.pop(pid, None)
                return None
            self._memory[pid] = (now, size)
        return size

    def all_memory(self) -> int:
        """Resident bytes of the hub and its engines."""
        engines = sum(engine["memory"] or 0 for engine in self.engines())
        return (self.memory(self.pid) or 0) + engines

    def restarts(self) -> int:
        """How often engines were started again."""
        return sum(worker.restarts for worker in (*self.hub.workers, *self._workers))

    def processor(self) -> float:
        """Seconds of processor time that the hub's own process has used."""
        used = self._process.cpu_times()
        return float(used.user + used.system)

    # --- the rest -------------------------------------------------------------------------------

    def connections(self) -> list[dict[str, Any]]:
        """Broker, sources of devices, satellites: whether they are there, and why not."""
        found = []
        if self._connected is not None:
            up = self._connected()
            found.append(_connection("broker", "mqtt", None if up else "the broker is away"))
        for name, trouble in self.hub.home.troubles.items():
            found.append(_connection("source", name, trouble.reason if trouble else None))
        for known in self._satellites():
            row = known.row()
            away = None if row["connected"] else row["trouble"] or "it is not there yet"
            found.append(_connection("satellite", row["room"], away))
        return found

    def waiting(self) -> dict[str, int]:
        """How many timers run, and how many alarms, reminders and commands wait."""
        agenda = self.hub.agenda
        return {
            "timer": len(self.hub.timers.all()),
            **{kind: len(agenda.all(kind)) for kind in KINDS},  # type: ignore[arg-type]
        }

    def devices(self) -> dict[str, int]:
        home = self.hub.home
        away = sum(home.state(each).state == "unavailable" for each in home.entities)
        return {"known": len(home.entities), "unavailable": away}

    def troubles(self) -> list[dict[str, str]]:
        """What is wrong, and of what."""
        hub = self.hub
        found = [(SAFE, f"after crashes, {WITHOUT}")] if hub.safe else []
        found += [
            (f"{each['kind']} {each['name']}", each["trouble"])
            for each in self.connections()
            if not each["up"]
        ]
        found += [
            ("microphone", row["trouble"])
            for row in self.rooms()
            if row["kind"] == "hub" and row["trouble"]
        ]
        found += [
            (f"engine {each['engine']}", each["trouble"])
            for each in self.engines()
            if each["trouble"]
        ]
        found += [(what, why) for what, why in self.wrong.items() if why]
        found += [("skill", str(problem)) for problem in hub.skillset.problems]
        if hub.packs is not None:
            found += [("pack", str(problem)) for problem in hub.packs.problems]
        if hub.history is not None and hub.history.problem:
            found.append(("history", hub.history.problem))
        if not hub.timers.kept or not hub.agenda.kept:
            found.append(("storage", "the disk takes nothing: timers are lost at the next start"))
        return [{"what": what, "why": why} for what, why in found]

    def health(self) -> dict[str, Any]:
        """How it is, in a few words, for the broker. No words of people, and memory only roughly:
        what is kept there shall not change all the time."""
        troubles = self.troubles()
        return {
            "state": "trouble" if troubles else "ok",
            "troubles": troubles,
            "version": __version__,
            "since": self._since,
            "memory_mb": round(self.all_memory() / 2**20 / ROUGHLY) * ROUGHLY,
            "restarts": self.restarts(),
            "unavailable": self.devices()["unavailable"],
        }


def outcome(turn: Mapping[str, Any]) -> str:
    """What became of a turn, as `Trace.to_json` tells it: `done`, `unconfirmed` (a device has not
    reported what was wanted), `asked`, `not_understood`, or `error`."""
    if turn.get("error"):
        return "error"
    if turn.get("expects_answer"):
        return "asked"
    if turn.get("tier") == "none":
        return "not_understood"
    outcomes = turn.get("outcomes") or ()
    return "done" if all(each.get("confirmed") for each in outcomes) else "unconfirmed"


def _connection(kind: str, name: str, trouble: str | None) -> dict[str, Any]:
    return {"kind": kind, "name": name, "up": trouble is None, "trouble": trouble}


def _numbered(names: Sequence[str], number: int) -> str:
    """A name of its own for each of several processes of one name."""
    before = names[:number].count(names[number])
    return names[number] if not before else f"{names[number]}-{before + 1}"
