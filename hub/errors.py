"""Trouble that Hearth expects. Each error is told twice: to a person aloud, and in the log.

HearthError
├── ConfigError        a setting is wrong; names the file, the line and the way out
├── ModelError         a model is missing, damaged or will not load
├── EngineError        a native engine failed
│   ├── EngineSlow     ... in the time that it has
│   └── EngineCrashed  ... by dying; it is being restarted
├── AudioError         no microphone, no loudspeaker, a file that is not sound
├── DeviceError        a device or its bridge did not do what was asked
├── SkillError         a skill raised, or cannot be loaded
└── StorageError       what should be kept cannot be read or written
"""

from __future__ import annotations

import errno

_REASONS = {
    errno.ENOSPC: "the disk is full: make room on it",
    errno.EDQUOT: "the disk quota is used up: make room",
    errno.EROFS: "the disk can only be read: make it writable, or name another folder",
    errno.EACCES: "this user may not: change its permissions",
    errno.EPERM: "this user may not: change its permissions",
    errno.ENOENT: "there is no such file",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.EEXIST: "something else has this name",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many files are open",
    errno.EIO: "the disk fails",
}


def reason(error: OSError | ValueError) -> str:
    """Why the system refused a file, for a person; with the way out where there is one."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 text (byte {error.start})"
    number = error.errno if isinstance(error, OSError) else None
    said = error.strerror if isinstance(error, OSError) else None
    return _REASONS.get(number or 0) or said or str(error)


class HearthError(Exception):
    """Base of all. `str(error)` is for the log and the terminal and names the way out;
    `spoken` is for the room."""

    spoken = "Sorry, something went wrong."

    def __init__(self, message: str, *, spoken: str | None = None) -> None:
        super().__init__(message)
        if spoken is not None:
            self.spoken = spoken


class ConfigError(HearthError):
    """A setting is wrong."""

    spoken = "Sorry, my settings need a correction."


class ModelError(HearthError):
    """A model is missing, damaged or unusable."""

    spoken = "Sorry, one of my models is missing."


class EngineError(HearthError):
    """A native engine could not do its work."""

    spoken = "Sorry, I could not do that just now."


class EngineSlow(EngineError):
    """A native engine did not finish in the time that it has, and gave up by itself."""


class EngineCrashed(EngineError):
    """A native engine died in the middle of its work and is being restarted."""

    spoken = "Sorry, I lost my train of thought. Please say that again."


class AudioError(HearthError):
    """Sound cannot be taken in or played."""

    spoken = "Sorry, I have trouble with my microphone."


class DeviceError(HearthError):
    """A device, or the bridge to it, did not do what was asked."""

    spoken = "Sorry, that device did not answer."
    wait = 0.0
    """Seconds for which what is at the other end wants to be left alone."""


class SkillError(HearthError):
    """A skill raised or cannot be loaded."""

    spoken = "Sorry, that skill failed."


class StorageError(HearthError):
    """What should be kept cannot be read or written."""

    spoken = "Sorry, I could not save that."
