"""The voice: what is said, in which order, how soon, and what silences it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hub.voice
from hub.audio.cache import SoundFolder
from hub.audio.level import scaled
from hub.errors import AudioError, EngineCrashed, EngineError
from hub.messages import Audio
from hub.speech import LONGEST, clean, pieces, sentences
from hub.voice import Voice


class Synthesizer:
    """Says a text as its own bytes. With `slowly`, only when `go` lets it."""

    name = "scripted"

    def __init__(self, *, slowly: bool = False, fails_at: str = "") -> None:
        self.asked: list[str] = []
        self.go = asyncio.Semaphore(0)
        self._slowly = slowly
        self._fails_at = fails_at

    async def synthesize(self, text: str) -> Audio:
        self.asked.append(text)
        if self._slowly:
            await self.go.acquire()
        if self._fails_at and self._fails_at in text:
            raise EngineCrashed("voice died (SIGSEGV)")
        return Audio(text.encode("utf-16-le"), 22_050)


class Sink:
    """Remembers what was heard. With `slowly`, a sound lasts until `go` ends it."""

    def __init__(self, *, slowly: bool = False) -> None:
        self.begun: list[str] = []
        self.heard: list[str] = []
        self.sounding = asyncio.Event()
        self.go = asyncio.Semaphore(0)
        self._slowly = slowly

    async def play(self, audio: Audio) -> None:
        text = audio.pcm.decode("utf-16-le")
        self.begun.append(text)
        self.sounding.set()
        if self._slowly:
            await self.go.acquire()
        self.heard.append(text)

    async def close(self) -> None:
        pass


class Memory:
    """A SoundCache that a test can look into."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Audio] = {}

    async def get(self, voice: str, text: str) -> Audio | None:
        return self.kept.get((voice, text))

    async def put(self, voice: str, text: str, audio: Audio) -> None:
        self.kept[voice, text] = audio


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 (what is awaited has no event)
            await asyncio.sleep(0)


LONG = "Yes, the Kitchen Ceiling Light and the Desk Lamp are on, but the Hallway Lamp is not."


# --- speaking ------------------------------------------------------------------------------------


async def test_all_sentences_are_heard_in_order() -> None:
    sink = Sink()
    spoken = await Voice(Synthesizer(), sink).say("One. Two! Is it three? Four")
    assert sink.heard == ["One.", "Two!", "Is it three?", "Four."]
    assert spoken.first_audio_ms is not None
    assert not spoken.interrupted


async def test_the_next_sentence_is_made_while_one_is_heard_and_no_further() -> None:
    synthesizer, sink = Synthesizer(), Sink(slowly=True)
    saying = asyncio.create_task(Voice(synthesizer, sink).say("One. Two. Three."))
    await until(lambda: synthesizer.asked == ["One.", "Two."])
    for _ in range(10):
        await asyncio.sleep(0)
    assert (sink.begun, synthesizer.asked) == (["One."], ["One.", "Two."])
    for _ in range(3):
        sink.go.release()
    await saying
    assert sink.heard == ["One.", "Two.", "Three."]


async def test_a_long_reply_sounds_before_all_of_it_is_made() -> None:
    synthesizer, sink = Synthesizer(slowly=True), Sink()
    told: list[float] = []
    saying = asyncio.create_task(Voice(synthesizer, sink).say(LONG, begun=told.append))
    synthesizer.go.release()
    await sink.sounding.wait()
    assert sink.begun == ["Yes, the Kitchen Ceiling Light,"]
    assert len(told) == 1
    synthesizer.go.release()
    await saying
    assert sink.heard[1:] == ["and the Desk Lamp are on, but the Hallway Lamp is not."]


async def test_two_replies_do_not_talk_over_each_other() -> None:
    sink = Sink(slowly=True)
    voice = Voice(Synthesizer(), sink)
    both = asyncio.gather(voice.say("One. Two."), voice.say("Three."))
    for count in range(1, 4):
        await until(lambda count=count: len(sink.begun) == count)  # type: ignore[misc]
        assert len(sink.heard) == count - 1
        sink.go.release()
    await both
    assert sink.heard == ["One.", "Two.", "Three."]


