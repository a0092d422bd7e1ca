"""Texts cut into passages, and the sentences of one that answer best."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 1200
"""Letters of a passage."""
SPOKEN = 320
"""Letters that are told."""
SENTENCES = 2

IDLE = frozenset(
    "a an the my our of for to in on at and or is are was were be it its this that with about what"
    " when where which who how do does did can i we you say says documents document der die das"
    " den dem ein eine einen und oder ist sind war was wann wo wie wer zu zum zur von vom im in mit"
    " über sagt sagen meine meinen unterlagen dokumente dokumenten ich wir man".split()
)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_URL = re.compile(r"(?:https?://|www\.)\S+")
_MARKS = re.compile(r"(?m)^[ \t]*(?:#{1,6}|[*+>-]|\d{1,3}\.)[ \t]+|[*_`~|]+|<[^>]{1,200}>")
_SENTENCE = re.compile(r"(?<=[.!?])(?<!\d\.)[\"')\]]*\s+(?=[^a-z])|\n{2,}")


def plain(text: str) -> str:
    """A text without the marks of Markdown and HTML, and without addresses."""
    text = _LINK.sub(r"\1", text.replace("\r", ""))
    return _MARKS.sub("", _URL.sub("", text)).replace("\x00", "")


def passages(text: str) -> Iterator[str]:
    """Pieces of a text, cut between paragraphs where that is possible."""
    piece = ""
    for paragraph in re.split(r"\n\s*\n", text):
        words = " ".join(paragraph.split())
        while words:
            room = LONGEST - len(piece)
            if piece and len(words) > room:
                yield piece
                piece, room = "", LONGEST
            cut = words[:room] if len(words) <= room else words[:room].rpartition(" ")[0]
            cut = cut or words[:room]
            piece = f"{piece}\n\n{cut}" if piece else cut
            words = words[len(cut) :].strip()
    if piece.strip():
        yield piece


def query_words(text: str) -> frozenset[str]:
    """The beginnings of words that tell what is wanted."""
    words = set(re.findall(r"[^\W_]+", text.casefold()))
    return frozenset(_stem(word) for word in (words - IDLE or words))


def best_sentences(text: str, wanted: frozenset[str]) -> tuple[str, float]:
    """One or two sentences in a row that have most of the wanted words, and how many that are."""
    found = [" ".join(s.split()) for s in _SENTENCE.split(text) if s.strip()]
    chosen, most = "", 0.0
    for place in range(len(found)):
        for count in range(1, SENTENCES + 1):
            window = " ".join(found[place : place + count])
            if count > 1 and (len(window) > SPOKEN or place + count > len(found)):
                break
            own = {_stem(word) for word in re.findall(r"[^\W_]+", window.casefold())}
            had = sum(any(word.startswith(want) for word in own) for want in wanted)
            score = had - 0.01 * count - (0.5 if _heading(found[place]) and count == 1 else 0.0)
            if had and score > most:
                chosen, most = window, score
    return _cut(chosen), most / max(1, len(wanted))


def _heading(sentence: str) -> bool:
    return len(sentence.split()) < 5 and not sentence.endswith((".", "!", "?"))


def _cut(text: str) -> str:
    if len(text) <= SPOKEN:
        return text
    return text[:SPOKEN].rpartition(" ")[0].rstrip(" ,;:") + " …"


def _stem(word: str) -> str:
    return re.sub(r"(?<=\w\w\w\w)(?:ing|ed|es|en|er|s|n|e)$", "", word)
