"""What others ask of the hub over the broker, done: each request is a task of its own, there are
few at a time, and whatever goes wrong is told to who asked.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from hub.audio.wav_out import wav
from hub.bridges import requests
from hub.bridges.announcement import PRESSED
from hub.bridges.ears import Ears
from hub.bridges.post import JSON, WAV, Incoming, Outbox, Outgoing
from hub.bridges.requests import Origin, Refused
from hub.bridges.talk import Talk
from hub.bridges.topics import RoomTopics, Topics
from hub.errors import HearthError
from hub.home.model import Home
from hub.messages import Audio, Heard, Trace
from hub.pipeline import Assistant
from hub.ports import Recognizer, Synthesizer
from hub.router import Router
from hub.skillset import Skillset
from hub.speech import clean, sentences
from hub.voice import Voice

log = logging.getLogger(__name__)

MOST_REQUESTS = 24
"""Requests under way."""
MOST_ANNOUNCEMENTS = 4
"""Announcements that wait to be spoken."""
COURTESY = 5.0
"""Seconds for which a recording from elsewhere lets whoever speaks in the room go first."""
PATIENCE = 60.0
"""Seconds for which an announcement does."""
REPEATED, MOST_REMEMBERED = 60.0, 1000
"""Seconds in which the same request, by its id, is not done again, and how many are remembered: a
way that loses acknowledgements delivers a message of QoS 1 twice."""
COMPLAINTS = 10
"""Errors a second that are told, at most."""
TO_FINISH = 1.0
"""Seconds, when the hub ends, for finishing what has begun."""


class Loudspeaker(Protocol):
    """The hub's own, with all that is heard from it."""

    async def set_volume(self, volume: float) -> None: ...
    async def stop(self) -> None: ...


class Parts(Protocol):
    """What it needs of a running hub (`hub.app.Hub`)."""

    @property
    def home(self) -> Home: ...
    @property
    def router(self) -> Router: ...
    @property
    def skillset(self) -> Skillset: ...
    @property
    def assistant(self) -> Assistant: ...
    @property
    def speaker(self) -> Loudspeaker: ...
    @property
    def recognizer(self) -> Recognizer | None: ...
    @property
    def synthesizer(self) -> Synthesizer | None: ...
    @property
    def voice(self) -> Voice | None: ...
    @property
    def voices(self) -> Mapping[str, Voice]:
        """In rooms elsewhere."""
        ...

    @property
    def free(self) -> asyncio.Event: ...


class WakeWords(Protocol):
    """Wake words that can be changed while the hub runs."""

    @property
    def options(self) -> Sequence[str]: ...
    @property
    def chosen(self) -> str: ...
    async def choose(self, name: str) -> None:
        """Raises HearthError."""
        ...


