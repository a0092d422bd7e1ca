"""What the hub gives to a tool: a parameter annotated with one of these types is filled with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

from hub.home.things import Area, Entity, State
from hub.messages import Call, Outcome, ToolSpec
from hub.skill.kinds import Entities
from hub.skill.results import Text
from hub.timers.timer import Timer

if TYPE_CHECKING:
    from hub.timers.appointment import Appointment, SpokenTime, When


class Dropped(Exception):
    """A question of a tool will get no answer. Let it pass: then the tool ends, and nothing is
    said."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a tool is told that `@on` runs."""

    entity: Entity
    state: str
    before: str | None = None
    """The state of before, None when there was none."""
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Settings(Mapping[str, Any]):
    """What people have set for the skill, by the names in its `pack.toml`."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Home(Protocol):
    """The home, as far as a skill may see and act on it."""

    async def call(self, service: str, entities: Sequence[Entity], /, **data: Any) -> list[Outcome]:
        """Call a Home Assistant service such as `light.turn_on` and wait (bounded) until each
        device reports what was asked for. What they report is also kept as the tool's outcome."""
        ...

    async def ask(self, service: str, entity: Entity, /, **data: Any) -> Any:
        """What one of Home Assistant's services that only tell answers of an entity:
        `todo.get_items`, `calendar.get_events`, `weather.get_forecasts`. None if where it comes
        from cannot be asked that, or is away."""
        ...

    def state(self, entity: Entity) -> State: ...

    def find(
        self,
        *,
        name: str | None = None,
        area: str | None = None,
        floor: str | None = None,
        domains: Sequence[str] = (),
        device_class: str | None = None,
    ) -> Entities:
        """Entities that fit all that is given."""
        ...

    def lets_in(self, entity: Entity) -> bool:
        """Whether it may open a way into the house, and is not to be switched among others."""
        ...

    def area(self, entity: Entity) -> Area | None: ...


class Speaker(Protocol):
    """The hub's own loudspeaker."""

    @property
    def volume(self) -> float:
        """0-1"""
        ...

    @property
    def muted(self) -> bool: ...

    async def set_volume(self, volume: float) -> None:
        """0-1; outside of it is brought to the nearest limit."""
        ...

    async def set_muted(self, muted: bool) -> None: ...

    async def stop(self) -> None:
        """Be silent now."""
        ...

    async def announce(self, text: Text, *, area: str | None = None) -> None:
        """Say something unasked, as soon as nobody is talked with. It returns before that."""
        ...

    def reaches(self, area: str) -> bool:
        """Whether a room, by its name, has a loudspeaker of its own, such as a satellite's."""
        ...


class Conversation(Protocol):
    """The talk in this room: what was said before, and what is asked and said while a tool runs."""

    async def ask(self, question: Text, kind: Any = str, *, choices: Sequence[str] = ()) -> Any:
        """Ask, and wait for what is said next: `eggs = await conversation.ask("How many?", int)`.

        The answer is of `kind`, which is any type that a parameter may have, or one of `choices`;
        what is none is asked for once more. The time limit of the tool stands still meanwhile.

        Raises Dropped when the subject is changed, at 'never mind', or after a minute."""
        ...

    async def say(self, text: Text) -> None:
        """Say something now, while the tool goes on: 'Still looking'. From then on the person may
        talk of other things; what the tool returns is said when it is there."""
        ...

    @property
    def last_reply(self) -> str | None: ...

    @property
    def lacking(self) -> Call | None:
        """What it was asked about (`Ask.lacking`) just before what is said now."""
        ...

    def forget(self) -> None:
        """Drop a pending question and what 'it' and 'them' refer to."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Local time, aware of its zone."""
        ...


