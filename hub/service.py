"""`hearth run`: the hub as a service, until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from hub import terminal
from hub.alive import PERIODS, Alive
from hub.app import Hub, describe, echo_canceller, lock, loudspeaker, microphone, open_hub
from hub.audio.earcons import earcon
from hub.audio.null import Nowhere
from hub.bridges.ears import Ears
from hub.bridges.seeing.snapshot import Seeing
from hub.bridges.web.door import WebDoor
from hub.bridges.web.parts import Parts
from hub.config import Config
from hub.control import ControlServer
from hub.crashes import SAFE, STEADY, TOO_OFTEN, WITHOUT, Starts, said
from hub.errors import (
    AudioError,
    ConfigError,
    EngineError,
    HearthError,
    ModelError,
    StorageError,
)
from hub.home.view import describe_change
from hub.messages import StateChange, Trace
from hub.models.catalogue import default_set
from hub.models.store import ModelStore
from hub.models.watch import watch as watch_models
from hub.notify import Notifier
from hub.privacy.eraser import Eraser, Wish, erase
from hub.privacy.sound import warning
from hub.terminal import escape

if TYPE_CHECKING:
    from hub.audio.echo import EchoCanceller
    from hub.bridges.phone import PhoneBridge
    from hub.bridges.satellites.arbiter import Arbiter
    from hub.bridges.seeing.snapshot import Satellite
    from hub.engines.worker import Worker

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 5.0
"""Seconds between attempts to reach a microphone that is not there."""
LOST_AGAIN = 30.0
"""Seconds after which one that is lost again is told again."""

MOST_SHOWN = 20
"""Changes of the home that are shown in a second."""
SETTLING = 0.5
"""Seconds in which further devices may appear before the grammars are made anew."""

MENDED_BY_SOMEBODY = (ConfigError, ModelError, StorageError)
"""Errors that are no crash: a setting has to be mended, a model fetched or a disk repaired, and
nothing that safe mode leaves out would help."""

UNWATCHED = 60.0
"""Seconds that count for a period of the watchdog where there is none."""

_begun: set[asyncio.Task[Any]] = set()
"""What runs, and nobody waits for."""


async def serve(config: Config, *, ears: bool = True) -> None:
    """Run the hub. Returns after SIGTERM; raises KeyboardInterrupt after SIGINT (Ctrl-C), when
    all is put away. When somebody wants something erased, all is put away for that, too, and then
    taken up again.

    Raises ConfigError, ModelError, or StorageError if another hub is running here."""
    wish: Wish | None = None
    starts = Starts(config.hub.data)
    try:
        await _serve_again(config, ears, wish, starts)
    except MENDED_BY_SOMEBODY:
        starts.not_a_crash()
        raise
    except (asyncio.CancelledError, KeyboardInterrupt):
        starts.good()  # somebody wants it to end
        raise
    starts.good()


async def _serve_again(config: Config, ears: bool, wish: Wish | None, starts: Starts) -> None:
    while (wish := await _serve(config, ears, wish, starts)) is not None:
        try:
            async with lock(config, patience=5):
                wish.erased = await erase(config, wish.person)
        except StorageError as error:
            wish.error = str(error)
        told = wish.error or f"erased: {sum(wish.erased.values())} entries"
        terminal.out.print(escape(told))


async def _serve(config: Config, ears: bool, last: Wish | None, starts: Starts) -> Wish | None:
    """Run the hub until it is told to end, or somebody wants something erased: what that is. `last`
    is what was erased just before."""
    started = time.monotonic()
    if not ears:
        config = without_microphones(config)
    systemd = Notifier.from_environment()
    systemd.status("starting")
    async with AsyncExitStack() as stack:
        ended = stack.enter_context(_until_signal())
        eraser = Eraser(ended.set, last)
        await stack.enter_async_context(lock(config))
        crashes = 0 if last is not None else starts.begin()
        safe = crashes >= TOO_OFTEN
        elsewhere = any(room.elsewhere for room in config.rooms.values())
        others = bool(config.wyoming.listen) or elsewhere
        canceller = echo_canceller(config) if ears else None
        sink = loudspeaker(config, canceller) if ears else Nowhere() if others else None
        hub = await stack.enter_async_context(
            open_hub(
                config, ears=ears, recognise=ears or others, sink=sink, lasting=True, safe=safe
            )
        )
        open_ears = Ears(config.hub.data / "microphone-muted") if ears else None
        arbiter = _arbiter(hub) if elsewhere else None
        if open_ears is not None and hub.wake is not None:
            hub.wake = open_ears.wake(hub.wake)
        phone = _phone(hub, open_ears, lambda: seeing.health())
        hub.phones.sends = phone
        if not _kept_for_long():
            hub.assistant.watch(_show_turn)
        hub.home.watch(_Changes(hub).show)
        hub.begin_timers(
            tone=lambda: _ring(hub),
            alarm=lambda volume: _alarm(hub, volume),
            show=lambda text: _show_timer(text, phone),
            tell=_show,
        )
        doors = {"routines": hub.household.door.answer} if hub.household else {}
        doors["privacy"] = eraser.answer
        works: list[Coroutine[Any, Any, None]] = []
        rooms_elsewhere: list[Satellite] = []
        if others:
            from hub.bridges.wyoming.offer import open_far_ears

            far = await stack.enter_async_context(open_far_ears(hub))
        if elsewhere:
            from hub.bridges.satellites.rooms import open_satellites

            satellites = await stack.enter_async_context(
                open_satellites(
                    hub,
                    ears=far,
                    arbiter=arbiter,
                    microphones=open_ears,
                    changed=lambda known: phone.rooms_changed() if phone else None,
                )
            )
            doors["satellites"] = satellites.answer
            rooms_elsewhere += satellites.known
            works.append(satellites.run())
        seeing = Seeing(
            hub,
            ears=open_ears,
            connected=(lambda: phone.connected) if phone is not None else None,
            satellites=lambda: rooms_elsewhere,
            workers=far.workers if others else (),
        )
        stack.callback(seeing.begin())
        doors["status"] = seeing.answer
        page = WebDoor(
            Parts(hub, seeing, open_ears, eraser, phone.rooms_changed if phone else lambda: None)
        )
        doors["web"] = page.answer
        works.append(page.run())
        if config.metrics.port:
            works.append(_metrics(seeing, config.metrics.port))
        control = ControlServer(
            config.hub.runtime, hub.assistant, lambda: _take_packs(hub), doors=doors
        )
        await control.start()
        stack.push_async_callback(control.close)
        if config.wyoming.listen:
            from hub.bridges.wyoming.offer import serve_wyoming
            from hub.bridges.wyoming.services import area_by

            area = area_by(lambda id: _room_of(hub, id))
            await stack.enter_async_context(serve_wyoming(hub, ears=far, area=area))
        works += [_prepare(hub), _keep_prepared(hub, phone), _steady(starts)]
        works.append(_watch_models(config, seeing))
        if open_ears is not None:
            works.append(_listen(hub, open_ears, canceller))
        if phone is not None:
            works.append(phone.run())
        alive = Alive(
            hub.assistant.activity,
            lambda: _abandoned(hub, far.workers if others else ()),
            PERIODS * (systemd.watchdog or UNWATCHED),
        )
        works.append(systemd.watch(lambda: _condition(hub, ears), alive.ill))
        tasks = [asyncio.create_task(work) for work in works]
        for task in tasks:
            stack.push_async_callback(_cancelled, task)
        seconds = time.monotonic() - started
        terminal.out.print(
            f"[bold]{escape(describe(hub, ears))}[/] [dim]({seconds:.1f} s; Ctrl-C ends)[/]"
        )
        if kept := warning(config, hub.time.now()):
            terminal.fail(kept)
        if safe:
            _tell_of_crashes(hub, crashes)
        systemd.ready(_condition(hub, ears))
        stack.callback(lambda: None if eraser.wish else systemd.stopping())
        await _until_ended(ended, tasks)
    return eraser.wish


def without_microphones(config: Config) -> Config:
    """The same without rooms that a microphone of this machine would hear."""
    none = {"microphone": None, "loudspeaker": None}
    rooms = {name: room.model_copy(update=none) for name, room in config.rooms.items()}
    return config.model_copy(update={"rooms": rooms})


def _arbiter(hub: Hub) -> Arbiter:
    """Decides which room answers; the hub's own microphone takes part."""
    from hub.bridges.satellites.arbiter import Arbiter, OneOfSeveral

    arbiter = Arbiter()
    if hub.wake is not None:
        own = hub.assistant.area or "where the hub is"
        arbiter.join(own)
        hub.wake = OneOfSeveral(hub.wake, own, arbiter)
    return arbiter


