"""What a recognizer writes, made into what a person says to a hub.

Whisper sets capitals and commas, keeps the wake phrase, and people are polite to machines.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from itertools import pairwise

from rapidfuzz import fuzz

from hub.home.model import normal
from hub.router.numbers import with_fractions, with_halves, with_hundreds
from hub.router.words import Words

_NOISE = re.compile(r"♪[^♪]*♪|[\[(*]([^\])*]*)[\])*]")
"""'[Music]', '(door closes)', '*sighs*': sounds that Whisper writes down."""
_SOUNDS = frozenset(
    [
        "music",
        "playing",
        "applause",
        "clapping",
        "laughter",
        "laughing",
        "laughs",
        "chuckles",
        "sigh",
        "sighs",
        "sighing",
        "cough",
        "coughs",
        "coughing",
        "sniffs",
        "sneezes",
        "gasps",
        "blank",
        "audio",
        "silence",
        "inaudible",
        "unintelligible",
        "noise",
        "background",
        "speaking",
        "foreign",
        "language",
        "door",
        "opens",
        "closes",
        "slams",
        "footsteps",
        "beep",
        "beeping",
        "beeps",
        "click",
        "clicking",
        "typing",
        "static",
        "wind",
        "bell",
        "rings",
        "ringing",
        "phone",
        "dog",
        "barking",
        "barks",
        "birds",
        "chirping",
        "clears",
        "throat",
        "whistling",
        "humming",
        "musik",
        "applaus",
        "lachen",
        "gelächter",
        "stille",
        "geräusch",
        "geräusche",
        "the",
        "a",
        "of",
        "and",
    ]
)
"""Words of those: what else stands in brackets was meant, as in '(don't) turn it on'."""
_BRACKETS = str.maketrans("[](){}*", "       ")
_POINTS = re.compile(
    r"(?<!\d)[.,:](?!\d)|(?<=\d)[.,:](?!\d)|(?<!\d)[.,:](?=\d)|[;!?¡¿。，、？！…\"“”„«»]+"
)
"""Punctuation, except what stands between digits ('20.5', '7:30')."""
COMMA = ","
_CLAUSES = re.compile(r"[,;.!?]\s+|[，、。；！]\s*")
"""What ends a clause; not the point or comma within a number."""
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})
BROKEN_OFF = ("-", "...", "\u2026")
"""How a recognizer writes that somebody stopped in the middle."""
LONGEST_START = 5
"""Words of a beginning that was broken off and said again."""
_WAKE_SCORE = 78.0
"""0-100: 'Hey, Jervis' is 82 alike 'hey jarvis', 'hey charles' 67."""
_WAKE_AMONG_OTHERS = 88.0
"""The same for a wake phrase that other words stand before."""
_BEFORE_WAKE = 6
"""Words that may stand before it: those of a second, since no more sound is kept."""
SUBJECT = 2
"""Words behind the first one of which one must tell that a clause is a statement."""
_LEAST_PART = 4
"""Letters of the end of a wake phrase that stand for all of it."""


def clean(text: str, words: Words, wake: str | None = None) -> str:
    """The command in a recognised sentence, in its own spelling; may be empty."""
    plain = " ".join(_without_politeness(addressed(text, words, wake).split(), words))
    for wrong, right in words.corrections.items():
        if normal(plain).startswith(f"{wrong} "):
            plain = " ".join([right, *plain.split()[len(wrong.split()) :]])
    if words.hundred:
        plain = with_hundreds(plain, words.language, words.hundred)
    if words.fractions:
        behind = (*words.of_fraction, *words.conjunctions)
        plain = with_fractions(plain, words.fractions, words.to_fraction, behind)
    if words.half:
        plain = with_halves(plain, words.language, words.half, words.durations)
    return plain


def clauses(text: str, words: Words, wake: str | None = None) -> str:
    """The command with what ends a clause in it as a word of its own (COMMA); empty where nothing
    does."""
    first, *others = _CLAUSES.split(text)
    if not others:
        return ""
    phrases = (*((normal(wake),) if wake else ()), *words.wake)
    begun = _without_wake([*spoken(first).split(), COMMA], phrases)[:-1]
    parts = [clean(part, words) for part in (" ".join(begun), *others)]
    parts = [part for part in parts if part]
    return f" {COMMA} ".join(parts) if len(parts) > 1 else ""


