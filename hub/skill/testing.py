"""For the tests of a skill, in plain pytest: a hub with this skill alone, in a home of your own.

    from hub.skill.testing import hearth_with

    async def test_the_lamp_blinks() -> None:
        async with hearth_with({"light.desk": {"name": "Desk Lamp", "area": "Office"}}) as hearth:
            reply = await hearth.say("blink the desk lamp")
            assert reply.text == "Blinked."
            assert [call.service for call in reply.services] == ["light.turn_on", "light.turn_off"]

`say` is understood by the rules alone, without a language model; questions are answered by saying
something more. `change` lets a device change, `advance` lets time pass, and `announced` has what
was said unasked. Tests need pytest and pytest-asyncio (`pip install 'hearth-hub[test]'`).

A skill does not import this, only its tests do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hub.author.stage import MONDAY, Entities, Replied, Service, Stage, around, caller

__all__ = ["MONDAY", "Replied", "Service", "Stage", "hearth_with"]


def hearth_with(
    entities: Entities = (),
    *,
    skill: Path | str | None = None,
    home: Path | None = None,
    languages: Sequence[str] = ("en",),
    all_skills: bool = False,
    settings: Mapping[str, Any] | None = None,
    now: datetime = MONDAY,
    area: str | None = None,
    services: Mapping[str, Any] | None = None,
) -> Stage:
    """A hub with one skill: that of the folder in which the test file is, unless `skill` names
    another folder. See `Stage`. Raises SkillError if there is no such skill."""
    folder = Path(skill) if skill is not None else around(caller())
    return Stage(
        folder,
        entities=entities,
        home=home,
        languages=languages,
        all_skills=all_skills,
        settings=settings,
        now=now,
        area=area,
        services=services,
    )
