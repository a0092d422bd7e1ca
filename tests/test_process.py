"""`hearth` as a process among others: its output in pipes, its signals, its exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from tests.mqtt import free_port

pytestmark = pytest.mark.slow

SKILL = '''
import os, subprocess, sys, time
from hub.skill import tool

print("loading")

@tool(phrases=["make noise"])
def noise() -> str:
    """Print in every way there is."""
    print("printed")
    os.write(1, b"written\\n")
    subprocess.run(["echo", "echoed"])
    return "That \\x1b[31mwas\\x07 [bold]loud[/]."

@tool(phrases=["leave us"])
def leave() -> str:
    """End the program."""
    sys.exit(3)

@tool(phrases=["sleep well"])
def sleep() -> str:
    """Never come back."""
    time.sleep(1000)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with settings and a skill of the worst manners."""
    skill = tmp_path / "skills" / "rude"
    skill.mkdir(parents=True)
    (skill / "skill.py").write_text(SKILL)
    lines = [f'{name} = "{tmp_path / name}"' for name in ("data", "cache", "runtime")]
    skills = ["[skills]", f'folders = ["{skill.parent}"]', "timeout = 0.3"]
    text = ["[hub]", *lines, "[router]", 'model = ""', *skills, ""]
    (tmp_path / "hearth.toml").write_text("\n".join(text))
    return tmp_path


def start(folder: Path, command: str, **options: object) -> subprocess.Popen[bytes]:
    """A shell command in which `hearth` is the command of this checkout."""
    hearth = f'hearth() {{ "{sys.executable}" -m hub "$@"; }}; set -o pipefail; '
    environment = {**os.environ, "HEARTH_CONFIG": str(folder / "hearth.toml")}
    return subprocess.Popen(
        ["bash", "-c", hearth + command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment | options.pop("env", {}),  # type: ignore[operator]
        start_new_session=True,
        **options,  # type: ignore[call-overload]
    )


def run(folder: Path, command: str, **options: object) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    process = start(folder, command, **options)
    out, err = process.communicate(timeout=60)
    assert b"Traceback" not in err, err.decode()
    return process.returncode, out.decode(), err.decode()


def test_whatever_a_skill_prints_standard_output_has_one_object_a_turn(folder: Path) -> None:
    status, out, err = run(folder, "printf 'make noise\\nhello\\n' | hearth say --json")
    assert status == 0
    assert [json.loads(line)["heard"] for line in out.splitlines()] == ["make noise", "hello"]
    assert {"loading", "printed", "written", "echoed"} <= set(err.splitlines())


def test_a_reply_gives_the_terminal_no_orders(folder: Path) -> None:
    _, out, _ = run(folder, "hearth say make noise")
    assert "\x1b" not in out and "\x07" not in out
    assert "[bold]loud[/]." in out


def test_without_escaping_it_would(folder: Path) -> None:
    """The control: the same reply where text of others is printed as it comes."""
    careless = (
        "from hub import terminal; terminal.escape = str; from hub.__main__ import main; main()"
    )
    _, out, _ = run(folder, f'"{sys.executable}" -c "{careless}" say make noise')
    assert "\x1b[31m" in out and "[bold]" not in out


def test_a_skill_neither_ends_the_hub_nor_keeps_it_from_ending(folder: Path) -> None:
    said = "leave us\\nsleep well\\nhello\\n"
    status, out, err = run(folder, f"printf '{said}' | hearth say --json")
    turns = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [turn["tier"] for turn in turns] == ["phrase"] * 3
    assert "skill.py:18: SystemExit: 3" in err


def test_a_reader_that_has_gone_is_no_trouble(folder: Path) -> None:
    status, _, err = run(folder, "hearth devices | true")
    assert (status, err) == (141, "")


def test_output_that_cannot_be_written_is_said(folder: Path) -> None:
    status, _, err = run(folder, "hearth config > /dev/full")
    assert status == 1
    assert "disk is full" in err


@pytest.mark.parametrize("command", ["say", "hear -"])
def test_closed_input_ends_in_a_sentence_at_most(folder: Path, command: str) -> None:
    status, out, err = run(folder, f"hearth {command} <&-")
    assert status in (0, 1) and out in ("", "loading\n")
    assert len(err.splitlines()) <= 1


def test_a_terminal_of_few_characters_is_written_to(folder: Path) -> None:
    few = {"PYTHONIOENCODING": "ascii"}
    assert "gr?ezi" in run(folder, "hearth say grüezi", env=few)[1]
    assert json.loads(run(folder, "hearth say --json grüezi", env=few)[1])["heard"] == "grüezi"


def test_ctrl_c_while_it_waits_ends_it_without_a_word(folder: Path) -> None:
    process = start(folder, "exec " + f'"{sys.executable}" -m hub say', stdin=subprocess.PIPE)
    assert process.stdin and process.stdout
    process.stdin.write(b"hello\n")
    process.stdin.flush()
    while process.stdout.readline().strip() != "« Hello.".encode():
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"")


def test_ctrl_c_while_it_is_loading_ends_it_without_a_word(folder: Path) -> None:
    # An import that takes for ever stands for a slow disk.
    slow = folder / "slow"
    slow.mkdir()
    (slow / "typer.py").write_text(
        "import os, time\nos.write(1, b'loading\\n')\ntime.sleep(1000)\n"
    )
    path = os.pathsep.join([str(slow), str(Path(__file__).parent.parent)])
    process = start(folder, f'exec "{sys.executable}" -m hub say hello', env={"PYTHONPATH": path})
    assert process.stdout
    assert process.stdout.readline() == b"loading\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (-signal.SIGINT, b"")


