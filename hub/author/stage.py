"""A hub with one skill in a simulated home, to try it on: the same parts as in a running hub.

Only the devices are simulated, the clock is moved by hand, and what would be said aloud is kept.
`hub.skill.testing` is this for the tests of skills.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from hub.audio.noise import Noise, recording
from hub.author.time import LocalClock, MovedTime, settle
from hub.config import Config
from hub.daily.lists import LocalLists
from hub.devices import homefile
from hub.devices.simulated import SimulatedHome
from hub.dialogue.conversation import Conversation
from hub.dialogue.replies import Replies
from hub.errors import ConfigError, SkillError
from hub.evaluate.stage import SilentSpeaker
from hub.home.model import Home
from hub.messages import Outcome, Trace
from hub.packs.description import FILE, read
from hub.past import Pasts
from hub.pipeline import Assistant
from hub.ports import Beneath, Inventory
from hub.router import Router
from hub.skill import Where
from hub.skills.alone import Alone
from hub.skills.aloud import Aloud
from hub.skills.handling import Handler
from hub.skills.own import Phones, SkillSounds
from hub.skills.plan import Planner
from hub.skills.settings import SkillSettings
from hub.skills.store import Stores
from hub.skillset import Skillset, load, load_handlers
from hub.sound import Playing, Sounds
from hub.timers.agenda import Agenda
from hub.timers.book import Timers
from hub.timers.clock import SystemTime, Time

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When it is on a stage, if nothing else is said: a Monday morning."""
PATIENCE = 0.2
"""Seconds that a simulated device has to report."""

Entities = Sequence[str] | Mapping[str, Mapping[str, Any]]
"""Ids, or ids with what a home file says of each: name, area, state, attributes, aliases."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service call that reached the devices."""

    service: str
    """`light.turn_on`"""
    entities: tuple[str, ...]
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replied:
    """What the hub made of something that was said."""

    text: str
    """What it answers."""
    asks: bool
    """It waits for an answer."""
    tools: tuple[str, ...]
    """Names of the tools that it ran: `skill.function`, or Home Assistant's intent."""
    services: tuple[Service, ...]
    """What it had devices do."""
    outcomes: tuple[Outcome, ...]
    trace: Trace = field(repr=False)
    """All about the turn: arguments, why, how long it took."""

    def __str__(self) -> str:
        return self.text

    @property
    def arguments(self) -> dict[str, Any]:
        """What was understood for the first tool, in the words that were said."""
        calls = self.trace.intent.calls
        return dict(calls[0].arguments) if calls else {}


