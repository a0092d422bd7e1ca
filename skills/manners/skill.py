"""Quiet hours by word of mouth: 'be quiet until eight', 'speak normally again'."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from hub.skill import Clock, Manners, Range, Where, tool

Lasting = Annotated[timedelta, Range(1, 1440, "min")]


@tool(
    phrases={
        "en": [
            "[please] (be|stay|keep) (quiet|silent) until {until}",
            "[please] (be|stay|keep) (quiet|silent) for {lasting}",
            "(whisper|speak softly|talk softly) (until {until}|for {lasting})",
            "(do not|don't) (disturb|bother) (me|us) until {until}",
            "(do not|don't) (disturb|bother) (me|us) for {lasting}",
            "(be|stay|keep) quiet (tonight|for the night|now on|from now on)",
            "(start|begin) [the] quiet (hours|time)",
            "(do not|don't) disturb [(me|us)]",
        ],
        "de": [
            "(sei|bleib) [bitte] (leise|still|ruhig) bis {until}",
            "(sei|bleib) [bitte] {lasting} [lang] (leise|still|ruhig)",
            "(sei|bleib) [bitte] für {lasting} (leise|still|ruhig)",
            "(sprich|rede|flüster|flüstere) [bitte] [leise] bis {until} [leise]",
            "(stör|störe) (mich|uns) [bitte] nicht bis {until}",
            "(stör|störe) (mich|uns) [bitte] bis {until} nicht",
            "(sei|bleib) (heute Nacht|ab jetzt) (leise|still|ruhig)",
            "[bitte] nicht stören",
            "(starte|beginne) die Ruhezeit",
        ],
    },
    examples=["be quiet until eight", "do not disturb us for two hours"],
    undo="normal",
)
async def quiet(
    manners: Manners,
    clock: Clock,
    where: Where,
    until: datetime | None = None,
    lasting: Lasting | None = None,
) -> str:
    """Be quiet for a while: speak softly and briefly, and tell nothing that can wait."""
    if lasting is not None:
        until = clock.now() + lasting
    end = await manners.be_quiet(until)
    return where.say(
        f"All right, quiet until {_time(end, where)}.",
        de=f"Gut, ich bin leise bis {_time(end, where)}.",
    )


@tool(
    phrases={
        "en": [
            "[you can|you may] (speak|talk) (normally|as usual|as always) [again] [now]",
            "[you can|you may] (stop whispering|stop being quiet)",
            "(end|stop) [the] quiet (hours|time)",
            "you (can|may) disturb us again",
        ],
        "de": [
            "(sprich|rede) [jetzt] [wieder] (normal|wie immer|wie sonst)",
            "du (darfst|kannst) [jetzt] wieder (normal|laut) (sprechen|reden)",
            "(beende|ende) die Ruhezeit",
            "du (darfst|kannst) uns wieder stören",
        ],
    },
    examples=["speak normally again"],
)
async def normal(manners: Manners, where: Where) -> str:
    """End the quiet hours, and speak as usual."""
    await manners.speak_normally()
    return where.say("I speak as usual again.", de="Ich spreche wieder wie sonst.")


@tool(
    phrases={
        "en": [
            "(are you|is it) [in] quiet (hours|time|mode) [now]",
            "(how long|until when) (are you|will you be|do you stay) quiet",
            "when (do|will) [the] quiet hours (end|be over)",
        ],
        "de": [
            "(bis wann|wie lange) bist du [noch] (leise|still|ruhig)",
            "(ist|sind) [gerade|jetzt] (Ruhezeit|Ruhezeiten)",
            "wann (endet|ist) die Ruhezeit [vorbei]",
        ],
    },
)
def until_when(manners: Manners, where: Where) -> str:
    """Tell whether the hub is quiet, and until when."""
    end = manners.quiet_until()
    if end is None:
        return where.say("There are no quiet hours now.", de="Es ist gerade keine Ruhezeit.")
    return where.say(
        f"I am quiet until {_time(end, where)}.", de=f"Ich bin leise bis {_time(end, where)}."
    )


def _time(moment: datetime, where: Where) -> str:
    return where.say(f"{moment:%-H:%M}", de=f"{moment:%-H:%M} Uhr")
