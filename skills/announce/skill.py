"""Announcements: something is said aloud for everybody.

The hub has one loudspeaker, in the room where it was spoken to: that is where it is said.
"""

from __future__ import annotations

from hub.skill import Where, tool


@tool(
    "HassBroadcast",
    phrases={
        "en": [
            "(announce|broadcast) [that] {message}",
            "make an announcement [(that|saying)] {message}",
            "(tell|let) (everyone|everybody|the (whole|entire) (house|family)|the family|the kids"
            "|the children) [know] [that] {message}",
        ],
        "de": [
            "(sag|sage) allen [Bescheid] [dass] {message}",
            "(durchsage|mach eine durchsage|kündige an) [dass] {message}",
        ],
    },
    examples=["announce that dinner is ready"],
)
def broadcast(message: str, where: Where) -> str:
    """Say something aloud for everybody."""
    said = message.strip()
    return where.say(f"Attention please: {said}.", de=f"Achtung: {said}.")
