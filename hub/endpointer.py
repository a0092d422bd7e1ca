"""When an utterance begins and when it is over: arithmetic on probabilities of speech.

Recognition starts in the first short pause, on the chance that it is the end: if what was said is
then complete, nothing more is waited for; if speech goes on, that recognition is thrown away.
"""

from __future__ import annotations

from enum import Enum, auto

from hub.config import ListenSettings
from hub.ports import FRAME_SECONDS

HYSTERESIS = 0.15
"""Speech that has begun lasts until its probability is this far below the threshold (what Silero's
own iterator does), so that soft endings of words are not taken for pauses."""
HANGOVER = 2 * FRAME_SECONDS
"""Seconds for which the voice activity detector still finds speech when there is none any more:
Silero VAD 6.2, 60 clean recordings: 0.08 s in the median, of which half a frame is rounding."""
ONSET_FRAMES = 3
"""Frames in a row that make speech; less is a click, a door, a plate."""


class Verdict(Enum):
    """What somebody who understands the words thinks of what was said so far."""

    COMPLETE = auto()
    """A whole command."""
    UNFINISHED = auto()
    """It stopped in the middle of a sentence."""
    UNKNOWN = auto()
    """Words that may or may not go on."""
    NOTHING = auto()
    """No words."""
    CALLED = auto()
    """No words but the wake word: what is wanted is still to come."""


SILENT = (Verdict.NOTHING, Verdict.CALLED)
"""Nobody has said what is wanted: it is waited for."""


class Step(Enum):
    """What the listener has to do after a frame."""

    WAIT = auto()
    JUDGE = auto()
    """A pause: find out whether what was said is complete."""
    RESUME = auto()
    """Speech goes on: what was found out in the pause is out of date."""
    END = auto()
    """The speaker has finished, or has spoken for too long."""
    GIVE_UP = auto()
    """Nobody spoke."""


class Endpointer:
    """Finds beginning and end of one utterance, a frame at a time.

    All times are seconds since the first frame. After `JUDGE` the caller says what it found by
    calling `judged`; until then the longest silence of all is allowed."""

    def __init__(self, settings: ListenSettings, start_timeout: float) -> None:
        self.now = 0.0
        self.began: float | None = None
        """When speech began; None before that."""
        self.ended = 0.0
        """When the last speech ended."""
        self._settings = settings
        self._patience = start_timeout
        """Seconds to wait for the first word."""
        self._give_up = start_timeout
        """When nobody has spoken."""
        self._run = 0
        """Frames of speech in a row up to now."""
        self._asked = False
        self._verdict: Verdict | None = None

    def hear(self, probability: float) -> Step:
        """Take the probability of speech, 0-1, of the next frame."""
        self.now += FRAME_SECONDS
        threshold = self._settings.speech_threshold - (HYSTERESIS if self._run else 0.0)
        self._run = self._run + 1 if probability >= threshold else 0
        if self._run >= ONSET_FRAMES:
            return self._speech()
        if self.began is None:
            waited = self._run == 0 and self._reached(self.now, self._give_up)
            return Step.GIVE_UP if waited else Step.WAIT
        if self._too_long():
            return Step.END
        if self._run:  # perhaps the beginning of a word: nothing is decided in the middle of it
            return Step.WAIT
        return self._silence()

    def judged(self, verdict: Verdict) -> Step:
        """Take the answer to the last `JUDGE`; it may end the utterance at once. After `NOTHING`
        and `CALLED` what was heard was no utterance, also if silence has ended it meanwhile."""
        if not self._asked:
            return Step.WAIT
        self._verdict = verdict
        if verdict is Verdict.CALLED:
            self._give_up = max(self._give_up, self.ended + self._patience)
        if verdict in SILENT:
            self.began, self._asked, self._verdict = None, False, None
        return Step.WAIT if self.began is None or self._run else self._silence()

    def _speech(self) -> Step:
        if self.began is None:
            self.began = self.now - self._run * FRAME_SECONDS
        self.ended = self.now - HANGOVER
        if self._asked:
            self._asked, self._verdict = False, None
            return Step.RESUME
        return Step.END if self._too_long() else Step.WAIT

    def _silence(self) -> Step:
        silence = self.now - self.ended
        if self._asked:
            return Step.END if self._reached(silence, self._allowed()) else Step.WAIT
        self._asked = self._reached(silence, self._settings.first_silence)
        return Step.JUDGE if self._asked else Step.WAIT

    def _allowed(self) -> float:
        """Seconds of silence that end the utterance."""
        if self._verdict is Verdict.COMPLETE:
            return self._settings.complete_silence
        if self._verdict is Verdict.UNKNOWN:
            return self._settings.silence
        return self._settings.incomplete_silence

    def _too_long(self) -> bool:
        return self.began is not None and self.now - self.began >= self._settings.longest

    @staticmethod
    def _reached(seconds: float, limit: float) -> bool:
        """To the nearest frame: 0.2 s are 6 frames and not 7."""
        return seconds + FRAME_SECONDS / 2 >= limit