def test_on_a_disk_that_takes_no_more_the_turn_is_answered_and_nothing_is_lost(
    folder: Path,
) -> None:
    run(folder, "hearth say turn on the hallway light")
    kept = (folder / "data" / "home.json").read_bytes()
    status, out, err = run(folder, "ulimit -f 0; hearth say --json turn off the hallway light")
    [turn] = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert turn["outcomes"][0]["state"] == "off"
    [line] = [line for line in err.splitlines() if "home.json" in line]
    assert "what is new cannot be kept" in line
    assert (folder / "data" / "home.json").read_bytes() == kept


def test_a_change_that_cannot_be_kept_is_no_success(folder: Path) -> None:
    status, out, err = run(folder, "ulimit -f 0; hearth devices rename light.hallway 'Big Lamp'")
    assert status == 1
    assert err.count("devices.json: what is new cannot be kept") == 1
    assert "Big Lamp" not in out


def test_a_home_out_of_reach_is_named_and_no_success(folder: Path) -> None:
    with (folder / "hearth.toml").open("a") as file:
        file.write(f'[mqtt]\nhost = "127.0.0.1"\nport = {free_port()}\n')
    for command in ("hearth devices", "hearth devices --json"):
        status, _, err = run(folder, command)
        assert status == 1
        assert "cannot reach the device source mqtt" in err
        assert "tried again" not in err  # nobody will


def test_where_nothing_can_be_kept_it_still_answers(folder: Path) -> None:
    file = folder / "hearth.toml"
    file.write_text(file.read_text().replace(str(folder / "data"), "/proc/hearth"))
    status, out, err = run(folder, "hearth say --json turn on the hallway light")
    assert status == 0
    assert json.loads(out)["outcomes"][0]["confirmed"]
    assert "/proc/hearth: no states can be kept there" in err


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '{"states": 5}',
        '{"states": {"1": 5}}',
        '{"states": {"x": {"key": "light.hallway"}}}',
        '{"states": {"1": {"key": "light.hallway"}, "2": {"other": 1}}}',
        '{"states": {"1": {"key": "light.hallway", "state": 5, "attributes": 7}}}',
    ],
)
def test_states_that_make_no_sense_are_said_and_the_turn_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "hearth.toml").write_text(
        f'[hub]\ndata = "{tmp_path}"\nruntime = "{tmp_path}"\n[router]\nmodel = ""\n'
    )
    monkeypatch.setenv("HEARTH_CONFIG", str(tmp_path / "hearth.toml"))
    (tmp_path / "home.json").write_text(content)
    for said in ("on", "off"):
        result = CliRunner().invoke(app, ["say", "--json", "turn", said, "the hallway light"])
        assert result.exception is None, result.exception
        assert json.loads(result.stdout)["outcomes"][0]["state"] == said


def test_a_language_that_nobody_knows_is_refused(folder: Path) -> None:
    file = folder / "hearth.toml"
    file.write_text(file.read_text().replace("[router]", 'languages = ["xx"]\n[router]'))
    status, _, err = run(folder, "hearth say hello")
    assert status == 78
    assert "[hub] languages: 'xx' is no language" in err


def test_a_hub_takes_long_texts_for_what_they_are_and_ends_with_ctrl_c(folder: Path) -> None:
    hub = start(folder, f'exec "{sys.executable}" -m hub run --no-microphone')
    assert hub.stdout
    while b"Talk to me" not in (line := hub.stdout.readline()):
        assert line, "the hub has ended"
    long = f'{sys.executable} -c \'print("lamp " * 20_000); print("hello")\''
    status, out, err = run(folder, f"{long} | hearth say --json")
    assert status == 1
    assert [json.loads(line)["heard"] for line in out.splitlines()] == ["hello"]
    assert "too long for one request" in err
    hub.send_signal(signal.SIGINT)
    _, errors = hub.communicate(timeout=60)
    assert (hub.returncode, errors) == (130, b"")


def test_a_hub_that_is_killed_leaves_states_that_can_be_read_and_a_word_about_it(
    folder: Path,
) -> None:
    hub = start(folder, f'exec "{sys.executable}" -m hub run --no-microphone')
    assert hub.stdout
    while b"Talk to me" not in (line := hub.stdout.readline()):
        assert line, "the hub has ended"
    said = start(folder, f'exec "{sys.executable}" -m hub say --json', stdin=subprocess.PIPE)
    assert said.stdin and said.stdout
    said.stdin.write(b"turn on all lights\nturn off all lights\n" * 50)
    said.stdin.flush()
    for _ in range(5):
        assert json.loads(said.stdout.readline())["error"] is None
    hub.kill()
    hub.communicate()
    _, err = said.communicate(timeout=60)
    assert said.returncode == 1
    [line] = err.splitlines()
    assert b"the hub has just ended" in line
    status, out, err_after = run(folder, "hearth say --json turn on the hallway light")
    assert (status, err_after) == (0, "loading\n")
    assert json.loads(out)["outcomes"][0]["state"] == "on"


@pytest.mark.parametrize("kind", ["folder", "file", "long"])
def test_a_folder_that_cannot_have_the_control_socket_is_named(folder: Path, kind: str) -> None:
    place = folder / ("x" * 120 if kind == "long" else "runtime")
    if kind == "folder":
        (place / "hearth.sock").mkdir(parents=True)
    elif kind == "file":
        place.touch()
    file = folder / "hearth.toml"
    file.write_text(file.read_text().replace(str(folder / "runtime"), str(place)))
    status, _, err = run(folder, "hearth run --no-microphone")
    assert status == 78
    assert f"{place}/hearth.sock" in err and "[hub] runtime" in err
