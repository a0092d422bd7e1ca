"""Settings: one TOML file with good defaults.

A value that cannot be meant is refused with its file and line, what was expected, and, for a key
that nobody knows, the key that was probably meant. See `hearth config` for the file with all
defaults and their meaning.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_cache_path, user_config_path, user_data_path, user_runtime_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from hub.errors import ConfigError, reason

Unit = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Device = Literal["cpu", "cuda"]


class Settings(BaseModel):
    """Base of every table of the file: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WakeSettings(Settings):
    """[wake]"""

    micro: str | None = Field(
        "hey_jarvis",
        description="microWakeWord model that always listens, or a Wyoming server; '' for none.",
    )
    verifier: str | None = Field(
        "hey_jarvis",
        description="openWakeWord model that checks it, or a Wyoming server; '' for none.",
    )
    sensitivity: Unit = Field(
        0.5, description="0-1. Higher wakes more easily, and more often by mistake."
    )
    pre_roll: Seconds = Field(
        1.6, description="Seconds of sound kept from before the wake word fired."
    )


class ListenSettings(Settings):
    """[listen]"""

    first_silence: Seconds = Field(
        0.2, description="Seconds of silence after which recognition starts."
    )
    complete_silence: Seconds = Field(
        0.2, description="Seconds of silence that end a command which is complete."
    )
    silence: Seconds = Field(0.7, description="Seconds of silence that end anything else.")
    incomplete_silence: Seconds = Field(
        1.6, description="Seconds of silence that end a sentence which stopped in the middle."
    )
    speech_threshold: Unit = Field(0.5, description="Probability from which a frame is speech.")
    start_timeout: Seconds = Field(5.0, description="Seconds to wait for the first word.")
    follow_up: Seconds = Field(
        6.0, description="Seconds to wait for an answer to a question, without a wake word."
    )
    longest: Seconds = Field(15.0, description="Seconds after which a command is cut.")


class RecognizerSettings(Settings):
    """[recognizer]"""

    model: str = Field(
        "whisper-base",
        description="A model's name, a folder (CTranslate2), or a Wyoming server ('tcp://…').",
    )
    threads: int = Field(0, ge=0, le=64, description="Threads; 0 for as many as there are cores.")
    hypotheses: int = Field(2, ge=1, le=8, description="How many readings the router is given.")
    device: Device = Field(
        "cpu", description="'cuda' for a GPU; without one that works the processor is taken."
    )


class RouterSettings(Settings):
    """[router]"""

    model: str | None = Field(
        "hearth-router", description="A language model's name, or a GGUF file; '' for rules alone."
    )
    threads: int = Field(0, ge=0, le=64, description="Threads; 0 for as many as there are cores.")
    device: Device = Field(
        "cpu", description="'cuda' for a GPU; without one that works the processor is taken."
    )
    confidence: Unit = Field(
        0.9, description="0-1. The language model acts only if it is at least this sure."
    )
    rival: Unit = Field(
        0.3,
        description="0-1. Things at least this likely, relative to the likeliest, are asked about.",
    )


class ModelSettings(Settings):
    """[model]"""

    url: str | None = Field(
        None,
        description="A language model on another machine of yours: 'http://host:8080/v1' "
        "(OpenAI-compatible). What the rules do not know is then sent there.",
    )
    name: str = Field("", description="What that server calls the model; '' for its first.")
    key: str = Field("", repr=False, description="The key that server asks for; '' for none.")
    timeout: Seconds = Field(10.0, description="Seconds that server may take for an answer.")


class VoiceSettings(Settings):
    """[voice]"""

    model: str = Field(
        "joe",
        description="A voice's name, a Piper .onnx file, or a Wyoming server ('tcp://…').",
    )
    volume: Unit = Field(0.8, description="0-1.")
    earcons: bool = Field(True, description="Short tones for 'I listen' and 'I gave up'.")


class AudioSettings(Settings):
    """[audio]"""

    microphone: str | None = Field(None, description="Name or part of it; unset: the default.")
    loudspeaker: str | None = Field(None, description="Name or part of it; unset: the default.")
    echo_cancellation: bool = Field(
        False,
        description="Whether the hub's own voice is taken out of what is heard, here and in rooms "
        "with a sound card of this machine. See docs/satellites.md.",
    )


