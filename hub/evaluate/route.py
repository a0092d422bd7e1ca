"""`hearth route`: the router for other people's scorers, one JSON line in and one out.

    {"text": "turn on the desk lamp", "area": null, "language": "en",
     "states": {"light.desk": {"state": "off"}}}
    {"calls": [{"tool": "HassTurnOn", "arguments": {"name": "Desk Lamp"}}],
     "outcomes": [{"entity_id": "light.desk", "state": "on", "attributes": {...}}],
     "reply": "Turned on the desk lamp."}

It is the router of the hub, with the hub's skills; no device is touched: what a call would lead to
is tried on a copy of the home. `calls` and `outcomes` are both empty when nothing is acted on;
`recognized` has calls that found nothing to act on; `own` those of the hub's own that are about
nothing of the home, and that Home Assistant has no intent for: a reminder, a calendar, a sum.
A line that is no request, or that fails, is answered with nothing done, and with `error`.
Where the hub would ask for a yes first (unlocking), the reply is that question, and the outcomes
are those after a yes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hub import terminal
from hub.app import open_language_model
from hub.config import Config
from hub.devices.homefile import load
from hub.errors import HearthError
from hub.evaluate.hass import as_hass, of_the_home
from hub.evaluate.stage import Answer, Request, Stage
from hub.ports import ChatModel, Inventory, LanguageModel
from hub.router.rules import data_language

log = logging.getLogger(__name__)

KEYS = ("text", "area", "language", "states")


class BadRequest(HearthError):
    """A line that is no request; says what is wrong with it."""


async def serve(
    settings: Config,
    home: Path | None,
    *,
    read: Callable[[], bytes] = sys.stdin.buffer.readline,
    write: Callable[[Mapping[str, Any]], None] = terminal.row,
) -> None:
    """Answer lines until they end. Raises ConfigError for a home that makes no sense."""
    inventory = load(home or settings.home.file)
    async with open_language_model(settings) as model:
        routing = Routing(inventory, settings, model)
        try:
            await routing.stage(settings.hub.languages[0])
            while line := await asyncio.to_thread(read):
                if line.strip():
                    write(_plain(await routing.line(line)))
        finally:
            await routing.close()


class Routing:
    """A home, with a router for each language that was asked for."""

    def __init__(
        self, inventory: Inventory, settings: Config, model: LanguageModel | ChatModel | None
    ) -> None:
        self._inventory = inventory
        self._settings = settings
        self._model = model
        self._stages: dict[str, Stage] = {}

    async def stage(self, language: str) -> Stage:
        """The stage for a language; built when it is first needed."""
        if language not in self._stages:
            self._stages[language] = await Stage.build(
                self._inventory, self._settings, language=language, model=self._model
            )
        return self._stages[language]

    async def close(self) -> None:
        for stage in self._stages.values():
            await stage.close()

    async def line(self, line: bytes) -> dict[str, Any]:
        """The answer to one line; to a bad one what is wrong with it."""
        try:
            asked = request(line)
            stage = await self.stage(asked.language)
            return response(await stage.answer(asked), self._inventory)
        except HearthError as error:
            return _failed(str(error))
        except Exception as error:  # one line must not cost a scorer all that follow
            log.exception("A request failed.")
            return _failed(f"this request failed: {type(error).__name__}")


def _failed(why: str) -> dict[str, Any]:
    """An answer of the usual form that does nothing, and says why."""
    return {"calls": [], "outcomes": [], "reply": "", "error": why}


def request(line: bytes) -> Request:
    """Read a request. Raises BadRequest, naming what is wrong."""
    try:
        given = json.loads(line.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadRequest(f"not a line of JSON: {error}") from error
    if not isinstance(given, Mapping):
        raise BadRequest('a request must be a JSON object, such as {"text": "turn on the lamp"}')
    for key in given:
        if key not in KEYS:
            raise BadRequest(f"'{key}' is unknown; a request has {', '.join(KEYS)}")
    if not isinstance(given.get("text"), str):
        raise BadRequest("'text' must be there and be a string")
    area, language = given.get("area"), given.get("language") or "en"
    if area is not None and not isinstance(area, str):
        raise BadRequest("'area' must be the id or the name of a room, or null")
    if not isinstance(language, str) or data_language(language) is None:
        raise BadRequest(f"'language' must be a code such as en or de, not {language!r}")
    return Request(given["text"], area or None, language, _states(given.get("states")))


def _states(given: Any) -> dict[str, dict[str, Any]]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise BadRequest("'states' must be an object with entity ids as its keys")
    for key, shown in given.items():
        if not isinstance(shown, Mapping):
            raise BadRequest(f"'states': {key} must be an object with 'state' and 'attributes'")
        if not isinstance(shown.get("attributes") or {}, Mapping):
            raise BadRequest(f"'states': {key}: 'attributes' must be an object")
    return {key: {k: v for k, v in shown.items() if v is not None} for key, shown in given.items()}


def _plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """With texts for what JSON does not have, such as a date in a home's file."""
    plain: dict[str, Any] = json.loads(json.dumps(answer, default=str))
    return plain


def response(answer: Answer, inventory: Inventory) -> dict[str, Any]:
    """The public form of an answer: calls as Home Assistant names them."""
    touched = dict.fromkeys((*answer.touched, *answer.changed))
    calls = [as_hass(call, answer, inventory) for call in answer.calls]
    found: dict[str, Any] = {
        "calls": [call.to_json() for call in calls if of_the_home(call, answer, inventory)],
        "outcomes": [{"entity_id": key, **answer.after[key]} for key in touched],
        "reply": answer.reply,
    }
    if own := [call.to_json() for call in calls if not of_the_home(call, answer, inventory)]:
        found["own"] = own
    if answer.recognized:
        found["recognized"] = [
            as_hass(call, answer, inventory).to_json() for call in answer.recognized
        ]
    return found
