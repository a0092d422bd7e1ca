"""Rooms elsewhere: real Wyoming satellites of a real hub."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from wyoming.audio import AudioChunk
from wyoming.event import Event
from wyoming.pipeline import PipelineStage, RunPipeline

from hub import config
from hub.app import Hub, open_hub
from hub.audio.null import Nowhere
from hub.audio.pcm import resampled
from hub.bridges.satellites.arbiter import (
    WINDOW,
    Arbiter,
    Arrival,
    OneOfSeveral,
    clearness,
    loudness,
)
from hub.bridges.satellites.rooms import Known, Satellites, open_satellites
from hub.bridges.satellites.wyoming import Satellite
from hub.engines.piper import PiperSynthesizer
from hub.engines.wyoming_link import Link
from hub.errors import ConfigError, EngineError, ModelError
from hub.evaluate.spoken import until_last_word
from hub.messages import SAMPLE_RATE, Trace, Wake
from tests.fakes import virtually
from tests.models import model_file
from tests.satellite import RealSatellite

# --- which room answers --------------------------------------------------------------------------


async def test_a_room_alone_answers_at_once() -> None:
    arbiter = Arbiter(window=60)
    arbiter.join("Kitchen")
    async with asyncio.timeout(1):
        assert await arbiter.wins("Kitchen", "Hey Jarvis", 0.2)


async def test_of_several_rooms_the_one_that_heard_it_best_answers() -> None:
    arbiter = Arbiter(window=0.01)
    for room in ("Kitchen", "Office", "Hall"):
        arbiter.join(room)
    told = tuple(
        await asyncio.gather(
            arbiter.wins("Kitchen", "Hey Jarvis", 0.8),
            arbiter.wins("Office", "Hey Jarvis", 1.4),
            arbiter.wins("Hall", "Hey Jarvis", 1.1),
        )
    )
    assert told == (False, True, False)


async def test_two_people_with_two_wake_words_are_both_answered() -> None:
    arbiter = Arbiter(window=0.01)
    for room in ("Kitchen", "Office"):
        arbiter.join(room)
    told = tuple(
        await asyncio.gather(
            arbiter.wins("Kitchen", "Hey Jarvis", 0.8), arbiter.wins("Office", "Alexa", 1.4)
        )
    )
    assert told == (True, True)


async def test_a_room_that_has_gone_is_not_waited_for() -> None:
    arbiter = Arbiter(window=60)
    arbiter.join("Kitchen")
    arbiter.join("Office")()
    async with asyncio.timeout(1):
        assert await arbiter.wins("Kitchen", "Hey Jarvis", 0.8)


def noise(seconds: float, loudness: int) -> bytes:
    dice = random.Random(1)
    count = round(seconds * SAMPLE_RATE)
    return struct.pack(f"<{count}h", *(dice.randint(-loudness, loudness) for _ in range(count)))


def louder(pcm: bytes, factor: float) -> bytes:
    samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)
    return struct.pack(f"<{len(samples)}h", *(round(factor * sample) for sample in samples))


class Always:
    """Hears a wake word in everything, as well in one room as in another."""

    phrase = "Hey Jarvis"

    async def process(self, pcm: bytes) -> Wake | None:
        return Wake("hey_jarvis", self.phrase, 0.9, 0.0)

    async def reset(self) -> None: ...


async def test_the_louder_one_of_two_is_nearer() -> None:
    arbiter = Arbiter(window=0.01)
    near, far = (OneOfSeveral(Always(), room, arbiter) for room in ("Kitchen", "Office"))
    for room in ("Kitchen", "Office"):
        arbiter.join(room)
    still = noise(2.0, 20)
    won = await asyncio.gather(
        near.process(still + noise(1.0, 8000)), far.process(still + noise(1.0, 4000))
    )
    assert [wake is not None for wake in won] == [True, False]


def test_loudness_is_between_0_and_1() -> None:
    assert loudness(bytes(1000)) == 0 == loudness(b"")
    assert 0.99 < loudness((32767).to_bytes(2, "little") * 100) <= 1


def test_a_microphone_that_makes_everything_loud_is_not_nearer() -> None:
    still, spoken = noise(2.5, 100), noise(1.0, 4000)
    here = clearness(0.9, still + spoken)
    assert clearness(0.9, louder(still + spoken, 2.5)) == pytest.approx(here, abs=0.02)
    assert clearness(0.9, still + louder(spoken, 0.5)) == pytest.approx(here - 0.1, abs=0.02)
    assert 0 <= clearness(0.5, b"") <= 2 >= clearness(1.0, noise(0.1, 30000)) >= 0


class Hears:
    """Hears its wake word in all sound but silence, after a while on the way."""

    def __init__(self, phrase: str, score: float, late: float) -> None:
        self.phrase = phrase
        self._score = score
        self._late = late

    async def process(self, pcm: bytes) -> Wake | None:
        await asyncio.sleep(self._late)
        return Wake(self.phrase, self.phrase, self._score, 0.0)

    async def reset(self) -> None: ...


NEAR = noise(2.5, 20) + noise(1.0, 4000)


def test_two_rooms_hear_one_wake_word_and_the_nearer_one_answers_a_thousand_times() -> None:
    """One of them at half the loudness, each up to 0.3 s early or late."""
    dice = random.Random(7)
    far = noise(2.5, 20) + noise(1.0, 2000)

    async def heard() -> list[bool]:
        arbiter = Arbiter()
        rooms = {"Kitchen": NEAR, "Office": far, "Attic": None}
        for room in rooms:  # one of them hears nothing
            arbiter.join(room)
        told = await asyncio.gather(
            *(
                OneOfSeveral(
                    Hears("Hey Jarvis", dice.uniform(0.75, 1.0), dice.uniform(0.0, 0.6)),
                    room,
                    arbiter,
                ).process(sound)
                for room, sound in rooms.items()
                if sound
            )
        )
        return [wake is not None for wake in told]

    runs = [virtually(heard()) for _ in range(1000)]
    assert all(sum(answers) == 1 for answers in runs), "one room answers, neither none nor both"
    assert sum(near for near, _ in runs) >= 950


def test_two_people_in_two_rooms_within_two_seconds_are_both_served() -> None:
    dice = random.Random(8)

    async def heard() -> list[bool]:
        arbiter = Arbiter()
        for room in ("Kitchen", "Office"):
            arbiter.join(room)
        told = await asyncio.gather(
            OneOfSeveral(Hears("Hey Jarvis", 0.9, dice.uniform(0, 2)), "Kitchen", arbiter).process(
                NEAR
            ),
            OneOfSeveral(Hears("Alexa", 0.9, dice.uniform(0, 2)), "Office", arbiter).process(NEAR),
        )
        return [wake is not None for wake in told]

    assert all(virtually(heard()) == [True, True] for _ in range(100))


class Busy:
    """Finds the wake word in loud sound, and has much to do when the first of it comes."""

    phrase = "Hey Jarvis"

    def __init__(self, late: float) -> None:
        self._late = late

    async def process(self, pcm: bytes) -> Wake | None:
        if max(memoryview(pcm).cast("h")) < 4000:
            return None
        await asyncio.sleep(self._late)
        return Wake("hey_jarvis", self.phrase, 0.9, 0.0)

    async def reset(self) -> None: ...


async def in_a_room(room: str, said: float, late: float, arbiter: Arbiter) -> bool:
    """Whether a wake word is answered that is said after so many seconds, and found so late."""
    part = 0.1
    still, spoken = noise(part, 20), noise(part, 8000)
    ears = OneOfSeveral(Busy(late), room, arbiter)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(1, 80):  # as it comes; what has come meanwhile is taken at once
        await asyncio.sleep(max(0.0, began + number * part - loop.time()))
        here = number == round(said / part)
        if await ears.process(spoken if here else still) is not None:
            return True
        if here:
            return False
    raise AssertionError("it was never said")


@pytest.mark.parametrize(
    ("kitchen", "office", "answered"),
    [
        ((3.0, 1.4), (4.4, 0.0), [True, True]),  # found in one moment, said at two
        ((3.0, 0.0), (4.4, 2.0), [True, True]),
        ((3.0, 2.0), (3.0, 0.0), [False, True]),  # the same one, found when that was decided
        ((3.0, 0.0), (3.3, 1.5), [True, False]),
    ],
)
def test_it_counts_when_the_wake_word_was_said_and_not_when_it_was_found(
    kitchen: tuple[float, float], office: tuple[float, float], answered: list[bool]
) -> None:
    """A hub that is busy finds it later, in one room more than in another."""

    async def heard() -> list[bool]:
        arbiter = Arbiter()
        for room in ("Kitchen", "Office"):
            arbiter.join(room)
        told = await asyncio.gather(
            in_a_room("Kitchen", *kitchen, arbiter), in_a_room("Office", *office, arbiter)
        )
        return list(told)

    assert virtually(heard()) == answered


@pytest.mark.parametrize("pause", [0.0, 60.0])
def test_after_a_pause_of_its_sound_it_is_known_again_when_it_came(pause: float) -> None:
    """As of a microphone that was muted. What waits in a busy hub is no pause."""
    arrival = Arrival()
    for number in range(1, 50):
        arrival.came(0.1, number * 0.1)
    late = pause + 7.0
    assert arrival.came(0.1, late) == pytest.approx(late if pause else 5.0)
    assert arrival.came(0.1, late + 0.1) == pytest.approx(late + 0.1 if pause else 5.1)


def test_one_that_sent_nothing_for_a_while_hears_the_same_wake_word_as_the_others() -> None:
    async def in_room(room: str, arbiter: Arbiter, *, pauses: bool) -> bool:
        ears = OneOfSeveral(Busy(0.0), room, arbiter)
        for number in range(80):
            await asyncio.sleep(0.1)
            if number < 30 or not pauses:
                await ears.process(noise(0.1, 20))
        if pauses:
            ears.begun()
        await asyncio.sleep(0.1)
        return await ears.process(noise(0.1, 8000)) is not None

    async def heard() -> list[bool]:
        arbiter = Arbiter()
        for room in ("Kitchen", "Office"):
            arbiter.join(room)
        told = await asyncio.gather(
            in_room("Kitchen", arbiter, pauses=True), in_room("Office", arbiter, pauses=False)
        )
        return list(told)

    assert sorted(virtually(heard())) == [False, True]


class Talkative:
    """A link to a satellite that streams whenever somebody speaks, and then goes away."""

    address = "tcp://talkative:10700"

    def __init__(self) -> None:
        spoken = RunPipeline(start_stage=PipelineStage.WAKE, end_stage=PipelineStage.TTS).event()
        self._events = [spoken, AudioChunk(SAMPLE_RATE, 2, 1, bytes(1024)).event(), spoken]

    async def send(self, *events: Event) -> None: ...

    async def receive(self) -> Event:
        if not self._events:
            raise EngineError("gone")
        return self._events.pop(0)


async def test_one_that_streams_when_somebody_speaks_tells_each_time() -> None:
    begun: list[bool] = []
    satellite = Satellite(cast(Link, Talkative()), lambda: begun.append(satellite.wakes_itself))
    with pytest.raises(EngineError, match="gone"):
        await satellite.run()
    assert begun == [False, False]


def test_the_same_wake_word_is_heard_again_later() -> None:
    async def heard() -> list[bool]:
        arbiter = Arbiter()
        for room in ("Kitchen", "Office"):
            arbiter.join(room)
        told = []
        for _ in range(2):
            told.append(await arbiter.wins("Kitchen", "Hey Jarvis", 1.5))
            await asyncio.sleep(2)
        return told

    assert virtually(heard()) == [True, True]


# --- real ones -----------------------------------------------------------------------------------


class House:
    """A hub with satellites, and somebody who speaks in their rooms."""

    def __init__(self, hub: Hub, satellites: Satellites, rooms: dict[str, RealSatellite]) -> None:
        self.hub = hub
        self.satellites = satellites
        self.rooms = rooms
        self.traces: list[Trace] = []
        self.news = asyncio.Event()
        hub.assistant.watch(self._seen)
        self._actor = PiperSynthesizer(model_file("voice", "joe", ".onnx"), variation=0.0)

    def _seen(self, trace: Trace) -> None:
        self.traces.append(trace)
        self.news.set()

    async def pcm(self, text: str) -> bytes:
        said = until_last_word(resampled(await self._actor.synthesize(text), SAMPLE_RATE))
        return bytes(32000) + said.pcm + bytes(64000)

    async def say(self, room: str, text: str) -> None:
        self.rooms[room].say(await self.pcm(text))

    async def turns(self, count: int, seconds: float = 60) -> list[Trace]:
        await self.until(lambda: len(self.traces) >= count, f"{count} turns", seconds)
        return self.traces[-count:]

    async def until(self, happens: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Real programs in other processes: nothing tells when they are so far."""
        try:
            async with asyncio.timeout(seconds):
                while not happens():
                    self.news.clear()
                    try:
                        async with asyncio.timeout(0.1):
                            await self.news.wait()
                    except TimeoutError:
                        continue
        except TimeoutError:
            logs = "\n".join(each.log for each in self.rooms.values())
            pytest.fail(f"not seen: {what}; turns {self.traces}; satellites said {logs}")

    async def close(self) -> None:
        await self._actor.close()


