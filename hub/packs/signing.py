"""Signatures as minisign writes them, so that authors may use that tool and owners need not.

A signature is Ed25519 over the BLAKE2b-512 of a file (`ED`), and a second one over the first with
the trusted comment behind it. The comment that nobody signs may say one thing only, and each
field has one way to be written: no byte of a signature can be changed and still be taken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hub.errors import reason
from hub.packs.description import PackError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# cryptography itself takes 12 MB: it is loaded where a signature is made or checked, and by no
# command that has nothing to do with packs.

UNTRUSTED = "untrusted comment: "
TRUSTED = "trusted comment: "
NOBODYS = "signature from minisign secret key"
"""What the untrusted comment of a signature says; minisign's own words."""
LONGEST = 8192
"""Characters of a key or signature file."""

HASHED = b"ED"
ALGORITHM = b"Ed"
SCRYPT = b"Sc"
CHECKSUM = b"B2"

WORK = 1 << 17
"""Steps of scrypt for keys made here: 128 MB for half a second, which a small machine has, too."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with."""

    number: bytes
    """Eight bytes by which keys and signatures find each other. Anybody may choose them: they
    prove nothing."""
    key: bytes

    @property
    def id(self) -> str:
        """As minisign prints it."""
        return _id(self.number)

    def __str__(self) -> str:
        """One line, as `minisign -P` takes it."""
        return _base64(ALGORITHM + self.number + self.key)

    def to_file(self) -> str:
        return f"{UNTRUSTED}minisign public key {self.id}\n{self}\n"


@dataclass(frozen=True, slots=True, repr=False)
class SecretKey:
    """A key to sign with."""

    number: bytes
    seed: bytes

    @classmethod
    def new(cls) -> SecretKey:
        return cls(secrets.token_bytes(8), secrets.token_bytes(32))

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.number, self._key.public_key().public_bytes_raw())

    @property
    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def sign(self, content: bytes, comment: str) -> bytes:
        """A signature file. The same content, comment and key give the same signature."""
        if not comment.replace("\t", " ").isprintable():
            raise PackError("a trusted comment is one line")
        signature = self._key.sign(hashlib.blake2b(content).digest())
        both = self._key.sign(signature + comment.encode())
        lines = [
            UNTRUSTED + NOBODYS,
            _base64(HASHED + self.number + signature),
            TRUSTED + comment,
            _base64(both),
        ]
        return "".join(f"{line}\n" for line in lines).encode()

    def to_file(self, password: str = "") -> str:
        """minisign's own form of key file; without a password it is not encrypted."""
        kept = self.number + self.seed + self.public.key
        # As minisign does, that checks no sum where nothing is to be decrypted.
        kept += _checksum(kept) if password else bytes(32)
        salt = secrets.token_bytes(32) if password else bytes(32)
        operations, memory = (WORK * 32, WORK * 1024) if password else (0, 0)
        kind = SCRYPT if password else b"\0\0"
        if password:
            kept = _veiled(kept, password, salt, operations, memory)
        limits = operations.to_bytes(8, "little") + memory.to_bytes(8, "little")
        content = _base64(ALGORITHM + kind + CHECKSUM + salt + limits + kept)
        return f"{UNTRUSTED}minisign encrypted secret key\n{content}\n"

    def write(self, path: Path, password: str = "") -> None:
        """A new key file that only its owner can read. Raises PackError if there is one."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise PackError(f"{path}: {reason(error)}") from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.to_file(password))


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature file holds."""

    number: bytes
    signature: bytes
    comment: str
    both: bytes

    @property
    def id(self) -> str:
        return _id(self.number)


def read_signature(content: bytes, source: str) -> Signature:
    """Raises PackError for what is no signature, or one in another way."""
    lines = _lines(content, source, 4)
    if lines[0] != UNTRUSTED + NOBODYS:
        raise PackError(
            f"{source}: its first line, which nobody signs, is not '{UNTRUSTED}{NOBODYS}': "
            "sign without -c"
        )
    if not lines[2].startswith(TRUSTED):
        raise PackError(f"{source}: the third line is no trusted comment")
    raw = _decoded(lines[1], 74, source)
    if raw[:2] != HASHED:
        raise PackError(f"{source}: is a signature of the old kind: sign with minisign 0.11 or -H")
    return Signature(
        raw[2:10], raw[10:], lines[2].removeprefix(TRUSTED), _decoded(lines[3], 64, source)
    )


