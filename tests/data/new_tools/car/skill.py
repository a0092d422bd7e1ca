"""An electric car."""

from hub.skill import Percent, tool


@tool(phrases=["charge the car to {level} percent"], examples=["charge the car to 80 percent"])
def charge(level: Percent) -> str:
    """Charge the electric car up to a level."""
    return f"{level}."


@tool(phrases=["how far can the car go"], examples=["how far can the car go"])
def distance() -> str:
    """Tell how many kilometres the car can drive with its battery."""
    return "200 km."
