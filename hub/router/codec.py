"""The prompt of the fine-tuned model, and its answers: written and read in one place.

    Kitchen A: light Worktop Strip B, blind Blinds C    <- things by area; the id follows the name
    light Mirror E                                      <- a thing in no area
    floor Upstairs F
    feed the pet a portion (grams) G                    <- a tool that no verb stands for
    [Kitchen] the worktop strip off => off B            <- what was said before, if it matters
    [Kitchen] dim it to forty => dim B 40               <- the speaker's room, the words; the answer

An answer is `none`, or calls joined by `; `: a verb (`verbs.VERBS`), a target, a value.

- target: the id of an entity, an area or a floor; a kind with a place: `light D`, `blind here` (the
  speaker's room decides), `light all` (the whole house); `B D` is a thing with its area said, too.
- value: a number in digits, a colour, a state, words as they were said; `1h30m` for a duration.
  Words that would read as something else have `'` in front.
- a tool's id stands where the verb would, with its values in the order of its parameters: `G 50`.
- a call that was not yet settled, in what was said before: `on B | on C`.

Calls here have ids in `name`, `area` and `floor` (`places.Slots`); `Places.call` makes names of
them. `read` gives back what `write` wrote, for all tools in `verbs`; only `domain` and
`device_class` beside a `name` are dropped, since the entity itself has them, and of two ways to say
the same (`verbs.TWINS`; HassTurnOff for a whole area) it gives one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any, Literal

from hub.messages import Call, ToolSpec
from hub.router.verbs import (
    ALL,
    BY_TOOL,
    BY_WORD,
    HERE,
    HUB,
    NONE,
    TWINS,
    Verb,
    kind_of,
    kind_word,
)

IDS: tuple[str, ...] = (
    *ascii_uppercase,
    *(
        "AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AP AR AU AV AW BA BB BC BD BI BJ BL BO BR BS BT "
        "BU CA CB CC CD CE CF CG CH CI CL CM CN CO CP CR CS CT CU DA DB DC DD DE DF DG DI DJ DL DM "
        "EA EB EC ED EE EF EL EM EN EP ER ES ET EU FA FB FC FD FE FI FL FM FO FP FR GA GB GC GD GE"
    ).split(),
)
"""One token each, with the blank before it, for SmolLM2's tokenizer."""

PLACES = ("area", "floor", "domain", "device_class")
SLOTS = ("name", *PLACES)
DURATION = re.compile(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?\Z")
UNITS = ("hours", "minutes", "seconds")
QUOTE = "'"

Kind = Literal["entity", "area", "floor", "tool"]


class Unsayable(ValueError):
    """This call cannot be written as an answer with these things listed."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line, or part of a line, of the prompt."""

    id: str
    kind: Kind
    key: str
    """Id of the entity, area or floor in the home; the tool's name."""
    label: str = ""
    """Name as the person would say it; unused for tools."""
    domain: str = ""
    device_class: str | None = None
    area: str | None = None
    """Key of the entity's area."""
    tool: ToolSpec | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What this turn's prompt lists, in order."""

    things: tuple[Listed, ...] = ()
    by_id: Mapping[str, Listed] = field(init=False, repr=False, compare=False)
    by_key: Mapping[tuple[str, str], Listed] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {thing.id: thing for thing in self.things})
        object.__setattr__(self, "by_key", {(t.kind, t.key): t for t in self.things})

    def id(self, kind: Kind, key: str) -> str:
        """Raises Unsayable for what is not listed."""
        found = self.by_key.get((kind, key))
        if found is None:
            raise Unsayable(f"{kind} {key} is not listed")
        return found.id


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance with what was answered."""

    text: str
    room: str | None = None
    """Name of the speaker's room."""
    answer: str = ""
    """As `write` writes it; empty for the one to be answered."""


def render(listing: Listing, turns: Sequence[Turn]) -> str:
    """The whole prompt; the last turn is the one to be answered."""
    return home(listing) + "\n".join(turn(each) for each in turns)


