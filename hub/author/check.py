"""Looks through a skill for what would fail, mislead or be refused elsewhere, without running it
for anybody: what it declares against what it does, and what it understands and says.

What is wrong is an error; what an author should look at again is a hint.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from hub.author.stage import own_handlers
from hub.errors import HearthError, SkillError
from hub.packs.description import FILE, LONGEST_TEXT, Pack, read
from hub.packs.tools import too_much
from hub.router import phrases
from hub.skill import RISKS
from hub.skills.handling import Handler
from hub.skills.languages import BASE, Language, Languages
from hub.skills.languages import read as read_languages

NETWORK = frozenset("aiohttp ftplib http httpx imaplib requests smtplib socket ssl urllib".split())
"""Modules that reach other machines."""
BARRED = frozenset("ctypes multiprocessing pty subprocess".split())
"""Modules that find nothing to do in the sandbox of a pack."""
SERVICE_NEEDS: Mapping[str, str] = {
    "mqtt": "mqtt",
    "phone": "phone",
    "sound": "sound",
    "timers": "timers",
    "web": "network",
}
"""Service -> the permission that it needs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found."""

    place: str
    """File, and line or key."""
    text: str
    error: bool = True


def check(folder: Path) -> list[Finding]:
    """All that is to be said of the skill in a folder, errors first."""
    found = list(_check(folder))
    return sorted(found, key=lambda finding: not finding.error)


def _check(folder: Path) -> Iterator[Finding]:
    pack: Pack | None = None
    if (folder / FILE).is_file():
        try:
            pack = read(folder)
        except HearthError as error:
            yield _told(error)
    else:
        yield Finding(FILE, "is missing: the skill cannot be shared as a pack", error=False)
    if pack is not None and pack.run is not None:
        return  # no skill.py to look into
    try:
        handlers = own_handlers(folder)
        languages = read_languages(folder)
    except HearthError as error:
        yield _told(error)
        return
    sources = list(_sources(folder))
    yield from _imports(sources, handlers, pack)
    for handler in handlers:
        yield from _tool(handler)
    yield from _languages(handlers, languages, sources)
    if pack is not None:
        yield from _declared(pack, handlers, sources)
    if not list((folder / "tests").glob("test_*.py")):
        yield Finding("tests/", "has no tests", error=False)
    if not (folder / "README.md").is_file():
        yield Finding("README.md", "is missing: people will want to know what it is", error=False)


def _told(error: HearthError) -> Finding:
    place, _, text = str(error).partition(": ")
    return Finding(place, text) if text else Finding("skill.py", place)


# --- the code -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the skill."""

    path: Path
    name: str
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 1)}"


def _sources(folder: Path) -> Iterator[Source]:
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        if name.parts[0] != "tests" and not any(part.startswith(".") for part in name.parts):
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
            yield Source(path, str(name), tree)


def _imports(
    sources: Sequence[Source], handlers: Sequence[Handler], pack: Pack | None
) -> Iterator[Finding]:
    """A pack has Python, hub.skill and its own files, and no more."""
    own = {source.path.stem for source in sources} | {s.path.parent.name for s in sources}
    reaches = any("web" in handler.tool.services.values() for handler in handlers)
    for source in sources:
        for node, module in _imported(source.tree):
            top = module.split(".")[0]
            if top == "hub" and module != "hub.skill":
                yield Finding(source.at(node), f"imports {module}: a skill imports hub.skill alone")
            elif top in BARRED:
                yield Finding(
                    source.at(node), f"imports {module}: a pack's sandbox has no use of it"
                )
            elif top not in sys.stdlib_module_names and top not in own and top != "hub":
                text = (
                    f"imports {module}: packs have Python's own library, hub.skill and their files"
                )
                yield Finding(source.at(node), text)
            if top in NETWORK:
                reaches = True
                if pack is not None and not pack.permissions.network:
                    text = f"imports {module}, and {FILE} names no host in permissions.network"
                    yield Finding(source.at(node), text)
    if pack is not None and pack.permissions.network and not reaches:
        yield _unused("network")


