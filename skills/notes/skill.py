"""Notes: taken, read, found and deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hub.skill import Clock, Conversation, Say, Store, Where, as_written, tool

MOST = 200
"""Notes that are kept."""
LONGEST = 1000
"""Letters of one."""
READ = 5
"""Notes that are read at once, the newest first."""
KEY = "notes"
IDLE = frozenset(
    "a an the my our of for to in on at and is was note notes about with der die das ein eine den"
    " dem und ist war notiz notizen über von zu mit".split()
)

Note = dict[str, Any]


@tool(examples=["take a note the drill is in the attic"], risk="R1")
async def take(
    store: Store, clock: Clock, where: Where, conversation: Conversation, text: str = ""
) -> Say:
    """Take a note."""
    told = as_written(text, where.said) if text else await conversation.ask(Say("what"))
    kept = await _notes(store)
    if len(kept) >= MOST:
        return Say("full", count=MOST)
    note = {"text": _tidy(told), "at": clock.now().isoformat(timespec="minutes")}
    if where.person:
        note["person"] = where.person
    await store.put(KEY, [*kept, note])
    return Say("taken", text=note["text"])


@tool(examples=["put that in a note"], risk="R1")
async def keep(store: Store, clock: Clock, where: Where, conversation: Conversation) -> Say:
    """Keep what the hub has said last as a note."""
    if not conversation.last_reply:
        return Say("nothing_said")
    return await take(store, clock, where, conversation, conversation.last_reply)


@tool(examples=["read my notes"])
async def read(store: Store, where: Where) -> Say:
    """Read the notes, the newest first."""
    kept = await _notes(store, where)
    if not kept:
        return Say("none")
    return _told(list(reversed(kept)), where)


@tool(examples=["read my last note"])
async def last(store: Store, where: Where) -> Say:
    """Read the newest note."""
    kept = await _notes(store, where)
    return Say("one", text=kept[-1]["text"]) if kept else Say("none")


@tool(examples=["find the note about the drill"])
async def find(store: Store, where: Where, query: str) -> Say:
    """Find notes about something."""
    found = _about(query, await _notes(store, where))
    return _told(found, where) if found else Say("none_about", query=query)


@tool(examples=["delete the note about the drill"], risk="R1")
async def delete(store: Store, where: Where, conversation: Conversation, query: str = "") -> Say:
    """Delete a note: the newest, or the one about something."""
    kept = await _notes(store)
    own = [note for note in kept if _of(note, where)]
    found = _about(query, own) if query else own[-1:]
    if not found:
        return Say("none_about", query=query) if query else Say("none")
    note = found[0]
    if not await conversation.ask(Say("delete", text=_short(note["text"])), bool):
        return Say("kept")
    await store.put(KEY, [each for each in await _notes(store) if each != note])
    return Say("deleted")


@tool(risk="R1", examples=["delete all my notes"])
async def delete_all(store: Store, where: Where, conversation: Conversation) -> Say:
    """Delete all notes, after asking."""
    kept = await _notes(store)
    gone = [note for note in kept if _of(note, where)]
    if not gone:
        return Say("none")
    if not await conversation.ask(Say("delete_all", count=len(gone)), bool):
        return Say("kept")
    await store.put(KEY, [note for note in kept if note not in gone])
    return Say("all_deleted", count=len(gone))


async def _notes(store: Store, where: Where | None = None) -> list[Note]:
    """The notes, the oldest first; of a person who is known, theirs and nobody's."""
    kept: list[Note] = await store.get(KEY, [])
    return [note for note in kept if where is None or _of(note, where)]


def _of(note: Note, where: Where) -> bool:
    return where.person is None or note.get("person") in (None, where.person)


def _told(notes: Sequence[Note], where: Where) -> Say:
    """Some of them, one after the other."""
    texts = [note["text"].rstrip(".") for note in notes[:READ]]
    if len(texts) == 1:
        return Say("one", text=texts[0])
    more = len(notes) - len(texts)
    told = ". ".join(texts)
    return Say("several_more" if more else "several", count=len(notes), more=more, told=told)


def _about(query: str, notes: Sequence[Note]) -> list[Note]:
    """Notes that have all the words, else those with the most of them; the newest first."""
    wanted = _stems(query)
    if not wanted:
        return []
    ranked = [(len(wanted & _stems(note["text"])), note) for note in reversed(notes)]
    best = max((count for count, _ in ranked), default=0)
    return [note for count, note in ranked if count == best] if best else []


def _stems(text: str) -> frozenset[str]:
    words = set(re.findall(r"[^\W_]+", text.casefold())) - IDLE
    return frozenset(re.sub(r"(?<=\w\w\w)(es|s|en|n|e)$", "", word) for word in words)


def _tidy(text: str) -> str:
    plain = " ".join(text.split())[:LONGEST].strip(" ,;:").removesuffix(".")
    return plain[:1].upper() + plain[1:]


def _short(text: str) -> str:
    words = text.split()
    return " ".join(words[:8]) + (" …" if len(words) > 8 else "")