@asynccontextmanager
async def house(
    tmp_path: Path,
    rooms: dict[str, bool],
    start: bool = True,
    window: float = WINDOW,
    kind: type[RealSatellite] = RealSatellite,
) -> AsyncIterator[House]:
    """`rooms`: whether the satellite there listens for the wake word itself."""
    satellites = {
        name: kind(tmp_path / name, free_port(), wakes_itself=itself)
        for name, itself in rooms.items()
    }
    settings = config.load()
    changed = {
        "hub": settings.hub.model_copy(update={"cache": tmp_path / "cache"}),
        "manners": config.MannersSettings(quiet=""),  # at night a tone may stand for words
        "rooms": {
            name: config.RoomSettings(satellite=f"tcp://127.0.0.1:{each.port}")
            for name, each in satellites.items()
        },
    }
    came = asyncio.Event()

    def tell(known: Known) -> None:
        came.set()

    try:
        async with (
            open_hub(
                settings.model_copy(update=changed), recognise=True, sink=Nowhere(), remember=False
            ) as hub,
            open_satellites(hub, changed=tell, arbiter=Arbiter(window)) as served,
        ):
            house = House(hub, served, satellites)
            hub.begin_timers()  # timers and announcements, as in a hub that runs
            running = asyncio.create_task(served.run())
            try:
                if start:
                    for each in satellites.values():
                        await each.start()
                    await house.until(
                        lambda: all(known.connected for known in served.known), "all satellites"
                    )
                yield house
            finally:
                running.cancel()
                await asyncio.wait({running})
                for each in satellites.values():
                    await each.stop()
                await house.close()
    except ModelError as error:
        pytest.skip(str(error))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.models
