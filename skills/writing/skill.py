"""Drafts of short texts, written by a language model: 'draft a birthday greeting for my aunt'.

The model is given the wish, and nothing else: no tools, nothing of the home.
"""

from __future__ import annotations

import re
from datetime import timedelta

from hub.skill import Answer, EngineError, Say, Where, Writer, as_written, tool


@tool(
    examples=["draft a birthday greeting for my aunt"],
    takes=timedelta(seconds=60),
)
async def draft(writer: Writer, where: Where, wish: str) -> Answer | Say:
    """Draft a short text, with a language model that can write."""
    if not writer.able:
        return Say("cannot")
    wanted = _wish(wish, where)
    try:
        text = await writer.write(wanted, where.language)
    except EngineError:
        return Say("failed")
    return Answer(facts={"told": text}, about="draft")


def _wish(wish: str, where: Where) -> str:
    """The whole wish in the words of the person: 'Write a birthday greeting for my aunt.'"""
    said = re.sub(r"^\W*(?:please|bitte)\W+", "", where.said, flags=re.IGNORECASE).strip()
    if said and as_written(wish, said) in said:
        return re.sub(r"^(?:draft|compose|entwirf|verfasse)\b", _write(where), said, flags=re.I)
    return f"{_write(where)} {wish}"


def _write(where: Where) -> str:
    return where.say("Write", de="Schreibe")
