"""A language model that hangs, dies or writes nonsense; and a second hub."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import psutil

from hub.app import lock
from hub.config import Config
from hub.engines.worker import Worker
from hub.errors import EngineCrashed, EngineError
from hub.ports import Completion
from hub.router.prompt import choices, parse
from tests.router_home import TOOLS, calls, make_router, said
from tests.test_router_model import ODDLY_SAID, THINGS, ScriptedModel
from tests.test_worker import ENGINE

TRIES = int(os.environ.get("HEARTH_FUZZ", "200"))
"""Odd answers that go all the way through the router."""


class HangingModel(ScriptedModel):
    """Asks an engine that hangs, in a process of its own (K9)."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.worker = worker
        self.hangs = True

    async def complete(
        self, prompt: str, *, grammar: str | None = None, max_tokens: int = 64
    ) -> Completion:
        if self.hangs:
            await self.worker.call("hang")
        await self.worker.call("say", text="x")
        return await super().complete(prompt, grammar=grammar, max_tokens=max_tokens)


async def test_a_model_that_hangs_is_ended_and_the_next_command_is_understood() -> None:
    worker = Worker("model", ENGINE, [{}], timeout=0.5)
    await worker.start()
    try:
        model = HangingModel(worker)
        router, _ = await make_router(model=model)
        hung = worker.pid
        assert hung is not None
        async with asyncio.timeout(60):
            intent = await said(router, ODDLY_SAID, area="Bedroom")
            assert not intent.understood  # it says that it did not understand
            rules = await said(router, "turn off the worktop strip")
            assert rules.understood and rules.tier == "rules"
            model.hangs = False
            await worker.start()  # the next one is on its way already
            model.answer = " turn off {Worktop Strip}\n"
            again = await said(router, ODDLY_SAID, area="Bedroom")
        assert again.understood and again.tier == "model"
        assert worker.restarts == 1
        assert not psutil.pid_exists(hung)  # reaped, and no zombie
    finally:
        await worker.close()


async def test_a_model_that_is_killed_again_and_again_is_there_for_the_next_sentence() -> None:
    worker = Worker("model", ENGINE, [{}])
    await worker.start()
    try:
        for number in range(5):
            pid = worker.pid
            assert pid is not None
            call = asyncio.create_task(worker.call("nap", seconds=30.0))
            while not worker.pending:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            os.kill(pid, signal.SIGKILL)  # as the kernel does it when memory is short
            async with asyncio.timeout(60):
                try:
                    await call
                except EngineCrashed:
                    pass
                else:
                    raise AssertionError("the kill did not meet the call")
                answer = await worker.call("say", text="still there")
            assert answer.result == {"text": "still there"}
            assert worker.restarts == number + 1
    finally:
        await worker.close()


class Fuzzed(ScriptedModel):
    """Writes whatever (K9): pieces of real answers in any order, JSON, prose, letters."""

    PIECES = (
        *"turn on off open close lock unlock set dim none all here ; = { } [ ] : ,".split(" "),
        *"ABCDEFGHIZ",
        "\n",
        "turn on",
        "turn off",
        "{Worktop Strip}",
        '{"tool": "HassTurnOff", "name": "Worktop Strip"}',
        '{"tool": "unlock", "na',
        "HassTurnOn",
        "brightness=999999999999",
        "brightness=-1",
        "brightness=NaN",
        "Sure! I have unlocked the door for you.",
        "\udcff\x00\u202e",
        "lock.front_door",
        "turn on A; " * 10,
    )

    def __init__(self, seed: int) -> None:
        super().__init__(probability=0.99)
        self.dice = random.Random(seed)

    def write(self) -> str:
        if self.dice.random() < 0.2:  # in the form that is wanted, of what is there
            verb = self.dice.choice(("turn on", "turn off", "open", "unlock", "dim"))
            what = self.dice.choice((*"ABCDE", "{Worktop Strip}", "{all in Bedroom}"))
            return f" {verb} {what}\n"
        pieces = self.dice.choices(self.PIECES, k=self.dice.randint(0, 8))
        return self.dice.choice(("", " ")).join(pieces)


def test_ten_thousand_odd_answers_raise_nothing_and_name_what_was_offered() -> None:
    model = Fuzzed(4)
    offered = choices(TOOLS)
    read = 0
    for _ in range(10_000):
        for answer in parse(model.write().replace("{Worktop Strip}", "A"), offered, THINGS) or ():
            read += 1
            assert answer.thing is None or answer.thing in THINGS
            assert answer.choice in offered
            assert answer.arguments.get("brightness", 50) in range(101)
    assert read > 100  # the control: some are right by chance


async def test_of_odd_answers_none_does_what_was_not_said() -> None:
    """The sentence speaks of one lamp and of its going off: whatever the model writes, nothing
    else comes of it, and no exception."""
    model = Fuzzed(5)
    router, _ = await make_router(model=model)
    acted = 0
    for _ in range(TRIES):
        model.answer = model.write()
        intent = await said(router, ODDLY_SAID, area="Bedroom")
        for call in calls(intent):
            acted += 1
            assert call == ("HassTurnOff", {"name": "Worktop Strip"}), model.answer
    assert acted > 0


async def test_a_second_hub_says_that_there_is_one_and_ends(tmp_path: Path) -> None:
    settings = tmp_path / "hearth.toml"
    data = tmp_path / "data"
    settings.write_text(f'[hub]\ndata = "{data}"\nruntime = "{tmp_path}"\n')
    async with lock(Config.model_validate({"hub": {"data": data, "runtime": tmp_path}})):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub", "run", "--no-microphone",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "HEARTH_CONFIG": str(settings)},
            cwd=Path(__file__).parents[1],
        )  # fmt: skip
        async with asyncio.timeout(60):
            _, told = await process.communicate()
    assert process.returncode == 1
    assert "another hub is running with the data in" in told.decode()
    assert "Traceback" not in told.decode()


async def test_a_model_that_fails_is_told_as_trouble_and_not_as_a_command() -> None:
    model = ScriptedModel(" turn off {Worktop Strip}\n")
    router, _ = await make_router(model=model)
    model.error = EngineError("out of memory")
    assert not (await said(router, ODDLY_SAID, area="Bedroom")).understood
    model.error = None
    assert (await said(router, ODDLY_SAID, area="Bedroom")).understood
