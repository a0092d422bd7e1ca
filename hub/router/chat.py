"""The last tier with any instruct model that a server offers: tools as JSON schemas.

Such a model was not tuned for this and tells no probability, so it may only choose among the
candidates, by their names, with values that were said, and never against the words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.errors import EngineError
from hub.home.model import normal
from hub.messages import Intent, ToolSpec
from hub.ports import ChatModel
from hub.router import codec
from hub.router.model import TRACEABLE, Asked, candidates, contradicted, held_back
from hub.router.numbers import numbers
from hub.router.places import Places, targets
from hub.router.words import Words

MOST_TOOLS = 8
MOST_CALLS = 3
SCORE = 0.8
"""What stands in the trace for a model that does not tell how sure it is."""

ROLE = (
    "You are the router of a smart home. Call the tools that do what the person asks for, with "
    "names of the list and values the person said. If it is not about the home, is unclear, "
    "forbidden, or about something that is not listed, call no tool and answer: none."
)


class ChatTier:
    """Asks a chat model about one home."""

    def __init__(self, model: ChatModel, places: Places) -> None:
        self._model = model
        self._places = places

    async def prime(self) -> None:
        """Nothing to be done ahead: the server keeps what it likes."""

    async def understand(self, asked: Asked, words: Words) -> Intent:
        """What the model makes of it: calls, or nothing with the reason."""
        nothing = Intent(heard=asked.text, candidates=candidates(asked.found))
        if held := held_back(asked.text, words):
            return replace(nothing, why=f"no sentence fits, and '{held}' is for the rules alone")
        offered = {tool.name.replace(".", "__"): tool for tool, _ in asked.found.tools}
        if not offered:
            return replace(nothing, why="no sentence fits, and no tool is for what was said")
        schemas = [self._schema(name, tool, asked) for name, tool in offered.items()]
        try:
            answer = await self._model.chat(self._messages(asked), schemas)
        except EngineError as error:
            return replace(nothing, why=f"no sentence fits, and the model failed: {error}")
        if not answer.calls:
            return replace(nothing, why=f"model: none ({answer.text.strip()[:80]})")
        slots: list[tuple[str, dict[str, Any]]] = []
        for name, arguments in answer.calls:
            shown = f"model: {name}({', '.join(f'{k}={v}' for k, v in arguments.items())})"
            tool = offered.get(name)
            found = self._slots(tool, arguments, asked) if tool else None
            if tool is None or found is None or len(answer.calls) > MOST_CALLS:
                return replace(nothing, why=f"{shown}, which was not offered")
            if contradicted(tool.name, asked.text, words):
                return replace(nothing, why=f"{shown}, but the words say the opposite")
            if unsaid := _unsaid(found.get("name"), asked):
                return replace(nothing, why=f"{shown}, but '{unsaid}' was said")
            if not self._places.doable(tool.name, found):
                return replace(nothing, why=f"{shown}, which this home cannot do")
            slots.append((tool.name, found))
        calls = tuple(self._places.call(tool, found) for tool, found in slots)
        return replace(
            nothing,
            tier="model",
            score=SCORE,
            why="model: " + "; ".join(f"{call.tool} {dict(call.arguments)}" for call in calls),
            calls=calls,
            targets=targets(found for _, found in slots),
        )

    def _messages(self, asked: Asked) -> list[dict[str, str]]:
        lines = [f"- {label}: {kind}" for label, kind in self._labels(asked).values()]
        room = f"\nThe person is in: {codec.label(asked.area)}" if asked.area else ""
        listed = "\n".join(lines) or "- nothing"
        return [
            {"role": "system", "content": f"{ROLE}\nThings:\n{listed}{room}"},
            {"role": "user", "content": asked.text},
        ]

    def _labels(self, asked: Asked) -> dict[str, tuple[str, str]]:
        """Id of each candidate entity -> the name it is called by, and what it is."""
        found: dict[str, tuple[str, str]] = {}
        for thing in asked.found.things:
            if thing.entity is not None:
                label = codec.label(self._places.full_name(self._places.entities[thing.entity]))
                taken = label in {other for other, _ in found.values()}
                found[thing.entity] = (thing.entity if taken else label, thing.domain)
        return found

    def _areas(self, asked: Asked) -> dict[str, str]:
        """Name -> id of the areas that may be meant."""
        keys = [*asked.found.areas, *(thing.area for thing in asked.found.things), asked.here]
        known = (self._places.areas.get(key or "") for key in keys)
        return {codec.label(area.name): area.area_id for area in known if area is not None}

    def _schema(self, name: str, tool: ToolSpec, asked: Asked) -> dict[str, Any]:
        """The tool as the API has it, with the candidates as the only names."""
        properties: dict[str, Any] = dict(tool.parameters.get("properties", {}))
        if tool.domains:
            things = {
                label for label, domain in self._labels(asked).values() if domain in tool.domains
            }
            choices = {
                "name": sorted(things),
                "area": sorted(self._areas(asked)),
                "domain": sorted(tool.domains),
            }
            for slot in ("name", "area", "floor", "domain", "device_class"):
                properties.pop(slot, None)
            properties |= {
                slot: {"type": "string", "enum": values}
                for slot, values in choices.items()
                if values
            }
        for slot, schema in properties.items():
            if schema.get("format") == "area":
                properties[slot] = {"type": "string", "enum": sorted(self._areas(asked))}
        parameters = {
            "type": "object",
            "properties": properties,
            "required": list(tool.parameters.get("required", ())),
        }
        function = {"name": name, "description": tool.description, "parameters": parameters}
        return {"type": "function", "function": function}

    def _slots(
        self, tool: ToolSpec, arguments: Mapping[str, Any], asked: Asked
    ) -> dict[str, Any] | None:
        """The arguments with ids; None if they name or say something that was not offered."""
        names = {label: key for key, (label, _) in self._labels(asked).items()}
        areas = self._areas(asked)
        own: Mapping[str, Any] = tool.parameters.get("properties", {})
        found: dict[str, Any] = {}
        for slot, value in arguments.items():
            if value in (None, ""):
                continue
            if slot == "name" and tool.domains:
                found[slot] = names.get(str(value))
            elif (slot == "area" and tool.domains) or own.get(slot, {}).get("format") == "area":
                found[slot] = areas.get(str(value))
            elif slot == "domain" and tool.domains:
                found[slot] = value if value in tool.domains else None
            else:
                found[slot] = _value(value, own.get(slot), asked)
        if "name" in found:
            found.pop("domain", None)
        if any(value is None for value in found.values()):
            return None
        needed = set(tool.parameters.get("required", ()))
        if tool.domains and not {"name", "area", "domain"} & found.keys():
            return None  # never everything in the house because nothing was named
        if "domain" in found and "area" not in found:
            found |= {"area": asked.here} if asked.here else {}
            if not asked.here:
                return None
        return found if needed <= found.keys() else None


def _unsaid(entity: Any, asked: Asked) -> str | None:
    """What was said clearly, if that is not the entity that was chosen: whatever the names in its
    prompt made a model believe. None if the choice fits the words, or they named nothing."""
    evidence = {thing.entity: thing.evidence for thing in asked.found.things if thing.entity}
    best = max(asked.found.things, key=lambda thing: thing.evidence, default=None)
    if entity is None or best is None or best.evidence < TRACEABLE:
        return None
    return best.label if evidence.get(entity, 0.0) < TRACEABLE else None


def _value(value: Any, schema: Mapping[str, Any] | None, asked: Asked) -> Any:
    """A value of the schema's type that was said; None if it is none."""
    if schema is None:
        return None
    if "enum" in schema:
        return value if value in schema["enum"] else None
    kind = schema.get("type")
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind in ("integer", "number"):
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        said = {float(each) for each in numbers(asked.text, asked.language)}
        if said and number not in said:
            return None
        if not schema.get("minimum", number) <= number <= schema.get("maximum", number):
            return None
        return int(number) if number.is_integer() else number
    words: Sequence[str] = normal(str(value)).split()
    said_words = set(normal(asked.text).split())
    return str(value) if words and set(words) <= said_words else None
