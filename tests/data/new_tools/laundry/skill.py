"""Knows the washing machine."""

from typing import Literal

from hub.skill import tool


@tool(phrases=["start a {programme} wash"], examples=["start a wool wash"])
def wash(programme: Literal["cotton", "wool", "quick", "delicate"]) -> str:
    """Start a programme of the washing machine."""
    return f"{programme}."


@tool(
    phrases=["how long does the washing machine take"],
    examples=["how long does the washing machine still take"],
)
def remaining() -> str:
    """Tell when the laundry in the washing machine is done."""
    return "Ten minutes."
