"""Small repairs of what templates put together: articles that fit a noun, 'one minute'.

Templates leave the article to chance where a language has several. A model should read German as
it is spoken; what a person would never say is not worth learning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from hub.training.noise import Piece

ENDINGS_DE = {
    "f": "lampe leuchte kette beleuchtung steckdose maschine pumpe heizung anlage klima lüftung "
    "tür jalousie markise gardine dusche box soundbar bar liste temperatur feuchtigkeit "
    "feuchte batterie bewässerung klingel heizdecke küche garage diele terrasse sauna "
    "werkstatt bibliothek stube kammer loggia galerie ecke einfahrt ankleide routine sirene "
    "leiste mikrowelle wallbox laterne glotze leinwand szene helligkeit leistung bewegung "
    "qualität anwesenheit runde lichtkuppel theke kommode treppe insel vitrine",
    "m": "streifen fernseher tv strahler fluter ventilator lüfter heizkörper sauger staubi "
    "roboter mäher vorhang laden store beamer lautsprecher receiver verstärker schalter "
    "kocher toaster trockner drucker schrank brunnen baum monitor router wecker flur garten "
    "keller dachboden balkon eingang hof raum schuppen carport pool melder sensor kontakt "
    "stock boiler speicher erhitzer befeuchter entfeuchter tresor briefkasten hahn abzug "
    "akku kronleuchter spieler sprenger lüftungsschalter reiniger lüfter verbrauch messer "
    "modus herd kamin spiegel",
    "n": "licht band rollo zimmer bad büro wc haus studio thermostat schloss tor fenster ventil "
    "radio segel kino gerät geschoss thermometer aquarium wlan eisen treppenhaus warmwasser",
    "p": "lampen lichter rollos jalousien vorhänge gardinen läden spots leuchten",
}
FORMS_DE = {
    "acc": {"m": "den", "f": "die", "n": "das", "p": "die"},
    "dat": {"m": "dem", "f": "der", "n": "dem", "p": "den"},
    "gen": {"m": "des", "f": "der", "n": "des", "p": "der"},
}
SHORT_DE = {"im": "in dem", "vom": "von dem", "am": "an dem", "zum": "zu dem", "zur": "zu der"}
JOINED_DE = {"in dem": "im", "von dem": "vom", "an dem": "am", "zu dem": "zum", "zu der": "zur"}
JOINED_DE |= {"in das": "ins", "an das": "ans"}
_ARTICLE_DE = re.compile(
    r"^(?P<head>(?:.*?\s)??)(?:(?P<prep>in|an|auf|bei|von dem|von|zu|mit|vom|im|am) )?"
    r"(?P<article>der|die|das|den|dem|des|im|vom|am|zum|zur)\s+$",
    re.IGNORECASE | re.DOTALL,
)
_VALUE_DE = re.compile(
    r"(helligkeit|temperatur|farbe|status|zustand|geschwindigkeit|lautstärke|position|farbtemperatur)"
    r"\s+$",
    re.IGNORECASE,
)
"""Behind these a thing stands in the genitive."""


@lru_cache(maxsize=10_000)
def gender(noun: str) -> str:
    """`m`, `f`, `n` or `p` (plural) of a German name, by its last words; empty if not known."""
    words = noun.lower().split()
    if len(words) > 1 and words[0].endswith("s") and words[-1] == "zimmer":
        return ""  # 'Annas Zimmer' has no article
    for word in reversed(words):
        found = [
            (len(ending), kind)
            for kind, endings in ENDINGS_DE.items()
            for ending in endings.split()
            if word.endswith(ending)
        ]
        if found:
            return max(found)[1]
    return ""


def agree(pieces: Sequence[Piece], language: str) -> None:
    """Articles and units as they should be, in place."""
    if language == "de":
        _agree_de(pieces)
    elif language == "en":
        _agree_en(pieces)


def _joined(pieces: Sequence[Piece], upto: int) -> tuple[str, int]:
    """The text in front of a piece, and where it begins."""
    begin = upto
    while begin > 0 and not pieces[begin - 1].role:
        begin -= 1
    return "".join(piece.text for piece in pieces[begin:upto]), begin


def _put(pieces: Sequence[Piece], begin: int, end: int, text: str) -> None:
    for piece in pieces[begin:end]:
        piece.text = ""
    pieces[begin].text = text


def _agree_de(pieces: Sequence[Piece]) -> None:
    for place, piece in enumerate(pieces):
        if piece.role not in ("name", "area"):
            continue
        before, begin = _joined(pieces, place)
        match = _ARTICLE_DE.match(before)
        if match is None:
            continue
        kind = gender(piece.text)
        given, prep = match["article"].lower(), (match["prep"] or "").lower()
        prep = SHORT_DE.get(prep, prep).removesuffix(" dem")
        if given in SHORT_DE:
            prep, given = SHORT_DE[given].split()
        if not kind:
            _put(pieces, begin, place, f"{match['head']}{f'{prep} ' if prep else ''}")
            continue
        if prep in ("bei", "von", "zu", "mit"):
            case = "dat"
        elif prep:
            case = "dat" if piece.role == "area" else "acc"
        elif _VALUE_DE.search(match["head"]):
            case = "gen"
        else:
            of_room = (
                piece.role == "area" and given in ("des", "dem", "der") and match["head"].strip()
            )
            case = "gen" if of_room else "acc"
        article = FORMS_DE[case][kind]
        said = f"{prep} {article}" if prep else article
        said = JOINED_DE.get(said, said)
        if not match["head"].strip() and begin == 0:
            said = said[:1].upper() + said[1:] if match["article"][0].isupper() else said
        _put(pieces, begin, place, f"{match['head']}{said} ")
        ends = kind in "fp" or (given == "des" and case != "gen")
        after = pieces[place + 1] if place + 1 < len(pieces) else Piece("")
        if ends and re.match(r"s( |$)", after.text):
            after.text = after.text[1:]


def _agree_en(pieces: Sequence[Piece]) -> None:
    """'one minute', 'ten minutes', but 'the ten minute timer'; no article for a person's name."""
    for place, piece in enumerate(pieces):
        if piece.role == "number" and place + 1 < len(pieces):
            end = place + 1
            while end < len(pieces) and not pieces[end].role:
                end += 1
            after = "".join(each.text for each in pieces[place + 1 : end])
            match = re.match(r"([ -])(hour|minute|second)(s?)(?![a-z])(.*)", after, re.DOTALL)
            if match:
                one = piece.text.lower() in ("1", "one", "a", "an")
                attributive = match[1] == "-" or re.match(r" \w*\s*(timer|countdown)", match[4])
                said = _joined(pieces, place)[0]
                counted = re.search(r"\b(in|after|for|of|by)\s+$", said, re.IGNORECASE)
                named = (
                    not counted
                    and end < len(pieces)
                    and pieces[end].role == "free"
                    and match[4] == " "
                )
                plural = "" if one or attributive or named else "s"
                blank = match[1] if attributive else " "
                _put(pieces, place + 1, end, f"{blank}{match[2]}{plural}{match[4]}")
        elif piece.role == "name" and re.match(r"\w+['’]s\b", piece.text):
            before, begin = _joined(pieces, place)
            bare = re.sub(r"\b(the|my|our|this|that|these|those)\s+$", "", before, flags=re.I)
            if bare != before:
                _put(pieces, begin, place, bare)
