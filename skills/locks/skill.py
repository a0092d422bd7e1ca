"""Door locks. Unlocking is asked for first, one lock at a time.

In Home Assistant's intents, 'turn on' locks and 'turn off' unlocks.
"""

from __future__ import annotations

from hub.skill import Ask, Call, Entities, Home, Where, tool


@tool("HassTurnOn", domains=["lock"], named=True, examples=["lock the front door"])
async def lock(locks: Entities, home: Home) -> None:
    """Lock doors."""
    await home.call("lock.lock", locks)


@tool(
    "HassTurnOff",
    domains=["lock"],
    confirm={"en": "Unlock the {names}?", "de": "{names} aufschließen?"},
    risk="R3",
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


@tool(
    phrases={
        "en": [
            "unlock everything",
            "unlock (all|every) [of] [the] (door|doors|lock|locks) [in the house]",
            "unlock [up] the (house|doors)",
        ],
        "de": ["schließ[e] alle Türen auf", "alle Türen aufschließen", "alles aufschließen"],
    }
)
def unlock_all(home: Home, where: Where) -> Ask | str:
    """Ask which door to unlock: they are unlocked one at a time."""
    locked = [lock for lock in home.find(domains=["lock"]) if home.state(lock).state == "locked"]
    if not locked:
        return where.say("No door is locked.", de="Keine Tür ist abgeschlossen.")
    calls = {lock.name: (Call("HassTurnOff", {"name": lock.entity_id}),) for lock in locked}
    listed = ", ".join(lock.name for lock in locked)
    return Ask(
        where.say(
            f"I unlock one door at a time. Which one: {listed}?",
            de=f"Ich schließe nur eine Tür auf einmal auf. Welche: {listed}?",
        ),
        choices=calls,
    )
