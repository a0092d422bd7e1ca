"""`hearth skill new`, `check`, `test` and `run`, as somebody who writes a skill meets them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.author.check import check
from hub.author.new import make
from hub.author.trial import Trial, trial
from hub.author_cli import author_app
from hub.config import Config
from hub.errors import ConfigError, HearthError
from hub.skillset import bundled

pytestmark = pytest.mark.slow

TEMPLATE = bundled() / "_template"


def hearth_skill(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(author_app, arguments, input=said)


def skill(folder: Path, code: str, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "skill.py").write_text(textwrap.dedent(code), encoding="utf-8")
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(content), encoding="utf-8")
    return folder


def texts(folder: Path, *, errors: bool = True) -> str:
    return "\n".join(f"{f.place}: {f.text}" for f in check(folder) if f.error == errors)


# --- new ----------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_new_skill_is_fit_and_understood_and_takes_nothing_away(tmp_path: Path) -> None:
    folder = make("Coin box", tmp_path)
    assert folder.name == "coin-box"
    assert 'id = "coin-box"' in (folder / "pack.toml").read_text()
    assert check(folder) == []
    found = await trial(folder, Config(), languages=("en",))
    assert found.good and len(found.tried) > 5 and found.others > 300


@pytest.mark.slow
def test_the_tests_of_a_new_skill_pass_in_plain_pytest(tmp_path: Path) -> None:
    folder = make("coins", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert "4 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("name", ["", "!!!", "x" * 80, "lights"])
def test_a_name_that_no_pack_may_have_makes_no_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(HearthError):
        make(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    make("coins", tmp_path)
    with pytest.raises(ConfigError, match="is there already"):
        make("coins", tmp_path)


def test_the_command_says_what_to_do_next(tmp_path: Path) -> None:
    done = hearth_skill("new", "coin box", "--in", str(tmp_path))
    assert done.exit_code == 0 and "hearth skill run" in done.output


# --- check --------------------------------------------------------------------------------------

LAMP = """
    from hub.skill import Entities, Home, Say, tool

    @tool(phrases=["wink with {name}"], domains=["light"], examples=["wink with the lamp"])
    async def wink(lamps: Entities, home: Home) -> Say:
        \"\"\"Wink.\"\"\"
        await home.call("light.turn_on", lamps)
        return Say("winked")
"""
ENGLISH = '[replies]\nwinked = "Winked."\n'
PACK = """
    id = "winker"
    name = "Winker"
    version = "1.0.0"
    sdk = ">=1,<2"
    licence = "Apache-2.0"
    description = "Winks."
    risk = "R1"
    [tools.wink]
    risk = "R1"
    [permissions]
    home.domains = ["light"]
    home.act = true
