"""The time and the date."""

from __future__ import annotations

from hub.skill import Answer, Clock, tool


@tool(
    "HassGetCurrentTime",
    phrases={
        "en": ["(what's|what is) the time [please]", "how late is it"],
        "de": ["wie viel Uhr (ist es|haben wir)", "wie spät (ist es|haben wir es)"],
    },
    examples=["what time is it"],
)
def time(clock: Clock) -> Answer:
    """Tell the time."""
    return Answer(facts={"time": clock.now().time()})


@tool(
    "HassGetCurrentDate",
    phrases={
        "en": [
            "(what|which) day (is it|of the week is it|is today) [today]",
            "(what's|what is) (today|the day today|today's date)",
        ],
        "de": ["welcher (Tag|Wochentag) ist heute", "was ist heute für ein Tag"],
    },
    examples=["what day is it"],
)
def date(clock: Clock) -> Answer:
    """Tell the day and the date."""
    return Answer(facts={"date": clock.now().date()})