class Timers(Protocol):
    """The hub's timers. They outlive the hub, and ring in the room."""

    @property
    def rings(self) -> bool:
        """Whether anybody will be told when one runs out: only a running hub can."""
        ...

    @property
    def full(self) -> bool:
        """Whether there are as many as there may be."""
        ...

    @property
    def kept(self) -> bool:
        """Whether the last change is on the disk. A timer runs all the same."""
        ...

    def all(self) -> Sequence[Timer]:
        """The one that runs out next first."""
        ...

    def left(self, timer: Timer) -> float:
        """Seconds until it rings."""
        ...

    def find(
        self,
        *,
        name: str | None = None,
        seconds: float | None = None,
        area: str | None = None,
        here: str | None = None,
    ) -> Sequence[Timer]:
        """Timers that fit all that is given: name or id, what it was set to, the room. Of several
        the only one in the room `here`, if there is one."""
        ...

    def speak_of(self, timer: Timer, area: str | None) -> None:
        """In this room 'it' now means this timer, for a while."""
        ...

    def it(self, area: str | None) -> Timer | None:
        """The timer that was spoken of last in this room."""
        ...

    async def obstacle(self, command: str, area: str | None, language: str) -> str | None:
        """Why a command would not be done later, out of all context, when nobody attends: a key
        for `trouble`. None if it would."""
        ...

    async def start(
        self,
        seconds: float,
        *,
        name: str | None = None,
        command: str | None = None,
        area: str | None = None,
        language: str = "en",
    ) -> Timer:
        """A new one; with a `command`, that is run as if it had been said in the room."""
        ...

    async def change(self, timer: Timer, seconds: float) -> Timer:
        """More time, or less."""
        ...

    async def pause(self, timer: Timer) -> Timer: ...

    async def resume(self, timer: Timer) -> Timer: ...

    async def cancel(self, *timers: Timer) -> None: ...

    def facts(self, timer: Timer, language: str) -> dict[str, Any]:
        """A timer for the templates of replies: `label`, `left`, and what the field uses."""
        ...

    def duration(self, seconds: float, language: str) -> str:
        """`1 hour and 30 minutes`"""
        ...

    def trouble(self, key: str, language: str) -> str:
        """Why nothing is done: `none`, `not_found`, `full`, `how_long`, `how_much`, `silent`,
        `do_what`, `would_ask`."""
        ...

    def which(self, timers: Sequence[Timer], language: str) -> str:
        """A question which of them is meant."""
        ...


class Routines(Protocol):
    """The household's routines. Sentences are in the language of `where`."""

    async def make(self, text: str, where: Where, conversation: Conversation) -> str:
        """Make one of a sentence: ask what is lacking, read it back, and keep it after a yes."""
        ...

    async def change(
        self, name: str, how: str, text: str, where: Where, conversation: Conversation
    ) -> str:
        """`add` what is done, do `less`, or `replace` it."""
        ...

    async def run(self, name: str, where: Where) -> str: ...

    async def undo(self, name: str) -> None:
        """Put back what its last run did."""
        ...

    @property
    def changed(self) -> bool:
        """Whether the last call changed something that `take_back` undoes."""
        ...

    async def remove(self, name: str, where: Where, conversation: Conversation) -> str: ...

    async def enable(self, name: str, enabled: bool, where: Where) -> str: ...

    def take_back(self) -> bool:
        """Undo the last change of one."""
        ...

    def listed(self, where: Where) -> str: ...

    def describe(self, name: str, where: Where) -> str: ...


MOVE_IT: Mapping[str, list[str]] = {
    "en": ["(make|move|change|set|shift|put) (it|that) [(to|for|until|back to)] {to}"],
    "de": [
        "(mach|mache|stell|stelle|verschieb|verschiebe|leg|lege) (ihn|sie|es|das) (auf|um|für) {to}"
    ],
}
"""Phrases for `Agenda.move_it`; `to` is an `Annotated[str, AnyTime()]`."""


