"""Scenes, scripts, and buttons: one word for many things."""

from __future__ import annotations

from hub.skill import Entities, Home, tool

FINAL = {
    "en": "I do not know how everything was before, so I cannot undo that.",
    "de": "Ich weiß nicht, wie alles vorher war, und kann das nicht zurücknehmen.",
}
"""A scene or a button sets off what only its maker knows."""


@tool(
    "HassTurnOn",
    domains=["scene"],
    named=True,
    final=FINAL,
    phrases={"de": ["(starte|start|spiel|spiele|stell|stelle) [die Szene] {name} [ein]"]},
    examples=["activate movie night"],
)
async def activate(scenes: Entities, home: Home) -> None:
    """Bring the devices of a scene into the states it has for them."""
    await home.call("scene.turn_on", scenes)


@tool(
    "HassTurnOn",
    domains=["script"],
    named=True,
    final=FINAL,
    phrases={"de": ["(starte|start|führ|führe) [(das Skript|die)] {name} [aus]"]},
    examples=["run the morning routine"],
)
async def run(scripts: Entities, home: Home) -> None:
    """Run a script."""
    await home.call("script.turn_on", scripts)


@tool("HassTurnOn", domains=["button", "input_button"], named=True, final=FINAL)
async def press(buttons: Entities, home: Home) -> None:
    """Press a button."""
    await home.call("homeassistant.press", buttons)
