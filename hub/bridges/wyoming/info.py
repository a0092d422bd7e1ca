"""How the hub describes itself: what Home Assistant makes its entities of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    HandleModel,
    HandleProgram,
    Info,
    TtsProgram,
    TtsVoice,
    WakeModel,
    WakeProgram,
)

from hub import __version__

NAME = "Hearth"
"""What all that it offers is called; entities of Home Assistant get their names from it."""
HEARTH = Attribution("Hearth", "")


@dataclass(frozen=True, slots=True)
class About:
    """A model that the hub uses."""

    name: str
    description: str = ""
    languages: tuple[str, ...] = ()
    """BCP 47 codes."""
    licence: str = ""
    phrase: str = ""
    """Of a wake word: what is to be said."""


def describe(
    languages: Sequence[str],
    *,
    recognizer: About | None = None,
    ends_by_itself: bool = False,
    voice: About | None = None,
    wake: About | None = None,
    brain: About | None = None,
) -> Info:
    """Only what is not None is offered. `ends_by_itself`: the recognizer finds the end of speech;
    `brain` is what commands are understood with."""
    codes = list(languages)
    return Info(
        asr=[_asr(recognizer, codes, ends_by_itself)] if recognizer else [],
        tts=[_tts(voice, codes)] if voice else [],
        wake=[_wake(wake, codes)] if wake else [],
        handle=[_handle(brain, codes)] if brain else [],
    )


def _asr(model: About, languages: list[str], ends_by_itself: bool) -> AsrProgram:
    return AsrProgram(
        **_program("Speech to text, with the names of the home"),
        models=[AsrModel(**_model(model, languages))],
        requires_external_vad=not ends_by_itself,
        # Whisper was trained on sound as it is, and what cleans it costs it words.
        prefers_auto_gain_enabled=False,
        prefers_noise_reduction_enabled=False,
    )


def _tts(voice: About, languages: list[str]) -> TtsProgram:
    return TtsProgram(
        **_program("Text to speech, sentence by sentence"),
        voices=[TtsVoice(**_model(voice, list(voice.languages) or languages))],
        supports_synthesize_streaming=True,
    )


def _wake(model: About, languages: list[str]) -> WakeProgram:
    about = _model(model, list(model.languages) or languages)
    about["description"] = model.phrase or about["description"]
    return WakeProgram(
        **_program("Wake word"), models=[WakeModel(**about, phrase=model.phrase or None)]
    )


def _handle(brain: About, languages: list[str]) -> HandleProgram:
    return HandleProgram(
        **_program("Commands and questions for the home"),
        models=[HandleModel(**_model(brain, languages))],
        supports_home_control=True,
    )


def _program(description: str) -> dict[str, Any]:
    """What all programs have: they are one hub."""
    return {
        "name": NAME,
        "attribution": HEARTH,
        "installed": True,
        "description": description,
        "version": __version__,
    }


def _model(model: About, languages: list[str]) -> dict[str, Any]:
    """What all models have."""
    return {
        "name": model.name,
        "attribution": _made(model),
        "installed": True,
        "description": model.description or model.name,
        "version": None,
        "languages": languages,
    }


def _made(model: About) -> Attribution:
    """Whose it is, as far as the catalogue knows."""
    return Attribution(f"{model.name} ({model.licence})" if model.licence else model.name, "")
