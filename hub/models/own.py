"""Models of the user's own, named by their path."""

from __future__ import annotations

import json
from pathlib import Path

from hub.config import Role
from hub.errors import ModelError

SHARED = ("melspectrogram.onnx", "embedding_model.onnx")
"""What all openWakeWord models need besides their own file."""


def is_path(text: str) -> bool:
    """Whether a setting names a path and not one of the catalogue's models."""
    suffixes = (".gguf", ".onnx", ".json", ".tflite")
    return "/" in text or text.startswith(("~", ".")) or text.endswith(suffixes)


def recognised(role: Role, path: Path) -> Path:
    """What the engine of this role is given: a folder for a recognizer, else a file.

    Raises ModelError, which says what is expected, if it is nothing of the kind."""
    if not path.exists():
        raise ModelError(f"{path}: there is no such {role} model")
    match role:
        case "recognizer":
            return _whisper(path)
        case "language-model":
            return _gguf(path)
        case "voice":
            return _piper(path)
        case "verifier":
            return _onnx(path, "an openWakeWord model")
        case "wake":
            return _microwakeword(path)


def _whisper(path: Path) -> Path:
    # Without tokenizer.json faster-whisper would fetch one, and nothing here goes out.
    wanted = ("model.bin", "config.json", "tokenizer.json")
    missing = [name for name in wanted if not (path / name).is_file()]
    if not any(path.glob("vocabulary.*")):
        missing.append("vocabulary.txt")
    if missing:
        raise ModelError(
            f"{path}: a recognizer is a folder with a CTranslate2 Whisper model; "
            f"{', '.join(missing)} is missing"
        )
    return path


def _gguf(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if magic != b"GGUF":
        raise ModelError(f"{path}: not a GGUF file, which a language model has to be")
    return path


def _onnx(path: Path, what: str) -> Path:
    if path.suffix != ".onnx" or not path.is_file():
        raise ModelError(f"{path}: {what} is an .onnx file")
    return path


def _piper(path: Path) -> Path:
    voice = _onnx(path, "a Piper voice")
    settings = Path(f"{voice}.json")
    if not settings.is_file():
        raise ModelError(f"{voice}: a Piper voice needs its settings beside it: {settings.name}")
    return voice


def _microwakeword(path: Path) -> Path:
    """The description, whichever of the two files was named."""
    description = path.with_suffix(".json")
    try:
        model = json.loads(description.read_text(encoding="utf-8"))["model"]
        if (description.parent / model).is_file():
            return description
        raise ModelError(f"{description}: its model {model} is not beside it")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path}: a microWakeWord model is a .tflite file and its .json description: {error!r}"
        ) from error
