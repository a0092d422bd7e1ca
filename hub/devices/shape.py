"""What a home file has to look like, and the line of it that does not.

Only shapes are checked here: what is a list, a mapping, text or a number. What they mean, in each
of the formats that are read, is known to `homefile`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

Text = Annotated[str, Field(coerce_numbers_to_str=True)]
"""YAML takes an unquoted 12 for a number, which is a good name for a floor."""


def _listed(value: Any) -> Any:
    """A single word where a list is meant is a list of one."""
    return [value] if isinstance(value, str) else value


Words = Annotated[list[Text] | None, BeforeValidator(_listed)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Floor(_Part):
    id: Text | None = None
    name: Text | None = None
    level: int | None = None
    aliases: Words = None


class _Area(_Part):
    id: Text | None = None
    name: Text | None = None
    floor: Text | None = None
    floor_id: Text | None = None
    aliases: Words = None


class _Device(_Part):
    id: Text | None = None
    name: Text | None = None
    area: Text | None = None


class _Attributes(_Part):
    """Those that something is computed with."""

    brightness: float | None = None
    current_position: float | None = None
    current_valve_position: float | None = None
    position: float | None = None
    volume_level: float | None = None
    percentage: float | None = None
    supported_features: int | list[Text] | None = None
    entities: dict[str, Any] | None = None
    sequence: list[dict[str, Any]] | None = None
    todo_items: list[Any] | None = None


class _Entity(_Part):
    id: Text | None = None
    entity_id: Text | None = None
    name: Text | None = None
    domain: Text | None = None
    area: Text | None = None
    device: Text | None = None
    device_class: Text | None = None
    aliases: Words = None
    features: int | list[Text] | None = None
    attributes: _Attributes | None = None


class _File(_Part):
    floors: list[_Floor] | None = None
    areas: list[_Area] | None = None
    devices: list[_Device] | None = None
    entities: list[_Entity]


_EXPECTED = {
    "list_type": "a list is expected",
    "dict_type": "a mapping (key: value) is expected",
    "model_type": "a mapping (key: value) is expected",
    "model_attributes_type": "a mapping (key: value) is expected",
    "string_type": "text is expected",
    "int_type": "a whole number is expected",
    "int_parsing": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "float_type": "a number is expected",
    "float_parsing": "a number is expected",
    "missing": "a home needs a list 'entities'",
}


def problems(content: Any, text: str = "") -> list[tuple[int | None, str]]:
    """What is wrong, each with its line in `text` if that is known; empty if nothing is."""
    try:
        _File.model_validate(content)
    except ValidationError as error:
        places = _places(text)
        return list(dict.fromkeys(_told(problem, places) for problem in error.errors()))
    return []


def _told(problem: Any, places: Mapping[tuple[str | int, ...], int]) -> tuple[int | None, str]:
    # A union adds the name of its branch, which is no place in the file.
    loc = tuple(part for part in problem["loc"] if part not in ("int", "list[str]"))
    loc = tuple(part for part in loc if not str(part).startswith("list["))
    expected = _EXPECTED.get(problem["type"], problem["msg"])
    if problem["type"] == "missing" or not loc:
        return None, _EXPECTED["missing"]
    named = ": ".join(str(part + 1) if isinstance(part, int) else part for part in loc)
    line = next((places[loc[:n]] for n in range(len(loc), 0, -1) if loc[:n] in places), None)
    return line, f"{named}: {expected} (it is {_short(problem['input'])})"


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:57]}..."


def _places(text: str) -> dict[tuple[str | int, ...], int]:
    """The line of everything in a YAML text, by its way down from the top."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return {}
    return dict(_walk(root, (), frozenset())) if root is not None else {}


def _walk(
    node: yaml.Node, way: tuple[str | int, ...], above: frozenset[int]
) -> Iterable[tuple[tuple[str | int, ...], int]]:
    if id(node) in above:  # an alias of what it is in
        return
    yield way, node.start_mark.line + 1
    inside: Sequence[tuple[str | int, yaml.Node]] = ()
    if isinstance(node, yaml.MappingNode):
        inside = [(str(key.value), value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        inside = list(enumerate(node.value))
    for key, value in inside:
        yield from _walk(value, (*way, key), above | {id(node)})
