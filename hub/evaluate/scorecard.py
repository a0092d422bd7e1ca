"""Writes docs/scorecard.md: all results of one run as tables."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from hub import __version__
from hub.config import Config
from hub.errors import StorageError

Result = dict[str, Any]

TEXT_HEAD = (
    "set", "who", "sentences", "right", "wrong action", "wrong answer", "no action", "asked",
    "median / p95 ms", "asked model", "prompt tokens",
)  # fmt: skip

INTRODUCTION = """# Score card

Written by `hearth eval --scorecard docs/scorecard.md FOLDER…`; data that nobody here wrote, except
`dialogues`. *rules*: phrases, shared sentences and fuzzy matching; *model*: the language model
alone; *all*: the whole router; *peer*: Home Assistant's understanding (hassil, then
gazetteer-matcher), whose calls are done by Hearth's skills. *Wrong action*: the home was acted on,
and not as it should have been. Times are those of the router, by the wall clock, and so upper
bounds where other programs ran beside; prompt tokens those evaluated for a sentence of which the
model was asked.
"""

LESS = "all without "
"""How the label of a subject begins that is less a mechanism."""
ABLATION = """## What each mechanism is worth

The whole router less one of its mechanisms: per cent that is right, and wrong actions. Where it is
as right without, another mechanism does the same for these sentences. *rules* above is all without
the model. What is empty was not measured.
"""


def write(path: Path, results: Sequence[Result], config: Config, tiers: Sequence[str]) -> None:
    """Raises StorageError if the file cannot be written."""
    try:
        path.write_text(text(results, config), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}") from error


def text(results: Sequence[Result], config: Config) -> str:
    """The whole card."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    model = config.router.model or "none"
    parts = [
        INTRODUCTION,
        f"Hearth {__version__}, {date.today().isoformat()}, {machine}; language model {model}.\n",
    ]
    sentences = [r for r in results if "right_percent" in r and LESS not in r["tiers"]]
    if sentences:
        parts += ["## Sentences\n", _table(TEXT_HEAD, map(_text_row, sentences)), ""]
    if less := [r for r in results if LESS in r.get("tiers", "")]:
        parts += [ABLATION, _ablation(less, results), ""]
    others = [r for r in results if "right_percent" not in r and LESS not in r.get("tiers", "")]
    for kind in dict.fromkeys(r["kind"] for r in others):
        rows = [r for r in others if r["kind"] == kind]
        head = [key for key in rows[0] if key not in ("kind", "judged", "failures")]
        title = {"wake": "Wake words", "speech": "Recorded commands"}.get(kind, kind.capitalize())
        parts += [f"## {title}\n", _table(head, ([r.get(k, "") for k in head] for r in rows)), ""]
    parts += ["## What counts as right\n"]
    judged = {r["judged"]: r["set"] for r in reversed(results) if r.get("judged")}
    parts += [f"- **{name}**: {why}." for why, name in reversed(list(judged.items()))]
    return "\n".join(parts) + "\n"


def _ablation(less: Sequence[Result], results: Sequence[Result]) -> str:
    """A row for each mechanism, a column for each set."""
    names = dict.fromkeys(map(_name, less))
    whole = [r for r in results if r.get("tiers") == "all" and _name(r) in names]
    rows = []
    for label, found in (("nothing", whole), *_by_label(less)):
        cells = {_name(r): f"{_share(r)} %, {r['wrong_action']}" for r in found}
        rows.append([label.removeprefix(LESS), *(cells.get(name, "") for name in names)])
    return _table(["without", *names], rows)


def _by_label(results: Sequence[Result]) -> Iterable[tuple[str, list[Result]]]:
    for label in dict.fromkeys(r["tiers"] for r in results):
        yield label, [r for r in results if r["tiers"] == label]


def _name(r: Result) -> str:
    noise = r.get("noise", "none")
    return f"{r['set']}, {noise}" if noise != "none" else str(r["set"])


def _share(r: Result) -> float:
    """Per cent that is right, in a set of any kind."""
    for key in ("right_percent", "action_percent", "kept_percent", "right_percent_of_orders"):
        if key in r:
            return float(r[key])
    return 0.0


def _text_row(r: Result) -> list[Any]:
    total = max(1, r["sentences"])
    wrong = f"{r['wrong_action']} ({100 * r['wrong_action'] / total:.1f} %)"
    return [
        r["set"],
        r["tiers"],
        r["sentences"],
        f"{r['right_percent']} %",
        wrong,
        r["wrong_answer"],
        r["no_action"],
        r["asked"],
        f"{r['p50_ms']} / {r['p95_ms']}",
        r["asked_model"],
        r["prompt_tokens"],
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
