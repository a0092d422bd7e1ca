"""The brain for others: a `transcript` is done, and what the hub says to it is `handled`.

Who has a conversation is told by `conversation_id` in the context, since Home Assistant opens a
connection for each sentence; without one, every connection is a conversation of its own.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from wyoming.event import Event
from wyoming.handle import Handled, NotHandled

from hub.bridges.requests import Refused
from hub.bridges.talk import Talk
from hub.bridges.wyoming.jobs import Jobs, plain
from hub.bridges.wyoming.services import Services
from hub.engines.wyoming_link import MalformedEvent
from hub.errors import ConfigError
from hub.messages import Trace
from hub.pipeline import Assistant

log = logging.getLogger(__name__)

LONGEST_TEXT = 1_000
"""Characters of a command."""
AT_ONCE = 2
"""Turns at a time; one may wait for a device that does not answer."""
ENDING = 10.0
"""Seconds that turns which have begun are given when the hub ends."""


class Brain:
    """Turns of all conversations. One that has begun is finished even if nobody waits for the
    answer any more; only a few run at a time, so that the room never waits for many of them to be
    done with the language model."""

    def __init__(
        self, new: Callable[[], Assistant], finished: Callable[[Trace], None] = lambda trace: None
    ) -> None:
        """`new` makes an assistant that remembers nothing; `finished` is shown every turn."""
        self._talk = Talk(new, "voice")
        self._finished = finished
        self._few = asyncio.Semaphore(AT_ONCE)
        self._turns: set[asyncio.Task[Trace]] = set()

    async def turn(
        self, text: str, *, conversation: str, language: str, area: str | None = None
    ) -> Trace:
        """Raises Refused if too many wait. An area that the home does not have is no area."""
        turn = asyncio.create_task(
            self._turn(text, conversation, language, area), name="wyoming-turn"
        )
        self._turns.add(turn)
        turn.add_done_callback(self._over)
        return await asyncio.shield(turn)

    async def close(self) -> None:
        """Let what has begun come to its end, within reason."""
        if self._turns:
            await asyncio.wait(self._turns, timeout=ENDING)
        for turn in tuple(self._turns):
            turn.cancel()

    async def _turn(self, text: str, conversation: str, language: str, area: str | None) -> Trace:
        async def run(assistant: Assistant) -> Trace:
            try:
                room = assistant.place(area)
            except ConfigError:
                room = None  # a room of Home Assistant's in which nothing is that we know
            async with self._few:
                return await assistant.say(text, area=room, language=language)

        trace = await self._talk.turn(conversation, run)
        self._finished(trace)
        return trace

    def _over(self, turn: asyncio.Task[Trace]) -> None:
        self._turns.discard(turn)
        # Perhaps nobody waits for it any more.
        error = None if turn.cancelled() else turn.exception()
        if error is not None and not isinstance(error, Refused):
            log.error("Wyoming: a turn failed", exc_info=error)


class Handling:
    """The commands that come over one connection."""

    def __init__(
        self,
        services: Services,
        brain: Brain,
        send: Callable[[Event], Awaitable[None]],
        jobs: Jobs,
    ) -> None:
        self._services = services
        self._brain = brain
        self._send = send
        self._jobs = jobs
        self._own = f"wyoming-{uuid.uuid4().hex}"

    async def transcript(self, event: Event) -> None:
        """Raises MalformedEvent."""
        text = plain(event.data, "text", longest=LONGEST_TEXT)
        if text is None:
            raise MalformedEvent("a transcript without a text")
        code = plain(event.data, "language")
        context = event.data.get("context") or {}
        if not isinstance(context, dict):
            raise MalformedEvent("a context that is no object")
        conversation = plain(context, "conversation_id") or self._own
        await self._jobs.put(partial(self._answer, text, code, conversation, context))

    async def _answer(
        self, text: str, code: str | None, conversation: str, context: Mapping[str, Any]
    ) -> None:
        language = self._services.language(code)
        if language is None:
            spoken = ", ".join(self._services.languages)
            text = f"I am not set up for '{code}', but for {spoken}."
            await self._send(NotHandled(text, {"conversation_id": conversation}).event())
            return
        try:
            trace = await self._brain.turn(
                text,
                conversation=conversation,
                language=language,
                area=self._services.area(context),
            )
        except Refused as error:
            await self._send(NotHandled(str(error), {"conversation_id": conversation}).event())
            return
        understood = trace.intent.understood and trace.error is None
        answer = Handled if understood else NotHandled
        back = {"conversation_id": conversation, "expects_answer": trace.reply.expects_answer}
        await self._send(answer(trace.reply.text, back).event())
