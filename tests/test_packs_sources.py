"""Packs are fetched from wherever they are, encrypted, bounded, and without running any of them."""

from __future__ import annotations

import functools
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hub.packs import manifest, pack, sources
from hub.packs.description import PackError
from hub.packs.shelf import Shelf
from tests import packs_kit
from tests.mqtt import Authority
from tests.packs_kit import KEY, built, install

pytestmark = pytest.mark.slow

ID = "coffee-machine"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """An https server; what it answers at a path is set by the test, else files of its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "web"
        self.folder.mkdir()
        self.asked: list[str] = []
        self.answers: dict[str, Answer] = {}
        authority = Authority(folder / "ca")
        self.ca = authority.ca
        certificate, key = authority.issue("server")
        server = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                answer = server.answers.get(self.path)
                if answer is None:
                    super().do_GET()
                else:
                    answer(self)

            def log_message(self, *_: object) -> None:
                pass

        handler = functools.partial(Handler, directory=str(self.folder))
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.address = f"https://localhost:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    one = Server(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(one.ca))
    for variable in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    yield one
    one.close()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "packs")


def fails(shelf: Shelf, source: str) -> str:
    with pytest.raises(PackError) as caught:
        install(shelf, source)
    assert list((shelf.folder / "staging").iterdir()) == []
    return str(caught.value)


# --- files and folders ----------------------------------------------------------------------------


def test_a_file_and_a_folder(shelf: Shelf, tmp_path: Path) -> None:
    assert install(shelf, built(tmp_path)).pack.version == "1.2.0"
    folder = packs_kit.write(tmp_path / "signed", version="1.3.0")
    pack.sign(folder, KEY)
    found = install(shelf, folder)
    assert (found.pack.version, found.source) == ("1.3.0", str(folder))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere/pack.hearth", "no such file"),
        ("pack.hearth", "no such file"),
        ("http://127.0.0.1/pack.hearth", "https:// or git"),
        ("ftp://127.0.0.1/pack.hearth", "https:// or git"),
        ("file:///etc/passwd", "https:// or git"),
        ("https://", "no https"),
        ("https://user:secret@localhost/pack.hearth", "password"),
        ("git+http://localhost/pack.git", "https:// or git"),
        ("git+ext://sh -c id", "https:// or git"),
        ("git+https://user:secret@localhost/pack.git", "password"),
        ("git+file:///tmp/x@--upload-pack=sh", "no branch"),
        ("git+file:///tmp/x#egg=evil", "subdirectory"),
        ("git+file:///tmp/x#subdirectory=../..", "leads elsewhere"),
        ("pip:--index-url", "no file"),
        ("pip:a @ https://localhost/a.whl", "name the package"),
        ("pip:a[extra]", "name the package"),
        ("-rrequirements.txt", "no file"),
        ("", "no place"),
        ("a\0b", "no place"),
    ],
)
def test_what_is_no_source_is_refused(source: str, says: str, shelf: Shelf) -> None:
    said = fails(shelf, source)
    assert says in said and "secret" not in said


# --- https ---------------------------------------------------------------------------------------


def test_over_https(server: Server, shelf: Shelf) -> None:
    built(server.folder)
    address = f"{server.address}/coffee-machine-1.2.0.hearth"
    found = install(shelf, address)
    assert found.signed and found.source == address


def test_a_certificate_that_nobody_vouches_for_is_not_taken(
    server: Server, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(server.folder)
    monkeypatch.delenv("SSL_CERT_FILE")
    said = fails(shelf, f"{server.address}/coffee-machine-1.2.0.hearth")
    assert "CERTIFICATE_VERIFY_FAILED" in said
    assert server.asked == []


def redirect(to: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", to)
        request.end_headers()

    return answer


def test_a_way_round_is_taken_only_while_it_is_encrypted(server: Server, shelf: Shelf) -> None:
    built(server.folder)
    server.answers["/moved"] = redirect("/coffee-machine-1.2.0.hearth")
    assert install(shelf, f"{server.address}/moved").signed
    server.answers["/plain"] = redirect("http://127.0.0.1:9/x.hearth")
    assert "leads elsewhere" in fails(shelf, f"{server.address}/plain")
    server.answers["/file"] = redirect("file:///etc/passwd")
    assert fails(shelf, f"{server.address}/file")
    server.answers["/round"] = redirect("/round")
    assert "302" in fails(shelf, f"{server.address}/round")
    assert server.asked.count("/round") <= sources.MOST_REDIRECTS + 1


def endless(length: int | None) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        if length is not None:
            request.send_header("Content-Length", str(length))
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"\0" * 100_000)
        except OSError:  # nobody reads any more
            pass

    return answer


def test_what_is_too_large_is_given_up(
    server: Server, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MOST_FETCHED", 1_000_000)
    server.answers["/said"] = endless(10**10)
    assert "larger than 1 MB" in fails(shelf, f"{server.address}/said")
    server.answers["/unsaid"] = endless(None)
    assert "larger than 1 MB" in fails(shelf, f"{server.address}/unsaid")


def test_a_server_that_dawdles_is_given_up(
    server: Server, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()

    def silent(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.flush()
        stopped.wait(20)

    def slow(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while not stopped.wait(0.05):
                request.wfile.write(b"x")
        except OSError:
            pass

    server.answers |= {"/silent": silent, "/slow": slow}
    monkeypatch.setattr(sources, "SILENCE", 0.3)
    assert "cannot be fetched" in fails(shelf, f"{server.address}/silent")
    monkeypatch.setattr(sources, "PATIENCE", 0.3)
    assert "takes more than" in fails(shelf, f"{server.address}/slow")
    stopped.set()


def test_what_ends_too_early_and_what_is_not_there_is_said(server: Server, shelf: Shelf) -> None:
    def cut(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "5000")
        request.end_headers()
        request.wfile.write(b"x" * 100)

    server.answers["/cut"] = cut
    assert fails(shelf, f"{server.address}/cut")
    assert "404" in fails(shelf, f"{server.address}/gone.hearth")
    server.close()
    assert "check the address" in fails(shelf, f"{server.address}/gone.hearth")


# --- git ------------------------------------------------------------------------------------------

git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def run_git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *name, *arguments], check=True, capture_output=True)


def repository(folder: Path) -> Path:
    """A repository with a signed pack in a folder, and a tag on its first version."""
    inner = packs_kit.write(folder / "skills" / "coffee")
    run_git(folder, "init", "-q", "-b", "main")
    pack.sign(inner, KEY)
    (folder / "README.md").write_text("Our skills\n")
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-qm", "One")
    run_git(folder, "tag", "v1")
    packs_kit.write(inner, version="1.3.0")
    pack.sign(inner, KEY)
    run_git(folder, "commit", "-qam", "Two")
    return folder


@git
def test_from_git(shelf: Shelf, tmp_path: Path) -> None:
    place = f"git+file://{repository(tmp_path / 'repository')}"
    first = install(shelf, f"{place}@v1#subdirectory=skills/coffee")
    assert (first.pack.version, first.signed) == ("1.2.0", True)
    assert install(shelf, f"{place}#subdirectory=skills/coffee").pack.version == "1.3.0"
    assert shelf.get(ID).source == f"{place}#subdirectory=skills/coffee"
    shelf.remove(ID)
    assert install(shelf, place).pack.version == "1.3.0"  # the only pack in it


@git
def test_nothing_of_a_repository_runs(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hooks, filters, templates, file system monitors: each would leave a file."""
    folder = repository(tmp_path / "repository")
    ran = tmp_path / "ran"
    (folder / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-qm", "Filters")
    for name in ("post-checkout", "reference-transaction", "post-merge"):
        for place in (folder / ".git" / "hooks", tmp_path / "templates" / "hooks"):
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
            (place / name).chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "templates"))
    assert install(shelf, f"git+file://{folder}").signed
    assert not ran.exists()


