"""Lights: on, off, brightness, colour, and shades of white."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from hub.skill import Entities, Entity, Home, Kelvin, Percent, Where, by_a_bit, tool

STEP = 25
"""Per cent of full brightness that 'brighter' and 'dimmer' mean."""
LEVEL = "(brightness|light level|lighting|light intensity|intensity|light power)"
"""What is more or less where light is."""
VERY = "(too|so|very|really|a bit|a little|rather|quite)"
WHEEL = ((0, "red"), (30, "orange"), (60, "yellow"), (120, "green"), (240, "blue"), (300, "purple"))
"""Hues in degrees, and what they are called: 'another colour' goes from one to the next."""
NEAR_HUE = 15
"""Degrees within which two hues look alike."""
SHADE = 600
"""Degrees Kelvin that a warmer or cooler white is away."""
WHITE = 4000
"""Those of a lamp that does not say which white it shows."""
DIM = 5
"""Per cent below which 'dimmer' does not go: that would be off."""


@tool("HassTurnOn", domains=["light"], examples=["turn on the kitchen lights"])
async def turn_on(lights: Entities, home: Home) -> None:
    """Turn lights on."""
    await home.call("light.turn_on", lights)


@tool("HassTurnOff", domains=["light"], examples=["turn off the floor lamp"])
async def turn_off(lights: Entities, home: Home) -> None:
    """Turn lights off."""
    await home.call("light.turn_off", lights)


@tool(
    "HassLightSet",
    domains=["light"],
    examples=["set the bedroom lights to 40 percent", "make the floor lamp blue"],
)
async def set_light(
    lights: Entities,
    home: Home,
    where: Where,
    brightness: Percent | None = None,
    color: str | None = None,
    temperature: Kelvin | None = None,
) -> str | None:
    """Set the brightness, colour or colour temperature of lights."""
    wanted = {
        "brightness_pct": brightness,
        "color_name": color,
        "color_temp_kelvin": temperature,
    }
    if not any(value is not None for value in wanted.values()):
        return where.say("To which brightness or colour?", de="Welche Helligkeit oder Farbe?")
    able = [light for light in lights if _able(home, light, wanted)]
    await home.call("light.turn_on", able or lights, **wanted)
    return None


def _able(home: Home, light: Entity, wanted: Mapping[str, object]) -> bool:
    """Whether a light can do what is wanted; in a room the plain ones are left alone."""
    modes = set(home.state(light).attributes.get("supported_color_modes") or ("hs", "color_temp"))
    if wanted.get("color_name") is not None:
        return bool(modes & {"hs", "rgb", "rgbw", "rgbww", "xy"})
    if wanted.get("color_temp_kelvin") is not None:
        return "color_temp" in modes
    return modes != {"onoff"}


@tool(
    domains=["light"],
    phrases={
        "en": by_a_bit(
            [
                "(make|turn) [the] {name} [<bit>] brighter",
                "brighten [the] {name} [<bit>]",
                "turn [the] {name} up",
                "turn up [the] {name}",
                "turn up [the] (lights|light) [(in|on) [the] {area}]",
                "turn [the] (lights|light) up [(in|on) [the] {area}]",
                "[make] [the] (lights|light) [<bit>] brighter [in [the] {area}]",
                "brighten [the] (lights|light) [<bit>] [in [the] {area}]",
                "(bright|bright up) [the] (lights|light|lamps|lamp|room)",
                "make [the] (lights|light|lamps|lamp|room) [<bit>] more bright",
                "(make|turn) [the] {area} [(lights|light)] [<bit>] brighter",
                "[make it] [<bit>] brighter [in [the] {area}]",
                "(brighten|turn up) [(all|all of)] [the] (lights|light|lamps) [on [the]] {floor}",
                "make [the] (lights|light|lamps) [on [the]] {floor} brighter",
                "make [the] {floor} (lights|light|lamps) brighter",
                "brighten everything [in (here|[the] {area})]",
                f"([it is|it's] {VERY}|(it is|it's)) dark [(here|in (here|[the] {{area}}))]",
                f"(it is|it's) [{VERY}] (gloomy|dim|murky|dingy|pitch black|pitch dark)"
                " [(here|in (here|[the] {area}))]",
                f"[the] {{name}} is {VERY} (dim|dark|faint|weak)",
                "[the] {name} (is not|isn't) bright enough",
                f"(the|these|those) (lights|lamps) [in (here|[the] {{area}})] are {VERY}"
                " (dim|dark|faint|weak)",
                "(i|we) (can't|cannot|can not|can hardly|can barely) see [(what i'm doing"
                "|where i'm going|my hand)] in (here|[the] {area})",
                "((may|can|could) (i|we) (have|get)|give me|give us|let's have|i need|we need"
                "|i want|i'd like) [(some|a bit|a little)] more light"
                " (in|on|at|over|for) (here|[the] {area}|[the] {name})",
                "(i|we) (can't|cannot|can not|can hardly|can barely) see (anything|a thing|much)"
                " [(here|in (here|[the] {area}))]",
                "more light [in (here|[the] {area})]",
                "[(there's|there is)] not enough light [(here|in (here|[the] {area}))]",
                f"(increase|raise|boost|turn up|lift) [the] {LEVEL} [(of|on|for) [the] {{name}}]",
                f"(increase|raise|boost|turn up|lift) [the] {LEVEL} [(in|of|for) [the] {{area}}]",
                "(increase|raise|boost|brighten up) [the] (lights|light|lamps|lamp)"
                " [in [the] {area}]",
                "(increase|raise|boost) [the] (brightness|intensity|level) of [the]"
                " (lights|light|lamps|lamp) [in [the] {area}]",
                "(increase|raise|boost|brighten up) [the] {name}",
                "(brighten|brighten up|lighten) [the] ({area}|room|place)",
                "(lights|light) up",
                "(give me|i need|i want|i'd like|we need) [(some|a bit|a little)] more"
                " (light|lights)",
                "(this|that|the room|[the] {area}) is (too|so|very|really) dark",
                "make [(the|this|a|my)] room brighter",
                "not bright enough",
                "(make|turn) [the] {name} {step} [(percent|%)] brighter",
                "(make|turn) [the] (lights|light|lamps|lamp) {step} [(percent|%)] brighter"
                " [in [the] {area}]",
                f"(increase|raise|boost|turn up) [the] {LEVEL} [(of|on|for) [the] {{name}}]"
                " by {step} [(percent|%)]",
                f"(increase|raise|boost|turn up) [the] {LEVEL} [(in|of|for) [the] {{area}}]"
                " by {step} [(percent|%)]",
                "(brighten|turn up) [the] {name} by {step} [(percent|%)]",
                "(brighten|turn up) [the] (lights|light|lamps|lamp) by {step} [(percent|%)]",
            ]
        ),
        "de": [
            "[mach[e]] [(das|die|den)] {name} [(etwas|ein bisschen)] heller",
            "[mach[e]] [(das|die)] (Licht|Lichter) [(im|in der) {area}] [etwas] heller",
            "[(etwas|ein bisschen)] heller",
            "es ist [(so|zu|sehr)] dunkel [(hier|(im|in der) {area})]",
            "[(ich|wir)] [brauche[n]] mehr Licht [(hier|(im|in der) {area})]",
            "(erhöh[e]|steiger[e]) die Helligkeit [(im|in der|von) {area}]",
            "mach[e] (es|den Raum|das Zimmer) [(hier|(im|in der) {area})] heller",
            "nicht hell genug",
            "mach[e] [(das|die|den)] {name} [um] {step} [(Prozent|%)] heller",
        ],
    },
    examples=["make the floor lamp brighter"],
)
async def brighter(lights: Entities, home: Home, step: Percent = STEP) -> None:
    """Make lights brighter."""
    await _step(lights, home, step)


@tool(
    domains=["light"],
    phrases={
        "en": by_a_bit(
            [
                "(make|turn) [the] {name} [<bit>] (dimmer|darker)",
                "dim [the] {name} [<bit>]",
                "turn [the] {name} down",
                "turn down [the] {name}",
                "turn down [the] (lights|light) [(in|on) [the] {area}]",
                "turn [the] (lights|light) down [(in|on) [the] {area}]",
                "dim [the] (lights|light) [<bit>] [in [the] {area}]",
                "dim [the] {area} (lights|light) [<bit>]",
                "[make] [the] (lights|light) [<bit>] (dimmer|darker) [in [the] {area}]",
                "(make|turn) [the] {area} [(lights|light)] [<bit>] (dimmer|darker)",
                "[make it] [<bit>] (dimmer|darker) [in [the] {area}]",
                "(dim|turn down) [(all|all of)] [the] (lights|light|lamps) [on [the]] {floor}",
                "make [the] (lights|light|lamps) [on [the]] {floor} (dimmer|darker)",
                "make [the] {floor} (lights|light|lamps) (dimmer|darker)",
                "dim [the] {floor} (lights|light|lamps)",
                "dim everything [in (here|[the] {area})]",
                f"([it is|it's] {VERY}|(it is|it's)) bright [(here|in (here|[the] {{area}}))]",
                f"[the] {{name}} is {VERY} (bright|harsh|glaring|strong)",
                "[the] {name} is (blinding|dazzling|hurting|killing) (me|us|my eyes)",
                f"(the|these|those) (lights|lamps) [in (here|[the] {{area}})] are {VERY}"
                " (bright|harsh|glaring|strong)",
                "(the|these|those|this) (lights|lamps|light|lamp) [in (here|[the] {area})]"
                " (are|is) (blinding|dazzling|hurting|killing) (me|us|my eyes)",
                "less light [in (here|[the] {area})]",
                f"(decrease|reduce|lower|turn down|soften) [the] {LEVEL}"
                " [(of|on|for) [the] {name}]",
                f"(decrease|reduce|lower|turn down|soften) [the] {LEVEL}"
                " [(in|of|for) [the] {area}]",
                "(decrease|reduce|lower|soften|dim down) [the] (lights|light|lamps|lamp)"
                " [in [the] {area}]",
                "(decrease|reduce|lower) [the] (brightness|intensity|level) of [the]"
                " (lights|light|lamps|lamp) [in [the] {area}]",
                "make [the] (lights|light|lamps|lamp|room) [<bit>] less bright",
                "(decrease|reduce|soften|dim down) [the] {name}",
                "(dim|darken) [the] ({area}|room|place)",
                "(lights|light) down",
                "(this|that|the room|[the] {area}) is too bright",
                "make [(the|this|a|my)] room (dimmer|darker)",
                "[make it] (less|not so) bright [in (here|[the] {area})]",
                "(make|turn) [the] {name} {step} [(percent|%)] (dimmer|darker)",
                "(make|turn) [the] (lights|light|lamps|lamp) {step} [(percent|%)] (dimmer|darker)"
                " [in [the] {area}]",
                f"(decrease|reduce|lower|turn down) [the] {LEVEL} [(of|on|for) [the] {{name}}]"
                " by {step} [(percent|%)]",
                f"(decrease|reduce|lower|turn down) [the] {LEVEL} [(in|of|for) [the] {{area}}]"
                " by {step} [(percent|%)]",
                "(dim|turn down) [the] {name} by {step} [(percent|%)]",
                "(dim|turn down) [the] (lights|light|lamps|lamp) by {step} [(percent|%)]",
            ]
        ),
        "de": [
            "[mach[e]] [(das|die|den)] {name} [(etwas|ein bisschen)] dunkler",
            "dimm[e] [(das|die|den)] {name}",
            "dimm[e] [(das|die)] (Licht|Lichter) [(im|in der) {area}]",
            "[mach[e]] [(das|die)] (Licht|Lichter) [(im|in der) {area}] [etwas] dunkler",
            "[(etwas|ein bisschen)] dunkler",
            "es ist [(so|zu|sehr)] hell [(hier|(im|in der) {area})]",
            "weniger Licht [(hier|(im|in der) {area})]",
            "(verringer[e]|reduzier[e]|senk[e]) die Helligkeit [(im|in der|von) {area}]",
            "mach[e] (es|den Raum|das Zimmer) [(hier|(im|in der) {area})] dunkler",
            "(nicht so|weniger) hell",
            "mach[e] [(das|die|den)] {name} [um] {step} [(Prozent|%)] dunkler",
        ],
    },
    examples=["dim the lights"],
)
async def dimmer(lights: Entities, home: Home, where: Where, step: Percent = STEP) -> str | None:
    """Make lights dimmer."""
    if all(home.state(light).state == "off" for light in lights):
        if len(lights) > 1:
            return where.say("They are off.", de="Die sind aus.")
        name = lights[0].name
        return where.say(f"The {name} is off.", de=f"{name} ist aus.")
    await _step(lights, home, -step)
    return None


@tool(
    domains=["light"],
    phrases={
        "en": [
            "(change|switch|shuffle) [the] [light] (color|colour|colors|colours)"
            " [(of|on|for) [the] (lights|light|lamps|lamp)] [in [the] {area}]",
            "(change|switch|shuffle) [the] (lights|light|lamps|lamp) (color|colour|colors|colours)",
            "(activate|give me|use|choose|pick|show me|i want|try|switch to) (a different|another"
            "|some other|a random|some random|a new) [light] (color|colour)",
            "(turn|set|change|switch|make) [the] (lights|light|lamps|lamp) [to]"
            " (a different|another|some other|a random|some random|a new) (color|colour)",
            "(change|switch) [the] (color|colour) of [the] {name}",
            "(turn|set|change|switch|make) [the] {name} [to] (a different|another|some other"
            "|a random|some random|a new) (color|colour)",
        ],
        "de": [
            "(wechsel|wechsle|änder|ändere) die [Licht]farbe [(von|vom) {name}]",
            "(mach|nimm|zeig) [(das Licht|die Lampe|{name})] [in] eine[r] andere[n] Farbe",
        ],
    },
    examples=["change the colour of the lights"],
)
async def another_color(lights: Entities, home: Home) -> None:
    """Give lights another colour, where it was not said which."""
    wanted = {"color_name": True}
    able = [light for light in lights if _able(home, light, wanted)]
    shown = [home.state(light).attributes.get("hs_color") for light in able]
    now = next((float(hs[0]) for hs in shown if hs), 0.0)
    later = [name for hue, name in WHEEL if hue > now + NEAR_HUE]
    await home.call("light.turn_on", able or lights, color_name=(later or [WHEEL[0][1]])[0])


@tool(
    domains=["light"],
    phrases={
        "en": [
            "[a] warmer (white|light) [in [the] {area}]",
            "make [the] (light|lights) [in [the] {area}] [a bit|a little] warmer",
        ],
        "de": [
            "[mach[e]] [das] wärmeres (Weiß|Licht) [(im|in der) {area}]",
            "[mach[e]] das Licht [(im|in der) {area}] [etwas|ein bisschen] wärmer",
        ],
    },
    examples=["make the floor lamp warmer"],
)
async def warmer(lights: Entities, home: Home, where: Where) -> str | None:
    """Make the white of lights warmer."""
    return await _shade(lights, home, where, -SHADE)


@tool(
    domains=["light"],
    phrases={
        "en": [
            "[a] (cooler|colder) (white|light) [in [the] {area}]",
            "make [the] (light|lights) [in [the] {area}] [a bit|a little] (cooler|colder)",
        ],
        "de": [
            "[mach[e]] [das] (kälteres|kühleres) (Weiß|Licht) [(im|in der) {area}]",
            "[mach[e]] das Licht [(im|in der) {area}] [etwas|ein bisschen] (kälter|kühler)",
        ],
    },
    examples=["make the floor lamp cooler"],
)
async def cooler(lights: Entities, home: Home, where: Where) -> str | None:
    """Make the white of lights cooler."""
    return await _shade(lights, home, where, SHADE)


async def _shade(lights: Entities, home: Home, where: Where, step: int) -> str | None:
    """Change the white of the lights that are on and can show several."""
    able = [light for light in lights if _able(home, light, {"color_temp_kelvin": WHITE})]
    lit = [light for light in able if home.state(light).state == "on"]
    if not able:
        return where.say("That light has only one white.", de="Das Licht hat nur ein Weiß.")

    async def one(light: Entity) -> None:
        told = home.state(light).attributes
        low = told.get("min_color_temp_kelvin") or 2000
        high = told.get("max_color_temp_kelvin") or 6535
        now = told.get("color_temp_kelvin") or WHITE
        wanted = round(min(high, max(low, now + step)))
        await home.call("light.turn_on", [light], color_temp_kelvin=wanted)

    await asyncio.gather(*(one(light) for light in lit or able))
    return None


async def _step(lights: Entities, home: Home, step: int) -> None:
    """Change the lights that are on; if none is on, brighter turns them on."""
    lit = [light for light in lights if home.state(light).state == "on"] or list(lights)
    able = [light for light in lit if _able(home, light, {})] or lit
    by_level: dict[int, list[Entity]] = {}
    for light in able:
        state = home.state(light)
        level = (state.attributes.get("brightness") or 255) / 2.55 if state.state == "on" else 0
        wanted = round(min(100, max(DIM if level else 0, level + step)))
        by_level.setdefault(wanted, []).append(light)
    plain = [light for light in lit if not _able(home, light, {})]
    if step > 0 and len(plain) == len(lit) and not any(home.state(e).state == "on" for e in lit):
        # 'It is too dark in the cellar', where the lamp knows only on and off.
        await home.call("light.turn_on", lit)
        return
    await asyncio.gather(
        *(home.call("light.turn_on", group, brightness_pct=w) for w, group in by_level.items())
    )
