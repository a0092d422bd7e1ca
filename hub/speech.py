"""Words for the ear: a reply without what only the eye understands, cut where one may breathe.

A voice starts to sound when its first piece is computed, so pieces begin short and grow: while
one is heard the next is made.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

FIRST = 45
"""Characters of a first piece at most, if there is a place to cut: 2-3 seconds of speech."""
LONG = 80
"""Characters of the others: a voice takes 50 MB for each second that it computes at once."""
LONGEST = 140
"""Characters beyond which a sentence is even cut between two words."""
SHORTEST = 12
"""Characters below which a piece is not worth a pause."""

_KEPT_SYMBOLS = "°№©®™"
_JOINERS = "\u200c\u200d"
"""Part of the spelling of Persian and of Indian languages; elsewhere they glue emoji."""

_LINK = re.compile(r"!?\[([^\]\[]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_ADDRESS = re.compile(r"<?(?:https?|ftp|mqtts?|file)://[^\s>]*>?|\bwww\.[^\s>]+", re.I)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,}).*$", re.M)
_RULE = re.compile(r"^\s*(?:[-*_=]\s*){3,}$|^[\s|:-]*\|[\s|:-]*$", re.M)
_LINE_MARK = re.compile(r"^\s*(?:#{1,6}\s+|>+\s*|[-*+•]\s+)", re.M)
_EMPHASIS = re.compile(r"(\*{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1")
_UNDERSCORES = re.compile(r"(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)")
_LEFTOVERS = re.compile(r"[*`~|\\\[\]{}<>^]|#(?!\d)")

_UNITS = {
    "en": {
        "°C": "degrees Celsius",
        "°F": "degrees Fahrenheit",
        "kWh": "kilowatt hours",
        "Wh": "watt hours",
        "kW": "kilowatts",
        "W": "watts",
        "km/h": "kilometres per hour",
        "m/s": "metres per second",
        "mph": "miles per hour",
        "lx": "lux",
        "hPa": "hectopascals",
        "ppm": "parts per million",
        "µg/m³": "micrograms per cubic metre",
        "V": "volts",
        "A": "amperes",
        "L": "litres",
        "mm": "millimetres",
        "cm": "centimetres",
        "km": "kilometres",
        "min": "minutes",
    }
}
"""Units that a voice would spell out as letters, and how they are said."""

_CONJUNCTIONS = {
    "de": "und aber oder weil sondern denn",
    "en": "and but or because so while then",
    "es": "y e pero o porque",
    "fr": "et mais ou car parce",
    "it": "e ed ma o perché",
    "nl": "en maar of want omdat",
    "pt": "e mas ou porque",
}
_END = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+|(?<=[。！？।؟])\s*|\s*\n\s*")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:(?:[^\W\d]\.)*[^\W\d]|Mr|Mrs|Ms|Dr|Prof|St|No|Nr|vs|approx|ca|bzw|Jr|Sr)\.$"
)
_COMMA = re.compile(r"[,;:،、，；](?=\s)|[、，；]|\s[–—-](?=\s)")


def clean(text: str, language: str = "en") -> str:
    """What a person would read aloud: no mark-up, addresses or emoji; numbers keep their units.

    Lines that end without a full stop get one. May be empty."""
    text = unicodedata.normalize("NFC", text).replace("\r", "\n")
    text = _FENCE.sub("", _RULE.sub("", text))
    text = _TAG.sub(" ", _ADDRESS.sub(" ", _LINK.sub(r"\1", text)))
    text = _LINE_MARK.sub("", text)
    text = _UNDERSCORES.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    text = "".join(_audible(text))
    text = _LEFTOVERS.sub(" ", text.replace("_", " "))
    text = _with_units(text, language)
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.split("\n"))
    lines = (re.sub(r"\s+([,.;:!?](?:\s|$))", r"\1", line) for line in lines)
    return "\n".join(_ended(line) for line in lines if any(map(str.isalnum, line)))


def _audible(text: str) -> Iterator[str]:
    """Without control characters, and without symbols but those that are words."""
    before = ""
    for character in text:
        kind = unicodedata.category(character)
        if character == "\n":
            yield character
        elif character in _JOINERS:
            if unicodedata.category(before or " ")[0] in "LM":
                yield character
        elif kind == "Cc" or (kind == "So" and character not in _KEPT_SYMBOLS):
            yield " "
        elif kind[0] != "C" and kind != "Sk" and not "\ufe00" <= character <= "\ufe0f":
            yield character
        before = character


def _with_units(text: str, language: str) -> str:
    units = _UNITS.get(language.split("-")[0])
    if not units:
        return text
    known = "|".join(re.escape(unit) for unit in sorted(units, key=len, reverse=True))
    return re.sub(
        rf"(?<=\d)[ \u00a0\u202f]?({known})(?![\w/°³²])",
        lambda match: f" {units[match[1]]}",
        text,
    )


def _ended(line: str) -> str:
    return line if line[-1] in ".!?…:;,。！？।؟\"'”’)" else line + "."


def sentences(text: str) -> list[str]:
    """Sentences of a cleaned text."""
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        so_far = text[start : match.end()].strip()
        if "\n" not in match[0] and _ABBREVIATION.search(so_far):
            continue
        found.append(so_far)
        start = match.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if any(map(str.isalnum, sentence))]


def pieces(sentence: str, *, first: bool, language: str = "en") -> list[str]:
    """A sentence in pieces that can be spoken one after another.

    With `first` the silence before it counts: then the first piece is short. Cut at commas, or
    before a conjunction; only what is very long is cut between words."""
    found: list[str] = []
    while sentence:
        cut = _cut(sentence, FIRST if first and not found else LONG, language)
        if cut is None:
            return [*found, sentence]
        head, sentence = sentence[:cut].strip(), sentence[cut:].strip()
        found.append(head if not head[-1].isalnum() else head + ",")
    return found


def _cut(sentence: str, limit: int, language: str) -> int | None:
    """Where to cut so that at most `limit` characters come before, or None to leave it whole."""
    if len(sentence) <= limit + SHORTEST:
        return None
    latest = len(sentence) - SHORTEST
    commas = [match.end() for match in _COMMA.finditer(sentence)]
    words = _CONJUNCTIONS.get(language.split("-")[0], "").split()
    joints = re.finditer(rf"\s(?=(?:{'|'.join(words)})\s)", sentence) if words else ()
    places = [commas, [match.start() for match in joints]]
    for found in places:
        if fitting := [place for place in found if SHORTEST <= place <= min(limit, latest)]:
            return fitting[-1]
    further = range(limit + 1, min(latest, LONGEST) + 1)
    if later := [place for found in places for place in found if place in further]:
        return min(later)
    if len(sentence) <= LONGEST:
        return None
    space = sentence.rfind(" ", SHORTEST, LONGEST)
    return space if space > 0 else LONGEST
