"""Filters and functions of Home Assistant's templates that devices use in their announcements.

They do what its documentation of templating says. What a stranger could blow up with them is
bounded; `NotUnderstood` ends the template.
"""

from __future__ import annotations

import base64
import json
import math
import re
import statistics
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from jinja2.runtime import Undefined

from hub.devices.mqtt.component import NotUnderstood
from hub.devices.mqtt.patterns import pattern

MAX_TEXT = 65_536
"""Characters of a text, or entries of a list, that a template may make."""

_WIDE = re.compile(r"%(?:\([^)]*\))?[-+ #]*(?:\d{4}|\*|\d*\.(?:\d{4}|\*))")
"""A width or a precision of more than three digits, or from an argument."""

_MISSING: Any = object()


def checked_size(size: int) -> None:
    """Raises NotUnderstood for a text or list that a template must not make."""
    if size > MAX_TEXT:
        raise NotUnderstood(f"a template makes {size} characters; {MAX_TEXT} are allowed")


def weight(value: Any) -> int:
    """Characters and entries in a value, with all that is in it. What is in it twice counts twice,
    as it does for everything that goes through it: lists in lists double at no cost of memory.

    Raises NotUnderstood for more than MAX_TEXT."""
    if isinstance(value, str):
        return len(value)
    total, rest = 0, [value]
    while rest:
        each = rest.pop()
        if isinstance(each, str):
            total += len(each)
        elif isinstance(each, Mapping):
            rest += each.keys()
            rest += each.values()
        elif isinstance(each, list | tuple | set | frozenset):
            checked_size(len(each))
            rest += each
        total += 1
        checked_size(total + len(rest))
    return total


def checked_format(template: str, values: Iterable[Any]) -> None:
    """Raises NotUnderstood for a format whose result can be very long."""
    braces = re.sub(r"\{\{|\}\}", "", template)
    if _WIDE.search(template) or re.search(r"\{[^{}]*(\{|\d{4})", braces):
        raise NotUnderstood("a template formats to a great width")
    # Each place can hold the longest value, and a width or precision of three digits.
    places = template.count("%") + template.count("{")
    longest = max(map(weight, values), default=0)
    checked_size(len(template) + places * longest)


def _else(default: Any, value: Any, kind: str) -> Any:
    if default is _MISSING:
        raise NotUnderstood(f"{kind} got {str(value)[:100]!r}, and no default is given")
    return default


# --- numbers ---------------------------------------------------------------------------------


def to_float(value: Any, default: Any = _MISSING) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return _else(default, value, "float")


def to_int(value: Any, default: Any = _MISSING, base: int = 10) -> Any:
    try:
        return int(value, base) if isinstance(value, str) and base != 10 else int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return int(float(value))  # "21.5" is 21
    except (TypeError, ValueError, OverflowError):
        return _else(default, value, "int")


def to_bool(value: Any, default: Any = _MISSING) -> Any:
    if isinstance(value, bool | int | float):
        return bool(value)
    match str(value).strip().lower():
        case "1" | "true" | "yes" | "on" | "enable":
            return True
        case "0" | "false" | "no" | "off" | "disable":
            return False
    return _else(default, value, "bool")


def rounded(value: Any, precision: int = 0, method: str = "common", default: Any = _MISSING) -> Any:
    """`method`: common, ceil, floor, or half (to the nearest half)."""
    try:
        if not -20 <= precision <= 20:
            raise ValueError(precision)
        scale = 10**precision
        match method:
            case "ceil":
                number = math.ceil(float(value) * scale) / scale
            case "floor":
                number = math.floor(float(value) * scale) / scale
            case "half":
                number = round(float(value) * 2) / 2
            case _:
                number = round(float(value), precision)
        return int(number) if precision == 0 and method != "half" else number
    except (TypeError, ValueError, OverflowError):
        return _else(default, value, "round")


def multiply(value: Any, amount: float, default: Any = _MISSING) -> Any:
    try:
        return float(value) * amount
    except (TypeError, ValueError, OverflowError):
        return _else(default, value, "multiply")


def add(value: Any, amount: float, default: Any = _MISSING) -> Any:
    try:
        return float(value) + amount
    except (TypeError, ValueError, OverflowError):
        return _else(default, value, "add")


def logarithm(value: Any, base: float = math.e, default: Any = _MISSING) -> Any:
    try:
        return math.log(float(value), float(base))
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return _else(default, value, "log")


def of_one(name: str, function: Callable[[float], float]) -> Callable[..., Any]:
    """A function of one number that takes a default."""

    def apply(value: Any, default: Any = _MISSING) -> Any:
        try:
            return function(float(value))
        except (TypeError, ValueError, OverflowError):
            return _else(default, value, name)

    return apply


