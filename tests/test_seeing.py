"""Looking at a running hub: `hearth status`, its figures for Prometheus, its health."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from typer.testing import CliRunner

from hub import board, doctor
from hub.activity import Activity
from hub.app import Hub, open_hub
from hub.bridges.ears import Ears
from hub.bridges.seeing.metrics import serve_metrics
from hub.bridges.seeing.snapshot import Seeing, outcome
from hub.cli import app
from hub.config import Config, ListenSettings, WakeSettings
from hub.control import ControlServer
from hub.errors import ConfigError
from hub.listening import Listener
from hub.messages import Hypothesis, Utterance
from hub.room import Room
from hub.status_cli import meter, shown
from tests.conftest import Household
from tests.fakes import FakeSource, FakeVoices, FakeWakeWord, silence, speech, wake_word

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    folder = tmp_path_factory.mktemp("seen")
    home = folder / "home.yaml"
    home.write_text(
        "areas: [{name: Kitchen}]\n"
        "entities:\n"
        "  - {id: light.lamp, name: Lamp, area: Kitchen, state: 'off'}\n"
        "  - {id: light.broken, name: Broken Lamp, area: Kitchen, state: unavailable}\n"
    )
    config = Config.model_validate(
        {
            "hub": {"data": folder / "data", "cache": folder / "cache", "runtime": folder / "run"},
            "home": {"file": home, "confirm_timeout": 0.3},
            "router": {"model": None},
        }
    )
    async with open_hub(config) as opened:
        opened.begin_timers()
        yield opened


async def say(hub: Hub, text: str) -> None:
    hub.assistant.finished(await hub.assistant.say(text))


# --- what is shown -------------------------------------------------------------------------------


async def test_a_look_shows_turns_connections_and_what_waits(hub: Hub) -> None:
    seeing = Seeing(hub, ears=Ears())
    end = seeing.begin()
    await say(hub, "turn on the lamp")
    await say(hub, "set a timer for ten minutes")
    found = await seeing.snapshot()
    end()
    assert [turn["heard"] for turn in found["turns"][:2]] == [
        "set a timer for ten minutes",
        "turn on the lamp",
    ]
    assert found["turns"][1]["outcome"] == "done"
    assert found["turns"][1]["stages_ms"]["total"] > 0
    assert found["waiting"]["timer"] == 1
    assert found["devices"] == {"known": 2, "unavailable": 1}
    assert found["machine"] == board.named(hub.config)
    assert {row["name"] for row in found["connections"]} == {"simulated", "lists"}
    assert found["memory"]["hub"] > 1_000_000
    assert found["troubles"] == []


async def test_what_is_wrong_is_named(hub: Hub) -> None:
    seeing = Seeing(hub, ears=Ears(), connected=lambda: False)
    seeing.wrong["web page"] = "port 8780 is taken"
    hub.assistant.activity.room(None).lost("there is no microphone")
    told = {row["what"]: row["why"] for row in seeing.troubles()}
    hub.assistant.activity.room(None).now("asleep")
    assert told["web page"] == "port 8780 is taken"
    assert told["microphone"] == "there is no microphone"
    assert "broker mqtt" in told
    assert seeing.health()["state"] == "trouble"
    seeing = Seeing(hub, connected=lambda: True)
    assert seeing.health()["state"] == "ok"


async def test_safe_mode_is_told_also_by_the_doctor(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeing = Seeing(hub)
    server = ControlServer(hub.config.hub.runtime, hub.assistant, doors={"status": seeing.answer})
    await server.start()
    try:
        assert (await doctor.running(hub.config)).health == "good"
        monkeypatch.setattr(hub, "safe", True)
        found = await doctor.running(hub.config)
        assert (found.health, "safe mode" in found.detail) == ("weak", True)
        assert "safe mode" in str(seeing.health()["troubles"])
    finally:
        await server.close()


async def test_a_muted_room_shows_no_level(hub: Hub) -> None:
    ears = Ears()
    seeing = Seeing(hub, ears=ears)
    here = hub.assistant.activity.room(None)
    here.now("asleep")
    hub.assistant.activity.look()
    here.hear(b"\x00\x40" * 512)
    [row] = seeing.rooms()
    assert (row["doing"], row["level"]) == ("asleep", 0.5)
    ears.mute(True)
    [row] = seeing.rooms()
    assert (row["doing"], row["muted"], row["level"]) == ("muted", True, 0.0)


async def test_levels_are_taken_only_while_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("hub.activity.time.monotonic", lambda: now)
    activity = Activity()
    here = activity.room("Kitchen")
    here.hear(b"\xff\x7f" * 512)
    assert here.level == 0.0
    activity.look()
    here.hear(b"\xff\x7f" * 512)
    assert here.level == pytest.approx(1.0, abs=0.01)
    now += 5.0
    here.hear(b"\xff\x7f" * 512)
    assert here.level == 0.0


async def test_a_room_tells_what_it_does(house: Household) -> None:
    house.recognizer.script = [Utterance((Hypothesis("turn on the hallway light", -0.1),))]
    seen: list[str] = []
    activity = house.assistant.activity
    activity.look()
    end = activity.watch(lambda: seen.append(activity.room(None).doing))
    source = FakeSource([*silence(0.5), *wake_word(), *speech(1.2), *silence(2.0)])
    listener = Listener(source, FakeWakeWord(), FakeVoices(), ListenSettings(), WakeSettings())
    assert activity.room(None).doing == "away"
    await Room(house.assistant, listener, None, ListenSettings()).converse()
    end()
    assert seen == ["asleep", "listening", "thinking", "asleep", "away"]
    assert activity.room(None).level > 0


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ({"tier": "rules", "outcomes": [{"confirmed": True}]}, "done"),
        ({"tier": "rules", "outcomes": []}, "done"),
        ({"tier": "rules", "outcomes": [{"confirmed": True}, {"confirmed": False}]}, "unconfirmed"),
        ({"tier": "rules", "expects_answer": True}, "asked"),
        ({"tier": "none"}, "not_understood"),
        ({"tier": "rules", "error": "EngineCrashed"}, "error"),
    ],
)
async def test_what_became_of_a_turn(turn: dict[str, object], expected: str) -> None:
    assert outcome(turn) == expected


# --- hearth status -------------------------------------------------------------------------------


async def test_the_command_shows_the_running_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = hub.config.hub.runtime
    settings = folder.parent / "hearth.toml"
    settings.write_text(f'[hub]\nruntime = "{folder}"\n')
    monkeypatch.setenv("HEARTH_CONFIG", str(settings))

    async def run(*arguments: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["status", *arguments])
        return f"{result.output}{result.exception or ''}"

    assert "no hub is running here" in await run("--once")
    seeing = Seeing(hub, ears=Ears())
    server = ControlServer(folder, hub.assistant, doors={"status": seeing.answer})
    await server.start()
    await say(hub, "turn off the lamp")
    try:
        found = json.loads(await run("--json"))
        assert found["turns"][0]["heard"] == "turn off the lamp"
        text = await run("--once")
        assert "turn off the lamp" in text
        assert "Connections" in text
    finally:
        await server.close()


async def test_names_cannot_give_orders_to_the_terminal(hub: Hub) -> None:
    found = await Seeing(hub, ears=Ears()).snapshot()
    found["rooms"][0]["room"] = "\x1b[2J[bold]Attic"
    found["turns"] = [
        {
            "at": "2026-01-01T00:00:00+00:00",
            "area": None,
            "source": "voice",
            "heard": "\x1b]0;owned\x07hello [red]there",
            "reply": "",
            "tier": "none",
            "outcome": "not_understood",
            "stages_ms": {},
        }
    ]
    console = Console(width=200, record=True, force_terminal=False)
    console.print(shown(found))
    text = console.export_text()
    assert "\x1b" not in text and "\x07" not in text
    assert "[bold]Attic" in text
    assert "hello [red]there" in text


async def test_a_meter_goes_by_what_the_ear_hears() -> None:
    bars = [meter(level).count("█") for level in (0.0, 0.001, 0.01, 0.1, 1.0)]
    assert bars[0] == 0 and bars[-1] == 12
    assert bars == sorted(bars)
    assert bars[3] - bars[2] == bars[4] - bars[3]  # ten times as loud is as much each time


# --- figures for Prometheus ----------------------------------------------------------------------


async def test_prometheus_reads_turns_stages_and_connections(hub: Hub) -> None:
    async with (
        serve_metrics(Seeing(hub, ears=Ears()), 0) as port,
        aiohttp.ClientSession() as client,
    ):
        await say(hub, "turn on the lamp")
        await say(hub, "colourless green ideas")
        async with client.get(f"http://127.0.0.1:{port}/metrics") as response:
            assert response.status == 200
            text = await response.text()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]

    def figure(name: str, /, **labels: str) -> float:
        [found] = [each.value for each in samples if each.name == name and each.labels == labels]
        return float(found)

    done = {"outcome": "done", "tier": "rules", "source": "voice"}
    assert figure("hearth_turns_total", **done) == 1
    not_understood = {"outcome": "not_understood", "tier": "none", "source": "voice"}
    assert figure("hearth_turns_total", **not_understood) == 1
    assert figure("hearth_turn_stage_seconds_count", stage="total") == 2
    assert figure("hearth_connection_up", kind="source", name="simulated") == 1
    assert figure("hearth_devices_unavailable") == 1
    assert figure("hearth_memory_bytes") > 1_000_000
    assert figure("hearth_microphone_muted") == 0
    assert "colourless" not in text  # nobody's words


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Host": ""}]
)
async def test_the_figures_are_for_no_page(hub: Hub, headers: dict[str, str]) -> None:
    async with (
        serve_metrics(Seeing(hub), 0) as port,
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{port}/metrics", headers=headers) as response,
    ):
        assert response.status in (400, 403)
        assert "hearth_" not in await response.text()


async def test_a_port_that_is_taken_is_named(hub: Hub) -> None:
    seeing = Seeing(hub)
    async with serve_metrics(seeing, 0) as port:
        with pytest.raises(ConfigError, match=rf"\[metrics\] port: .*{port}"):
            async with serve_metrics(seeing, port):
                pass


async def test_nothing_of_it_is_loaded_before_it_is_wanted(tmp_path: Path) -> None:
    code = (
        "import sys, hub.service\n"
        "print([m for m in ('aiohttp', 'prometheus_client', 'argon2') if m in sys.modules])"
    )
    told = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
