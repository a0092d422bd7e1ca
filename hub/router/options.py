"""What the fine-tuned model may answer to one utterance, as an automaton for the engine.

Only verbs that this home has a tool for, only things that are listed, numbers that were said and
words in the order in which they were said. Everything `codec.read` takes for a call of this
listing and that could be meant; what nobody said cannot be answered.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hub.messages import ToolSpec
from hub.ports import Options
from hub.router.codec import DURATION, IDS, Listed, Listing, clean, own_parameters
from hub.router.numbers import numbers
from hub.router.verbs import ALL, HERE, HUB, NONE, VERBS, Verb, kind_word

END = "\n"
"""What follows an answer, as in the prompt's line of an earlier turn."""
MOST_CALLS = 3
ENDED = -1

ROUND_NUMBERS = ("0", "10", "25", "50", "75", "100")
"""What 'half' or 'all the way' may mean, where no number was said."""
FRACTIONS = ("15m", "30m", "45m", "1h", "1m", "1h30m")
"""Durations that are said without a number: 'half an hour'."""
COLORS = tuple(
    "red orange yellow green blue purple pink white brown black turquoise cyan magenta violet "
    "teal gold lavender".split()
)
STATES = tuple(
    "on off open closed opening closing locked unlocked playing paused idle home not_home "
    "cleaning docked returning mowing heat cool auto charging detected wet dry low".split()
)
MEDIA = ("album", "artist", "track", "playlist", "podcast", "movie", "tv_show", "game")
LONGEST_WORD = 24
"""Letters of a word that may be part of a free text."""

_EDGES = re.compile(r"^[^\w'’+-]+|[^\w'’+%°-]+$")


class _Automaton:
    """States under construction."""

    def __init__(self) -> None:
        self.states: list[list[tuple[str, int]]] = []
        self._kept: dict[object, int] = {}

    def state(self, edges: Iterable[tuple[str, int]] = ()) -> int:
        """A new state, or one of before with just these edges."""
        listed = list(dict.fromkeys(edges))
        key = tuple(listed)
        if listed and key in self._kept:
            return self._kept[key]
        self.states.append(listed)
        if listed:
            self._kept[key] = len(self.states) - 1
        return len(self.states) - 1


def options(
    listing: Listing,
    text: str,
    language: str,
    tools: Collection[ToolSpec],
    domains: Collection[str],
) -> Options:
    """All answers; `tools` are those of the home, `domains` those of its entities."""
    return _Options(listing, text, language, tools, domains).build()


