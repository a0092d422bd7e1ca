"""Shopping and to-do lists."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hub.skill import Entities, Entity, Home, Where, tool

SHOPPING = ("shopping list", "groceries", "shopping", "einkaufsliste")


@tool("HassListAddItem", domains=["todo"], single=True, examples=["add milk to my shopping list"])
async def add(lists: Entities, home: Home, item: str) -> None:
    """Add something to a list."""
    await home.call("todo.add_item", lists, item=item)


@tool("HassListCompleteItem", domains=["todo"], single=True)
async def complete(lists: Entities, home: Home, item: str) -> None:
    """Check something off a list."""
    await home.call("todo.update_item", lists, item=item, status="completed")


@tool("HassListRemoveItem", domains=["todo"], single=True)
async def remove(lists: Entities, home: Home, item: str) -> None:
    """Remove something from a list."""
    await home.call("todo.remove_item", lists, item=item)


@tool(
    "HassShoppingListAddItem",
    phrases={
        "en": ["(we're|we are|we ran|we've run|we have run) [(almost|nearly)] out of {item}"],
        "de": ["(uns ist|wir haben) (die|der|das|keine|keinen|kein) {item} (ausgegangen|mehr)"],
    },
    examples=["add bread to the shopping list"],
)
async def shop(home: Home, where: Where, item: str) -> str | None:
    """Add something to the shopping list."""
    if not (lists := _shopping(home)):
        return where.say("There is no shopping list.", de="Es gibt keine Einkaufsliste.")
    await home.call("todo.add_item", lists, item=item)
    return None


@tool("HassShoppingListCompleteItem")
async def bought(home: Home, where: Where, item: str) -> str | None:
    """Check something off the shopping list."""
    if not (lists := _shopping(home)):
        return where.say("There is no shopping list.", de="Es gibt keine Einkaufsliste.")
    await home.call("todo.update_item", lists, item=item, status="completed")
    return None


@tool(
    domains=["todo"],
    anywhere=True,
    phrases={
        "en": [
            "(take|scratch|get) {item} off [(the|my|our) list] [again]",
            "(remove|delete|drop) {item} (again|from (the|my|our) list|from my lists)",
        ],
        "de": ["(nimm|streich|streiche) {item} wieder (runter|weg)"],
    },
)
async def take_off(lists: Entities, home: Home, where: Where, item: str) -> str | None:
    """Remove something from whichever list it is on."""
    wanted = _words(item) - IDLE
    for each in lists:
        for other in _left(each, home):
            if wanted and wanted == _words(other) - IDLE:
                done = await home.call("todo.remove_item", [each], item=other)
                if all(outcome.confirmed for outcome in done):
                    return where.say(f"Removed {other}.", de=f"{other} ist entfernt.")
                return None
    return where.say(f"{item} is on no list.", de=f"{item} steht auf keiner Liste.")


EVERYTHING = frozenset("do buy get complete finish remember take care of pick up".split())
"""Verbs that ask for all that is on a list."""
MOST = 8
"""Of as many things it is told."""


@tool(
    domains=["todo"],
    anywhere=True,
    phrases={
        "en": [
            "(what|who) [all] do (i|we) (need|have|got) to {verb}",
            "(what's|whats|what is|who is|who's|what) [is] on [my|our|the] {name} [list] to {verb}",
            "(what|which) (chores|tasks|to dos|todos|errands|jobs|things) [around the house]"
            " (do (i|we) (need|have) [left] [to (do|complete|finish|get done)]|are left"
            "|are [there] [left] to (do|complete))",
            "what do (i|we) need (from|at) the (store|shop|supermarket|grocery store|market)",
            "what (is|are) there [left] to {verb}",
        ],
        "de": [
            "(was|wen) (muss|müssen) (ich|wir) [noch] {verb}",
            "(welche|was für) Aufgaben (habe ich|haben wir|gibt es) [noch]",
            "was brauchen wir [noch] [(aus dem Supermarkt|vom Einkaufen)]",
        ],
    },
    examples=["what do I need to buy"],
)
def needed(lists: Entities, home: Home, where: Where, verb: str | None = None) -> str:
    """Tell what is to be done, or what of it is about something."""
    items = [item for each in lists for item in _left(each, home)]
    wanted = _words(verb or "") - IDLE
    if wanted - EVERYTHING:
        found = [item for item in items if wanted & _words(item)]
    else:
        found = [item for item in items if wanted & _words(item)] or items
    if not found:
        return where.say(
            "There is nothing like that on your lists.", de="So etwas steht auf keiner Liste."
        )
    told = ", ".join(found[:MOST])
    if more := len(found[MOST:]):
        told += where.say(f", and {more} more", de=f", und {more} weitere")
    return f"{told}."


@tool(
    domains=["todo"],
    anywhere=True,
    phrases={
        "en": [
            "(is|are) [there] [any] {item} on [my|our|the] [{name}] list",
            "do (i|we) (have|need) {item} on [my|our|the] [{name}] list",
        ],
        "de": ["(ist|steht|stehen|sind) {item} auf (der|meiner|unserer) {name}"],
    },
)
def listed(lists: Entities, home: Home, where: Where, item: str) -> str:
    """Tell whether something is on a list."""
    wanted = _words(item) - IDLE
    for each in lists:
        if any(wanted and wanted <= _words(other) for other in _left(each, home)):
            return where.say(f"Yes, on the {each.name}.", de=f"Ja, auf: {each.name}.")
    return where.say("No.", de="Nein.")


@tool(
    domains=["todo"],
    anywhere=True,
    phrases={
        "en": [
            "(check|tick|cross|strike|scratch) off {item}",
            "(check|tick|cross|mark|strike|scratch) {item} (off|as done|as complete)",
            "(i|we) [(have|just|already)] (bought|got|picked up|finished|completed) [the] {item}",
        ],
        "de": ["(hak|hake|streich|streiche) {item} (ab|von der Liste)"],
    },
    examples=["check off bread"],
)
async def check_off(lists: Entities, home: Home, where: Where, item: str) -> str | None:
    """Check something off whichever list it is on."""
    wanted = _words(item) - IDLE
    for each in lists:
        for other in _left(each, home):
            if wanted and wanted == _words(other) - IDLE:
                done = await home.call("todo.update_item", [each], item=other, status="completed")
                if all(outcome.confirmed for outcome in done):
                    return where.say(f"Checked off {other}.", de=f"{other} ist abgehakt.")
                return None
    return where.say(f"{item} is on no list.", de=f"{item} steht auf keiner Liste.")


IDLE = frozenset(
    "a an the my our some any of for to at in on from at store grocery supermarket shop der die das"
    " ein eine einen noch etwas".split()
)
"""Words that tell nothing of what a thing on a list is."""


def _left(thing: Entity, home: Home) -> list[str]:
    """What is still to be done of a list."""
    kept: Iterable[object] = home.state(thing).attributes.get("todo_items") or ()
    items = [item if isinstance(item, dict) else {"summary": str(item)} for item in kept]
    return [str(item["summary"]) for item in items if item.get("status") != "completed"]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.casefold()))


def _shopping(home: Home) -> Entities:
    """The shopping list, by its name or because there is but one list."""
    lists = home.find(domains=["todo"])
    named = [entity for entity in lists if {n.lower() for n in entity.names} & set(SHOPPING)]
    return Entities((named or list(lists))[:1] if named or len(lists) == 1 else ())