async def _metrics(seeing: Seeing, port: int) -> None:
    """Offer figures, for ever. A port that is taken costs the figures and nothing else."""
    from hub.bridges.seeing.metrics import serve_metrics

    try:
        async with serve_metrics(seeing, port):
            await asyncio.Event().wait()
    except ConfigError as error:
        log.error("there are no figures for Prometheus: %s", error)
        seeing.wrong["metrics"] = str(error)


async def _watch_models(config: Config, seeing: Seeing) -> None:
    """Tell of models that are not what was fetched any more, for ever."""
    store = ModelStore(config.models)
    models = [m for m in default_set(config, store.catalogue) if store.state(m) == "installed"]
    await watch_models(store, models, lambda wrong: seeing.wrong.__setitem__("models", wrong))


async def _take_packs(hub: Hub) -> list[str]:
    """Use the packs that are there now; what is wrong with some of them."""
    await hub.take_packs()
    return [str(problem) for problem in hub.packs.problems] if hub.packs else []


def _abandoned(hub: Hub, others: Iterable[Worker]) -> list[str]:
    """What must live as long as the hub, and has ended. `others`: engines besides the hub's."""
    broker = ["mqtt-broker"] if hub.broker is not None and hub.broker.abandoned() else []
    engines = [worker.name for worker in (*hub.workers, *others) if worker.abandoned]
    return [*hub.home.abandoned, *broker, *engines]


