"""What no model may make of the words, however sure it is.

A question that starts a scene, 'off' for 'on', a whole room for one thing that it has no verb for.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.home.model import normal
from hub.messages import Call
from hub.router.model import contradicted
from hub.router.places import Places
from hub.router.unseen import only_asks
from hub.router.words import Words

STARTED = ("button", "input_button", "scene", "script")
"""Domains of what can only be started: the one thing that a model knows to do with it, whatever was
said of it."""


def beyond(calls: Sequence[Call], text: str, places: Places, words: Words) -> str | None:
    """Why a call goes beyond the words; None if it does not. Of several calls the words of one may
    be meant for another, so they are not judged."""
    said = f" {normal(text)} "
    for word in words.overlooked if calls else ():
        if f" {word} " in said and not places.is_place(word):
            return f"'{word}' is not understood"
    if len(calls) != 1:
        return None
    (call,) = calls
    if contradicted(call.tool, text, words):
        return "the words say the opposite"
    entity = places.entities.get(str(call.arguments.get("name")))
    if entity and entity.domain in STARTED and only_asks(text, words.language):
        return f"a question does not start '{entity.name}'"
    if call.tool == "everything.off" and (name := _named(text, places)):
        return f"'{name}' is not everything"
    return None


def _named(text: str, places: Places) -> str | None:
    """A thing that was named, by a name that no room or floor has."""
    said = f" {normal(text)} "
    return next(
        (
            entity.name
            for entity in places.entities.values()
            for name in entity.names
            if f" {normal(name)} " in said and not places.is_place(name)
        ),
        None,
    )
