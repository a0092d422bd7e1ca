"""Twenty satellites on one hub, and people who speak at four of them at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub import config
from hub.bridges.satellites.arbiter import Arbiter
from hub.engines.piper import PiperSynthesizer
from hub.errors import ModelError
from hub.evaluate.bench_satellites import AT_ONCE, ROOMS, Said, household, script
from tests.models import model_file


def test_the_script_speaks_in_different_rooms_and_changes_something_each_time() -> None:
    one, groups = script(ROOMS, AT_ONCE, 4)
    state: dict[str, str] = {}
    for said in [*one, *(each for group in groups for each in group)]:
        assert state.get(said.entity, "off" if "light" in said.entity else "closed") != said.state
        state[said.entity] = said.state
    assert all(len({said.room for said in group}) == AT_ONCE for group in groups)


class FarApart(Arbiter):
    """Rooms that never hear the same: on a busy machine wake words come in one go that were said
    one after the other."""

    async def wins(
        self,
        room: str,
        phrase: str,
        clearness: float | Callable[[], float],
        said: float | None = None,
    ) -> bool:
        return True


@pytest.mark.models
@pytest.mark.slow
async def test_four_commands_at_once_among_twenty_satellites_are_all_right(tmp_path: Path) -> None:
    """Real ears, Whisper and Piper; how long it takes is measured by `hearth bench`."""
    actor = PiperSynthesizer(model_file("voice", "joe", ".onnx"), variation=0.0)
    try:
        async with household(config.load(), tmp_path, arbiter=FarApart(), actor=actor) as house:
            _, (group, *_) = script(ROOMS, AT_ONCE, 2)
            await house.speak(group, patience=150)
            assert [_told(said) for said in group if not said.right] == []
            assert house.unasked == []
    except ModelError as error:
        pytest.skip(str(error))
    finally:
        await actor.close()


def _told(said: Said) -> str:
    return f"{said.room}: {said.text!r} was heard as {said.heard!r}"