class Agenda(Protocol):
    """Alarms, reminders, and commands for later. They outlive the hub."""

    @property
    def rings(self) -> bool:
        """Whether anything will happen: only a running hub can."""
        ...

    @property
    def full(self) -> bool:
        """Whether there are as many as there may be."""
        ...

    @property
    def kept(self) -> bool:
        """Whether the last change is on the disk."""
        ...

    @property
    def place(self) -> tuple[float, float] | None:
        """Latitude and longitude of the home; None if they are not known."""
        ...

    def now(self) -> datetime:
        """What the clock on the wall shows: without a zone."""
        ...

    def read(self, text: str, language: str, use: str = "reminder") -> SpokenTime | None:
        """The time that words mean ('every weekday at half past six'); None if they mean none.
        `use`: alarm, reminder or command."""
        ...

    def splits(
        self, text: str, language: str, use: str = "reminder"
    ) -> Sequence[tuple[str, str, SpokenTime]]:
        """Ways to take a time out of a sentence, the best first: the rest, its words, the time."""
        ...

    def all(self, *kinds: str) -> Sequence[Appointment]:
        """Those of these kinds (alarm, reminder, command, back), the next first."""
        ...

    def next_time(self, what: Appointment) -> datetime | None:
        """What the clock on the wall will show then."""
        ...

    def times(self, what: Appointment, until: datetime) -> Sequence[datetime]:
        """All its times up to one."""
        ...

    def ringing(self) -> Sequence[Appointment]:
        """Alarms that ring now."""
        ...

    def it(self, area: str | None) -> Appointment | None:
        """The one that was spoken of last in this room."""
        ...

    def speak_of(self, what: Appointment, area: str | None) -> None: ...

    async def add(
        self,
        kind: str,
        when: When,
        text: str = "",
        *,
        area: str | None = None,
        language: str = "en",
        person: str | None = None,
    ) -> Appointment: ...

    async def move_it(
        self, said: str, area: str | None, language: str, *kinds: str
    ) -> Appointment | str:
        """Another time, in words, for the one that was spoken of last in this room, if it is of
        these kinds: a time of the day alone leaves its day and repetition. Else a sentence that
        says why not."""
        ...

    async def cancel(self, *several: Appointment) -> None: ...

    async def skip(self, what: Appointment, at: datetime) -> None:
        """Leave out one time of a repeated one; a single one is cancelled."""
        ...

    async def stop(self, room: str | None = None) -> bool:
        """Silence the alarms that ring in this room, or all if none does there. False if none
        rang."""
        ...

    async def snooze(self, seconds: float, room: str | None = None) -> Sequence[Appointment]:
        """Let the alarms that ring in this room, or all if none does there, do so again after a
        while."""
        ...

    async def obstacle(self, command: str, area: str | None, language: str) -> str | None:
        """Why a command would not be done later, when nobody attends; see `Timers`."""
        ...

    async def for_a_while(
        self,
        command: str,
        seconds: float,
        *,
        area: str | None = None,
        language: str = "en",
        person: str | None = None,
    ) -> tuple[Any, Appointment | None]:
        """Do a command now, and put back after a while what it changed: the turn of the command,
        and what was planned."""
        ...

    def when(self, what: Appointment, language: str) -> str:
        """`tomorrow at 7 AM`, `every weekday at 6:30 AM`"""
        ...

    def said_when(self, when: When, language: str) -> str:
        """The same of something that is not planned yet."""
        ...

    def told(self, what: Appointment, language: str) -> str:
        """What it is, and when: `call your sister, tomorrow at 5 PM`"""
        ...

    def turned(self, text: str, language: str) -> str:
        """What somebody has to do, said to them: `call my sister` -> `call your sister`"""
        ...

    def sentence(self, key: str, language: str, **values: str) -> str:
        """One of the hub's own sentences about them."""
        ...


class Suggestions(Protocol):
    """Habits that were noticed, as suggestions."""

    async def ask(self, where: Where, conversation: Conversation) -> str:
        """Make the next one, if there is one, and take the answer."""
        ...

    async def accept(self, key: str, where: Where) -> str:
        """Make a routine of one that was suggested."""
        ...

    def take_back(self) -> bool:
        """Forget that routine again."""
        ...

    @property
    def accepted(self) -> bool:
        """Whether the last one was made a routine."""
        ...

    def why(self, where: Where) -> str:
        """What the last one follows from."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether none are made unasked."""
        ...

    def stop(self, where: Where, *, again: bool = False) -> str:
        """No more of them, or some again."""
        ...


class Notices(Protocol):
    """What people are told of unasked: `danger`, `windows`, `batteries`, `appliances`."""

    def wants(self, kind: str) -> bool: ...

    async def want(self, kind: str, wanted: bool, where: Where) -> str:
        """From now on, or no more; what is said to that."""
        ...

    def all(self, where: Where) -> str: ...


class Tools(Protocol):
    """What can be said."""

    def specs(self) -> Sequence[ToolSpec]: ...


