"""Routines: what is done when something is said, at a time, or when something happens.

The sentences that make one ('when I say good night, …', 'every weekday at seven …') are found by
their form, before they could be taken for commands; so are those with the name of one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from hub.skill import Conversation, Routines, Undo, Where, tool


@tool(
    risk="R1",
    undo="unmake",
    takes=timedelta(seconds=30),
    examples=[
        "when I say good night, turn off the lights",
        "every weekday at seven open the living room blinds",
        "whenever there is motion in the hallway, turn on the hallway light",
    ],
)
async def make(
    text: str, routines: Routines, where: Where, conversation: Conversation, undo: Undo
) -> str:
    """Make a routine: what is always done when something is said, at a time, or at an event."""
    return _told(await routines.make(text, where, conversation), routines, undo)


def _told(text: str, routines: Routines, undo: Undo) -> str:
    """What is said; where nothing was changed there is nothing to undo."""
    if not routines.changed:
        undo.nothing()
    return text


@tool(spoken=False)
async def unmake(routines: Routines) -> None:
    """Undo the last change of a routine."""
    routines.take_back()


@tool(risk="R1", undo="unmake", takes=timedelta(seconds=30))
async def change(
    name: str,
    text: str,
    routines: Routines,
    where: Where,
    conversation: Conversation,
    undo: Undo,
    how: Literal["add", "less", "replace"] = "add",
) -> str:
    """Change what a routine does."""
    told = await routines.change(name, how, text, where, conversation)
    return _told(told, routines, undo)


@tool(risk="R1", undo="unrun", takes=timedelta(seconds=60))
async def run(name: str, routines: Routines, where: Where) -> str:
    """Run a routine now."""
    return await routines.run(name, where)


@tool(spoken=False)
async def unrun(name: str, routines: Routines) -> None:
    """Put back what a routine did."""
    await routines.undo(name)


@tool(
    phrases={
        "en": [
            "(what|which) routines (do I have|are there|do you (have|know))",
            "(list|show|tell me|read) [me] [all] [(the|my|our)] routines",
            "do I have [any] routines",
            "what are my routines",
        ],
        "de": [
            "(welche|was für) Routinen (habe ich|gibt es|haben wir|kennst du)",
            "(nenne|nenn|zeige|zeig|lies) [mir] [(alle|die|meine)] Routinen [vor]",
            "habe ich [irgendwelche] Routinen",
        ],
    },
    examples=["what routines do I have"],
)
def listed(routines: Routines, where: Where) -> str:
    """Tell which routines there are."""
    return routines.listed(where)


@tool()
def describe(name: str, routines: Routines, where: Where) -> str:
    """Tell what a routine does."""
    return routines.describe(name, where)


@tool(risk="R1", undo="unmake")
async def remove(
    name: str, routines: Routines, where: Where, conversation: Conversation, undo: Undo
) -> str:
    """Delete a routine."""
    return _told(await routines.remove(name, where, conversation), routines, undo)


@tool(risk="R1", undo="unmake")
async def enable(name: str, routines: Routines, where: Where, undo: Undo) -> str:
    """Switch a routine on that was switched off."""
    return _told(await routines.enable(name, True, where), routines, undo)


@tool(risk="R1", undo="unmake")
async def disable(name: str, routines: Routines, where: Where, undo: Undo) -> str:
    """Switch a routine off, without forgetting it."""
    return _told(await routines.enable(name, False, where), routines, undo)
