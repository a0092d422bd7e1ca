"""Shopping and to-do lists."""

from __future__ import annotations

from hub.skill import Entities, Home, Where, tool

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


@tool("HassShoppingListAddItem", examples=["add bread to the shopping list"])
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


def _shopping(home: Home) -> Entities:
    """The shopping list, by its name or because there is but one list."""
    lists = home.find(domains=["todo"])
    named = [entity for entity in lists if {n.lower() for n in entity.names} & set(SHOPPING)]
    return Entities((named or list(lists))[:1] if named or len(lists) == 1 else ())
