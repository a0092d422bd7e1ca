"""Signatures: those of minisign, in both directions, and no other."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.packs import signing
from hub.packs.description import PackError
from hub.packs.signing import SecretKey
from tests.packs_kit import KEY, OTHER_KEY

CONTENT = b"0123456789abcdef  pack.toml\n"
SIGNATURE = KEY.sign(CONTENT, "pack:coffee-machine\tversion:1.2.0")

minisign = pytest.mark.skipif(
    shutil.which("minisign") is None, reason="minisign is not installed (apt install minisign)"
)


def verified(content: bytes, signature: bytes, key: signing.PublicKey) -> bool:
    try:
        signing.verify(content, signing.read_signature(signature, "s"), key, "s")
    except PackError:
        return False
    return True


def run(*command: str | Path, typed: str = "") -> str:
    done = subprocess.run(
        ["minisign", *map(str, command)], input=typed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_was_signed_is_verified_and_nothing_else() -> None:
    assert verified(CONTENT, SIGNATURE, KEY.public)
    assert not verified(CONTENT + b" ", SIGNATURE, KEY.public)
    assert not verified(CONTENT, SIGNATURE, OTHER_KEY.public)


def test_the_same_is_signed_the_same() -> None:
    assert KEY.sign(CONTENT, "pack:coffee-machine\tversion:1.2.0") == SIGNATURE


def test_no_bit_of_a_signature_can_be_changed() -> None:
    for number in range(8 * len(SIGNATURE)):
        changed = bytearray(SIGNATURE)
        changed[number // 8] ^= 1 << number % 8
        assert not verified(CONTENT, bytes(changed), KEY.public), number


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_whatever_is_no_signature_is_refused_with_an_error_of_ours(content: bytes) -> None:
    assert not verified(CONTENT, content, KEY.public)


def test_the_comment_cannot_be_taken_from_another_signature() -> None:
    other = KEY.sign(CONTENT, "pack:coffee-machine\tversion:9.9.9").split(b"\n")
    lines = SIGNATURE.split(b"\n")
    assert not verified(CONTENT, b"\n".join([*lines[:2], other[2], *lines[3:]]), KEY.public)


def test_keys_under_which_anything_is_signed_are_refused() -> None:
    for point in signing._SMALL:
        line = signing._base64(b"Ed" + b"hearth-1" + point)
        with pytest.raises(PackError):
            signing.read_public(line, "key")


@pytest.mark.slow
def test_a_key_file_is_its_owners_and_can_be_read_again(tmp_path: Path) -> None:
    KEY.write(tmp_path / "keys" / "my.key", "secret")
    path = tmp_path / "keys" / "my.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert signing.read_secret(path, lambda: "secret") == KEY
    with pytest.raises(PackError, match="password is not right"):
        signing.read_secret(path, lambda: "Secret")
    with pytest.raises(PackError, match="something else has this name"):
        KEY.write(path)
    path.chmod(0o640)
    with pytest.raises(PackError, match="others can read"):
        signing.read_secret(path, lambda: "secret")


def test_a_key_says_nothing_of_itself_by_accident() -> None:
    assert KEY.seed.hex() not in repr(KEY) and repr(KEY.seed) not in repr(KEY)


@minisign
def test_minisign_verifies_what_is_signed_here(tmp_path: Path) -> None:
    (tmp_path / "MANIFEST.sha256").write_bytes(CONTENT)
    (tmp_path / "MANIFEST.sha256.minisig").write_bytes(SIGNATURE)
    (tmp_path / "my.pub").write_text(KEY.public.to_file())
    said = run("-V", "-p", tmp_path / "my.pub", "-m", tmp_path / "MANIFEST.sha256")
    assert "pack:coffee-machine\tversion:1.2.0" in said
    run("-V", "-P", str(KEY.public), "-m", tmp_path / "MANIFEST.sha256")


@minisign
def test_what_minisign_signs_is_verified_here(tmp_path: Path) -> None:
    run("-G", "-W", "-p", tmp_path / "m.pub", "-s", tmp_path / "m.key")
    file = tmp_path / "MANIFEST.sha256"
    file.write_bytes(CONTENT)
    run("-S", "-s", tmp_path / "m.key", "-m", file)
    public = signing.read_public((tmp_path / "m.pub").read_text(), "m.pub")
    signature = (tmp_path / "MANIFEST.sha256.minisig").read_bytes()
    assert verified(CONTENT, signature, public)
    assert not verified(CONTENT + b"x", signature, public)
    run("-S", "-l", "-s", tmp_path / "m.key", "-m", file)
    with pytest.raises(PackError, match="old kind"):
        signing.read_signature((tmp_path / "MANIFEST.sha256.minisig").read_bytes(), "s")


@pytest.mark.slow
@minisign
def test_key_files_go_both_ways(tmp_path: Path) -> None:
    run("-G", "-W", "-p", tmp_path / "m.pub", "-s", tmp_path / "m.key")
    (tmp_path / "m.key").chmod(0o600)
    theirs = signing.read_secret(tmp_path / "m.key", lambda: "")
    assert theirs.public == signing.read_public((tmp_path / "m.pub").read_text(), "m.pub")
    file = tmp_path / "f"
    file.write_bytes(CONTENT)
    for password in ("", "secret"):
        ours = SecretKey.new()
        ours.write(tmp_path / f"ours{password}.key", password)
        run("-S", "-s", tmp_path / f"ours{password}.key", "-m", file, typed=f"{password}\n")
        assert verified(CONTENT, (tmp_path / "f.minisig").read_bytes(), ours.public)


@minisign
@pytest.mark.slow
def test_a_key_that_minisign_has_encrypted_is_read(tmp_path: Path) -> None:
    """It takes a gigabyte of memory for some seconds: so minisign wants it."""
    run("-G", "-p", tmp_path / "m.pub", "-s", tmp_path / "m.key", typed="secret\nsecret\n")
    (tmp_path / "m.key").chmod(0o600)
    key = signing.read_secret(tmp_path / "m.key", lambda: "secret")
    assert key.public == signing.read_public((tmp_path / "m.pub").read_text(), "m.pub")
