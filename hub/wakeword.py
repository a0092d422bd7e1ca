"""Two wake word detectors of different kinds, of which one listens and the other is asked.

The cheap one hears everything; the expensive one is given the last seconds only when the cheap one
thinks it heard something. They must agree on the average, so one that is very sure makes up for
another that is not. Their mistakes are of different kinds: of 464 recordings without 'hey jarvis',
openWakeWord alone took 33 for it (most say 'jarvis'), microWakeWord at the
permissive threshold 6, both together none.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from typing import Protocol

from hub.errors import EngineCrashed, EngineError
from hub.messages import BYTES_PER_SECOND, Wake

log = logging.getLogger(__name__)

AGREEMENT = 0.75
"""Mean of the two scores from which they agree, at sensitivity 0.5. For kitchen noise, the worst of
358 recordings, detector and verifier of 'alexa' gave 0.90 and 0.51, a mean of 0.71; of 105
recordings of the word, 104 have a higher one than this, and 103 a higher one than 0.87."""
SPREAD = 3.0
"""The odds of a threshold are multiplied by this at sensitivity 0, and divided by it at 1."""
LEAST_SCORE = 0.1
"""Score from which the verifier is asked, however sensitive it is: below that it is noise."""
VERIFIED_SECONDS = 2.5
"""What the verifier hears: the 2 s that its models look at, and half a second to be early or late
by."""
ATTEMPTS = 4
"""How often one wake word is verified: it may not be over when it is first suspected."""
REFRACTORY_SECONDS = 2.0
"""After a wake word nothing is found for so long: openWakeWord's score stays high for 1.5 s."""


class Detector(Protocol):
    """Scores a stream of sound."""

    model: str
    """`hey_jarvis`"""
    phrase: str
    """`Hey Jarvis`"""
    cutoff: float
    """Score from which its author calls the wake word heard."""

    async def score(self, pcm: bytes) -> float:
        """Highest score, 0-1, in the next stretch. Raises EngineError."""
        ...

    async def reset(self) -> None:
        """Forget the stream so far."""
        ...


class Verifier(Protocol):
    """Scores a stretch of two or three seconds on its own."""

    async def verify(self, pcm: bytes) -> float:
        """Highest score, 0-1, in it. Raises EngineError."""
        ...


def threshold(cutoff: float, sensitivity: float) -> float:
    """The score to be reached: `cutoff` at sensitivity 0.5, stricter below and laxer above."""
    odds = cutoff / (1.0 - cutoff) * math.pow(SPREAD, 1.0 - 2.0 * sensitivity)
    return odds / (1.0 + odds)


class Cascade:
    """A `hub.ports.WakeWord`: a detector alone, or one that a verifier has to agree with."""

    def __init__(
        self, detector: Detector, verifier: Verifier | None = None, *, sensitivity: float = 0.5
    ) -> None:
        self.phrase = detector.phrase
        """What is to be said."""
        self._detector = detector
        self._verifier = verifier
        self._alone = threshold(detector.cutoff, sensitivity)
        self._together = threshold(AGREEMENT, sensitivity)
        # Less can never be enough, even if the verifier were certain.
        self._suspicion = max(LEAST_SCORE, 2 * self._together - 1)
        self._recent = deque[bytes]()
        self._heard = 0.0
        """Seconds of the stream."""
        self._deaf_until = 0.0
        self._candidate = 0.0
        """Highest score of what is suspected to be a wake word."""
        self._attempts = 0

    async def process(self, pcm: bytes) -> Wake | None:
        """Take the next stretch of the stream. Raises EngineError.

        A crash of the detector's process costs this stretch; without the verifier's, the detector
        decides alone."""
        self._keep(pcm)
        try:
            score = await self._detector.score(pcm)
        except EngineCrashed as error:
            log.warning("nothing was listened for just now: %s", error)
            return None
        if self._heard < self._deaf_until:
            return None
        wake = await self._decided(score)
        if wake is not None:
            self._deaf_until = self._heard + REFRACTORY_SECONDS
            self._candidate, self._attempts = 0.0, 0
        return wake

    async def reset(self) -> None:
        """Forget what was heard: the stream jumps."""
        self._recent.clear()
        self._candidate, self._attempts = 0.0, 0
        self._deaf_until = self._heard
        try:
            await self._detector.reset()
        except EngineCrashed as error:  # the new process remembers nothing anyway
            log.warning("%s", error)

    async def _decided(self, score: float) -> Wake | None:
        if self._verifier is None:
            return self._wake(score) if score >= self._alone else None
        if not score >= self._suspicion:  # nor what is no number: a broken model says NaN
            self._candidate, self._attempts = 0.0, 0
            return None
        self._candidate = max(self._candidate, score)
        if self._attempts >= ATTEMPTS:
            return None
        self._attempts += 1
        started = time.perf_counter()
        try:
            verified = await self._verifier.verify(b"".join(self._recent))
        except EngineError as error:
            log.warning("a wake word could not be verified: %s", error)
            return self._wake(score) if score >= self._alone else None
        agreement = (self._candidate + verified) / 2
        log.debug("wake word: detector %.3f, verifier %.3f", self._candidate, verified)
        if not agreement >= self._together:
            return None
        return self._wake(verified, (time.perf_counter() - started) * 1000)

    def _wake(self, score: float, milliseconds: float = 0.0) -> Wake:
        detector = self._detector
        return Wake(detector.model, detector.phrase, score, self._heard, milliseconds)

    def _keep(self, pcm: bytes) -> None:
        self._heard += len(pcm) / BYTES_PER_SECOND
        if self._verifier is None:
            return
        self._recent.append(pcm)
        limit = VERIFIED_SECONDS * BYTES_PER_SECOND
        while sum(map(len, self._recent)) - len(self._recent[0]) >= limit:
            self._recent.popleft()
