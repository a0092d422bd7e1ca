"""The whole hub on the real models: Piper speaks, the hub hears it, acts, and answers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hub import config
from hub.app import Hub, open_hub
from hub.audio.files import Recording
from hub.audio.pcm import resampled
from hub.audio.wav_out import WavFolder
from hub.engines.piper import PiperSynthesizer
from hub.errors import ModelError
from hub.evaluate.spoken import COMMANDS, until_last_word
from hub.messages import SAMPLE_RATE, Audio, Trace
from hub.policy.pin import Pin
from hub.skills.second import SECRET
from hub.timers.clock import SystemTime
from tests.models import model_file

pytestmark = [
    pytest.mark.models,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]


class Stage:
    """A hub, and somebody who speaks to it."""

    def __init__(self, hub: Hub, replies: Path, actor: PiperSynthesizer) -> None:
        self.hub = hub
        self.actor = actor
        self.replies = replies
        self.traces: list[Trace] = []
        hub.assistant.watch(self.traces.append)

    async def spoken(self, *lines: str, pause: float = 2.0) -> Audio:
        """The lines as Piper says them, one after another."""
        pcm = b""
        for line in lines:
            said = resampled(await self.actor.synthesize(line), SAMPLE_RATE)
            pcm += bytes(8000) + until_last_word(said).pcm + bytes(round(2 * SAMPLE_RATE * pause))
        return Audio(pcm)

    async def hear(self, *lines: str) -> list[Trace]:
        """Let the hub hear somebody say the lines."""
        self.traces.clear()
        await self.hub.room(Recording(await self.spoken(*lines))).converse()
        return list(self.traces)

    def state(self, entity_id: str) -> str:
        return self.hub.home.state(entity_id).state


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    replies = tmp_path_factory.mktemp("replies")
    settings = config.load()
    own = settings.hub.model_copy(update={"cache": tmp_path_factory.mktemp("cache")})
    try:
        async with open_hub(
            settings.model_copy(update={"hub": own}),
            ears=True,
            recognise=True,
            sink=WavFolder(replies),
            remember=False,
        ) as hub:
            actor = PiperSynthesizer(model_file("voice", "joe", ".onnx"), variation=0.0)
            yield Stage(hub, replies, actor)
            await actor.close()
    except ModelError as error:
        pytest.skip(str(error))


async def test_a_command_in_one_breath_changes_the_home_and_is_answered(stage: Stage) -> None:
    [turn] = await stage.hear("Hey Jarvis, turn on the hallway light.")
    assert stage.state("light.hallway") == "on"
    assert turn.outcomes[0].confirmed
    assert turn.wake and turn.wake.phrase == "Hey Jarvis"
    assert turn.stages_ms["first_audio"] > 0
    assert any(sound.stat().st_size > 10_000 for sound in stage.replies.glob("*.wav"))


async def test_a_pause_after_the_wake_word_is_fine(stage: Stage) -> None:
    audio = await stage.spoken("Hey Jarvis.", "Turn on the coffee maker.", pause=1.2)
    stage.traces.clear()
    await stage.hub.room(Recording(audio)).converse()
    assert stage.state("switch.coffee_maker") == "on"


async def test_a_question_is_answered_without_the_wake_word(stage: Stage) -> None:
    asked, answered = await stage.hear("Hey Jarvis, turn everything off.", "Yes, please.")
    assert asked.reply.expects_answer
    assert answered.intent.tier == "dialogue"
    assert answered.intent.confirmed


async def test_a_pin_that_is_spoken_unlocks_and_is_written_nowhere(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = Pin(tmp_path / "pin.json", SystemTime())
    pin.set("4826")
    monkeypatch.setattr(stage.hub.skillset.policy, "pin", pin)
    asked, answered = await stage.hear(
        "Hey Jarvis, please unlock the front door.", "Four, eight, two, six."
    )
    assert asked.reply.text == "To unlock the Front Door, tell me the PIN."
    assert stage.state("lock.front_door") == "unlocked"
    assert answered.heard == SECRET
    assert "eight" not in repr(answered) and "8" not in str(answered.hypotheses)


async def test_speech_without_the_wake_word_is_none_of_its_business(stage: Stage) -> None:
    before = stage.state("light.bathroom")
    assert await stage.hear("Turn on the bathroom light.", "I said, turn it on.") == []
    assert stage.state("light.bathroom") == before


async def test_twenty_of_twenty_commands_in_one_breath_are_heard(stage: Stage) -> None:
    chosen = COMMANDS[:20]
    turns = await stage.hear(*(f"Hey Jarvis, {text}." for text in chosen))
    assert len(turns) == 20
    understood = sum(turn.intent.understood for turn in turns)
    assert understood >= 18, [turn.heard for turn in turns if not turn.intent.understood]


@pytest.mark.parametrize("name", ["recognizer", "voice", "ears", "openwakeword"])
async def test_an_engine_that_is_killed_in_silence_is_back_for_the_next_turn(
    stage: Stage, name: str
) -> None:
    _kill(stage.hub, name)
    stage.traces.clear()
    audio = await stage.spoken("Hey Jarvis, what time is it?")
    while True:
        try:
            await stage.hub.room(Recording(audio)).converse()
            break
        except Exception as error:
            assert "died" in str(error)
    assert stage.traces[-1].reply.text.startswith("It is")


async def test_a_recognizer_killed_in_the_middle_of_a_turn_costs_nothing(stage: Stage) -> None:
    """The sound is still there: it is recognised once more by the new process."""
    assert stage.hub.assistant._recognizer is not None
    audio = await stage.spoken("Hey Jarvis, turn on the bedside lamp.")
    killing = asyncio.create_task(_kill_when_busy(stage.hub, "recognizer"))
    stage.traces.clear()
    await stage.hub.room(Recording(audio)).converse()
    await killing
    assert stage.state("light.bedside_lamp") == "on"


async def test_a_language_model_killed_in_the_middle_costs_an_apology(stage: Stage) -> None:
    if stage.hub.language_model is None:
        pytest.skip("the language model is not installed")
    odd = "do something nice about the floor lamp situation"
    killing = asyncio.create_task(_kill_when_busy(stage.hub, "language model"))
    turn = await stage.hub.assistant.say(odd)
    await killing
    assert turn.error == "EngineCrashed" and "again" in turn.reply.text
    turn = await stage.hub.assistant.say("turn off the bedside lamp")
    assert turn.outcomes[0].confirmed
    assert (await stage.hub.assistant.say(odd)).error is None


def _kill(hub: Hub, name: str) -> None:
    [worker] = [worker for worker in hub.workers if worker.name == name]
    assert worker.pid
    os.kill(worker.pid, signal.SIGKILL)


async def _kill_when_busy(hub: Hub, name: str) -> None:
    """Kill the process as soon as it has a call to answer."""
    [worker] = [worker for worker in hub.workers if worker.name == name]
    while not worker.pending:  # noqa: ASYNC110 - the worker has no reason to tell
        await asyncio.sleep(0.001)
    _kill(hub, name)


RECORDINGS = Path(__file__).parent / "data" / "speech"


@pytest.mark.parametrize(
    ("recording", "tool", "arguments"),
    [
        ("en-18", "HassTurnOff", {"area": "Office", "domain": "light"}),
        ("en-30", "HassTurnOn", {"name": "Front Door"}),
        ("en-32", "HassGetCurrentDate", {}),
        ("en-34", "HassGetCurrentTime", {}),
    ],
)
async def test_what_a_person_recorded_is_understood(
    stage: Stage, recording: str, tool: str, arguments: dict[str, str]
) -> None:
    stage.traces.clear()
    sound = Recording.of(RECORDINGS / f"{recording}.flac")
    assert await stage.hub.room(sound).command() == 1
    [call] = stage.traces[0].intent.calls
    assert (call.tool, dict(call.arguments)) == (tool, arguments)