@pytest.mark.slow
async def test_a_satellite_is_a_room_with_ears_and_a_voice(tmp_path: Path) -> None:
    """It streams all the time; the hub hears its wake word. 'The light' is that of its room."""
    async with house(tmp_path, {"Bathroom": False}) as it:
        await it.say("Bathroom", "Hey Jarvis, turn on the light.")
        [turn] = await it.turns(1)
        assert turn.area == "Bathroom"
        assert it.hub.home.state("light.bathroom").state == "on", turn.to_json()
        satellite = it.rooms["Bathroom"]
        await it.until(lambda: satellite.played > 20_000, "a spoken reply")


@pytest.mark.models
@pytest.mark.slow
async def test_one_that_wakes_itself_is_asked_and_answers_without_the_wake_word(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, {"Kitchen": True}) as it:
        await it.say("Kitchen", "Please set a timer.")
        [asked] = await it.turns(1)
        assert asked.area == "Kitchen" and asked.reply.expects_answer, asked.to_json()
        satellite = it.rooms["Kitchen"]
        await it.until(lambda: satellite.played > 20_000, "a question")
        kitchen = it.hub.assistant.activity.room("Kitchen")
        await it.until(lambda: kitchen.doing == "listening", "that it was spoken")
        await it.say("Kitchen", "Five minutes.")
        asked, answered = await it.turns(2)
        assert not answered.reply.expects_answer, answered.to_json()
        assert "5 minutes" in answered.reply.text
        # Then it listens for its own wake word again, which begins another turn.
        await it.until(
            lambda: satellite.log.count("Waiting for wake word") == 2, "the satellite is let go"
        )
        await it.say("Kitchen", "Turn on the coffee maker.")
        await it.turns(3)
        assert it.hub.home.state("switch.coffee_maker").state == "on"