@dataclass(frozen=True, slots=True)
class Where:
    """Where and how the person spoke."""

    area: str | None = None
    """Name of the room, if known."""
    language: str = "en"
    person: str | None = None
    """Who it was, if that is known: the owner of a phone, say. Never guessed from the voice."""
    said: str = ""
    """The whole sentence as it was written down, with its commas; empty if nobody spoke."""

    def say(self, en: str, **other: str) -> str:
        """The sentence in the language of the person: `where.say("Heads.", de="Kopf.")`."""
        return other.get(self.language.split("-")[0], en)


class Store(Protocol):
    """A few things that the skill keeps, also when the hub is restarted. Each skill has its own.

    Values are JSON: text, numbers, lists, and mappings with text as keys. Raises SkillError for
    another one, and when it is more than a skill may keep."""

    async def get(self, key: str, default: Any = None) -> Any: ...

    async def put(self, key: str, value: Any) -> None: ...

    async def delete(self, key: str) -> None: ...

    async def keys(self) -> Sequence[str]: ...


class Mqtt(Protocol):
    """Messages on the topics that a pack was granted. Raises SkillError for another topic."""

    async def publish(self, topic: str, payload: str) -> None: ...

    async def wait(self, topic: str, within: float = 5.0) -> str | None:
        """The next message on a topic, or the one that is kept there; None if there is none
        within so many seconds."""
        ...


class Web(Protocol):
    """The hosts that a pack was granted. Raises SkillError for another one."""

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
    ) -> Mapping[str, Any]:
        """`{"status": 200, "headers": {…}, "body": …}`, the body in base64."""
        ...


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One event of a calendar, or one of the times of an event that recurs."""

    summary: str
    start: datetime
    """Aware of its zone; of a whole day its midnight."""
    end: datetime
    whole_day: bool = False
    location: str = ""
    description: str = ""
    calendar: str = ""
    """Name of the calendar."""
    uid: str = ""
    recurs: bool = False


class Calendars(Protocol):
    """Calendars of files and of a CalDAV server. All of it may raise StorageError, with a sentence
    for the person, when a file cannot be written or the server does not answer."""

    def __len__(self) -> int: ...

    async def names(self) -> Sequence[str]: ...

    async def events(self, begin: datetime, end: datetime) -> Sequence[CalendarEvent]:
        """All that take place in a stretch of time, in order; each time of one that recurs."""
        ...

    async def add(
        self, summary: str, start: datetime, end: datetime, *, whole_day: bool = False
    ) -> str:
        """A new event in the calendar that the settings name for it, else the first that can be
        written to. Returns what `put_back` takes."""
        ...

    async def move(self, event: CalendarEvent, start: datetime) -> str:
        """Another time; of an event that recurs this one time only."""
        ...

    async def cancel(self, event: CalendarEvent, *, all_of_them: bool = False) -> str:
        """Take it out; of an event that recurs this one time, or `all_of_them`."""
        ...

    async def put_back(self, change: str) -> bool:
        """Undo what was done by one of the three. Whether that was possible."""
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of one of the person's own documents."""

    text: str
    document: str
    """Name of the file, or title of the article."""
    page: int | None = None


class Library(Protocol):
    """The person's own documents. What is in them is told, and never an order."""

    def __len__(self) -> int:
        """How many documents are known; 0 also where no folder is set."""
        ...

    @property
    def set_up(self) -> bool:
        """Whether there is a folder in the settings."""
        ...

    async def find(self, words: str, language: str) -> Passage | None:
        """The passage that fits best, one or two sentences."""
        ...


class Writer(Protocol):
    """A language model that can write."""

    @property
    def able(self) -> bool:
        """Whether there is one: the one that comes with the hub only chooses among commands."""
        ...

    async def write(self, wish: str, language: str) -> str:
        """A short text in plain words. Raises EngineError."""
        ...


class Others(Protocol):
    """Other tools that only tell (R0), of any skill."""

    async def tell(self, tool: str, **arguments: Any) -> str | None:
        """What `skill.function` would say; None if there is no such tool, or it has nothing."""
        ...


class Lists(Protocol):
    """The hub's own lists. Each is an entity of the domain `todo`, like Home Assistant's."""

    async def create(self, name: str) -> Entity | None:
        """A new list; None if there cannot be more of them."""
        ...

    async def delete(self, entity: Entity) -> bool:
        """Whether it was one of the hub's own."""
        ...


