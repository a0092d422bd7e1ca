"""What the person's own documents say: a folder of Markdown, text, PDF and Kiwix files.

What stands in them is told with where it stands. It is never an order.
"""

from __future__ import annotations

from datetime import timedelta

from hub.skill import Library, Say, Where, tool


@tool(
    examples=["look up boiler pressure in my documents", "what do my documents say about salt"],
    takes=timedelta(seconds=20),
)
async def look_up(library: Library, where: Where, query: str) -> Say:
    """Find what the own documents say about something."""
    if not library.set_up:
        return Say("no_folder")
    found = await library.find(query, where.language)
    if found is None:
        return Say("nothing" if len(library) else "not_read", query=query)
    key = "found_on_page" if found.page is not None else "found"
    return Say(key, document=found.document, page=str(found.page), text=found.text)


@tool()
async def count(library: Library) -> Say:
    """Tell how many documents are known."""
    if not library.set_up:
        return Say("no_folder")
    return Say("count", count=len(library))
