"""Door locks. Unlocking is asked for first, one lock at a time.

In Home Assistant's intents, 'turn on' locks and 'turn off' unlocks.
"""

from __future__ import annotations

from hub.skill import Entities, Home, Where, tool


@tool("HassTurnOn", domains=["lock"], named=True, examples=["lock the front door"])
async def lock(locks: Entities, home: Home) -> None:
    """Lock doors."""
    await home.call("lock.lock", locks)


@tool(
    "HassTurnOff",
    domains=["lock"],
    confirm={"en": "Unlock the {names}?", "de": "{names} aufschließen?"},
    examples=["unlock the front door"],
)
async def unlock(locks: Entities, home: Home) -> None:
    """Unlock a door."""
    await home.call("lock.unlock", locks)


@tool(
    phrases={
        "en": ["lock (up|everything)", "lock [up] [(all|all of)] [the] (doors|house)"],
        "de": ["schließ[e] (alles|alle Türen) (ab|zu)", "alles (abschließen|zuschließen)"],
    },
    examples=["lock up"],
)
async def lock_all(home: Home, where: Where) -> str | None:
    """Lock all doors."""
    locks = home.find(domains=["lock"])
    if not locks:
        return where.say("There are no locks.", de="Es gibt keine Schlösser.")
    done = await home.call("lock.lock", locks)
    if all(outcome.confirmed for outcome in done):
        return where.say("Everything is locked.", de="Alles ist abgeschlossen.")
    return where.say("Locked the other doors.", de="Die anderen Türen sind abgeschlossen.")
