"""The reply templates: Hearth's own of a language, and those of home-assistant-intents.

The latter are Jinja, made for Home Assistant; they are run in a sandbox, with what they expect to
find there: `slots`, `state`, `query` and `state_attr`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from home_assistant_intents import get_intents
from jinja2 import Template, TemplateError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from hub.dialogue.describe import names
from hub.dialogue.speakable import sentence
from hub.language import has_words, words

log = logging.getLogger(__name__)


CHATTER = "HassRespond"
"""What Home Assistant says of itself."""


def _sentence(text: Any) -> str:
    """`the Lamp is` -> `The Lamp is`"""
    return sentence(str(text)).removesuffix(".")


def _bare(text: str) -> str:
    """The name of a scene goes without an article."""
    return text.removeprefix("the ")


@pass_context
def _listed(context: Context, seen: Any) -> str:
    """Names of devices in one breath."""
    return names(seen, context["language"])


_environment = SandboxedEnvironment(autoescape=False)
_environment.filters |= {"bare": _bare, "listed": _listed, "sentence": _sentence}


@cache
def field_responses(language: str) -> Mapping[str, Any]:
    """What home-assistant-intents has for a language: `intents` and `errors`; empty if nothing."""
    for known in (language, language.split("-")[0]):
        if data := get_intents(known):
            found: Mapping[str, Any] = data.get("responses") or {}
            return found
    return {}


def respond(tool: str, keys: tuple[str, ...], language: str, values: Mapping[str, Any]) -> str:
    """Fill in the first template there is for a tool under one of the keys; '' if there is none."""
    own = words(language)["responses"].get(tool, {}) if has_words(language) else {}
    field = field_responses(language).get("intents", {}).get(tool, {})
    for key in keys:
        if template := own.get(key) or field.get(key):
            return render(template, values)
    # A tool with but one template has it whatever its key is (`item_added`).
    only = own or field
    return render(next(iter(only.values())), values) if len(only) == 1 else ""


def fixed_sentences(language: str) -> Iterator[str]:
    """Templates with nothing to fill in: they are said again and again."""
    own = words(language)["responses"] if has_words(language) else {}
    for templates in (own, field_responses(language).get("intents", {})):
        for tool, by_key in templates.items():
            if tool != CHATTER:
                yield from (text for text in by_key.values() if text and "{" not in text)


def field_error(key: str, language: str, values: Mapping[str, Any]) -> str:
    """A sentence of home-assistant-intents for what went wrong; '' if it has none."""
    template = field_responses(language).get("errors", {}).get(key)
    return render(template, values) if template else ""


def render(template: str, values: Mapping[str, Any]) -> str:
    """A template filled in, with single blanks. One that fails says nothing, and is logged."""
    try:
        return " ".join(_compiled(template).render(values).split())
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        log.error("a reply template failed: %s: %.80s", error, template)
        return ""


@cache
def _compiled(template: str) -> Template:
    return _environment.from_string(template)
