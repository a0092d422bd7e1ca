"""What a hub shall do nothing about: talk, halves, what there is not, what cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hub.home.model import normal
from hub.training.answers import OWN_AREA, several
from hub.training.asked import DEVICE, PLACED
from hub.training.chosen import served
from hub.training.commands import Commands
from hub.training.filling import Drawn, Unfit, text_of
from hub.training.homes import Builder, Place
from hub.training.noise import Piece
from hub.training.sentences import Template

DANGLING: Mapping[str, tuple[str, ...]] = {
    "en": ("the", "my", "our", "to"),
    "de": ("die", "der", "das", "den", "dem", "meine", "meinen"),
    "fr": ("le", "la", "les"),
    "es": ("el", "la", "los", "las"),
    "nl": ("de", "het"),
    "it": ("il", "la", "le", "lo"),
    "pt": ("o", "a", "as", "os"),
}
"""Words behind which something must follow."""

IMPOSSIBLE = (
    ("HassTurnOff", "", "lock", ("light", "fan", "climate", "media_player", "vacuum")),
    ("HassTurnOn", "", "lock", ("light", "fan", "climate", "todo")),
    ("HassLightSet", "color", "light", ("lock", "cover", "vacuum", "climate", "fan", "todo")),
    ("HassVacuumReturnToBase", "", "vacuum", ("light", "lock", "cover", "climate")),
    ("HassListAddItem", "", "todo", ("light", "lock", "fan")),
)
"""Tool, flavour and domain of sentences that make no sense for things of these domains."""

VERBS_FIRST = frozenset(
    "turn switch set make open close dim lock unlock start stop pause play raise lower shut "
    "put add change brighten increase decrease adjust activate run press push vacuum clean "
    "skip mute unmute bring move resume begin launch give let kill flip fire power send "
    "remove take check cancel announce broadcast tell show get crank cut hit pull roll toggle "
    "enable disable find light fade boost bump drop reduce warm cool heat draw slide lift "
    "leave keep dock return mow sweep hoover mop illuminate create drop throw tint paint slow "
    "speed trigger go do use shine secure".split()
)


class Nothing(Commands):
    """Says what is to be answered with `none`."""

    def _nothing(self) -> Drawn:
        dice = self._dice
        ways: list[tuple[float, Callable[[], Drawn]]] = [
            (55 if self._known.nothing else 0, self._talk),
            (16, self._absent_thing),
            (8, self._absent_kind),
            (5, self._absent_area),
            (4, self._impossible),
            (14, self._half),
            (5 if self._language == "en" else 0, self._negated),
            (4, self._absent_skill),
        ]
        way = dice.choices([w for _, w in ways], [c for c, _ in ways])[0]
        drawn = way()
        drawn.calls = []
        drawn.kind = "half" if way == self._half else "none"
        return drawn

    def _talk(self) -> Drawn:
        """What is not for the hub, in words of our own."""
        drawn = self._fill(self._dice.choice(self._known.nothing))
        drawn.room = self._any_room()
        return drawn

    def _absent_thing(self) -> Drawn:
        """A thing that is not listed, with a name that none of the others resembles."""
        other = Builder(self._dice, self._language, held_out=self._held_out).scene()
        listed = {w for t in self._scene.things for w in t.words} - self._scene.generic
        for thing in other.things:
            own = set(thing.words) - self._scene.generic
            if thing.domain not in DEVICE or thing.plain or not own or own & listed:
                continue
            if any(set(thing.words) <= set(t.words) for t in self._scene.things):
                continue
            asks = [a for a in DEVICE[thing.domain] if (*a, thing.domain) in self._known.by_domain]
            if not asks:
                continue
            template = self._choose(self._known.by_domain[*self._dice.choice(asks), thing.domain])
            return self._fill(
                _nameless(template), thing=thing, rooms=self._rooms(), text_of_name=thing.label
            )
        raise Unfit("no other thing")

    def _rooms(self) -> list[Place | None]:
        return [*self._scene.areas, None]

    def _absent_kind(self) -> Drawn:
        """'Close the blinds' where there are none."""
        dice = self._dice
        tool, flavour = dice.choice([*PLACED])
        shape = dice.choice(("here", "all", "area"))
        template = self._choose(self._known.by_shape.get((tool, flavour, shape)))
        given = template.slots.get("domain")
        domains = frozenset(several(given)) if given else served(tool)
        if not domains or self._scene.of(domains) or tool in OWN_AREA:
            raise Unfit("there is one")
        if domains == {"switch"} or ("climate" in domains and self._scene.of(["sensor", "fan"])):
            raise Unfit("something near")
        area = dice.choice(self._scene.areas) if self._scene.areas else None
        return self._fill(_nameless(template), area=area, rooms=self._rooms())

    def _absent_area(self) -> Drawn:
        """A room that is not listed."""
        if not self._scene.elsewhere:
            raise Unfit("all rooms are listed")
        dice = self._dice
        tool, flavour = dice.choice([*PLACED])
        template = self._choose(self._known.by_shape.get((tool, flavour, "area")))
        if tool in OWN_AREA or tool == "everything.off":
            raise Unfit("an area of its own")
        area = dice.choice(self._scene.elsewhere)
        said_words = set(normal(area.name).split())
        listed = {w for a in self._scene.areas for w in normal(a.name).split()}
        listed |= {w for t in self._scene.things for w in t.words}
        if said_words & listed:
            raise Unfit("another is called so")
        return self._fill(_nameless(template), area=area, rooms=self._rooms())

    def _impossible(self) -> Drawn:
        """'Unlock the lamp'."""
        dice = self._dice
        tool, flavour, domain, things = dice.choice(IMPOSSIBLE)
        found = self._scene.of(things)
        if not found:
            raise Unfit("no such thing")
        template = self._choose(self._known.by_domain.get((tool, flavour, domain)))
        drawn = self._fill(_nameless(template), thing=dice.choice(found), rooms=self._rooms())
        if not any(piece.role == "name" for piece in drawn.pieces):
            raise Unfit("no name")
        return drawn

    def _half(self) -> Drawn:
        """A command that stops before its end."""
        drawn = self._device()
        names = [n for n, piece in enumerate(drawn.pieces) if piece.role == "name"]
        head = drawn.pieces[: names[0]] if names else []
        words = text_of(head).lower().split()
        if len(words) < 2 or words[-1] not in DANGLING.get(self._language, ()):
            raise Unfit("not clearly a half")
        drawn.pieces = head
        return drawn

    def _negated(self) -> Drawn:
        drawn = self._device()
        if not drawn.template or not imperative(drawn.pieces, drawn.template):
            raise Unfit("no imperative")
        before = self._dice.choice(
            ("don't ", "do not ", "please don't ", "never ", "you must not ")
        )
        drawn.pieces = [Piece(before), *drawn.pieces]
        return drawn

    def _absent_skill(self) -> Drawn:
        pool = [s for s in self._known.skills if s.spec not in self._scene.tools]
        if not pool:
            raise Unfit("no skill")
        return self._skill_call(self._dice.choice(pool))


def _nameless(template: Template) -> Template:
    """The same sentence, as one that asks nothing of this home."""
    return replace(template, tool="none", kind="none")


def imperative(pieces: Sequence[Piece], template: Template) -> bool:
    words = text_of(pieces).lower().split()
    return bool(words) and (words[0] in VERBS_FIRST or template.question)