async def test_nothing_to_say_makes_no_sound() -> None:
    synthesizer, sink = Synthesizer(), Sink()
    voice = Voice(synthesizer, sink)
    for text in ("", " \n ", "🙂", "...", "https://example.org/a"):
        assert (await voice.say(text)).first_audio_ms is None
    assert (synthesizer.asked, sink.begun) == ([], [])


# --- silence -------------------------------------------------------------------------------------


async def test_stop_silences_at_once_and_drops_the_rest() -> None:
    sink = Sink(slowly=True)
    voice = Voice(Synthesizer(), sink)
    first = asyncio.create_task(voice.say("One. Two."))
    waiting = asyncio.create_task(voice.say("Three."))
    await sink.sounding.wait()
    assert voice.speaking
    assert voice.stop()
    spoken = await first
    assert spoken.interrupted
    assert spoken.first_audio_ms is not None
    assert (await waiting).interrupted
    assert (sink.begun, sink.heard) == (["One."], [])
    assert not voice.speaking
    assert not voice.stop()
    sink.go.release()
    assert not (await voice.say("Four.")).interrupted
    assert sink.heard == ["Four."]


async def test_stop_before_the_first_sound_keeps_it_from_sounding() -> None:
    synthesizer, sink = Synthesizer(slowly=True), Sink()
    voice = Voice(synthesizer, sink)
    saying = asyncio.create_task(voice.say("One."))
    await until(lambda: bool(synthesizer.asked))
    voice.stop()
    assert await saying == hub.voice.Spoken(interrupted=True)
    assert sink.begun == []


async def test_a_caller_that_is_cancelled_takes_the_sound_along() -> None:
    sink = Sink(slowly=True)
    voice = Voice(Synthesizer(), sink)
    saying = asyncio.create_task(voice.say("One. Two."))
    await sink.sounding.wait()
    saying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saying
    await until(lambda: not voice.speaking)
    assert (sink.begun, sink.heard) == (["One."], [])


async def test_muted_it_is_silent_in_the_middle_of_a_sentence_and_from_then_on() -> None:
    synthesizer, sink = Synthesizer(), Sink(slowly=True)
    voice = Voice(synthesizer, sink)
    saying = asyncio.create_task(voice.say("One. Two."))
    await sink.sounding.wait()
    voice.muted = True
    assert (await saying).interrupted
    synthesizer.asked.clear()
    assert (await voice.say("Three.")).first_audio_ms is None
    assert synthesizer.asked == []
    voice.muted = False
    sink.go.release()
    await voice.say("Four.")
    assert sink.heard == ["Four."]


async def test_the_volume_is_that_of_the_moment_and_zero_is_silence() -> None:
    volumes: list[float] = []

    def scale(audio: Audio, volume: float) -> Audio:
        volumes.append(volume)
        return audio

    sink = Sink()
    voice = Voice(Synthesizer(), sink, scale=scale, volume=0.8)
    await voice.say("One.")
    voice.volume = 7
    await voice.say("Two.")
    voice.volume = 0
    await voice.say("Three.")
    assert (volumes, sink.heard) == ([0.8, 1.0], ["One.", "Two."])


def test_softer_samples_are_smaller_and_never_wrap() -> None:
    loud = Audio(b"\xff\x7f\x00\x80\x10\x00", 22_050)
    assert scaled(loud, 1.0) == loud
    half = scaled(loud, 0.5)
    assert half.rate == 22_050
    samples = memoryview(half.pcm).cast("h")
    assert list(samples) == [8191, -8192, 4]
    assert not any(scaled(loud, 0.0).pcm)


# --- trouble -------------------------------------------------------------------------------------


async def test_a_voice_that_dies_is_told_after_what_was_heard() -> None:
    sink = Sink()
    voice = Voice(Synthesizer(fails_at="Two"), sink)
    with pytest.raises(EngineError, match="SIGSEGV"):
        await voice.say("One. Two. Three.")
    assert sink.heard == ["One."]
    await voice.say("Four.")
    assert sink.heard == ["One.", "Four."]


