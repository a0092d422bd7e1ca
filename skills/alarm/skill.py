"""Alarm systems: armed by voice, disarmed after a yes.

A code is never said aloud: where the system wants one, it is operated at its own panel.
"""

from __future__ import annotations

from typing import Annotated, Literal

from hub.skill import Entities, Entity, Home, Said, Where, tool

Mode = Annotated[
    Literal["away", "home", "night", "vacation"],
    Said(
        {
            "en": {
                "[(in|to|for)] away [mode]": "away",
                "[(in|to|for|at)] (home|stay) [mode]": "home",
                "[(in|to|for|at)] [the] night [mode]": "night",
                "[(in|to|for|on)] (vacation|holiday) [mode]": "vacation",
            },
            "de": {
                "[als|für] abwesend": "away",
                "[als|für] (anwesend|zu Hause)": "home",
                "(für die Nacht|nachts)": "night",
                "(für den Urlaub|im Urlaub)": "vacation",
            },
        }
    ),
]
ALARM = "alarm [(system|panel)]"
ANLAGE = "(die|den) (Alarmanlage|Alarm)"


@tool(
    domains=["alarm_control_panel"],
    single=True,
    phrases={
        "en": [
            "(arm|activate|set|turn on|switch on) [the] {name} [system] [{mode}]",
            f"(arm|activate|set|turn on|switch on) the {ALARM} [{{mode}}]",
        ],
        "de": [
            "(aktiviere|aktivier) [(der|die|das|den)] {name} [{mode}]",
            "(schalt|schalte|stell|stelle) [(der|die|das|den)] {name} [{mode}] (ein|an|scharf)",
            f"(aktiviere|aktivier) {ANLAGE} [{{mode}}]",
            f"(schalt|schalte|stell|stelle) {ANLAGE} [{{mode}}] (ein|an|scharf)",
        ],
    },
    examples=["arm the alarm"],
)
async def arm(panels: Entities, home: Home, where: Where, mode: Mode = "away") -> str | None:
    """Arm an alarm system, as for when everybody is out if nothing else is said."""
    if any(_coded(panel, home, arming=True) for panel in panels):
        return _needs_code(where)
    done = await home.call(f"alarm_control_panel.alarm_arm_{mode}", panels)
    if not all(outcome.confirmed for outcome in done):
        return None
    return _told(home.state(panels[0]).state, where)


@tool(
    domains=["alarm_control_panel"],
    single=True,
    confirm={"en": "Disarm the {names}?", "de": "{names} entschärfen?"},
    risk="R3",
    phrases={
        "en": [
            "(disarm|deactivate|turn off|switch off) [the] {name} [system]",
            f"(disarm|deactivate|turn off|switch off) the {ALARM}",
        ],
        "de": [
            "(entschärfe|entschärf|deaktiviere) [(der|die|das|den)] {name}",
            "(schalt|schalte|stell|stelle) [(der|die|das|den)] {name} (aus|unscharf)",
            f"(entschärfe|entschärf|deaktiviere) {ANLAGE}",
            f"(schalt|schalte|stell|stelle) {ANLAGE} (aus|unscharf)",
        ],
    },
)
async def disarm(panels: Entities, home: Home, where: Where) -> str | None:
    """Disarm an alarm system."""
    if any(_coded(panel, home) for panel in panels):
        return _needs_code(where)
    done = await home.call("alarm_control_panel.alarm_disarm", panels)
    if not all(outcome.confirmed for outcome in done):
        return None
    return _told("disarmed", where)


STATES = {
    "disarmed": ("is off", "ist aus"),
    "armed_away": ("is armed, nobody is home", "ist scharf, niemand ist zu Hause"),
    "armed_home": ("is armed, somebody is home", "ist scharf, jemand ist zu Hause"),
    "armed_night": ("is armed for the night", "ist für die Nacht scharf"),
    "armed_vacation": ("is armed for the holidays", "ist für den Urlaub scharf"),
    "armed_custom_bypass": ("is armed in part", "ist teilweise scharf"),
    "arming": ("is being armed", "wird scharf geschaltet"),
    "pending": ("is about to go off", "löst gleich aus"),
    "triggered": ("has gone off", "hat ausgelöst"),
    "unavailable": ("is not available", "ist nicht erreichbar"),
}


@tool(
    domains=["alarm_control_panel"],
    single=True,
    phrases={
        "en": [
            "is [the] {name} [system] (armed|active|on|set|off|disarmed)",
            f"is the {ALARM} (armed|active|on|set|off|disarmed)",
            "(what is|what's|tell me) the (state|status) of [the] {name}",
        ],
        "de": [
            "ist [(der|die|das)] {name} (scharf|aktiv|an|aus)",
            "ist (die Alarmanlage|der Alarm) (scharf|aktiv|an|aus)",
        ],
    },
    examples=["is the alarm armed"],
)
def state(panels: Entities, home: Home, where: Where) -> str:
    """Tell whether an alarm system is armed."""
    return _told(home.state(panels[0]).state, where)


def _told(state: str, where: Where) -> str:
    en, de = STATES.get(state, (f"is {state}", f"ist {state}"))
    return where.say(f"The alarm {en}.", de=f"Die Alarmanlage {de}.")


def _coded(panel: Entity, home: Home, arming: bool = False) -> bool:
    """Whether it does that only for who knows a code."""
    told = home.state(panel).attributes
    wanted = bool(told.get("code_format"))
    return wanted and bool(told.get("code_arm_required", True)) if arming else wanted


def _needs_code(where: Where) -> str:
    return where.say(
        "The alarm wants its code, which nobody should say aloud. Please use its panel.",
        de="Die Alarmanlage will ihren Code, und den sollte niemand laut sagen. Bitte am Gerät.",
    )
