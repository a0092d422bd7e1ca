"""A tool that talks while it runs: it asks and waits for the answer, or says that it takes longer.

A run of a tool is a task. Whoever runs it lets it go on until the next thing happens: it ends, or
it asks, or it says something.

    run = Run(work, talk)
    step = await run.step(5.0)          # an Ended, an Asked, a Told or a Late
    step.answer(3); step = await run.step(5.0)
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from hub.messages import Call
from hub.skill import Dropped, Text
from hub.skill.kinds import schema

PATIENCE = 60.0
"""Seconds for which a question of a tool waits for its answer."""
GRACE = 1.0
"""Seconds that a tool has for what it does last when it is cancelled."""


class Memory(Protocol):
    """What the room remembers, for tools that look at it."""

    @property
    def last_reply(self) -> str | None: ...

    @property
    def lacking(self) -> Call | None: ...

    def forget(self) -> None: ...

    def take_back(self) -> Sequence[Any]:
        """What was done last (`Deed`s), for undoing it; then it is forgotten."""
        ...


@dataclass(slots=True)
class Asked:
    """A run asks, and waits."""

    question: Text
    schema: Mapping[str, Any]
    """JSON schema of the answer."""
    kind: Any
    """The type of the answer; None for plain JSON."""
    future: asyncio.Future[Any] = field(repr=False)

    @property
    def free(self) -> bool:
        """Whether the answer may be any words."""
        return self.schema == {"type": "string"}

    def answer(self, value: Any) -> None:
        if not self.future.done():
            self.future.set_result(value)

    def drop(self) -> None:
        """There will be no answer."""
        if not self.future.done():
            self.future.set_exception(Dropped())


@dataclass(frozen=True, slots=True)
class Told:
    """A run says something, and goes on."""

    text: Text


@dataclass(frozen=True, slots=True)
class Late:
    """A run goes on, and its time is up."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run is over: with what it returned, or with what it raised."""

    result: Any = None
    error: BaseException | None = None


Step = Asked | Told | Late | Ended


class Talk:
    """The `Conversation` that one run of a tool is given."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.steps: asyncio.Queue[Asked | Told] = asyncio.Queue()
        self.alone = False
        """Nobody is talked with any more: what is asked now gets no answer."""

    @property
    def last_reply(self) -> str | None:
        return self._memory.last_reply

    @property
    def lacking(self) -> Call | None:
        return self._memory.lacking

    def forget(self) -> None:
        self._memory.forget()

    async def ask(self, question: Text, kind: Any = str, *, choices: Sequence[str] = ()) -> Any:
        """See `hub.skill.Conversation`."""
        if self.alone:
            raise Dropped
        if isinstance(kind, Mapping):  # of a pack, which sends no types
            wanted, kind = kind, None
        else:
            wanted = schema(kind, "a question")
        if choices:
            wanted, kind = {"enum": list(choices)}, None
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.steps.put_nowait(Asked(question, wanted, kind, future))
        return await future

    async def say(self, text: Text) -> None:
        """See `hub.skill.Conversation`."""
        self.steps.put_nowait(Told(text))
        await asyncio.sleep(0)  # what is said is said now, whatever the tool does next


class Run:
    """One run of a tool. What it raises costs the run and nothing else."""

    def __init__(self, work: Coroutine[Any, Any, Any], talk: Talk, name: str = "tool") -> None:
        self._talk = talk
        self._task = asyncio.create_task(_guarded(work), name=name)

    async def step(self, limit: float) -> Step:
        """Let it go on until it ends, asks or says something, or until `limit` seconds are over.
        It is ended when whoever waits here is cancelled."""
        told = asyncio.ensure_future(self._talk.steps.get())
        try:
            await asyncio.wait(
                {self._task, told}, timeout=limit, return_when=asyncio.FIRST_COMPLETED
            )
            if told.done():
                return told.result()
            if self._task.done():
                return self._task.result()
            return Late()
        except asyncio.CancelledError:
            await self.end()
            raise
        finally:
            told.cancel()

    async def end(self) -> None:
        """Cancel it. One that will not end is left behind."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait({self._task}, timeout=GRACE)


async def _guarded(work: Coroutine[Any, Any, Any]) -> Ended:
    """Whatever it raises is a value: a SystemExit in a task would end the whole hub."""
    try:
        return Ended(await work)
    except BaseException as error:
        return Ended(error=error)
