"""A small home and its tools, for the tests of the router."""

from __future__ import annotations

from collections.abc import Sequence

from hub.config import RouterSettings
from hub.evaluate.homes import still_home
from hub.home.model import Home
from hub.messages import Call, Hypothesis, Intent, ToolSpec, Utterance
from hub.ports import Inventory, LanguageModel, SourceArea, SourceEntity, SourceFloor
from hub.router import Context, Router

PERCENT = {"type": "integer", "minimum": 0, "maximum": 100}
TARGETS = {slot: {"type": "string"} for slot in ("name", "area", "floor")}

INVENTORY = Inventory(
    floors=(SourceFloor("ground", "Ground Floor"), SourceFloor("first", "First Floor", 1)),
    areas=(
        SourceArea("kitchen", "Kitchen", "ground"),
        SourceArea("living_room", "Living Room", "ground", ("lounge",)),
        SourceArea("hall", "Hall", "ground"),
        SourceArea("bedroom", "Bedroom", "first"),
        SourceArea("kueche", "Küche", "ground"),
        SourceArea("salon", "Salon", "ground"),
    ),
    entities=(
        SourceEntity("light.kitchen", "Kitchen Light", "light", "kitchen"),
        SourceEntity("light.worktop", "Worktop Strip", "light", "kitchen"),
        SourceEntity("light.living_ceiling", "Ceiling Light", "light", "living_room"),
        SourceEntity("light.bedroom_ceiling", "Ceiling Light", "light", "bedroom"),
        SourceEntity("light.bedside", "Bedside Lamp", "light", "bedroom", aliases=("night light",)),
        SourceEntity("light.kueche", "Deckenlampe", "light", "kueche"),
        SourceEntity("light.salon", "Lampadaire", "light", "salon"),
        SourceEntity("fan.bedroom", "Bedroom Fan", "fan", "bedroom"),
        SourceEntity("cover.bedroom", "Bedroom Blinds", "cover", "bedroom", "blind"),
        SourceEntity("cover.garage", "Garage Door", "cover", "hall", "garage"),
        SourceEntity("lock.front", "Front Door", "lock", "hall"),
        SourceEntity("switch.coffee", "Coffee Maker", "switch", "kitchen"),
        SourceEntity("climate.living", "Smart Thermostat", "climate", "living_room"),
        SourceEntity("media_player.tv", "Samsung", "media_player", "living_room", "tv"),
    ),
)


def tool(
    name: str,
    domains: Sequence[str] = (),
    phrases: Sequence[str] = (),
    description: str = "",
    examples: Sequence[str] = (),
    required: Sequence[str] = (),
    **parameters: dict[str, object],
) -> ToolSpec:
    properties = {**(TARGETS if domains else {}), **parameters}
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(
        name,
        description or f"{name}.",
        schema,
        "test",
        tuple(domains),
        tuple(examples),
        {"en": tuple(phrases)} if phrases else {},
    )


SWITCHED = ("light", "fan", "switch", "media_player", "climate", "cover", "lock")

TOOLS = (
    tool("HassTurnOn", SWITCHED, description="Turn things on.", examples=["turn on the light"]),
    tool("HassTurnOff", SWITCHED, description="Turn things off.", examples=["turn off the fan"]),
    tool("HassLightSet", ["light"], brightness=PERCENT, color={"type": "string"}),
    tool("HassSetPosition", ["cover"], position=PERCENT),
    tool("HassClimateSetTemperature", ["climate"], temperature={"type": "number"}),
    tool("HassGetState", SWITCHED, state={"type": "string"}),
    tool("HassGetCurrentTime"),
    tool("HassMediaPause", ["media_player"]),
    tool(
        "lights.brighter",
        ["light"],
        ["[make it] brighter", "make [the] {name} brighter", "brighter in [the] {area}"],
    ),
    tool(
        "coffee.brew",
        (),
        ["brew {cups} (cup|cups) of {strength} coffee", "(brew|make) [some] coffee"],
        description="Brew coffee.",
        examples=["brew two cups of strong coffee"],
        cups={"type": "integer", "minimum": 1, "maximum": 12},
        strength={"enum": ["mild", "strong"]},
    ),
    tool(
        "notes.write",
        (),
        ["write down {text}", "note for [the] {room} {text}"],
        required=["text"],
        text={"type": "string"},
        room={"type": "string", "format": "area"},
    ),
    tool("chat.hear", (), ["can you hear me"]),
)


async def make_router(
    *,
    model: LanguageModel | None = None,
    languages: Sequence[str] = ("en",),
    inventory: Inventory = INVENTORY,
    tools: Sequence[ToolSpec] = TOOLS,
    confidence: float = 0.75,
) -> tuple[Router, Home]:
    home = await still_home(inventory)
    settings = RouterSettings(confidence=confidence)
    router = Router(home, tools, model=model, settings=settings, languages=languages)
    await router.prepare()
    return router, home


def utterance(*texts: str, language: str = "en", step: float = 0.1) -> Utterance:
    """Hypotheses of falling likelihood."""
    found = tuple(Hypothesis(text, -step * number) for number, text in enumerate(texts))
    return Utterance(found, language)


async def said(router: Router, *texts: str, language: str = "en", **context: object) -> Intent:
    return await router.route(utterance(*texts, language=language), Context(**context))


def calls(intent: Intent) -> list[tuple[str, dict[str, object]]]:
    return [(call.tool, dict(call.arguments)) for call in intent.calls]


def chosen(intent: Intent, answer: str) -> tuple[Call, ...]:
    return intent.choices[answer]
