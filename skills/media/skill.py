"""Music and television: what plays, and how loud.

Where it is not said what is to be louder, it is what plays in the room; else the only one that
plays anywhere; else the hub's own voice.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from hub.skill import (
    Answer,
    Ask,
    Call,
    Entities,
    Entity,
    Home,
    Percent,
    Speaker,
    Where,
    by_a_bit,
    tool,
)

STEP = 10
"""Per cent that 'louder' and 'quieter' mean."""
MOST = 3
"""Of as many players it is told what they play."""
MOST_CHOICES = 4
"""Of as many players it is asked which one is meant."""
SOUNDING = ("playing", "buffering", "on")
"""States in which something is to be heard; a television without a player of its own is `on`."""
PAUSE, VOLUME, PREVIOUS, NEXT = 1, 4, 16, 32
"""Bits of Home Assistant's `MediaPlayerEntityFeature`."""
SILENT = ("off", "standby", "unavailable", "unknown")


@tool("HassTurnOn", domains=["media_player"], examples=["turn on the TV"])
async def turn_on(players: Entities, home: Home) -> None:
    """Turn media players and televisions on."""
    await home.call("media_player.turn_on", players)


@tool("HassTurnOff", domains=["media_player"])
async def turn_off(players: Entities, home: Home) -> None:
    """Turn media players and televisions off."""
    await home.call("media_player.turn_off", players)


@tool(
    "HassMediaPause",
    domains=["media_player"],
    anywhere=True,
    # 'it' is a name: out of the blue it is what plays, and no vacuum.
    phrases={
        "en": ["(pause|stop) {name}"],
        "de": ["pausiere {name}", "(stopp|stoppe|halte) {name} [an]"],
    },
    examples=["pause the music"],
)
async def pause(players: Entities, home: Home, where: Where) -> Ask | str | None:
    """Pause what is playing."""
    found = _in(players, home, where, "playing", needs=PAUSE)
    if ask := _which(found, home, where, "HassMediaPause"):
        return ask
    return await _tell("media_player.media_pause", found, home, where)


@tool(
    phrases={
        "en": [
            "pause (everything|all [of] [the] (music|speakers|players|media|media players|sound))",
            "(pause|stop|silence|turn off|switch off) (everything|whatever|anything)"
            " (that is|that's|is) playing",
            "(turn|switch|shut) (everything|whatever|anything) (that is|that's|is) playing off",
        ],
        "de": [
            "(pausiere|stoppe|stopp) (alles|alle Lautsprecher|die ganze Musik|alle Musik)",
            "halt[e] (alles|die ganze Musik) an",
        ],
    },
    examples=["pause all the music"],
)
async def pause_all(home: Home, where: Where) -> str | None:
    """Pause all that plays in the house."""
    found = [
        player
        for player in home.find(domains=["media_player"])
        if home.state(player).state == "playing"
    ]
    return await _tell("media_player.media_pause", found, home, where)


@tool("HassMediaUnpause", domains=["media_player"], anywhere=True, examples=["resume the music"])
async def resume(players: Entities, home: Home, where: Where) -> Ask | str | None:
    """Go on playing what was paused."""
    found = _in(players, home, where, "paused")
    if ask := _which(found, home, where, "HassMediaUnpause"):
        return ask
    if not found and not players.said:
        found = _here(players, home, where)
    return await _tell(
        "media_player.media_play",
        found or (list(players) if len(players) == 1 else []),
        home,
        where,
    )


@tool(
    domains=["media_player"],
    anywhere=True,
    phrases={
        "en": [
            "(resume|unpause|continue) {name}",
            "(resume|unpause|continue) (it|this|that)",
            "(carry on|go on|keep going|continue)",
        ],
        "de": ["(setz|setze) {name} fort", "(lass|lasse) {name} weiterlaufen"],
    },
)
async def go_on(players: Entities, home: Home, where: Where) -> str | None:
    """Go on playing what was paused, and nothing else."""
    found = _in(players, home, where, "paused") or (list(players) if players.said else [])
    if not found:
        return where.say("Nothing is paused.", de="Es ist nichts angehalten.")
    return await _tell("media_player.media_play", found, home, where)


