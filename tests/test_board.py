"""Which settings suit a machine, by what its kernel tells of it: names as in the kernel's device
trees, memory as such boards show it in /proc/meminfo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub import board, config
from hub.board import Machine
from hub.cli import app
from hub.models.catalogue import default_set
from hub.models.store import ModelStore

ENGLISH, GERMAN = '[hub]\nlanguages = ["en"]\n', '[hub]\nlanguages = ["de", "en"]\n'


def kernel(root: Path, model: str, cores: int, kilobytes: int, driver: str = "") -> Path:
    """The files of a machine's kernel."""
    (root / "proc").mkdir(parents=True)
    if model:
        (root / "proc/device-tree").mkdir()
        (root / "proc/device-tree/model").write_bytes(model.encode() + b"\0")
    entry = "processor\t: {}\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\n\n"
    (root / "proc/cpuinfo").write_text("".join(entry.format(n) for n in range(cores)))
    (root / "proc/meminfo").write_text(
        f"MemTotal:        {kilobytes} kB\nMemFree:          61048 kB\nMemAvailable:    811244 kB\n"
    )
    if driver:
        (root / driver).parent.mkdir(parents=True, exist_ok=True)
        (root / driver).write_text("")
    return root


KNOWN = [
    # name in the device tree, cores, kB, driver of a GPU; profile, recognizer, language model
    ("Raspberry Pi 4 Model B Rev 1.5", 4, 1893356, "", "pi4-2gb", "whisper-tiny", None),
    ("Raspberry Pi 4 Model B Rev 1.4", 4, 3884396, "", "pi4", "whisper-base", "hearth-router"),
    ("Raspberry Pi 400 Rev 1.0", 4, 3884396, "", "pi4", "whisper-base", "hearth-router"),
    ("Raspberry Pi Compute Module 4 Rev 1.1", 4, 1893356, "", "pi4-2gb", "whisper-tiny", None),
    ("Raspberry Pi 3 Model B Plus Rev 1.3", 4, 926084, "", "pi4-2gb", "whisper-tiny", None),
    ("Raspberry Pi Zero 2 W Rev 1.0", 4, 437436, "", "pi4-2gb", "whisper-tiny", None),
    ("Raspberry Pi 5 Model B Rev 1.0", 4, 8255488, "", "pi5", "whisper-base", "hearth-router"),
    ("Raspberry Pi 5 Model B Rev 1.1", 4, 2066992, "", "pi5", "whisper-base", "hearth-router"),
    ("Raspberry Pi 500 Rev 1.0", 4, 8255488, "", "pi5", "whisper-base", "hearth-router"),
    ("NVIDIA Jetson Orin Nano Developer Kit", 6, 7802880, "dev/nvhost-gpu", "orin-nano",
     "whisper-base", "hearth-router"),
    ("NVIDIA Orin Nano Developer Kit", 6, 7802880, "dev/nvhost-gpu", "orin-nano",
     "whisper-base", "hearth-router"),
    ("Radxa ROCK 5B", 8, 16182420, "", "x86", "whisper-base", "hearth-router"),
    ("Hardkernel ODROID-C2", 4, 1892000, "", "small", "whisper-tiny", None),
    ("", 4, 16303984, "", "x86", "whisper-base", "hearth-router"),
    ("", 2, 2016232, "", "small", "whisper-tiny", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "cores", "kilobytes", "driver", "profile", "recognizer", "language_model"), KNOWN
)
def test_a_machine_is_known_and_gets_models_that_it_can_carry(
    tmp_path: Path,
    model: str,
    cores: int,
    kilobytes: int,
    driver: str,
    profile: str,
    recognizer: str,
    language_model: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.board.platform.machine", lambda: "x86_64")
    machine = board.read(kernel(tmp_path, model, cores, kilobytes, driver))
    assert (machine.model, machine.cores) == (model, cores)
    assert machine.memory_mb == kilobytes // 1024
    assert board.profile_of(machine).name == profile
    suited = board.suited(config.parse(ENGLISH), machine)
    assert (suited.recognizer.model, suited.router.model) == (recognizer, language_model)
    assert (suited.recognizer.device == "cuda") is (profile == "orin-nano")


def test_an_arm_board_that_nobody_knows_has_the_plain_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("hub.board.platform.machine", lambda: "aarch64")
    machine = board.read(kernel(tmp_path, "Radxa ROCK 5B", 8, 16182420))
    assert board.profile_of(machine).name == "arm"
    plain = config.parse("")
    assert board.suited(plain, machine) == plain


def test_nothing_at_all_is_told(tmp_path: Path) -> None:
    machine = board.read(tmp_path)
    assert (machine.model, machine.memory_mb, machine.cores) == ("", 0, 1)
    assert board.profile_of(machine).name in ("x86", "arm")


PI = Machine("Raspberry Pi 4 Model B Rev 1.5", "aarch64", 4, 1848, cuda=False)


def test_a_small_model_that_knows_english_alone_is_for_english_alone() -> None:
    assert board.suited(config.parse(ENGLISH), PI).recognizer.model == "whisper-tiny"
    assert board.suited(config.parse(GERMAN), PI).recognizer.model == "whisper-base"


def test_what_is_set_stays_key_by_key_also_where_it_is_the_default() -> None:
    text = '[router]\nmodel = "hearth-router"\n[recognizer]\nthreads = 2\n'
    suited = board.suited(config.parse(text), PI)
    assert suited.router.model == "hearth-router"
    assert suited.recognizer.threads == 2
    assert suited.recognizer.hypotheses == 1  # of the same table, and not set
    told = board.told(suited, PI)
    assert "yours: " in told and "router.model" in told.partition("yours: ")[2]
    assert "recognizer.hypotheses = 1" in told


def test_another_board_or_none_can_be_named() -> None:
    none = config.parse('[hub]\nboard = "none"\n')
    assert board.suited(none, PI) == none
    pi5 = board.suited(config.parse('[hub]\nboard = "pi5"\n'), PI)
    assert pi5.recognizer.model == "whisper-base" and pi5.router.threads == 3
    with pytest.raises(config.ConfigError, match="pi4-2gb"):
        config.parse('[hub]\nboard = "pi9"\n')


def test_every_profile_can_be_named_and_sets_what_there_is() -> None:
    for name, profile in board.PROFILES.items():
        assert config.parse(f'[hub]\nboard = "{name}"\n').hub.board == name
        for (table, key), value in profile.wants(["en"]).items():
            config.parse(f"[{table}]\n{key} = {json.dumps('' if value is None else value)}\n")


def test_the_models_that_are_fetched_are_those_of_the_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.board.read", lambda: PI)
    file = tmp_path / "hearth.toml"
    file.write_text(f'[hub]\ndata = "{tmp_path}"\n')
    settings = config.load(file)
    names = {model.name for model in default_set(settings, ModelStore(settings.models).catalogue)}
    assert "whisper-tiny" in names
    assert not {"whisper-base", "hearth-router"} & names


def test_the_doctor_tells_what_the_machine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.board.read", lambda: PI)
    monkeypatch.setattr("hub.doctor._engines", _nothing)
    file = tmp_path / "hearth.toml"
    file.write_text(f'[hub]\ndata = "{tmp_path}/d"\nruntime = "{tmp_path}/r"\n')
    done = CliRunner().invoke(app, ["--config", str(file), "doctor", "--json"])
    rows = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    (told,) = [row["detail"] for row in rows if row["part"] == "board"]
    assert told.startswith("Raspberry Pi 4 Model B Rev 1.5, 1.8 GB, 4 cores: profile 'pi4-2gb'")
    assert "recognizer.model = whisper-tiny" in told and "router.model = none" in told


async def _nothing(*_: object):  # type: ignore[no-untyped-def]
    return
    yield


# --- the GPU -------------------------------------------------------------------------------------


def whisper(monkeypatch: pytest.MonkeyPatch, gpus: int, works: bool) -> tuple[Any, list[str]]:
    """The engine with CTranslate2's doors replaced; it, and the devices it has loaded for."""
    from hub.engines import whisper as module

    loaded: list[str] = []

    def recognize(engine: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if engine.device == "cuda" and not works:
            raise RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")
        return {"hypotheses": []}

    class Model:
        n_mels = 80

        def __init__(self, folder: str, *, device: str, compute_type: str, **_: Any) -> None:
            loaded.append(f"{device} {compute_type}")

    monkeypatch.setattr(module.ctranslate2, "get_cuda_device_count", lambda: gpus)
    monkeypatch.setattr(module.ctranslate2.models, "Whisper", Model)
    monkeypatch.setattr(module, "_tokenizer", lambda path: None)
    monkeypatch.setattr(module.Engine, "recognize", recognize)
    return module.Engine, loaded


@pytest.mark.parametrize(
    ("gpus", "works", "expected"),
    [
        (1, True, ["cuda int8_float16"]),
        (1, False, ["cuda int8_float16", "cpu int8"]),  # a library of CUDA's is missing
        (0, True, ["cpu int8"]),  # built without CUDA, or the device may not be used
    ],
)
def test_whisper_takes_the_gpu_and_else_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int, works: bool, expected: list[str]
) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    engine, loaded = whisper(monkeypatch, gpus, works)
    assert engine(str(tmp_path), device="cuda").warm() == {"hypotheses": []}
    assert loaded == expected
    loaded.clear()
    engine(str(tmp_path)).warm()  # nobody has asked for a GPU
    assert loaded == ["cpu int8"]
