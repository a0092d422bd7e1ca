"""The author's side of a skill. A skill imports this module and nothing else of Hearth.

A skill is a folder with a `skill.py`; a tool is a typed function in it:

    from hub.skill import Minutes, tool

    @tool(phrases=["flip a coin", "(toss|throw) a coin"])
    def flip() -> str:
        \"\"\"Flip a coin.\"\"\"
        return random.choice(["Heads.", "Tails."])

The docstring tells people and the language model what it is for; the phrases (hassil's notation,
`{parameter}` for an argument) are understood at once; the annotations are the schema of the
arguments (`kinds.py`). A parameter annotated with a service (`Home`, `Conversation`, `Speaker`,
`Clock`, `Timers`, `Store`, `Schedule`, `Settings`, `Tools`, `Where`) is given that service and is
no argument (`services.py`).

A tool that acts on devices names a Home Assistant intent and the domains it serves, and gets the
devices that were meant as `Entities`:

    @tool("HassTurnOn", domains=["fan"], examples=["turn on the bedroom fan"])
    async def turn_on(fans: Entities, home: Home) -> None:
        \"\"\"Turn fans on.\"\"\"
        await home.call("fan.turn_on", fans)

Returning nothing lets the hub say what happened, from what the devices report. Returning a string
says that, `Say` a sentence of the skill's `languages/*.toml`; returning `Ask` asks, and keeps
listening for the answer; returning `Answer` lets the hub word what was found.

`@on`, `@every` and `@daily` run a function by itself. docs/skills.md shows all of it by examples;
`hub.skill.testing` is for the tests of a skill.

This is loaded in the small process of each skill pack: it imports little, and nothing heavy.
"""

from typing import TYPE_CHECKING, Any

from hub.errors import EngineError, StorageError
from hub.home.things import Area, Entity, Floor, State
from hub.messages import Call, Outcome, ToolSpec
from hub.skill.kinds import (
    AnyTime,
    Domain,
    Entities,
    Kelvin,
    Minutes,
    Percent,
    Range,
    Said,
)
from hub.skill.results import Answer, Ask, Result, Runner, Say, Text
from hub.skill.services import (
    MOVE_IT,
    SERVICES,
    Agenda,
    CalendarEvent,
    Calendars,
    Change,
    Clock,
    Conversation,
    Dropped,
    Facts,
    History,
    Home,
    Hour,
    Library,
    Lists,
    Manners,
    Mqtt,
    Notices,
    Others,
    Passage,
    Past,
    Phone,
    Planned,
    Playing,
    Routines,
    Schedule,
    Settings,
    Sound,
    Speaker,
    Store,
    Suggestions,
    Timers,
    Tools,
    Undo,
    Web,
    Where,
    Writer,
)
from hub.skill.tools import (
    ATTRIBUTE,
    RISKS,
    WEEKDAYS,
    WEEKEND,
    Tool,
    collect,
    daily,
    every,
    on,
    tool,
)
from hub.skill.wording import as_written, by_a_bit
from hub.timers.timer import Timer

if TYPE_CHECKING:
    from hub.timers.appointment import Appointment, When

SDK = "1.0"
"""Version of what this module offers; a pack says in `pack.toml` which it needs."""

__all__ = [
    "ATTRIBUTE",
    "MOVE_IT",
    "RISKS",
    "SDK",
    "SERVICES",
    "WEEKDAYS",
    "WEEKEND",
    "Agenda",
    "Answer",
    "AnyTime",
    "Appointment",
    "Area",
    "Ask",
    "CalendarEvent",
    "Calendars",
    "Call",
    "Change",
    "Clock",
    "Conversation",
    "Domain",
    "Dropped",
    "EngineError",
    "Entities",
    "Entity",
    "Facts",
    "Floor",
    "History",
    "Home",
    "Hour",
    "Kelvin",
    "Library",
    "Lists",
    "Manners",
    "Minutes",
    "Mqtt",
    "Notices",
    "Others",
    "Outcome",
    "Passage",
    "Past",
    "Percent",
    "Phone",
    "Planned",
    "Playing",
    "Range",
    "Result",
    "Routines",
    "Runner",
    "Said",
    "Say",
    "Schedule",
    "Settings",
    "Sound",
    "Speaker",
    "State",
    "StorageError",
    "Store",
    "Suggestions",
    "Text",
    "Timer",
    "Timers",
    "Tool",
    "ToolSpec",
    "Tools",
    "Undo",
    "Web",
    "When",
    "Where",
    "Writer",
    "as_written",
    "by_a_bit",
    "collect",
    "daily",
    "every",
    "on",
    "tool",
]

if not TYPE_CHECKING:  # what no pack is given is loaded by the skills that import it

    def __getattr__(name: str) -> Any:
        if name not in ("Appointment", "When"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from hub.timers import appointment

        return getattr(appointment, name)
