"""Orders for a coffee machine that listens on MQTT.

An order is filled in like a form: what is said of size, roast, shots, milk and sugar may come in
any order, and what is not said is left to the machine.
"""

from __future__ import annotations

import json
from typing import Literal

from hub.skill import Mqtt, Say, Settings, Store, tool

Amount = Literal["a little bit", "a bit", "some", "a lot", "lots", "one", "two", "three", "no"]
Drink = Literal[
    "americano",
    "cappuccino",
    "coffee",
    "drip coffee",
    "espresso",
    "house coffee",
    "iced coffee",
    "iced mocha",
    "latte",
    "mocha",
]
Milk = Literal["milk", "skim milk", "whole milk", "soy milk", "almond milk", "cream"]
Roast = Literal["light", "medium", "dark"]
Shots = Literal["single", "double", "triple"]
Size = Literal["small", "medium", "large", "8 oz", "12 oz", "16 oz", "20 oz"]
Sugar = Literal["sugar", "brown sugar", "sweetener"]

OUNCES = {"small": 8, "medium": 12, "large": 16, "8 oz": 8, "12 oz": 12, "16 oz": 16, "20 oz": 20}
SHOTS = {"single": 1, "double": 2, "triple": 3}
PORTIONS = {
    "no": 0.0,
    "a little bit": 0.5,
    "a bit": 0.5,
    "one": 1.0,
    "some": 1.0,
    "a lot": 2.0,
    "lots": 2.0,
    "two": 2.0,
    "three": 3.0,
}
"""Amount -> portions of milk or sugar; with none said it is one."""
LAST = "last"


@tool(
    examples=[
        "can I get a medium latte with skim milk and a double shot",
        "make me a sixteen ounce dark roast coffee with a little bit of cream and brown sugar",
    ]
)
async def order(
    mqtt: Mqtt,
    settings: Settings,
    store: Store,
    drink: Drink,
    size: Size | None = None,
    roast: Roast | None = None,
    shots: Shots | None = None,
    milk: Milk | None = None,
    milk_amount: Amount | None = None,
    sugar: Sugar | None = None,
    sugar_amount: Amount | None = None,
) -> Say:
    """Make coffee: the drink, and what was said of size, roast, shots, milk and sugar."""
    wanted: dict[str, object] = {"drink": drink}
    if size:
        wanted["ounces"] = OUNCES[size]
    if roast:
        wanted["roast"] = roast
    if shots:
        wanted["shots"] = SHOTS[shots]
    if milk:
        wanted["milk"] = {"kind": milk, "portions": PORTIONS[milk_amount or "one"]}
    if sugar:
        wanted["sugar"] = {"kind": sugar, "portions": PORTIONS[sugar_amount or "one"]}
    await _send(mqtt, settings, wanted)
    await store.put(LAST, wanted)
    return Say("coming", drink=drink)


@tool(examples=["the usual coffee please"])
async def usual(mqtt: Mqtt, settings: Settings, store: Store) -> Say:
    """Make the coffee that was ordered last."""
    wanted = await store.get(LAST)
    if wanted is None:
        return Say("none_yet")
    await _send(mqtt, settings, wanted)
    return Say("coming", drink=wanted["drink"])


async def _send(mqtt: Mqtt, settings: Settings, wanted: dict[str, object]) -> None:
    await mqtt.publish(settings["topic"], json.dumps(wanted, sort_keys=True))
