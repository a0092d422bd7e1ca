"""One thing that is asked of a home: of a device, a place, a skill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.messages import Call
from hub.router.codec import own_parameters
from hub.training.asked import ASKED, DEVICE, PLACED, QUERIES
from hub.training.chosen import Shape
from hub.training.filling import IN_WORDS, Drawn, Filler, Free, Unfit
from hub.training.homes import Place, Thing, said
from hub.training.noise import Piece
from hub.training.sentences import Ref, SkillSentences, Template


class Commands(Filler):
    """Asks for one thing."""

    def _device(self) -> Drawn:
        dice = self._dice
        things = [thing for thing in self._scene.things if thing.domain in DEVICE]
        if not things:
            raise Unfit("no device")
        thing = dice.choice(things)
        return self._about(thing, DEVICE[thing.domain])

    def _about(self, thing: Thing, weights: Mapping[tuple[str, str], float]) -> Drawn:
        asks = [ask for ask in weights if (*ask, thing.domain) in self._known.by_domain]
        if not asks:
            raise Unfit(f"no template for {thing.domain}")
        ask = self._dice.choices(asks, [weights[each] for each in asks])[0]
        template = self._choose(self._known.by_domain[*ask, thing.domain])
        if not self._fitting(template, [thing]):
            raise Unfit("other class")
        return self._fill(template, thing=thing)

    def _of(self, weights: Mapping[tuple[str, str], float], kind: str) -> Drawn:
        """About a kind of things, a place, or nothing."""
        dice = self._dice
        asks = [*weights]
        tool, flavour = dice.choices(asks, [*weights.values()])[0]
        shapes = ["area", "here", "all", "floor", "none"]
        chances = [5, 4, 2, 2 if self._scene.floors else 0, 5]
        there = [
            (shape, chance)
            for shape, chance in zip(shapes, chances, strict=True)
            if chance and (tool, flavour, shape) in self._known.by_shape
        ]
        if not there:
            raise Unfit("no template")
        shape = dice.choices([s for s, _ in there], [c for _, c in there])[0]
        template = self._choose(self._known.by_shape[tool, flavour, shape])
        drawn = self._fill(template)
        if not drawn.template or not self._may_be_listed(drawn, shape):
            raise Unfit("nothing of the kind")
        return drawn

    def _may_be_listed(self, drawn: Drawn, shape: Shape) -> bool:
        """For the whole house and for floors: some such thing is listed."""
        assert drawn.template is not None
        if shape not in ("all", "floor") or drawn.template.tool in ("HassGetWeather",):
            return True
        slots = {**drawn.template.slots, **drawn.calls[0].arguments}
        return bool(self._kind(slots, drawn.template))

    def _query(self) -> Drawn:
        dice = self._dice
        if dice.random() < 0.5:
            return self._of(QUERIES, "query")
        thing = dice.choice(self._scene.things)
        return self._about(thing, {**ASKED, ("HassGetState", "where"): 3})

    def _skill(self) -> Drawn:
        if not self._skills:
            raise Unfit("no skill")
        skill = self._dice.choice(self._skills)
        return self._skill_call(skill)

    def _skill_call(self, skill: SkillSentences) -> Drawn:
        dice, scene = self._dice, self._scene
        template = dice.choice(skill.templates)
        self._spelt = dice.random() < IN_WORDS
        skeleton: list[str | Ref] = []
        template.node.draw(dice, skeleton)
        properties = skill.spec.parameters["properties"]
        pieces: list[Piece] = []
        slots: dict[str, Any] = {}
        for part in skeleton:
            if isinstance(part, str):
                pieces.append(Piece(part))
                continue
            schema = properties.get(part.slot, {})
            if part.listed == "area" or schema.get("format") == "area":
                if not scene.areas:
                    raise Unfit("no area")
                area = dice.choice(scene.areas)
                pieces.append(Piece(area.name, "area"))
                slots[part.slot] = area.key
            elif part.listed == "name":
                things = scene.of(skill.spec.domains)
                thing = dice.choice(things) if things else None
                told = said(dice, thing, scene, things, None) if thing else None
                if thing is None or told is None:
                    raise Unfit("no thing for the skill")
                pieces.append(Piece(told.text, "name"))
                slots["name"] = thing.key
            else:
                pieces.append(self._parameter(template, part, schema, slots))
        known = list(own_parameters(skill.spec))
        extra = [slot for slot in slots if slot not in known and slot != "name"]
        if extra:
            raise Unfit("slot that is no parameter")
        return Drawn(
            pieces, [Call(skill.spec.name, slots)], self._any_room(), "skill", template=template
        )

    def _parameter(
        self, template: Template, ref: Ref, schema: Mapping[str, Any], slots: dict[str, Any]
    ) -> Piece:
        dice = self._dice
        values = template.lists.get(ref.slot) or template.lists.get(ref.listed)
        kind = schema.get("type")
        if values:
            node, value = dice.choice(values)
            text = self._say(node)
            if kind == "string" and "enum" not in schema:
                piece = Piece(text, "free")
                slots[ref.slot] = Free(piece) if value is None or str(value) == text else value
                return piece
            slots[ref.slot] = text if value is None else value
            return Piece(text)
        if "enum" in schema:
            value = dice.choice(schema["enum"])
            slots[ref.slot] = value
            return Piece(str(value).replace("_", " "))
        if kind in ("integer", "number"):
            low, high = int(schema.get("minimum", 1)), int(schema.get("maximum", 100))
            number = dice.randint(low, min(high, low + 20) if dice.random() < 0.5 else high)
            number = number - number % 5 if number > 30 and number - number % 5 >= low else number
            slots[ref.slot] = number
            return Piece(self._digits(number, "number"), "number")
        if kind == "boolean":
            value = dice.random() < 0.5
            slots[ref.slot] = value
            return Piece("on" if value else "off")
        words = self._known.found.values(template, ref)
        if not words:
            raise Unfit("no words for the skill")
        piece = Piece(self._say(dice.choice(words)[0]), "free")
        slots[ref.slot] = Free(piece)
        return piece

    def _any_room(self) -> Place | None:
        return self._dice.choice([*self._scene.areas, *self._scene.elsewhere[:1], None])

    def _part(self) -> Drawn:
        """One command of several."""
        if self._dice.random() < 0.7:
            return self._device()
        return self._of(PLACED, "area")
