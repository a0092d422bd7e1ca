"""Whether what is wanted for later could be done then, when nobody attends."""

from __future__ import annotations

from hub.messages import Utterance
from hub.router import Context, Router
from hub.skill import Where
from hub.skillset import Skillset
from hub.timers.book import Obstacle

TALK = "conversation"
"""The skill about the talk itself: 'never mind' and 'thanks' are nothing to be done later."""


async def obstacle(
    text: str, area: str | None, language: str, *, router: Router, skillset: Skillset
) -> Obstacle | None:
    """Why a command would not be done later; None if nothing is in its way as the home is now.

    It is understood without what was said before: by then that is forgotten. Raises HearthError
    if a model fails."""
    intent = await router.route(Utterance.typed(text, language), Context(area=area))
    if intent.question is not None:
        return "would_ask"
    talk = {spec.name for spec in skillset.specs() if spec.skill == TALK}
    if all(call.tool in talk for call in intent.calls):
        return "do_what"
    where = Where(area, language)
    return "would_ask" if any(skillset.asks(call, where=where) for call in intent.calls) else None