def _imported(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node, node.module


def _calls(sources: Sequence[Source], method: str) -> Iterator[tuple[Source, ast.Call]]:
    """Calls of a method or function by this name."""
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else None
                name = called.id if isinstance(called, ast.Name) else name
                if name == method:
                    yield source, node


def _first_texts(node: ast.Call) -> list[str]:
    """The text that is the first argument, or those that it may be: `"a" if … else "b"`."""
    first = node.args[0] if node.args else None
    parts = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
    known = [part.value for part in parts if isinstance(part, ast.Constant)]
    return [text for text in known if isinstance(text, str)]


# --- tools and what they say --------------------------------------------------------------------


def _tool(handler: Handler) -> Iterator[Finding]:
    tool = handler.tool
    place = f"skill.py: {tool.called}"
    if len(tool.description) > LONGEST_TEXT:
        text = f"the first line of its docstring is longer than {LONGEST_TEXT} characters"
        yield Finding(place, text)
    if not tool.spoken:
        return
    for code, given in tool.phrases.items():
        for phrase in given:
            try:
                phrases.check(handler.spec(), phrase)
            except SkillError as error:
                yield Finding(f"{place} ({code})", str(error))
            if why := too_much(phrase):
                yield Finding(f"{place} ({code})", f"the phrase {phrase!r} {why}")
    needed = set(tool.parameters.get("required", ()))
    for code, given in tool.phrases.items():
        for phrase in given:
            if lacking := sorted(name for name in needed if f"{{{name}}}" not in phrase):
                text = f"the phrase {phrase!r} leaves out {{{lacking[0]}}}, which has no default"
                yield Finding(f"{place} ({code})", text)
    if not tool.examples:
        text = "has no examples: the help and the language model know it by these"
        yield Finding(place, text, error=False)
    if tool.risk == "R3" and not tool.confirm:
        yield Finding(place, "is of risk R3 and asks nothing: give it a confirm", error=False)
    if tool.confirm and tool.risk in ("R0", "R1"):
        yield Finding(place, f"asks first, and is declared {tool.risk}: that is R2", error=False)


def _languages(
    handlers: Sequence[Handler], languages: Languages, sources: Sequence[Source]
) -> Iterator[Finding]:
    used = {
        text: source.at(call)
        for source, call in _calls(sources, "Say")
        for text in _first_texts(call)
    }
    base = languages.get(BASE, Language())
    known = set(base.replies) or {key for each in languages.values() for key in each.replies}
    for key, place in used.items():
        if key not in known:
            yield Finding(place, f"says {key!r}, which languages/{BASE}.toml does not have")
    for key in sorted(known - set(used)):
        yield Finding(f"languages/{BASE}.toml", f"nothing says the reply {key!r}", error=False)
    spoken = {handler.tool.called: handler for handler in handlers if handler.tool.spoken}
    for code, language in languages.items():
        place = f"languages/{code}.toml"
        for name in sorted(set(language.tools) - {handler.tool.called for handler in handlers}):
            yield Finding(place, f"[tools.{name}]: the skill has no such tool")
        if code == BASE:
            continue
        for key in sorted(set(base.replies) - set(language.replies)):
            yield Finding(place, f"lacks the reply {key!r}")
        for name, handler in spoken.items():
            if handler.tool.phrases.get(BASE) and not handler.tool.phrases.get(code):
                yield Finding(place, f"lacks phrases for {name}")
            if handler.tool.confirm.get(BASE) and code not in handler.tool.confirm:
                yield Finding(place, f"lacks the question that {name} asks first (confirm)")
        yield from _holes(base, language, place)


def _holes(base: Language, language: Language, place: str) -> Iterator[Finding]:
    """Names in a reply that the same reply in English does not fill in."""
    for key in set(base.replies) & set(language.replies):
        extra = _names(language.replies[key]) - _names(base.replies[key])
        if extra:
            yield Finding(place, f"the reply {key!r} wants {{{min(extra)}}}, and English does not")


def _names(forms: Mapping[str, str]) -> set[str]:
    texts = " ".join(text for form, text in forms.items() if form != "by")
    return {part.split("}")[0] for part in texts.split("{")[1:] if "}" in part}


# --- what pack.toml declares ----------------------------------------------------------------------


def _declared(
    pack: Pack, handlers: Sequence[Handler], sources: Sequence[Source]
) -> Iterator[Finding]:
    try:
        canonicalize_license_expression(pack.licence)
    except InvalidLicenseExpression as error:
        yield Finding(f"{FILE}: licence", f"is no SPDX expression such as Apache-2.0: {error}")
    has = {handler.tool.called: handler.tool for handler in handlers}
    for name in sorted(set(has) - set(pack.tools)):
        yield Finding(
            f"{FILE}: tools", f"lacks [tools.{name}]: a tool that is not named is refused"
        )
    for name in sorted(set(pack.tools) - set(has)):
        yield Finding(f"{FILE}: tools.{name}", "skill.py has no such tool")
    for name in sorted(set(has) & set(pack.tools)):
        if RISKS.index(has[name].risk) > RISKS.index(pack.tools[name].risk):
            text = f"is declared {pack.tools[name].risk}, and is {has[name].risk} by what it does"
            yield Finding(f"{FILE}: tools.{name}", text)
    highest = max((each.risk for each in pack.tools.values()), default="R0")
    if pack.risk != highest:
        yield Finding(f"{FILE}: risk", f"is {pack.risk}, and the highest of its tools is {highest}")
    yield from _permissions(pack, handlers, sources)


def _permissions(
    pack: Pack, handlers: Sequence[Handler], sources: Sequence[Source]
) -> Iterator[Finding]:
    allowed = pack.permissions
    tools = [handler.tool for handler in handlers]
    services = {service for tool in tools for service in tool.services.values()}
    sees = "home" in services or any(tool.targets for tool in tools)
    acts = any(True for _ in _calls(sources, "call"))
    if sees and not allowed.home:
        yield Finding(f"{FILE}: permissions.home", "names no devices, and skill.py wants some")
    if sees and acts and allowed.home and not allowed.home.act:
        yield Finding(f"{FILE}: permissions.home.act", "is false, and skill.py calls services")
    if allowed.home and not sees and not any(tool.events for tool in tools):
        yield _unused("home")
    elif allowed.home.act and not acts:
        yield _unused("home.act")
    if allowed.home.domains:
        yield from _domains(allowed.home.domains, _wanted(tools, sources))
    for service, permission in SERVICE_NEEDS.items():
        if service in services and not getattr(allowed, permission):
            text = f"is not granted, and skill.py wants the service {service.capitalize()}"
            yield Finding(f"{FILE}: permissions.{permission}", text)
    for permission in ("timers", "mqtt", "phone", "sound"):
        if getattr(allowed, permission) and permission not in services:
            yield _unused(permission)
    speaks = any(tool.events or tool.schedule for tool in tools) or "schedule" in services
    speaks = speaks or any(True for _ in _calls(sources, "announce"))
    if speaks and not allowed.speak:
        text = "is not granted: what it says by itself will not be heard"
        yield Finding(f"{FILE}: permissions.speak", text, error=False)
    if allowed.speak and not speaks:
        yield _unused("speak")
    wanted = {domain for tool in tools for domain in _event_domains(tool.events)}
    for domain in sorted(wanted - set(allowed.events)):
        yield Finding(f"{FILE}: permissions.events", f"lacks {domain}, which @on waits for")
    for domain in sorted(set(allowed.events) - wanted):
        yield _unused(f"events ({domain})")


def _wanted(tools: Iterable[object], sources: Sequence[Source]) -> set[str]:
    """Domains that the code names: of its tools, and of the services that it calls."""
    named: set[str] = set()
    for tool in tools:
        named |= set(tool.domains)  # type: ignore[attr-defined]
        for schema in tool.parameters["properties"].values():  # type: ignore[attr-defined]
            named |= set(schema.get("domains", ()))
    for _, call in _calls(sources, "call"):
        for text in _first_texts(call):
            if "." in text and not text.startswith("homeassistant."):
                named.add(text.partition(".")[0])
    return named


def _domains(granted: Sequence[str], wanted: set[str]) -> Iterator[Finding]:
    for domain in sorted(wanted - set(granted)):
        yield Finding(f"{FILE}: permissions.home.domains", f"lacks {domain}, which skill.py names")


def _event_domains(events: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for event in events:
        for entity in event.get("entities", ()):  # type: ignore[attr-defined]
            yield str(entity).partition(".")[0]
        yield from map(str, event.get("domains", ()))  # type: ignore[call-overload]


def _unused(permission: str) -> Finding:
    text = "is asked for, and nothing in skill.py needs it: people grant less more readily"
    return Finding(f"{FILE}: permissions.{permission}", text, error=False)