def without_asides(text: str, words: Words) -> str:
    """The text without clauses that only tell how things are: 'I'm going to bed, ...', '..., the
    phone is ringing'.

    Only a clause that is cut off by a comma or the like, has no condition or negation, and names
    no kind of thing, no room and no beginning of a command is left out, and none that what is left
    may speak of as 'it'."""
    clauses = [clause for clause in _CLAUSES.split(text) if clause.strip()]
    kept = [clause for clause in clauses[:-1] if not _aside(clause, words)] + clauses[-1:]
    ends = len(kept) - 1
    told = [each for n, each in enumerate(kept) if not _told(each, words, loosely=n < ends)]
    if told and len(told) < len(kept) and not points_back(told[-1], words):
        kept = told
    return ", ".join(kept) if len(kept) < len(clauses) else text


def _aside(clause: str, words: Words) -> bool:
    plain = f" {normal(spoken(clause))} "
    tells = any(plain.startswith(f" {phrase} ") for phrase in words.telling)
    return tells and _idle(plain, words)


def _told(clause: str, words: Words, *, loosely: bool) -> bool:
    """Whether a clause is a statement about somebody or something else: 'the dog is asleep'.
    `loosely`: whoever that is: 'Maya is asleep'; at the end that may be 'turn Maya's lamp on'."""
    plain = f" {normal(spoken(clause))} "
    if plain.strip() in words.greetings:
        return True
    first, *rest = plain.split() or [""]
    begins = any(plain.startswith(f" {phrase} ") for phrase in words.someone)
    if begins:
        return bool(words.being & {*rest}) and _idle(plain, words, words.denying)
    subject = rest[:SUBJECT] if loosely and first not in words.being else []  # not 'is it on'
    return bool(words.being & {*subject}) and _idle(plain, words, words.denying)


def points_back(clause: str, words: Words) -> bool:
    """Whether a clause speaks of something that another one may have named: 'mach das aus', but
    not 'mach das Licht aus'."""
    pronouns = {*words.singular, *words.plural, *words.pointing}
    tokens = [word for word in normal(spoken(clause)).split() if word not in words.fillers]
    return any(
        word in pronouns and (word not in words.articles or not behind or behind in words.acting)
        for word, behind in pairwise((*tokens, ""))
    )


def _idle(plain: str, words: Words, despite: Collection[str] = ()) -> bool:
    """Whether a clause names nothing of a home, and asks for nothing. `despite`: negations that
    are harmless in it: 'I don't want to be disturbed'."""
    named = (*words.kinds.values(), *words.rooms.values())
    meant = {word for said in named for word in said} | words.openers | words.negations
    meant = (meant | {*words.later, *words.all}) - {*despite}
    return not any(f" {phrase} " in plain for phrase in meant)