def verify(content: bytes, signature: Signature, key: PublicKey, source: str) -> None:
    """Raises PackError unless the key signed this content and the trusted comment."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if signature.number != key.number:
        raise PackError(f"{source}: is signed with the key {signature.id}, not with {key.id}")
    public = Ed25519PublicKey.from_public_bytes(key.key)
    try:
        public.verify(signature.signature, hashlib.blake2b(content).digest())
        public.verify(signature.both, signature.signature + signature.comment.encode())
    except InvalidSignature as error:
        raise PackError(
            f"{source}: the signature is not of this content: one of them was changed"
        ) from error


def read_public(text: str, source: str) -> PublicKey:
    """A key: minisign's file, or the one line of it. Raises PackError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    lines = text.strip().split("\n")
    if len(lines) == 2 and lines[0].startswith(UNTRUSTED):
        lines = lines[1:]
    if len(lines) != 1 or len(text) > LONGEST:
        raise PackError(f"{source}: is no public key of minisign")
    raw = _decoded(lines[0].strip(), 42, source)
    if raw[:2] != ALGORITHM:
        raise PackError(f"{source}: is no public key of minisign")
    try:
        Ed25519PublicKey.from_public_bytes(raw[10:])
    except ValueError as error:
        raise PackError(f"{source}: is no public key of minisign: {error}") from error
    if raw[10:] in _SMALL:
        raise PackError(f"{source}: is a key under which anything counts as signed")
    return PublicKey(raw[2:10], raw[10:])


def read_secret(path: Path, password: Callable[[], str]) -> SecretKey:
    """A key from minisign's file, or one of ours; the password is asked for if it needs one.

    Raises PackError, also for a file that others can read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LONGEST)
    except OSError as error:
        raise PackError(f"{path}: {reason(error)}; `hearth skill keys new` makes a key") from error
    if mode & 0o077:
        raise PackError(f"{path}: others can read this key: `chmod 600 {path}`")
    lines = _lines(content, str(path), 2)
    raw = _decoded(lines[1], 158, str(path))
    kind, check, salt = raw[2:4], raw[4:6], raw[6:38]
    if raw[:2] != ALGORITHM or kind not in (SCRYPT, b"\0\0") or check != CHECKSUM:
        raise PackError(f"{path}: is no secret key of minisign")
    operations, memory = (int.from_bytes(raw[n : n + 8], "little") for n in (38, 46))
    kept = raw[54:]
    if kind == SCRYPT:
        kept = _veiled(kept, password(), salt, operations, memory)
    if kind == SCRYPT and not hmac.compare_digest(_checksum(kept[:72]), kept[72:]):
        raise PackError(f"{path}: the password is not right, or the file is damaged")
    key = SecretKey(kept[:8], kept[8:40])
    if key.public.key != kept[40:72]:
        raise PackError(f"{path}: its two halves are not of one key")
    return key


def _lines(content: bytes, source: str, number: int) -> list[str]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PackError(f"{source}: {reason(error)}") from error
    lines = text.removesuffix("\n").split("\n")
    if len(text) > LONGEST or len(lines) != number or not text.endswith("\n"):
        raise PackError(f"{source}: is not {number} lines as minisign writes them")
    return lines


def _decoded(text: str, length: int, source: str) -> bytes:
    """Base64 has several ways to write the same bytes: only one is taken."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PackError(f"{source}: is damaged: {error}") from error
    if len(raw) != length or _base64(raw) != text:
        raise PackError(f"{source}: is damaged")
    return raw


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _id(number: bytes) -> str:
    return f"{int.from_bytes(number, 'little'):016X}"


def _checksum(kept: bytes) -> bytes:
    return hashlib.blake2b(ALGORITHM + kept, digest_size=32).digest()


def _veiled(kept: bytes, password: str, salt: bytes, operations: int, memory: int) -> bytes:
    """Encrypt or decrypt (it is the same): exclusive or with what scrypt makes of the password."""
    steps, parallel = _parameters(operations, memory)
    needed = 128 * 8 * (steps + parallel + 2)
    if needed > 2 << 30:
        raise PackError("the key wants more than 2 GB of memory for its password")
    try:
        stream = hashlib.scrypt(
            password.encode(),
            salt=salt,
            n=steps,
            r=8,
            p=parallel,
            maxmem=needed + (1 << 20),
            dklen=len(kept),
        )
    except (ValueError, MemoryError) as error:
        raise PackError(f"the password of the key cannot be tried here: {error}") from error
    return bytes(a ^ b for a, b in zip(kept, stream, strict=True))


def _parameters(operations: int, memory: int) -> tuple[int, int]:
    """n and p of scrypt for the limits that are written in a key file, as libsodium finds them."""
    operations = max(operations, 32768)
    few = operations < memory // 32
    most = operations // 32 if few else memory // 1024
    exponent = next(e for e in range(1, 64) if 1 << e > most // 2)
    parallel = 1 if few else min(operations // 4 // (1 << exponent), 0x3FFFFFFF) // 8
    return 1 << exponent, max(parallel, 1)


_SMALL = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    )
)
"""Points of small order on the curve, in all their spellings; libsodium refuses them, too."""
