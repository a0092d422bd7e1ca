"""Calendars of a CalDAV server in the house: Radicale, Nextcloud, Baïkal, a NAS.

Nothing is asked but the one address that the settings name. Each event is an object of its own
there; it is changed as text, so that what is not understood stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from hub.daily import ics
from hub.errors import StorageError

log = logging.getLogger(__name__)

TIMEOUT = 4.0
"""Seconds that the server has for one answer."""

T = TypeVar("T")


class Server:
    """A `Place` (`hub/daily/calendars.py`)."""

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        self._url, self._user, self._password = url, user, password
        self._client: Any = None
        """A `caldav.DAVClient`, once it is needed; most of that library has no types."""
        self._calendars: dict[str, Any] = {}

    def names(self) -> list[str]:
        return list(self._asked(self._known))

    def texts(self, begin: datetime, end: datetime) -> Iterable[tuple[str, str]]:
        def search() -> list[tuple[str, str]]:
            found = []
            for name, calendar in self._known().items():
                known = calendar.search(
                    start=begin.astimezone(UTC), end=end.astimezone(UTC), event=True, expand=False
                )
                found += [(name, str(each.data)) for each in known]
            return found

        return self._asked(search)

    def of_uid(self, calendar: str, uid: str) -> list[str]:
        return self._asked(lambda: ics.of_uid(str(self._object(calendar, uid).data), uid))

    def put(self, calendar: str, uid: str, blocks: Sequence[str]) -> None:
        from caldav.lib.error import NotFoundError

        def change() -> None:
            try:
                known = self._object(calendar, uid)
            except NotFoundError:
                known = None
            if known is None and blocks:
                self._calendar(calendar).save_event(ics.replaced(ics.EMPTY, uid, blocks))
            elif known is not None and blocks:
                known.data = ics.replaced(str(known.data), uid, blocks)
                known.save()
            elif known is not None:
                known.delete()

        self._asked(change)

    def _object(self, calendar: str, uid: str) -> Any:
        return self._calendar(calendar).event_by_uid(uid)

    def _calendar(self, name: str) -> Any:
        known = self._known()
        if name not in known:
            raise StorageError(f"{self._url} has no calendar '{name}'")
        return known[name]

    def _known(self) -> dict[str, Any]:
        """The calendars of the person, or the one that the address is of."""
        if self._calendars:
            return self._calendars
        from caldav.lib.error import AuthorizationError, DAVError

        client = self._opened()
        try:
            found = list(client.principal().calendars())
        except AuthorizationError:
            raise
        except DAVError as error:
            log.info("%s: %s; it is taken for the address of a calendar", self._url, error)
            found = []
        if not found:
            only = client.calendar(url=self._url)
            self._calendars = {_name(only): only}
        else:
            self._calendars = {_name(each): each for each in found}
        return self._calendars

    def _opened(self) -> Any:
        if self._client is None:
            import caldav

            self._client = caldav.DAVClient(
                url=self._url,
                username=self._user or None,
                password=self._password or None,
                timeout=int(TIMEOUT),
            )
            # No proxy, and no password from a file for another purpose.
            self._client.session.trust_env = False
        return self._client

    def _asked(self, work: Callable[[], T]) -> T:
        """What the server answers. Raises StorageError; it is connected to anew the next time."""
        from caldav.lib.error import AuthorizationError, DAVError
        from requests import RequestException

        try:
            return work()
        except StorageError:
            raise
        except AuthorizationError:
            self._client, self._calendars = None, {}
            raise StorageError(
                f"{self._url} does not take the user and password of [skills.settings.calendar]",
                spoken="The calendar server does not let me in.",
            ) from None
        except (DAVError, RequestException, OSError, ValueError) as error:
            self._client, self._calendars = None, {}
            raise StorageError(
                f"{self._url}: {type(error).__name__}: {str(error)[:200]}",
                spoken="The calendar server does not answer.",
            ) from error


def _name(calendar: Any) -> str:
    from caldav.lib.error import DAVError

    try:
        found = calendar.get_display_name() if hasattr(calendar, "get_display_name") else None
    except DAVError:
        found = None
    return str(found or calendar.name or str(calendar.url).rstrip("/").rpartition("/")[2])