class HomeSettings(Settings):
    """[home]"""

    file: Path | None = Field(None, description="A simulated home (YAML); unset: the built-in.")
    simulated: bool | None = Field(
        None, description="Whether there is a simulated home; unset: only if there is no real one."
    )
    confirm_timeout: Seconds = Field(
        3.0, description="Seconds a device has to report that it did as it was told."
    )
    latitude: float | None = Field(
        None, ge=-90, le=90, description="Degrees north, for the sun; unset: Home Assistant's."
    )
    longitude: float | None = Field(
        None, ge=-180, le=180, description="Degrees east, for the sun; unset: Home Assistant's."
    )


class MqttSettings(Settings):
    """[mqtt]"""

    host: str | None = Field(
        None, description="Name or address of the MQTT broker; '' for no MQTT; 'own' to run one."
    )
    port: int = Field(0, ge=0, le=65535, description="Its port; 0 for the usual one.")
    user: str = Field("", description="The name to log in with; '' for none.")
    password: str = Field(
        "",
        repr=False,
        description="Better kept in a systemd credential 'mqtt-password', or $MQTT_PASSWORD.",
    )
    version: Literal["5", "3.1.1"] = Field("5", description="MQTT version, '5' or '3.1.1'.")
    transport: Literal["tcp", "websockets"] = Field(
        "tcp", description="'tcp', or 'websockets' for a broker behind a web server."
    )
    path: str = Field("/mqtt", description="Path on the web server, for websockets.")
    tls: bool = Field(False, description="Whether to talk to the broker over TLS.")
    ca: Path | None = Field(None, description="Certificate of your own authority (PEM).")
    certificate: Path | None = Field(None, description="The hub's own certificate (PEM).")
    key: Path | None = Field(None, description="The key of the hub's own certificate (PEM).")
    discovery: str = Field(
        "homeassistant",
        description="First part of the topics on which devices announce themselves.",
    )
    announce: Literal["auto", "device", "entities"] = Field(
        "auto",
        description="How the hub announces itself: 'device', 'entities' for a Home Assistant "
        "before 2024.11, 'auto' by the version of the one in [homeassistant].",
    )
    prefix: str = Field("hearth", description="First part of the hub's own topics.")
    name: str = Field("Hearth", description="What the hub is called as a device.")


class HomeAssistantSettings(Settings):
    """[homeassistant]"""

    url: str | None = Field(
        None, description="Where Home Assistant is: 'http://homeassistant.local:8123'."
    )
    token: str = Field(
        "",
        repr=False,
        description="A long-lived access token. Better kept in a systemd credential 'ha-token', "
        "or $HASS_TOKEN.",
    )
    ca: Path | None = Field(None, description="Certificate of your own authority (PEM).")
    verify: bool = Field(True, description="Whether its certificate has to fit.")


class WyomingSettings(Settings):
    """[wyoming]"""

    listen: str | None = Field(
        None,
        description="Where to offer ears, brain and voice to Home Assistant: "
        "'tcp://0.0.0.0:10700' (with 'clients'), 'tcp://127.0.0.1:10700' for this machine alone.",
    )
    announce: bool = Field(True, description="Whether to announce it in the local network.")
    clients: tuple[str, ...] = Field(
        (),
        description='Addresses and networks that may use it, such as ["192.168.1.20"] or '
        '["192.168.1.0/24"]; this machine always may. Wyoming knows no passwords, so this is all '
        "that tells friend from foe.",
        validate_default=True,
    )

    @field_validator("clients")
    @classmethod
    def _networks(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        from ipaddress import ip_network

        if not value and _reached_by_others(info.data.get("listen") or ""):
            raise ValueError(
                f"'{info.data['listen']}' can be reached by others, and nothing but this list "
                "keeps them out: list the addresses of the clients, or listen at 127.0.0.1"
            )
        for each in value:
            try:
                ip_network(each, strict=False)
            except ValueError:
                raise ValueError(f"{each!r} is neither an address nor a network") from None
        return value


def _reached_by_others(listen: str) -> bool:
    """Whether an address to listen at is one of the network; what is no address opens no door."""
    from ipaddress import ip_address

    try:
        return not ip_address(urlsplit(listen).hostname or "").is_loopback
    except ValueError:
        return False


class WebSettings(Settings):
    """[web]"""

    host: str = Field(
        "127.0.0.1",
        description="Where the page is: '127.0.0.1' is this machine alone, '0.0.0.0' the house. "
        "There is one as soon as 'hearth web password' has set a password.",
    )
    port: int = Field(8780, ge=0, le=65535, description="Its port.")
    names: tuple[str, ...] = Field(
        (), description='Further names that browsers reach it by, such as ["hearth.home"].'
    )
    certificate: Path | None = Field(None, description="Certificate for HTTPS (PEM); '' for none.")
    key: Path | None = Field(None, description="The key of that certificate (PEM).")


class MetricsSettings(Settings):
    """[metrics]"""

    port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port on 127.0.0.1 at which Prometheus finds the hub's figures; 0: none.",
    )