class _Options:
    def __init__(
        self,
        listing: Listing,
        text: str,
        language: str,
        tools: Collection[ToolSpec],
        domains: Collection[str],
    ) -> None:
        self._listing = listing
        self._words = [w for word in clean(text).split() if (w := _EDGES.sub("", word))]
        said = numbers(text, language)
        self._numbers = said or ROUND_NUMBERS
        self._durations = _durations(said)
        self._served: dict[str, set[str]] = {}
        for tool in tools:
            self._served.setdefault(tool.name, set()).update(tool.domains)
        self._domains = frozenset(domains)
        self._automaton = _Automaton()
        self._places = [t for t in listing.things if t.kind in ("area", "floor")]
        self._areas = [t for t in listing.things if t.kind == "area"]
        self._where = [f" {place.id}" for place in self._places] + [f" {HERE}", f" {ALL}"]
        self._kinds: dict[tuple[bool, frozenset[str]], list[str]] = {}
        self._spans: dict[int, list[tuple[str, int]]] = {}
        """The same for all calls, and the same for all values behind which it goes on alike."""

    def build(self) -> Options:
        start = self._automaton.state()
        assert start == 0
        ended = self._automaton.state([(END, ENDED)])
        following: int | None = None
        first: list[tuple[str, int]] = []
        for _ in range(MOST_CALLS):
            edges = [(END, ENDED)]
            if following is not None:
                edges.append((";", following))
            first = self._calls(self._automaton.state(edges))
            following = self._automaton.state(first) if first else None
        self._automaton.states[start] = [(f" {NONE}", ended), *first]
        return self._automaton.states

    def _calls(self, after: int) -> list[tuple[str, int]]:
        """The edges that begin a call, behind which it goes on at `after`."""
        edges = []
        for row in VERBS:
            if row.tool in self._served and (state := self._row(row, after)) is not None:
                edges.append((f" {row.word}", state))
        for thing in self._listing.things:
            if thing.tool is not None and (state := self._skill(thing.tool, after)) is not None:
                edges.append((f" {thing.id}", state))
        return edges

    def _row(self, row: Verb, after: int) -> int | None:
        """The state behind a verb; None if there is nothing here that it could be about."""
        domains = row.domains or self._served[row.tool]
        if domains and not domains & self._domains and row.target not in ("hub", "", "area", "all"):
            return None
        if row.value in ("timer", "span"):
            return self._timer(row, after)
        value = self._value(row, after)
        return None if value is None else self._target(row, frozenset(domains), value)

    # --- targets ---------------------------------------------------------------------------------

    def _target(self, row: Verb, domains: frozenset[str], value: int) -> int | None:
        """The state in front of the target, behind which comes the value."""
        if row.target == "":
            return value
        if row.target == "hub":
            return self._automaton.state([(f" {HUB}", value)])
        if row.target in ("area", "all"):
            edges = [(f" {area.id}", value) for area in self._areas] if row.slot else []
            edges.append((f" {ALL}", value) if row.target == "all" else ("", value))
            return self._automaton.state(edges)
        edges = [*self._things(domains, value), *self._groups(row, domains, value)]
        if row.target == "optional":
            edges += [(f" {place.id}", value) for place in self._places]
            edges += [(f" {HERE}", value), (f" {ALL}", value), ("", value)]
        return self._automaton.state(edges) if edges else None

    def _things(self, domains: frozenset[str], value: int) -> list[tuple[str, int]]:
        return [
            (f" {thing.id}", value)
            for thing in self._listing.things
            if thing.kind == "entity" and (not domains or thing.domain in domains)
        ]

    def _groups(self, row: Verb, domains: frozenset[str], value: int) -> list[tuple[str, int]]:
        """`light here`, `blind D`: kinds of the things that are listed."""
        place = self._automaton.state((text, value) for text in self._where)
        key = "cover" in row.domains, domains
        if key not in self._kinds:
            listed = [
                t
                for t in self._listing.things
                if t.kind == "entity" and (not domains or t.domain in domains)
            ]
            kinds = {kind_word(t.domain, None, row) for t in listed}
            kinds |= {kind_word(t.domain, t.device_class, row) for t in listed if t.device_class}
            self._kinds[key] = sorted(kinds)
        return [(f" {kind}", place) for kind in self._kinds[key]]

    # --- values ----------------------------------------------------------------------------------

    def _value(self, row: Verb, after: int) -> int | None:
        """The state in front of the value; None if one is needed and none was said."""
        edges: list[tuple[str, int]] = []
        if row.target in ("area", "all") or not row.slot:
            return after
        if row.value in ("percent", "number"):
            edges = [(f" {number}", after) for number in self._numbers]
        elif row.value == "mode":
            edges = [(f" {option}", after) for option in row.options]
        elif row.value == "state":
            edges = [(f" {state}", after) for state in STATES]
        elif row.value in ("words", "color", "query"):
            edges = [*self._span(after)]
            if row.value == "color":
                edges += [(f" {color}", after) for color in COLORS]
            if row.value == "query" and self._words:
                words = self._automaton.state(self._span(after))
                edges += [(f" {kind}:", words) for kind in MEDIA]
        if not row.required:
            edges.append(("", after))
        return self._automaton.state(edges) if edges else None

    def _span(self, after: int) -> list[tuple[str, int]]:
        """Words that were said, one behind the other, from anywhere to anywhere."""
        if after not in self._spans:
            self._spans[after] = self._new_span(after)
        return self._spans[after]

    def _new_span(self, after: int) -> list[tuple[str, int]]:
        edges: list[tuple[str, int]] = []
        onward: list[tuple[str, int]] = []
        before = ""
        for word in reversed(self._words):
            state = self._automaton.state([("", after), *onward])
            onward = [(f" {word}", state)] if len(word) <= LONGEST_WORD else []
            quote = "'" if self._special(word, before) else ""
            edges += [(f" {quote}{word}", state)] if onward else []
            before = word
        return [*reversed(edges)]

    def _special(self, word: str, following: str) -> bool:
        """Whether a text that begins so would be read as something else."""
        place = following in self._listing.by_id or following in (HERE, ALL)
        known = word in self._listing.by_id or word in (HERE, ALL, HUB, "-")
        return place or known or bool(DURATION.match(word))

    def _timer(self, row: Verb, after: int) -> int | None:
        """`1h30m pizza`: a duration, which timer, a name or a command."""
        named = [("", after), *self._span(after)]
        if row.slot == "conversation_command":
            rest = self._automaton.state(self._span(after)) if self._words else None
        elif row.slot == "name":
            rest = self._automaton.state(named)
        else:
            places = self._automaton.state(named)
            which = [*named, *((f" {area.id}", places) for area in self._areas)]
            started = self._automaton.state(which)
            which += [(f" {duration}", started) for duration in self._durations]
            rest = self._automaton.state(which)
        if rest is None or row.value == "span":
            return rest
        edges = [(f" {duration}", rest) for duration in self._durations]
        if row.slot == "name":
            edges.append(("", rest))
        return self._automaton.state(edges) if edges else None

    # --- tools of skills -------------------------------------------------------------------------

    def _skill(self, tool: ToolSpec, after: int) -> int | None:
        """The state behind the id of a tool: its target, and its values joined by commas. None if
        nothing was said for a value that it needs."""
        needed = set(tool.parameters.get("required", ()))
        parameters = list(own_parameters(tool).items())
        state = after
        for number, (name, schema) in reversed(list(enumerate(parameters))):
            edges = [(text, state) for text in self._literals(schema)]
            free = "enum" not in schema and schema.get("format") != "area"
            if schema.get("type") == "string" and free:
                edges += self._span(state)
            if name not in needed:
                edges.append((" -", state))
            if not edges:
                return None
            value = self._automaton.state(edges)
            ahead = [(",", value)] if number else [("", value)]
            state = self._automaton.state([*ahead, *([] if name in needed else [("", after)])])
        if not tool.domains:
            return state
        row = Verb("", tool.name, frozenset(tool.domains), "optional")
        target = self._target(row, frozenset(tool.domains), state)
        return state if target is None else target

    def _literals(self, schema: Mapping[str, Any]) -> list[str]:
        if "enum" in schema:
            return [f" {value}" for value in schema["enum"]]
        if schema.get("format") == "area":
            return [f" {area.id}" for area in self._areas]
        if schema.get("type") == "boolean":
            return [" yes", " no"]
        if schema.get("type") in ("integer", "number"):
            low, high = schema.get("minimum", -1e9), schema.get("maximum", 1e9)
            return [f" {n}" for n in self._numbers if low <= float(n) <= high]
        return []


def _durations(said: Sequence[str]) -> list[str]:
    """The durations that numbers may have been said for."""
    whole = [number for number in said if number.isdecimal()]
    found = [f"{number}{unit}" for number in whole for unit in "hms"]
    for one, other in pairwise(whole):
        found += [f"{one}h{other}m", f"{one}m{other}s", f"{one}h{other}s"]
    found += [f"{number}{more}" for number in whole for more in ("h30m", "m30s")]
    return [*found, *FRACTIONS]


def listed(things: Iterable[Listed]) -> Listing:
    """A listing with ids in its order."""
    return Listing(tuple(replace(t, id=i) for t, i in zip(things, IDS, strict=False)))
