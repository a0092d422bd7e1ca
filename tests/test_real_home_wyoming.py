"""Hearth's ears, brain and voice in a real Home Assistant: its Wyoming integration is set up as
people do it, and talked with in text and in sound. Both sides are what runs in a house."""

from __future__ import annotations

import array
import json
import re
import socket
import time
import urllib.request
import wave
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from hub.audio.files import read
from hub.audio.pcm import resampled
from hub.config import load
from hub.messages import SAMPLE_RATE, Audio
from tests.homeassistant import VERSION, HomeAssistant, installed
from tests.models import model_file
from tests.mqtt import free_port
from tests.real_home import (
    Hearth,
    entry_removed,
    fresh,
    known,
    removed,
    set_up,
    socket_of,
    until,
)

pytestmark = [pytest.mark.homeassistant, pytest.mark.slow, pytest.mark.models]

RELEASE = tuple(map(int, VERSION.split(".")[:2]))
TALKS = RELEASE >= (2025, 4)
"""Whether the Wyoming integration of this Home Assistant knows of conversation."""

needs_talk = pytest.mark.skipif(
    not TALKS, reason=f"the Wyoming integration of Home Assistant {VERSION} has no conversation"
)

SAID = "Turn on the kitchen lights."
"""Both homes have such lights: Hearth's simulated one, and the demo of Home Assistant."""
RECORDINGS = Path(__file__).parent / "data/wake"

MOMENT = 0.08
"""Seconds of sound in a message."""


# --- the home ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port() -> int:
    """Where Hearth serves Wyoming clients."""
    return free_port()


@pytest.fixture(scope="module")
def hub(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hearth]:
    """The hub of a house that has no devices but the simulated ones, with all that it lends."""
    listen = {"listen": f"tcp://127.0.0.1:{port}"}
    hub = hearth(tmp_path_factory.mktemp("hub"), listen)
    try:
        yield hub.start()
    finally:
        hub.stop()


def hearth(folder: Path, wyoming: Mapping[str, Any]) -> Hearth:
    """A hub with the real models."""
    for role, name, suffix in (
        ("recognizer", "whisper-base", ".bin"),
        ("voice", "joe", ".onnx"),
        ("wake", "hey_jarvis", ".json"),
        ("verifier", "hey_jarvis", ".onnx"),
    ):
        model_file(role, name, suffix)
    (folder / "data").mkdir()
    (folder / "data/models").symlink_to(load().models)
    return Hearth(folder, recognizer={"model": "whisper-base"}, wyoming=wyoming)


@pytest.fixture(scope="module")
def home_assistant(hub: Hearth, port: int) -> Iterator[HomeAssistant]:
    """One that has Hearth as a Wyoming service."""
    running = fresh(installed(VERSION), VERSION)
    try:
        written = (running.folder / "configuration.yaml").read_text(encoding="utf-8")
        running.write("configuration.yaml", f"{written}zeroconf:\n")
        running.start()
        set_up(running, "wyoming", host="127.0.0.1", port=port)
        until("its voice is there", lambda: known(running, "tts.hearth"))
        yield running
    finally:
        removed(running)


@pytest.fixture(scope="module")
def pipeline(home_assistant: HomeAssistant) -> str:
    """The id of an assistant that is made of Hearth, as far as this Home Assistant can."""
    english = {f"{part}_language": "en" for part in ("conversation", "stt")}
    made = home_assistant.command(
        "assist_pipeline/pipeline/create",
        name="Hearth",
        language="en",
        conversation_engine="conversation.hearth" if TALKS else "homeassistant",
        stt_engine="stt.hearth",
        tts_engine="tts.hearth",
        tts_language="en-US",
        tts_voice="joe",
        wake_word_entity="wake_word.hearth",
        wake_word_id="hey_jarvis",
        **english,
    )
    return str(made["id"])


@pytest.fixture(scope="module")
def spoken(home_assistant: HomeAssistant) -> Audio:
    """The command, as Hearth's voice says it through Home Assistant."""
    return voice(home_assistant, SAID)


