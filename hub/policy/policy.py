"""The policy: what comes before something is done. See `docs/trust.md` for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from hub.home.guarded import CLASSES
from hub.home.things import Entity, State, normal
from hub.policy.approvals import Approvals
from hub.policy.audit import Audit
from hub.policy.classes import HEATING, R0, R1, R2, R3, RISKS, Harm, harm, highest
from hub.policy.pin import Pin

Factor = Literal["pin", "phone", "yes"]
"""What lets R3 happen. `yes`, a plain one, is for homes that are not there."""
Kind = Literal["act", "ask", "second_factor", "refuse"]

FACTORS = ("pin", "phone")
NEVER = "no"

FIRM = frozenset({"unlocks", "disarms", "programs"})
"""Reasons for R3 that come from what a device is, not from what it is called: no setting makes less
of them."""


_by_model: ContextVar[bool] = ContextVar("by_model", default=False)


@contextmanager
def heard_by_a_model() -> Iterator[None]:
    """What is asked within goes through a language model elsewhere: no PIN is asked for there."""
    before = _by_model.set(True)
    try:
        yield
    finally:
        _by_model.reset(before)


@dataclass(frozen=True, slots=True)
class Action:
    """What is about to be done. All devices are acted on by one service."""

    tool: str = ""
    entities: Sequence[Entity] = ()
    service: str = ""
    """`unlock`; empty if nobody knows it before."""
    data: Mapping[str, Any] = field(default_factory=dict)
    declared: str = R0
    """The class that its tool declares."""
    area: str | None = None
    """The room in which it was said."""
    person: str | None = None
    permit: str = R1
    """What is allowed already: R1 with nothing, R2 after a yes, R3 after a second factor."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes first."""

    kind: Kind
    harm: Harm
    factor: Factor | None = None
    """Of `second_factor`."""
    why: str = ""
    """Of `refuse`: a key of `hub.policy.words.SAY`."""


@dataclass(frozen=True, slots=True)
class Table:
    """What people have set, `[trust]` in the settings."""

    heating: float = HEATING
    factor: Literal["auto", "pin", "phone"] = "auto"
    devices: Mapping[str, str] = field(default_factory=dict)
    """Entity id -> a class, or `pin`, `phone` or `no`."""
    rooms: Mapping[str, str] = field(default_factory=dict)
    """Room -> the highest class that is done when it is said there."""
    people: Mapping[str, str] = field(default_factory=dict)
    """The same for who is known to speak."""