def is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def bitwise_and(first: Any, second: Any) -> int:
    return int(first) & int(second)


def bitwise_or(first: Any, second: Any) -> int:
    return int(first) | int(second)


def bitwise_xor(first: Any, second: Any) -> int:
    return int(first) ^ int(second)


def _numbers(values: tuple[Any, ...]) -> list[Any]:
    if len(values) == 1 and isinstance(values[0], Iterable) and not isinstance(values[0], str):
        return list(values[0])
    return list(values)


def smallest(*values: Any) -> Any:
    return min(_numbers(values))


def largest(*values: Any) -> Any:
    return max(_numbers(values))


def average(*values: Any, default: Any = _MISSING) -> Any:
    try:
        return statistics.fmean(float(value) for value in _numbers(values))
    except (TypeError, ValueError, statistics.StatisticsError):
        return _else(default, values, "average")


# --- text ------------------------------------------------------------------------------------


def replaced(text: Any, old: Any, new: Any, count: int | None = None) -> str:
    given, before, after = str(text), str(old), str(new)
    places = given.count(before)
    if count is not None and count >= 0:
        places = min(count, places)
    checked_size(len(given) + places * max(0, len(after) - len(before)))
    return given.replace(before, after, -1 if count is None else count)


def joined(values: Iterable[Any], separator: Any = "", attribute: str | None = None) -> str:
    if attribute is not None:
        values = [value[attribute] for value in values]
    parts = [str(value) for value in values]
    checked_size(sum(map(len, parts)) + len(str(separator)) * len(parts))
    return str(separator).join(parts)


def formatted(template: Any, *values: Any, **named: Any) -> str:
    """`'%.1f' | format(value)`"""
    checked_format(str(template), named.values() if named else values)
    return str(template) % (named or values)


def _flags(ignorecase: bool) -> int:
    return re.IGNORECASE if ignorecase else 0


def regex_match(text: Any, find: str = "", ignorecase: bool = False) -> bool:
    return pattern(find, _flags(ignorecase)).on(str(text)).match(str(text)) is not None


def regex_search(text: Any, find: str = "", ignorecase: bool = False) -> bool:
    return pattern(find, _flags(ignorecase)).on(str(text)).search(str(text)) is not None


def regex_replace(
    text: Any = "", find: str = "", replace: str = "", ignorecase: bool = False
) -> str:
    checked_size(len(str(replace)) * (len(str(text)) + 1))
    changed = pattern(find, _flags(ignorecase)).on(str(text)).sub(str(replace), str(text))
    checked_size(len(changed))
    return changed


def regex_findall(text: Any, find: str = "", ignorecase: bool = False) -> list[Any]:
    return pattern(find, _flags(ignorecase)).on(str(text)).findall(str(text))


def regex_findall_index(text: Any, find: str = "", index: int = 0, ignorecase: bool = False) -> Any:
    return regex_findall(text, find, ignorecase)[index]


def slugify(text: Any, separator: str = "_") -> str:
    return re.sub(r"[^a-z0-9]+", lambda _: str(separator)[:1], str(text).lower()).strip("_")


def encode64(text: Any) -> str:
    return base64.b64encode(str(text).encode()).decode()


def decode64(text: Any) -> str:
    return base64.b64decode(str(text)).decode()


def from_json(text: Any, default: Any = _MISSING) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return _else(default, text, "from_json")


def to_json(
    value: Any, ensure_ascii: bool = False, pretty_print: bool = False, sort_keys: bool = False
) -> str:
    """Compact, also where it is to be pretty: deep lists would be mostly spaces."""
    text = json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        sort_keys=sort_keys,
        separators=(",", ":"),
    )
    checked_size(len(text))
    return text


def jinja_json(value: Any, indent: Any = None) -> str:
    """Jinja's own `tojson`: with spaces, safe in HTML. Never indented: that can be any width."""
    text = json.dumps(value, sort_keys=True)
    for character in "<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    checked_size(len(text))
    return text


# --- choices ---------------------------------------------------------------------------------


def iif(value: Any, if_true: Any = True, if_false: Any = False, if_none: Any = _MISSING) -> Any:
    if value is None and if_none is not _MISSING:
        return if_none
    return if_true if value else if_false


def is_defined(value: Any) -> Any:
    """The value, if there is one; otherwise the message tells nothing and is left alone."""
    if isinstance(value, Undefined):
        raise NotUnderstood(f"'{value._undefined_name}' is not in the message")
    return value


# --- time ------------------------------------------------------------------------------------


def now() -> datetime:
    return datetime.now().astimezone()


