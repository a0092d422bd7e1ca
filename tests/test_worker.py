"""Engines in processes of their own: what dies there costs one call, and the next one works."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

import pytest

from hub.engines import worker as worker_module
from hub.engines.worker import Worker
from hub.errors import EngineCrashed, EngineError, EngineSlow


class Echo:
    """An engine that does as it is told. Runs in the worker process."""

    def __init__(self, die_in_load: bool = False, refuse: bool = False, tone: str = "") -> None:
        if die_in_load:
            os.kill(os.getpid(), signal.SIGSEGV)
        if refuse:
            raise ValueError("no such file: a.bin")
        self.tone = tone
        self.calls = 0
        self.rested = 0

    def rest(self) -> None:
        self.rested += 1

    def say(self, text: str, payload: bytes = b"") -> tuple[dict[str, Any], bytes]:
        return {"text": self.tone + text}, payload[::-1]

    def nap(self, seconds: float) -> None:
        time.sleep(seconds)

    def count(self) -> dict[str, int]:
        self.calls += 1
        return {"calls": self.calls}

    def rests(self) -> dict[str, int]:
        return {"times": self.rested}

    def fail(self) -> None:
        raise RuntimeError("out of tokens")

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self) -> None:
        signal.pause()

    def give_up(self) -> None:
        raise EngineSlow("out of breath")

    def probe(self) -> None:
        if self.tone == "bad":
            os.kill(os.getpid(), signal.SIGSEGV)


ENGINE = "tests.test_worker:Echo"


async def made(*variants: dict[str, Any], **options: Any) -> Worker:
    worker = Worker("echo", ENGINE, variants or [{}], **options)
    await worker.start()
    return worker


async def test_a_call_brings_result_and_payload_back() -> None:
    worker = await made({"tone": "la "})
    try:
        answer = await worker.call("say", b"abc", text="lu")
        assert (answer.result, answer.payload) == ({"text": "la lu"}, b"cba")
    finally:
        await worker.close()


async def test_an_engine_rests_after_every_answer() -> None:
    worker = await made()
    try:
        first = await worker.call("rests")
        second = await worker.call("rests")
        assert second.result["times"] == first.result["times"] + 1
    finally:
        await worker.close()


async def test_an_engine_that_dies_costs_one_call_and_the_next_one_works() -> None:
    worker = await made()
    try:
        with pytest.raises(EngineCrashed, match="SIGKILL"):
            await worker.call("die")
        assert (await worker.call("say", text="back")).result == {"text": "back"}
        assert worker.restarts == 1
    finally:
        await worker.close()


async def test_an_engine_that_hangs_is_ended_at_the_deadline() -> None:
    worker = await made()
    try:
        with pytest.raises(EngineError, match=r"took longer than 0\.2 s"):
            await worker.call("hang", within=0.2)
        assert (await worker.call("say", text="again")).result == {"text": "again"}
    finally:
        await worker.close()


async def test_a_failing_method_is_an_error_and_no_death() -> None:
    worker = await made()
    try:
        with pytest.raises(EngineError, match="out of tokens"):
            await worker.call("fail")
        assert worker.restarts == 0
    finally:
        await worker.close()


async def test_what_is_no_text_is_an_error_and_no_death() -> None:
    worker = await made()
    try:
        with pytest.raises(EngineError, match="no text"):
            await worker.call("say", text="half of a pair: \ud800")
        assert (await worker.call("say", text="whole: 🙂")).result == {"text": "whole: 🙂"}
        assert worker.restarts == 0
    finally:
        await worker.close()


@pytest.mark.parametrize("bad", [{"die_in_load": True}, {"tone": "bad"}])
async def test_settings_that_kill_the_engine_are_replaced_by_the_next(bad: dict[str, Any]) -> None:
    worker = await made(bad, {"tone": "safe "}, probe="probe")
    try:
        assert (await worker.call("say", text="x")).result == {"text": "safe x"}
        assert worker.variant == 1
    finally:
        await worker.close()


async def test_an_engine_that_cannot_be_loaded_says_why() -> None:
    worker = Worker("echo", ENGINE, [{"refuse": True}])
    try:
        with pytest.raises(EngineError, match=r"echo: ValueError: no such file: a\.bin"):
            await worker.start()
        with pytest.raises(EngineError, match="no such file"):
            await worker.call("say", text="x")
    finally:
        await worker.close()


async def test_an_engine_that_always_dies_is_given_up() -> None:
    worker = Worker("echo", ENGINE, [{"die_in_load": True}])
    try:
        with pytest.raises(EngineError, match="dies whenever it is loaded"):
            await worker.start()
    finally:
        await worker.close()


async def test_an_engine_that_was_killed_often_is_not_taken_for_one_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system may kill a loaded engine, and its successor too: when memory is short."""
    worker = Worker("echo", ENGINE, [{}])
    deaths = iter([True, True, False, True, False])  # whether it had been loaded before
    original = worker._run

    async def run() -> bool:
        loaded = next(deaths, None)
        return await original() if loaded is None else loaded

    monkeypatch.setattr(worker, "_run", run)
    monkeypatch.setattr("hub.engines.worker.LONGEST_PAUSE", 0.0)
    try:
        assert (await worker.call("say", text="back")).result == {"text": "back"}
    finally:
        await worker.close()