@pytest.mark.models
@pytest.mark.slow
async def test_of_two_that_hear_it_one_answers(tmp_path: Path) -> None:
    # On a machine that is busy, programs and ears may be seconds apart.
    async with house(tmp_path, {"Kitchen": False, "Bathroom": False}, window=5.0) as it:
        pcm = await it.pcm("Hey Jarvis, what time is it?")
        quiet = b"".join(
            (int.from_bytes(pcm[i : i + 2], "little", signed=True) // 3).to_bytes(
                2, "little", signed=True
            )
            for i in range(0, len(pcm), 2)
        )
        it.rooms["Kitchen"].say(pcm)
        it.rooms["Bathroom"].say(quiet)
        await it.turns(1)
        await it.say("Bathroom", "Hey Jarvis, what day is it?")
        turns = await it.turns(2)
        assert [turn.area for turn in turns] == ["Kitchen", "Bathroom"]
        assert len(it.traces) == 2


@pytest.mark.models
@pytest.mark.slow
async def test_one_that_is_lost_is_called_again(tmp_path: Path) -> None:
    async with house(tmp_path, {"Kitchen": False}, start=False) as it:
        [known] = it.satellites.known
        await it.until(lambda: known.trouble is not None, "that it is away")
        assert "nothing listens on this port" in (known.trouble or "")
        await it.rooms["Kitchen"].start()
        await it.until(lambda: known.connected, "the satellite", 60)
        await it.rooms["Kitchen"].stop()
        await it.until(lambda: not known.connected, "that it is lost")
        await it.rooms["Kitchen"].start()
        await it.until(lambda: known.connected, "the satellite once more", 90)
        await it.say("Kitchen", "Hey Jarvis, turn on the coffee maker.")
        await it.turns(1)
        assert it.hub.home.state("switch.coffee_maker").state == "on"


