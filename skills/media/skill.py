"""Music and television: what plays, and how loud."""

from __future__ import annotations

import asyncio
import re

from hub.skill import Entities, Entity, Home, Percent, Where, tool

STEP = 10
"""Per cent that 'louder' and 'quieter' mean."""
SILENT = ("off", "standby", "unavailable", "unknown")


@tool("HassTurnOn", domains=["media_player"], examples=["turn on the TV"])
async def turn_on(players: Entities, home: Home) -> None:
    """Turn media players and televisions on."""
    await home.call("media_player.turn_on", players)


@tool("HassTurnOff", domains=["media_player"])
async def turn_off(players: Entities, home: Home) -> None:
    """Turn media players and televisions off."""
    await home.call("media_player.turn_off", players)


@tool("HassMediaPause", domains=["media_player"], examples=["pause the music"])
async def pause(players: Entities, home: Home, where: Where) -> str | None:
    """Pause what is playing."""
    return await _tell("media_player.media_pause", _in(players, home, "playing"), home, where)


@tool("HassMediaUnpause", domains=["media_player"], examples=["resume the music"])
async def resume(players: Entities, home: Home, where: Where) -> str | None:
    """Go on playing what was paused."""
    found = _in(players, home, "paused") or (list(players) if len(players) == 1 else [])
    return await _tell("media_player.media_play", found, home, where)


@tool("HassMediaNext", domains=["media_player"], examples=["skip this song"])
async def skip(players: Entities, home: Home, where: Where) -> str | None:
    """Play what comes next."""
    found = _in(players, home, "playing") or _in(players, home, "paused")
    return await _tell("media_player.media_next_track", found, home, where)


@tool("HassMediaPrevious", domains=["media_player"])
async def previous(players: Entities, home: Home, where: Where) -> str | None:
    """Play what came before."""
    found = _in(players, home, "playing") or _in(players, home, "paused")
    return await _tell("media_player.media_previous_track", found, home, where)


@tool("HassMediaSearchAndPlay", domains=["media_player"], single=True)
async def play(
    players: Entities, home: Home, search_query: str, media_class: str = "music"
) -> None:
    """Play something by its name."""
    await home.call(
        "media_player.play_media",
        players,
        media_content_id=search_query,
        media_content_type=media_class,
    )


@tool("HassMediaPlayerMute", domains=["media_player"])
async def mute(players: Entities, home: Home, where: Where) -> str | None:
    """Mute what is playing."""
    return await _tell(
        "media_player.volume_mute", _sounding(players, home), home, where, is_volume_muted=True
    )


@tool("HassMediaPlayerUnmute", domains=["media_player"])
async def unmute(players: Entities, home: Home, where: Where) -> str | None:
    """Let it be heard again."""
    return await _tell(
        "media_player.volume_mute", _sounding(players, home), home, where, is_volume_muted=False
    )


@tool("HassSetVolume", domains=["media_player"], examples=["set the TV volume to 30 percent"])
async def set_volume(
    players: Entities, home: Home, where: Where, volume_level: Percent
) -> str | None:
    """Set the volume of media players."""
    found = _sounding(players, home)
    return await _tell(
        "media_player.volume_set", found, home, where, volume_level=volume_level / 100
    )


@tool("HassSetVolumeRelative", domains=["media_player"], examples=["turn the radio down"])
async def change_volume(
    players: Entities, home: Home, where: Where, volume_step: str
) -> str | None:
    """Make media players louder or quieter: 'up', 'down', or by so many per cent."""
    steps = {"up": STEP, "down": -STEP}
    if volume_step in steps:
        return await _step(players, home, where, steps[volume_step])
    if re.fullmatch(r"[+-]?\d{1,3}", volume_step):
        return await _step(players, home, where, int(volume_step))
    return where.say("Louder or quieter?", de="Lauter oder leiser?")


@tool(
    domains=["media_player"],
    phrases={
        "en": [
            "turn [the] {name} up",
            "turn up [the] {name}",
            "[make] [the] {name} louder",
            "turn [the] (music|sound) up [(in|on) [the] {area}]",
            "turn up [the] (music|sound) [(in|on) [the] {area}]",
            "[make] [the] music louder",
        ],
        "de": ["[mach[e]] [(das|die|den)] {name} lauter", "[mach[e]] die Musik lauter"],
    },
    examples=["turn the radio up"],
)
async def louder(players: Entities, home: Home, where: Where) -> str | None:
    """Make media players louder."""
    return await _step(players, home, where, STEP)


@tool(
    domains=["media_player"],
    phrases={
        "en": [
            "turn [the] {name} down",
            "turn down [the] {name}",
            "[make] [the] {name} quieter",
            "turn [the] (music|sound) down [(in|on) [the] {area}]",
            "turn down [the] (music|sound) [(in|on) [the] {area}]",
            "[make] [the] music quieter",
        ],
        "de": ["[mach[e]] [(das|die|den)] {name} leiser", "[mach[e]] die Musik leiser"],
    },
)
async def quieter(players: Entities, home: Home, where: Where) -> str | None:
    """Make media players quieter."""
    return await _step(players, home, where, -STEP)


async def _step(players: Entities, home: Home, where: Where, step: int) -> str | None:
    found = _sounding(players, home)
    if not found:
        return _silence(where)

    async def one(player: Entity) -> None:
        now = home.state(player).attributes.get("volume_level", 0.5)
        wanted = round(min(1.0, max(0.0, now + step / 100)), 2)
        await home.call("media_player.volume_set", [player], volume_level=wanted)

    await asyncio.gather(*(one(player) for player in found))
    return None


def _in(players: Entities, home: Home, state: str) -> list[Entity]:
    return [player for player in players if home.state(player).state == state]


def _sounding(players: Entities, home: Home) -> list[Entity]:
    """Those that play; if none does, those that are on."""
    on = [player for player in players if home.state(player).state not in SILENT]
    return _in(players, home, "playing") or on


async def _tell(
    service: str, players: list[Entity], home: Home, where: Where, **data: object
) -> str | None:
    if not players:
        return _silence(where)
    await home.call(service, players, **data)
    return None


def _silence(where: Where) -> str:
    return where.say("Nothing is playing.", de="Es läuft gerade nichts.")
