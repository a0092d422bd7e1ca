"""A diary of what is read."""

from typing import Annotated

from hub.skill import Range, tool


@tool(phrases=["I have read {count} pages"], examples=["I have read 20 pages"])
def pages(count: Annotated[int, Range(1, 2000)]) -> str:
    """Note how many pages of the book were read."""
    return f"{count}."


@tool(phrases=["what shall I read next"], examples=["what shall I read next"])
def suggest() -> str:
    """Suggest a book to read next."""
    return "Middlemarch."
