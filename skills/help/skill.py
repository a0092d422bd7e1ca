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
    named = _about_devices(home, place, there, where)
    others = OTHERS.get(where.language.split("-")[0]) or [
        spec.examples[0] for spec in tools.specs() if spec.examples and not spec.domains
    ]
    examples = [*named, *(() if area else others)][:MOST]
    if not examples:
        return where.say("There is nothing I can do there.", de="Dort kann ich nichts tun.")
    told = ", ".join(f"'{example}'" for example in examples)
    return where.say(
        f"You can say for example: {told}.", de=f"Du kannst zum Beispiel sagen: {told}."
    )


OTHERS = {"de": ["wie spät ist es", "welcher Tag ist heute", "was läuft gerade"]}
"""Language -> what can be said besides, where the tools' own examples are not in it."""

PATTERNS = {
    "light": ("turn on the {name}", "schalte {name} ein"),
    "climate": ("set the {name} to 21 degrees", "stelle {name} auf 21 Grad"),
    "cover": ("close the {name}", "schließe {name}"),
    "lock": ("lock the {name}", "schließe {name} ab"),
    "media_player": ("turn on the {name}", "schalte {name} ein"),
    "fan": ("turn on the {name}", "schalte {name} ein"),
    "switch": ("turn on the {name}", "schalte {name} ein"),
    "scene": ("activate {name}", "aktiviere {name}"),
    "sensor": ("what is the {name}", "was ist {name}"),
}
"""Domain -> what can be said of such a device, in English and in German."""


def _about_devices(home: Home, place: str | None, domains: set[str], where: Where) -> list[str]:
    """One example for each kind of device, with the name of one that is there."""
    found = []
    for domain, (english, german) in PATTERNS.items():
        if domain in domains and (there := home.find(area=place, domains=[domain])):
            found.append(where.say(english, de=german).format(name=there[0].name))
    return found
