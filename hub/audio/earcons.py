"""Short soft tones that say what a sentence would take too long for.

Two notes each, that swell and fade: rising when the hub begins to listen or asks, falling when it
is done or has given up. A timer has four, an alarm has more, and is as loud as can be: how loud it
rings is the volume it is played at.
"""

from __future__ import annotations

import functools
import math
import struct

from hub.messages import Audio

RATE = 22_050
LOUDNESS = 0.18
"""Of full scale: softer than speech, so that the microphone does not take it for some."""

E4, G4, A4, C5, E5, G5 = 329.63, 392.00, 440.00, 523.25, 659.26, 783.99
NOTES = {
    "wake": ((G4, 0.07), (C5, 0.11)),
    "ask": ((C5, 0.09), (E5, 0.14)),
    "done": ((C5, 0.08), (G4, 0.12)),
    "gave_up": ((A4, 0.09), (E4, 0.16)),
    "error": ((E4, 0.12), (E4, 0.12)),
    "timer": ((C5, 0.09), (E5, 0.09), (C5, 0.09), (E5, 0.12)),
    "alarm": ((C5, 0.16), (E5, 0.16), (G5, 0.16), (C5, 0.16), (E5, 0.16), (G5, 0.3)),
}
"""Name -> (Hz, seconds) of each note."""
LOUDER = {"alarm": 0.9}
"""Of full scale, for those that are to wake somebody."""


@functools.cache
def earcon(name: str) -> Audio:
    """The tone of that name; one of NOTES."""
    loud = LOUDER.get(name, LOUDNESS)
    samples = [n for frequency, seconds in NOTES[name] for n in _note(frequency, seconds, loud)]
    return Audio(struct.pack(f"<{len(samples)}h", *samples), RATE)


def _note(frequency: float, seconds: float, loud: float) -> list[int]:
    """A sine with a little of its octave under half a period of a cosine bell."""
    count = round(seconds * RATE)
    step = 2 * math.pi * frequency / RATE
    return [
        round(
            32767
            * loud
            * math.sin(math.pi * i / count) ** 2
            * (0.8 * math.sin(step * i) + 0.2 * math.sin(2 * step * i))
        )
        for i in range(count)
    ]
