"""Several things in one sentence, corrections, and what follows from the sentence before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hub.home.model import normal
from hub.messages import Call
from hub.training.answers import canonical, several
from hub.training.chosen import served, shape_of
from hub.training.commands import Commands
from hub.training.filling import Drawn, Free, Unfit, text_of
from hub.training.homes import Place, said
from hub.training.noise import Piece
from hub.training.sentences import FollowUp, Node

AND = {"en": "and", "de": "und", "fr": "et", "es": "y", "nl": "en", "it": "e", "pt": "e"}
AND |= {"pl": "i", "sv": "och"}


class Together(Commands):
    """Asks for more than one thing, or for what only the last sentence makes clear."""

    def _multi(self) -> Drawn:
        dice = self._dice
        if dice.random() < 0.45:
            return self._both()
        first = self._part()
        second = self._part()
        if self._clash(first, second):
            raise Unfit("the same twice")
        room = self._common_room(first, second)
        frames = self._known.found.joins
        if frames and dice.random() < 0.85:
            parts = {"first": first.pieces, "second": second.pieces}
            pieces = self._framed(dice.choice(frames), parts)
        else:
            pieces = [*first.pieces, Piece(f" {AND[self._language]} "), *second.pieces]
        return Drawn(pieces, [*first.calls, *second.calls], room, "multi")

    def _clash(self, first: Drawn, second: Drawn) -> bool:
        targets = [{k: str(v) for k, v in d.calls[0].arguments.items()} for d in (first, second)]
        return targets[0] == targets[1] or first.kind == "ambiguous" or second.kind == "ambiguous"

    def _common_room(self, first: Drawn, second: Drawn) -> Place | None:
        """Both are said in one room: the one that matters to either of them."""
        here = [d for d in (first, second) if d.template and shape_of(d.template) == "here"]
        if len(here) == 2 and here[0].room != here[1].room:
            raise Unfit("two rooms")
        if not here:
            return self._checked_room(first, second)
        other = second if here[0] is first else first
        return here[0].room if self._holds_in(other, here[0].room) else self._refused()

    def _checked_room(self, first: Drawn, second: Drawn) -> Place | None:
        for room in (first.room, second.room):
            if self._holds_in(first, room) and self._holds_in(second, room):
                return room
        return self._refused()

    def _refused(self) -> Place | None:
        raise Unfit("name means another here")

    def _holds_in(self, drawn: Drawn, room: Place | None) -> bool:
        """Whether a name still means the same when it is said in another room."""
        if drawn.thing is None or drawn.room == room:
            return True
        return not any(
            other.words == drawn.thing.words and other.key != drawn.thing.key
            for other in self._scene.things
        )

    def _both(self) -> Drawn:
        """'Turn on the lamp and the fan': one verb, two things."""
        dice = self._dice
        first = self._device()
        if first.thing is None or first.template is None or first.kind == "ambiguous":
            raise Unfit("no thing")
        call = first.calls[0]
        domains = first.template.domains or served(first.template.tool)
        others = [
            t
            for t in self._scene.of(domains)
            if t.key != first.thing.key and self._fitting(first.template, [t])
        ]
        if not others or any(isinstance(value, Free) for value in call.arguments.values()):
            raise Unfit("no second thing")
        other = dice.choice(others)
        told = said(dice, other, self._scene, self._rivals(first.template), first.room)
        if told is None or not told.sure or AND[self._language] in normal(told.text).split():
            raise Unfit("name not unique")
        names = [piece for piece in first.pieces if piece.role == "name"]
        places = [piece for piece in first.pieces if piece.role == "area"]
        if len(names) != 1 or places:
            raise Unfit("area said")
        article = article_before(first.pieces, names[0], self._language)
        at = first.pieces.index(names[0])
        more = [Piece(f" {AND[self._language]} {article}"), Piece(told.text, "name")]
        first.pieces[at + 1 : at + 1] = more
        second = canonical(
            replace(call, arguments={**call.arguments, "name": other.key}), self._scene
        )
        return replace(first, calls=[call, second], kind="multi")

    def _correction(self) -> Drawn:
        """'Turn on the lamp, no, the fan'; 'close the blinds, no, forget it'."""
        dice = self._dice
        found = self._known.found
        if found.cancellations and dice.random() < 0.3:
            first = self._part()
            pieces = self._framed(dice.choice(found.cancellations), {"first": first.pieces})
            return Drawn(pieces, [], first.room, "correction")
        frames = found.corrections
        if not frames:
            raise Unfit("no frames for corrections")
        frame = dice.choice(frames)
        if dice.random() < 0.5:
            return self._other_name(frame)
        first, second = self._part(), self._part()
        if self._clash(first, second):
            raise Unfit("the same twice")
        room = self._common_room(first, second)
        pieces = self._framed(frame, {"first": first.pieces, "second": second.pieces})
        return Drawn(pieces, list(second.calls), room, "correction")

    def _other_name(self, frame: Node) -> Drawn:
        both = self._both()
        names = [piece for piece in both.pieces if piece.role == "name"]
        at = both.pieces.index(names[1])
        article = both.pieces[at - 1].text.replace(f" {AND[self._language]} ", "", 1)
        if both.pieces[at + 1 :] and text_of(both.pieces[at + 1 :]):
            raise Unfit("words behind the name")
        parts = {"first": both.pieces[: at - 1], "second": [Piece(article), names[1]]}
        pieces = self._framed(frame, parts)
        return Drawn(pieces, both.calls[1:], both.room, "correction")

    def _follows(self, follow: FollowUp, earlier: Drawn, call: Call) -> bool:
        if follow.after is not None and call.tool not in follow.after:
            return False
        if follow.change == "name":
            return earlier.thing is not None
        if follow.change == "area":
            return earlier.thing is None and "area" in call.arguments
        if follow.template.tool == "none":
            return True
        domains = self._domains_of(earlier, call)
        wanted = follow.domains or follow.template.domains or served(follow.template.tool)
        return bool(domains) and domains <= wanted

    def _domains_of(self, earlier: Drawn, call: Call) -> frozenset[str]:
        if earlier.thing is not None:
            return frozenset([earlier.thing.domain])
        if domain := call.arguments.get("domain"):
            return frozenset(several(domain))
        own = served(call.tool)
        return own if len(own) == 1 else frozenset()

    def _following(self, follow: FollowUp, earlier: Drawn, call: Call) -> Drawn:
        dice, scene = self._dice, self._scene
        template = follow.template
        if follow.change == "name":
            assert earlier.thing is not None and earlier.template is not None
            others = [
                t
                for t in self._fitting(earlier.template, scene.things)
                if t.key != earlier.thing.key
            ]
            if not others:
                raise Unfit("no other thing")
            other = dice.choice(others)
            drawn = self._fill(
                replace(template, tool=earlier.template.tool, domains=earlier.template.domains),
                thing=other,
                rooms=[earlier.room],
            )
            if drawn.kind == "ambiguous":
                raise Unfit("ambiguous")
            drawn.calls = [replace(call, arguments={**call.arguments, "name": other.key})]
        elif follow.change == "area":
            assert earlier.template is not None
            slots = {**earlier.template.slots, **call.arguments}
            areas = [
                area
                for area in scene.areas
                if area.key != call.arguments["area"] and self._holds(area, slots, earlier.template)
            ]
            if not areas:
                raise Unfit("no other area")
            area = dice.choice(areas)
            drawn = self._fill(replace(template, tool="everything.off"), area=area)
            drawn.calls = [replace(call, arguments={**call.arguments, "area": area.key})]
        elif template.tool == "none":
            drawn = self._fill(template)
        else:
            drawn = self._fill(replace(template, here=False), rooms=scene.areas)
            target = ("name", "area", "floor", "domain", "device_class")
            kept_slots = {s: v for s, v in call.arguments.items() if s in target}
            if not kept_slots:
                raise Unfit("no target before")
            own = {s: v for s, v in drawn.calls[0].arguments.items() if s != "name"}
            if "domain" not in kept_slots and "name" not in kept_slots:
                kept_slots["domain"] = next(iter(self._domains_of(earlier, call)))
            drawn.calls = [replace(drawn.calls[0], arguments={**kept_slots, **own})]
        drawn.calls = [canonical(each, scene) for each in drawn.calls]
        drawn.kind = "follow-up"
        drawn.template = replace(template, kind="follow-up")
        return drawn


def article_before(pieces: Sequence[Piece], name: Piece, language: str) -> str:
    """What stands in front of a name, to be said again."""
    before = "".join(piece.text for piece in pieces[: pieces.index(name)])
    for article in {"en": ("the ", "my ", "our ")}.get(language, ()):
        if before.endswith(article):
            return article
    return ""


def spoken_call(call: Call) -> Call:
    """The call with the words that were said in the end."""
    values = {
        slot: " ".join(value.piece.text.split()) if isinstance(value, Free) else value
        for slot, value in call.arguments.items()
    }
    return replace(call, arguments=values)


def shortened(reason: str) -> str:
    return " ".join(word for word in reason.split() if "." not in word or word.startswith("Hass"))
