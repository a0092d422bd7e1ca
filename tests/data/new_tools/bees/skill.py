"""A beekeeper's notes."""

from hub.skill import tool


@tool(
    phrases=["when was the beehive inspected"],
    examples=["when was the beehive inspected the last time"],
)
def inspected() -> str:
    """Tell when somebody looked into the beehive last."""
    return "In May."


@tool(phrases=["we harvested {kilos} kilos of honey"], examples=["we harvested 4 kilos of honey"])
def harvest(kilos: float) -> str:
    """Write down how much honey was harvested."""
    return f"{kilos}."
