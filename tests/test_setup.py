"""The set-up's locks fit the project, and its trouble is told with a way out."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(name: str) -> dict[str, set[str]]:
    """Package -> versions (another Python may have another one) of a lock."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^(\S+)==(\S+)", (LOCKS / name).read_text(), re.M):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


DEPENDENCIES = PROJECT["project"]["dependencies"]
GROUPS = PROJECT["dependency-groups"]
EXTRAS = PROJECT["project"]["optional-dependencies"]


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("run.lock", DEPENDENCIES + GROUPS["set-up"]),
        ("test.lock", DEPENDENCIES + EXTRAS["test"] + EXTRAS["echo"]),
        ("train.lock", DEPENDENCIES),
        ("echo.lock", EXTRAS["echo"]),
        ("build-llama.lock", GROUPS["build-llama"]),
    ],
)
def test_the_locks_hold_what_the_project_wants(lock: str, wanted: list[str]) -> None:
    locked = pins(lock) | pins("llama.lock")
    for requirement in map(Requirement, wanted):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not in {lock}: run scripts/lock"
        for version in versions:
            assert version in requirement.specifier, f"{requirement} in {lock}: run scripts/lock"


def test_tests_run_with_what_the_hub_runs_with() -> None:
    tested = pins("test.lock")
    for lock in ("run.lock", "echo.lock"):
        assert {package: tested.get(package) for package in pins(lock)} == pins(lock)


def test_what_the_documentation_installs_for_echo_cancellation_is_locked() -> None:
    told = (ROOT / "docs/satellites.md").read_text(), (ROOT / "hub/audio/echo.py").read_text()
    assert all("requirements/echo.lock" in text for text in told)
    assert "pip install 'hearth-hub" not in "".join(told)  # that would take what has no hash


def test_the_locks_name_no_host_and_every_package_has_a_hash() -> None:
    for lock in LOCKS.glob("*.lock"):
        text = lock.read_text()
        assert "://" not in text
        for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.M | re.I):
            assert not re.match("[a-z0-9]", entry, re.I) or "--hash=sha256:" in entry, entry


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The modules of scripts/setup, which see each other by their plain names."""
    names = ("show", "system", "llama")
    monkeypatch.syspath_prepend(str(ROOT / "scripts/setup"))
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        del sys.modules[name]


def test_a_build_for_another_processor_is_not_used(
    setup: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    llama = setup["llama"]
    monkeypatch.setenv("HEARTH_WHEELS", str(tmp_path))
    lock = LOCKS / "llama.lock"
    mine = llama.folder(lock)
    mine.mkdir()
    (mine / "llama_cpp_python-1-py3-none-linux.whl").touch()
    assert llama.kept(lock) is not None
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=ON")
    assert llama.kept(lock) is None
    monkeypatch.delenv("CMAKE_ARGS")
    monkeypatch.setattr(llama, "_instructions", lambda: "fpu sse2")
    assert llama.kept(lock) is None


def test_a_failed_command_shows_its_end_and_the_way_out(
    setup: dict[str, ModuleType], tmp_path: Path
) -> None:
    show = setup["show"]
    code = "import sys; [print('line', n) for n in range(100)]; sys.exit(3)"
    log = tmp_path / "log"
    with pytest.raises(show.SetupFailed) as failure, show.step("trying") as line:
        show.run(line, [sys.executable, "-c", code], remedy="Do this.", log=log)
    said = str(failure.value)
    assert "ended with 3" in said
    assert "line 99\n" in said
    assert "line 0\n" not in said
    assert said.endswith("Do this.")
    assert log.read_text().startswith("line 0\n")


def test_without_rights_the_command_for_debian_is_told(
    setup: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = setup["system"]
    monkeypatch.setattr(system.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(system, "_may_sudo", lambda: False)
    monkeypatch.setattr(system.shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(system.SetupFailed) as failure:
        system.install({"g++": "a C++ compiler", "libgomp1": "OpenMP"}, "scripts/run")
    assert "sudo apt-get install -y --no-install-recommends g++ libgomp1\n" in str(failure.value)
    assert "scripts/run" in str(failure.value)
    system.install({}, "scripts/run")


def test_without_rights_the_tests_in_a_browser_are_left_out(
    setup: dict[str, ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    system = setup["system"]
    monkeypatch.setattr(system.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(system, "_may_sudo", lambda: False)
    there = {"apt-get"}
    monkeypatch.setattr(system.shutil, "which", lambda name: name if name in there else None)
    system.install_browser("scripts/test")
    told = capsys.readouterr().err
    assert "sudo apt-get install -y --no-install-recommends chromium\n" in told
    assert "left out" in told
    there.add("chromium")
    system.install_browser("scripts/test")
    assert capsys.readouterr().err == ""


def test_the_bill_of_materials_has_every_package_and_model_with_its_hashes() -> None:
    command = [sys.executable, ROOT / "scripts" / "sbom"]
    made = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    assert made[0] == made[1]  # the same wherever and whenever it is made
    bill = json.loads(made[0])
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    packages = [each for each in bill["components"] if each["type"] == "library"]
    listed: dict[str, set[str]] = {}
    for each in packages:
        listed.setdefault(canonicalize_name(each["name"]), set()).add(each["version"])
        hashes = [p["value"] for p in each["properties"] if p["name"] == "hearth:sha256"]
        assert hashes and all(re.fullmatch("[0-9a-f]{64}", value) for value in hashes)
        assert each["purl"].startswith("pkg:pypi/")
    assert listed == pins("run.lock") | pins("llama.lock") | pins("echo.lock")
    models = [each for each in bill["components"] if each["type"] == "machine-learning-model"]
    catalogue = tomllib.loads((ROOT / "hub/models/catalogue.toml").read_text())["model"]
    assert [each["name"] for each in models] == [each["name"] for each in catalogue]
    assert all(file["hashes"] for each in models for file in each["components"])
    refs = [each["bom-ref"] for each in bill["components"]]
    assert len(refs) == len(set(refs))


def test_what_tests_alone_need_is_asked_for_with_them_alone(
    setup: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = setup["system"]
    monkeypatch.setattr(system.shutil, "which", lambda name, path=None: None)
    monkeypatch.setattr(system, "_loads", lambda library: True)
    assert set(system.missing()) == {"bubblewrap"}
    needed = runpy.run_path(str(ROOT / "scripts/setup/__main__.py"))["_for_tests"]
    monkeypatch.delenv("HEARTH_TEST_FULL", raising=False)
    assert set(system.missing(**needed("run"))) == {"bubblewrap"}
    wanted = {"bubblewrap", "mosquitto", "strace"}
    assert set(system.missing(**needed("test"))) == wanted
    monkeypatch.setenv("HEARTH_TEST_FULL", "1")
    monkeypatch.setattr(system.Path, "glob", lambda path, pattern: iter(()))
    assert set(system.missing(**needed("run"))) == {"bubblewrap"}
    assert set(system.missing(**needed("test"))) == wanted | system.SOUND
