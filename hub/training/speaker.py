"""Somebody who says things in one home, as items to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from hub.messages import Call
from hub.router.codec import Turn, Unsayable, read, turn, write
from hub.router.options import options
from hub.router.verbs import BY_TOOL
from hub.training.answers import allows
from hub.training.asked import CLOCK, LISTS, MEDIA, PLACED, TALK
from hub.training.chosen import domains_there, specs
from hub.training.filling import Drawn, Unfit, text_of
from hub.training.homes import Place
from hub.training.noise import Piece, distort, lowered
from hub.training.nothing import Nothing, imperative
from hub.training.samples import Item
from hub.training.together import Together, shortened, spoken_call

SLIPS = 0.2
"""Share of items with the slips of a recognizer or of hasty fingers."""

LOWERED = 0.35

WRAPPED = 0.22

WITH_TURN_BEFORE = 0.1
"""Share of items that have nothing to do with the turn before them."""

PERIOD = 0.25

TALKING = frozenset(TALK) | {"HassNevermind"}


class Speaker(Together, Nothing):
    """Says things in one home."""

    @cached_property
    def _kinds(self) -> Mapping[str, Callable[[], Drawn]]:
        return {
            "device": self._device,
            "area": lambda: self._of(PLACED, "area"),
            "query": self._query,
            "media": lambda: self._of(MEDIA, "media"),
            "list": lambda: self._of(LISTS, "list"),
            "timer": lambda: self._of(CLOCK, "timer"),
            "talk": lambda: self._of(TALK, "talk"),
            "skill": self._skill,
            "multi": self._multi,
            "correction": self._correction,
            "none": self._nothing,
        }

    def item(self, kind: str) -> Item:
        """One item. Raises Unfit."""
        if kind == "follow-up":
            return self._follow_up()
        drawn = self._kinds[kind]()
        drawn.kind = drawn.kind or kind
        before = None
        if self._dice.random() < WITH_TURN_BEFORE:
            before = self._turn_before(drawn.room)
        return self._finished(drawn, before)

    def _turn_before(self, room: Place | None) -> Turn | None:
        """An earlier turn, about something else."""
        try:
            earlier = self._device() if self._dice.random() < 0.6 else self._of(PLACED, "area")
            earlier.room = room
            return self._told(earlier)
        except Unfit:
            return None

    def _follow_up(self) -> Item:
        """A sentence that is only understood from the one before."""
        dice = self._dice
        earlier = self._device() if dice.random() < 0.7 else self._of(PLACED, "area")
        if earlier.kind == "ambiguous" or not earlier.calls:
            raise Unfit("ambiguous before")
        before = self._told(earlier)
        call = read(before.answer, self._scene.listing)
        if not call or len(call) != 1:
            raise Unfit("several before")
        fitting = [f for f in self._known.follow_ups if self._follows(f, earlier, call[0])]
        if not fitting:
            raise Unfit("no follow-up")
        asking = [follow for follow in fitting if follow.template.tool != "none"]
        follow = dice.choice(asking if asking and dice.random() < 0.85 else fitting)
        drawn = self._following(follow, earlier, call[0])
        drawn.room = earlier.room
        return self._finished(drawn, before)

    def _finished(self, drawn: Drawn, before: Turn | None = None) -> Item:
        dice = self._dice
        if drawn.kind != "half":
            self._wrap(drawn)
        if dice.random() < SLIPS:
            distort(drawn.pieces, self._language, dice)
        if dice.random() < LOWERED:
            lowered(drawn.pieces)
        text = text_of(drawn.pieces)
        if not text:
            raise Unfit("no words")
        if dice.random() >= LOWERED and drawn.kind != "half":
            if dice.random() < 0.6:
                _capital(drawn.pieces)
                text = text_of(drawn.pieces)
            if dice.random() < PERIOD:
                asked = drawn.template is not None and drawn.template.question
                text += "?" if asked else "."
        answer = self._answer(drawn.calls, drawn.pieces, text)
        last = turn(Turn(text, drawn.room.name if drawn.room else None))
        prompt = f"{turn(before)}\n{last}" if before else last
        return Item(prompt, answer, drawn.kind, self._language)

    def _answer(self, calls: Sequence[Call], pieces: Sequence[Piece], text: str) -> str:
        """The answer. Raises Unfit if it could not be given."""
        listing = self._scene.listing
        settled = [spoken_call(call) for call in calls]
        try:
            answer = write(settled, listing)
        except Unsayable as error:
            raise Unfit(f"unsayable: {shortened(str(error))}") from error
        told = read(answer, listing)
        if told is None or write(told, listing) != answer:
            raise Unfit("not read back")
        if settled and not self._allowed(answer, settled, pieces, text):
            raise Unfit(f"not allowed: {settled[0].tool}")
        return answer

    def _allowed(
        self, answer: str, calls: Sequence[Call], pieces: Sequence[Piece], text: str
    ) -> bool:
        """Whether the engine may give this answer. Only the tools that it names are looked at, and
        of the words only those that it may have been taken from: all of both takes 10 ms."""
        known = specs()
        named = [spec for call in calls for spec in known.get(call.tool, ())]
        values = [piece for piece in pieces if piece.role in ("number", "free")]
        numeric = any(
            isinstance(value, int) and not isinstance(value, bool)
            for call in calls
            for value in call.arguments.values()
        )
        numbered = any(piece.role == "number" for piece in values)
        words = text if numeric and not numbered else " , ".join(text_of([p]) for p in values)
        allowed = options(
            self._scene.listing,
            words,
            self._language,
            (*named, *self._scene.tools),
            domains_there(),
        )
        return allows(allowed, f" {answer}\n")

    def _told(self, drawn: Drawn) -> Turn:
        """An earlier turn as it is remembered: with the room where 'here' was. Raises Unfit."""
        text = text_of(drawn.pieces)
        calls = [self._placed(spoken_call(call), drawn.room) for call in drawn.calls]
        try:
            answer = write(calls, self._scene.listing)
        except Unsayable as error:
            raise Unfit("unsayable before") from error
        return Turn(text, drawn.room.name if drawn.room else None, answer)

    def _placed(self, call: Call, room: Place | None) -> Call:
        row = BY_TOOL.get(call.tool, ())
        if not row or not any(r.target in ("optional", "needed") for r in row):
            return call
        arguments = dict(call.arguments)
        if any(slot in arguments for slot in ("name", "area", "floor")):
            return call
        if room is not None and room in self._scene.areas:
            return replace(call, arguments={**arguments, "area": room.key})
        return call

    def _wrap(self, drawn: Drawn) -> None:
        """'Could you ...', '... please'."""
        template = drawn.template
        if template is None or self._dice.random() >= WRAPPED or drawn.kind == "none":
            return
        if template.kind or template.tool in TALKING or not template.must & template.may:
            return
        found = self._known.found
        frames = found.question_wrappers if template.question else found.wrappers
        if frames and not (self._language == "en" and not imperative(drawn.pieces, template)):
            drawn.pieces = self._framed(self._dice.choice(frames), {"command": drawn.pieces})


def _capital(pieces: Sequence[Piece]) -> None:
    """A capital at the beginning, which is also that of what is copied from there."""
    for piece in pieces:
        if piece.text.strip():
            text = piece.text.lstrip()
            piece.text = piece.text[: len(piece.text) - len(text)] + text[:1].upper() + text[1:]
            return
