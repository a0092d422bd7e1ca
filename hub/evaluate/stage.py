"""A home on a stage: one request at a time is routed, and played on a copy of the home.

The same parts as in a running hub (`Assistant`, `Router`, `Skillset`, `Replies`); only the devices
are simulated, at once and without memory. `hearth route` and `hearth eval` both stand on this.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, cast

from hub.config import Config
from hub.devices.homefile import ATTRIBUTES, STATES_AS_ATTRIBUTES
from hub.devices.simulated import SimulatedHome
from hub.dialogue.replies import Replies
from hub.errors import ConfigError, SkillError
from hub.home.model import Home, normal
from hub.later import obstacle
from hub.messages import Audio, Call, Heard, Intent, StateChange, Trace, Utterance
from hub.pipeline import Assistant
from hub.ports import ChatModel, Inventory, LanguageModel, Recognizer
from hub.router import Context, Router
from hub.skill import Where
from hub.skillset import Performed, Skillset
from hub.timers.agenda import Agenda, Due
from hub.timers.book import Timers
from hub.timers.timer import Timer

Shown = Mapping[str, Mapping[str, Any]]
"""Entity id -> `state` and `attributes`."""

PATIENCE = 0.05
"""Seconds a simulated device has to report: it does so at once, or has nothing to report."""

TALK = ("conversation", "help")
"""Skills whose own tools only talk: what they say is the reply, and nothing is called."""

QUESTIONS = frozenset(
    {
        "HassClimateGetTemperature",
        "HassGetCurrentDate",
        "HassGetCurrentTime",
        "HassGetState",
        "HassGetWeather",
        "HassNevermind",
        "HassRespond",
        "HassTimerStatus",
    }
)
"""Intents that change nothing."""


def acts(call: Call) -> bool:
    """Whether a call would do something in the home, rather than answer."""
    return call.tool not in QUESTIONS and not _talks(call)


def _talks(call: Call) -> bool:
    return call.tool.partition(".")[0] in TALK and "." in call.tool


class Routes(Protocol):
    """Words to calls: the hub's router, or another to compare it with."""

    home: Home

    async def prepare(self) -> None: ...

    async def route(
        self, utterance: Utterance, context: Context, *, known: Intent | None = None
    ) -> Intent: ...


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody says, and how the home is at that moment."""

    text: str
    area: str | None = None
    """Id or name of the room."""
    language: str = "en"
    states: Shown = field(default_factory=dict)
    """What differs from the home's beginning."""
    now: datetime | None = None
    audio: Audio | None = None
    """Heard instead of the text."""
    agree: bool = True
    """What is done only after a yes is done; if not, the question waits for the next request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was made of a request."""

    heard: str
    """What was recognised, or typed."""
    calls: tuple[Call, ...]
    """Those that do or answer something here."""
    recognized: tuple[Call, ...]
    """Those that found nothing to act on."""
    touched: tuple[str, ...]
    """Ids of the entities that were acted on."""
    meant: tuple[str, ...]
    """The same with those that could not do it."""
    else_done: bool
    """Something was done that is no entity's: a timer, a message, the hub's own volume."""
    before: Shown
    after: Shown
    """`state` and attributes of every entity, side by side."""
    reply: str
    asked: bool
    """It asks back, and has not acted."""
    confirmed: bool
    """It asks for a yes before it acts; the states are those after it."""
    tier: str
    why: str
    milliseconds: float
    """Time the router took."""
    prompt_tokens: int
    """Tokens of prompts that the language model evaluated; what it had cached does not count."""

    @property
    def routed(self) -> tuple[Call, ...]:
        """All calls, whether they found something or not."""
        return (*self.calls, *self.recognized)

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(key for key in self.after if self.after[key] != self.before[key])

    @property
    def acted(self) -> bool:
        """Whether anything was done."""
        return bool(self.touched or self.changed) or self.else_done


class Metered:
    """A language model whose work is counted, whatever methods it has."""

    def __init__(self, model: LanguageModel | ChatModel) -> None:
        self._model = model
        self.prompt_tokens = 0
        self.format = getattr(model, "format", "")
        for name in dir(model):
            method = getattr(model, name) if not name.startswith("_") else None
            if inspect.iscoroutinefunction(method):
                setattr(self, name, self._counted(method))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*arguments: Any, **named: Any) -> Any:
            result = await method(*arguments, **named)
            first = result[0] if isinstance(result, tuple) and result else result
            self.prompt_tokens += getattr(first, "prompt_tokens", 0)
            return result

        return counted