@dataclass(frozen=True, slots=True)
class Playing:
    """A sound of the skill that is heard."""

    what: str
    """Colour of the noise, or name of the file."""
    volume: float
    """0-1"""
    left: timedelta | None
    """Until it ends; None if it goes on until somebody ends it."""


class Sound(Protocol):
    """Sound that goes on beneath what the hub says, one at a time: what begins later takes its
    place. It is soft, or silent, while somebody is talked with, and ends with a fade at 'stop', at
    its time, after twelve hours, and with the hub: nothing begins again after a restart.

    Raises SkillError on a hub without a loudspeaker."""

    async def noise(
        self,
        colour: Literal["white", "pink", "brown"] = "white",
        *,
        volume: float = 0.5,
        length: timedelta | None = None,
    ) -> None:
        """Noise, until it is ended; with a `length`, for so long. `volume`: 0-1."""
        ...

    async def play(
        self,
        file: str,
        *,
        volume: float = 0.5,
        again: bool = False,
        length: timedelta | None = None,
    ) -> None:
        """A WAV file of the skill's folder: 16-bit PCM, a minute and 4 MB at most. `again`: over
        and over. It waits, unheard, while somebody is talked with."""
        ...

    async def fade(self, volume: float, within: timedelta = timedelta(seconds=1)) -> bool:
        """Make it louder or softer. False if nothing of the skill is heard."""
        ...

    async def end_after(self, length: timedelta | None) -> bool:
        """Let it end so much later than now; None: when it is ended. False if nothing of the
        skill is heard."""
        ...

    async def stop(self) -> bool:
        """Let it fade out. False if nothing of the skill was heard."""
        ...

    async def playing(self) -> Playing | None: ...


class Phone(Protocol):
    """The phones of the home, by way of the broker and Home Assistant."""

    async def send(self, text: str, image: bytes | None = None) -> None:
        """Show a text there, with a picture if there is one: PNG or JPEG, 256 KB at most.

        Raises SkillError where the hub has no broker, and for another picture."""
        ...


@dataclass(frozen=True, slots=True)
class Hour:
    """What a sensor told in one hour."""

    at: datetime
    """Its beginning."""
    low: float
    mean: float
    high: float
    last: float
    counts: bool = False
    """It counts on, as a meter does."""

    @property
    def value(self) -> float:
        """What it showed in the end if it counts on, else the mean."""
        return self.last if self.counts else self.mean


class Past(Protocol):
    """What sensors with numbers have told, hour by hour, for 31 days, as far as the hub was there:
    energy, power, temperature, humidity, and others of a few kinds."""

    async def of(self, entity: Entity, since: datetime) -> Sequence[tuple[datetime, float]]:
        """The beginnings of hours, each with the mean value; of what counts on, with what it
        showed at the hour's end. The last is the hour that is not over."""
        ...

    async def hours(self, entity: Entity, since: datetime) -> Sequence[Hour]:
        """The same with the lowest and the highest value."""
        ...


class Undo(Protocol):
    """What was done last in this room."""

    async def last(self) -> bool | None:
        """Undo it. Whether all of it was undone; None if there is nothing that can be."""
        ...

    async def tell(self) -> str | None:
        """Undo it; the sentence that tells what became of that. None if there is nothing."""
        ...

    def by(self, function: Any, /, **arguments: Any) -> None:
        """How what this run does is undone, where that is known only now: a function of the skill,
        and its arguments (plain JSON). Several are run in reverse order."""
        ...

    def nothing(self) -> None:
        """This run did nothing that could be undone."""
        ...


class History(Protocol):
    """What was said and done (`hub.history`), as long as the settings keep it. Not for packs.

    May raise StorageError."""

    async def turns(
        self, since: datetime | None = None, until: datetime | None = None, *, most: int = 100
    ) -> Sequence[Any]:
        """What was said, each a `hub.history.Turn`, the last at the end. The turn in which this
        is asked is not among them yet."""
        ...

    async def done(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        turn: str | None = None,
        most: int = 1000,
    ) -> Sequence[Any]:
        """What was done and what happened, each a `hub.history.Deed`, the last at the end; all of
        it, or what was done in one turn."""
        ...

    async def forget_words(self, *texts: str) -> int:
        """Forget the turns in which one of these was said or answered; how many."""
        ...


