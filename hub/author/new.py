"""The beginning of a skill: a pack that works, to be changed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from hub.errors import ConfigError, reason
from hub.packs.description import FILE, LONGEST_ID, read
from hub.skillset import bundled

TEMPLATE = "_template"
ID, NAME = "my-skill", "My skill"
"""What the template calls itself."""
KEPT = ("*.ini", "*.md", "*.py", "*.toml")


def make(name: str, parent: Path) -> Path:
    """Make the folder of a new skill in another one; the folder.

    Raises ConfigError for a name that cannot be that of a pack, or one that is taken."""
    skill = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
    if not skill or len(skill) > LONGEST_ID:
        raise ConfigError(f"'{name}' has no letters for a name, or too many: like 'coffee machine'")
    folder = parent / skill
    if folder.exists():
        raise ConfigError(f"{folder} is there already: choose another name")
    shown = name if name != skill else skill.replace("-", " ").capitalize()
    template = bundled() / TEMPLATE
    try:
        for path in sorted(each for kind in KEPT for each in template.rglob(kind)):
            target = folder / path.relative_to(template)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8")
            target.write_text(text.replace(ID, skill).replace(NAME, shown), encoding="utf-8")
        read(folder)  # such as a name that is reserved
    except OSError as error:
        raise ConfigError(f"{folder}: {reason(error)}") from error
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    assert (folder / FILE).is_file()
    return folder
