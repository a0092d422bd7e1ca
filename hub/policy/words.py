"""What is said of what is asked for or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.language import names_together, words

Texts = Mapping[str, str]

WHY: Mapping[str, Texts] = {
    "tells": {"en": "only tells", "de": "sagt nur etwas"},
    "plain": {"en": "acts at once", "de": "handelt sofort"},
    "unlocks": {"en": "unlocking lets somebody in", "de": "Aufschließen lässt jemanden herein"},
    "lets_in": {"en": "people come in by it", "de": "da kommt man herein"},
    "disarms": {"en": "disarming takes protection away", "de": "Entschärfen nimmt Schutz weg"},
    "blinds": {
        "en": "a camera that is off sees nothing",
        "de": "eine Kamera, die aus ist, sieht nichts",
    },
    "programs": {"en": "it runs programs, or does what it is told", "de": "es führt Programme aus"},
    "unknown": {"en": "nobody knows what it leads to", "de": "niemand weiß, wozu es führt"},
    "opens": {"en": "water or weather may come in", "de": "Wasser oder Wetter kann hereinkommen"},
    "alarms": {"en": "it is loud", "de": "es ist laut"},
    "heating": {
        "en": "it may be set far from what it is at",
        "de": "es kann weit verstellt werden",
    },
    "hot": {"en": "it gets hot", "de": "es wird heiß"},
    "declared": {"en": "its skill says so", "de": "der Skill sagt es"},
    "everything": {"en": "it is the whole house", "de": "es ist das ganze Haus"},
    "closed": {
        "en": "what was set about it is lost",
        "de": "was dafür eingestellt war, ist verloren",
    },
    "settings": {"en": "the settings say so", "de": "die Einstellungen sagen es"},
}
"""Reason -> what is listed of it."""

DO: Mapping[str, Texts] = {
    "unlock": {"en": "unlock the {names}", "de": "{names} aufschließen"},
    "open": {"en": "open the {names}", "de": "{names} öffnen"},
    "open_cover": {"en": "open the {names}", "de": "{names} öffnen"},
    "open_valve": {"en": "open the {names}", "de": "{names} öffnen"},
    "set_cover_position": {"en": "move the {names}", "de": "{names} bewegen"},
    "set_valve_position": {"en": "move the {names}", "de": "{names} bewegen"},
    "alarm_disarm": {"en": "disarm the {names}", "de": "{names} entschärfen"},
    "alarm_trigger": {"en": "set off the {names}", "de": "{names} auslösen"},
    "turn_on": {"en": "turn on the {names}", "de": "{names} einschalten"},
    "turn_off": {"en": "turn off the {names}", "de": "{names} ausschalten"},
    "toggle": {"en": "switch the {names}", "de": "{names} umschalten"},
    "press": {"en": "press the {names}", "de": "{names} drücken"},
    "trigger": {"en": "run the {names}", "de": "{names} starten"},
    "set_temperature": {
        "en": "set the {names} to {temperature} degrees",
        "de": "{names} auf {temperature} Grad stellen",
    },
}
"""Service -> what is done, without a full stop: for questions, and for the phone."""
DO_SOMETHING: Texts = {"en": "change the {names}", "de": "{names} ändern"}
EVERYTHING: Texts = {
    "en": "turn off everything in the whole house",
    "de": "im ganzen Haus alles ausschalten",
}

SAY: Mapping[str, Texts] = {
    "question": {"en": "{What}?", "de": "{What}?"},
    "declared": {
        "en": "{description} Shall I do that?",
        "de": "{description} Soll ich das tun?",
    },
    "lets_in": {
        "en": "The {names} may let somebody in. Shall I go on?",
        "de": "{names}: Das kann jemanden hereinlassen. Soll ich weitermachen?",
    },
    "unknown": {
        "en": "I cannot see what {names} does. It might let somebody in. Shall I go on?",
        "de": "{names}: Ich sehe nicht, was das tut. Es könnte jemanden hereinlassen. "
        "Weitermachen?",
    },
    "pin": {"en": "To {what}, tell me the PIN.", "de": "{What}? Sag mir bitte die PIN."},
    "pin_again": {
        "en": "That was not the PIN. Please say it again.",
        "de": "Das war nicht die PIN. Sag sie bitte noch einmal.",
    },
    "pin_wrong": {
        "en": "That was not the PIN. I did nothing.",
        "de": "Das war nicht die PIN. Ich habe nichts getan.",
    },
    "locked": {
        "en": "The PIN was wrong too often. It is not taken for the next {minutes} minutes.",
        "de": "Die PIN war zu oft falsch. Sie gilt in den nächsten {minutes} Minuten nicht.",
    },
    "phone": {
        "en": "I have asked on your phone whether to {what}. It is dropped after a minute.",
        "de": "Ich habe auf deinem Handy gefragt: {What}? Nach einer Minute lasse ich es.",
    },
    "phone_away": {
        "en": "I only {what} after a tap on your phone, and it cannot be reached now.",
        "de": "{What}: das mache ich nur nach einem Tippen auf deinem Handy, und das ist gerade "
        "nicht erreichbar.",
    },
    "phone_busy": {
        "en": "Another request is waiting on your phone. I did nothing.",
        "de": "Auf deinem Handy wartet schon eine andere Frage. Ich habe nichts getan.",
    },
    "dropped": {
        "en": "Nobody approved it on the phone. I did not {what}.",
        "de": "Auf dem Handy hat niemand zugestimmt. {What}: das habe ich nicht getan.",
    },
    "no_factor": {
        "en": "I do not {what} by voice, unless a PIN or a tap on your phone allows it. "
        "'hearth trust' tells how.",
        "de": "{What}: das mache ich auf Zuruf nur mit einer PIN oder einem Tippen auf dem Handy. "
        "Wie das geht, sagt 'hearth trust'.",
    },
    "never": {
        "en": "I do not {what} by voice. It is switched off with 'hearth trust'.",
        "de": "{What}: das mache ich nicht auf Zuruf. Es ist mit 'hearth trust' abgeschaltet.",
    },
    "closed": {
        "en": "I do not {what}: I have lost what was set about my devices. Somebody has to look at"
        " 'hearth trust' first.",
        "de": "{What}: das mache ich nicht, denn was für meine Geräte eingestellt war, ist"
        " verloren. Jemand muss zuerst 'hearth trust' ansehen.",
    },
    "not_here": {
        "en": "I may not {what} from here.",
        "de": "{What}: das darf ich von hier aus nicht.",
    },
    "not_you": {"en": "I may not {what} for you.", "de": "{What}: das darf ich für dich nicht."},
    "alone": {
        "en": "I do not {what} by myself.",
        "de": "{What}: das mache ich nicht von allein.",
    },
}


def text(texts: Texts, language: str) -> str:
    """In a language; in English where there is none of it."""
    return texts.get(language.split("-")[0]) or texts["en"]


def deed(
    service: str, names: Sequence[str], language: str, data: Mapping[str, Any] | None = None
) -> str:
    """What would be done: 'unlock the Front Door'."""
    temperature = (data or {}).get("temperature")
    texts = DO.get(service, DO_SOMETHING)
    if service == "set_temperature" and not isinstance(temperature, int | float):
        texts = DO_SOMETHING
    shown = f"{temperature:g}" if isinstance(temperature, int | float) else ""
    listed = names_together(list(names), words(language)["and"])
    return text(texts, language).format(names=listed, temperature=shown)


def say(key: str, language: str, what: str = "", **more: Any) -> str:
    """A sentence, about what would be done."""
    capital = what[:1].upper() + what[1:]
    return text(SAY[key], language).format(what=what, What=capital, **more)
