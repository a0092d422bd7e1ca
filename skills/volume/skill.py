"""The hub's own voice: how loud it is."""

from __future__ import annotations

from hub.skill import Percent, Speaker, Where, tool

STEP = 0.1
"""What 'louder' and 'quieter' mean, of 1."""


@tool(
    phrases={
        "en": [
            "set your volume to {percent} [percent]",
            "speak at {percent} percent [volume]",
            "(set|turn) the hub's volume to {percent} [percent]",
        ],
        "de": ["(stell|stelle) deine Lautstärke auf {percent} [Prozent]"],
    },
    examples=["set your volume to 50 percent"],
)
async def set_volume(percent: Percent, speaker: Speaker, where: Where) -> str:
    """Set how loud the hub speaks."""
    await speaker.set_volume(percent / 100)
    return _told(speaker, where)


@tool(
    phrases={
        "en": [
            "speak up",
            "(speak|talk) [a (bit|tad|little [bit])|slightly] louder",
            "raise your voice",
        ],
        "de": ["(sprich|rede) [(etwas|ein bisschen)] lauter"],
    },
    examples=["speak up"],
)
async def louder(speaker: Speaker, where: Where) -> str:
    """Speak louder."""
    await speaker.set_volume(speaker.volume + STEP)
    return _told(speaker, where)


@tool(
    phrases={
        "en": [
            "(speak|talk) [a (bit|tad|little [bit])|slightly] (quieter|softer|more quietly)",
            "lower your voice",
        ],
        "de": ["(sprich|rede) [(etwas|ein bisschen)] leiser"],
    }
)
async def quieter(speaker: Speaker, where: Where) -> str:
    """Speak more quietly."""
    await speaker.set_volume(speaker.volume - STEP)
    return _told(speaker, where)


@tool(
    phrases={"en": ["mute yourself", "do not speak"], "de": ["(sei stumm|schalte dich stumm)"]},
    examples=["mute yourself"],
)
async def mute(speaker: Speaker, where: Where) -> str:
    """Answer no more aloud."""
    await speaker.set_muted(True)
    return where.say("I am muted.", de="Ich bin stumm.")


@tool(
    phrases={
        "en": ["unmute yourself", "[you can] (speak|talk) [to me] again"],
        "de": ["(sprich wieder|du darfst wieder sprechen)"],
    }
)
async def unmute(speaker: Speaker, where: Where) -> str:
    """Answer aloud again."""
    await speaker.set_muted(False)
    return where.say("I am back.", de="Ich bin wieder zu hören.")


def _told(speaker: Speaker, where: Where) -> str:
    percent = round(speaker.volume * 100)
    return where.say(
        f"My volume is {percent} percent.", de=f"Meine Lautstärke ist {percent} Prozent."
    )