class Stage:
    """One home with its router, built once. Each `scene` begins from the same states."""

    def __init__(
        self,
        inventory: Inventory,
        source: SimulatedHome,
        base: Home,
        router: Routes,
        skillset: Skillset,
        *,
        language: str,
        meter: Metered | None = None,
        recognizer: Recognizer | None = None,
    ) -> None:
        self.inventory = inventory
        self.router = router
        self.language = language
        self.meter = meter
        self.recognizer = recognizer
        self.shown = {key: _shown(source, key) for key in base.entities}
        """What every device reports before anything is said."""
        self._source = source
        self._base = base
        self._seen: set[str] = set()
        self._skillset = skillset
        self.for_devices = {spec.name for spec in skillset.specs() if spec.domains}
        """Tools that act on devices."""

    @classmethod
    async def build(
        cls,
        inventory: Inventory,
        settings: Config,
        *,
        language: str = "en",
        model: LanguageModel | ChatModel | None = None,
        without: Sequence[str] = (),
        routes: Callable[[Home, Skillset], Routes] | None = None,
        recognizer: Recognizer | None = None,
    ) -> Stage:
        """Build the grammars of a home. `routes` makes another router than the hub's.

        Raises EngineError if the language model cannot be started."""
        base = Home()
        source = SimulatedHome(inventory, transition=0)
        await base.connect([source])
        hasty = settings.home.model_copy(update={"confirm_timeout": PATIENCE})
        skillset = _Watched.load(
            settings.model_copy(update={"home": hasty}), base, speaker=SilentSpeaker()
        )
        meter = Metered(model) if model is not None and "model" not in without else None
        router: Routes
        if routes is not None:
            router = routes(base, skillset)
        else:
            router = Router(
                base,
                skillset.specs(),
                model=cast("LanguageModel", meter) if meter else None,
                settings=settings.router,
                languages=(language,),
                without=without,
            )
        await router.prepare()
        if meter is not None and isinstance(router, Router):
            await router.prime()
        return cls(
            inventory,
            source,
            base,
            router,
            skillset,
            language=language,
            meter=meter,
            recognizer=recognizer,
        )

    def seen(self, states: Shown) -> None:
        """Let the router see the states of a scene: what plays, and what is on. `states`: those
        that differ from the beginning; the others are as they were then."""
        for key in self._seen - states.keys():
            self._base.apply(_change(key, self.shown[key]))
        for key, shown in states.items():
            self._base.apply(_change(key, shown))
        self._seen = {*states}

    async def close(self) -> None:
        await self._base.close()

    async def answer(self, request: Request) -> Answer:
        """Play one request on a copy of the home. Raises ConfigError for a room or an entity that
        the home does not have."""
        async with self.scene(request.states, request.now) as scene:
            return await scene.turn(request)

    @asynccontextmanager
    async def scene(
        self, states: Shown | None = None, now: datetime | None = None
    ) -> AsyncIterator[Scene]:
        """A copy of the home in which several requests can follow each other. Raises ConfigError
        for a state of what the home does not have."""
        self.seen({})
        source = self._source.fork()
        home = self._base.fork(source)
        try:
            begin(source, home, states or {})
        except ConfigError:
            await home.close()
            raise
        still = _Clock(now if now is not None else datetime.now().astimezone())
        timers = Timers(still)
        agenda = Agenda(still, home=home)
        clock = {"clock": still} if now is not None else {}
        skillset = self._skillset.for_home(home, timers=timers, agenda=agenda, **clock)
        router = cast("Router", self.router)  # `prepare` and `route` are all that is needed of it
        foresee = partial(obstacle, router=router, skillset=skillset)
        timers.begin(_nobody, foresee)
        agenda.begin(_never, foresee=foresee)
        assistant = Assistant(
            home=home,
            router=router,
            skillset=skillset,
            replies=Replies(),
            recognizer=self.recognizer,
            languages=(self.language,),
        )
        try:
            yield Scene(self, source, home, cast("_Watched", skillset), assistant)
        finally:
            await timers.close()
            await agenda.close()
            await home.close()