@tool(
    domains=["media_player"],
    anywhere=True,
    phrases={
        "en": [
            "(what's|whats|what is) (playing|on) [on [the] {name}] [(right now|now|here)]",
            "(what's|whats|what is) on [the] {name}",
            "(what's|whats|what is) playing (in|on) [the] {area}",
            "(what|which) (song|track|music|film|movie|show|station) is (this|that|it)",
            "(what|which) (song|track|music|film|movie|show|station) is (playing|on)"
            " [on [the] {name}]",
            "(what|which) (song|track|music|film|movie|show|station) is (playing|on)"
            " (in|on) [the] {area}",
            "(what's|whats) (this|that) (song|track|music|tune|film|movie|show)",
            "who (is (this|that|it)|sings this|is playing|is singing) [by]",
        ],
        "de": [
            "was (läuft|spielt) [gerade] [(im|in der|in dem|auf dem|am) {area}]",
            "was (läuft|spielt) [gerade] (auf|im|in|auf dem) [(dem|der)] {name}",
            "(welches Lied|welche Musik|welcher Sender|welcher Film) (läuft|spielt|ist das)"
            " [gerade]",
            "(wie heißt das Lied|was ist das für (ein Lied|Musik)|wer singt das)",
        ],
    },
    examples=["what is playing"],
)
def playing(players: Entities, home: Home, where: Where) -> str:
    """Tell what is playing."""
    sounding = [player for player in players if home.state(player).state in SOUNDING]
    heard = sounding if players.said else _here(sounding, home, where) or sounding
    if not heard:
        return _silence(where)
    return " ".join(_told(player, home, where) for player in heard[:MOST])


@tool(
    domains=["media_player"],
    anywhere=True,
    phrases={
        "en": [
            "(what's|what is) (the|your) volume [(set to|at)]",
            "how loud (is it|are you|is the music)",
        ],
        "de": ["(was|wie hoch) ist (die|deine) Lautstärke", "wie laut (ist es|bist du)"],
    },
)
def volume(players: Entities, home: Home, where: Where, speaker: Speaker) -> Answer | str:
    """Tell how loud it is."""
    found = _heard(players, home, where)
    return Answer(found, facts={"attribute": "volume"}) if found else _my_volume(speaker, where)


def _told(player: Entity, home: Home, where: Where) -> str:
    """'Clair de Lune by Debussy is playing on the Kitchen Radio.'"""
    now = home.state(player).attributes
    title = now.get("media_title") or now.get("media_channel") or now.get("app_name")
    title = title or now.get("source")
    artist = now.get("media_artist") or now.get("media_album_artist")
    if not title:
        return where.say(
            f"Something is playing on the {player.name}, but it does not say what.",
            de=f"{player.name}: Es läuft etwas, aber das Gerät sagt nicht, was.",
        )
    if artist:
        title = where.say(f"{title} by {artist}", de=f"{title} von {artist}")
    return where.say(
        f"{title} is playing on the {player.name}.", de=f"{player.name}: Es läuft {title}."
    )


@tool("HassMediaNext", domains=["media_player"], anywhere=True, examples=["skip this song"])
async def skip(players: Entities, home: Home, where: Where) -> Ask | str | None:
    """Play what comes next."""
    found = _begun(players, home, where, NEXT)
    if ask := _which(found, home, where, "HassMediaNext"):
        return ask
    return await _tell("media_player.media_next_track", found, home, where)


@tool("HassMediaPrevious", domains=["media_player"], anywhere=True)
async def previous(players: Entities, home: Home, where: Where) -> Ask | str | None:
    """Play what came before."""
    found = _begun(players, home, where, PREVIOUS)
    if ask := _which(found, home, where, "HassMediaPrevious"):
        return ask
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


@tool("HassMediaPlayerMute", domains=["media_player"], anywhere=True)
async def mute(players: Entities, home: Home, where: Where, speaker: Speaker) -> str | None:
    """Mute what is playing."""
    found = _heard(players, home, where)
    if not found and not players.said:
        await speaker.set_muted(True)
        return where.say("I am muted.", de="Ich bin stumm.")
    return await _tell("media_player.volume_mute", found, home, where, is_volume_muted=True)


@tool("HassMediaPlayerUnmute", domains=["media_player"], anywhere=True)
async def unmute(players: Entities, home: Home, where: Where, speaker: Speaker) -> str | None:
    """Let it be heard again."""
    found = _heard(players, home, where)
    if not found and not players.said:
        await speaker.set_muted(False)
        return where.say("I am back.", de="Ich bin wieder zu hören.")
    return await _tell("media_player.volume_mute", found, home, where, is_volume_muted=False)