@git
def test_a_repository_with_links_or_without_a_pack_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    folder = repository(tmp_path / "repository")
    (folder / "skills" / "coffee" / "evil").symlink_to("/etc")
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-qm", "A link")
    assert "is a link" in fails(shelf, f"git+file://{folder}")
    assert "could not fetch" in fails(shelf, f"git+file://{folder}#subdirectory=skills/tea")
    assert "could not fetch" in fails(shelf, f"git+file://{folder}@v9")
    assert "could not fetch" in fails(shelf, f"git+file://{tmp_path}/nowhere")


@git
def test_a_repository_that_is_too_large_is_given_up(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repository(tmp_path / "repository")
    (folder / "large").write_bytes(bytes(range(256)) * 1000)
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-qm", "Large")
    monkeypatch.setattr(sources, "MOST_CLONED", 100_000)
    assert fails(shelf, f"git+file://{folder}")


# --- Python packages ---------------------------------------------------------------------------


def wheel(folder: Path, version: str = "1.2.0") -> Path:
    """A wheel with a signed pack in it, and code that is not to run."""
    inner = packs_kit.write(folder / f"source-{version}", version=version)
    pack.sign(inner, KEY)
    path = folder / f"hearth_coffee-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for found in sorted(inner.rglob("*")):
            if found.is_file():
                file.write(found, f"hearth_coffee/pack/{found.relative_to(inner)}")
        file.writestr("hearth_coffee/__init__.py", "raise SystemExit('it ran')\n")
        info = f"hearth_coffee-{version}.dist-info"
        file.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: hearth-coffee\nVersion: {version}\n"
        )
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return path


def test_from_a_python_package(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels)
    wheel(wheels, "1.3.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    found = install(shelf, "hearth-coffee==1.2.0")
    assert (found.pack.version, found.signed) == ("1.2.0", True)
    assert install(shelf, "pip:hearth-coffee").pack.version == "1.3.0"
    assert shelf.get(ID).source == "pip:hearth-coffee"
    assert manifest.files(found.folder, whole=True) == [
        "minisign.pub",
        "pack.toml",
        "phrases/de.toml",
        "skill.py",
    ]
    assert "hearth_coffee" not in sys.modules


def test_a_package_that_would_have_to_be_built_is_not(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "hearth-coffee-1.0"
    source.mkdir()
    (source / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    shutil.make_archive(str(source), "gztar", tmp_path, "hearth-coffee-1.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert "pip could not fetch it" in fails(shelf, "hearth-coffee")
    assert not (tmp_path / "ran").exists()