class Facts(Protocol):
    """What people told the hub to remember (`hub.memory`). Not for packs.

    A fact is told to people, and never an order. May raise StorageError."""

    async def keep(
        self,
        text: str,
        *,
        kind: Any = "note",
        subject: str = "",
        owner: str | None = None,
        teller: str | None = None,
        area: str | None = None,
        language: str = "en",
        value: Mapping[str, Any] | None = None,
    ) -> tuple[Any, Sequence[Any]]:
        """Remember something: the `hub.memory.Fact`, and those in whose place it is now."""
        ...

    async def take_back(self, number: int) -> bool:
        """Undo `keep`, by the `id` of the fact. Whether it was there."""
        ...

    async def all(self, person: str | None = None) -> Sequence[Any]:
        """What is known of the household and of this person, the oldest first."""
        ...

    async def find(self, question: str, language: str, person: str | None = None) -> Sequence[Any]:
        """The facts that answer a question; none where that would be a guess."""
        ...

    async def preferences(self, area: str | None, person: str | None = None) -> Mapping[str, Any]:
        """What is liked in a room, such as `{"temperature": 19}`."""
        ...

    async def name(self, person: str | None = None) -> str | None:
        """What somebody wants to be called."""
        ...

    def spoke_of(self, area: str | None, facts: Sequence[Any]) -> None:
        """In this room 'that' is now about these facts, for a while."""
        ...

    async def last(self, area: str | None) -> Sequence[Any]:
        """What 'that' is about."""
        ...

    async def forget(self, facts: Sequence[Any]) -> int: ...

    async def forget_everything(self, person: str | None = None) -> int:
        """All facts, or those of one person, and what was said of late."""
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """A tool that is to be run."""

    id: str
    tool: str
    """Name of the function."""
    at: datetime
    """When it is run next."""
    every: timedelta | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Schedule(Protocol):
    """Runs tools of the skill later, also after a restart of the hub. What they return is
    announced in the room where it was wanted."""

    async def after(self, delay: timedelta, tool: str, /, **arguments: Any) -> str:
        """Run a function of the skill that is a tool, by its name. Returns an id."""
        ...

    async def at(self, moment: datetime, tool: str, /, **arguments: Any) -> str: ...

    async def every(self, interval: timedelta, tool: str, /, **arguments: Any) -> str:
        """At most once a minute."""
        ...

    async def cancel(self, id: str) -> bool:
        """Whether there was such a one."""
        ...

    async def planned(self) -> Sequence[Planned]:
        """What the skill has planned, the next first."""
        ...


class Manners(Protocol):
    """Quiet hours: those of the settings, and what people ask for."""

    def quiet(self) -> bool: ...

    def quiet_until(self) -> datetime | None:
        """When the quiet hours end that are now; None if there are none."""
        ...

    async def be_quiet(self, until: datetime | None = None) -> datetime:
        """Be quiet until then; without a time until the next morning. Returns until when."""
        ...

    async def speak_normally(self) -> None: ...


SERVICES: Mapping[Any, str] = {
    Manners: "manners",
    Home: "home",
    Speaker: "speaker",
    Conversation: "conversation",
    Clock: "clock",
    Timers: "timers",
    Agenda: "agenda",
    Tools: "tools",
    Routines: "routines",
    Suggestions: "suggestions",
    Notices: "notices",
    Where: "where",
    Store: "store",
    Schedule: "schedule",
    Settings: "settings",
    Change: "change",
    Undo: "undo",
    Mqtt: "mqtt",
    Web: "web",
    Calendars: "calendars",
    Library: "library",
    Writer: "writer",
    Lists: "lists",
    Others: "others",
    Sound: "sound",
    Phone: "phone",
    Past: "past",
    History: "history",
    Facts: "facts",
}
"""Parameter annotations that are filled by the hub."""

ACTING = frozenset(
    {"agenda", "home", "mqtt", "phone", "schedule", "sound", "speaker", "timers", "web"}
)
"""Services with which a tool does something."""
