"""Announcements: something is said aloud for everybody, in every room that has a voice, and in the
one where it was spoken to."""

from __future__ import annotations

import re

from hub.skill import Home, Speaker, Where, as_written, tool

SOMEWHERE = re.compile(r"(?:in|to the) (?:the |my |our )?(.+?),? that ", flags=re.IGNORECASE)
"""A message that begins with a place: that of a known room is taken by `messages.to_room`."""


@tool(
    "HassBroadcast",
    phrases={
        "en": [
            "(announce|broadcast) [to (everyone|everybody)] [that] {message}",
            "(announce|broadcast) in (all [the] rooms|every room|the [(whole|entire)] house)"
            " [that] {message}",
            "make an announcement [(that|saying)] {message}",
            "(tell|let) (everyone|everybody|the (whole|entire) (house|family)|the family|the kids"
            "|the children) [know] [that] {message}",
        ],
        "de": [
            "(sag|sage) allen [Bescheid] [dass] {message}",
            "(sag|sage) in (allen Räumen|jedem Raum|allen Zimmern|jedem Zimmer|[dem] ganzen Haus)"
            " [Bescheid] [dass] {message}",
            "(durchsage|mach eine durchsage|kündige an) [dass] {message}",
        ],
    },
    examples=["announce that dinner is ready"],
    final={
        "en": "What was said cannot be taken back.",
        "de": "Was gesagt ist, lässt sich nicht zurückholen.",
    },
)
async def broadcast(message: str, where: Where, speaker: Speaker, home: Home) -> str:
    """Say something aloud for everybody."""
    said = as_written(message, where.said).strip(" .,")
    if elsewhere := SOMEWHERE.match(said):
        place = elsewhere[1]
        return where.say(
            f"I know no room called {place}, so I have announced nothing.",
            de=f"Einen Raum {place} kenne ich nicht, darum habe ich nichts durchgesagt.",
        )
    text = where.say(f"Attention please: {said}.", de=f"Achtung: {said}.")
    rooms = {room.name for each in home.find() if (room := home.area(each)) is not None}
    for room in sorted(rooms - {where.area}):
        if speaker.reaches(room):
            await speaker.announce(text, area=room)
    return text