def utcnow() -> datetime:
    return datetime.now(UTC)


def as_datetime(value: Any, default: Any = _MISSING) -> Any:
    try:
        if isinstance(value, datetime):
            return value
        if is_number(value):
            return datetime.fromtimestamp(float(value), UTC)
        return datetime.fromisoformat(str(value))
    except (TypeError, ValueError, OverflowError, OSError):
        return _else(default, value, "as_datetime")


def as_timestamp(value: Any, default: Any = _MISSING) -> Any:
    if is_number(value):
        return float(value)
    moment = as_datetime(value, None)
    return moment.timestamp() if moment is not None else _else(default, value, "as_timestamp")


def as_local(value: datetime) -> datetime:
    return value.astimezone()


def timestamp_custom(
    value: Any, format: str = "%Y-%m-%d %H:%M:%S", local: bool = True, default: Any = _MISSING
) -> Any:
    try:
        moment = datetime.fromtimestamp(float(value), UTC)
        return time_text(moment.astimezone() if local else moment, format)
    except (TypeError, ValueError, OverflowError, OSError):
        return _else(default, value, "timestamp_custom")


def time_text(moment: date, format: str) -> str:
    """`strftime`, without the widths that the C library has."""
    if len(format) > 200 or re.search(r"%[-_0^#]*\d", format):
        raise NotUnderstood("a template formats a time to a great width")
    return moment.strftime(format)


def timestamp_local(value: Any, default: Any = _MISSING) -> Any:
    try:
        return datetime.fromtimestamp(float(value), UTC).astimezone().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return _else(default, value, "timestamp_local")


def timestamp_utc(value: Any, default: Any = _MISSING) -> Any:
    try:
        return datetime.fromtimestamp(float(value), UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return _else(default, value, "timestamp_utc")


def strptime(text: Any, format: str, default: Any = _MISSING) -> Any:
    if len(str(format)) > 100 or len(str(text)) > 200:
        raise NotUnderstood("a time that a template reads is too long")
    try:
        return datetime.strptime(str(text), format)
    except (TypeError, ValueError):
        return _else(default, text, "strptime")


def today_at(time: str = "") -> datetime:
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    if not time:
        return midnight
    hours, minutes, *seconds = (int(part) for part in str(time).split(":"))
    return midnight.replace(hour=hours, minute=minutes, second=seconds[0] if seconds else 0)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "add": add,
    "as_datetime": as_datetime,
    "as_local": as_local,
    "as_timestamp": as_timestamp,
    "average": average,
    "base64_decode": decode64,
    "base64_encode": encode64,
    "bitwise_and": bitwise_and,
    "bitwise_or": bitwise_or,
    "bitwise_xor": bitwise_xor,
    "bool": to_bool,
    "cos": of_one("cos", math.cos),
    "float": to_float,
    "format": formatted,
    "from_json": from_json,
    "iif": iif,
    "int": to_int,
    "is_defined": is_defined,
    "is_number": is_number,
    "join": joined,
    "log": logarithm,
    "max": largest,
    "min": smallest,
    "multiply": multiply,
    "ord": ord,
    "regex_findall": regex_findall,
    "regex_findall_index": regex_findall_index,
    "regex_match": regex_match,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "replace": replaced,
    "round": rounded,
    "sin": of_one("sin", math.sin),
    "slugify": slugify,
    "sqrt": of_one("sqrt", math.sqrt),
    "tan": of_one("tan", math.tan),
    "timestamp_custom": timestamp_custom,
    "timestamp_local": timestamp_local,
    "timestamp_utc": timestamp_utc,
    "to_json": to_json,
    "tojson": jinja_json,
}

FUNCTIONS: Mapping[str, Any] = {
    "as_datetime": as_datetime,
    "as_local": as_local,
    "as_timestamp": as_timestamp,
    "average": average,
    "bool": to_bool,
    "cos": of_one("cos", math.cos),
    "e": math.e,
    "float": to_float,
    "iif": iif,
    "int": to_int,
    "is_number": is_number,
    "log": logarithm,
    "max": largest,
    "min": smallest,
    "now": now,
    "pi": math.pi,
    "sin": of_one("sin", math.sin),
    "slugify": slugify,
    "sqrt": of_one("sqrt", math.sqrt),
    "strptime": strptime,
    "tan": of_one("tan", math.tan),
    "tau": math.tau,
    "timedelta": timedelta,
    "today_at": today_at,
    "utcnow": utcnow,
    "zip": zip,
}

TESTS: Mapping[str, Callable[..., bool]] = {
    "is_number": is_number,
    "match": regex_match,
    "search": regex_search,
}