@pytest.mark.models
@pytest.mark.slow
async def test_what_is_announced_for_a_room_is_said_there(tmp_path: Path) -> None:
    async with house(tmp_path, {"Kitchen": False, "Bathroom": False}) as it:
        assert it.hub.aloud is not None
        it.hub.aloud.announce("Dinner is ready.", area="Kitchen")
        await it.until(lambda: it.rooms["Kitchen"].played > 20_000, "an announcement")
        assert it.rooms["Bathroom"].played == 0


@pytest.mark.models
@pytest.mark.slow
async def test_a_room_that_there_is_not_is_named(tmp_path: Path) -> None:
    settings = config.load()
    rooms = {"Attic": config.RoomSettings(satellite="tcp://127.0.0.1:10700")}
    async with open_hub(settings.model_copy(update={"rooms": rooms}), remember=False) as hub:
        with pytest.raises(ConfigError, match=r"\[rooms.Attic\].*there is no room 'Attic'"):
            async with open_satellites(hub):
                pass


@pytest.mark.models
@pytest.mark.slow
async def test_what_is_known_of_them_is_told_and_a_tone_finds_one(tmp_path: Path) -> None:
    async with house(tmp_path, {"Kitchen": False}) as it:
        [row] = (await it.satellites.answer({}))["satellites"]
        assert row["room"] == "Kitchen" and row["connected"] and row["trouble"] is None
        await it.satellites.answer({"tone": "kitchen"})
        await it.until(lambda: it.rooms["Kitchen"].played > 5_000, "a tone")
        wrong = await it.satellites.answer({"tone": "Attic"})
        assert wrong == {"error": "there is no satellite in 'Attic'; there are some in Kitchen"}
