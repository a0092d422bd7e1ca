"""Lights: on, off, brightness, colour, and shades of white."""

from __future__ import annotations

from hub.skill import Entities, Entity, Home, Kelvin, Percent, tool

STEP = 25
"""Per cent of full brightness that 'brighter' and 'dimmer' mean."""
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
        return "To which brightness or colour?"
    able = [light for light in lights if _able(home, light, wanted)]
    await home.call("light.turn_on", able or lights, **wanted)
    return None


def _able(home: Home, light: Entity, wanted: dict[str, object]) -> bool:
    """Whether a light can do what is wanted; in a room the plain ones are left alone."""
    modes = set(home.state(light).attributes.get("supported_color_modes") or ("hs", "color_temp"))
    if wanted["color_name"] is not None:
        return bool(modes & {"hs", "rgb", "rgbw", "rgbww", "xy"})
    if wanted["color_temp_kelvin"] is not None:
        return "color_temp" in modes
    return modes != {"onoff"}