class Orders:
    """Does what is asked. `finished` is told of turns and who wanted them; `changed` is called when
    the microphone, the volume or the wake word is another."""

    def __init__(
        self,
        hub: Parts,
        topics: Topics,
        outbox: Outbox,
        *,
        ears: Ears | None,
        wake_words: WakeWords | None,
        finished: Callable[[Trace, Origin], None],
        changed: Callable[[], None],
        people: Mapping[str, str] | None = None,
        rooms: Mapping[str, RoomTopics] | None = None,
    ) -> None:
        """`people`: conversations -> whose they are; `rooms`: those with a satellite."""
        self.topics = topics
        self._hub = hub
        self._outbox = outbox
        self._people = dict(people or {})
        self._rooms = dict(rooms or {})
        self._ears = ears
        self._words = wake_words
        self._finished = finished
        self._show_states = changed
        self._talk = Talk(self._new_assistant)
        self._handlers = self._all_handlers()
        self._requests: set[asyncio.Task[None]] = set()
        self._announcing = asyncio.Lock()
        self._announcements = 0
        self._complaints: deque[float] = deque(maxlen=COMPLAINTS)
        self._seen: dict[tuple[str, ...], float] = {}
        """Requests with an id, the oldest first, and when they came."""

    @property
    def wanted(self) -> list[str]:
        """Where orders come in."""
        return [*self._handlers, f"{self.topics.audio}/+"]

    async def finish(self) -> None:
        """What has begun to act is not cut short, if it does not take long."""
        if self._requests:
            _, late = await asyncio.wait(self._requests, timeout=TO_FINISH)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def begin(self, incoming: Incoming) -> None:
        handler = self._handlers.get(incoming.topic)
        caller = self.topics.caller(incoming.topic)
        if handler is None and caller is None:
            error = Refused("who sends sound is named by letters, digits, '-' and '_'")
            self._refuse(incoming, error)
            return
        try:
            incoming.allowed(self.topics.replies)
        except Refused as refused:
            self._complain(incoming.topic, refused)
            return
        if len(self._requests) >= MOST_REQUESTS:
            self._refuse(incoming, Refused("busy: too much is asked at once"))
            return
        work = handler(incoming) if handler is not None else self._audio(incoming, caller)
        task = asyncio.create_task(self._handled(incoming, work), name="mqtt-request")
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _handled(self, incoming: Incoming, work: Awaitable[None]) -> None:
        try:
            await work
        except Refused as refused:
            self._refuse(incoming, refused)
        except HearthError as error:
            self._refuse(incoming, Refused(str(error)))
        # Whatever goes wrong costs this one request.
        except Exception:
            log.exception("MQTT: what came in on %s could not be done", incoming.topic)
            self._refuse(incoming, Refused("something went wrong; see the hub's log"))

    def _refuse(self, incoming: Incoming, refused: Refused) -> None:
        """Tell who asked, where they asked for it, and whoever looks for errors."""
        self._answer(incoming, {"id": refused.id, "error": str(refused)})
        self._complain(incoming.topic, refused)

    def _complain(self, topic: str, refused: Refused) -> None:
        now, before = time.monotonic(), self._complaints
        if len(before) == COMPLAINTS and now - before[0] < 1.0:
            return
        before.append(now)
        content = {"topic": topic[:200], "id": refused.id, "error": str(refused)}
        self._outbox.put(Outgoing(self.topics.error, as_json(content), kind=JSON))

    def _answer(self, incoming: Incoming, content: dict[str, Any]) -> None:
        topic, caller = incoming.answer_to, self.topics.caller(incoming.topic)
        if topic is None and caller is not None:
            topic = self.topics.audio_turn(caller)
        if topic is not None:
            self._outbox.put(
                Outgoing(topic, as_json(content), 1, False, JSON, incoming.correlation)
            )

    # --- what is done ----------------------------------------------------------------------------

    def _all_handlers(self) -> dict[str, Callable[[Incoming], Coroutine[Any, Any, None]]]:
        """By topic. What a hub does not have is answered like that."""
        topics = self.topics
        return {
            topics.say: self._say,
            topics.audio: self._audio,
            topics.announce: self._announce,
            topics.listen: self._listen,
            topics.stop: self._stop,
            topics.approve: self._approve,
            topics.deny: self._deny,
            topics.set(topics.mute): self._mute,
            topics.set(topics.volume): self._set_volume,
            topics.set(topics.wake_word): self._choose,
            **{
                room.set(room.volume): partial(self._set_room_volume, area)
                for area, room in self._rooms.items()
            },
        }

    def _again(self, topic: str, said: requests.Say) -> bool:
        """Whether this has come already, and is being done or was answered."""
        if said.origin.id is None:
            return False
        key, now = (topic, said.origin.conversation, said.origin.id, said.text), time.monotonic()
        before = self._seen.pop(key, None)
        self._seen[key] = now
        while len(self._seen) > MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return before is not None and now - before < REPEATED

    async def _say(self, incoming: Incoming) -> None:
        said = requests.say(incoming.payload)
        if self._again(incoming.topic, said):
            return
        origin = self._whose(said.origin)
        language = self._language(origin)
        with _named(origin):
            trace = await self._talk.turn(
                origin.conversation,
                lambda assistant: assistant.say(
                    said.text, area=origin.area, language=language, person=origin.person
                ),
            )
        self._answer(incoming, summary(trace, origin))
        self._finished(trace, origin)

    async def _audio(self, incoming: Incoming, caller: str | None = None) -> None:
        """Push to talk: a turn, and its reply as sound to whoever waits for it."""
        origin = requests.origin(incoming.properties)
        if caller is not None:
            origin = replace(
                origin, id=origin.id or caller, conversation=origin.conversation or caller
            )
        origin = self._whose(origin)
        with _named(origin):
            language = self._language(origin)
            if self._hub.recognizer is None:
                raise Refused("this hub has no speech recognition")

            async def run(assistant: Assistant) -> Trace:
                heard = await asyncio.to_thread(requests.sound, incoming.payload)
                await self._room_first(COURTESY)
                return await assistant.hear(
                    Heard(heard, heard.seconds, heard.seconds),
                    area=origin.area,
                    language=language,
                    person=origin.person,
                )

            trace = await self._talk.turn(origin.conversation, run)
            self._answer(incoming, summary(trace, origin))
            self._finished(trace, origin)
            topic = incoming.answer_to or (self.topics.audio_reply(caller) if caller else None)
            if topic is not None and self._hub.synthesizer is not None:
                sound = await spoken(self._hub.synthesizer, trace)
                if sound.pcm:
                    content = wav(sound)
                    self._outbox.put(Outgoing(topic, content, 1, False, WAV, incoming.correlation))

    async def _announce(self, incoming: Incoming) -> None:
        """In the rooms that are named, or in all where the hub has a voice. If one of those that
        are named is none, or has no voice, nothing is said anywhere."""
        said = requests.say(incoming.payload, several=True)
        if self._again(incoming.topic, said):
            return
        origin = said.origin
        with _named(origin):
            language = self._language(origin) or self._hub.assistant.languages[0]
            named = [self._hub.assistant.place(area) for area in said.areas or (origin.area,)]
            voices = list(dict.fromkeys(voice for area in named for voice in self._voices(area)))
            if self._announcements >= MOST_ANNOUNCEMENTS:
                raise Refused("busy: too much is to be announced")
            self._announcements += 1
            try:
                async with self._announcing:
                    if not await self._room_first(PATIENCE):
                        raise Refused("busy: somebody talks with the hub")
                    heard = await asyncio.gather(
                        *(voice.say(said.text, language=language) for voice in voices),
                        return_exceptions=True,
                    )
            finally:
                self._announcements -= 1
            failed = [each for each in heard if isinstance(each, BaseException)]
            if len(failed) == len(heard):
                raise failed[0]
            spoken = [each for each in heard if not isinstance(each, BaseException)]
            if all(each.first_audio_ms is None for each in spoken):
                raise Refused("nothing was heard of it: the voice is muted, or there are no words")
        self._answer(incoming, {"id": origin.id, "announced": True})

    def _voices(self, area: str | None) -> list[Voice]:
        """Those in a room; all, if none is named. Raises Refused where there is none."""
        own, here = self._hub.voice, self._hub.assistant.area
        elsewhere = self._hub.voices
        if area is None:
            found = [*([own] if own else []), *elsewhere.values()]
            if not found:
                raise Refused("this hub has no loudspeaker")
            return found
        if area in elsewhere:
            return [elsewhere[area]]
        if own is not None and here in (None, area):
            return [own]
        rooms = [*([here] if own and here else []), *elsewhere]
        if not rooms:
            raise Refused("this hub has no loudspeaker")
        raise Refused(f"there is no loudspeaker in {area}, only in {', '.join(rooms)}")

    async def _listen(self, incoming: Incoming) -> None:
        if self._ears is None:
            raise Refused("this hub has no microphone")
        if not self._ears.listen():
            raise Refused("the microphone is muted")

    async def _stop(self, incoming: Incoming) -> None:
        await self._hub.speaker.stop()

    async def _approve(self, incoming: Incoming) -> None:
        """A tap on a phone: what waits may be done."""
        id = requests.request(incoming.payload, PRESSED)
        if not self._hub.skillset.policy.approvals.approve(id):
            raise Refused("nothing waits for this, or it was not shown long enough")

    async def _deny(self, incoming: Incoming) -> None:
        id = requests.request(incoming.payload, PRESSED)
        if not self._hub.skillset.policy.approvals.deny(id):
            raise Refused("nothing waits for this")

    async def _mute(self, incoming: Incoming) -> None:
        if self._ears is None:
            raise Refused("this hub has no microphone")
        self._ears.mute(requests.switch(incoming.payload))
        self._show_states()

    async def _set_volume(self, incoming: Incoming) -> None:
        if self._hub.voice is None:
            raise Refused("this hub has no loudspeaker")
        await self._hub.speaker.set_volume(requests.percent(incoming.payload) / 100)
        self._show_states()

    async def _set_room_volume(self, area: str, incoming: Incoming) -> None:
        voice = self._hub.voices.get(area)
        if voice is None:
            raise Refused(f"the satellite in {area} is away")
        voice.volume = requests.percent(incoming.payload) / 100
        self._show_states()

    async def _choose(self, incoming: Incoming) -> None:
        if self._words is None:
            raise Refused("the wake word of this hub can only be changed in its settings")
        name = requests.name(incoming.payload)
        if name not in self._words.options:
            raise Refused(f"known wake words are {', '.join(self._words.options)}")
        await self._words.choose(name)
        self._show_states()

    async def _room_first(self, seconds: float) -> bool:
        """Wait until nobody is talked with in the room, or for so long. Whether nobody is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hub.free.wait()
        return self._hub.free.is_set()

    def _whose(self, origin: Origin) -> Origin:
        """Where the settings say whose a conversation is, that is believed."""
        person = self._people.get(origin.conversation)
        return replace(origin, person=person) if person else origin

    def _language(self, origin: Origin) -> str | None:
        known = self._hub.assistant.languages
        if origin.language is not None and origin.language not in known:
            given = origin.language
            raise Refused(f"'{given}' is none of the languages of this hub: {', '.join(known)}")
        return origin.language

    def _new_assistant(self) -> Assistant:
        return self._hub.assistant.aside(recognizer=self._hub.recognizer)


@contextmanager
def _named(origin: Origin) -> Iterator[None]:
    """Whatever is refused within it is known by the id of its origin."""
    try:
        yield
    except Refused as refused:
        refused.id = refused.id or origin.id
        raise
    except HearthError as error:
        told = Refused(str(error))
        told.id = origin.id
        raise told from error


async def spoken(synthesizer: Synthesizer, trace: Trace) -> Audio:
    """The reply as one sound; empty if there is nothing to say. Raises EngineError."""
    reply = trace.reply
    made = [
        await synthesizer.synthesize(sentence)
        for sentence in sentences(clean(reply.text, reply.language))
    ]
    rate = made[0].rate if made else Audio(b"").rate
    return Audio(b"".join(audio.pcm for audio in made), rate)


def summary(trace: Trace, origin: Origin) -> dict[str, Any]:
    """A turn, for those outside."""
    whole = trace.to_json()
    return {
        "id": origin.id,
        "turn": whole["turn"],
        "text": whole["heard"],
        "reply": whole["reply"],
        "expects_answer": whole["expects_answer"],
        "language": whole["language"],
        "area": trace.area,
        "tier": whole["tier"],
        "calls": whole["calls"],
        "outcomes": whole["outcomes"],
        "ms": whole["stages_ms"]["total"],
        "error": whole["error"],
    }


def as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)