class Policy:
    """One policy for a home. `plain` is one that a yes is enough for."""

    def __init__(
        self,
        table: Table | None = None,
        *,
        pin: Pin | None = None,
        approvals: Approvals | None = None,
        audit: Audit | None = None,
        plain_yes: bool = False,
        off: bool = False,
        closed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`plain_yes`: a yes is enough for R3. `off`: everything is just done; a test needs that,
        to see that its attacks would hit if there were no policy. `closed`: what people had set
        about their devices is lost. Then nothing that is R3 is done, and what they may have made
        R3 is asked for first, until somebody has looked at it."""
        self.table = table or Table()
        self.pin = pin
        self.approvals = approvals or Approvals()
        self.audit = audit or Audit()
        self.plain_yes = plain_yes
        self.off = off
        self.closed = closed
        self._rooms = {normal(name): risk for name, risk in self.table.rooms.items()}
        self._people = {normal(name): risk for name, risk in self.table.people.items()}

    @classmethod
    def plain(cls) -> Policy:
        """For homes that are not there, where a yes opens no real door."""
        return cls(plain_yes=True)

    def harm(
        self,
        entity: Entity,
        service: str,
        data: Mapping[str, Any] | None = None,
        state: State | None = None,
    ) -> Harm:
        """The class of a service for a device, with what people have set."""
        found = harm(entity, service, data, state, heating=self.table.heating)
        return self._set(entity, found)

    def highest(self, entity: Entity) -> Harm:
        """The worst that can be asked of a device; for lists."""
        return self._set(entity, highest(entity))

    def _set(self, entity: Entity, found: Harm) -> Harm:
        if found.risk == R1 and entity.domain in MAY_OPEN and self.closed():
            return Harm(R2, "closed")
        wanted = self.table.devices.get(entity.entity_id) or entity.trust
        entrance = entity.domain == "cover" and entity.device_class in CLASSES
        if not wanted or (found.risk == R3 and (found.why in FIRM or entity.guarded or entrance)):
            return found
        if found.why == "plain" and entity.domain in OPENINGS:
            return found
        if wanted in RISKS:
            plain = found.why == "plain" and wanted in (R0, R1)
            return found if plain else Harm(wanted, "settings")
        return Harm(R3, "settings" if found.why == "plain" else found.why)

    def factor(self, entities: Sequence[Entity]) -> Factor | str:
        """What lets R3 happen to these devices: a factor, or `no`, or empty if there is none."""
        wanted = {
            self.table.devices.get(entity.entity_id) or entity.trust for entity in entities
        } & {*FACTORS, NEVER}
        if NEVER in wanted or (self.closed() and not self.plain_yes):
            return NEVER
        if self.plain_yes:
            return "yes"
        has_pin = self.pin is not None and self.pin.there and not _by_model.get()
        if "phone" in wanted:
            return "phone"  # of several wishes the phone: it is in somebody's hand
        if "pin" in wanted:
            return "pin" if has_pin else ""
        if self.table.factor != "auto":
            return self.table.factor if self.table.factor == "phone" or has_pin else ""
        if has_pin:
            return "pin"
        return "phone" if self.approvals.reachable else ""

    def judge(self, action: Action, found: Harm) -> Verdict:
        """What comes before something of this class. No effects but a row in the audit."""
        verdict = self._judged(action, found)
        if RISKS.index(found.risk) >= RISKS.index(R2) and not self.off:
            self.note(DECISIONS[verdict.kind], action, found, verdict.why or verdict.factor or "")
        return verdict

    def _judged(self, action: Action, found: Harm) -> Verdict:
        if self.off or RISKS.index(found.risk) <= RISKS.index(R1):
            return Verdict("act", found)
        if self._above(found, self._rooms.get(normal(action.area or ""))):
            return Verdict("refuse", found, why="not_here")
        if self._above(found, self._people.get(normal(action.person or ""))):
            return Verdict("refuse", found, why="not_you")
        if found.risk == R3:
            factor = self.factor(action.entities)
            if factor == NEVER:
                return Verdict("refuse", found, why="closed" if self.closed() else "never")
            if action.permit == R3:
                return Verdict("act", found)
            if factor == "yes":
                return Verdict("ask", found)
            if factor in FACTORS:
                return Verdict("second_factor", found, factor="pin" if factor == "pin" else "phone")
            return Verdict("refuse", found, why="no_factor")
        if RISKS.index(action.permit) >= RISKS.index(R2):
            return Verdict("act", found)
        return Verdict("ask", found)

    def _above(self, found: Harm, limit: str | None) -> bool:
        return limit in RISKS and RISKS.index(found.risk) > RISKS.index(limit)

    def permit(self, confirmed: bool) -> str:
        """What a yes allows."""
        return (R3 if self.plain_yes else R2) if confirmed else R1

    def note(self, decision: str, action: Action, found: Harm, why: str = "") -> None:
        """Keep what was decided."""
        self.audit.note(
            decision,
            risk=found.risk,
            why=f"{found.why}: {why}" if why else found.why,
            tool=action.tool,
            service=action.service,
            entities=[entity.entity_id for entity in action.entities],
            area=action.area,
            person=action.person,
        )


MAY_OPEN = frozenset(
    {"automation", "button", "cover", "input_boolean", "input_button", "scene", "script", "switch"}
)
"""Domains of what may open a door though nobody sees it: people tell with 'hearth trust allow'."""

OPENINGS = frozenset({"alarm_control_panel", "cover", "lock", "valve"})
"""Domains of which closing is never made a question, whatever is set."""

DECISIONS: Mapping[Kind, str] = {
    "act": "done",
    "ask": "asked",
    "second_factor": "second factor",
    "refuse": "refused",
}
