"""Messages: to a room, to a person, to the phone."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
NEAR = re.compile(
    r"^(?:(?:in|to|im|ins|the|my|our|der|dem|den|die|das)\s+)+(?=\S)", flags=re.IGNORECASE
)
"""What stands before the name of a room."""
GONE = {
    "en": "What was said or sent cannot be taken back.",
    "de": "Was gesagt oder verschickt ist, lässt sich nicht zurückholen.",
}


@tool(final=GONE, examples=["tell the kitchen dinner is ready"])
async def to_room(room: Area, message: str, speaker: Speaker, home: Home, where: Where) -> Say:
    """Say a message aloud in another room."""
    written = as_written(message, where.said)
    begins = re.match(r"(?:and|und)\b", written, re.IGNORECASE)
    if listed := re.match(
        r"(.+?)\W+(?:Bescheid\W+)?(?:that|dass)\b\W*(.+)", written, re.IGNORECASE
    ):
        more = _listed(listed[1])
        if begins or any(_room(name, home) for name in more):
            return await _to_named([room.name, *more], listed[2], speaker, home, where)
    if begins:
        return Say("which_rooms")
    return await _to_rooms([room.name], message, speaker, where)


@tool(final=GONE, examples=["tell the kitchen and the office dinner is ready"])
async def to_rooms(
    first: Area,
    last: Area,
    message: str,
    speaker: Speaker,
    where: Where,
    second: Area | None = None,
    third: Area | None = None,
) -> Say:
    """Say a message aloud in several rooms, and in no others."""
    rooms = [room.name for room in (first, second, third, last) if room is not None]
    return await _to_rooms(rooms, message, speaker, where)


@tool(final=GONE, examples=["announce in the kitchen that dinner is ready"])
async def to_places(places: str, message: str, speaker: Speaker, home: Home, where: Where) -> Say:
    """Say a message aloud in the rooms that are named, or in none if one of them is no room."""
    named = _listed(as_written(places, where.said))
    return await _to_named(named, message, speaker, home, where)


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


async def _to_named(
    names: Sequence[str], message: str, speaker: Speaker, home: Home, where: Where
) -> Say:
    """To rooms by their names; where one is the name of no room, to nobody."""
    for name in names:
        if _room(name, home) is None:
            return Say("no_such_room", room=name)
    rooms = [room for name in names if (room := _room(name, home)) is not None]
    return await _to_rooms(rooms, message, speaker, where)


async def _to_rooms(rooms: Sequence[str], message: str, speaker: Speaker, where: Where) -> Say:
    text = _message(message, where)
    there = [room for room in dict.fromkeys(rooms) if room != where.area]
    reached = [room for room in there if speaker.reaches(room)]
    for room in reached:
        await speaker.announce(_announced(text, where), area=room)
    if silent := [room for room in there if room not in reached]:
        return Say("no_voice_there", room=silent, text=text)
    if len(there) < len(set(rooms)):
        return Say("here", text=text)
    return Say("told_room", room=reached)


def _listed(text: str) -> list[str]:
    """The names of 'the kitchen, the office and in the attic'."""
    parts = re.split(r"\W*,\W*|\b(?:and|und)\b", text, flags=re.IGNORECASE)
    return [name for part in parts if (name := NEAR.sub("", part.strip()))]


def _room(name: str, home: Home) -> str | None:
    """The room of this name, as the home spells it."""
    areas = (home.area(entity) for entity in home.find(area=name))
    return next((area.name for area in areas if area is not None), None)


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
