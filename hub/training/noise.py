"""What speech recognition and hasty typing do to a sentence.

Never so much that a person would not understand it. What is copied into an answer (free words,
numbers) is left as it is. `data/_confusions.yaml` has words that recognizers take for others; pairs
from real runs of a recognizer can be added there, under `heard:`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

Role = Literal["", "name", "area", "free", "number"]

NEIGHBOURS = dict(
    zip(
        "qwertyuiopasdfghjklzxcvbnm",
        "wa qes wrd etf ryg tuh yij uok ipl o qsz awdx sefc drgv fthb gyjn hukm jil ko xsa zdc "
        "xfv cgb vhn bjm n".split(),
        strict=True,
    )
)
"""Letters with those beside them on a keyboard."""
ARTICLES = {
    "en": ("the ", "my ", "a "),
    "de": ("die ", "der ", "das ", "den ", "dem "),
    "fr": ("le ", "la ", "les "),
    "es": ("el ", "la ", "los ", "las "),
    "nl": ("de ", "het "),
    "it": ("il ", "la ", "le "),
    "pt": ("o ", "a "),
}


@dataclass(slots=True)
class Piece:
    """A part of a sentence that is being put together."""

    text: str
    role: Role = ""


@cache
def confusions(language: str) -> dict[str, tuple[str, ...]]:
    """Words with what a recognizer writes for them."""
    text = files("hub.training").joinpath("data", "_confusions.yaml").read_text(encoding="utf-8")
    given = (yaml.safe_load(text) or {}).get(language) or {}
    return {str(word): tuple(map(str, heard)) for word, heard in given.items()}


def distort(pieces: Sequence[Piece], language: str, dice: random.Random) -> None:
    """One to three slips, in place."""
    for _ in range(dice.choices((1, 2, 3), (6, 3, 1))[0]):
        dice.choices((_lowered, _typo, _no_article, _confused, _split), (2, 3, 3, 3, 2))[0](
            pieces, language, dice
        )


def lowered(pieces: Sequence[Piece]) -> None:
    """As many recognizers write, and most people type."""
    for piece in pieces:
        piece.text = piece.text.lower()


def _lowered(pieces: Sequence[Piece], language: str, dice: random.Random) -> None:
    lowered(pieces)


def _open(pieces: Sequence[Piece]) -> list[Piece]:
    return [p for p in pieces if p.role in ("", "name", "area") and any(map(str.isalpha, p.text))]


def _typo(pieces: Sequence[Piece], language: str, dice: random.Random) -> None:
    """Two letters changed places, one missing, doubled or beside the right key."""
    long = [piece for piece in _open(pieces) if any(len(w) > 4 for w in piece.text.split(" "))]
    if not long:
        return
    piece = dice.choice(long)
    words = piece.text.split(" ")
    place = dice.choice([n for n, word in enumerate(words) if len(word) > 4])
    word = words[place]
    at = dice.randrange(1, len(word) - 1)
    if not word[at].isalpha():
        return
    kind = dice.randrange(4)
    if kind == 0 and word[at + 1].isalpha():
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif kind == 1:
        word = word[:at] + word[at + 1 :]
    elif kind == 2:
        word = word[: at + 1] + word[at] + word[at + 1 :]
    elif near := NEIGHBOURS.get(word[at].lower()):
        word = word[:at] + dice.choice(near) + word[at + 1 :]
    words[place] = word
    piece.text = " ".join(words)


def _no_article(pieces: Sequence[Piece], language: str, dice: random.Random) -> None:
    """'Turn on kitchen light'."""
    for piece in pieces:
        if piece.role:
            continue
        padded = f" {piece.text}"
        for article in ARTICLES.get(language, ()):
            padded = padded.replace(f" {article}", " ")
        piece.text = padded[1:]


def _confused(pieces: Sequence[Piece], language: str, dice: random.Random) -> None:
    """A word that sounds the same: 'lights' and 'likes' are too far, 'of' and 'off' are not."""
    known = confusions(language)
    found = [
        (piece, n)
        for piece in _open(pieces)
        for n, word in enumerate(piece.text.split(" "))
        if word.lower() in known
    ]
    if not found:
        return
    piece, place = dice.choice(found)
    words = piece.text.split(" ")
    words[place] = dice.choice(known[words[place].lower()])
    piece.text = " ".join(words)


def _split(pieces: Sequence[Piece], language: str, dice: random.Random) -> None:
    """'bed side' for 'bedside', 'lightstrip' for 'light strip': in names only."""
    named = [piece for piece in pieces if piece.role in ("name", "area") and len(piece.text) > 6]
    if not named:
        return
    piece = dice.choice(named)
    words = piece.text.split(" ")
    if len(words) > 1 and dice.random() < 0.5:
        at = dice.randrange(len(words) - 1)
        if words[at].isalpha() and words[at + 1].isalpha():
            words[at : at + 2] = [words[at] + words[at + 1].lower()]
    else:
        at = max(range(len(words)), key=lambda n: len(words[n]))
        for cut in (4, 5, 3):
            head, tail = words[at][:cut], words[at][cut:]
            if words[at].isalpha() and len(tail) >= 4:
                words[at] = f"{head} {tail}"
                break
    piece.text = " ".join(words)
