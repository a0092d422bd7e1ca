"""Talking about the talk: stop, never mind, say that again, and small courtesies."""

from __future__ import annotations

from hub.skill import Conversation, Speaker, Undo, Where, tool


@tool(
    "HassNevermind",
    phrases={
        "en": [
            "[oh|no|(it's|it is|that's) (ok|okay|fine|alright)] (never mind|nevermind|forget it)",
            "((never mind|nevermind) [about] (it|that|this)|forget about it)",
            "(cancel|scratch that|nothing|don't bother|it was nothing)",
        ],
        "de": [
            "[ach|ach nein|nein] (schon gut|vergiss es|egal|nichts|nix|doch nicht)",
            "(abbrechen|Abbruch|ist egal|das ist egal|lass gut sein|lass es|lass mal|lass es sein)",
            "(hat sich erledigt|passt schon|alles gut|alles okay|schon okay|doch nix)",
        ],
    },
)
def never_mind(conversation: Conversation) -> str:
    """Drop what was being talked about."""
    conversation.forget()
    return ""


@tool(
    phrases={
        "en": ["(stop|be quiet|quiet|silence|shush|shut up|stop talking)"],
        "de": ["(stopp|stop|ruhe|sei still|sei leise|hör auf)"],
    },
    examples=["stop"],
)
async def stop(conversation: Conversation, speaker: Speaker) -> str:
    """Be silent at once."""
    conversation.forget()
    await speaker.stop()
    return ""


@tool(
    phrases={
        "en": [
            "(say|repeat) that [again] [please]",
            "repeat [please]",
            "(what|pardon|sorry)",
            "what did you (say|just say)",
            "[can you] (come again|say that again|repeat that) [please]",
        ],
        "de": ["(wie bitte|was)", "(sag das|wiederhole das) [noch (mal|einmal)] [bitte]"],
    },
    examples=["say that again"],
)
def say_again(conversation: Conversation, where: Where) -> str:
    """Say the last reply again."""
    nothing = where.say("I have not said anything yet.", de="Ich habe noch nichts gesagt.")
    return conversation.last_reply or nothing


@tool(
    phrases={
        "en": [
            "(undo|reverse|revert) [(that|this|it|what you (did|have done))] [again]",
            "(take|put) (that|it) back [(again|the way it was)]",
            "(change|turn|put) (it|that) back [to how it was]",
        ],
        "de": [
            "(mach|mache) (das|es) [wieder] rückgängig",
            "nimm das [wieder] zurück",
            "(stell|stelle) das wieder so her",
        ],
    },
    examples=["undo that"],
)
async def undo(undo: Undo, where: Where) -> str:
    """Undo what was done last in this room."""
    told = await undo.tell()
    if told is None:
        return where.say(
            "There is nothing that I can undo.", de="Es gibt nichts, was ich zurücknehmen kann."
        )
    return told


@tool(
    phrases={
        "en": ["(thanks|thank you) [very much|so much|a lot]", "(good|nice|great) [job|work]"],
        "de": ["(danke|vielen dank|danke schön|danke dir)"],
    }
)
def thanks(where: Where) -> str:
    """Take thanks."""
    return where.say("You're welcome.", de="Gern geschehen.")


@tool(
    phrases={
        "en": ["(hello|hi|hey|good morning|good evening|good afternoon) [there]"],
        "de": ["(hallo|guten (Morgen|Tag|Abend)|servus|moin)"],
    }
)
def hello(where: Where) -> str:
    """Return a greeting."""
    return where.say("Hello.", de="Hallo.")