"""


def winker(folder: Path, **changes: str) -> Path:
    files = {"pack": PACK, "languages__en": ENGLISH}
    code = changes.pop("code", LAMP)
    for name, (old, new) in ((n, c.split(" -> ")) for n, c in changes.items()):
        assert old in files[name]
        files[name] = files[name].replace(old, new)
    return skill(folder, code, **files)


def test_a_fit_skill_has_no_errors(tmp_path: Path) -> None:
    assert texts(winker(tmp_path / "winker")) == ""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pack": "home.act = true -> home.act = false"}, "permissions.home.act"),
        ({"pack": '["light"] -> ["switch"]'}, "lacks light"),
        ({"pack": "[tools.wink] -> [tools.blink]"}, "lacks [tools.wink]"),
        ({"pack": 'risk = "R1"\n -> risk = "R0"\n'}, "is declared R0, and is R1"),
        ({"pack": "Apache-2.0 -> my own"}, "SPDX"),
        ({"pack": ">=1,<2 -> >=2"}, "this hub has 1.0"),
        ({"languages__en": "winked -> blinked"}, "'winked'"),
        ({"code": LAMP.replace("{name}", "{nobody}")}, "no parameter"),
        ({"code": LAMP.replace("{name}", "(x")}, "not a sentence template"),
        ({"code": LAMP + "    import socket"}, "permissions.network"),
        ({"code": LAMP + "    import numpy"}, "imports numpy"),
        ({"code": LAMP + "    import hub.app"}, "imports hub.skill alone"),
        ({"code": LAMP + "    import subprocess"}, "no use of it"),
        ({"code": "import nothing_like_that"}, "nothing_like_that"),
        ({"code": LAMP.replace('"""Wink."""', "")}, "needs a docstring"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, str], complaint: str) -> None:
    assert complaint in texts(winker(tmp_path / "winker", **change))


def test_a_language_must_have_all_that_english_has(tmp_path: Path) -> None:
    folder = winker(tmp_path / "winker")
    (folder / "languages/de.toml").write_text('[replies]\nother = "{what}"\n')
    found = texts(folder)
    assert "lacks the reply 'winked'" in found
    assert "lacks phrases for wink" in found


def test_more_rights_than_are_needed_are_a_hint(tmp_path: Path) -> None:
    folder = winker(
        tmp_path / "winker", pack="home.act = true -> home.act = true\n    timers = true"
    )
    assert texts(folder) == ""
    assert "permissions.timers" in texts(folder, errors=False)


def test_the_exit_status_tells_whether_something_is_wrong(tmp_path: Path) -> None:
    folder = str(winker(tmp_path / "winker"))
    assert hearth_skill("check", folder).exit_code == 0
    folder = str(winker(tmp_path / "other", pack='["light"] -> ["switch"]'))
    done = hearth_skill("check", folder, "--json")
    assert done.exit_code == 1
    assert any(json.loads(line)["error"] for line in done.output.splitlines())


# --- test ---------------------------------------------------------------------------------------


async def tried(folder: Path) -> Trial:
    return await trial(folder, Config(), languages=("en",))


@pytest.mark.slow
async def test_a_phrase_of_another_skill_is_told(tmp_path: Path) -> None:
    code = """
        from hub.skill import tool

        @tool(phrases=["flip a coin", "what time is it"], examples=["flip a coin", "do something"])
        def flip() -> str:
            \"\"\"Flip a coin.\"\"\"
            return "Heads."
    """
    found = await tried(skill(tmp_path / "coins", code))
    assert [each.text for each in found.wrong] == ["do something"]
    assert ("what time is it", ("coins.flip",)) in [(t.text, t.got) for t in found.taken]
    assert not found.good


def test_the_command_tells_what_is_not_understood(tmp_path: Path) -> None:
    code = """
        from hub.skill import tool

        @tool(phrases=["flip a coin"], examples=["zzz"])
        def flip() -> str:
            \"\"\"Flip a coin.\"\"\"
            return "Heads."
    """
    folder = skill(tmp_path / "coins", code)
    done = hearth_skill("test", str(folder), "--no-model", "--no-tests")
    assert done.exit_code == 1
    assert "zzz" in done.output and "1 of 2 sentences" in done.output


# --- run ----------------------------------------------------------------------------------------


def test_what_is_typed_is_answered(tmp_path: Path) -> None:
    folder = make("coins", tmp_path)
    done = hearth_skill("run", str(folder), said="toss 3 coins\n")
    assert done.exit_code == 0
    assert "coins.flip" in done.output


async def test_a_skill_that_is_edited_is_taken_anew(tmp_path: Path) -> None:
    from hub.author.stage import Stage
    from hub.errors import SkillError

    code = 'from hub.skill import tool\n@tool(phrases=["hum"])\ndef hum() -> str:\n    "Hum."\n'
    folder = skill(tmp_path / "hummer", code + '    return "Hm."\n')
    async with Stage(folder) as hearth:
        assert (await hearth.say("hum")).text == "Hm."
        (folder / "skill.py").write_text(
            code.replace('["hum"]', '["drone"]') + '    return "Oh."\n'
        )
        await hearth.reload()
        assert (await hearth.say("drone")).text == "Oh."
        assert (await hearth.say("hum")).tools == ()
        (folder / "skill.py").write_text("nonsense(")
        with pytest.raises(SkillError):
            await hearth.reload()
        assert (await hearth.say("drone")).text == "Oh."
