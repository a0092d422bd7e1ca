"""A language model that can write: a server with an instruct model, or such a model in a GGUF file.

The model that comes with the hub was tuned for one thing, which is to choose among commands, and
writes nothing. The model is given no tools and nothing but the wish: what it writes is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.errors import EngineError
from hub.ports import ChatModel, LanguageModel

LONGEST = 1500
"""Letters of a text."""
LONGEST_WISH = 500
TOKENS, PIECE = 224, 8
"""Tokens of an answer, and of what is written at a time."""
TEMPLATES: dict[bytes, tuple[str, str]] = {
    b"<|im_start|>": (
        "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{wish}<|im_end|>\n"
        "<|im_start|>assistant\n",
        "<|im_end|>",
    ),
    b"<start_of_turn>": (
        "<start_of_turn>user\n{system}\n\n{wish}<end_of_turn>\n<start_of_turn>model\n",
        "<end_of_turn>",
    ),
    b"<|start_header_id|>": (
        "<|start_header_id|>system<|end_header_id|>\n\n{system}<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n{wish}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
    ),
    b"[INST]": ("[INST] {system}\n\n{wish} [/INST]", "</s>"),
}
"""A mark that a chat template has -> the prompt, and what ends the answer. The template inside of
a file is a program of a stranger: it is looked at, and never run."""
HEAD = 24 * 1024 * 1024
"""Bytes at the beginning of a GGUF file in which its template is."""

SYSTEM = {
    "en": "You write short texts for people. Answer with the text alone: no comments, no headings,"
    " no lists, no links, plain words, at most five sentences.",
    "de": "Du schreibst kurze Texte für Menschen. Antworte nur mit dem Text auf Deutsch: keine"
    " Kommentare, keine Überschriften, keine Listen, keine Links, höchstens fünf Sätze.",
}


class Writer:
    """The `Writer` that skills are given. `file` is that of a model on this machine."""

    def __init__(
        self,
        model: LanguageModel | ChatModel | None = None,
        *,
        file: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self._model = model
        self._file = file
        self._template: tuple[str, str] | None = None
        self._looked = False

    @property
    def able(self) -> bool:
        """See `hub.skill.Writer`."""
        if self._model is None:
            return False
        return isinstance(self._model, ChatModel) or self._own_template() is not None

    async def write(self, wish: str, language: str) -> str:
        """See `hub.skill.Writer`."""
        system = SYSTEM.get(language.split("-")[0], SYSTEM["en"])
        wish = re.sub(r"<[|/]?|[|/]?>|\[/?INST\]", " ", wish)[:LONGEST_WISH]
        if isinstance(self._model, ChatModel):
            messages: list[dict[str, Any]] = [
                {"role": "system", "content": system},
                {"role": "user", "content": wish},
            ]
            text = (await self._model.chat(messages, [])).text
        elif self._model is not None and (template := self._own_template()) is not None:
            prompt, end = template
            filled = prompt.format(system=system, wish=wish)
            text = await self._completed(filled, end)
        else:
            raise EngineError("there is no language model that can write")
        told = plain(text)
        if not told:
            raise EngineError("the language model wrote nothing")
        return told

    async def _completed(self, prompt: str, end: str) -> str:
        """The answer, piece by piece: a slow machine writes no whole text in the time that a
        model has for one completion, and others may ask it something in between."""
        assert self._model is not None and not isinstance(self._model, ChatModel)
        text = ""
        for _ in range(TOKENS // PIECE):
            piece = await self._model.complete(prompt + text, max_tokens=PIECE)
            text += piece.text
            if not piece.text or end in text or piece.tokens < PIECE:
                break
        return text.partition(end)[0]

    def _own_template(self) -> tuple[str, str] | None:
        """How a model of this machine wants to be asked; None for one that was tuned to choose
        among commands, or has no template."""
        if not self._looked:
            self._looked = True
            path = self._file() if self._model and not getattr(self._model, "format", "") else None
            self._template = _template_of(path) if path else None
        return self._template


def _template_of(path: Path) -> tuple[str, str] | None:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    place = head.find(b"tokenizer.chat_template")
    if place < 0:
        return None
    told = head[place : place + 20_000]
    return next((template for mark, template in TEMPLATES.items() if mark in told), None)


def plain(text: str) -> str:
    """What can be read aloud: no Markdown, no addresses, no thoughts of the model."""
    text = re.sub(r"(?s)<think>.*?(</think>|$)", "", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(?:https?://|www\.)\S+", "", text)
    text = re.sub(r"(?m)^\s*(?:#{1,6}|[*+-]|\d+\.|>)\s+", "", text)
    text = re.sub(r"[*_`#~|]+|<[^>]{1,80}>", "", text)
    told = " ".join(text.split()).strip('" ')
    if len(told) > LONGEST:
        told = told[:LONGEST].rpartition(". ")[0] + "."
    return told
