"""Follows parcels."""

from datetime import date

from hub.skill import tool


@tool(phrases=["which parcels come {day}"], examples=["which parcels come tomorrow"])
def expected(day: date) -> str:
    """Tell which parcels are delivered on a day."""
    return f"None on {day}."


@tool(phrases=["I ordered something from {shop}"], examples=["I ordered something from the bakery"])
def ordered(shop: str) -> str:
    """Remember that a parcel from a shop is on its way."""
    return f"{shop}."