class Stage:
    """A hub with the skill of a folder. Use it as `async with Stage(folder) as hearth`."""

    def __init__(
        self,
        skill: Path | str,
        *,
        entities: Entities = (),
        home: Path | None = None,
        languages: Sequence[str] = ("en",),
        all_skills: bool = False,
        settings: Mapping[str, Any] | None = None,
        now: datetime | None = MONDAY,
        area: str | None = None,
        tell: Callable[[str], None] = lambda text: None,
        services: Mapping[str, Any] | None = None,
    ) -> None:
        """`entities` or a `home` file are the devices there are; without both, those of the
        built-in home. `all_skills`: Hearth's own skills are there, too. `settings` are what
        somebody has set for the skill, `area` is the room that is spoken in. The time is `now`
        until it is moved; with None it is that of the machine. `tell` gets what is announced.
        `services`: further ones by name, such as a stand-in for `mqtt`."""
        self.folder = Path(skill).absolute()
        self.name = skill_name(self.folder)
        self.time: MovedTime | SystemTime = SystemTime() if now is None else MovedTime(now)
        self.services: list[Service] = []
        """All that devices were told to do, the oldest first."""
        self.announced: list[str] = []
        """All that was said unasked."""
        self.told = asyncio.Event()
        """Set when something is said unasked."""
        self._inventory = _inventory(entities, home)
        self._languages = tuple(languages)
        self._all = all_skills
        self._settings = dict(settings or {})
        self._area = area
        self._speaker = _Quiet()
        self.home = Home()
        self.devices: SimulatedHome
        self.skillset: Skillset
        self.router: Router
        self.assistant: _OnStage
        self._tell = tell
        self._further = dict(services or {})
        self._alone: Alone
        self._timers: Timers
        self._agenda: Agenda
        self._stores = Stores()
        self._sounds: Sounds
        self._pasts: Pasts
        self.shown: list[tuple[str, bytes | None]] = []
        """All texts and pictures that were sent to phones."""

    async def __aenter__(self) -> Self:
        """Raises SkillError for a skill that cannot be loaded."""
        config = Config.model_validate({"home": {"confirm_timeout": PATIENCE}})
        others = load()[0] if self._all else []
        own = load_handlers(self.name, self.folder / "skill.py")
        self.devices = _Noting(self._inventory, self.services)
        await self.home.connect([self.devices, LocalLists()])
        self._timers = Timers(self.time)
        self._agenda = Agenda(self.time, home=self.home)
        planner = Planner(self.time)
        aloud = Aloud(show=self._announced, clock=self.time.steady)
        self._sounds = Sounds(self._speaker, self.time)
        self._speaker.sounds = self._sounds
        self._pasts = Pasts(None, self.home, self.time)
        await self._pasts.begin()
        self.skillset = Skillset(
            [*(each for each in others if each.skill != self.name), *own],
            self.home,
            services={
                "speaker": self._speaker,
                "clock": LocalClock(self.time),
                "timers": self._timers,
                "agenda": self._agenda,
                "store": self._stores,
                "schedule": planner,
                "settings": SkillSettings({self.name: self._settings}),
                "aloud": aloud,
                "sound": SkillSounds(self._sounds, Noise, recording),
                "past": self._pasts,
                "phone": Phones(self),
                **self._further,
            },
            timeout=config.skills.timeout,
            confirm_timeout=PATIENCE,
            time=self.time,
        )
        self.router = Router(
            self.home,
            self.skillset.specs(),
            model=None,
            settings=config.router,
            languages=self._languages,
        )
        self.assistant = _OnStage(
            home=self.home,
            router=self.router,
            skillset=self.skillset,
            replies=Replies(),
            languages=self._languages,
        )
        self.assistant.moved = self.time
        self.assistant.area = self.assistant.place(self._area)
        self.assistant.aloud = aloud.later
        where = Where(self.assistant.area, self._languages[0])
        self._alone = Alone(
            self.skillset, self.home, planner, self.time, self.assistant.later, where
        )
        await self.router.prepare()
        self._alone.begin()
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._alone.close()
        await self.skillset.close()
        await self._timers.close()
        await self._agenda.close()
        await self._sounds.close()
        await self._pasts.close()
        await self.home.close()

    def _announced(self, text: str, area: str | None) -> None:
        self.announced.append(text)
        self.told.set()
        self._tell(text)

    async def show(self, text: str, image: bytes | None, by: str) -> None:
        self.shown.append((text, image))

    @property
    def sound(self) -> Playing | None:
        """What is heard beneath the voice; None while it is quiet, or fades out."""
        return self._sounds.playing

    def told_before(self, entity_id: str, *values: tuple[datetime, float]) -> None:
        """Let a sensor have told values in the past, in the order of time."""
        self._pasts.tell_of(entity_id, values)

    async def reload(self) -> None:
        """Take the skill as its files are now. Raises SkillError, and keeps the one of before."""
        own = load_handlers(self.name, self.folder / "skill.py")
        self.skillset.learn(own, instead=[self.name])
        self.router.learn(self.skillset.specs())
        await self.router.prepare()
        self._alone.begin()

    async def say(
        self, text: str, *, area: str | None = None, language: str | None = None
    ) -> Replied:
        """Say something, or answer what was asked; what the hub makes of it.

        Raises ConfigError for a room that the home does not have."""
        before = len(self.services)
        trace = await self.assistant.say(text, area=area, language=language)
        await settle()
        return Replied(
            trace.reply.text,
            trace.reply.expects_answer,
            tuple(call.tool for call in trace.intent.calls),
            tuple(self.services[before:]),
            trace.outcomes,
            trace,
        )

    @property
    def now(self) -> datetime:
        """What time it is on the stage."""
        return self.time.now().astimezone()

    @property
    def kept(self) -> Mapping[str, Any]:
        """What the skill has in its `Store`."""
        return dict(self._stores.values(self.name))

    def state(self, entity_id: str) -> str:
        """What a device reports."""
        return self.home.state(entity_id).state

    def attributes(self, entity_id: str) -> Mapping[str, Any]:
        return self.home.state(entity_id).attributes

    async def change(self, entity_id: str, state: str, **attributes: Any) -> None:
        """A device changes by itself, as when somebody opens a door; and what comes of it.

        Raises ConfigError if there is no such device."""
        if entity_id not in self.home.entities:
            raise ConfigError(f"there is no entity {entity_id!r} in this home")
        self.devices.set_state(entity_id, state, **attributes)
        await settle()

    async def advance(self, **time: float) -> None:
        """Let time pass: `await hearth.advance(minutes=5)`; and what comes of it."""
        assert isinstance(self.time, MovedTime), "the time of the machine cannot be moved"
        await self.time.advance(timedelta(**time).total_seconds())


