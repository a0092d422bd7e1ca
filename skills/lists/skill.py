"""Shopping lists, to-do lists and any other: the hub's own, and those of Home Assistant.

Each list is an entity of the domain `todo`. A source that tells what is on a list has it in the
attribute `todo_items`; Home Assistant is asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from hub.skill import Conversation, Entities, Entity, Home, Lists, Say, Store, Where, tool

from .items import several

SHOPPING = (
    "shopping list",
    "shopping",
    "groceries",
    "grocery list",
    "grocery",
    "einkaufsliste",
    "einkaufszettel",
    "einkauf",
)
TASKS = (
    "to do list",
    "to-do list",
    "todo list",
    "to do",
    "to-do",
    "todo",
    "task list",
    "tasks",
    "aufgabenliste",
    "aufgaben",
    "to-do-liste",
    "to do liste",
)
DONE = "completed"
BULK = timedelta(seconds=30)
"""For what asks a list for one thing after the other."""
MOST_KEPT = 10
"""Changes that can still be undone."""


async def put_back(home: Home, store: Store) -> None:
    """Undo the last change of a list."""
    kept = await store.get("done", [])
    if not kept:
        return
    *left, last = kept
    await store.put("done", left)
    for entity_id, service, item in last:
        found = [each for each in home.find(domains=["todo"]) if each.entity_id == entity_id]
        match service:
            case "add_item":
                await home.call("todo.remove_item", found, item=item)
            case "remove_item":
                await home.call("todo.add_item", found, item=item)
            case "remove_done":
                await home.call("todo.add_item", found, item=item)
                await home.call("todo.update_item", found, item=item, status=DONE)
            case "update_item":
                await home.call("todo.update_item", found, item=item, status="needs_action")


@tool(
    "HassListAddItem",
    domains=["todo"],
    single=True,
    examples=["add milk to my shopping list", "add milk, eggs and bread to the shopping list"],
    takes=BULK,
    undo=put_back,
)
async def add(
    lists: Entities, home: Home, where: Where, store: Store, own: Lists, item: str
) -> Say | None:
    """Add one thing or several to a list."""
    known = lists[0]
    if title := _tasks_said(where.said, known):
        # A to-do list is any list to the rules: not if all there is are groceries.
        known = _called(title, home) or await own.create(_title(title, where)) or known
        told = await _add(known, item, home, where, store)
        return told or Say("added_to", items=[item], list=known.name)
    return await _add(known, item, home, where, store)


@tool("HassListCompleteItem", domains=["todo"], single=True, undo=put_back)
async def complete(
    lists: Entities, home: Home, store: Store, where: Where, item: str
) -> Say | None:
    """Check something off a list."""
    return await _change("todo.update_item", lists, item, home, where, store)


@tool("HassListRemoveItem", domains=["todo"], single=True, undo=put_back)
async def remove(lists: Entities, home: Home, store: Store, where: Where, item: str) -> Say | None:
    """Remove something from a list."""
    return await _change("todo.remove_item", lists, item, home, where, store)


@tool(
    "HassShoppingListAddItem",
    phrases={
        "en": ["(we're|we are|we ran|we've run|we have run) [(almost|nearly)] out of {item}"],
        "de": ["(uns ist|wir haben) (die|der|das|keine|keinen|kein) {item} (ausgegangen|mehr)"],
    },
    examples=["add bread to the shopping list"],
    takes=BULK,
    undo=put_back,
)
async def shop(home: Home, where: Where, store: Store, own: Lists, item: str) -> Say | None:
    """Add something to the shopping list."""
    known = await _shopping(home) or await own.create(
        where.say("Shopping List", de="Einkaufsliste")
    )
    return await _add(known, item, home, where, store) if known else Say("no_list")


@tool("HassShoppingListCompleteItem", undo=put_back)
async def bought(home: Home, where: Where, store: Store, item: str) -> Say | None:
    """Check something off the shopping list."""
    if (known := await _shopping(home)) is None:
        return Say("no_list")
    return await _change("todo.update_item", Entities([known]), item, home, where, store)


@tool(takes=BULK, undo=put_back, risk="R1")
async def add_to(
    home: Home,
    where: Where,
    store: Store,
    own: Lists,
    conversation: Conversation,
    item: str,
    title: str,
) -> Say | None:
    """Add something to a list that is not there yet."""
    if (known := _called(title, home)) is None:
        if _plain(title) not in TASKS and not await conversation.ask(
            Say("make_it", title=title), bool
        ):
            return Say("all_right")
        known = await own.create(_title(title, where))
    if known is None:
        return Say("no_more")
    told = await _add(known, item, home, where, store)
    return told or Say("added_to", items=[item], list=known.name)


@tool(
    risk="R1",
    final={
        "en": "The list is there now. Say which list to delete, and it is gone.",
        "de": "Die Liste gibt es jetzt. Sag, welche Liste ich löschen soll, dann ist sie weg.",
    },
)
async def create(home: Home, where: Where, own: Lists, title: str) -> Say:
    """Make a new list."""
    if known := _called(title, home):
        return Say("there_already", list=known.name)
    known = await own.create(_title(title, where))
    return Say("made", list=known.name) if known else Say("no_more")


@tool(
    domains=["todo"],
    single=True,
    confirm={
        "en": "Really take everything off the {names}?",
        "de": "Wirklich alles von {names} streichen?",
    },
    takes=BULK,
    undo=put_back,
)
async def clear(lists: Entities, home: Home, store: Store) -> Say:
    """Take everything off a list."""
    gone = await _gone(lists[0], home)
    done: list[tuple[str, str, str]] = []
    for item in gone:
        outcomes = await home.call("todo.remove_item", lists, item=item["summary"])
        if all(outcome.error is None for outcome in outcomes):
            service = "remove_done" if item.get("status") == DONE else "remove_item"
            done.append((lists[0].entity_id, service, item["summary"]))
    await _remember(done, store)
    if len(done) < len(gone):
        return Say("not_all", count=len(gone) - len(done), list=lists[0].name)
    return Say("cleared", count=len(done), list=lists[0].name)


@tool(
    domains=["todo"],
    single=True,
    confirm={
        "en": "Delete the {names} with all that is on it?",
        "de": "{names} mit allem löschen, was darauf steht?",
    },
    final={
        "en": "A list that was deleted is gone, with all that was on it.",
        "de": "Eine gelöschte Liste ist weg, mit allem, was darauf stand.",
    },
)
async def delete(lists: Entities, own: Lists) -> Say:
    """Delete a list of the hub's own."""
    gone = await own.delete(lists[0])
    return Say("deleted" if gone else "not_mine", list=lists[0].name)