def collapsed(text: str) -> str:
    """The text with each phrase of several words once that a recognizer got stuck at."""
    tokens = text.split()
    position = 0
    while position < len(tokens):
        for length in range((len(tokens) - position) // 2, 2, -1):
            end = position + length
            if tokens[position:end] == tokens[end : end + length]:
                del tokens[end : end + length]
                break
        else:
            position += 1
    return " ".join(tokens)


def fluent(text: str, words: Words) -> str:
    """The text without what people say while they think ('uh', 'sort of'), and without a phrase
    that was begun and at once begun anew: 'what's the, what's the humidity'."""
    tokens = _once(text.split(), words)
    longest = max((len(phrase.split()) for phrase in words.hesitations), default=0)
    kept: list[str] = []
    position = 0
    while position < len(tokens):
        for count in range(min(longest, len(tokens) - position), 0, -1):
            said = tokens[position : position + count]
            if normal(" ".join(said)) in words.hesitations:
                position += count
                break
        else:
            kept.append(tokens[position])
            position += 1
    return " ".join(kept) or text


def _once(tokens: list[str], words: Words) -> list[str]:
    """The words, with what was begun twice once. A repeated phrase must end in the middle of a
    sentence, so that 'brighter, brighter' stays."""
    plain = [normal(token) for token in tokens]
    position = 0
    while position < len(tokens):
        for length in range(min(LONGEST_START, (len(tokens) - position - 1) // 2), 0, -1):
            end = position + length
            broken = tokens[end - 1].endswith(BROKEN_OFF)
            ends = broken or plain[end - 1] in words.dangling
            if ends and plain[position:end] == plain[end : end + length]:
                del tokens[position:end], plain[position:end]
                break
        else:
            position += 1
    return tokens


def addressed(text: str, words: Words, wake: str | None = None) -> str:
    """What was said behind the wake phrase, politeness and all. With a `wake` that was just heard,
    what somebody was saying before it is left out, too."""
    tokens = spoken(text).split()
    phrases = (*((normal(wake),) if wake else ()), *words.wake)
    rest = _without_wake(tokens, phrases)
    if wake and len(rest) == len(tokens):
        begins = _begins_later(tokens, normal(wake))
        rest = _without_wake(tokens[begins:], (normal(wake),))
    return " ".join(rest)


def called(text: str, words: Words, wake: str | None = None) -> bool:
    """Whether nothing was said but the wake phrase: more than once, misheard a little, or with an
    'um' behind it. With a `wake` that was just heard, a part of that will do ('Jarvis'), and what
    somebody was saying before it does not count."""
    tokens = spoken(text).split()
    if not tokens:
        return False
    phrases = words.wake
    if wake:
        tokens = tokens[_begins_later(tokens, normal(wake)) :]
        parts = normal(wake).split()
        if [normal(token) for token in tokens] == parts[: len(tokens)]:  # cut off: 'hey'
            return True
        endings = (" ".join(parts[place:]) for place in range(1, len(parts)))
        phrases = (normal(wake), *phrases, *(end for end in endings if len(end) >= _LEAST_PART))
    count = 0
    while taken := _wake_tokens(tokens, phrases, len(tokens)):
        tokens, count = tokens[taken:], count + taken
    return count > 0 and all(normal(token) in words.hesitating for token in tokens)


def spoken(text: str) -> str:
    """The text without noises and punctuation; single blanks."""
    text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    if not text.isprintable():
        text = "".join(c for c in text if c.isprintable() or c.isspace())
    if _NOISE.fullmatch(text.strip()):
        return ""
    text = _NOISE.sub(_without_noise, text).translate(_BRACKETS)
    return " ".join(_POINTS.sub(" ", text).split())


def surface(text: str, like: str) -> str:
    """A text with the capital and the full stop that another has, as a recognizer writes them."""
    ending = like[len(like.rstrip(".!?")) :]
    begun = text[:1].upper() + text[1:] if like[:1].isupper() else text
    return begun.rstrip(".!?") + ending


def _without_noise(found: re.Match[str]) -> str:
    inside = found.group(1)
    noise = inside is None or set(normal(inside.replace("_", " ")).split()) <= _SOUNDS
    return " " if noise else f" {inside} "


def _without_wake(tokens: list[str], phrases: tuple[str, ...]) -> list[str]:
    """Drop a wake phrase at the beginning, also one that was misheard a little, as long as
    something is left."""
    return tokens[_wake_tokens(tokens, phrases, len(tokens) - 1) :]


def _wake_tokens(tokens: list[str], phrases: tuple[str, ...], most: int) -> int:
    """How many tokens, and no more than `most`, a wake phrase takes up at the beginning."""
    begun: dict[int, str] = {}
    for phrase in phrases:
        length = len(phrase.split())
        for taken in (length, length + 1, length - 1):
            if not 0 < taken <= most:
                continue
            if taken not in begun:
                begun[taken] = normal(" ".join(tokens[:taken]))
            if fuzz.ratio(begun[taken], phrase) >= _WAKE_SCORE:
                return taken
    return 0


def _begins_later(tokens: list[str], phrase: str) -> int:
    """The place of a wake phrase behind what somebody was saying before; 0 if there is none."""
    length = len(phrase.split())
    for place in range(1, min(_BEFORE_WAKE, len(tokens) - length) + 1):
        said = normal(" ".join(tokens[place : place + length]))
        if fuzz.ratio(said, phrase) >= _WAKE_AMONG_OTHERS:
            return place
    return 0


def _without_politeness(tokens: list[str], words: Words) -> list[str]:
    """Drop polite phrases from both ends, as long as something is left of the sentence."""
    while True:
        taken = _leading(tokens, words.before)
        if 0 < taken < len(tokens):
            tokens = tokens[taken:]
            continue
        taken = _leading([*reversed(tokens)], words.after, reverse=True)
        if 0 < taken < len(tokens):
            tokens = tokens[:-taken]
            continue
        return tokens


def _leading(tokens: list[str], phrases: tuple[str, ...], *, reverse: bool = False) -> int:
    """How many tokens the first of the phrases that fits takes up at the beginning."""
    order, longest = _ordered(phrases)
    best = len(phrases), 0
    for count in range(1, min(longest, len(tokens)) + 1):
        taken = tokens[:count]
        phrase = normal(" ".join(reversed(taken) if reverse else taken))
        # 'you'd' is one token but two words in normal form: count tokens, compare normal forms.
        if phrase in order and count <= len(phrase.split()):
            best = min(best, (order[phrase], count))
    return best[1]


@lru_cache
def _ordered(phrases: tuple[str, ...]) -> tuple[dict[str, int], int]:
    """The places of phrases in their order, and the words of the longest."""
    order = {phrase: place for place, phrase in reversed([*enumerate(phrases)])}
    return order, max((len(phrase.split()) for phrase in phrases), default=0)
