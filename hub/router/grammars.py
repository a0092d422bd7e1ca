"""All that is built from the names of a home and from the tools that there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hub.config import RouterSettings
from hub.language import words as language_words
from hub.messages import ToolSpec
from hub.ports import ChatModel, ChoosingModel, LanguageModel
from hub.router.chat import ChatTier
from hub.router.endings import Endings
from hub.router.fuzzy import LANGUAGE as GUESSED
from hub.router.fuzzy import FuzzyRules
from hub.router.gazetteer import Gazetteer
from hub.router.lexicon import lexicon
from hub.router.misheard import Mishearing
from hub.router.model import ModelTier
from hub.router.phrases import Phrases, no_phrases, phrase_rules
from hub.router.places import Places
from hub.router.plain import Plain
from hub.router.retrieve import Retriever
from hub.router.rules import Grammar, home_names, sentence_rules
from hub.router.spelling import Spelling
from hub.router.tuned import FORMAT, TunedTier
from hub.router.unseen import Unseen
from hub.router.words import words

MECHANISMS = (
    "unseen",
    "phrases",
    "sentences",
    "fuzzy",
    "spelling",
    "compounds",
    "leaning",
    "excepting",
    "recast",
    "planned",
    "asides",
    "names",
    "misheard",
    "plain",
    "verbs",
    "model",
)
"""What is understood with; each can be left out, to measure what it is worth: the phrases of
skills, the shared sentences, gazetteer-matcher and our own gazetteer, misspelt words, several
commands in one sentence, what leans on the one before, exceptions, other forms of a sentence,
commands with a time, asides in front and hesitations, and the model;
and of what was heard, a second hearing with the home's names, what sounds like a command and is
weighed against the sound, and misheard verbs. `unseen`: tools of packs by what they say of
themselves."""


@dataclass(frozen=True, slots=True)
class Grammars:
    """All that is built from the names of the home."""

    places: Places
    endings: Endings
    phrases: dict[str, Phrases]
    sentences: dict[str, Grammar]
    fuzzy: FuzzyRules | None
    gazetteers: dict[str, Gazetteer]
    """Of the languages that have a lexicon."""
    spelling: dict[str, Spelling]
    retrievers: dict[str, Retriever]
    misheard: dict[str, Mishearing]
    plain: dict[str, Plain]
    names: dict[str, frozenset[str]]
    """What things and rooms, and kinds of them, are called, in normal form."""
    model: ModelTier | TunedTier | ChatTier | None
    unseen: dict[str, Unseen]


def build(
    places: Places,
    tools: Sequence[ToolSpec],
    languages: Sequence[str],
    model: ModelTier | TunedTier | ChatTier | None,
    without: Collection[str],
) -> Grammars:
    """Everything for a home as it is; `without`: those of MECHANISMS that are left out. It takes
    seconds for a thousand devices, and touches nothing but what it is given."""
    lists = {code: home_names(places, words(code)) for code in languages}
    retrievers = {code: Retriever(places, words(code)) for code in languages}
    return Grammars(
        places,
        Endings(places),
        {
            code: no_phrases(code)
            if "phrases" in without
            else phrase_rules(code, tools, lists[code])
            for code in languages
        },
        {
            code: Grammar.empty(code, "rules")
            if "sentences" in without
            else sentence_rules(code, places, words(code), lists[code])
            for code in languages
        },
        FuzzyRules(places, words(GUESSED))
        if any(base(code) == GUESSED for code in languages) and "fuzzy" not in without
        else None,
        {
            code: Gazetteer(places, words(code), known)
            for code in languages
            if "fuzzy" not in without and (known := lexicon(code)) is not None
        },
        {code: Spelling(places, words(code)) for code in languages if "spelling" not in without},
        retrievers,
        {
            code: Mishearing(
                places.said(words(code)),
                words(code),
                language_words(code)["verbs"],
                retrievers[code].known,
            )
            for code in languages
        },
        {
            code: Plain(
                places,
                words(code),
                words(code).plain,
                joined=language_words(code)["and"],
                colors=[*language_words(code)["colours"].values()],
            )
            for code in languages
            if "plain" not in without
        },
        {code: frozenset(places.said(words(code))) for code in languages},
        model,
        {code: Unseen(tools, code) for code in languages if foreign_tools(tools)},
    )


def model_tier(
    model: LanguageModel | ChatModel | None, places: Places, settings: RouterSettings
) -> ModelTier | TunedTier | ChatTier | None:
    """Which prompt a model gets is told by what is known of it, not by its name."""
    if model is None:
        return None
    if isinstance(model, ChatModel):
        return ChatTier(model, places)
    if model.format == FORMAT and isinstance(model, ChoosingModel):
        return TunedTier(model, places, settings)
    return ModelTier(model, places, settings.confidence)


def foreign_tools(tools: Sequence[ToolSpec]) -> frozenset[str]:
    """Names of the tools of packs."""
    return frozenset(tool.name for tool in tools if tool.foreign)


def base(code: str) -> str:
    return code.replace("_", "-").split("-")[0].lower()