@tool(
    "HassSetVolume",
    domains=["media_player"],
    anywhere=True,
    examples=["set the TV volume to 30 percent"],
)
async def set_volume(
    players: Entities, home: Home, where: Where, speaker: Speaker, volume_level: Percent
) -> Ask | str | None:
    """Set the volume of media players."""
    found = _heard(players, home, where)
    if ask := _which(found, home, where, "HassSetVolume", volume_level=volume_level):
        return ask
    if not found and not players.said:
        return await _speak_at(volume_level / 100, speaker, where)
    return await _tell(
        "media_player.volume_set", found, home, where, volume_level=volume_level / 100
    )


@tool(
    "HassSetVolumeRelative",
    domains=["media_player"],
    anywhere=True,
    examples=["turn the radio down"],
)
async def change_volume(
    players: Entities, home: Home, where: Where, speaker: Speaker, volume_step: str
) -> Ask | str | None:
    """Make media players louder or quieter: 'up', 'down', or by so many per cent."""
    steps = {"up": STEP, "down": -STEP}
    if volume_step in steps:
        return await _step(players, home, where, speaker, steps[volume_step])
    if re.fullmatch(r"[+-]?\d{1,3}", volume_step):
        return await _step(players, home, where, speaker, int(volume_step))
    return where.say("Louder or quieter?", de="Lauter oder leiser?")


@tool(
    domains=["media_player"],
    anywhere=True,
    phrases={
        "en": by_a_bit(
            [
                "turn [the] {name} up",
                "turn up [the] {name}",
                "[make] [the] {name} louder",
                "turn [the] (music|sound) up [(in|on) [the] {area}]",
                "turn up [the] (music|sound) [(in|on) [the] {area}]",
                "[make] [the] music louder",
                "(turn|crank) up (that|this|the) (music|sound|song|tune)",
                "(turn|crank) (that|this|the) (music|sound|song|tune) up",
                "(i|we) (can't|cannot|can hardly|can barely|can not) hear"
                " ([the] {name}|the music|the sound|it)",
                "[the] {name} is (too|so|very|really) (quiet|low|soft)",
                "the (music|sound|volume) is (too|so|very|really) (quiet|low|soft)",
                "[make it] [<bit>] louder",
                "turn it up [<bit>]",
                "[it is|it's|that is|that's] (too quiet|not loud enough)",
            ]
        ),
        "de": [
            "[mach[e]] [(das|die|den)] {name} [(etwas|ein bisschen)] lauter",
            "[mach[e]] die Musik [(etwas|ein bisschen)] lauter",
            "[mach[e] (es|das)] [(etwas|ein bisschen)] lauter",
            "dreh[e] [(es|das|die Musik)] [(etwas|ein bisschen)] (auf|lauter)",
            "[(es|das) ist] (zu leise|nicht laut genug)",
        ],
    },
    examples=["turn the radio up"],
)
async def louder(players: Entities, home: Home, where: Where, speaker: Speaker) -> Ask | str | None:
    """Make media players louder."""
    return await _step(players, home, where, speaker, STEP)


@tool(
    domains=["media_player"],
    anywhere=True,
    phrases={
        "en": by_a_bit(
            [
                "turn [the] {name} down",
                "turn down [the] {name}",
                "[make] [the] {name} quieter",
                "turn [the] (music|sound) down [(in|on) [the] {area}]",
                "turn down [the] (music|sound) [(in|on) [the] {area}]",
                "[make] [the] music quieter",
                "turn down (that|this|the) (music|sound|noise|racket|song|tune)",
                "turn (that|this|the) (music|sound|noise|racket|song|tune) down",
                "[the] {name} is (too|so|very|really) (loud|noisy)",
                "(the|that|this) (music|sound|volume) is (too|so|very|really) (loud|high)",
                "[make it] [<bit>] (quieter|softer)",
                "turn it down [<bit>]",
                "([it is|it's|that is|that's] too|not so) loud",
                "[make] [the] {name} (softer|less loud)",
            ]
        ),
        "de": [
            "[mach[e]] [(das|die|den)] {name} [(etwas|ein bisschen)] leiser",
            "[mach[e]] die Musik [(etwas|ein bisschen)] leiser",
            "[mach[e] (es|das)] [(etwas|ein bisschen)] leiser",
            "dreh[e] [(es|das|die Musik)] [(etwas|ein bisschen)] (runter|leiser)",
            "([(es|das) ist] zu|nicht so) laut",
        ],
    },
)
async def quieter(
    players: Entities, home: Home, where: Where, speaker: Speaker
) -> Ask | str | None:
    """Make media players quieter."""
    return await _step(players, home, where, speaker, -STEP)


