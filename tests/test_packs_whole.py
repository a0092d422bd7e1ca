"""A pack's whole way, with the real commands and a running hub: made, tried, signed, installed,
spoken to, kept back, taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.packs import sandbox
from tests.mqtt import PASSWORDS, Broker, needs_mosquitto
from tests.real_home import Hearth, OnBroker, until

COFFEE = Path(__file__).parents[1] / "examples" / "packs" / "coffee-machine"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sandbox.wall() is None, reason="bubblewrap is not installed"),
]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hearth]:
    hearth = Hearth(tmp_path)
    yield hearth
    hearth.stop()


def done(hub: Hearth, *arguments: object) -> str:
    status, text = hub.run("skill", *map(str, arguments))
    assert status == 0, text
    return text


def test_from_an_idea_to_an_answer(hub: Hearth, tmp_path: Path) -> None:
    done(hub, "new", "coin", "--in", tmp_path)
    key, pack = tmp_path / "author.key", tmp_path / "coin"
    assert "no errors" in done(hub, "check", pack)
    done(hub, "keys", "new", key, "--no-password")
    done(hub, "pack", pack, "--key", key, "--to", tmp_path)
    (file,) = tmp_path.glob("*.hearth")

    hub.start()
    assert "did not understand" in hub.reply("toss two coins")
    shown = done(hub, "install", file, "--yes")
    assert "It may do nothing but answer" in " ".join(shown.split())
    turn = hub.say("toss two coins")
    assert [call["tool"] for call in turn["calls"]] == ["coin.flip"]
    assert turn["reply"] in ("All tails.", "1 head.", "2 heads.")
    # What comes with the hub is understood as before.
    assert hub.say("turn on the kitchen lights")["outcomes"][0]["confirmed"]

    done(hub, "settings", "coin", "most=3")
    assert "only 3" in hub.reply("toss five coins")
    done(hub, "disable", "coin")
    assert "did not understand" in hub.reply("toss two coins")
    done(hub, "enable", "coin")
    assert hub.say("flip a coin")["calls"]
    done(hub, "remove", "coin", "--yes")
    assert "did not understand" in hub.reply("flip a coin")


def test_what_is_changed_afterwards_is_not_started(hub: Hearth, tmp_path: Path) -> None:
    done(hub, "new", "coin", "--in", tmp_path)
    done(hub, "install", tmp_path / "coin", "--unsigned", "--yes")
    (script,) = (tmp_path / "data" / "packs").glob("content/*/skill.py")
    script.parent.chmod(0o700)
    script.chmod(0o600)
    script.write_text(script.read_text() + "\n# one line more\n")
    hub.start()
    assert hub.reply("flip a coin") == "Sorry, I cannot use that skill."
    assert "skill.py is not what the manifest says: it was changed" in hub.output
    assert hub.say("turn on the kitchen lights")["outcomes"][0]["confirmed"]
    _, told = hub.run("doctor")
    assert "it was changed" in " ".join(told.split()), told


@needs_mosquitto
def test_coffee_is_ordered_from_a_machine_on_the_broker(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker")
    broker.start()
    try:
        settings = {"host": "127.0.0.1", "port": broker.port, "user": "hub"}
        hub = Hearth(
            tmp_path,
            mqtt=settings | {"password": PASSWORDS["hub"]},
            home={"simulated": True},
        )
        done(hub, "install", COFFEE, "--unsigned", "--yes")
        with OnBroker(broker) as machine:
            orders: list[dict[str, Any]] = []
            machine.hear("coffee/order", lambda text: orders.append(json.loads(text)))
            try:
                hub.start()
                assert "is not a sentence template" not in hub.output
                reply = hub.reply("can I get a large latte with two sugars and a double shot")
                until("the machine has the order", lambda: orders)
                told = hub.reply("I'd like a small espresso")
                until("the machine has the other", lambda: orders[1:])
            finally:
                hub.stop()
    finally:
        broker.kill()
    assert "latte" in reply and "espresso" in told
    assert orders[0] == {
        "drink": "latte",
        "ounces": 16,
        "shots": 2,
        "sugar": {"kind": "sugar", "portions": 2.0},
    }
    assert orders[1] == {"drink": "espresso", "ounces": 8}