async def test_a_loudspeaker_that_is_lost_is_told() -> None:
    class Lost(Sink):
        async def play(self, audio: Audio) -> None:
            raise AudioError("the loudspeaker was unplugged")

    voice = Voice(Synthesizer(), Lost())
    with pytest.raises(AudioError, match="unplugged"):
        await voice.say("One. Two.")
    assert not voice.speaking


# --- what was said before ------------------------------------------------------------------------


async def test_what_was_said_once_is_not_synthesized_again(tmp_path: Path) -> None:
    synthesizer, sink = Synthesizer(), Sink()
    first = Voice(synthesizer, sink, sounds=SoundFolder(tmp_path))
    assert not (await first.say(LONG)).cached
    await first.close()
    synthesizer.asked.clear()
    again = Voice(synthesizer, sink, sounds=SoundFolder(tmp_path))
    assert (await again.say(LONG)).cached
    assert synthesizer.asked == []
    assert sink.heard[:2] == sink.heard[2:]


async def test_a_prepared_reply_is_spoken_whole_and_at_once() -> None:
    synthesizer, sink, memory = Synthesizer(), Sink(), Memory()
    voice = Voice(synthesizer, sink, sounds=memory)
    assert await voice.prepare([LONG, "Done.", "Done."]) == 2
    assert await voice.prepare(["Done."]) == 0
    synthesizer.asked.clear()
    assert (await voice.say(LONG)).cached
    assert (synthesizer.asked, sink.heard) == ([], [LONG])


async def test_preparing_waits_while_the_hub_speaks_or_is_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub.voice, "QUIET", 0.001)
    busy = True
    synthesizer, sink = Synthesizer(), Sink(slowly=True)
    voice = Voice(synthesizer, sink, sounds=Memory(), idle=lambda: not busy)
    saying = asyncio.create_task(voice.say("One."))
    preparing = asyncio.create_task(voice.prepare(["Done."]))
    await sink.sounding.wait()
    busy = False
    await asyncio.sleep(0.01)
    assert synthesizer.asked == ["One."]
    busy = True
    sink.go.release()
    await saying
    await asyncio.sleep(0.01)
    assert synthesizer.asked == ["One."]
    busy = False
    assert await preparing == 1


async def test_preparing_goes_on_after_a_crash() -> None:
    memory = Memory()
    voice = Voice(Synthesizer(fails_at="bad"), Sink(), sounds=memory)
    assert await voice.prepare(["This is bad.", "Done."]) == 1
    assert [text for _, text in memory.kept] == ["Done."]


# --- the files -----------------------------------------------------------------------------------


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


SOUND = Audio(bytes(range(250)) * 4, 22_050)


async def test_a_sound_comes_back_for_its_voice_and_text_alone(tmp_path: Path) -> None:
    await SoundFolder(tmp_path / "new").put("joe", "Done.", SOUND)
    folder = SoundFolder(tmp_path / "new")
    assert await folder.get("joe", "Done.") == SOUND
    assert await folder.get("amy", "Done.") is None
    assert await folder.get("joe", "Done") is None


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
async def test_a_damaged_file_is_a_sentence_to_synthesize(tmp_path: Path, damage: str) -> None:
    folder = SoundFolder(tmp_path)
    await folder.put("joe", "Done.", SOUND)
    (file,) = files(tmp_path)
    content = bytearray(file.read_bytes())
    content[-7] ^= 1
    file.write_bytes({"flip": bytes(content), "cut": bytes(content[:40]), "empty": b""}[damage])
    assert await folder.get("joe", "Done.") is None
    await folder.put("joe", "Done.", SOUND)
    assert await folder.get("joe", "Done.") == SOUND