def _condition(hub: Hub, ears: bool) -> str:
    """How the hub is, in one line."""
    safe = (f"{SAFE}: {WITHOUT}",) if hub.safe else ()
    away = (trouble.reason for trouble in hub.home.troubles.values() if trouble)
    return "; ".join([describe(hub, ears), *safe, *away])


def _tell_of_crashes(hub: Hub, crashes: int) -> None:
    text = said(crashes, hub.config.hub.languages[0])
    terminal.fail(f"{said(crashes, 'en')} A restart tries them again.")
    if hub.aloud is not None:
        hub.aloud.announce(text, language=hub.config.hub.languages[0], urgent=True)


async def _steady(starts: Starts) -> None:
    """What has run for so long is no crash."""
    await asyncio.sleep(STEADY)
    starts.good()


async def _until_ended(ended: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the signal; a task that fails meanwhile ends the hub with its error, since a hub
    that only seems to listen is worse than one that is started again."""
    waiting = asyncio.create_task(ended.wait())
    pending: set[asyncio.Future[Any]] = {waiting, *tasks}
    while not waiting.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {waiting}:
            task.result()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def _prepare(hub: Hub) -> None:
    """What can be done ahead while nobody speaks: the model reads its prompt, the voice rehearses
    what it says often."""
    try:
        await hub.router.prime()
        if hub.voice is not None:
            await hub.voice.prepare(hub.assistant.replies.frequent(hub.config.hub.languages[0]))
    except EngineError as error:
        log.warning("not prepared: %s", error)


async def _keep_prepared(hub: Hub, phone: PhoneBridge | None) -> None:
    """Devices come, go, and are renamed: be ready for them before somebody speaks of them."""
    hub.home.renamed.clear()  # it is prepared for what there was at the start
    while True:
        await hub.home.renamed.wait()
        hub.home.renamed.clear()
        await asyncio.sleep(SETTLING)
        if phone is not None:
            phone.introduce()  # Home Assistant's release may be known now
        try:
            await hub.router.prepare()
            await hub.router.prime()
        except EngineError as error:
            log.warning("not prepared: %s", error)


@contextmanager
def _until_signal() -> Iterator[asyncio.Event]:
    """An event that is set by SIGTERM. Ctrl-C needs none: asyncio cancels what runs."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    try:
        yield ended
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def _phone(hub: Hub, ears: Ears | None, health: Callable[[], dict[str, Any]]) -> PhoneBridge | None:
    """The hub as a device on its broker, if it has one."""
    if hub.broker is None:
        return None
    from hub.bridges.announcement import Form, form_for
    from hub.bridges.phone import PhoneBridge

    settings = hub.broker.settings
    chosen = settings.announce

    def form() -> Form:
        if chosen != "auto":
            return Form(chosen)
        return form_for(getattr(hub.home.source("homeassistant"), "version", None))

    places = hub.config.rooms.items()
    return PhoneBridge(
        hub,
        settings,
        ears=ears,
        form=form,
        obstacle=hub.broker.obstacle,
        people=hub.config.phones,
        rooms=[hub.assistant.place(name) or name for name, room in places if room.elsewhere],
        health=health,
    )


def _room_of(hub: Hub, id: str) -> str | None:
    """The room of something that Home Assistant knows by this id, if there is one."""
    room_of = getattr(hub.home.source("homeassistant"), "room_of", None)
    room: str | None = room_of(id) if room_of is not None else None
    return room


async def _listen(hub: Hub, ears: Ears, canceller: EchoCanceller | None = None) -> None:
    """Converse for ever; a microphone that is lost is looked for again."""
    pause = FIRST_PAUSE
    complained = False
    here = hub.assistant.activity.room(hub.assistant.area)
    while True:
        began = time.monotonic()
        try:
            await hub.room(
                ears.source(microphone(hub.config, canceller)),
                earcon=lambda name: _signal(hub, name),
            ).converse()
        except AudioError as error:
            here.lost(str(error))
            if not complained:
                terminal.fail(f"{error} (it is looked for again and again)")
            complained = True
        except EngineError as error:
            here.lost(str(error))
            log.error("%s", error)
            if not complained:
                await _apologise(hub, error)
            complained = True
        if time.monotonic() - began > LOST_AGAIN:
            pause, complained = FIRST_PAUSE, False
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 2)


