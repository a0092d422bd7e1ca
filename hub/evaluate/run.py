"""Runs a set of sentences through the router, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from hub.config import Config
from hub.errors import ConfigError
from hub.evaluate.judging import VERDICTS, Case, Ground, Judgement, TextSet, told
from hub.evaluate.peer import Peer
from hub.evaluate.stage import Answer, Scene, Stage
from hub.ports import ChatModel, LanguageModel, Recognizer
from hub.router.grammars import MECHANISMS

WITHOUT: dict[str, tuple[str, ...]] = {
    "rules": ("model",),
    "model": ("phrases", "sentences", "fuzzy"),
    "all": (),
}
"""Tiers that can be asked for -> mechanisms of the router that are left out."""

ABLATION = "ablation"
"""Stands for all tiers, less one of the mechanisms, for each of them."""

Ticks = Callable[[], object]
"""Called after each sentence."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is examined: the router with some of its tiers, or the peer."""

    label: str
    without: tuple[str, ...] = ()
    peer: bool = False

    @property
    def needs_model(self) -> bool:
        return not self.peer and "model" not in self.without


def subjects(tiers: Iterable[str], *, peer: bool, templates: bool) -> list[Subject]:
    """Those to examine. `templates`: the set was written for the shared sentences, so each is
    run without them, too. A tier may be less some mechanisms: 'all-fuzzy'; ABLATION is all of
    these.

    Raises ConfigError for an unknown tier."""
    found = []
    less_one = [f"all-{mechanism}" for mechanism in MECHANISMS]
    wanted = (one for each in tiers for one in (less_one if each == ABLATION else [each]))
    for tier in wanted:
        base, *less = tier.split("-")
        if base not in WITHOUT or not set(less) <= set(MECHANISMS):
            known = ", ".join((*WITHOUT, ABLATION))
            raise ConfigError(
                f"--tiers: '{tier}' is none of {known}, nor one of these without "
                f"some of {', '.join(MECHANISMS)}, such as all-fuzzy"
            )
        without = (*WITHOUT[base], *less)
        label = f"{base} without {' and '.join(less)}" if less else base
        found.append(Subject(label, without))
        if templates and "sentences" not in without and not less:
            found.append(Subject(f"{label}, templates off", (*without, "sentences")))
    if peer:
        found.append(Subject("peer", peer=True))
    return found


@dataclass(frozen=True, slots=True)
class Scored:
    """One sentence with what became of it."""

    home: str
    case: Case
    answer: Answer
    judgement: Judgement

    def __str__(self) -> str:
        heard = f" heard as “{self.answer.heard}”" if self.case.request.audio else ""
        return (
            f"{self.judgement.verdict} {self.home} [{self.case.group}]: "
            f"“{self.case.request.text}”{heard} → {told(self.answer.routed)} ({self.answer.tier}): "
            f"{'; '.join(self.judgement.differences)}"
        )


@dataclass(slots=True)
class Score:
    """How one subject did on one set."""

    name: str
    kind: str
    subject: str
    judged: str
    scored: list[Scored] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.scored)

    def count(self, verdict: str) -> int:
        return sum(each.judgement.verdict == verdict for each in self.scored)

    @property
    def share(self) -> float:
        """Per cent that is right."""
        return 100 * self.count("right") / max(1, self.total)

    def failures(self) -> list[str]:
        return [str(each) for each in self.scored if each.judgement.verdict != "right"]

    def to_json(self) -> dict[str, Any]:
        times = [each.answer.milliseconds for each in self.scored]
        tokens = [n for each in self.scored if (n := each.answer.prompt_tokens)]
        tiers: dict[str, Counter[str]] = {}
        notes: Counter[str] = Counter()
        for each in self.scored:
            tiers.setdefault(each.answer.tier, Counter())[each.judgement.verdict] += 1
            notes.update(name for name, true in each.judgement.notes.items() if true)
        return {
            "set": self.name,
            "kind": self.kind,
            "tiers": self.subject,
            "sentences": self.total,
            "right_percent": round(self.share, 1),
            **{verdict: self.count(verdict) for verdict in VERDICTS},
            **notes,
            "p50_ms": round(percentile(times, 50), 1),
            "p95_ms": round(percentile(times, 95), 1),
            "asked_model": len(tokens),
            "prompt_tokens": round(sum(tokens) / len(tokens)) if tokens else 0,
            "by_tier": {tier: dict(counts) for tier, counts in sorted(tiers.items())},
        }


def percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


async def run(
    chosen: TextSet,
    subject: Subject,
    settings: Config,
    model: LanguageModel | ChatModel | None,
    tick: Ticks = lambda: None,
    *,
    recognizer: Recognizer | None = None,
) -> Score:
    """Examine one subject with all sentences of a set, each home's grammars built once."""
    score = Score(chosen.name, chosen.kind, subject.label, chosen.judged)
    for ground in chosen.grounds:
        stage = await built(ground, subject, settings, model, recognizer=recognizer)
        try:
            score.scored += await _played(ground, stage, tick)
        finally:
            await stage.close()
    return score


async def built(
    ground: Ground,
    subject: Subject,
    settings: Config,
    model: LanguageModel | ChatModel | None,
    *,
    recognizer: Recognizer | None = None,
) -> Stage:
    """The stage for one home. Prompts are timed with their common beginning in the cache."""
    language = ground.language
    return await Stage.build(
        ground.inventory,
        settings,
        language=language,
        model=model if subject.needs_model else None,
        without=subject.without,
        routes=(lambda home, _: Peer(home, language)) if subject.peer else None,
        recognizer=recognizer,
    )


async def _played(ground: Ground, stage: Stage, tick: Ticks) -> list[Scored]:
    scored: list[Scored] = []
    async with AsyncExitStack() as stack:
        scene: Scene | None = None
        for case in ground.cases:
            if scene is None or not case.follows:
                await stack.aclose()
                request = case.request
                scene = await stack.enter_async_context(stage.scene(request.states, request.now))
            answer = await scene.turn(case.request)
            scored.append(Scored(ground.label, case, answer, case.judge(answer)))
            if case.then:
                await scene.put(case.then)
            tick()
    return scored


def limited(chosen: TextSet, most: int | None) -> TextSet:
    """Every n-th sentence of a set, at most about so many; conversations stay whole."""
    if not most or chosen.total <= most:
        return chosen
    step = -(-chosen.total // most)
    number = 0
    grounds = []
    for ground in chosen.grounds:
        kept: list[Case] = []
        taken = False
        for case in ground.cases:
            if not case.follows:
                taken = number % step == 0
                number += 1
            if taken:
                kept.append(case)
        if kept:
            grounds.append(replace(ground, cases=kept))
    return replace(chosen, grounds=grounds)
