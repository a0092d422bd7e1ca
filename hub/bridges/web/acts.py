"""What is done from the page: a tap is a turn like one that was said.

Each session has a conversation of its own (`hub/bridges/talk.py`): what comes first is asked there,
and 'undo' takes back what was done there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.bridges.requests import Refused
from hub.bridges.seeing.snapshot import outcome
from hub.bridges.talk import Talk
from hub.bridges.web.parts import Parts
from hub.cause import caused
from hub.home.model import Entity
from hub.messages import Call, Trace
from hub.pipeline import Assistant
from hub.skills.second import AskedForPin
from hub.timers import wording

LONGEST_TEXT = 1000
"""Characters of what is said; the longest that people say has some two hundred."""
LARGEST = 1e6
"""No device takes a larger number."""

CALLS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "on": {"": ("HassTurnOn", "")},
    "off": {"": ("HassTurnOff", "")},
    "run": {"": ("HassTurnOn", "")},
    "open": {"": ("HassTurnOn", "")},
    "close": {"": ("HassTurnOff", "")},
    "lock": {"": ("HassTurnOn", "")},
    "unlock": {"": ("HassTurnOff", "")},
    "brightness": {"light": ("HassLightSet", "brightness")},
    "position": {"": ("HassSetPosition", "position")},
    "temperature": {"climate": ("HassClimateSetTemperature", "temperature")},
    "speed": {"fan": ("HassFanSetSpeed", "percentage")},
    "volume": {"media_player": ("HassSetVolume", "volume_level")},
    "play": {"media_player": ("HassMediaUnpause", "")},
    "pause": {"media_player": ("HassMediaPause", "")},
    "start": {
        "vacuum": ("HassVacuumStart", ""),
        "lawn_mower": ("HassLawnMowerStartMowing", ""),
    },
    "dock": {
        "vacuum": ("HassVacuumReturnToBase", ""),
        "lawn_mower": ("HassLawnMowerDock", ""),
    },
}
"""What can be done -> by domain, '' for any: the tool, and its argument for the value."""

SHOWN: Mapping[str, tuple[str, str]] = {
    "on": ("on", "an"),
    "off": ("off", "aus"),
    "run": ("run", "ausführen"),
    "open": ("open", "öffnen"),
    "close": ("close", "schließen"),
    "lock": ("lock", "abschließen"),
    "unlock": ("unlock", "aufschließen"),
    "brightness": ("brightness", "Helligkeit"),
    "position": ("position", "Position"),
    "temperature": ("temperature", "Temperatur"),
    "speed": ("speed", "Stufe"),
    "volume": ("volume", "Lautstärke"),
    "play": ("play", "abspielen"),
    "pause": ("pause", "anhalten"),
    "start": ("start", "starten"),
    "dock": ("dock", "zur Ladestation"),
    "cancel": ("cancel", "abbrechen"),
    "resume": ("resume", "fortsetzen"),
    "more": ("one minute more", "eine Minute mehr"),
    "add": ("add", "dazu"),
    "done": ("check off", "abhaken"),
    "remove": ("remove", "entfernen"),
    "undo": ("undo", "rückgängig"),
}
"""How it stands in the history, in English and German."""

TIMERS = {
    "cancel": "HassCancelTimer",
    "pause": "HassPauseTimer",
    "resume": "HassUnpauseTimer",
    "more": "HassIncreaseTimer",
}
LISTS = {"add": "HassListAddItem", "done": "HassListCompleteItem", "remove": "HassListRemoveItem"}
UNDO = "conversation.undo"


class Acts:
    """Does what is asked on the page. All raise Refused or HearthError with a sentence."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._hub = parts.hub
        self._talk = Talk(self._new)

    def _new(self) -> Assistant:
        return self._hub.assistant.aside(recognizer=self._hub.recognizer)

    def language(self, wanted: Any) -> str:
        """The language that is answered in: the page's, if the hub speaks it."""
        known = self._hub.assistant.languages
        code = wanted if isinstance(wanted, str) else ""
        return next((each for each in known if each.split("-")[0] == code), known[0])

    async def say(self, conversation: str, text: Any, language: str) -> dict[str, Any]:
        """A turn from typed text."""
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
            raise Refused(f"'text' is a sentence, of at most {LONGEST_TEXT} characters")

        async def run(assistant: Assistant) -> dict[str, Any]:
            # What is in a language of its own, such as a list's item, is understood as it is.
            trace = await assistant.say(text, language=language)
            return self._told(trace, assistant)

        return await self._talk.turn(conversation, run)

    async def device(self, conversation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do something to a device: `id`, `do`, and `value` for what is set."""
        entity = self._entity(asked.get("id"))
        do, value = str(asked.get("do")), asked.get("value")
        by_domain = CALLS.get(do, {})
        tool, argument = by_domain.get(entity.domain) or by_domain.get("") or ("", "")
        if not tool:
            raise Refused(f"'{do}' is nothing that can be done with {entity.name}")
        arguments: dict[str, Any] = {"name": entity.entity_id}
        told = None
        if argument:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Refused("'value' is a number")
            if not -LARGEST <= value <= LARGEST:
                raise Refused("'value' is a number that a device can have")
            told = f"{value:g}"
            arguments[argument] = value
        call = Call(tool, arguments, response=entity.domain)
        return await self._do(conversation, [call], entity.name, do, asked, told)

    async def timer(self, conversation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel, pause or resume a timer, or give it a minute more; or cancel an alarm, a reminder
        or a command."""
        id, do = asked.get("id"), str(asked.get("do"))
        language = self.language(asked.get("language"))
        timer = next((each for each in self._hub.timers.all() if each.id == id), None)
        if timer is not None and do in TIMERS:
            more = {"minutes": 1} if do == "more" else {}
            call = Call(TIMERS[do], {"name": timer.id, **more})
            return await self._do(
                conversation, [call], wording.label(timer, language), do, asked, None
            )
        agenda = self._hub.agenda
        what = next((each for each in agenda.all() if each.id == id), None)
        if what is None or do != "cancel":
            raise Refused("it is not there any more")
        told = agenda.told(what, language)
        with caused("phone"):
            await agenda.cancel(what)
        said = {"en": f"Cancelled: {told}.", "de": f"Gelöscht: {told}."}
        return {"reply": said.get(language.split("-")[0], said["en"]), "outcome": "done"}

    async def item(self, conversation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Add something to a list, check it off, or take it off."""
        entity, do, item = self._entity(asked.get("id")), str(asked.get("do")), asked.get("item")
        if entity.domain != "todo" or do not in LISTS:
            raise Refused("'do' is add, done or remove, and 'id' a list")
        if not isinstance(item, str) or not item.strip() or len(item) > 200:
            raise Refused("'item' is text of at most 200 characters")
        call = Call(LISTS[do], {"name": entity.entity_id, "item": item.strip()})
        shown = f"{entity.name}, {item.strip()}"
        return await self._do(conversation, [call], shown, do, asked, None)

    async def undo(self, conversation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take back what was done last in this conversation."""
        return await self._do(conversation, [Call(UNDO)], "", "undo", asked, None)

    async def _do(
        self,
        conversation: str,
        calls: Sequence[Call],
        name: str,
        do: str,
        asked: Mapping[str, Any],
        value: str | None,
    ) -> dict[str, Any]:
        language = self.language(asked.get("language"))
        verb = SHOWN[do][language.split("-")[0] == "de"]
        shown = ": ".join(filter(None, (name, " ".join(filter(None, (verb, value))))))

        async def run(assistant: Assistant) -> dict[str, Any]:
            trace = await assistant.do(calls, shown, language=language)
            return self._told(trace, assistant)

        return await self._talk.turn(conversation, run)

    def _told(self, trace: Trace, assistant: Assistant) -> dict[str, Any]:
        """A turn, for the page: what to say, and what is asked."""
        self._hub.assistant.finished(trace)
        whole = trace.to_json()
        question = assistant.conversation(trace.area).question
        secret = question is not None and isinstance(question.waiting, AskedForPin)
        told: dict[str, Any] = {
            "reply": whole["reply"],
            "outcome": outcome(whole),
            "language": whole["language"],
            "undo": bool(trace.outcomes),
            "asks": None,
        }
        if question is not None and trace.reply.expects_answer:
            closed = question.waiting is None and question.closed
            choices = [] if closed or question.waiting is not None else list(question.choices)
            kind = "pin" if secret else "yes" if closed else "choice" if choices else "text"
            told["asks"] = {"kind": kind, "choices": choices}
        return told

    def _entity(self, id: Any) -> Entity:
        entity = self._hub.home.entities.get(id) if isinstance(id, str) else None
        if entity is None:
            raise Refused("there is no such device")
        return entity

    # --- the hub itself -------------------------------------------------------------------------

    def approval(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A tap: what waits may be done, or not. The id has been shown."""
        id, agreed = asked.get("id"), asked.get("agreed")
        if not isinstance(id, str) or not isinstance(agreed, bool):
            raise Refused("'id' is text, and 'agreed' true or false")
        approvals = self._hub.skillset.policy.approvals
        if not (approvals.approve(id) if agreed else approvals.deny(id)):
            raise Refused("nothing waits for this any more")
        return {}

    def mute(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Close the hub's own microphone, or open it."""
        if self._parts.ears is None:
            raise Refused("this hub has no microphone")
        if not isinstance(asked.get("muted"), bool):
            raise Refused("'muted' is true or false")
        self._parts.ears.mute(asked["muted"])
        self._parts.changed()
        self._hub.assistant.activity.tell()
        return {}

    async def volume(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """How loud the hub speaks, or a satellite (`room`): 0-100."""
        percent, room = asked.get("percent"), asked.get("room")
        if isinstance(percent, bool) or not isinstance(percent, int | float):
            raise Refused("'percent' is a number from 0 to 100")
        volume = min(100, max(0, percent)) / 100
        if isinstance(room, str) and room in self._hub.voices:
            self._hub.voices[room].volume = volume
        elif self._hub.voice is not None:
            await self._hub.speaker.set_volume(volume)
        else:
            raise Refused("this hub has no loudspeaker")
        self._parts.changed()
        self._hub.assistant.activity.tell()
        return {}

    async def stop(self) -> dict[str, Any]:
        """Be silent: the reply, what rings, the sound beneath the voice."""
        await self._hub.speaker.stop()
        return {}

    async def routine(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Run a routine, or switch it on or off."""
        do, name = asked.get("do"), asked.get("name")
        household = self._hub.household
        if household is None or do not in ("run", "enable", "disable"):
            raise Refused("'do' is run, enable or disable")
        with caused("phone"):
            answer = await household.door.answer({"do": do, "name": name})
        if "error" in answer:
            raise Refused(str(answer["error"]))
        return {"reply": answer.get("text", "")}
