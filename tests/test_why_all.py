"""Whatever a bundled skill does, 'why did you do that?' has an answer, in English and German."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hub.app import Hub, open_hub
from hub.config import Config, HomeSettings, HubSettings, RouterSettings
from hub.messages import Call, Intent, Utterance
from hub.pipeline import Stopwatch
from tests.test_undo_all import TRIES, acting, said

ARGUMENTS = {each.tool: each.arguments for each in TRIES}
ROOM = "Kitchen"


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Hub]:
    config = Config(
        hub=HubSettings(data=folder, cache=folder, runtime=folder, languages=("en", "de")),
        router=RouterSettings(model=None),
        home=HomeSettings(confirm_timeout=0.1),
    )
    async with open_hub(config, lasting=True) as hub:
        hub.begin_timers()
        try:
            yield hub
        finally:
            await hub.end_skills()


async def done(hub: Hub, call: Call, heard: str) -> None:
    """A turn in which just this was understood."""
    assistant = hub.assistant
    assistant.conversation(ROOM).forget()
    meant = Intent((call,), "phrase", 1.0, heard=heard, why=f"phrase: {call.tool}", confirmed=True)
    trace = await assistant._turn(Utterance.typed(heard), ROOM, Stopwatch(), known=meant)
    assistant.finished(replace(trace, area=ROOM))
    assistant.conversation(ROOM).forget()


async def test_why_is_answered_for_every_tool_that_acts(tmp_path: Path) -> None:
    """The reason names the words that were heard: those of this turn, and of no other."""
    silent = []
    async with opened(tmp_path) as hub:
        for number, handler in enumerate(acting()):
            if handler.skill == "explain" or handler.name.startswith("memory.forget_"):
                continue  # the question itself; and what leaves no words to be asked about
            heard = f"do number {number}"
            await done(hub, Call(handler.name, ARGUMENTS.get(handler.name, {})), heard)
            for question in ("why did you do that", "warum hast du das gemacht"):
                language = "en" if question.startswith("why") else "de"
                reply = (await hub.assistant.say(question, area=ROOM, language=language)).reply
                if heard not in reply.text:
                    silent.append((said(handler), language, reply.text))
    assert not silent, "\n".join(map(str, silent))


async def test_a_turn_that_nobody_kept_has_no_words(tmp_path: Path) -> None:
    """The control: without its turn, the reason of a deed is not made up."""
    async with opened(tmp_path) as hub:
        reply = (await hub.assistant.say("why did you do that", area=ROOM)).reply
        assert reply.text == "I have done nothing of late."


@pytest.mark.parametrize("language", ["en", "de"])
async def test_what_was_done_is_named_with_its_device(tmp_path: Path, language: str) -> None:
    async with opened(tmp_path) as hub:
        await done(hub, Call("HassTurnOn", {"name": "Desk Lamp"}), "the lamp please")
        question = {"en": "why did you do that", "de": "warum hast du das gemacht"}[language]
        reply = (await hub.assistant.say(question, area=ROOM, language=language)).reply
        assert "the lamp please" in reply.text and "Desk Lamp" in reply.text
