"""What a running hub has, as the services that it offers to Wyoming clients."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hub.app import Hub
from hub.audio.cache import SoundFolder
from hub.bridges.wyoming.info import About, describe
from hub.bridges.wyoming.server import WyomingServer
from hub.bridges.wyoming.services import (
    Gate,
    PoliteRecognizer,
    PoliteSynthesizer,
    Services,
    named_area,
)
from hub.config import Role
from hub.engines.ears_streams import EarStreams
from hub.engines.openwakeword import OpenWakeWord
from hub.engines.worker import Worker
from hub.engines.wyoming_link import is_address
from hub.errors import ModelError
from hub.models.store import ModelStore
from hub.pipeline import Assistant
from hub.ports import WakeWord
from hub.wakeword import Cascade, Verifier

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_wyoming(
    hub: Hub,
    *,
    ears: FarEars | None = None,
    area: Callable[[Mapping[str, Any]], str | None] = named_area,
) -> AsyncIterator[Services]:
    """Everything that the hub was opened with, for others, and ears for their streams of sound.

    `ears` may be shared; without, they are opened here. `area` finds the room in the context of a
    request, where Home Assistant's ids stand."""
    config = hub.config
    store = ModelStore(config.models)
    async with AsyncExitStack() as stack:
        opened = nullcontext(ears) if ears else open_far_ears(hub)
        far = await stack.enter_async_context(opened)
        streams = far.streams
        recognizer = PoliteRecognizer(hub.recognizer, Gate(hub.free)) if hub.recognizer else None

        def new_assistant() -> Assistant:
            # Who says it, and where, is told by each request.
            return hub.assistant.aside(recognizer=recognizer, at_home=False)

        synthesizer = (
            PoliteSynthesizer(hub.synthesizer, Gate(hub.free)) if hub.synthesizer else None
        )
        phrase = streams.phrase
        if recognizer is not None or phrase is not None:
            streams.worker.start_soon()  # the first utterance is not to wait for it
        micro, brain = config.wake.micro or "", config.router.model
        yield Services(
            info=describe(
                config.hub.languages,
                recognizer=_about(store, "recognizer", config.recognizer.model)
                if recognizer
                else None,
                ends_by_itself=True,
                voice=_about(store, "voice", config.voice.model) if synthesizer else None,
                wake=replace(_about(store, "wake", micro), phrase=phrase) if phrase else None,
                brain=_about(store, "language-model", brain) if brain else About("rules"),
            ),
            languages=config.hub.languages,
            new_assistant=new_assistant,
            finished=hub.assistant.finished,
            recognizes=recognizer is not None,
            synthesizer=synthesizer,
            sounds=SoundFolder(config.hub.cache / "replies"),
            wake=far.wake if phrase else None,
            voices=streams.voices,
            listen=config.listen,
            wake_settings=config.wake,
            area=area,
        )


@asynccontextmanager
async def serve_wyoming(
    hub: Hub,
    *,
    ears: FarEars | None = None,
    area: Callable[[Mapping[str, Any]], str | None] = named_area,
) -> AsyncIterator[WyomingServer]:
    """The hub's Wyoming server, open for as long as this lasts; see `open_wyoming`. Raises
    ConfigError."""
    async with open_wyoming(hub, ears=ears, area=area) as services:
        server = WyomingServer(services, hub.config.wyoming)
        await server.start()
        try:
            yield server
        finally:
            await server.close()


def _about(store: ModelStore, role: Role, name: str) -> About:
    """A model as the catalogue knows it, or by the name of its file."""
    known = store.catalogue.get(role, name)
    if known is None:
        return About(name if is_address(name) else Path(name).stem)
    languages = tuple(code for code in known.languages if code != "multilingual")
    return About(name, known.description, languages, known.licence)


@dataclass(frozen=True, slots=True)
class FarEars:
    """Ears for streams of sound from elsewhere."""

    streams: EarStreams
    verifier: Verifier | None
    sensitivity: float

    @property
    def workers(self) -> list[Worker]:
        """Their processes."""
        own = [self.verifier.worker] if isinstance(self.verifier, OpenWakeWord) else []
        return [self.streams.worker, *own]

    def wake(self) -> WakeWord:
        """For one stream. Only where there is a wake model."""
        return Cascade(self.streams.detector(), self.verifier, sensitivity=self.sensitivity)


@asynccontextmanager
async def open_far_ears(hub: Hub) -> AsyncIterator[FarEars]:
    """Ears for any number of streams: each process of them takes 65 MB."""
    store = ModelStore(hub.config.models)
    async with AsyncExitStack() as stack:
        streams = _streams(hub, store)
        stack.push_async_callback(streams.close)
        verifier = _verifier(hub, store) if streams.phrase is not None else None
        if verifier is not None:
            stack.push_async_callback(verifier.close)
            # A command in one breath with the wake word would be lost.
            verifier.worker.start_soon()
        yield FarEars(streams, verifier, hub.config.wake.sensitivity)


def _streams(hub: Hub, store: ModelStore) -> EarStreams:
    """Ears for others; without a wake word where there is none on this machine."""
    micro = hub.config.wake.micro
    if not micro or is_address(micro):
        return EarStreams(None)
    try:
        return EarStreams(store.file("wake", micro).with_suffix(".json"))
    except ModelError as error:
        log.warning("no wake word is offered to others: %s", error)
        return EarStreams(None)


def _verifier(hub: Hub, store: ModelStore) -> OpenWakeWord | None:
    name = hub.config.wake.verifier
    if not name or is_address(name):
        return None
    try:
        model = store.file("verifier", name)
        mel, embedding = store.shared(model)
    except ModelError as error:
        log.warning("what others take for the wake word is not checked: %s", error)
        return None
    files = {"model": str(model), "melspectrogram": str(mel), "embedding": str(embedding)}
    return OpenWakeWord(files)
