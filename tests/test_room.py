"""A room: from sound to sound. Ears, recognition and voice are scripted; all between is real."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from hub.config import ListenSettings, WakeSettings
from hub.errors import EngineCrashed
from hub.listening import Listener
from hub.manners import Manner
from hub.messages import Audio, Hypothesis, Trace, Utterance
from hub.room import Room
from hub.voice import Voice
from tests.conftest import Household
from tests.fakes import FakeSource, FakeVoices, FakeWakeWord, settle, silence, speech, wake_word

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Words:
    """A Synthesizer whose sound is the text itself."""

    name = "words"

    async def synthesize(self, text: str) -> Audio:
        return Audio(text.encode("utf-16-le"))


class Loudspeaker:
    """An AudioSink that remembers what was heard; it may take until it is told to end."""

    def __init__(self, endless: bool = False) -> None:
        self.heard: list[str] = []
        self.playing = asyncio.Event()
        self.cut = False
        self._endless = endless

    async def play(self, audio: Audio) -> None:
        self.heard.append(audio.pcm.decode("utf-16-le"))
        self.playing.set()
        if self._endless:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cut = True
                raise

    async def close(self) -> None:
        pass


def said(text: str) -> Utterance:
    return Utterance((Hypothesis(text, -0.1),))


class Stage:
    """A room in the household, with its sound and what the recognizer will make of it."""

    def __init__(
        self,
        house: Household,
        frames: Iterable[bytes],
        script: Iterable[Utterance | Exception],
        *,
        realtime: bool = False,
        endless: bool = False,
    ) -> None:
        house.recognizer.script = list(script)
        self.house = house
        self.source = FakeSource(frames, realtime=realtime)
        self.loudspeaker = Loudspeaker(endless)
        self.tones: list[str] = []
        self.traces: list[Trace] = []
        house.assistant.watch(self.traces.append)
        listener = Listener(
            self.source, FakeWakeWord(), FakeVoices(), ListenSettings(), WakeSettings()
        )
        self.room = Room(
            house.assistant,
            listener,
            Voice(Words(), self.loudspeaker),
            ListenSettings(),
            earcon=self.tones.append,
            realtime=realtime,
        )


async def test_wake_word_and_command_in_one_breath(house: Household) -> None:
    sound = [*silence(0.5), *wake_word(), *speech(1.2), *silence(2.0)]
    stage = Stage(house, sound, [said("Hey Jarvis, turn on the hallway light.")])
    assert await stage.room.converse() == 1
    assert house["light.hallway"] == "on"
    assert stage.loudspeaker.heard == [stage.traces[0].reply.text]
    assert stage.traces[0].heard == "turn on the hallway light"


async def test_a_complete_command_is_not_kept_waiting(house: Household) -> None:
    sound = [*silence(0.5), *wake_word(), *speech(1.2), *silence(2.0)]
    stage = Stage(house, sound, [said("turn on the hallway light")])
    await stage.room.converse()
    assert stage.traces[0].stages_ms["speech_end"] == pytest.approx(200, abs=40)


async def test_an_unfinished_sentence_is_given_time(house: Household) -> None:
    sound = [*wake_word(), *speech(0.8), *silence(1.2), *speech(0.8), *silence(2.0)]
    script = [said("turn on the"), said("turn on the hallway light")]
    stage = Stage(house, sound, script)
    assert await stage.room.converse() == 1
    assert house["light.hallway"] == "on"


async def test_a_question_is_answered_without_the_wake_word(house: Household) -> None:
    sound = [*wake_word(), *speech(1.0), *silence(2.0), *speech(0.4), *silence(2.0)]
    stage = Stage(house, sound, [said("unlock the front door"), said("yes")])
    assert await stage.room.converse() == 2
    assert house["lock.front_door"] == "unlocked"


async def test_after_an_answer_the_wake_word_is_needed_again(house: Household) -> None:
    sound = [*wake_word(), *speech(1.0), *silence(2.0), *speech(1.0), *silence(2.0)]
    stage = Stage(house, sound, [said("what time is it"), said("turn on the hallway light")])
    assert await stage.room.converse() == 1
    assert house["light.hallway"] == "off"


async def test_nobody_speaks_after_the_wake_word(house: Household) -> None:
    stage = Stage(house, [*wake_word(), *silence(7.0)], [])
    assert await stage.room.converse() == 0
    assert stage.tones == ["wake", "gave_up"]


async def test_who_pauses_after_the_wake_word_is_listened_to(house: Household) -> None:
    """Said so slowly that it is found in the middle."""
    sound = [*wake_word(), *speech(0.6), *silence(2.5), *speech(1.0), *silence(2.0)]
    script = [said("Hey Jarvis."), said("turn on the hallway light")]
    stage = Stage(house, sound, script)
    assert await stage.room.converse() == 1
    assert house["light.hallway"] == "on"
    assert stage.tones == ["wake"]


async def test_who_says_no_more_than_the_wake_word_hears_that_it_is_over(house: Household) -> None:
    stage = Stage(house, [*wake_word(), *speech(0.6), *silence(7.0)], [said("Hey Jarvis.")])
    assert await stage.room.converse() == 0
    assert stage.tones == ["wake", "gave_up"]
    assert stage.loudspeaker.heard == []
    assert stage.traces == []


async def test_the_wake_word_is_not_made_more_of_the_last_command(house: Household) -> None:
    """'This' leans on the command before it: 'turn on this'. The wake word says nothing."""
    sound = [*wake_word(), *speech(1.0), *silence(2.0), *wake_word(), *speech(0.2), *silence(7.0)]
    stage = Stage(house, sound, [said("turn on the hallway light"), said("This.")])
    assert await stage.room.converse() == 1
    assert [trace.heard for trace in stage.traces] == ["turn on the hallway light"]


async def test_a_cough_is_no_command(house: Household) -> None:
    stage = Stage(house, [*wake_word(), *speech(0.4), *silence(7.0)], [Utterance(())] * 3)
    assert await stage.room.converse() == 0
    assert stage.loudspeaker.heard == []


async def test_recognition_that_dies_is_tried_once_more(house: Household) -> None:
    sound = [*wake_word(), *speech(1.0), *silence(2.0)]
    script = [EngineCrashed("recognizer died"), said("turn on the hallway light")]
    stage = Stage(house, sound, script)
    assert await stage.room.converse() == 1
    assert house["light.hallway"] == "on"


async def test_recognition_that_dies_twice_is_apologised_for(house: Household) -> None:
    sound = [*wake_word(), *speech(1.0), *silence(2.0)]
    stage = Stage(house, sound, [EngineCrashed("recognizer died")] * 2)
    assert await stage.room.converse() == 1
    assert "".join(stage.loudspeaker.heard).replace(" ", "") == EngineCrashed.spoken.replace(
        " ", ""
    )


async def test_a_wake_word_silences_the_reply_but_not_what_was_begun(house: Household) -> None:
    sound = [*wake_word(), *speech(1.0), *silence(1.0), *wake_word(), *speech(1.0), *silence(3.0)]
    script = [said("turn on the hallway light"), said("turn on the coffee maker")]
    stage = Stage(house, sound, script, realtime=True, endless=True)
    conversing = asyncio.create_task(stage.room.converse())
    stage.source.go(2.8)
    await stage.loudspeaker.playing.wait()
    assert house["light.hallway"] == "on"
    assert not stage.loudspeaker.cut
    stage.loudspeaker.playing.clear()
    stage.source.go(5.0)
    await stage.loudspeaker.playing.wait()
    assert stage.loudspeaker.cut
    assert house["light.hallway"] == house["switch.coffee_maker"] == "on"
    conversing.cancel()
    await asyncio.wait({conversing})


async def test_a_reply_that_names_the_wake_word_is_not_cut_off_by_itself(house: Household) -> None:
    sound = [*wake_word(), *speech(1.0), *silence(1.0), *wake_word(), *silence(3.0)]
    script = [said("turn on the hallway light")]
    stage = Stage(house, sound, script, realtime=True, endless=True)
    stage.room._listener._wake.phrase = "Hey Jarvis"  # type: ignore[union-attr]
    stage.room._manner = lambda trace: Manner("Say 'Hey, Jarvis' and I listen.")
    conversing = asyncio.create_task(stage.room.converse())
    stage.source.go(2.8)
    await stage.loudspeaker.playing.wait()
    stage.source.go(5.0)
    await settle()
    assert not stage.loudspeaker.cut
    conversing.cancel()
    await asyncio.wait({conversing})


async def test_a_file_without_a_wake_word_is_a_command(house: Household) -> None:
    stage = Stage(house, [*speech(1.2), *silence(2.0)], [said("turn on the hallway light")])
    assert await stage.room.command() == 1
    assert house["light.hallway"] == "on"


async def test_a_cough_does_not_end_the_wait_for_an_answer(house: Household) -> None:
    sound = [*wake_word(), *speech(1.0), *silence(1.5), *speech(0.3), *silence(2.0)]
    sound += [*speech(0.4), *silence(2.0)]
    script = [said("unlock the front door"), Utterance(()), said("yes")]
    stage = Stage(house, sound, script)
    assert await stage.room.converse() == 2
    assert house["lock.front_door"] == "unlocked"


async def test_a_yes_is_given_time_for_a_but(house: Household) -> None:
    sound = [*wake_word(), *speech(1.0), *silence(1.5), *speech(0.4), *silence(0.5)]
    sound += [*speech(0.8), *silence(2.0)]
    script = [said("unlock the front door"), said("yes"), said("yes but not now")]
    stage = Stage(house, sound, script)
    await stage.room.converse()
    assert house["lock.front_door"] == "locked"
