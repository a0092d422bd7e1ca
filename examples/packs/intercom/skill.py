"""From room to room: 'tell the kitchen that dinner is ready'."""

from __future__ import annotations

from hub.skill import Area, Conversation, Say, Speaker, Where, tool


@tool(examples=["tell the kitchen that dinner is ready"])
async def tell(room: Area, message: str, speaker: Speaker, where: Where) -> Say:
    """Say something in another room."""
    return await _told(room, message, speaker, where)


@tool(examples=["call the kitchen"])
async def call(room: Area, conversation: Conversation, speaker: Speaker, where: Where) -> Say:
    """Ask what is to be said in another room, and say it there."""
    message = await conversation.ask(Say("what", room=room.name))
    return await _told(room, message, speaker, where)


async def _told(room: Area, message: str, speaker: Speaker, where: Where) -> Say:
    said = message.strip().rstrip(".")
    here = where.area
    text = Say("from", room=here, message=said) if here else Say("message", message=said)
    await speaker.announce(text, area=room.name)
    return Say("told", room=room.name)
