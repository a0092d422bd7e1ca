"""Says the phrases and examples of a skill to the router, and tells what it takes them for.

Three things are found out: what of the skill is not understood, or taken for another's; what of
the others this skill takes away; and what the language model makes of the examples by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hub.author.sentences import sentences
from hub.author.stage import own_handlers, skill_name
from hub.config import Config
from hub.devices.simulated import SimulatedHome
from hub.home.model import Home
from hub.messages import Utterance
from hub.ports import ChatModel, LanguageModel
from hub.router import Context, Router
from hub.skills.handling import Handler
from hub.skills.languages import Languages, ToolWords
from hub.skillset import load

FEW, SOME = 2, 4
"""Sentences that are made of a phrase: of the others' and of the skill's own."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One sentence, and the tool that it went to."""

    language: str
    text: str
    wanted: str
    """The tool it is of."""
    got: tuple[str, ...]
    """Tools that the router chose; none if it understood nothing."""

    @property
    def right(self) -> bool:
        return self.got == (self.wanted,)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial."""

    tried: tuple[Tried, ...]
    """Phrases and examples of the skill, among all other skills."""
    taken: tuple[Tried, ...]
    """Sentences of others that go elsewhere since this skill is there."""
    others: int
    """Sentences of others that were tried."""
    guessed: tuple[Tried, ...]
    """Examples, understood without the skill's phrases: by the language model, if there is one."""

    @property
    def wrong(self) -> tuple[Tried, ...]:
        return tuple(each for each in self.tried if not each.right)

    @property
    def good(self) -> bool:
        """Whether all of the skill is understood, and nothing is taken from others."""
        return not self.wrong and not self.taken


async def trial(
    folder: Path,
    settings: Config,
    *,
    languages: Sequence[str] = (),
    model: LanguageModel | ChatModel | None = None,
) -> Trial:
    """Try the skill in a folder, in the built-in home. `languages`: all that it has, if none is
    named. Raises SkillError for one that cannot be loaded."""
    own = own_handlers(folder)
    name = skill_name(folder)
    others = [handler for handler in load()[0] if handler.skill != name]
    codes = tuple(languages) or _languages(own)
    home = Home()
    await home.connect([SimulatedHome.from_file(None, transition=0)])
    try:
        before = await _router(home, others, settings, codes)
        after = await _router(home, [*others, *own], settings, codes, model=model)
        await after.prime()
        tried = [
            await _try(after, handler, code, text)
            for code in codes
            for handler in own
            for text in _sentences(handler, code, home, SOME, examples=True)
        ]
        # What the skill's phrases do not fit at all they take from nobody.
        alone = await _router(home, own, settings, codes, without=("sentences", "fuzzy"))
        named = any(handler.tool.name for handler in own)
        taken, count = [], 0
        for code in codes:
            for handler in others:
                for text in _sentences(handler, code, home, FEW, examples=True):
                    count += 1
                    if not named and not (await _try(alone, handler, code, text)).got:
                        continue
                    now = await _try(after, handler, code, text)
                    if not now.right and (await _try(before, handler, code, text)).right:
                        taken.append(now)
        guessed: list[Tried] = []
        if model is not None:
            # As those of a pack: what they say of themselves counts, too.
            foreign = [replace(handler, foreign=True) for handler in own]
            guessing = await _router(
                home, [*others, *foreign], settings, codes, model=model, without=("phrases",)
            )
            await guessing.prime()
            guessed = [
                await _try(guessing, handler, code, text)
                for code in codes
                for handler in own
                for text in _examples(handler, code)
            ]
        return Trial(tuple(tried), tuple(taken), count, tuple(guessed))
    finally:
        await home.close()


async def _router(
    home: Home,
    handlers: Iterable[Handler],
    settings: Config,
    languages: Sequence[str],
    *,
    model: LanguageModel | ChatModel | None = None,
    without: Sequence[str] = (),
) -> Router:
    router = Router(
        home,
        [handler.spec() for handler in handlers if handler.tool.spoken],
        model=model,
        settings=settings.router,
        languages=languages,
        without=without,
    )
    await router.prepare()
    return router


async def _try(router: Router, handler: Handler, language: str, text: str) -> Tried:
    intent = await router.route(Utterance.typed(text, language), Context())
    return Tried(language, text, handler.name, tuple(call.tool for call in intent.calls))


def _sentences(
    handler: Handler, language: str, home: Home, most: int, *, examples: bool
) -> list[str]:
    tool = handler.tool
    if not tool.spoken or tool.about:
        return []  # what is said only after something else cannot be tried by itself
    found = [
        text
        for phrase in tool.phrases.get(language, ())
        for text in sentences(handler, phrase, language, home, most)
    ]
    return list(dict.fromkeys([*_examples(handler, language), *found] if examples else found))


def _examples(handler: Handler, language: str) -> list[str]:
    if not handler.tool.spoken:
        return []
    words: Languages = handler.languages
    own = words[language].tools.get(handler.tool.called, ToolWords()) if language in words else None
    found = list(handler.tool.examples) if language == "en" else []
    return list(dict.fromkeys([*found, *(own.examples if own else ())]))


def _languages(handlers: Iterable[Handler]) -> tuple[str, ...]:
    found = [code for handler in handlers for code in handler.tool.phrases]
    return tuple(dict.fromkeys(found)) or ("en",)
