"""Reads a conversation from its file, strictly: a key that nobody knows is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
UNITS = {"s": "seconds", "sec": "seconds", "min": "minutes", "h": "hours", "d": "days"}
PHONE = re.compile(r"phone(?: \((?P<person>.+)\))?")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, and what must come of it."""

    at: str | None = None
    after: timedelta | None = None
    events: Mapping[str, Any] = field(default_factory=dict)
    broken: Sequence[str] = ()
    deaf: Sequence[str] = ()
    mended: Sequence[str] = ()
    restart: timedelta | None = None
    say: str | None = None
    room: str | None = None
    phone: bool = False
    person: str | None = None
    language: str | None = None
    do: Sequence[Mapping[str, Any]] = ()
    reply: Sequence[str] = ()
    asks: bool | None = None
    replied_in: str | None = None
    unwanted: Sequence[str | Mapping[str, Any]] = ()
    sound: Sequence[str] = ()
    aloud: Sequence[str] = ()
    silent: bool = False
    volume: float | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A whole conversation."""

    path: Path
    title: str
    steps: tuple[Step, ...]
    languages: tuple[str, ...] = ("en",)
    clock: datetime = datetime(2026, 11, 27, 18, 0)
    zone: str = "Europe/Berlin"
    home: Path | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    tiers: tuple[str, ...] = ("rules", "all")
    pin: str = ""
    spoken: bool = False
    pending: str = ""


def scripts() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


def read(path: Path) -> Script:
    """Raises ValueError for what makes no sense."""
    told = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    try:
        steps = tuple(_step(dict(each)) for each in told.pop("steps"))
        language = told.pop("language", "en")
        languages = tuple(told.pop("languages", [language]))
        if home := told.pop("home", "simulated"):
            told["home"] = None if home == "simulated" else FOLDER / "homes" / home
        if "clock" in told and not isinstance(told["clock"], datetime):
            told["clock"] = datetime.fromisoformat(str(told["clock"]))
        if "tiers" in told:
            told["tiers"] = tuple(told["tiers"])
        _known(told, Script)
        return Script(path=path, steps=steps, languages=languages, **told)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def _step(told: dict[str, Any]) -> Step:
    if phone := PHONE.fullmatch(str(told.pop("from", "voice"))):
        told |= {"phone": True, "person": phone["person"]}
    told["room"] = told.pop("in", None)
    told["unwanted"] = _several(told.pop("not", ()))
    if "after" in told:
        told["after"] = duration(told["after"])
    if "restart" in told:
        took = told.pop("restart")
        told["restart"] = duration(took) if isinstance(took, str) else timedelta(seconds=2)
    for key in ("do", "reply", "sound", "aloud", "broken", "deaf", "mended"):
        if key in told:
            told[key] = _several(told[key])
    _known(told, Step)
    return Step(**told)


def _several(told: Any) -> list[Any]:
    if isinstance(told, Mapping):
        return [{key: value} for key, value in told.items()]
    return list(told) if isinstance(told, list | tuple) else [told]


def _known(told: Mapping[str, Any], kind: type) -> None:
    names = {each.name for each in fields(kind)}
    if strange := set(told) - names:
        raise ValueError(f"no such key: {', '.join(sorted(strange))}; known are {sorted(names)}")


def duration(text: str) -> timedelta:
    """'10 min', '1 h 30 min', '90 s'"""
    found = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]+)", str(text))
    if not found:
        raise ValueError(f"no duration: {text!r}")
    return timedelta(**{UNITS[unit]: float(number) for number, unit in found})


def fits(wanted: str, text: str) -> bool:
    """Whether a text has what is wanted in it: words, or a /regular expression/."""
    if len(wanted) > 1 and wanted.startswith("/") and wanted.endswith("/"):
        return re.search(wanted[1:-1], text, re.IGNORECASE) is not None
    return wanted.casefold() in text.casefold()