LONGEST_DEBUG = timedelta(days=7)
"""How far ahead the end of recording for debugging may be."""


class PrivacySettings(Settings):
    """[privacy]"""

    words_hours: float = Field(
        24.0,
        ge=0,
        le=24 * 365,
        description="Hours for which it is kept what was said and answered; 0: never. "
        "Sound is never kept.",
    )
    deeds_days: float = Field(
        365.0,
        ge=0,
        le=3650,
        description="Days for which it is kept what devices did, and why; 0: never.",
    )
    facts_days: float = Field(
        0.0, ge=0, le=36500, description="Days for which facts are kept; 0: until they are erased."
    )
    debug_audio_until: datetime | None = Field(
        None,
        description="For a search for faults: until then, at most 7 days ahead, what is heard is "
        "kept as sound, and then deleted. Such as 2026-11-27T18:00:00.",
    )

    allow: tuple[str, ...] = Field(
        (),
        description="Hosts, addresses and networks outside of the house that the hub may reach, "
        "besides those that other settings name. Anything else there is refused.",
    )

    @field_validator("debug_audio_until", mode="before")
    @classmethod
    def _a_day_is_its_beginning(cls, value: Any) -> Any:
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day)
        return value

    @field_validator("debug_audio_until")
    @classmethod
    def _soon(cls, value: datetime | None) -> datetime | None:
        """Local time, where the file does not say which."""
        until = value.astimezone() if value is not None else None
        if until is not None and until - datetime.now(UTC) > LONGEST_DEBUG:
            raise ValueError("a time at most 7 days ahead is expected")
        return until


class SuggestionSettings(Settings):
    """[suggestions]"""

    enabled: bool = Field(
        True,
        description="Whether habits are looked for in the history, and each is offered once as a "
        "routine: at most one a day, after somebody has talked with the hub. Nothing is done "
        "before somebody has said yes.",
    )


class NoticeSettings(Settings):
    """[notices]"""

    danger: bool = Field(False, description="Tell of water, smoke and gas at once, at any hour.")
    windows: bool = Field(False, description="Tell of a window or door that is open at frost.")
    batteries: bool = Field(False, description="Tell when a battery is low.")
    appliances: bool = Field(False, description="Tell when an appliance has finished.")
    frost: float = Field(3.0, description="Degrees (as the sensor tells) that count as frost.")
    open_minutes: float = Field(60.0, ge=1, description="Minutes that it may be open then.")
    battery_percent: float = Field(15.0, ge=1, le=99, description="From which a battery is low.")


class MannersSettings(Settings):
    """[manners]"""

    quiet: str | None = Field(
        "22:00-07:00",
        description="Quiet hours, '' for none: softer, shorter, and nothing unasked that can wait.",
    )
    quiet_volume: Unit = Field(
        0.4, description="0-1. How loud the voice is at most in quiet hours."
    )
    volumes: tuple[str, ...] = Field(
        (), description='How loud at most from when on, such as ["07:00 0.8", "20:00 0.6"].'
    )
    short: Literal["quiet", "always", "never"] = Field(
        "quiet", description="When replies are short: in quiet hours, 'always', or 'never'."
    )
    tone: Literal["quiet", "always", "never"] = Field(
        "quiet",
        description="When a tone stands for words where the result is seen: a light, a blind or a "
        "switch in the room where it was said. In quiet hours, 'always', or 'never'.",
    )


