"""The proof that nothing leaves the house: the hub lives for a while where every packet is seen.

`proved` starts this module in a network namespace of its own (unshare(1)), with the settings and
models of this machine, in a data folder that is thrown away. There a whole hub runs, is spoken to,
hears its own voice, and speaks; each packet that any of its processes sends is counted
(`packets`), and each attempt that the guard stopped before there was a packet (`hub.egress`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hub import config, egress
from hub.config import Config
from hub.errors import EngineError, HearthError, ModelError

SENTENCES: dict[str, tuple[str, ...]] = {
    "en": (
        "what time is it",
        "turn on the desk lamp",
        "is the front door locked",
        "set a timer for ten minutes",
        "what is the weather",
        "what is the capital of France",
        "remember that the bins go out on Tuesday",
        "what is on my calendar tomorrow",
        "could you make it a bit cosier in here",
        "what did you do",
    ),
    "de": (
        "wie spät ist es",
        "schalte die Schreibtischlampe ein",
        "ist die Haustür abgeschlossen",
        "stelle einen Timer auf zehn Minuten",
        "wie wird das Wetter",
        "was ist die Hauptstadt von Frankreich",
        "merke dir dass der Müll am Dienstag rausgeht",
        "was steht morgen im Kalender",
        "mach es hier doch etwas gemütlicher",
        "was hast du gemacht",
    ),
}
MOST_SPOKEN = 3
"""Sentences that are also said aloud and heard: each takes seconds on a small machine."""
START_SECONDS = 90.0
SECONDS, TURN_SECONDS = 900.0, 10.0
"""For everything around the turns, and for each of them, at most."""


@dataclass(slots=True)
class Proof:
    """What was seen."""

    turns: int = 0
    spoken: int = 0
    """Of them: heard from sound, and answered with sound."""
    sent: dict[str, int] = field(default_factory=dict)
    """Where packets went -> how many, loopback aside."""
    outside: dict[str, int] = field(default_factory=dict)
    """Those of them that were for somebody outside whom the settings do not name."""
    refused: dict[str, int] = field(default_factory=dict)
    """What the guard stopped before there was a packet."""
    named: list[str] = field(default_factory=list)
    """Hosts that the settings name, and that may be outside."""
    left_out: str = ""
    """Why nothing was spoken, if it was not."""

    @property
    def holds(self) -> bool:
        return not self.outside and not self.refused


def proved(settings: Config, said: Sequence[str] = (), rounds: int = 1) -> Proof:
    """Run the hub where every packet is seen. Raises HearthError where that cannot be done."""
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2")):
        if shutil.which(program) is None:
            raise HearthError(f"'{program}' is missing: apt install {package}")
    alone = ["unshare", "--map-root-user", "--net", "--"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        raise HearthError(
            "this user may not make a network of its own: run it as root, or see 'sysctl "
            "kernel.unprivileged_userns_clone' and 'kernel.apparmor_restrict_unprivileged_userns'"
        )
    language = settings.hub.languages[0].partition("-")[0]
    sentences = [*said] or [*SENTENCES.get(language, SENTENCES["en"])]
    with tempfile.TemporaryDirectory(prefix="hearth-prove-") as name:
        folder = Path(name)
        wish = {"said": sentences * rounds, "models": str(settings.models)}
        (folder / "wish.json").write_text(json.dumps(wish), encoding="utf-8")
        with (folder / "told").open("wb") as told:
            command = [*alone, *_command(), str(folder)]
            limit = SECONDS + TURN_SECONDS * len(wish["said"])
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=told, stderr=told, timeout=limit,
                    check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise HearthError(f"the hub was not through after {limit:g} s") from None
        try:
            found = json.loads((folder / "proof.json").read_bytes())
        except (OSError, ValueError):
            words = (folder / "told").read_text(encoding="utf-8", errors="replace").strip()
            last = words.splitlines()[-1] if words else f"it ended with {done.returncode}"
            raise HearthError(f"the hub did not get through it: {last}") from None
    return Proof(**found)


def _command() -> list[str]:
    return [sys.executable, "-m", "hub.privacy.prove"]


# --- inside of the namespace ---------------------------------------------------------------------


def main(folder: Path) -> None:
    """Live through the sentences, and write down what was seen."""
    from hub.privacy.packets import Packets, lead_nowhere

    lead_nowhere()
    wish = json.loads((folder / "wish.json").read_bytes())
    settings = _moved(config.load(), folder, Path(wish["models"]))
    named = egress.named_in(settings.model_dump())
    proof = Proof(named=egress.outside(named))
    stay = egress.allow(named)  # a packet may be looked at when the hub has ended
    packets = Packets()
    try:
        asyncio.run(_lived(settings, wish["said"], proof))
    finally:
        packets.close()
    stay()
    proof.sent = {str(sent): count for sent, count in packets.sent.most_common()}
    proof.outside = {str(sent): count for sent, count in packets.outside.most_common()}
    proof.refused = {f"{who}: {host}": count for (who, host), count in egress.refusals().items()}
    (folder / "proof.json").write_text(json.dumps(asdict(proof)), encoding="utf-8")


def _moved(settings: Config, folder: Path, models: Path) -> Config:
    """The same settings in a folder that is thrown away, with the models of this machine."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    if models.is_dir():
        (data / "models").symlink_to(models)
    places = {"data": data, "cache": folder / "cache", "runtime": folder / "run"}
    hub = settings.hub.model_copy(update=places)
    return settings.model_copy(update={"hub": hub})


async def _lived(settings: Config, said: Sequence[str], proof: Proof) -> None:
    from hub import control

    async with _running(settings):
        for sentence in said:
            if await control.ask(settings.hub.runtime, {"say": sentence}) is not None:
                proof.turns += 1
    try:
        await _spoken(settings, list(dict.fromkeys(said))[:MOST_SPOKEN], proof)
    except (ModelError, EngineError) as error:
        proof.left_out = str(error)


@asynccontextmanager
async def _running(settings: Config) -> AsyncIterator[None]:
    """`hearth run` without a microphone, ready."""
    from hub import control, service

    hub = asyncio.create_task(service.serve(settings, ears=False))
    until = time.monotonic() + START_SECONDS
    try:
        while not await control.ask(settings.hub.runtime, {"health": True}):
            if hub.done():
                hub.result()
            if time.monotonic() > until:
                raise HearthError("the hub did not start")
            await asyncio.sleep(0.1)
        yield
    finally:
        if not hub.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait({hub})


async def _spoken(settings: Config, said: Sequence[str], proof: Proof) -> None:
    """The hub hears its own voice, with all its engines, and answers aloud."""
    from hub.app import open_hub
    from hub.audio.null import Nowhere
    from hub.audio.pcm import frames, resampled
    from hub.messages import SAMPLE_RATE, Heard

    async with open_hub(settings, ears=True, recognise=True, sink=Nowhere()) as hub:
        if hub.synthesizer is None or hub.voice is None:
            proof.left_out = "the settings want no voice"
            return
        for sentence in said:
            audio = resampled(await hub.synthesizer.synthesize(sentence), SAMPLE_RATE)
            for frame in frames(audio.pcm):
                if hub.wake is not None:
                    await hub.wake.process(frame)
            end = audio.seconds
            trace = await hub.assistant.hear(Heard(audio, end, end))
            await hub.voice.say(trace.reply.text)
            proof.turns += 1
            proof.spoken += 1


def shown(proof: Proof) -> dict[str, Any]:
    """As one JSON object."""
    return {"holds": proof.holds, **asdict(proof)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