class _OnStage(Assistant):
    """An assistant whose conversations are on the clock of the stage."""

    moved: Time

    def conversation(self, area: str | None) -> Conversation:
        return self._conversations.setdefault(area, Conversation(self.moved.steady))


class _Quiet(SilentSpeaker):
    """A loudspeaker that nobody hears, with what would be heard beneath the voice."""

    sounds: Sounds | None = None

    async def under(self, backdrop: Beneath | None) -> None:
        """Take it, and be silent."""

    async def stop(self) -> None:
        await super().stop()
        if self.sounds is not None:
            await self.sounds.stop()


class _Noting(SimulatedHome):
    """Simulated devices that note what they are told to do."""

    def __init__(self, inventory: Inventory, services: list[Service]) -> None:
        super().__init__(inventory, transition=0)
        self._services = services

    async def call_service(
        self, domain: str, service: str, entity_ids: Sequence[str], data: Mapping[str, Any]
    ) -> None:
        self._services.append(Service(f"{domain}.{service}", tuple(entity_ids), dict(data)))
        await super().call_service(domain, service, entity_ids, data)


def skill_name(folder: Path) -> str:
    """What a skill is called: the id of its pack, or its folder."""
    return read(folder).id if (folder / FILE).is_file() else folder.name


def own_handlers(folder: Path) -> list[Handler]:
    """The tools of the skill in a folder. Raises SkillError, PackError."""
    path = folder / "skill.py"
    if not path.is_file():
        raise SkillError(f"{folder}: there is no skill.py")
    return load_handlers(skill_name(folder), path)


def around(file: str) -> Path:
    """The folder of the skill that a test file is in: the nearest one with a `skill.py`.

    Raises SkillError if there is none."""
    for folder in Path(file).absolute().parents:
        if (folder / "skill.py").is_file():
            return folder
    raise SkillError(f"{file} is in no folder with a skill.py: name the skill's folder")


def caller(depth: int = 2) -> str:
    """The file of the function that called."""
    return sys._getframe(depth).f_code.co_filename


def _inventory(entities: Entities, home: Path | None) -> Inventory:
    if not entities:
        return homefile.load(home)
    given = entities if isinstance(entities, Mapping) else {key: {} for key in entities}
    listed = [
        {"id": key, "name": key.partition(".")[2].replace("_", " ").title(), **(more or {})}
        for key, more in given.items()
    ]
    return homefile.parse({"entities": listed})
