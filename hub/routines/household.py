"""Routines, suggestions and notices of one hub, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hub.dialogue.conversation import Question
from hub.habits.suggestions import Source, Suggestions
from hub.home.model import Home
from hub.notices.notices import Announce, Notices
from hub.router import Router
from hub.routines.desk import RoutineDesk
from hub.routines.door import RoutineDoor
from hub.routines.routines import Routines, Tell
from hub.routines.times import Place
from hub.skills.undo import Deed
from hub.skillset import Skillset
from hub.timers.book import Notes
from hub.timers.clock import Time

if TYPE_CHECKING:
    from hub.config import Config


class Household:
    """What the hub does by itself for its household, as far as it was told to."""

    def __init__(
        self,
        config: Config,
        home: Home,
        router: Router,
        skillset: Skillset,
        time: Time,
        keep: Callable[[str], Notes | None],
        history: Source | None = None,
        quiet: Callable[[], bool] = lambda: False,
        place: Callable[[], Place | None] = lambda: None,
    ) -> None:
        """`keep` gives what documents of a name are kept in; `history`: what has been done since a
        moment, `quiet`: whether it is quiet hours; `place`: where the home is."""
        self.routines = Routines(home, router, skillset, time, keep("routines"), place=place)
        self.door = RoutineDoor(self.routines)
        self.suggestions = Suggestions(
            self.routines,
            history or (lambda since: ()),
            time,
            keep("habits"),
            enabled=config.suggestions.enabled and history is not None,
            quiet=quiet,
        )
        language = config.hub.languages[0]
        self.notices = Notices(home, time, config.notices, keep("notices"), language=language)
        skillset.serve(
            routines=RoutineDesk(self.routines), suggestions=self.suggestions, notices=self.notices
        )

    async def open(self) -> None:
        """Take up what was kept."""
        await self.routines.open()
        await self.suggestions.open()
        await self.notices.open()

    def begin(
        self,
        tell: Tell,
        announce: Announce,
        did: Callable[[str | None, Sequence[Deed]], None],
        ask: Callable[[str | None, Question], None],
    ) -> None:
        """From now on things happen by themselves. `tell` and `announce` say something unasked;
        `did` is told what can be undone in a room, `ask` puts a question there."""
        self.routines.begin(tell, did)
        self.suggestions.begin(tell, ask)
        self.notices.begin(announce)

    async def close(self) -> None:
        await self.notices.close()
        await self.suggestions.close()
        await self.routines.close()
