"""Notices: what people want to be told of unasked."""

from __future__ import annotations

from typing import Annotated, Literal

from hub.skill import Notices, Said, Undo, Where, tool

Kind = Annotated[
    Literal["danger", "windows", "batteries", "appliances"],
    Said(
        {
            "en": {
                "[(a|any)] (water|water leak[s]|leak[s]|smoke|gas|fire|danger[s])": "danger",
                "[an] open (window[s]|door[s]) (at|in|during) [the] frost": "windows",
                "[(low|empty|a low|an empty)] (battery|batteries)": "batteries",
                "[(the|finished)] appliances": "appliances",
            },
            "de": {
                "(Wasser|Lecks|Rauch|Gas|Feuer|Gefahren)": "danger",
                "offene[n] (Fenster[n]|Türen) bei Frost": "windows",
                "[(leere|leeren|schwache|schwachen|niedrige)] (Batterie|Batterien)": "batteries",
                "[(fertige|fertigen)] Geräte[n]": "appliances",
            },
        }
    ),
]

TELL = "(tell me|let me know|warn me|notify me)"
SAGE = "(sag mir [Bescheid]|sage mir [Bescheid]|gib mir Bescheid|melde dich|warne mich|warn mich)"


@tool(
    risk="R1",
    phrases={
        "en": [f"{TELL} (when|if|whenever) (a|any|the) battery (is|gets|runs) (low|empty|flat)"],
        "de": [f"{SAGE} wenn (eine|irgendeine|die) Batterie ([fast] leer|schwach) (ist|wird)"],
    },
    examples=["tell me when a battery is low"],
)
async def batteries(notices: Notices, where: Where, undo: Undo) -> str:
    """Tell when a battery is low, from now on."""
    return await _want("batteries", True, notices, where, undo)


@tool(
    risk="R1",
    phrases={
        "en": [
            f"{TELL} (when|if|whenever) (a|any) (window|door) is [left] open (at|in|during) [the] "
            "frost",
            f"{TELL} (when|if|whenever) (a|any) (window|door) is [left] open (when|while) it "
            "(freezes|is freezing)",
        ],
        "de": [
            f"{SAGE} wenn bei Frost (ein Fenster|eine Tür|etwas) offen (ist|steht)",
            f"{SAGE} wenn (ein Fenster|eine Tür) bei Frost offen (ist|steht)",
        ],
    },
    examples=["tell me when a window is open at frost"],
)
async def windows(notices: Notices, where: Where, undo: Undo) -> str:
    """Tell when a window or door is open for long at frost, from now on."""
    return await _want("windows", True, notices, where, undo)


@tool(
    risk="R1",
    phrases={
        "en": [
            f"{TELL} (when|if|whenever) there is [(a|any)] (water leak|leak|water|smoke|gas|fire)",
            "warn me (of|about) [(a|any)] (water|leaks|water leaks|smoke|gas|fire|danger)",
        ],
        "de": [
            f"{SAGE} wenn (irgendwo|es) [irgendwo] (Wasser|Rauch|Gas|ein Leck|Feuer) (ist|gibt)",
            "(warne|warn) mich (vor|bei) (Wasser|Rauch|Gas|Feuer|Gefahr|Lecks)",
        ],
    },
    examples=["warn me about water leaks"],
)
async def danger(notices: Notices, where: Where, undo: Undo) -> str:
    """Tell of water, smoke and gas at once, from now on."""
    return await _want("danger", True, notices, where, undo)


@tool(
    risk="R1",
    phrases={
        "en": [
            f"{TELL} (when|whenever) (an|any) appliance (is (done|finished|ready)|has finished|"
            "finishes)",
        ],
        "de": [f"{SAGE} wenn ein Gerät fertig ist"],
    },
    examples=["tell me when an appliance has finished"],
)
async def appliances(notices: Notices, where: Where, undo: Undo) -> str:
    """Tell when an appliance has finished, from now on."""
    return await _want("appliances", True, notices, where, undo)


@tool(
    risk="R1",
    phrases={
        "en": ["(stop|don't|do not) (tell|warn|telling|warning) me (of|about) {kind} [any more]"],
        "de": [
            "(sag|sage|melde) mir nichts [mehr] (von|über) {kind} [mehr]",
            "(warne|warn) mich nicht [mehr] (vor|bei) {kind}",
        ],
    },
    examples=["stop telling me about batteries"],
)
async def no_more(kind: Kind, notices: Notices, where: Where, undo: Undo) -> str:
    """Tell no more of such things."""
    return await _want(kind, False, notices, where, undo)


async def _want(kind: str, wanted: bool, notices: Notices, where: Where, undo: Undo) -> str:
    """What is said to that; undo puts back how it was before."""
    before = notices.wants(kind)
    if before == wanted:
        undo.nothing()
    else:
        undo.by(put_back, kind=kind, wanted=before)
    return await notices.want(kind, wanted, where)


@tool(spoken=False)
async def put_back(kind: Kind, wanted: bool, notices: Notices, where: Where) -> None:
    """Tell of such things again, or no more."""
    await notices.want(kind, wanted, where)


@tool(
    phrases={
        "en": ["(what|which things) (do|will) you (tell|warn) me (of|about) [unasked|by yourself]"],
        "de": ["(wovon|worüber|wovor) (sagst|warnst|informierst) du mich [Bescheid|ungefragt]"],
    },
    examples=["what do you warn me about"],
)
def listed(notices: Notices, where: Where) -> str:
    """Tell what is said unasked."""
    return notices.all(where)