def home(listing: Listing) -> str:
    """The part that depends on the listed things alone: may be kept in the model's cache."""
    in_area: dict[str, list[str]] = {t.key: [] for t in listing.things if t.kind == "area"}
    loose: list[str] = []
    for thing in listing.things:
        if thing.kind == "entity":
            word = kind_word(thing.domain, _shown_class(thing))
            in_area.get(thing.area or "", loose).append(f"{word} {label(thing.label)} {thing.id}")
    lines = []
    for thing in listing.things:
        if thing.kind == "area":
            held = ", ".join(in_area[thing.key])
            lines.append(f"{label(thing.label)} {thing.id}:{' ' if held else ''}{held}")
    lines += [", ".join(loose)] if loose else []
    lines += [f"floor {label(t.label)} {t.id}" for t in listing.things if t.kind == "floor"]
    lines += [f"{described(t.tool)} {t.id}" for t in listing.things if t.tool is not None]
    return "".join(f"{line}\n" for line in lines)


def turn(said: Turn) -> str:
    """One line: `[Kitchen] dim it to forty => dim B 40`, without the answer if there is none."""
    asked = f"[{label(said.room or '')}] {clean(said.text)} =>"
    return f"{asked} {said.answer}" if said.answer else asked


def described(tool: ToolSpec) -> str:
    """A tool by what it does, never by its name, with its parameters in their order."""
    shown = []
    for name, schema in own_parameters(tool).items():
        members = schema.get("enum", ())
        values = "/".join(map(str, members)) if len(members) <= MOST_VALUES else ""
        shown.append(f"{name} {values}" if values else name)
    text = tidy(tool.description).rstrip(".")
    return f"{text} ({', '.join(shown)})" if shown else text


def own_parameters(tool: ToolSpec) -> Mapping[str, Mapping[str, Any]]:
    """Parameters but for those that choose devices, the required ones first."""
    given: Mapping[str, Any] = tool.parameters.get("properties", {})
    needed = tool.parameters.get("required", ())
    own = {n: s for n, s in given.items() if not (tool.domains and n in SLOTS)}
    return dict(sorted(own.items(), key=lambda item: item[0] not in needed))


def tidy(text: str) -> str:
    """A text without what has a meaning in a prompt, of this model or another: whoever may name a
    device must not be able to write a line, an answer, or a mark of whose turn it is."""
    return " ".join(_MEANINGFUL.sub(" ", text).split())


def label(name: str) -> str:
    """A name as a prompt has it: tidy, and no essay."""
    plain = tidy(name)
    if len(plain) <= LONGEST_NAME:
        return plain
    return plain[:LONGEST_NAME].rpartition(" ")[0] or plain[:LONGEST_NAME]