async def test_the_sounds_not_used_for_longest_make_room(tmp_path: Path) -> None:
    folder = SoundFolder(tmp_path, limit=5_000)
    for age, text in enumerate(["used", "old", "new"]):
        await folder.put("joe", text, SOUND)
        newest = max(files(tmp_path), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (age, age))
    assert await folder.get("joe", "used")
    for text in ("a", "b"):
        await folder.put("joe", text, SOUND)
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 5_000
    assert await folder.get("joe", "old") is None
    assert await folder.get("joe", "used") == SOUND
    assert await folder.get("joe", "b") == SOUND


async def test_a_folder_that_cannot_be_written_costs_no_reply(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sink = Sink()
    voice = Voice(Synthesizer(), sink, sounds=SoundFolder(tmp_path / "file" / "sounds"))
    await voice.say("One.")
    await voice.say("One.")
    assert sink.heard == ["One.", "One."]


# --- words for the ear ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Turned on the lights", "Turned on the lights."),
        ("**Done!** The _lamp_ is `on`.", "Done! The lamp is on."),
        ("See [the manual](https://example.org/a_b) now", "See the manual now."),
        ("See https://example.org/?q=1&r=2 now.", "See now."),
        ("Good night 🌙👨‍👩‍👧!", "Good night!"),
        ("It is 21.5 °C and 45 %.", "It is 21.5 degrees Celsius and 45 %."),
        ("3.2kWh at 1,500 W", "3.2 kilowatt hours at 1,500 watts."),
        ("It is -3 °C at 7:30.", "It is -3 degrees Celsius at 7:30."),
        ("# Lights\n- Lamp\n- Fan: on", "Lights.\nLamp.\nFan: on."),
        ("light.kitchen_ceiling", "light.kitchen ceiling."),
        ("[[ həlˈoʊ ]] <b>you</b>", "həlˈoʊ you."),
        ("a\x00b\u200b c\u00ad", "a b c."),
        ("می‌خواهم", "می‌خواهم."),
        ("Channel #3", "Channel #3."),
        ("***", ""),
        ("|a|b|\n|---|---|\n|1|2|", "a b.\n1 2."),
    ],
)
def test_only_what_a_person_would_read_aloud_is_left(written: str, spoken: str) -> None:
    assert clean(written) == spoken


def test_units_are_said_in_the_language_of_the_reply() -> None:
    assert clean("21,5 °C", "de") == "21,5 °C."
    assert clean("21.5 °C", "en-GB") == "21.5 degrees Celsius."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is 21.5 degrees. Fine.", ["It is 21.5 degrees.", "Fine."]),
        ("Dr. Who called at 7:30 p.m. yesterday.", ["Dr. Who called at 7:30 p.m. yesterday."]),
        ('He said "Yes." Then he left.', ['He said "Yes."', "Then he left."]),
        ("Wait... what?! No.", ["Wait...", "what?!", "No."]),
        ("今日は晴れです。明日は雨です。", ["今日は晴れです。", "明日は雨です。"]),
        ("Lamp.\nFan.", ["Lamp.", "Fan."]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_short_sentence_stays_whole_even_with_commas() -> None:
    assert pieces("Yes, it is on, and locked.", first=True) == ["Yes, it is on, and locked."]


def test_a_piece_that_ends_at_a_conjunction_sounds_unfinished() -> None:
    first, second = pieces(
        "The lamp in the living room is on and the one in the hallway is off.", first=True
    )
    assert first == "The lamp in the living room is on,"
    assert second == "and the one in the hallway is off."


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


odd_text = st.text() | st.lists(
    st.sampled_from(
        [
            "**",
            "`",
            "[a](b)",
            "http://x.y",
            "🙂",
            ". ",
            ", ",
            " and ",
            "\n",
            "21.5 °C",
            "word ",
            "_",
        ]
    )
).map("".join)


@given(odd_text)
def test_any_text_becomes_pieces_that_lose_no_word(text: str) -> None:
    cleaned = clean(text)
    assert "http://" not in cleaned
    assert not set(cleaned) & set("*`🙂_[]{}\x00")
    parts = [part for s in sentences(cleaned) for part in pieces(s, first=True)]
    assert letters("".join(parts)) == letters(cleaned)
    assert all(0 < len(part) <= LONGEST + 1 for part in parts)
