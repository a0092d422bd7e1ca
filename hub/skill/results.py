"""What a tool may return besides nothing and a string."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.home.things import Entity
from hub.messages import Call


@dataclass(frozen=True, slots=True, init=False)
class Say:
    """A sentence by its key in the skill's `languages/*.toml`, with what is filled in:
    `Say("eggs", count=3)`. The hub takes the language that is spoken and the right plural."""

    key: str
    values: Mapping[str, Any]

    def __init__(self, key: str, /, **values: Any) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "values", values)


Text = str | Say
"""What can be said: a sentence, or the key of one."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question back; the microphone stays open for the answer.

    `yes` is run when the answer is yes, one of `choices` when the answer names it; any other
    answer drops the question."""

    question: str
    yes: tuple[Call, ...] = ()
    choices: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)
    """Answer -> what is then done."""
    lacking: Call | None = None
    """The call that something was missing from: whoever takes what is said next for that finds it
    in `Conversation.lacking`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Facts that answer a question; the hub words them in the language that was spoken."""

    matched: Sequence[Entity] = ()
    """Devices of which it is true, or the one that was asked about."""
    unmatched: Sequence[Entity] = ()
    """Devices that were looked at and of which it is not true."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else the sentence needs, such as `{"time": datetime.time}`."""
    about: str = ""
    """What this has spoken of, where that is no device: until something else is spoken of, the
    phrases of tools that are `about` the same are tried, and first."""


Result = None | str | Say | Ask | Answer
Runner = Callable[..., Awaitable[Result]]