LONGEST_NAME = 48
"""Characters."""
MOST_VALUES = 8
"""Values of a parameter that are listed with it: of more, such as the days of a week or all units,
each would make the prompt longer than a thing does, and the name says what they are."""
_MEANINGFUL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff,;:=<>|\[\]{}`]+"
)
"""Punctuation of prompts, line breaks, and characters that nobody sees."""


def clean(text: str) -> str:
    """What was said, on one line."""
    return " ".join(re.sub(r"\n|;|=>|\|", " ", text).split())


def _shown_class(thing: Listed) -> str | None:
    return thing.device_class if thing.domain in SHOWN_BY_CLASS else None


SHOWN_BY_CLASS = ("binary_sensor", "cover", "media_player", "sensor", "switch")
"""Domains whose things are listed by their device class, which says more."""


# --- writing -------------------------------------------------------------------------------------


def write(calls: Iterable[Call], listing: Listing) -> str:
    """The answer for these calls. Raises Unsayable."""
    parts = [part for call in calls for part in _call(call, listing)]
    return "; ".join(parts) or NONE


def _call(call: Call, listing: Listing) -> list[str]:
    tool, arguments = call.tool, dict(call.arguments)
    if tool in TWINS:
        tool, fixed = TWINS[tool]
        arguments |= fixed
    if tool == "HassTurnOff" and arguments.keys() == {"area"}:
        tool = "everything.off"
    if tool not in BY_TOOL:
        return [_skill_call(tool, arguments, listing)]
    if tool == "HassLightSet":
        return _light_set(arguments, listing)
    if tool == "HassSetVolumeRelative":
        return [_volume_step(arguments, listing)]
    entity = _entity(arguments, listing)
    domain = entity.domain if entity else _single(arguments.get("domain"))
    for row in BY_TOOL[tool]:
        fits = not row.domains or domain in row.domains
        if not row.domains or domain is None:
            # Of several, the general one: 'on' rather than 'open', where nothing tells.
            fits = not row.domains or all(other.domains for other in BY_TOOL[tool])
        if row.response != "default" and call.response in RESPONSE_KEYS:
            fits = fits and row.response == call.response
        if row.required and row.slot and row.slot not in arguments:
            continue
        if row.fixed.items() <= arguments.items() and fits:
            return [_plain(row, arguments, listing)]
    raise Unsayable(f"{tool} with {sorted(arguments)} is not for {domain or 'this'}")


RESPONSE_KEYS = frozenset(row.response for row in BY_TOOL["HassGetState"])


def _light_set(arguments: Mapping[str, Any], listing: Listing) -> list[str]:
    """One part for each of brightness, colour and colour temperature."""
    where = {slot: value for slot, value in arguments.items() if slot in SLOTS}
    own = [row for row in BY_TOOL["HassLightSet"] if row.slot in arguments]
    if not own or len(own) + len(where) != len(arguments):
        raise Unsayable(f"HassLightSet with {sorted(arguments)}")
    return [_plain(row, where | {row.slot: arguments[row.slot]}, listing) for row in own]


def _volume_step(arguments: Mapping[str, Any], listing: Listing) -> str:
    """`louder M`, `quieter M 20`."""
    rows, step = BY_TOOL["HassSetVolumeRelative"], arguments.get("volume_step")
    if isinstance(step, int):
        word = "quieter" if step < 0 else "louder"
        row = next(row for row in rows if row.word == word and row.value)
        return _plain(row, {**arguments, "volume_step": abs(step)}, listing)
    row = next((row for row in rows if row.fixed.get("volume_step") == step), rows[0])
    if not row.fixed or step is None:
        raise Unsayable(f"HassSetVolumeRelative by {step}")
    return _plain(row, arguments, listing)


def _plain(row: Verb, arguments: Mapping[str, Any], listing: Listing) -> str:
    left = {slot: value for slot, value in arguments.items() if slot not in row.fixed}
    words = [row.word]
    if row.value == "timer" or row.value == "span":
        return " ".join([*words, *_timer(row, left, listing)])
    words += _target(row, left, listing)
    if row.slot and row.slot in left:
        value = left.pop(row.slot)
        if row.value == "query":
            kind = left.pop("media_class", None)
            words.append(f"{kind}: {clean(str(value))}" if kind else _quoted(value, listing))
        elif row.value in ("words", "color"):
            words.append(_quoted(value, listing))
        else:
            words.append(_number(value))
    if left:
        raise Unsayable(f"{row.tool} with {sorted(left)}")
    return " ".join(words)


def _target(row: Verb, left: dict[str, Any], listing: Listing) -> list[str]:
    """The words for the target, whose slots are taken out of `left`."""
    if row.target == "hub":
        return [HUB]
    if row.target == "":
        return []
    name, area, floor = (left.pop(slot, None) for slot in ("name", "area", "floor"))
    if row.target in ("area", "all"):
        if name is not None or floor is not None:
            raise Unsayable(f"{row.tool} takes an area only")
        if area is not None:
            left.pop(row.slot, None)
            return [listing.id("area", area)]
        return [ALL] if row.target == "all" else []
    place = [listing.id("area", area)] if area is not None else []
    place += [listing.id("floor", floor)] if floor is not None else []
    if len(place) > 1:
        raise Unsayable("an area and a floor")
    if name is not None and name != ALL:
        left.pop("domain", None)
        left.pop("device_class", None)
        return [listing.id("entity", name), *place]
    if _shadowed(row) and "domain" not in left and (place or name or "device_class" in left):
        raise Unsayable(f"{row.tool} in a place needs a domain")
    kind = _kinds(left.pop("domain", None), left.pop("device_class", None), row)
    if name == ALL and place:
        raise Unsayable("all, and a place")
    if kind:
        return [kind, *(place or [ALL if name == ALL else HERE])]
    if _shadowed(row):
        return [kind_word(next(iter(row.domains)), None, row)]
    if not place and row.target == "needed":
        raise Unsayable(f"{row.tool} needs a target")
    return place or ([ALL] if name == ALL else [])


def _shadowed(row: Verb) -> bool:
    """Whether the bare verb would be read as another tool's."""
    own = [each for each in BY_WORD.get(row.word, ()) if each.target not in ("hub", "all")]
    return bool(own) and own[0].tool != row.tool


def _kinds(domain: Any, device_class: Any, row: Verb) -> str:
    """`light`; `blind+curtain`; empty if no kind was given."""
    if domain is None and device_class is None:
        return ""
    if row.domains and domain is not None and not set(_several(domain)) <= row.domains:
        raise Unsayable(f"{row.tool} is not for {domain}")
    domains, classes = _several(domain) or [None], _several(device_class) or [None]
    if len(domains) > 1 and len(classes) > 1:
        raise Unsayable("several domains and several classes")
    return "+".join(kind_word(d, c, row) for d in domains for c in classes)


def _timer(row: Verb, left: dict[str, Any], listing: Listing) -> list[str]:
    """`1h30m pizza`: the duration of the call itself, then which timer."""
    words = []
    if row.value == "timer":
        duration = _duration(left, "")
        if not duration and row.slot != "name":
            raise Unsayable(f"{row.tool} needs a duration")
        words += [duration] if duration else []
    if row.slot not in ("name", "conversation_command") and (start := _duration(left, "start_")):
        words.append(start)
    if "area" in left:
        words.append(listing.id("area", left.pop("area")))
    own = row.slot if row.slot in ("name", "conversation_command") else "name"
    if own in left:
        words.append(_quoted(left.pop(own), listing))
    if left or (row.required and row.slot == "conversation_command" and len(words) < 2):
        raise Unsayable(f"{row.tool} with {sorted(left)}")
    return words


def _duration(left: dict[str, Any], before: str) -> str:
    given = [(left.pop(f"{before}{unit}", None), unit[0]) for unit in UNITS]
    return "".join(f"{int(number)}{letter}" for number, letter in given if number is not None)


def _skill_call(tool: str, arguments: Mapping[str, Any], listing: Listing) -> str:
    """The call of a listed tool: `G 50`."""
    found = listing.by_key.get(("tool", tool))
    if found is None or found.tool is None:
        raise Unsayable(f"tool {tool} is not listed")
    left = dict(arguments)
    words = [found.id]
    if found.tool.domains:
        words += _target(_as_verb(found.tool), left, listing)
    values = []
    for name, schema in own_parameters(found.tool).items():
        value = left.pop(name, None)
        if value is None:
            values.append("-")
        elif schema.get("format") == "area":
            values.append(listing.id("area", value))
        elif schema.get("type") == "string" and "enum" not in schema:
            values.append(_quoted(str(value).replace(",", " "), listing))
        else:
            values.append(_number(value))
    while values and values[-1] == "-":
        values.pop()
    if left:
        raise Unsayable(f"{tool} with {sorted(left)}")
    return " ".join([*words, ", ".join(values)]).strip()


def _as_verb(tool: ToolSpec) -> Verb:
    return Verb("", tool.name, frozenset(tool.domains), "optional")


def _quoted(value: Any, listing: Listing) -> str:
    """Words, marked where their beginning would be read as a target or a duration."""
    text = clean(str(value))
    first = text.split()[0] if text else ""
    second = text.split()[1] if len(text.split()) > 1 else ""
    special = first in listing.by_id or first in (HERE, ALL, HUB, "-") or DURATION.match(first)
    reads_as_kind = second in listing.by_id or second in (HERE, ALL)  # 'low here'
    beginning = re.match(r"\w+: ", text) or text.startswith(QUOTE)
    return f"{QUOTE}{text}" if special or reads_as_kind or beginning or not text else text


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _entity(arguments: Mapping[str, Any], listing: Listing) -> Listed | None:
    return listing.by_key.get(("entity", str(arguments.get("name"))))


def _several(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value or ())


def _single(value: Any) -> str | None:
    return value if isinstance(value, str) else None


# --- reading -------------------------------------------------------------------------------------


def read(answer: str, listing: Listing) -> tuple[Call, ...] | None:
    """The calls of an answer, none for `none`; None if it is no answer to this listing."""
    text = answer.strip()
    if text == NONE:
        return ()
    calls: list[Call] = []
    for part in text.split("; "):
        call = read_call(part, listing)
        if call is None:
            return None
        before = calls[-1] if calls else None
        if before is not None and (joined := _joined(before, call)):
            calls[-1] = joined
        else:
            calls.append(call)
    return tuple(calls)


def read_call(part: str, listing: Listing) -> Call | None:
    """One call; None if it is none."""
    head, *rest = part.split() or [""]
    found = listing.by_id.get(head)
    if found is not None:
        return _read_skill(found, rest, listing)
    for row in BY_WORD.get(head, ()):
        arguments = _read_row(row, rest, listing)
        if arguments is not None:
            return Call(row.tool, arguments, row.response)
    return None


def _joined(before: Call, call: Call) -> Call | None:
    """Brightness and colour of the same lights are one call."""
    if {before.tool, call.tool} != {"HassLightSet"}:
        return None
    places = [{s: c.arguments[s] for s in SLOTS if s in c.arguments} for c in (before, call)]
    if places[0] != places[1] or set(before.arguments) & set(call.arguments) != set(places[0]):
        return None
    return Call(call.tool, {**before.arguments, **call.arguments}, before.response)


def _read_row(row: Verb, words: Sequence[str], listing: Listing) -> dict[str, Any] | None:
    if row.value in ("timer", "span"):
        return _read_timer(row, words, listing)
    slots, rest = _read_target(row, words, listing)
    if slots is None:
        return None
    value = _read_value(row, rest)
    return None if value is None else {**slots, **row.fixed, **value}


def _read_value(row: Verb, words: Sequence[str]) -> dict[str, Any] | None:
    if row.target in ("all", "area"):
        return None if words else {}
    if not words:
        return None if row.slot and row.required else {}
    if not row.slot:
        return None
    text = " ".join(words)
    if row.value in ("percent", "number"):
        number = _read_number(text)
        if number is None:
            return None
        if row.tool == "HassSetVolumeRelative" and row.word == "quieter":
            number = -number
        return {row.slot: number}
    if row.value == "query" and (kind := re.match(r"(\w+): (.+)", text)):
        return {row.slot: kind[2], "media_class": kind[1]}
    if row.value == "mode" and text not in row.options:
        return None
    if row.value == "state" and len(words) > 1:
        return None
    return {row.slot: text.removeprefix(QUOTE)}


def _read_target(
    row: Verb, words: Sequence[str], listing: Listing
) -> tuple[dict[str, Any] | None, Sequence[str]]:
    """The slots of the target and the words after it; None if the row takes no such target."""
    first, rest = (words[0], words[1:]) if words else ("", words)
    thing = listing.by_id.get(first)
    if first.startswith(QUOTE) and row.target in ("optional", "needed"):
        return (None if row.target == "needed" else {}), words
    if row.target == "hub":
        return ({}, rest) if first == HUB else (None, words)
    if row.target == "":
        return {}, words
    if row.target in ("area", "all"):
        if thing is not None and thing.kind == "area" and row.slot:
            return {"area": thing.key}, rest
        if row.target == "all":
            return ({}, rest) if first == ALL else (None, words)
        return {}, words
    if thing is not None and thing.kind == "entity":
        if row.domains and thing.domain not in row.domains and row.value != "query":
            return None, words
        slots = {"name": thing.key}
        place = listing.by_id.get(rest[0]) if rest else None
        if place is not None and place.kind in ("area", "floor"):
            return {**slots, place.kind: place.key}, rest[1:]
        return slots, rest
    if thing is not None and thing.kind in ("area", "floor"):
        return {thing.kind: thing.key}, rest
    if first == ALL and row.target == "optional":
        return {"name": ALL}, rest
    if first == HERE and row.target == "optional":
        return {}, rest
    return _read_kind(row, words, listing)


def _read_kind(
    row: Verb, words: Sequence[str], listing: Listing
) -> tuple[dict[str, Any] | None, Sequence[str]]:
    """`light here`, `blind D`, `light all`; `robot` alone for the verb of a robot mower."""
    place = words[1] if len(words) > 1 else ""
    where = listing.by_id.get(place)
    listed = where is not None and where.kind in ("area", "floor")
    if place in (HERE, ALL) or listed:
        domains, classes = zip(*(kind_of(word, row) for word in words[0].split("+")), strict=True)
        slots = {"domain": _folded(domains), "device_class": _folded(classes)}
        slots = {slot: value for slot, value in slots.items() if value is not None}
        if where is not None and listed:
            slots[where.kind] = where.key
        elif place == ALL:
            slots["name"] = ALL
        if row.domains and not set(_several(slots.get("domain")) or row.domains) <= row.domains:
            return None, words
        return slots, words[2:]
    if words and row.domains and kind_of(words[0], row) in {(d, None) for d in row.domains}:
        return {}, words[1:]
    # Of the two tools of a bare verb, the first in the table.
    return (None if row.target == "needed" else {}), words


def _folded(values: Sequence[str | None]) -> Any:
    """One value, or the list of several different ones."""
    different = list(dict.fromkeys(value for value in values if value is not None))
    return different[0] if len(different) == 1 else different or None


def _read_timer(row: Verb, words: Sequence[str], listing: Listing) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    left = list(words)
    if row.value == "timer":
        duration = _read_duration(left[0], "") if left else None
        if duration:
            found |= duration
            left.pop(0)
        elif row.slot != "name":
            return None
    own = row.slot if row.slot in ("name", "conversation_command") else "name"
    if own == row.slot:
        if row.slot == "conversation_command" and not left:
            return None
    else:
        if left and (start := _read_duration(left[0], "start_")):
            found |= start
            left.pop(0)
        thing = listing.by_id.get(left[0]) if left else None
        if thing is not None:
            if thing.kind != "area":
                return None
            found["area"] = thing.key
            left.pop(0)
    return {**found, own: " ".join(left).removeprefix(QUOTE)} if left else found


def _read_duration(text: str, before: str) -> dict[str, int] | None:
    match = DURATION.match(text)
    if match is None:
        return None
    return {
        f"{before}{unit}": int(number)
        for unit, number in zip(UNITS, match.groups(), strict=True)
        if number is not None
    }


def _read_number(text: str) -> int | float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else number


def _read_skill(found: Listed, words: Sequence[str], listing: Listing) -> Call | None:
    if found.tool is None:
        return None
    slots: dict[str, Any] = {}
    if found.tool.domains:
        target, words = _read_target(_as_verb(found.tool), words, listing)
        if target is None:
            return None
        slots = target
    values = " ".join(words).split(", ") if words else []
    own = own_parameters(found.tool)
    if len(values) > len(own):
        return None
    for (name, schema), text in zip(own.items(), values, strict=False):
        if text == "-":
            continue
        value = _typed(text, schema, listing)
        if value is None:
            return None
        slots[name] = value
    needed = set(found.tool.parameters.get("required", ())) & own.keys()
    return Call(found.tool.name, slots) if needed <= slots.keys() else None


def _typed(text: str, schema: Mapping[str, Any], listing: Listing) -> Any:
    """A value of the schema's type; None if it is none."""
    if "enum" in schema:
        return next((member for member in schema["enum"] if str(member) == text), None)
    if schema.get("format") == "area":
        area = listing.by_id.get(text)
        return area.key if area is not None and area.kind == "area" else None
    kind = schema.get("type")
    if kind == "boolean":
        return {"yes": True, "no": False}.get(text)
    if kind in ("integer", "number"):
        number = _read_number(text)
        return None if kind == "integer" and isinstance(number, float) else number
    return text.removeprefix(QUOTE)