class RoomSettings(Settings):
    """[rooms.NAME]: what is known of the satellite in a room."""

    language: str | None = Field(None, description="The language that is spoken there.")
    person: str | None = Field(None, description="Whose room it is: who speaks there.")
    satellite: str | None = Field(
        None,
        description="Address of the satellite there: tcp://192.168.1.30:10700 of one that speaks "
        "Wyoming, esphome://192.168.1.40 of one of ESPHome's.",
    )
    microphone: str | None = Field(
        None, description="Another microphone of this machine, which is there: part of its name."
    )
    loudspeaker: str | None = Field(
        None,
        description="The loudspeaker beside that microphone; unset: the default one.",
    )

    @property
    def elsewhere(self) -> bool:
        """Whether something listens there, other than the hub's own microphone."""
        return bool(self.satellite or self.microphone or self.loudspeaker)


Risk = Literal["R0", "R1", "R2", "R3"]


class TrustSettings(Settings):
    """[trust]"""

    heating: float = Field(
        3.0, ge=0, description="Degrees by which the heating may be changed without a question."
    )
    factor: Literal["auto", "pin", "phone"] = Field(
        "auto",
        description="What lets voice unlock and disarm: 'pin', 'phone' (a tap), 'auto' (the PIN, "
        "if there is one). See docs/trust.md and 'hearth trust'.",
    )
    devices: dict[str, Literal["R0", "R1", "R2", "R3", "pin", "phone", "no"]] = Field(
        {},
        description="By entity id: a class, or what must come first, such as "
        '{ "switch.pump" = "R2", "lock.front_door" = "phone" }.',
    )
    rooms: dict[str, Risk] = Field(
        {},
        description="By room: the highest class that is done when it is said there, such as "
        '{ "Porch" = "R1" }.',
    )
    people: dict[str, Risk] = Field(
        {}, description='The same by person, if it is known who speaks: { "Sam" = "R1" }.'
    )


class SkillSettings(Settings):
    """[skills]"""

    folders: tuple[Path, ...] = Field((), description="Folders with further skills.")
    disabled: tuple[str, ...] = Field((), description="Names of skills not to load.")
    timeout: Seconds = Field(5.0, description="Seconds a tool may take.")
    settings: dict[str, dict[str, bool | int | float | str]] = Field(
        {}, description="Of skills in those folders, such as [skills.settings.coin] with most = 3."
    )


class HubSettings(Settings):
    """[hub]"""

    languages: tuple[str, ...] = Field(("en",), min_length=1, description="BCP 47, main one first.")
    area: str | None = Field(None, description="Name of the room the hub's microphone is in.")
    board: Literal["auto", "none", "pi4-2gb", "pi4", "pi5", "orin-nano", "x86", "arm", "small"] = (
        Field(
            "auto",
            description="Whose defaults are taken for what is not set here: those of this machine "
            "('auto'), of another, or the plain ones ('none'). 'hearth doctor' shows them.",
        )
    )
    data: Path = Field(
        default_factory=lambda: _folder("STATE_DIRECTORY", user_data_path("hearth")),
        description="Folder for what must survive: models, states of the simulated home.",
    )
    cache: Path = Field(
        default_factory=lambda: _folder("CACHE_DIRECTORY", user_cache_path("hearth")),
        description="Folder for what can be made again: synthesised replies.",
    )
    runtime: Path = Field(
        default_factory=lambda: _runtime(),
        description="Folder for the control socket of the running hub.",
    )


