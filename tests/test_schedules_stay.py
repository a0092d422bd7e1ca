"""What runs every hour keeps its hour when another skill comes."""

from __future__ import annotations

from pathlib import Path

from hub.skill.testing import hearth_with

SKILL = '''
from hub.skill import every


@every(hours=1)
def chime() -> str:
    """Chime."""
    return "{text}"
'''


async def test_a_reload_does_not_begin_the_hour_anew(tmp_path: Path) -> None:
    folder = tmp_path / "clock"
    folder.mkdir()
    (folder / "skill.py").write_text(SKILL.format(text="Ding."))
    async with hearth_with(["light.a"], skill=folder) as hearth:
        await hearth.advance(minutes=50)
        await hearth.reload()
        await hearth.advance(minutes=11)
        assert hearth.announced == ["Ding."]


async def test_another_interval_is_another_schedule(tmp_path: Path) -> None:
    folder = tmp_path / "clock"
    folder.mkdir()
    (folder / "skill.py").write_text(SKILL.format(text="Ding."))
    async with hearth_with(["light.a"], skill=folder) as hearth:
        await hearth.advance(minutes=50)
        (folder / "skill.py").write_text(SKILL.format(text="Dong.").replace("hours=1", "hours=2"))
        await hearth.reload()
        await hearth.advance(minutes=61)
        assert hearth.announced == []
        await hearth.advance(minutes=60)
        assert hearth.announced == ["Dong."]
