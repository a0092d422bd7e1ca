"""Messages: to a room, to a person, to the phone."""

from __future__ import annotations

import re
from typing import Annotated

from hub.skill import (
    Area,
    Conversation,
    Domain,
    Entity,
    Home,
    Phone,
    Say,
    Speaker,
    Where,
    as_written,
    tool,
)

LONGEST = 500
"""Letters of a message."""
GONE = {
    "en": "What was said or sent cannot be taken back.",
    "de": "Was gesagt oder verschickt ist, lässt sich nicht zurückholen.",
}


@tool(final=GONE, examples=["tell the kitchen dinner is ready"])
async def to_room(room: Area, message: str, speaker: Speaker, where: Where) -> Say:
    """Say a message aloud in another room."""
    text = _message(message, where)
    if room.name == where.area:
        return Say("here", text=text)
    if not speaker.reaches(room.name):
        return Say("no_voice_there", room=room.name, text=text)
    await speaker.announce(_announced(text, where), area=room.name)
    return Say("told_room", room=room.name)


@tool(final=GONE, examples=["tell Sam that dinner is ready"])
async def to_person(
    person: Annotated[Entity, Domain("person")],
    message: str,
    phone: Phone,
    home: Home,
    where: Where,
) -> Say:
    """Send a message to somebody's phone."""
    text = _message(message, where)
    own = _notifier(person, home)
    if own is not None:
        done = await home.call("notify.send_message", [own], message=text)
        if any(outcome.error for outcome in done):
            return Say("not_sent")
    else:
        await phone.send(where.say(f"For {person.name}: {text}", de=f"Für {person.name}: {text}"))
    return Say("told_person", person=person.name)


@tool(final=GONE, examples=["send to my phone: buy a drill"])
async def to_phone(message: str, phone: Phone, where: Where) -> Say:
    """Send a text to the phone."""
    await phone.send(_message(message, where))
    return Say("sent")


@tool(final=GONE, examples=["send that to my phone"])
async def that_to_phone(phone: Phone, conversation: Conversation) -> Say:
    """Send what was said last to the phone."""
    if not conversation.last_reply:
        return Say("nothing_said")
    await phone.send(conversation.last_reply[:LONGEST])
    return Say("sent")


def _message(message: str, where: Where) -> str:
    """As it was said, with a capital."""
    text = " ".join(as_written(message, where.said).split()).strip(" ,;:")[:LONGEST]
    if re.search(r"\bdass\W+" + re.escape(text[:20]), where.said, re.IGNORECASE):
        return f"Ich soll ausrichten, dass {text}"  # a German clause has its verb at the end
    return text[:1].upper() + text[1:]


def _announced(text: str, where: Where) -> str:
    """With the room that it comes from, so that people know whom to answer."""
    stopped = text if text.endswith((".", "!", "?")) else f"{text}."
    if where.area is None:
        return where.say(f"A message: {stopped}", de=f"Eine Nachricht: {stopped}")
    return where.say(
        f"A message from the {where.area}: {stopped}", de=f"Eine Nachricht, {where.area}: {stopped}"
    )


def _notifier(person: Entity, home: Home) -> Entity | None:
    """What notifies this person's phone: its name has theirs."""
    wanted = {word for name in person.names for word in _words(name)}
    for each in home.find(domains=["notify"]):
        if wanted & {word for name in (*each.names, each.entity_id) for word in _words(name)}:
            return each
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
