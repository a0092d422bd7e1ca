"""What a pack says of itself: `pack.toml`, read once and strictly.

Everything in it was written by somebody else. What is not known by name is refused, what people
will read is one line without characters that hide others, and what the hub acts on has a form
that leaves no two readings.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

import hub.skill
from hub.errors import HearthError, reason

FILE = "pack.toml"
SDK: str = getattr(hub.skill, "SDK", "1.0")
"""The version of the author's side (`hub.skill`) that this hub has."""

RISKS = ("R0", "R1", "R2", "R3")
"""Classes of what a tool may do: only tells; everyday things; what needs a yes; what lets people
in or takes protection away."""

LONGEST_FILE = 64 * 1024
LONGEST_ID = 40
LONGEST_NAME = 60
LONGEST_TEXT = 200
MOST_TOOLS = 64
MOST_LISTED = 64
"""Entries of any other list: topics, hosts, domains, phrases of a language, settings."""
MEMORY = 64
MOST_MEMORY = 512
"""MB"""

DOMAINS = frozenset(
    "ai_task air_quality alarm_control_panel assist_satellite automation binary_sensor button "
    "calendar camera climate conversation counter cover date datetime device_tracker event fan "
    "geo_location group humidifier image image_processing infrared input_boolean input_button "
    "input_datetime input_number input_select input_text lawn_mower light lock media_player "
    "notify number person plant remote scene schedule script select sensor siren stt sun switch "
    "tag text time timer todo tts update vacuum valve wake_word water_heater weather zone".split()
)
"""Home Assistant's domains."""

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TOOL = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_SETTING = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_ENTITY = re.compile(r"([a-z0-9_]+)\.[a-z0-9_]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class PackError(HearthError):
    """A pack is wrong, was changed, or may not be used. Names the pack or file and the way out."""

    spoken = "Sorry, I cannot use that skill."


@dataclass(frozen=True, slots=True)
class Run:
    """How a pack is started that is no `skill.py`."""

    command: tuple[str, ...]
    """An MCP server over stdio, with the pack's folder as its working directory."""


@dataclass(frozen=True, slots=True)
class PackTool:
    """What is declared of a tool before it ever ran."""

    name: str
    risk: str = "R1"
    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Language -> sentence templates; empty where the pack says its own at run time."""


@dataclass(frozen=True, slots=True)
class HomeGrant:
    """Which devices. `domains` and `areas` narrow each other; `entities` come on top.

    With none of the three, there are no devices at all."""

    domains: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    """Names of rooms; case does not matter."""
    entities: tuple[str, ...] = ()
    act: bool = False
    """Whether it may act on them, too, and not only see them."""

    def __bool__(self) -> bool:
        return bool(self.domains or self.areas or self.entities)

    def includes(self, entity_id: str, area: str | None = None) -> bool:
        """Whether a device is among them, by its id and the name of its room."""
        if entity_id in self.entities:
            return True
        if not self.domains and not self.areas:
            return False
        known = not self.domains or entity_id.partition(".")[0] in self.domains
        return known and (not self.areas or (area or "").casefold() in _folded(self.areas))


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a pack may do, beside answering. What is not named here it may not."""

    home: HomeGrant = HomeGrant()
    mqtt: tuple[str, ...] = ()
    """Topic filters it may publish to and hear."""
    network: tuple[str, ...] = ()
    """`scheme://host:port` it may reach through the hub; the port is always there."""
    speak: bool = False
    """By itself, without having been asked."""
    timers: bool = False
    sound: bool = False
    """Noise, and its own recordings, from the loudspeaker."""
    phone: bool = False
    """Texts and pictures for the phones of the home."""
    memory_mb: int = MEMORY
    events: tuple[str, ...] = ()
    """Domains whose changes of state it is told of."""

    def in_words(self) -> list[str]:
        """What it may do, one plain English phrase each, to follow 'It may'."""
        words = []
        if self.home:
            words.append(f"{'see and act on' if self.home.act else 'see'} {_devices(self.home)}")
        if self.events:
            words.append(f"be told at once when {_listed(_kinds(self.events))} change")
        if self.mqtt:
            words.append(f"send and hear messages on MQTT: {', '.join(self.mqtt)}")
        words += [f"reach {_reached(origin)}" for origin in self.network]
        if self.speak:
            words.append("speak by itself, without being asked")
        if self.timers:
            words.append("see, set and cancel timers")
        if self.sound:
            words.append("play noise and sounds of its own on the loudspeaker")
        if self.phone:
            words.append("send texts and pictures to the phones of the home")
        if self.memory_mb > MEMORY:
            words.append(f"use {self.memory_mb} MB of memory")
        return words

    def beyond(self, other: Permissions) -> list[str]:
        """What this allows that `other` does not, in the same words; empty if nothing."""
        home = HomeGrant()
        if not _within(self.home, other.home):
            home = self.home
        more = Permissions(
            home=home,
            mqtt=tuple(f for f in self.mqtt if not any(_covers(o, f) for o in other.mqtt)),
            network=tuple(origin for origin in self.network if origin not in other.network),
            speak=self.speak and not other.speak,
            timers=self.timers and not other.timers,
            sound=self.sound and not other.sound,
            phone=self.phone and not other.phone,
            memory_mb=self.memory_mb if self.memory_mb > other.memory_mb else MEMORY,
            events=tuple(domain for domain in self.events if domain not in other.events),
        )
        words = more.in_words()
        if MEMORY >= self.memory_mb > other.memory_mb:
            words.append(f"use {self.memory_mb} MB of memory")
        return words

    def to_table(self) -> dict[str, Any]:
        """As it stands in `[permissions]`, for JSON and TOML alike."""
        return {
            "home": {
                "domains": list(self.home.domains),
                "areas": list(self.home.areas),
                "entities": list(self.home.entities),
                "act": self.home.act,
            },
            "mqtt": list(self.mqtt),
            "network": list(self.network),
            "speak": self.speak,
            "timers": self.timers,
            "sound": self.sound,
            "phone": self.phone,
            "memory_mb": self.memory_mb,
            "events": list(self.events),
        }


NOTHING = Permissions()

SettingType = Literal["string", "integer", "number", "boolean"]
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Setting:
    """Something the owner decides."""

    name: str
    type: SettingType = "string"
    default: Value | None = None
    """None: it has to be given."""
    title: str = ""
    minimum: float | None = None
    maximum: float | None = None
    """Of a number its value, of a string its length."""
    choices: tuple[Value, ...] = ()
    secret: bool = False
    """Not shown again once it is given."""

    def parse(self, text: str) -> Value:
        """The value that was typed. Raises PackError that says what is expected."""
        try:
            match self.type:
                case "boolean":
                    value: Value = _YES_NO[text.strip().casefold()]
                case "integer":
                    value = int(text)
                case "number":
                    value = float(text)
                case _:
                    value = text
        except (KeyError, ValueError) as error:
            shown = "what was given" if self.secret else f"{text!r:.60}"
            raise PackError(f"{self.name}: {shown} is not {self.expected()}") from error
        return self.check(value)

    def check(self, value: Any) -> Value:
        """The value, if it is one this setting may have. Raises PackError that says which."""
        good: bool
        match self.type:
            case "boolean":
                good = isinstance(value, bool)
            case "integer":
                good = isinstance(value, int) and not isinstance(value, bool)
            case "number":
                good = isinstance(value, int | float) and not isinstance(value, bool)
                good = good and math.isfinite(value)
            case _:
                good = isinstance(value, str) and len(value) <= 10_000 and "\0" not in value
        if good and self.choices:
            good = value in self.choices
        if good and self.type != "boolean":
            size = len(value) if isinstance(value, str) else value
            good = (self.minimum is None or size >= self.minimum) and (
                self.maximum is None or size <= self.maximum
            )
        if not good:
            shown = "what was given" if self.secret else repr(value)
            raise PackError(f"{self.name}: {shown} is not {self.expected()}")
        return value  # type: ignore[no-any-return]

    def expected(self) -> str:
        """`a whole number from 1 to 12`"""
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        kind = {
            "string": "a text",
            "integer": "a whole number",
            "number": "a number",
            "boolean": "yes or no",
        }[self.type]
        unit = " characters" if self.type == "string" else ""
        if self.minimum is not None and self.maximum is not None:
            return f"{kind} from {self.minimum:g} to {self.maximum:g}{unit}"
        if self.minimum is not None:
            return f"{kind} of at least {self.minimum:g}{unit}"
        if self.maximum is not None:
            return f"{kind} of at most {self.maximum:g}{unit}"
        return kind


_YES_NO = {
    **dict.fromkeys(("yes", "y", "true", "on", "1"), True),
    **dict.fromkeys(("no", "n", "false", "off", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack, as it describes itself."""

    id: str
    name: str
    version: str
    """Normal form (PEP 440)."""
    sdk: str
    licence: str
    description: str
    risk: str
    """The highest class of its tools."""
    run: Run | None
    """None: `skill.py`, run by the hub's own Python."""
    tools: Mapping[str, PackTool]
    """Every tool it has, by name; no other is accepted at run time."""
    permissions: Permissions
    settings: Mapping[str, Setting]

    def __str__(self) -> str:
        return f"{self.id} {self.version}"


def read(folder: Path) -> Pack:
    """The description of the pack in a folder. Raises PackError: file, key, way out."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
    except OSError as error:
        raise PackError(f"{path}: {reason(error)}; a pack says there what it is") from error
    return parse(content, str(path))


def parse(content: bytes, source: str = FILE) -> Pack:
    """The description in the content of a `pack.toml`. Raises PackError."""
    if len(content) > LONGEST_FILE:
        raise PackError(f"{source}: is longer than {LONGEST_FILE // 1024} KB: shorten it")
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise PackError(f"{source}: {reason(error)}: save it as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise PackError(f"{source}: not TOML: {error}") from error
    return _pack(_Table(table, source))


def permissions(table: Mapping[str, Any], source: str = FILE) -> Permissions:
    """The permissions in a table such as `Permissions.to_table` gives. Raises PackError."""
    return _permissions(_Table(table, source, "permissions"))


# --- reading ----------------------------------------------------------------------------------


class _Table:
    """One table of the file: each key is taken once, and what is left over is refused."""

    def __init__(self, content: Mapping[str, Any], source: str, name: str = "") -> None:
        self._content = dict(content)
        self._known: list[str] = []
        self._source = source
        self._name = name

    def wrong(self, key: str, why: str) -> PackError:
        place = f"{self._name}.{key}" if self._name and key else self._name or key
        return PackError(f"{self._source}: {place}: {why}")

    def take(self, key: str, kind: type | tuple[type, ...], expected: str, default: Any) -> Any:
        """The value of a key; `...` as default for one that must be there."""
        self._known.append(key)
        value = self._content.pop(key, default)
        if value is ...:
            raise self.wrong(key, f"is missing; it is {expected}")
        kinds = kind if isinstance(kind, tuple) else (kind,)
        # To Python True is a whole number, too.
        if value is not default and type(value) not in kinds:
            raise self.wrong(key, f"is {expected}, not {value!r:.60}")
        return value

    def text(self, key: str, limit: int = LONGEST_TEXT, default: Any = ...) -> str:
        """One line that shows what it says."""
        return self.line(key, self.take(key, str, f"a text, such as {key} = '…'", default), limit)

    def line(self, key: str, value: str, limit: int = LONGEST_TEXT) -> str:
        if unseen := hidden(value):
            raise self.wrong(key, f"holds a character that cannot be seen ({unseen}): leave it out")
        if len(value) > limit:
            raise self.wrong(key, f"is longer than {limit} characters: shorten it")
        return value.strip()

    def yes_or_no(self, key: str, default: bool = False) -> bool:
        return bool(self.take(key, bool, "true or false", default))

    def texts(self, key: str, most: int = MOST_LISTED) -> tuple[str, ...]:
        values = self.take(key, list, f"a list of texts, such as {key} = ['…']", [])
        if len(values) > most:
            raise self.wrong(key, f"has more than {most} entries")
        for value in values:
            if not isinstance(value, str) or not value.strip():
                raise self.wrong(key, f"is a list of texts; {value!r:.60} is none")
            self.line(key, value)
        return tuple(dict.fromkeys(value.strip() for value in values))

    def choice(self, key: str, known: Sequence[str], default: Any = ...) -> str:
        value: str = self.take(key, str, f"one of {', '.join(known)}", default)
        if value not in known:
            raise self.wrong(key, f"{value!r:.60} is not one of {', '.join(known)}")
        return value

    def table(self, key: str) -> _Table:
        self._known.append(key)
        value = self._content.pop(key, {})
        return self._inner(key, value)

    def tables(self) -> Iterator[tuple[str, _Table]]:
        """All that is in it, each a table."""
        content, self._content = self._content, {}
        for key, value in content.items():
            yield key, self._inner(key, value)

    def rest(self) -> dict[str, Any]:
        content, self._content = self._content, {}
        return content

    def has(self, key: str) -> bool:
        return key in self._content

    def end(self) -> None:
        """Refuse what nobody took."""
        for key in self._content:
            shown = ascii(key)[1:-1][:60]
            close = difflib.get_close_matches(key, self._known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self._known)}"
            raise self.wrong(shown, f"there is no such key; {hint}")

    def _inner(self, key: str, value: Any) -> _Table:
        if not isinstance(value, dict):
            raise self.wrong(key, "is a table, on a line of its own in brackets")
        return _Table(value, self._source, f"{self._name}.{key}" if self._name else key)


def _pack(top: _Table) -> Pack:
    identifier = top.text("id")
    if not _ID.fullmatch(identifier) or len(identifier) > LONGEST_ID:
        raise top.wrong(
            "id",
            f"{identifier!r:.60} is not small letters, digits and single hyphens, "
            f"at most {LONGEST_ID}: such as coffee-machine",
        )
    if identifier.replace("-", "_") in reserved():
        raise top.wrong("id", f"{identifier!r} is the hub's own: choose another one")
    risk = top.choice("risk", RISKS)
    run = _run(top.table("run")) if top.has("run") else None
    tools = _tools(top.table("tools"))
    highest = max(tool.risk for tool in tools.values())
    if highest != risk:
        raise top.wrong("risk", f"is {risk}, but the highest class of its tools is {highest}")
    pack = Pack(
        id=identifier,
        name=top.text("name", LONGEST_NAME),
        version=_version(top),
        sdk=_sdk(top),
        licence=top.text("licence", LONGEST_NAME),
        description=top.text("description"),
        risk=risk,
        run=run,
        tools=tools,
        permissions=_permissions(top.table("permissions")),
        settings=_settings(top.table("settings")),
    )
    top.end()
    if not pack.name:
        raise top.wrong("name", "is empty; it is what people call the pack")
    return pack


def reserved() -> frozenset[str]:
    """Names that no pack may have, with underscores: of the skills that come with the hub, and of
    Home Assistant's domains, which a tool's name could be taken for."""
    from hub.skillset import bundled

    own = {path.parent.name for path in bundled().glob("*/skill.py")}
    return frozenset(own | DOMAINS | {"hearth", "hub", "home"})


def _version(top: _Table) -> str:
    given = top.text("version", LONGEST_NAME)
    try:
        version = Version(given)
    except InvalidVersion as error:
        raise top.wrong("version", f"{given!r} is no version, such as 1.2.0") from error
    if version.epoch or version.local:
        raise top.wrong("version", f"{given!r}: leave out what is before '!' and after '+'")
    return str(version)


def _sdk(top: _Table) -> str:
    given = top.text("sdk", LONGEST_NAME)
    try:
        fits = SpecifierSet(given).contains(SDK, prereleases=True)
    except InvalidSpecifier as error:
        raise top.wrong("sdk", f"{given!r} is no range, such as '>=1,<2'") from error
    if not fits:
        raise top.wrong("sdk", f"wants {given}; this hub has {SDK}: look for another version")
    return given


def _run(table: _Table) -> Run:
    command = table.take("command", list, "a list, such as ['node', 'server.js']", ...)
    if not command or len(command) > MOST_LISTED:
        raise table.wrong("command", "is a list, such as ['node', 'server.js']")
    for word in command:
        if not isinstance(word, str) or not word:
            raise table.wrong("command", f"is a list of texts; {word!r:.60} is none")
        table.line("command", word)
    table.end()
    return Run(tuple(command))


def _tools(table: _Table) -> dict[str, PackTool]:
    tools: dict[str, PackTool] = {}
    for name, inner in table.tables():
        if not _TOOL.fullmatch(name):
            raise inner.wrong("", "a tool's name is letters, digits, _ and -, such as order")
        if any(name.casefold() == other.casefold() for other in tools):
            raise inner.wrong("", "two tools differ in capital letters alone")
        phrases = {}
        for language, _ in (said := inner.table("phrases")).rest().items():
            if not _LANGUAGE.fullmatch(language):
                raise said.wrong(language, "is no language, such as en or de")
            phrases[language] = _Table({language: _}, said._source, said._name).texts(language)
        tools[name] = PackTool(name, inner.choice("risk", RISKS, "R1"), phrases)
        inner.end()
    if not tools:
        raise table.wrong("", "is missing: every tool has a table of its own, [tools.NAME]")
    if len(tools) > MOST_TOOLS:
        raise table.wrong("", f"has more than {MOST_TOOLS} tools: make several packs")
    return tools


def _permissions(table: _Table) -> Permissions:
    home = table.table("home")
    granted = HomeGrant(
        domains=_domains(home, "domains"),
        areas=home.texts("areas"),
        entities=home.texts("entities"),
        act=home.yes_or_no("act"),
    )
    for entity in granted.entities:
        if not (found := _ENTITY.fullmatch(entity)) or found[1] not in DOMAINS:
            raise home.wrong("entities", f"{entity!r:.60} is no entity, such as light.hall")
    if granted.act and not granted:
        raise home.wrong("act", "says on nothing: name home.domains, home.areas or home.entities")
    home.end()
    memory = table.take("memory_mb", int, "a whole number of MB", MEMORY)
    if not 16 <= memory <= MOST_MEMORY:
        raise table.wrong("memory_mb", f"is from 16 to {MOST_MEMORY} (MB)")
    found_permissions = Permissions(
        home=granted,
        mqtt=tuple(_topic(table, topic) for topic in table.texts("mqtt")),
        network=tuple(dict.fromkeys(_origin(table, address) for address in table.texts("network"))),
        speak=table.yes_or_no("speak"),
        timers=table.yes_or_no("timers"),
        sound=table.yes_or_no("sound"),
        phone=table.yes_or_no("phone"),
        memory_mb=memory,
        events=_domains(table, "events"),
    )
    table.end()
    return found_permissions


def _domains(table: _Table, key: str) -> tuple[str, ...]:
    domains = table.texts(key)
    for domain in domains:
        if domain not in DOMAINS:
            close = difflib.get_close_matches(domain, DOMAINS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise table.wrong(key, f"{domain!r:.60} is no domain of Home Assistant{hint}")
    return domains


def _topic(table: _Table, topic: str) -> str:
    levels = topic.split("/")
    for number, level in enumerate(levels):
        whole = level in ("+", "#") or not set(level) & {"+", "#"}
        if not whole or (level == "#" and number != len(levels) - 1):
            raise table.wrong("mqtt", f"{topic!r:.60} is no topic: + and # stand for whole levels")
    if levels[0] in ("+", "#", "") or levels[0].startswith("$"):
        raise table.wrong("mqtt", f"{topic!r:.60}: its first level must be a name of its own")
    if levels[0].casefold() in ("homeassistant", "hearth"):
        raise table.wrong("mqtt", f"{topic!r:.60}: {levels[0]}/ is for announcements and the hub")
    return topic


def _origin(table: _Table, address: str) -> str:
    """`http://host:port`, in the one form in which it is compared."""
    try:
        url = urlsplit(address)
        port = url.port
        host = url.hostname or ""
    except ValueError as error:
        raise table.wrong("network", f"{address!r:.60}: {error}") from error
    if url.scheme not in ("http", "https"):
        raise table.wrong("network", f"{address!r:.60}: begins with http:// or https://")
    if url.path not in ("", "/") or url.query or url.fragment or "@" in url.netloc:
        raise table.wrong("network", f"{address!r:.60}: name scheme, host and port alone")
    if port == 0:
        raise table.wrong("network", f"{address!r:.60}: there is no port 0")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        # All digits and dots would be read as an address in another notation by some.
        if not _HOST.fullmatch(host) or len(host) > 253 or re.fullmatch(r"[0-9.]+|0x.*", host):
            raise table.wrong(
                "network", f"{address!r:.60}: is no host, such as https://api.example.org"
            ) from None
        shown = host
    else:
        if literal.is_multicast or literal.is_unspecified or literal.is_link_local:
            raise table.wrong("network", f"{address!r:.60}: is not the address of a host")
        if literal.version == 6 and (literal.ipv4_mapped or "%" in host):
            raise table.wrong("network", f"{address!r:.60}: write it as a plain address")
        shown = f"[{literal}]" if literal.version == 6 else str(literal)
    return f"{url.scheme}://{shown}:{port or {'http': 80, 'https': 443}[url.scheme]}"


def _settings(table: _Table) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for name, inner in table.tables():
        if not _SETTING.fullmatch(name):
            raise inner.wrong("", "a setting's name is small letters, digits and _, such as cups")
        kinds = ("string", "integer", "number", "boolean")
        setting = Setting(
            name=name,
            type=inner.choice("type", kinds, "string"),  # type: ignore[arg-type]
            default=inner.take("default", (str, int, float, bool), "a value", None),
            title=inner.text("title", default=""),
            minimum=inner.take("minimum", (int, float), "a number", None),
            maximum=inner.take("maximum", (int, float), "a number", None),
            choices=tuple(inner.take("choices", list, "a list of values", [])),
            secret=inner.yes_or_no("secret"),
        )
        inner.end()
        if len(setting.choices) > MOST_LISTED:
            raise inner.wrong("choices", f"has more than {MOST_LISTED} entries")
        for value in (*setting.choices, setting.default):
            if value is None:
                continue
            if isinstance(value, str):
                inner.line("default", value)
            try:
                setting.check(value)
            except PackError as error:
                raise inner.wrong(
                    "default" if value is setting.default else "choices", str(error)
                ) from error
        settings[name] = setting
    if len(settings) > MOST_LISTED:
        raise table.wrong("", f"has more than {MOST_LISTED} settings")
    return settings


def hidden(text: str) -> str | None:
    """The first character that is not shown, or turns or hides what stands beside it."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            return f"U+{ord(character):04X}"
    return None


# --- comparing and wording ----------------------------------------------------------------------


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)


def _within(one: HomeGrant, other: HomeGrant) -> bool:
    """Whether every device of one, whatever the home, is among those of the other."""
    if not one:
        return True
    if one.act and not other.act:
        return False
    if (one.domains or one.areas) and not (
        (other.domains or other.areas)
        and (not other.domains or (one.domains and set(one.domains) <= set(other.domains)))
        and (not other.areas or (one.areas and _folded(one.areas) <= _folded(other.areas)))
    ):
        return False
    return all(
        entity in other.entities or (not other.areas and other.includes(entity))
        for entity in one.entities
    )


def _covers(wide: str, narrow: str) -> bool:
    """Whether every topic of one filter is one of the other."""
    wider, narrower = wide.split("/"), narrow.split("/")
    for number, level in enumerate(wider):
        if level == "#":
            return True
        if number >= len(narrower) or narrower[number] == "#":
            return False
        if level not in ("+", narrower[number]):
            return False
    return len(wider) == len(narrower)


_KINDS = {
    "alarm_control_panel": "alarm systems",
    "binary_sensor": "contact, motion and other on-off sensors",
    "button": "buttons",
    "camera": "cameras",
    "climate": "heating and air conditioning",
    "cover": "blinds, doors and gates",
    "device_tracker": "where phones and people are",
    "fan": "fans",
    "lawn_mower": "lawn mowers",
    "light": "lights",
    "lock": "locks",
    "media_player": "televisions and music players",
    "person": "who is at home",
    "scene": "scenes",
    "script": "scripts",
    "sensor": "sensors",
    "siren": "sirens",
    "switch": "switches and plugs",
    "todo": "shopping and to-do lists",
    "vacuum": "vacuum cleaners",
    "valve": "valves",
    "water_heater": "water heaters",
    "weather": "weather forecasts",
}


def _kinds(domains: Iterable[str]) -> list[str]:
    return [_KINDS.get(domain, f"{domain.replace('_', ' ')} entities") for domain in domains]


def _devices(home: HomeGrant) -> str:
    parts = []
    if home.domains or home.areas:
        kinds = _listed(_kinds(home.domains)) if home.domains else "every device"
        where = f" in {_listed(home.areas)}" if home.areas else ""
        parts.append(f"{kinds}{where}")
    parts += home.entities
    return _listed(parts)


def _reached(origin: str) -> str:
    """An address with what it means for who reads it."""
    host = urlsplit(origin).hostname or ""
    shown = origin.removesuffix(":80" if origin.startswith("http:") else ":443")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost":
            return f"{shown}, which is this machine"
        local = "." not in host or host.endswith((".local", ".lan", ".home.arpa", ".internal"))
        return f"{shown} {'in the home network' if local else 'on the internet'}"
    if address.is_loopback:
        return f"{shown}, which is this machine"
    return f"{shown} {'in the home network' if address.is_private else 'on the internet'}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
