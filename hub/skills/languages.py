"""What a skill says in each language: `languages/de.toml` beside its `skill.py`.

    [tools.water]
    phrases = ["gieß[e] {plant}"]               # hassil's notation, as in the decorator
    examples = ["gieß den Ficus"]
    confirm = "Soll ich wirklich gießen?"

    [choices.size]                              # how a choice of a parameter is said
    "(klein|kleine|kleinen)" = "small"

    [replies]                                   # `Say("eggs", count=3)`
    eggs = { one = "{count} Ei.", other = "{count} Eier." }

Which of the forms of a reply fits is told by the plural rules of Unicode CLDR, for the value named
`count`, or the one that `by` names. What a language lacks is taken from English. The files are
data: those of strangers are read by the hub, and nothing in them is run.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from unicode_rbnf.plural_rules import get_plural_category

from hub.dialogue.speakable import number
from hub.errors import SkillError, reason
from hub.language import names_together, words
from hub.skill import Entity, Say, Text, Tool
from hub.timers.wording import duration

FOLDER = "languages"
LONGEST_FILE = 256 * 1024
"""Bytes"""
FORMS = ("zero", "one", "two", "few", "many", "other")
"""CLDR's plural forms."""
BASE = "en"
"""The language that has all."""

_CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")
_HOLE = re.compile(r"\{([A-Za-z_]\w*)\}")


@dataclass(frozen=True, slots=True)
class ToolWords:
    """What one language has for one tool."""

    phrases: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class Language:
    """One file."""

    tools: Mapping[str, ToolWords] = field(default_factory=dict)
    choices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    replies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Key -> plural form -> template. `by` is the name of the value that is counted."""


Languages = Mapping[str, Language]
"""Language code -> what it has."""


def read(folder: Path) -> dict[str, Language]:
    """The languages of the skill in a folder; none, if it has no such files.

    Raises SkillError that names file, key and what is expected."""
    found: dict[str, Language] = {}
    for path in sorted((folder / FOLDER).glob("*.toml")):
        if not _CODE.fullmatch(path.stem):
            raise SkillError(f"{path}: a file is named by its language, such as de.toml")
        try:
            content = path.read_bytes()
            if len(content) > LONGEST_FILE:
                raise SkillError(f"{path}: is longer than {LONGEST_FILE // 1024} KB")
            table = tomllib.loads(content.decode("utf-8"))
        except OSError as error:
            raise SkillError(f"{path}: {reason(error)}") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise SkillError(f"{path}: {error}") from error
        found[path.stem.split("-")[0]] = _language(table, str(path))
    return found


def translated(tools: Sequence[Tool], languages: Languages) -> list[Tool]:
    """The tools with what the files add to them; in a language that the decorator has, too, the
    file's phrases come on top."""
    return [_with_words(tool, languages) for tool in tools]


def said(text: Text, languages: Languages, language: str) -> str:
    """A sentence in a language. Of a key that no file has, the key itself."""
    if not isinstance(text, Say):
        return text
    base = language.split("-")[0].lower()
    for code in dict.fromkeys((base, BASE, *languages)):
        if code in languages and (forms := languages[code].replies.get(text.key)):
            return _filled(_form(forms, text.values, code), text.values, code)
    return text.key


def _with_words(tool: Tool, languages: Languages) -> Tool:
    phrases = {code: tuple(given) for code, given in tool.phrases.items()}
    confirm = dict(tool.confirm)
    examples = tool.examples
    properties = dict(tool.parameters["properties"])
    for code, language in languages.items():
        own = language.tools.get(tool.called, ToolWords())
        if tool.spoken and own.phrases:
            phrases[code] = tuple(dict.fromkeys((*phrases.get(code, ()), *own.phrases)))
        if own.confirm:
            confirm[code] = own.confirm
        if code == BASE:
            examples = tuple(dict.fromkeys((*examples, *own.examples)))
        for name, choices in language.choices.items():
            if "enum" in properties.get(name, ()):
                spoken = {**properties[name].get("said", {}), code: dict(choices)}
                properties[name] = {**properties[name], "said": spoken}
    asks = bool(confirm) and not tool.confirm
    return replace(
        tool,
        phrases=phrases,
        confirm=confirm,
        examples=examples,
        named=tool.named or bool(confirm),
        risk="R2" if asks and tool.risk in ("R0", "R1") else tool.risk,
        parameters={**tool.parameters, "properties": properties},
    )


