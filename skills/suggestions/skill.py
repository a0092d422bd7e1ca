"""Suggestions: habits that the hub has noticed, offered as routines."""

from __future__ import annotations

from datetime import timedelta

from hub.skill import Conversation, Suggestions, Undo, Where, tool


@tool(
    risk="R1",
    undo="unaccept",
    takes=timedelta(seconds=30),
    phrases={
        "en": [
            "(do you have|have you got|are there) any suggestions [for (me|us)]",
            "what (do|would) you suggest",
            "suggest (something|a routine) [to (me|us)]",
            "(what|which) habits (do (I|we) have|have you noticed)",
        ],
        "de": [
            "hast du [irgendwelche] Vorschläge [für (mich|uns)]",
            "was schlägst du [mir|uns] vor",
            "schlag[e] [mir|uns] (etwas|eine Routine) vor",
            "(welche|was für) Gewohnheiten (habe ich|haben wir|sind dir aufgefallen)",
        ],
    },
    examples=["do you have any suggestions"],
)
async def ask(
    suggestions: Suggestions, where: Where, conversation: Conversation, undo: Undo
) -> str:
    """Suggest a routine for something that is done again and again."""
    told = await suggestions.ask(where, conversation)
    if not suggestions.accepted:
        undo.nothing()
    return told


@tool(risk="R1", undo="unaccept")
async def accept(key: str, suggestions: Suggestions, where: Where) -> str:
    """Make the routine that was suggested."""
    return await suggestions.accept(key, where)


@tool(spoken=False)
async def unaccept(suggestions: Suggestions) -> None:
    """Forget the routine that was made of a suggestion."""
    suggestions.take_back()


@tool(
    phrases={
        "en": [
            "why do you (suggest|propose) (that|this)",
            "why did you (suggest|propose) (that|this|it)",
            "what makes you (suggest|think of) (that|this)",
        ],
        "de": ["warum schlägst du [mir|uns] das vor", "warum hast du [mir|uns] das vorgeschlagen"],
    },
    examples=["why do you suggest that"],
)
def why(suggestions: Suggestions, where: Where) -> str:
    """Tell what the last suggestion follows from."""
    return suggestions.why(where)


@tool(
    risk="R1",
    undo="go_on",
    phrases={
        "en": [
            "(stop|quit) (suggesting [things|something|anything|routines]|making suggestions|your "
            "suggestions)",
            "(no more|don't make [any] [more]|do not make [any] [more]) suggestions",
        ],
        "de": [
            "(hör|höre) auf (mit [den] Vorschlägen|Vorschläge zu machen|etwas vorzuschlagen)",
            "(keine|mach keine) Vorschläge [mehr]",
            "schlag[e] [mir|uns] nichts mehr vor",
        ],
    },
    examples=["stop suggesting things"],
)
async def stop(suggestions: Suggestions, where: Where, undo: Undo) -> str:
    """Suggest nothing any more."""
    if suggestions.stopped:
        undo.nothing()
    return suggestions.stop(where)


@tool(
    risk="R1",
    undo="stop",
    phrases={
        "en": [
            "you (may|can) (suggest [things|something]|make suggestions) again",
            "(start suggesting [things]|make suggestions) again",
        ],
        "de": ["du (darfst|kannst) wieder (Vorschläge machen|etwas vorschlagen)"],
    },
    examples=["you may make suggestions again"],
)
async def go_on(suggestions: Suggestions, where: Where, undo: Undo) -> str:
    """Suggest something now and then again."""
    if not suggestions.stopped:
        undo.nothing()
    return suggestions.stop(where, again=True)
