"""What `hearth routines` may ask of the hub that runs, or of one that is opened for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hub.errors import HearthError
from hub.routines import wording
from hub.routines.routine import Routine, RoutineError, from_plain, to_plain
from hub.routines.routines import Routines
from hub.skill import Where

MOST = 200


class RoutineDoor:
    """Answers requests: `{"do": "list"}`."""

    def __init__(self, routines: Routines) -> None:
        self._routines = routines

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer; `{"error": …}` for what cannot be done."""
        try:
            return await self._answer(request)
        except HearthError as error:
            return {"error": str(error)}

    async def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        do, name = request.get("do"), request.get("name")
        match do:
            case "list":
                return {"routines": [self._row(routine) for routine in self._routines.all()]}
            case "put":
                others = bool(request.get("keep_others", True))
                return await self._put(request.get("routines"), others)
            case "automations":
                from hub.routines.homeassistant import automations

                wanted = self._routines.all() if not name else [self._known(name)]
                made, problems = await automations(wanted, self._routines)
                return {"automations": made, "problems": problems}
        routine = self._known(name)
        match do:
            case "show":
                return {"routine": to_plain(routine), "text": self._row(routine)["text"]}
            case "run":
                where = Where(routine.area, routine.language, routine.person)
                return {"text": (await self._routines.run(routine, where)).text}
            case "enable" | "disable":
                self._routines.enable(routine.id, do == "enable")
            case "remove":
                self._routines.remove(routine.id)
            case _:
                raise RoutineError(f"'{do}' is nothing that can be done with routines")
        await self._flush()
        return {"done": routine.name}

    def _known(self, name: Any) -> Routine:
        found = self._routines.find(name) if isinstance(name, str) else None
        if found is None:
            known = ", ".join(f"'{routine.name}'" for routine in self._routines.all())
            raise RoutineError(f"there is no routine '{name}'; there are: {known or 'none'}")
        return found

    def _row(self, routine: Routine) -> dict[str, Any]:
        name_of = self._routines.maker.name_of
        text = wording.routine(routine, name_of, routine.language)
        return {"id": routine.id, "enabled": routine.enabled, "text": text, **to_plain(routine)}

    async def _put(self, given: Any, keep_others: bool) -> dict[str, Any]:
        """Take routines from a file: all of them, or none if one makes no sense."""
        if isinstance(given, Mapping):
            given = given.get("routines", [given])
        if not isinstance(given, list) or not given or len(given) > MOST:
            raise RoutineError("a list of routines is expected: - name, when, do")
        checked = []
        for plain in given:
            routine = from_plain({k: v for k, v in plain.items() if k != "id"} if isinstance(
                plain, Mapping) else plain)  # fmt: skip
            found = await self._routines.maker.checked(routine)
            if isinstance(found, str):
                raise RoutineError(f"the routine '{routine.name}': {found}")
            checked.append(found)
        if not keep_others:
            names = {routine.name.casefold() for routine in checked}
            for old in self._routines.all():
                if old.name.casefold() not in names:
                    self._routines.remove(old.id)
        for routine in checked:
            made_by = routine.made_by if routine.made_by != "voice" else "file"
            self._routines.add(replace(routine, made_by=made_by))
        await self._flush()
        return {"done": [routine.name for routine in checked]}

    async def _flush(self) -> None:
        if not await self._routines.flush():
            raise RoutineError("it is done, but could not be written to the disk")
