"""What can be said."""

from __future__ import annotations

from hub.skill import Area, Home, Tools, Where, tool

MOST = 4
"""As many examples are told."""


@tool(
    phrases={
        "en": [
            "help [me]",
            "what can (i|you) (say|do|ask) [here]",
            "what can (i|you) (say|do) in [the] {area}",
            "what (do|can) you (know|understand)",
        ],
        "de": ["hilfe", "was kann ich sagen", "was kannst du [(im|in der) {area}]"],
    },
    examples=["what can I say"],
)
def help(home: Home, tools: Tools, where: Where, area: Area | None = None) -> str:
    """Give examples of what can be said, for what there is in the home or in a room."""
    place = area.area_id if area else None
    there = {entity.domain for entity in home.find(area=place)}
    named = _about_devices(home, place, there)
    others = [spec.examples[0] for spec in tools.specs() if spec.examples and not spec.domains]
    examples = [*named, *(() if area else others)][:MOST]
    if not examples:
        return where.say("There is nothing I can do there.", de="Dort kann ich nichts tun.")
    told = ", ".join(f"'{example}'" for example in examples)
    return where.say(
        f"You can say for example: {told}.", de=f"Du kannst zum Beispiel sagen: {told}."
    )


def _about_devices(home: Home, place: str | None, domains: set[str]) -> list[str]:
    """One example for each kind of device, with the name of one that is there."""
    patterns = {
        "light": "turn on the {name}",
        "climate": "set the {name} to 21 degrees",
        "cover": "close the {name}",
        "lock": "lock the {name}",
        "media_player": "turn on the {name}",
        "fan": "turn on the {name}",
        "switch": "turn on the {name}",
        "scene": "activate {name}",
        "sensor": "what is the {name}",
    }
    found = []
    for domain, pattern in patterns.items():
        if domain in domains and (there := home.find(area=place, domains=[domain])):
            found.append(pattern.format(name=there[0].name))
    return found