def _form(forms: Mapping[str, str], values: Mapping[str, Any], language: str) -> str:
    """The template for how many there are."""
    other = forms.get("other") or next(iter(forms.values()))
    counted = values.get(forms.get("by", "count"))
    if isinstance(counted, list | tuple):
        counted = len(counted)
    if isinstance(counted, bool) or not isinstance(counted, int | float):
        return other
    if counted == 0 and "zero" in forms:
        return forms["zero"]  # 'no eggs', also where the grammar needs no form of its own
    return forms.get(_plural(counted, language), other)


@cache
def _plural(counted: float, language: str) -> str:
    return str(get_plural_category(language, counted))


def _filled(template: str, values: Mapping[str, Any], language: str) -> str:
    """A template with its values, each as it is said; a name that has none stays as it is."""

    def value(match: re.Match[str]) -> str:
        return spoken(values[match[1]], language) if match[1] in values else match[0]

    return _HOLE.sub(value, template)


def spoken(value: Any, language: str) -> str:
    """A value as it is said in a sentence."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, timedelta):
        return duration(value.total_seconds(), language)
    if isinstance(value, int | float):
        return number(value, language)
    if isinstance(value, datetime | time):
        return f"{value.hour}:{value.minute:02}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Entity):
        return str(words(language)["article"].format(name=value.name))
    if isinstance(value, list | tuple):
        return names_together([spoken(each, language) for each in value], words(language)["and"])
    return str(value)


# --- reading -----------------------------------------------------------------------------------


def _language(table: Mapping[str, Any], source: str) -> Language:
    _only(table, ("tools", "choices", "replies"), source)
    tools: dict[str, ToolWords] = {}
    for name, given in _tables(table, "tools", source):
        _only(given, ("phrases", "examples", "confirm"), f"{source}: tools.{name}")
        tools[name] = ToolWords(
            _texts(given, "phrases", f"{source}: tools.{name}"),
            _texts(given, "examples", f"{source}: tools.{name}"),
            _text(given.get("confirm", ""), f"{source}: tools.{name}.confirm"),
        )
    replies: dict[str, Mapping[str, str]] = {}
    given_replies = table.get("replies", {})
    if not isinstance(given_replies, Mapping):
        raise SkillError(f"{source}: replies: is a table")
    for key, given in given_replies.items():
        replies[key] = _reply(given, f"{source}: replies.{key}")
    return Language(tools, dict(_tables(table, "choices", source)), replies)


def _reply(given: Any, place: str) -> dict[str, str]:
    if not isinstance(given, Mapping):
        return {"other": _text(given, place)}
    _only(given, (*FORMS, "by"), place)
    if "other" not in given:
        raise SkillError(f"{place}: lacks the form 'other', which every language has")
    return {form: _text(text, f"{place}.{form}") for form, text in given.items()}


def _only(table: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise SkillError(f"{place}: there is no {unknown[0]!r}; known are {', '.join(known)}")


def _tables(table: Mapping[str, Any], key: str, source: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = table.get(key, {})
    if not isinstance(found, Mapping) or not all(isinstance(v, Mapping) for v in found.values()):
        raise SkillError(f"{source}: {key}: is a table of tables, [{key}.NAME]")
    return list(found.items())


def _texts(table: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    given = table.get(key, [])
    if not isinstance(given, list):
        raise SkillError(f"{place}.{key}: is a list of texts")
    return tuple(_text(each, f"{place}.{key}") for each in given)


def _text(given: Any, place: str) -> str:
    if not isinstance(given, str):
        raise SkillError(f"{place}: is a text, not {given!r:.60}")
    return given