async def _step(
    players: Entities, home: Home, where: Where, speaker: Speaker, step: int
) -> Ask | str | None:
    found = _heard(players, home, where)
    change = f"{step:+d}"
    if ask := _which(found, home, where, "HassSetVolumeRelative", volume_step=change):
        return ask
    if not found:
        if players.said:
            return _silence(where)
        return await _speak_at(speaker.volume + step / 100, speaker, where)

    async def one(player: Entity) -> None:
        now = home.state(player).attributes.get("volume_level", 0.5)
        wanted = round(min(1.0, max(0.0, now + step / 100)), 2)
        await home.call("media_player.volume_set", [player], volume_level=wanted)

    await asyncio.gather(*(one(player) for player in found))
    return None


async def _speak_at(volume: float, speaker: Speaker, where: Where) -> str:
    await speaker.set_volume(volume)
    return _my_volume(speaker, where)


def _my_volume(speaker: Speaker, where: Where) -> str:
    percent = round(speaker.volume * 100)
    return where.say(
        f"My volume is {percent} percent.", de=f"Meine Lautstärke ist {percent} Prozent."
    )


def _which(
    found: Sequence[Entity],
    home: Home,
    where: Where,
    tool_name: str,
    **arguments: object,
) -> Ask | None:
    """A question, if it was not said which of several players that play different things. What
    plays the same in several rooms is one."""
    if not 1 < len(found) <= MOST_CHOICES or _same_sound(found, home):
        return None
    names = [player.name for player in found]
    labels = names if len(set(names)) == len(names) else [_placed(p, home) for p in found]
    if len(set(labels)) < len(labels):
        return None
    choices = {
        label: (Call(tool_name, {**arguments, "name": player.entity_id}),)
        for label, player in zip(labels, found, strict=True)
    }
    listed = ", ".join(labels[:-1])
    return Ask(
        where.say(
            f"Which one: the {listed} or the {labels[-1]}?", de=f"Was: {listed} oder {labels[-1]}?"
        ),
        choices=choices,
    )


def _placed(player: Entity, home: Home) -> str:
    area = home.area(player)
    return f"{area.name} {player.name}" if area else player.name


def _same_sound(players: Sequence[Entity], home: Home) -> bool:
    """Whether players are one group, or play the same."""
    told = [home.state(player).attributes for player in players]
    ids = {player.entity_id for player in players}
    if any(ids <= set(each.get("group_members") or ()) for each in told):
        return True
    titles = {each.get("media_content_id") or each.get("media_title") for each in told}
    return len(titles) == 1 and None not in titles


def _heard(players: Entities, home: Home, where: Where) -> list[Entity]:
    """What is meant by 'louder': what plays; if that was named, what is on."""
    if players.said:
        return _sounding(players, home)
    found = _in(players, home, where, *SOUNDING, needs=VOLUME)
    # 'Louder' may be for the hub's own voice: players elsewhere are meant only if there is one.
    return found if len(found) == 1 or _here(found, home, where) else []


def _begun(players: Entities, home: Home, where: Where, needs: int) -> list[Entity]:
    """Those that play, or else have paused, and can be skipped in; if none can, those that play."""
    for state in ("playing", "paused"):
        found = _in(players, home, where, state, needs=needs)
        if any(player.can(needs) for player in found):
            return found
    return _in(players, home, where, "playing") or _in(players, home, where, "paused")


def _in(players: Entities, home: Home, where: Where, *states: str, needs: int = 0) -> list[Entity]:
    """Those in one of these states; if it was not said which, those here, or else anywhere. Of
    several, those with the feature that it needs, if any has it."""
    found = [player for player in players if home.state(player).state in states]
    found = found if players.said else _here(found, home, where) or found
    return [player for player in found if player.can(needs)] or found


def _here(players: Sequence[Entity], home: Home, where: Where) -> list[Entity]:
    """Those in the room of the person."""
    return [p for p in players if (area := home.area(p)) and area.name == where.area]


def _sounding(players: Entities, home: Home) -> list[Entity]:
    """Those that play; if none does, those that are on."""
    on = [player for player in players if home.state(player).state not in SILENT]
    return [player for player in on if home.state(player).state == "playing"] or on


async def _tell(
    service: str, players: list[Entity], home: Home, where: Where, **data: object
) -> str | None:
    if not players:
        return _silence(where)
    await home.call(service, players, **data)
    return None


def _silence(where: Where) -> str:
    return where.say("Nothing is playing.", de="Es läuft gerade nichts.")
