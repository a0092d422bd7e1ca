"""Where somebody speaks to a real Home Assistant is where the device is that they speak to: its
Wyoming integration sends the id along, and Hearth knows its room."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.config import load
from tests.homeassistant import VERSION, HomeAssistant, installed
from tests.models import model_file
from tests.mqtt import free_port
from tests.real_home import Hearth, fresh, known, removed, set_up, socket_of, until

TELLS = tuple(map(int, VERSION.split(".")[:2])) >= (2026, 11)
"""Whether the Wyoming integration of this Home Assistant says where it was said."""

pytestmark = [
    pytest.mark.homeassistant,
    pytest.mark.slow,
    pytest.mark.models,
    pytest.mark.skipif(not TELLS, reason=f"Home Assistant {VERSION} does not say where"),
]

ROOMS = {"light.kitchen_lights": "kitchen", "light.bed_light": "bedroom"}


SPEAKER = "switch.ac"
"""An entity of the device that is spoken to: an air conditioner with a microphone."""


def device_of(home_assistant: HomeAssistant, entity_id: str) -> str:
    entries = home_assistant.command("config/entity_registry/list")
    return str(next(e for e in entries if e["entity_id"] == entity_id)["device_id"])


def put(home_assistant: HomeAssistant, entity_id: str, area: str) -> None:
    """Move the device of an entity into a room."""
    device = device_of(home_assistant, entity_id)
    home_assistant.command("config/device_registry/update", device_id=device, area_id=area)


@pytest.fixture(scope="module")
def home_assistant() -> Iterator[HomeAssistant]:
    running = fresh(installed(VERSION), VERSION)
    try:
        running.start()
        for entity_id, area in ROOMS.items():
            put(running, entity_id, area)
        yield running
    finally:
        removed(running)


@pytest.fixture(scope="module")
def hub(
    home_assistant: HomeAssistant, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hearth]:
    """The hub of this home, whose brain Home Assistant uses."""
    folder: Path = tmp_path_factory.mktemp("hub")
    model_file("recognizer", "whisper-base", ".bin")
    model_file("voice", "joe", ".onnx")
    (folder / "data").mkdir()
    (folder / "data/models").symlink_to(load().models)
    port = free_port()
    hub = Hearth(
        folder,
        homeassistant={"url": home_assistant.url, "token": home_assistant.token},
        recognizer={"model": "whisper-base"},
        wyoming={"listen": f"tcp://127.0.0.1:{port}", "announce": False},
    )
    try:
        hub.start()
        set_up(home_assistant, "wyoming", host="127.0.0.1", port=port)
        until("its brain is there", lambda: known(home_assistant, "conversation.hearth"))
        yield hub
    finally:
        hub.stop()


def said_to(home_assistant: HomeAssistant, device: str, text: str) -> None:
    """What is said to a device goes through an assistant whose brain is Hearth."""
    made = home_assistant.command(
        "assist_pipeline/pipeline/create",
        name=f"Hearth {text}",
        language="en",
        conversation_engine="conversation.hearth",
        conversation_language="en",
        stt_engine=None,
        stt_language=None,
        tts_engine=None,
        tts_language=None,
        tts_voice=None,
        wake_word_entity=None,
        wake_word_id=None,
    )
    asked: dict[str, Any] = {"id": 1, "type": "assist_pipeline/run", "pipeline": made["id"]}
    asked |= {"start_stage": "intent", "end_stage": "intent"}
    with socket_of(home_assistant) as door:
        door.send(json.dumps({**asked, "input": {"text": text}, "device_id": device}))
        while True:
            message = json.loads(door.recv(timeout=30))
            event = message.get("event", {})
            assert message.get("success", True) and event.get("type") != "error", message
            if event.get("type") == "run-end":
                return


def test_the_lights_are_those_of_the_room_in_which_it_is_said(
    home_assistant: HomeAssistant, hub: Hearth
) -> None:
    speaker = device_of(home_assistant, SPEAKER)
    for room, other in (ROOMS, reversed(ROOMS)):
        for light in ROOMS:
            home_assistant.call("light.turn_off", entity_id=light)
        put(home_assistant, SPEAKER, ROOMS[room])
        until("the hub knows", lambda: in_room(hub, ROOMS[room]))  # noqa: B023
        said_to(home_assistant, speaker, "turn on the lights")
        assert home_assistant.state(room) == "on"
        assert home_assistant.state(other) == "off"


def in_room(hub: Hearth, area: str) -> bool:
    """Whether the hub knows that the speaker is there."""
    rooms = {row["entity_id"]: row["area_id"] for row in hub.devices()}
    return rooms.get(SPEAKER) == area
