"""Words as they are compared: without their endings, and without those that tell nothing."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.casefold().split())


IDLE = {
    "en": _words(
        "a an the this that these those my our your his her its their i we you he she it they"
        " me us him them is are was were am be been being do does did done have has had having"
        " will would shall should can could may might must to of for with at by from in on up"
        " as and or but so if then than when where what who whom whose which why how there"
        " here please again about not no yes tell know remember hearth day time we've i've i'm"
        " that's what's where's who's when's let also too just still ever s t re ve ll m d"
        " kind sort any some"
    ),
    "de": _words(
        "ein eine einen einem einer eines der die das den dem des dies diese dieser dieses"
        " mein meine meinen meinem meiner meines unser unsere unseren unserem unserer dein"
        " deine deinen deinem deiner sein seine seinen ihr ihre ihren ich wir du er sie es man"
        " mich mir uns dich dir ist sind war waren bin bist sein gewesen habe hast hat haben"
        " hatte hatten wird werden wurde wurden soll sollen sollte kann können konnte darf"
        " muss müssen will wollen möchte zu zum zur von vom für mit bei im in am an auf aus"
        " nach um und oder aber so wenn dann als wann wo was wer wen wem wessen welche welcher"
        " welches welchen warum wie wohin woher da hier bitte noch mal nicht kein keine ja"
        " nein sag weißt weiß merk merke denn eigentlich tag uhr zeit auch immer gerade dass"
        " daß heißt lautet"
    ),
}
"""Words that do not tell what a sentence is about."""

WEAK = {
    "en": _words(
        "go come get put take keep leave stay make give look out off back over down away into"
        " onto under like want need use one thing new next last first left right side good"
    ),
    "de": _words(
        "gehen geht ging kommen kommt kam holen stellen stellt gestellt legen legt gelegt tun"
        " getan raus rein hin her weg ab unter über neben liegt liegen steht stehen machen"
        " macht gut neu nächste letzte links rechts seite ding sache abgeholt"
    ),
}
"""Words that many sentences share: they count, but little."""

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")

_ENGLISH = (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"))
_GERMAN = ("ern", "em", "en", "er", "es", "e", "n", "s")
SHORTEST = 3
"""Letters that are left of a word at least."""


def words_of(text: str) -> list[str]:
    """The words of a text in lower case."""
    return [word.replace("’", "'") for word in WORD.findall(text.casefold())]


def stems(text: str, language: str) -> list[tuple[str, float]]:
    """Each word that tells something, without its endings, and how much it tells (0-1)."""
    base = _base(language)
    return [
        (stem(word, base), 0.15 if word in WEAK[base] else 1.0)
        for word in words_of(text)
        if word not in IDLE[base]
    ]


@lru_cache(maxsize=4096)
def stem(word: str, language: str) -> str:
    """A word without its endings: 'bins' is 'bin', 'Tonnen' is 'tonn'."""
    word = _plain(word.split("'")[0])
    return _german(word) if _base(language) == "de" else _english(word)


def _base(language: str) -> str:
    base = language.split("-")[0]
    return base if base in IDLE else "en"


def _plain(word: str) -> str:
    """Without marks: 'Schlüssel' is 'schlussel'. 'ß' is 'ss' already (casefold)."""
    split = unicodedata.normalize("NFKD", word)
    return "".join(letter for letter in split if not unicodedata.combining(letter))


def _english(word: str) -> str:
    for end, instead in _ENGLISH:
        if word.endswith(end) and len(word) - len(end) >= SHORTEST:
            return word[: -len(end)] + instead
    for end in ("ing", "ed"):
        rest = word[: -len(end)]
        if word.endswith(end) and len(rest) >= SHORTEST and re.search("[aeiouy]", rest):
            return _undoubled(rest).removesuffix("e")
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > SHORTEST:
        word = word[:-1]
    return word.removesuffix("e") if len(word) > SHORTEST + 1 else word


def _undoubled(word: str) -> str:
    """'putt' of 'putting' is 'put'."""
    if len(word) > SHORTEST and word[-1] == word[-2] and word[-1] not in "aeioslz":
        return word[:-1]
    return word


def _german(word: str) -> str:
    for end in _GERMAN:
        if word.endswith(end) and len(word) - len(end) >= SHORTEST:
            return word[: -len(end)]
    return word
