"""What people order is what the machine is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.skill.testing import Stage, hearth_with


class Broker:
    """Notes what is published."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []

    async def publish(self, topic: str, payload: str) -> None:
        assert topic == "coffee/order"
        self.orders.append(json.loads(payload))

    async def wait(self, topic: str, within: float = 5.0) -> str | None:
        return None


def machine(broker: Broker) -> Stage:
    return hearth_with(
        ["light.kitchen"],
        languages=("en", "de"),
        settings={"topic": "coffee/order"},
        services={"mqtt": broker},
    )


SKIM = {"kind": "skim milk", "portions": 1.0}


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("make me a coffee", {"drink": "coffee"}),
        (
            "can I get a medium latte with skim milk, two sugars and a double shot",
            {
                "drink": "latte",
                "ounces": 12,
                "milk": SKIM,
                "sugar": {"kind": "sugar", "portions": 2.0},
                "shots": 2,
            },
        ),
        (
            "I'd like a double shot latte with skim milk, medium please",
            {"drink": "latte", "ounces": 12, "milk": SKIM, "shots": 2},
        ),
        (
            "give me a 16oz dark roast coffee without sugar",
            {
                "drink": "coffee",
                "ounces": 16,
                "roast": "dark",
                "sugar": {"kind": "sugar", "portions": 0.0},
            },
        ),
        (
            "brew a medium medium roast espresso",
            {"drink": "espresso", "ounces": 12, "roast": "medium"},
        ),
    ],
)
async def test_what_is_said_in_any_order_is_sent(said: str, wanted: dict[str, Any]) -> None:
    broker = Broker()
    async with machine(broker) as hearth:
        reply = await hearth.say(said)
    assert broker.orders == [wanted], reply


async def test_it_is_ordered_in_german() -> None:
    broker = Broker()
    async with machine(broker) as hearth:
        reply = await hearth.say(
            "mach mir einen großen Cappuccino mit Mandelmilch und zwei Zucker", language="de"
        )
    assert broker.orders == [
        {
            "drink": "cappuccino",
            "ounces": 16,
            "milk": {"kind": "almond milk", "portions": 1.0},
            "sugar": {"kind": "sugar", "portions": 2.0},
        }
    ], reply


async def test_the_usual_is_the_last_one_again() -> None:
    broker = Broker()
    async with machine(broker) as hearth:
        assert "not ordered" in (await hearth.say("make me the usual coffee")).text
        await hearth.say("get me a small latte")
        assert "latte" in (await hearth.say("the usual please")).text
    assert broker.orders == [{"drink": "latte", "ounces": 8}] * 2


@pytest.mark.parametrize(
    "said",
    [
        "can I get a coffee table",
        "make me a coffee shop playlist",
        "give me a medium",
        "get me an iced mocha with all the milk",
        "brew",
    ],
)
async def test_what_is_no_order_is_not_sent(said: str) -> None:
    broker = Broker()
    async with machine(broker) as hearth:
        await hearth.say(said)
    assert broker.orders == []
