"""Looks after an aquarium."""

from typing import Annotated

from hub.skill import Range, tool


@tool(phrases=["feed the fish [{portions} portions]"], examples=["feed the fish two portions"])
def feed(portions: Annotated[int, Range(1, 9)] = 1) -> str:
    """Feed the fish in the aquarium."""
    return f"{portions}."


@tool(phrases=["how warm is the aquarium"], examples=["how warm is the water in the aquarium"])
def water() -> str:
    """Tell the temperature of the water in the aquarium."""
    return "25 degrees."