def _signal(hub: Hub, name: str) -> None:
    """A tone; and whoever wakes the hub has heard what rings here."""
    if name == "wake":
        _begin(hub.noticed(), "noticed")
    _tone(hub, name)


async def _ring(hub: Hub) -> None:
    """The tone of a timer, whether or not other tones are wanted."""
    if hub.voice is not None:
        await hub.voice.play(earcon("timer"))


async def _alarm(hub: Hub, volume: float) -> None:
    """The tone of an alarm, by any loudspeaker that there is. Raises AudioError if none works."""
    if hub.voice is None:
        return
    try:
        await hub.voice.ring(earcon("alarm"), volume)
    except AudioError as error:
        if not hub.config.audio.loudspeaker:
            raise
        log.error("the alarm rings elsewhere: %s", error)
        await loudspeaker(Config()).play(earcon("alarm"))


def _kept_for_long() -> bool:
    """Whether what is printed goes to systemd's journal, which keeps it for as long as it likes:
    words of people are for the history, which keeps them for as long as the settings say."""
    try:
        printed = os.fstat(1)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{printed.st_dev}:{printed.st_ino}"


def _show(text: str) -> None:
    """Something that is said unasked."""
    if not _kept_for_long():
        terminal.out.print(f"  [bold]{escape(text)}[/]")


def _show_timer(text: str, phone: PhoneBridge | None) -> None:
    _show(text)
    if phone is not None:
        phone.rang(text)


def _tone(hub: Hub, name: str) -> None:
    """Play an earcon beside whatever else is done."""
    if hub.voice is not None and hub.config.voice.earcons:
        _begin(hub.voice.play(earcon(name)), f"earcon-{name}")


def _begin(work: Coroutine[Any, Any, object], name: str) -> None:
    """Something that nobody waits for. The loop alone does not keep a task from being collected
    half done."""
    task = asyncio.create_task(work, name=name)
    _begun.add(task)
    task.add_done_callback(_reported)


def _reported(task: asyncio.Task[Any]) -> None:
    _begun.discard(task)
    if not task.cancelled() and (error := task.exception()):
        log.warning("%s: %s", task.get_name(), error)


async def _apologise(hub: Hub, error: HearthError) -> None:
    with suppress(HearthError):
        if hub.voice is not None:
            await hub.voice.say(error.spoken)


def _show_turn(trace: Trace) -> None:
    terminal.show_turn(trace.to_json())


class _Changes:
    """Shows what changes in the home, as much of it as somebody can read: sensors may tell more
    in a second than a terminal, or a journal on an SD card, has to keep."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._shown = self._left = 0

    def show(self, change: StateChange) -> None:
        if change.before == change.state:
            return
        if not self._shown:
            asyncio.get_running_loop().call_later(1, self._again)
        if self._shown == MOST_SHOWN:
            self._left += 1
            return
        self._shown += 1
        terminal.out.print(f"  [dim]{escape(describe_change(self._hub.home, change))}[/]")

    def _again(self) -> None:
        if self._left:
            terminal.out.print(f"  [dim]and {self._left} more changes[/]")
        self._shown = self._left = 0