class Config(Settings):
    """The whole file."""

    hub: HubSettings = Field(default_factory=lambda: HubSettings())
    audio: AudioSettings = Field(default_factory=lambda: AudioSettings())
    wake: WakeSettings = Field(default_factory=lambda: WakeSettings())
    listen: ListenSettings = Field(default_factory=lambda: ListenSettings())
    recognizer: RecognizerSettings = Field(default_factory=lambda: RecognizerSettings())
    router: RouterSettings = Field(default_factory=lambda: RouterSettings())
    model: ModelSettings = Field(default_factory=lambda: ModelSettings())
    voice: VoiceSettings = Field(default_factory=lambda: VoiceSettings())
    home: HomeSettings = Field(default_factory=lambda: HomeSettings())
    mqtt: MqttSettings = Field(default_factory=lambda: MqttSettings())
    homeassistant: HomeAssistantSettings = Field(default_factory=lambda: HomeAssistantSettings())
    wyoming: WyomingSettings = Field(default_factory=lambda: WyomingSettings())
    skills: SkillSettings = Field(default_factory=lambda: SkillSettings())
    trust: TrustSettings = Field(default_factory=lambda: TrustSettings())
    manners: MannersSettings = Field(default_factory=lambda: MannersSettings())
    suggestions: SuggestionSettings = Field(default_factory=lambda: SuggestionSettings())
    notices: NoticeSettings = Field(default_factory=lambda: NoticeSettings())
    rooms: dict[str, RoomSettings] = Field(
        {}, description='Of single rooms, such as [rooms.Bedroom] with language = "de".'
    )
    phones: dict[str, str] = Field(
        {}, description="Conversations from elsewhere -> whose they are: sams-phone = 'Sam'."
    )
    privacy: PrivacySettings = Field(default_factory=lambda: PrivacySettings())
    web: WebSettings = Field(default_factory=lambda: WebSettings())
    metrics: MetricsSettings = Field(default_factory=lambda: MetricsSettings())

    def without_wake_word(self) -> Config:
        """The same settings for a hub that takes all speech as meant for it."""
        deaf = self.wake.model_copy(update={"micro": None, "verifier": None})
        return self.model_copy(update={"wake": deaf})

    def cautious(self) -> Config:
        """The same without what the hub can do without: language model and own skills."""
        less = {
            "router": self.router.model_copy(update={"model": None}),
            "model": self.model.model_copy(update={"url": None}),
            "skills": self.skills.model_copy(update={"folders": ()}),
        }
        return self.model_copy(update=less)

    @property
    def models(self) -> Path:
        """Folder of the models."""
        return self.hub.data / "models"


def _folder(variable: str, otherwise: Path) -> Path:
    """systemd names the service's folders in the environment; elsewhere the user's are used."""
    given = os.environ.get(variable)
    return Path(given.split(":")[0]) if given else otherwise


def _runtime() -> Path:
    """A folder that the system empties at boot; where there is none, beside the data."""
    if "RUNTIME_DIRECTORY" not in os.environ and "XDG_RUNTIME_DIR" not in os.environ:
        return _folder("STATE_DIRECTORY", user_data_path("hearth")) / "run"
    return _folder("RUNTIME_DIRECTORY", user_runtime_path("hearth"))


def default_path() -> Path:
    """Where the settings are looked for: $HEARTH_CONFIG, systemd's folder, the user's folder."""
    if given := os.environ.get("HEARTH_CONFIG"):
        return Path(given)
    return _folder("CONFIGURATION_DIRECTORY", user_config_path("hearth")) / "hearth.toml"


def load(path: Path | None = None) -> Config:
    """Read the settings; what the file does not set is as it suits this machine (`hub.board`).

    Raises ConfigError for a named file that is missing, text that is not TOML, a key that
    nobody knows, or a value of the wrong kind; the message gives file and line."""
    from hub.board import suited

    return suited(_read(path))


def _read(path: Path | None) -> Config:
    chosen = path or default_path()
    try:
        text = chosen.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if path is None and "HEARTH_CONFIG" not in os.environ:
            return Config()
        raise ConfigError(f"{chosen}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{chosen}: cannot be read: {reason(error)}") from error
    return parse(text, str(chosen), relative_to=chosen.parent)


def parse(text: str, source: str = "hearth.toml", *, relative_to: Path | None = None) -> Config:
    """Settings from TOML text; paths in it may be relative to its folder. Raises ConfigError."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}:{_line_of(error, text)}: not TOML: {error}") from error
    try:
        return Config.model_validate(_prepared(tables, relative_to))
    except ValidationError as error:
        raise ConfigError("\n".join(_explained(error, text, source))) from error


def _line_of(error: tomllib.TOMLDecodeError, text: str) -> int:
    """The line that the TOML reader stumbled over, from its message."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else max(1, len(text.splitlines()))


_PATHS = {
    ("home", "file"),
    ("hub", "data"),
    ("hub", "cache"),
    ("hub", "runtime"),
    ("mqtt", "ca"),
    ("mqtt", "certificate"),
    ("mqtt", "key"),
    ("homeassistant", "ca"),
    ("web", "certificate"),
    ("web", "key"),
}