@tool(risk="R0")
def which(home: Home) -> Say:
    """Tell which lists there are."""
    names = [each.name for each in home.find(domains=["todo"])]
    return Say("lists", lists=names) if names else Say("no_list")


@tool(risk="R0")
async def read(home: Home, where: Where, title: str = "shopping list") -> Say:
    """Tell what is on a list that is called otherwise, or is not there."""
    known = _called(title, home) or (await _shopping(home) if _plain(title) in SHOPPING else None)
    if known is None:
        return Say("no_such", title=title)
    left = await _left(known, home)
    if not left:
        return Say("empty", list=known.name)
    return Say("on_it", list=known.name, count=len(left), told=_told(left, where))


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
    undo=put_back,
)
async def take_off(
    lists: Entities, home: Home, where: Where, store: Store, item: str
) -> Say | None:
    """Remove something from whichever list it is on."""
    return await _change("todo.remove_item", lists, item, home, where, store)


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
    risk="R0",
)
async def needed(lists: Entities, home: Home, where: Where, verb: str | None = None) -> Say:
    """Tell what is to be done, or what of it is about something."""
    items = [item for each in lists for item in await _left(each, home)]
    wanted = _words(verb or "") - IDLE
    if wanted - EVERYTHING:
        found = [item for item in items if wanted & _words(item)]
    else:
        found = [item for item in items if wanted & _words(item)] or items
    return Say("told", told=_told(found, where)) if found else Say("nothing_like_it")


@tool(
    domains=["todo"],
    anywhere=True,
    risk="R0",
    phrases={
        "en": [
            "(is|are) [there] [any] {item} on [my|our|the] [{name}] list",
            "do (i|we) (have|need) {item} on [my|our|the] [{name}] list",
        ],
        "de": ["(ist|steht|stehen|sind) {item} auf (der|meiner|unserer) {name}"],
    },
)
async def listed(lists: Entities, home: Home, item: str, title: str = "") -> Say:
    """Tell whether something is on a list."""
    wanted = _stems(item)
    for each in lists:
        if wanted and any(wanted <= _stems(other) for other in await _left(each, home)):
            return Say("yes_on", list=each.name)
    return Say("no")


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
    undo=put_back,
)
async def check_off(
    lists: Entities, home: Home, where: Where, store: Store, item: str
) -> Say | None:
    """Check something off whichever list it is on."""
    return await _change("todo.update_item", lists, item, home, where, store)


LIST = frozenset(("list", "liste"))
IDLE = frozenset(
    "a an the my our some any of for to at in on from at store grocery supermarket shop der die das"
    " ein eine einen noch etwas".split()
)
"""Words that tell nothing of what a thing on a list is."""


async def _add(known: Entity, item: str, home: Home, where: Where, store: Store) -> Say | None:
    """Add what an item stands for to one list; None lets the hub tell what the list reports."""
    shopping = any(_plain(name) in SHOPPING for name in known.names)
    there = await _left(known, home)
    items = several(item, where.said, shopping=shopping)
    new = [each for each in items if not any(_same(each, other) for other in there)]
    done: list[tuple[str, str, str]] = []
    for each in new:
        outcomes = await home.call("todo.add_item", [known], item=each)
        if any(outcome.error for outcome in outcomes):
            await _remember(done, store)
            return None
        done.append((known.entity_id, "add_item", each))
    await _remember(done, store)
    if not new:
        return Say("on_it_already", items=items, count=len(items), list=known.name)
    return Say("added", items=new) if len(items) > 1 or new[0] != item else None