class Scene:
    """A copy of a home, with the conversation that takes place in it."""

    def __init__(
        self,
        stage: Stage,
        source: SimulatedHome,
        home: Home,
        skillset: _Watched,
        assistant: Assistant,
    ) -> None:
        self._stage = stage
        self._source = source
        self._home = home
        self._skillset = skillset
        self._assistant = assistant

    def states(self) -> dict[str, dict[str, Any]]:
        """What every device reports now."""
        return {**self._stage.shown, **self._stirred()}

    def _stirred(self) -> dict[str, dict[str, Any]]:
        """What those report that were ever told anything, or did."""
        known = self._home.entities
        return {key: _shown(self._source, key) for key in self._source.stirred if key in known}

    async def put(self, states: Shown) -> None:
        """Bring devices into states by hand. Raises ConfigError for one that is not there."""
        for key, shown in states.items():
            if key not in self._home.entities:
                raise ConfigError(f"there is no entity {key!r} in this home")
            state = str(shown.get("state", self._source.state(key)))
            self._source.set_state(key, state, **(shown.get("attributes") or {}))
        await asyncio.sleep(0)

    async def turn(self, request: Request) -> Answer:
        """Say something, and see what becomes of it. A 'yes' is given where one is asked for."""
        self._skillset.performed.clear()
        before = self.states()
        self._stage.seen(self._stirred())
        meter = self._stage.meter
        evaluated = meter.prompt_tokens if meter else 0
        trace = await self._trace(request)
        done = list(self._skillset.performed)
        outcomes = list(trace.outcomes)
        confirmed = False
        where = Where(trace.area, request.language)
        for _, performed in done if request.agree else ():
            if performed.ask is not None and performed.ask.yes and performed.missing is None:
                confirmed = True
                for call in performed.ask.yes:
                    agreed = await self._skillset.perform(call, where=where, confirmed=True)
                    outcomes += agreed.outcomes
        await asyncio.sleep(0)
        found = [(call, performed) for call, performed in done if self._found(call, performed)]
        waits = [] if request.agree else [call for call, performed in found if performed.ask]
        good = [call for call, _ in found if not _talks(call) and call not in waits]
        return Answer(
            heard=trace.hypotheses[0].text if trace.hypotheses else "",
            calls=tuple(good),
            recognized=tuple(call for call, performed in done if not self._found(call, performed)),
            touched=tuple(dict.fromkeys(o.entity_id for o in outcomes if o.error is None)),
            else_done=any(acts(call) and call.tool not in self._stage.for_devices for call in good),
            meant=tuple(dict.fromkeys(outcome.entity_id for outcome in outcomes)),
            before=before,
            after=self.states(),
            reply=trace.reply.text,
            asked=trace.reply.expects_answer and not confirmed,
            confirmed=confirmed,
            tier=trace.intent.tier,
            why=trace.intent.why,
            milliseconds=trace.stages_ms.get("route", 0.0),
            prompt_tokens=(meter.prompt_tokens if meter else 0) - evaluated,
        )

    def _found(self, call: Call, performed: Performed) -> bool:
        """Whether a call has something to act on or to tell, or will have after a yes. That a
        device then could not do it is another matter."""
        if performed.missing is not None or performed.unfit is not None:
            return False
        if performed.outcomes or performed.ask or performed.answer:
            return True
        if isinstance(performed.error, SkillError):
            return False
        # 'Next song', where nothing plays: an intent for devices that reached none.
        on_devices = call.tool in self._stage.for_devices and "." not in call.tool
        return not (on_devices and acts(call)) or "name" in call.arguments

    async def _trace(self, request: Request) -> Trace:
        area, language = request.area, request.language
        if request.audio is None:
            return await self._assistant.say(request.text, area=area, language=language)
        heard = Heard(request.audio, request.audio.seconds, request.audio.seconds)
        return await self._assistant.hear(heard, area=area, language=language)


def begin(source: SimulatedHome, home: Home, states: Shown) -> None:
    """Bring a home into the states a request begins with. Raises ConfigError for an unknown
    entity."""
    for key in states:
        if key not in home.entities and key not in home.hidden:
            raise ConfigError(f"there is no entity {key!r} in this home")
    for key, given in states.items():
        told = dict(given.get("attributes") or {})
        state = str(given.get("state", source.state(key)))
        for name in STATES_AS_ATTRIBUTES:
            state = str(told.pop(name, state))
        source.become(key, state, {ATTRIBUTES.get(k, k): value for k, value in told.items()})
        home.apply(_change(key, _shown(source, key)))


def _shown(source: SimulatedHome, key: str) -> dict[str, Any]:
    """What a device reports."""
    return {"state": source.state(key), "attributes": source.attributes(key)}


def _change(key: str, shown: Mapping[str, Any]) -> StateChange:
    return StateChange(key, shown["state"], shown["attributes"])


def named(call: Call, inventory: Inventory) -> Call:
    """The call with names where the hub uses ids, because two things share a name."""
    arguments = dict(call.arguments)
    entities = {entity.entity_id: entity.name for entity in inventory.entities}
    areas = {area.area_id: area.name for area in inventory.areas}
    floors = {floor.floor_id: floor.name for floor in inventory.floors}
    for slot, names in (("name", entities), ("area", areas), ("floor", floors)):
        if isinstance(value := arguments.get(slot), str):
            arguments[slot] = names.get(value, value)
    return replace(call, arguments=arguments)


def same_name(one: str, other: str) -> bool:
    return normal(one) == normal(other)


class _Watched(Skillset):
    """Skills whose doings are noted."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.performed: list[tuple[Call, Performed]] = []

    async def perform(self, call: Call, **named: Any) -> Performed:
        done = await super().perform(call, **named)
        self.performed.append((call, done))
        return done


class _Clock:
    """A clock that stands still, for the skills and for the timers."""

    boot = ""
    kept_right = True

    def __init__(self, now: datetime) -> None:
        self._now = now if now.tzinfo else now.astimezone()
        self.zone = self._now.tzinfo or UTC

    def now(self) -> datetime:
        return self._now

    def steady(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


async def _nobody(timer: Timer, late: float) -> None:
    """On a stage no timer runs out, except one from which all its time was taken."""


async def _never(due: Due) -> None:
    """Nor does an appointment."""


class SilentSpeaker:
    """The `Speaker` of a home on a stage: it only remembers how loud it is."""

    volume = 0.5
    muted = False

    async def set_volume(self, volume: float) -> None:
        self.volume = min(1.0, max(0.0, volume))

    async def set_muted(self, muted: bool) -> None:
        self.muted = muted

    async def stop(self) -> None:
        pass