@pytest.fixture
def dark(hub: Hearth, home_assistant: HomeAssistant) -> None:
    """No light is on in the kitchen of either home."""
    hub.say("turn off the kitchen lights")
    home_assistant.call("light.turn_off", entity_id="light.kitchen_lights")
    assert not lit(hub, home_assistant)


def lit(hub: Hearth, home_assistant: HomeAssistant) -> bool:
    """Whether there is light in the kitchen of the home that is talked with."""
    if TALKS:
        return hub.state("light.kitchen_ceiling") == "on"
    return home_assistant.state("light.kitchen_lights") == "on"


def sounding(home_assistant: HomeAssistant, text: str) -> Any:
    """The WAV that Home Assistant plays when `tts.hearth` is to say something, as it comes."""
    about = {"engine_id": "tts.hearth", "language": "en-US", "message": text, "cache": False}
    # For anything else than what Hearth sends it wants an ffmpeg.
    about["options"] = {"preferred_format": "wav"}
    made = home_assistant.request("POST", "/api/tts_get_url", about)
    return urllib.request.urlopen(home_assistant.url + made["path"], timeout=60)


def voice(home_assistant: HomeAssistant, text: str) -> Audio:
    with sounding(home_assistant, text) as answer:
        content = answer.read()
    with wave.open(BytesIO(content)) as found:
        assert (found.getnchannels(), found.getsampwidth()) == (1, 2)
        rate = found.getframerate()
    # Home Assistant begins to send before it knows how long it gets: the header has no length.
    return Audio(content[content.index(b"data") + 8 :], rate)


def loudest(sound: Audio) -> int:
    return max(map(abs, array.array("h", sound.pcm)), default=0)


def joined(*parts: Audio | float) -> Audio:
    """One after the other, at 16 kHz; a number is as many seconds of silence."""
    return Audio(
        b"".join(
            resampled(part, SAMPLE_RATE).pcm
            if isinstance(part, Audio)
            else bytes(2 * round(part * SAMPLE_RATE))
            for part in parts
        )
    )


# --- talking with Home Assistant -----------------------------------------------------------------


def conversed(home_assistant: HomeAssistant, text: str, **more: Any) -> dict[str, Any]:
    """`conversation/process`, answered by Hearth."""
    asked = {"text": text, "language": "en", "agent_id": "conversation.hearth", **more}
    answer: dict[str, Any] = home_assistant.command("conversation/process", **asked)
    return answer


def reply(answer: Mapping[str, Any]) -> str:
    return str(answer["response"]["speech"]["plain"]["speech"])


