"""What the hub tells systemd: that it is there, how it is, and, again and again, that it is well.

systemd names a socket in $NOTIFY_SOCKET and, for a service with WatchdogSec=, in $WATCHDOG_USEC the
time after which it ends and restarts a service that it has not heard of. Elsewhere than in such a
service nothing is told to anybody. See sd_notify(3).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, MutableMapping

log = logging.getLogger(__name__)

STATUS_SECONDS = 10.0
"""Between two looks at how the hub is, where no watchdog asks for more."""
FEEDS = 4
"""How often the watchdog is fed in the time that it waits: one that comes late is no death."""


class Notifier:
    """The way to systemd. `address`: its socket, '' if there is none; `watchdog`: seconds after
    which it takes silence for death, None if it does not."""

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self.watchdog = watchdog
        # An '@' stands for the zero with which the names begin that lie in no folder.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._status = ""

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> Notifier:
        """As the service manager wants it. The variables are taken out of the environment: what
        the hub starts in its turn has nothing to tell there."""
        address = environment.pop("NOTIFY_SOCKET", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        meant = environment.pop("WATCHDOG_PID", "")
        fed = microseconds.isdigit() and int(microseconds) > 0
        fed = fed and meant in ("", str(os.getpid()))
        return cls(address, int(microseconds) / 1e6 if fed else None)

    def ready(self, status: str) -> None:
        """The hub answers from now on."""
        self._status = _line(status)
        self._send("READY=1", f"STATUS={self._status}")

    def status(self, text: str) -> None:
        """One line about how it is, for `systemctl status`; told only when it has changed."""
        if (line := _line(text)) != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def stopping(self) -> None:
        """The hub is about to end, by itself or as it was told."""
        self._send("STOPPING=1", "STATUS=ending")

    async def watch(self, status: Callable[[], str], ill: Callable[[], str] = lambda: "") -> None:
        """Tell the status when it changes, and feed the watchdog. Cancel it to end it. `ill` says
        what is wrong that only a restart mends, '' if nothing is; meanwhile it is not fed.

        It runs on the event loop, so that a loop that stands still feeds nobody. Nor is it fed
        while the loop's threads are all stuck: nothing is stored then, and nothing looked up."""
        if not self._address:
            return
        pause = (self.watchdog or STATUS_SECONDS * FEEDS) / FEEDS
        while True:
            await asyncio.sleep(pause)
            if not await _threads_answer(pause):
                self.status("not well: none of its threads answers")
                continue
            if wrong := ill():
                self.status(f"not well: {wrong}")
                continue
            self.status(status())
            if self.watchdog is not None:
                self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                # The hub waits for nobody, not even for systemd.
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.debug("systemd was not told %s: %s", lines, error)


async def _threads_answer(seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await asyncio.to_thread(int)
    except TimeoutError:
        return False
    return True


def _line(text: str) -> str:
    """Names of others may be in it, and a line of its own would be an order to systemd."""
    return " ".join(text.split())
