"""The list of all that is kept, and of what is not about people."""

from __future__ import annotations

from pathlib import Path

from hub.config import Config
from hub.privacy import Kept
from hub.privacy.files import DocumentsFile, FactsFile, HistoryFile, HoursFile, JournalFile, Others
from hub.privacy.sound import FOLDER as SOUND

IMPERSONAL = (
    "broker",
    "devices.lost",
    "hub.lock",
    "mcp-token",
    "microphone-muted",
    "models",
    "mqtt.json",
    "packs",
    "run",
    "pin.json",
    "starts.json",
    "web-password",
)
"""Of the data folder: models, programs, passwords, ids of devices, times of starts; nobody's
words."""


def everything(config: Config) -> list[Kept]:
    """All kinds of what is kept about people."""
    data, cache, privacy = config.hub.data, config.hub.cache, config.privacy
    facts_for = f"{privacy.facts_days:g} days" if privacy.facts_days else "until erased"
    words_for = f"{privacy.words_hours:g} hours" if privacy.words_hours else "never"
    deeds_for = f"{privacy.deeds_days:g} days" if privacy.deeds_days else "never"
    history = data / "history.db"
    said = "what was said and answered, and why"
    done = "what devices did, and who or what caused it"
    return [
        HistoryFile("turns", history, said, words_for, "turns", privacy),
        HistoryFile("deeds", history, done, deeds_for, "deeds", privacy),
        FactsFile("facts", data / "memory.db", "what it was told to remember", facts_for),
        JournalFile("timers", data / "timers.journal", "timers, with names", "until they rang"),
        DocumentsFile("timers.json", data / "timers.json", "timers of before", "until they rang"),
        JournalFile(
            "agenda", data / "agenda.journal", "alarms and reminders", "until they are over"
        ),
        DocumentsFile("lists", data / "lists.json", "shopping and to-do lists", "until erased"),
        DocumentsFile("skills", data / "skills.json", "what skills keep, as notes", "until erased"),
        DocumentsFile("schedule", data / "schedule.json", "what skills have planned", "until done"),
        DocumentsFile("routines", data / "routines.json", "routines", "until removed"),
        DocumentsFile("habits", data / "habits.json", "habits, and what was offered", "365 days"),
        DocumentsFile("notices", data / "notices.json", "notices that were wanted", "until erased"),
        DocumentsFile("questions", data / "questions.json", "questions that wait", "30 seconds"),
        DocumentsFile("manners", data / "manners.json", "quiet hours that were asked for", "a day"),
        DocumentsFile(
            "devices", data / "devices.json", "names given to devices, or learned", "until erased"
        ),
        DocumentsFile("home", data / "home.json", "states of the simulated home", "until changed"),
        HoursFile("sensors", data / "past.db", "what sensors with numbers told", "31 days"),
        Others("decisions", data, "what was allowed or refused", "256 KB", ("decisions.jsonl*",)),
        Others("packs", data / "packs", "what packs keep, and did", "256 KB each", PACKS),
        Others(
            "calendars", data, "calendars of the hub's own", "until erased", ("calendars/**/*",)
        ),
        Others(
            "documents", data, "index of your documents", "until erased", ("documents*", "library*")
        ),
        Others("old data", data, "what a restored backup took the place of", "until erased", OLD),
        Others("damaged", data, "set aside as damaged", "until erased", DAMAGED, with_person=True),
        Others("sound", data / SOUND, "sound, for a search for faults", _sound(config)),
        Others("replies", cache / "replies", "spoken replies, as sound", "64 MB"),
    ]


PACKS = ("state/**/*", "*/state/**/*", "audit/*", "store/**/*")
OLD = ("before-restore-*/**/*", ".restore-*/**/*")
DAMAGED = ("*.damaged-*",)


def _sound(config: Config) -> str:
    until = config.privacy.debug_audio_until
    return f"until {until:%Y-%m-%d %H:%M}" if until is not None else "never"


def unclaimed(config: Config) -> list[Path]:
    """Files of both folders that are of no kind in the list: what they are nobody has said."""
    claimed = {path for kept in everything(config) for path in kept.files()}
    found = []
    for folder in (config.hub.data, config.hub.cache):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            inside = path.relative_to(folder).parts
            if path.is_file() and path not in claimed and inside[0] not in IMPERSONAL:
                found.append(path)
    return found