class Run:
    """A run of an assistant: its events, and when they came."""

    def __init__(self) -> None:
        self.data: dict[str, dict[str, Any]] = {}
        self.at: dict[str, float] = {}
        self.ended = False
        self.began = 0.0

    def take(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "result":
            assert message["success"], message
            return
        kind = message["event"]["type"]
        self.data[kind] = message["event"]["data"] or {}
        self.at[kind] = time.monotonic()
        self.ended |= kind in ("run-end", "error")

    @property
    def heard(self) -> str:
        assert "stt-end" in self.data, self.data
        return str(self.data["stt-end"]["stt_output"]["text"])

    @property
    def answer(self) -> str:
        assert "intent-end" in self.data, self.data
        return reply(self.data["intent-end"]["intent_output"])


def run(
    home_assistant: HomeAssistant,
    pipeline: str,
    sound: Audio,
    *,
    first: str = "stt",
    last: str = "intent",
    live: bool = False,
) -> Run:
    """Talk with an assistant over the WebSocket as a phone does; `live`: the sound goes out as it
    is spoken, and somebody waits for an answer in silence."""
    done = Run()
    with socket_of(home_assistant) as door:
        asked = {"id": 1, "type": "assist_pipeline/run", "pipeline": pipeline, "timeout": 60}
        stages = {"start_stage": first, "end_stage": last, "input": {"sample_rate": sound.rate}}
        door.send(json.dumps({**asked, **stages}))
        while "run-start" not in done.data:
            done.take(json.loads(door.recv(timeout=20)))
        handler = bytes([done.data["run-start"]["runner_data"]["stt_binary_handler_id"]])
        step = int(MOMENT * sound.rate) * 2
        done.began = time.monotonic()
        for number, start in enumerate(range(0, len(sound.pcm), step)):
            door.send(handler + sound.pcm[start : start + step])
            pause = done.began + (number + 1) * MOMENT - time.monotonic() if live else 0
            if heard_until(door, done, pause, "stt-end"):
                break
        if "stt-end" not in done.data:
            door.send(handler)
        heard_until(door, done, 60)
    assert done.ended, done.data
    return done


def heard_until(door: ClientConnection, done: Run, seconds: float, *kinds: str) -> bool:
    """Take in what comes for a while; whether the run has ended, or come to one of these."""
    limit = time.monotonic() + seconds
    while not (done.ended or any(kind in done.data for kind in kinds)):
        left = limit - time.monotonic()
        if left <= 0:
            return False
        try:
            done.take(json.loads(door.recv(timeout=left)))
        except TimeoutError:
            return False
    return True


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


# --- tests ---------------------------------------------------------------------------------------


def test_all_that_hearth_lends_is_there(home_assistant: HomeAssistant) -> None:
    domains = ["stt", "tts", "wake_word", *(["conversation"] if TALKS else [])]
    for domain in domains:
        assert known(home_assistant, f"{domain}.hearth"), domain
    (words_known,) = home_assistant.command("wake_word/info", entity_id="wake_word.hearth").values()
    assert [(word["id"], word["name"]) for word in words_known] == [("hey_jarvis", "Hey Jarvis")]
    (voices,) = home_assistant.command(
        "tts/engine/voices", engine_id="tts.hearth", language="en-US"
    ).values()
    assert [each["voice_id"] for each in voices] == ["joe"]
    engines = home_assistant.command("stt/engine/list", language="en")["providers"]
    languages = {each["engine_id"]: each["supported_languages"] for each in engines}
    assert languages["stt.hearth"] == ["en"]


@needs_talk
def test_what_is_typed_is_done_and_remembered(
    home_assistant: HomeAssistant, hub: Hearth, dark: None
) -> None:
    answer = conversed(home_assistant, "turn on the kitchen ceiling light")
    assert answer["response"]["response_type"] == "action_done", answer
    assert hub.state("light.kitchen_ceiling") == "on"
    assert "on" in words(reply(answer))
    same = {"conversation_id": answer["conversation_id"]}
    conversed(home_assistant, "turn it off", **same)
    assert hub.state("light.kitchen_ceiling") == "off"


@needs_talk
def test_what_is_not_understood_is_no_success(home_assistant: HomeAssistant) -> None:
    answer = conversed(home_assistant, "colourless green ideas sleep furiously")
    assert answer["response"]["response_type"] == "error", answer
    assert "sorry" in words(reply(answer)), reply(answer)


def test_what_is_to_be_said_sounds(home_assistant: HomeAssistant) -> None:
    short, long = (voice(home_assistant, text) for text in ("Yes.", f"{SAID} {SAID} {SAID}"))
    assert short.rate == long.rate == 22_050
    assert loudest(short) > 3000 and loudest(long) > 3000
    assert 0.2 < short.seconds < 2 < 3 < long.seconds < 15


@pytest.mark.skipif(
    not TALKS, reason=f"in Home Assistant {VERSION} a text is whole before it sounds"
)
def test_a_long_text_sounds_while_it_is_made(home_assistant: HomeAssistant) -> None:
    rooms = "kitchen bathroom bedroom hallway garage attic cellar study".split()
    text = " ".join(f"In the {room} the window has been open since this morning." for room in rooms)
    began = time.monotonic()
    with sounding(home_assistant, text) as answer:
        answer.read(10_000)  # a quarter of a second
        first = time.monotonic() - began
        rest = answer.read()
        whole = time.monotonic() - began
    seconds = len(rest) / 2 / 22_050
    print(f"{seconds:.0f} s of speech: begins after {first:.2f} s, ends after {whole:.2f} s")
    assert first < whole / 2


@pytest.mark.parametrize("live", [False, True], ids=["a recording", "as it is spoken"])
def test_what_is_spoken_is_heard_done_and_answered(
    home_assistant: HomeAssistant,
    hub: Hearth,
    pipeline: str,
    spoken: Audio,
    dark: None,
    live: bool,
) -> None:
    sound = joined(0.3, spoken, 4.0 if live else 0.5)
    done = run(home_assistant, pipeline, sound, live=live)
    assert words(done.heard) == words(SAID)
    until("there is light", lambda: lit(hub, home_assistant))
    assert "on" in words(done.answer)
    taken = done.at["stt-end"] - done.began - (0.3 + spoken.seconds if live else 0)
    print(f"Home Assistant {VERSION}: {taken:.2f} s after the last sound")


def test_the_wake_word_wakes_and_the_command_after_it_is_heard(
    home_assistant: HomeAssistant, hub: Hearth, pipeline: str, spoken: Audio, dark: None
) -> None:
    called = joined(1.0, read(RECORDINGS / "hey_jarvis/alone.flac"), 0.7, spoken, 4.0)
    done = run(home_assistant, pipeline, called, first="wake_word", live=True)
    assert done.data["wake_word-end"]["wake_word_output"]["wake_word_id"] == "hey_jarvis"
    assert words(done.heard) == words(SAID)
    until("there is light", lambda: lit(hub, home_assistant))


def test_other_words_wake_nobody(home_assistant: HomeAssistant, pipeline: str) -> None:
    other = joined(1.0, read(RECORDINGS / "other/hallway_lamp.flac"), 2.0)
    done = run(home_assistant, pipeline, other, first="wake_word", live=True)
    assert "stt-start" not in done.data, done.data
    assert not done.data.get("wake_word-end", {}).get("wake_word_output"), done.data


def test_a_hub_that_was_away_is_used_again(
    home_assistant: HomeAssistant, hub: Hearth, pipeline: str, spoken: Audio
) -> None:
    hub.stop()
    try:
        done = run(home_assistant, pipeline, spoken)
        assert done.data["error"]["code"] == "stt-stream-failed", done.data
    finally:
        hub.start()
    hub.say("turn off the kitchen lights")
    home_assistant.call("light.turn_off", entity_id="light.kitchen_lights")
    done = run(home_assistant, pipeline, joined(spoken, 0.5))
    assert words(done.heard) == words(SAID)
    until("there is light", lambda: lit(hub, home_assistant))


def test_it_is_found_in_the_network(home_assistant: HomeAssistant, tmp_path: Path) -> None:
    """Another hub that comes into the house; Home Assistant only has to be told yes."""
    if not in_network():
        pytest.skip("this machine is in no network")
    listen = f"tcp://0.0.0.0:{free_port()}"
    other = hearth(tmp_path, {"listen": listen, "clients": ["0.0.0.0/0"]})

    def found() -> set[str]:
        flows = home_assistant.command("config_entries/flow/progress")
        return {flow["flow_id"] for flow in flows if flow["handler"] == "wyoming"}

    before = found()  # in the network that these tests run in there may be others
    try:
        other.start()
        flow = min(until("it is found", lambda: found() - before))
        way = f"/api/config/config_entries/flow/{flow}"
        step = home_assistant.request("POST", way, {})
        assert step["type"] == "create_entry" and step["title"] == "Hearth", step
        try:
            until("it is used", lambda: known(home_assistant, "stt.hearth_2"))
        finally:
            entry_removed(home_assistant, step["result"]["entry_id"])
    finally:
        other.stop()


def in_network() -> bool:
    """Whether anybody but this machine could hear an announcement."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked, suppress(OSError):
        asked.connect(("224.0.0.251", 5353))
        return not str(asked.getsockname()[0]).startswith("127.")
    return False
