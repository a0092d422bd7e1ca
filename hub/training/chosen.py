"""The tools that are taught, and the templates of a language by what they ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from hub.config import Config
from hub.home.model import Home
from hub.messages import ToolSpec
from hub.router.verbs import ALL, BY_TOOL, TWINS, VERBS
from hub.skillset import Skillset
from hub.training.sentences import (
    TIMERS,
    Book,
    FollowUp,
    SkillSentences,
    Template,
    book,
    in_part,
    phrases,
)

ON_OFF = frozenset(
    "light switch fan media_player input_boolean climate humidifier water_heater siren".split()
)

FLAVOURS: Mapping[str, tuple[str, ...]] = {
    "HassLightSet": ("brightness", "color", "temperature"),
    "HassStartTimer": ("conversation_command", "name"),
}
"""Slots by which the sentences of a tool are told apart."""

GROUPED = ("any", "all", "which", "how_many", "where")
"""Questions about several things, by their response."""


@cache
def tools() -> tuple[ToolSpec, ...]:
    """A tool for every verb: those of the bundled skills, and others that a home may have."""
    found = list(Skillset.load(Config(), Home()).specs())
    known = {spec.name for spec in found}
    for name, rows in BY_TOOL.items():
        if name not in known:
            domains = tuple({domain for row in rows for domain in row.domains})
            found.append(ToolSpec(name, "", {}, "training", domains))
    return tuple(found)


@cache
def specs() -> Mapping[str, list[ToolSpec]]:
    found: dict[str, list[ToolSpec]] = {}
    for spec in tools():
        found.setdefault(spec.name, []).append(spec)
    return found


@cache
def served(tool: str) -> frozenset[str]:
    """Domains of the things that a tool acts on."""
    name = TWINS[tool][0] if tool in TWINS else tool
    if name in ("HassTurnOn", "HassTurnOff", "HassToggle"):
        return ON_OFF
    if tool == "climate.setting":
        return frozenset(["climate"])
    if tool in ("media.volume", "media.louder", "media.quieter"):
        return frozenset(["media_player"])
    rows = [domain for row in BY_TOOL.get(name, ()) for domain in row.domains]
    own = [domain for spec in tools() if spec.name == name for domain in spec.domains]
    return frozenset(own or rows)


@cache
def domains_there() -> frozenset[str]:
    """Every domain there is: whether the home has such a thing is not for the model to judge."""
    rows = {domain for row in VERBS for domain in row.domains}
    return frozenset(rows | {domain for spec in tools() for domain in spec.domains})


Shape = str
"""What a template is about: name, area, floor, here, all, none."""


@dataclass(slots=True)
class Index:
    """The templates of a language by what they ask, ready to be drawn from."""

    found: Book
    by_shape: dict[tuple[str, str, Shape], dict[str, list[Template]]]
    by_domain: dict[tuple[str, str, str], dict[str, list[Template]]]
    """Tool, flavour, domain of the thing that is named."""
    nothing: list[Template]
    skills: list[SkillSentences]
    follow_ups: list[FollowUp]


@cache
def index(language: str, held_out: bool) -> Index:
    """The part of a language's templates that is for training, or for validation."""
    found = book(language)
    if not any(template.source == "phrase" for template in found.templates):
        phrases(found, tools())
    groups: dict[tuple[str, str, Shape], list[Template]] = {}
    for template in found.templates:
        groups.setdefault((template.tool, _flavour(template), shape_of(template)), []).append(
            template
        )
    result = Index(found, {}, {}, [], [], [])
    for (tool, flavour, shape), members in groups.items():
        chosen = [t for t in members if in_part(t.text, t.held_out, held_out)]
        if not chosen:  # too few to keep some apart
            chosen = [t for t in members if not t.held_out] if len(members) < 6 else []
        if tool == "none":
            result.nothing += chosen
            continue
        for template in chosen:
            by_source = result.by_shape.setdefault((tool, flavour, shape), {})
            by_source.setdefault(template.source, []).append(template)
            if shape != "name":
                continue
            for domain in template.domains or served(tool):
                named = result.by_domain.setdefault((tool, flavour, domain), {})
                named.setdefault(template.source, []).append(template)
    result.skills = [
        skill for skill in found.skills if in_part(skill.spec.description, skill.held_out, held_out)
    ]
    result.follow_ups = [
        follow
        for follow in found.follow_ups
        if in_part(follow.template.text, follow.template.held_out, held_out)
    ]
    result.follow_ups = result.follow_ups or found.follow_ups
    return result


def _flavour(template: Template) -> str:
    if template.tool == "HassGetState":
        return template.response if template.response in GROUPED else ""
    for slot in FLAVOURS.get(template.tool, ()):
        if slot in template.must or slot in template.slots:
            return slot
    return ""


def shape_of(template: Template) -> Shape:
    if template.tool in TIMERS:
        return "none"
    for slot in ("name", "area", "floor"):
        if slot in template.must:
            return slot
    rows = BY_TOOL.get(TWINS[template.tool][0] if template.tool in TWINS else template.tool, ())
    if not any(row.target in ("optional", "needed") for row in rows):
        return "none"
    kinds = {"domain", "device_class"} & (template.slots.keys() | template.must)
    whole = template.whole and (kinds or template.tool == "HassGetState")
    return "all" if (whole or template.slots.get("name") == ALL) and not template.here else "here"