async def test_a_worker_that_is_closed_in_the_moment_it_is_ready_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker("echo", ENGINE, [{}])
    closing: asyncio.Future[asyncio.Task[None]] = asyncio.get_running_loop().create_future()
    original = worker_module.async_read_event

    async def read(reader: asyncio.StreamReader) -> Any:
        event = await original(reader)
        if not closing.done():
            closing.set_result(asyncio.create_task(worker.close()))
        return event

    monkeypatch.setattr(worker_module, "async_read_event", read)
    worker.start_soon()
    done, _ = await asyncio.wait({await closing}, timeout=10)
    assert done, "it waits for a process that nobody has ended"
    assert worker.pid is None


async def test_the_process_ends_with_its_worker() -> None:
    worker = await made()
    pid = worker.pid
    assert pid
    await worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_nobody_waits_for_any_more_is_not_computed() -> None:
    worker = await made()
    try:
        slow = asyncio.create_task(worker.call("nap", seconds=0.3))
        await worker.call("count")  # it has begun: this one waited for it
        await slow
        first = asyncio.create_task(worker.call("nap", seconds=0.3))
        await asyncio.sleep(0)  # lets it be sent
        queued = [asyncio.create_task(worker.call("count")) for _ in range(5)]
        await asyncio.sleep(0)
        for task in queued:
            task.cancel()
        assert (await worker.call("count")).result == {"calls": 2}
        await first
    finally:
        await worker.close()


async def test_waiting_for_others_does_not_count_against_a_call() -> None:
    worker = await made()
    try:
        slow = asyncio.create_task(worker.call("nap", seconds=0.5))
        await asyncio.sleep(0)
        assert (await worker.call("count", within=0.3)).result == {"calls": 1}
        await slow
    finally:
        await worker.close()


async def test_an_engine_that_the_hub_can_do_without_rests_when_it_fails_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed by the system, ended because it hangs, or too slow by its own clock: it is not loaded
    for the next one to wait for, whoever asks is told at once, and later it is tried again."""
    resting = asyncio.Event()
    rested = asyncio.Event()
    sleep = asyncio.sleep

    async def slept(seconds: float) -> None:
        if seconds == 1234.0:
            resting.set()
            await rested.wait()
        else:
            await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", slept)
    worker = await made(rest=1234.0)
    try:
        with pytest.raises(EngineError, match="out of breath"):
            await worker.call("give_up")
        with pytest.raises(EngineCrashed, match="SIGKILL"):
            await worker.call("die")
        assert (await worker.call("say", text="again")).result == {"text": "again"}
        assert worker.trouble == ""
        with pytest.raises(EngineError, match="took longer"):
            await worker.call("hang", within=0.2)
        await resting.wait()
        for _ in range(2):
            with pytest.raises(EngineError, match="again and again"):
                await worker.call("say", text="x")
        assert worker.pid is None  # nothing takes memory or time
        assert "tried again" in worker.trouble
        rested.set()
        while worker.trouble:
            await sleep(0.001)
        assert (await worker.call("say", text="rested")).result == {"text": "rested"}
    finally:
        await worker.close()


async def test_one_that_is_too_slow_by_its_own_clock_rests_too() -> None:
    worker = await made(rest=1234.0)
    try:
        for _ in range(3):
            with pytest.raises(EngineError, match="out of breath"):
                await worker.call("give_up")
        with pytest.raises(EngineError, match=r"again and again|died"):
            for _ in range(1000):
                await worker.call("say", text="x")
        # One that the hub cannot do without is never left alone.
        needed = await made()
        for _ in range(4):
            with pytest.raises(EngineError, match="out of breath"):
                await needed.call("give_up")
        assert (await needed.call("say", text="there")).result == {"text": "there"}
        await needed.close()
    finally:
        await worker.close()