def _prepared(tables: dict[str, Any], base: Path | None) -> dict[str, Any]:
    """TOML has neither paths, tuples, nor null: make them of strings, lists and ''."""

    def path(value: Any) -> Any:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            return value
        found = Path(value).expanduser()
        return found if found.is_absolute() or base is None else base / found

    def convert(table: str, key: str, value: Any) -> Any:
        field = _field((table, key))
        if value == "" and field is not None and "None" in str(field.annotation):
            return None
        if (table, key) in _PATHS:
            return path(value)
        if (table, key) == ("skills", "folders") and isinstance(value, list):
            return tuple(path(item) for item in value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value if field is None or "int" in str(field.annotation) else float(value)
        return tuple(value) if isinstance(value, list) else value

    return {
        table: {key: convert(table, key, value) for key, value in content.items()}
        if isinstance(content, dict)
        else content
        for table, content in tables.items()
    }


def _tables() -> dict[str, type[Settings]]:
    return {
        name: field.annotation
        for name, field in Config.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
    }


def _field(place: tuple[str, str]) -> Any:
    table = _tables().get(place[0])
    return table.model_fields.get(place[1]) if table else None


_EXPECTED = {
    "tuple_type": 'a list is expected, such as ["one", "two"]',
    "is_instance_of": "a path in quotes is expected",
    "string_type": "text in quotes is expected",
    "bool_type": "true or false is expected",
    "int_type": "a whole number is expected",
    "float_type": "a number is expected",
    "datetime_type": "a date without quotes is expected, such as 2026-11-27T18:00:00",
    "model_type": "this is a table: write [{table}] on a line of its own, and its settings below",
}
"""What is wrong with a value, in words for who writes the file; other words are pydantic's."""


def _explained(error: ValidationError, text: str, source: str) -> list[str]:
    """One line for each thing wrong: where, what, and the way out."""
    lines = []
    for problem in error.errors():
        place = tuple(str(part) for part in problem["loc"])
        named = f"[{place[0]}]" + (f" {place[1]}" if len(place) > 1 else "")
        where = f"{source}:{_line(text, place)}: {named}"
        if problem["type"] == "extra_forbidden":
            table = _tables().get(place[0]) if len(place) > 1 else None
            if place[0] == "rooms" and len(place) > 2:
                table, named = RoomSettings, f"[rooms.{place[1]}] {place[2]}"
                where = f"{source}:{_line(text, place)}: {named}"
            known = list(table.model_fields if table else Config.model_fields)
            close = difflib.get_close_matches(place[-1], known, n=1, cutoff=0.5)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}."
            lines.append(f"{where}: there is no such setting; {hint}")
        else:
            field = _field((place[0], place[1])) if len(place) > 1 else None
            meaning = f" {field.description}" if field is not None and field.description else ""
            got = f" (it is {problem['input']!r})"
            expected = _EXPECTED.get(
                problem["type"], problem["msg"].removeprefix("Value error, ")
            ).format(table=place[0])
            lines.append(f"{where}: {expected}{got}.{meaning}")
    return lines


def _line(text: str, place: tuple[str, ...]) -> int:
    """Line number of a key, which the TOML reader of the standard library does not keep."""
    table, best = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([\w.\"-]+)\s*\]", line):
            table = header[1].strip('"')
            if table == place[0]:
                best = number
        elif key := re.match(r"\s*([\w\"-]+(?:\.[\w\"-]+)?)\s*=", line):
            name = key[1].replace('"', "")
            full = f"{table}.{name}" if table else name
            if full == ".".join(place[:2]) or (len(place) == 1 and full == place[0]):
                return number
    return best


def template() -> str:
    """The whole file with every default, each setting explained, all commented out."""

    def value(default: Any) -> str:
        if default is None:
            return '""'
        if isinstance(default, bool):
            return str(default).lower()
        if isinstance(default, tuple):
            return "[" + ", ".join(value(item) for item in default) + "]"
        if isinstance(default, dict):
            return "{}"
        if isinstance(default, int | float):
            return str(default)
        return '"' + str(default).replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = ["# Hearth's settings. Remove the '#' before what you change."]
    singly = {key: Config.model_fields[key].description for key in ("rooms", "phones")}
    for name, table in _tables().items():
        lines += ["", f"[{name}]"]
        for key, field in table.model_fields.items():
            lines.append(f"# {field.description}")
            lines.append(f"#{key} = {value(field.get_default(call_default_factory=True))}")
    for key, meaning in singly.items():
        lines += ["", f"[{key}]", f"# {meaning}"]
    return "\n".join(lines) + "\n"


Role = Literal["wake", "verifier", "recognizer", "language-model", "voice"]
