"""Announcements: something is said aloud for everybody, in every room that has a voice, and in the
one where it was spoken to."""

from __future__ import annotations

from hub.skill import Home, Speaker, Where, as_written, tool


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
    final={
        "en": "What was said cannot be taken back.",
        "de": "Was gesagt ist, lässt sich nicht zurückholen.",
    },
)
async def broadcast(message: str, where: Where, speaker: Speaker, home: Home) -> str:
    """Say something aloud for everybody."""
    said = as_written(message, where.said).strip(" .,")
    text = where.say(f"Attention please: {said}.", de=f"Achtung: {said}.")
    rooms = {room.name for each in home.find() if (room := home.area(each)) is not None}
    for room in sorted(rooms - {where.area}):
        if speaker.reaches(room):
            await speaker.announce(text, area=room)
    return text