async def _change(
    service: str, lists: Iterable[Entity], item: str, home: Home, where: Where, store: Store
) -> Say | None:
    """Remove or check off what an item stands for, from whichever of the lists it is on."""
    done: list[tuple[str, str, str]] = []
    missed: list[str] = []
    known = [(each, await _left(each, home)) for each in lists]
    whole = any(_find(item, left) for _, left in known)
    for wanted in [item] if whole else several(item, where.said, shopping=True):
        for entity, left in known:
            if (found := _find(wanted, left)) is None:
                continue
            data = {"status": DONE} if service.endswith("update_item") else {}
            outcomes = await home.call(service, [entity], item=found, **data)
            if any(outcome.error for outcome in outcomes):
                await _remember(done, store)
                return None
            done.append((entity.entity_id, service.partition(".")[2], found))
            break
        else:
            missed.append(wanted)
    await _remember(done, store)
    if missed:
        only = known[0][0].name if len(known) == 1 else ""
        key = "not_on_it" if only else "on_no_list"
        return Say(key, items=missed, count=len(missed), list=only)
    key = "checked_off" if service.endswith("update_item") else "removed"
    return Say(key, items=[found for _, _, found in done], count=len(done))


async def _remember(done: list[tuple[str, str, str]], store: Store) -> None:
    """Keep what was done, for `put_back`; also when it was nothing, which is then undone."""
    kept = await store.get("done", [])
    await store.put("done", [*kept, [list(each) for each in done]][-MOST_KEPT:])


async def _items(thing: Entity, home: Home) -> list[Mapping[str, Any]]:
    """All that is on a list, done or not."""
    kept = home.state(thing).attributes.get("todo_items")
    if kept is None and home.state(thing).state not in ("0", "unavailable"):
        answer = await home.ask("todo.get_items", thing)
        kept = answer.get("items") if isinstance(answer, Mapping) else None
    items = [item if isinstance(item, Mapping) else {"summary": str(item)} for item in kept or ()]
    return [item for item in items if item.get("summary")]


async def _gone(thing: Entity, home: Home) -> list[Mapping[str, Any]]:
    """What `clear` takes off. Home Assistant does not show what is done, and keeps it."""
    items = await _items(thing, home)
    if home.state(thing).attributes.get("todo_items") is not None:
        return items
    return [item for item in items if item.get("status") != DONE]


async def _left(thing: Entity, home: Home) -> list[str]:
    """What is still to be done of a list."""
    items = await _items(thing, home)
    return [str(item["summary"]) for item in items if item.get("status") != DONE]


def _told(items: list[str], where: Where) -> str:
    told = ", ".join(items[:MOST])
    if more := len(items[MOST:]):
        told += where.say(f", and {more} more", de=f", und {more} weitere")
    return told


def _find(item: str, left: Iterable[str]) -> str | None:
    """The item that is meant: the same words, else the only one that has all the words."""
    wanted = _stems(item)
    alike = [other for other in left if wanted and wanted <= _stems(other)]
    only = alike[0] if len(alike) == 1 else None
    return next((other for other in alike if _same(item, other)), only)


def _same(one: str, other: str) -> bool:
    return _stems(one) == _stems(other) and bool(_stems(one))


def _stems(text: str) -> frozenset[str]:
    """The words that tell something, without the endings of a plural."""
    return frozenset(re.sub(r"(?<=\w\w\w)(es|s)$", "", word) for word in _words(text) - IDLE)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.casefold()))


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("-", " ").split())


def _tasks_said(said: str, known: Entity) -> str | None:
    """The word for a to-do list, if that was said and a list of groceries was found. What stands
    last names the list: 'add things to do to the shopping list'."""
    if not any(_plain(name) in SHOPPING for name in known.names):
        return None
    plain = f" {_plain(said)} "
    places = {word: plain.rfind(f" {_plain(word)} ") for word in (*TASKS, *SHOPPING)}
    last = max(places, key=lambda word: places[word])
    return last if last in TASKS and places[last] >= 0 else None


def _called(title: str, home: Home) -> Entity | None:
    """The list of a title, with or without the word 'list'."""
    if _plain(title) in TASKS:
        for each in home.find(domains=["todo"]):
            if any(_plain(name) in TASKS for name in each.names):
                return each
    wanted = _stems(title) - LIST
    for each in home.find(domains=["todo"]):
        if any(wanted and wanted == _stems(name) - LIST for name in each.names):
            return each
    return None


def _title(title: str, where: Where) -> str:
    """'packing' is called 'Packing List'."""
    if _plain(title) in TASKS:
        return where.say("To-do List", de="To-do-Liste")
    named = bool(_words(title) & LIST) or title.casefold().endswith("liste")
    said = " ".join(word[:1].upper() + word[1:] for word in title.split())
    return said if named else where.say(f"{said} List", de=f"{said}liste")


async def _shopping(home: Home) -> Entity | None:
    """The shopping list, by its name or because there is but one list."""
    lists = list(home.find(domains=["todo"]))
    named = [entity for entity in lists if {_plain(n) for n in entity.names} & set(SHOPPING)]
    found = named or (lists if len(lists) == 1 else [])
    return found[0] if found else None
