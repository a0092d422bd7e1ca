"""Nothing leaves the house: connections and look-ups to anywhere else are refused, by name.

The hub has no business on the internet but what its owner has written into the settings, or granted
to a pack. An audit hook (PEP 578) sees every address that Python code of this process connects or
sends to, whichever library does it; one outside of `HOUSE` that nobody has allowed raises
`Refused`, and the log says who wanted it. It is on while a hub is open (`hub.app`) and in the
engines' processes, and off in commands that fetch something, such as `hearth models fetch`.

What native code does by itself no hook sees: the service's unit denies the same addresses to all of
its processes in the kernel, and `hearth privacy prove` looks at the packets.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hub.addresses import LastKnown

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

log = logging.getLogger(__name__)

HOUSE = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "::1/128", "fc00::/7", "fe80::/64", "224.0.0.251/32", "ff02::fb/128",
)  # fmt: skip
"""Loopback, private (RFC 1918), unique local (RFC 4193), link-local, and mDNS. The units in
`systemd/` have the same."""
LOCAL_ENDINGS = (".local", ".localhost", ".lan", ".home", ".internal", ".home.arpa", ".fritz.box")
"""Names that a router answers by itself; so it does those without a dot."""
LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
CARRIERS = frozenset(
    "aiohappyeyeballs aiohttp aiomqtt anyio h11 hass_client httpcore httpx paho requests urllib3"
    " websockets".split()
)
"""Libraries that connect because others ask them to."""
MOST = 1024
"""Addresses of allowed names that are remembered, and refusals."""


class Refused(PermissionError):
    """Somebody wanted to leave the house."""


class _Guard:
    """What holds for the whole process."""

    def __init__(self) -> None:
        self.on = 0
        self.installed = False
        self.allowed: Counter[str] = Counter()
        """Names, addresses and networks -> how many want them allowed."""
        self.found: dict[str, str] = {}
        """Address -> the allowed name that leads there."""
        self.refusals: Counter[tuple[str, str]] = Counter()
        """(Who, where) -> how often."""

    def address(self, host: str) -> None:
        """Raises Refused for an address that is elsewhere."""
        if not at_home(host) and host not in self.found and not self._in_allowed_network(host):
            self._refuse(host)

    def name(self, host: str) -> None:
        """Raises Refused for a name that must not be looked up."""
        if not _local_name(host) and not self.allows(_plain(host)):
            self._refuse(_plain(host))

    def allows(self, plain: str) -> bool:
        """Whether a name is allowed: by itself, or by the end of it (`.example.org`)."""
        if plain in self.allowed:
            return True
        return any(end[0] == "." and plain.endswith(end) for end in self._now_allowed() if end)

    def remember(self, host: str, addresses: Iterable[str]) -> None:
        if self.allows(_plain(host)):
            while len(self.found) >= MOST:
                self.found.pop(next(iter(self.found)))
            self.found.update(dict.fromkeys(addresses, _plain(host)))

    def _in_allowed_network(self, host: str) -> bool:
        found = _numeric(host)
        return any(
            network is not None and found is not None and found in network
            for network in map(_network, self._now_allowed())
        )

    def _now_allowed(self) -> tuple[str, ...]:
        """A copy: other threads connect, too, while something is allowed or no more."""
        return tuple(self.allowed)

    def _refuse(self, host: str) -> None:
        who = _caller()
        first = (who, host) not in self.refusals
        if first and len(self.refusals) < MOST:
            log.error(
                "nothing leaves the house: %s wanted to reach %s, which the settings do not name; "
                "it was refused ([privacy] allow would let it)", who, host,
            )  # fmt: skip
        if len(self.refusals) < MOST or not first:
            self.refusals[who, host] += 1
        raise Refused(errno.EACCES, f"{host} is outside of the house, and in no settings")


_guard = _Guard()
_last = LastKnown(lambda address: at_home(address))
_asking = socket.getaddrinfo


@contextmanager
def guarded(allow: Iterable[str] = ()) -> Iterator[None]:
    """Refuse what leaves the house, but for these hosts, addresses and networks, until the block
    ends. Blocks may overlap, and what one allows is then allowed."""
    _install()
    taken = [_plain(host) for host in allow]
    _guard.allowed.update(taken)
    _guard.on += 1
    try:
        with suppress(RuntimeError):  # without a loop, look-ups name their callers by themselves
            _watch(asyncio.get_running_loop())
        yield
    finally:
        _guard.on -= 1
        _drop(taken)


def close_off() -> None:
    """For a process that never needs anybody else: as above, for good."""
    _install()
    _guard.on += 1


def allow(hosts: Iterable[str]) -> Callable[[], None]:
    """Let these be reached, too; the result ends that."""
    taken = [_plain(host) for host in hosts]
    _guard.allowed.update(taken)
    return lambda: _drop(taken)


def leads_to(host: str, addresses: Iterable[str]) -> None:
    """An allowed name leads to these addresses, as was found out in a way of one's own."""
    _guard.remember(host, addresses)


def refusals() -> dict[tuple[str, str], int]:
    """(Who, where) -> how often it was refused in this process."""
    return dict(_guard.refusals)


def named_in(settings: Any) -> set[str]:
    """Every host that settings name: in addresses with a scheme, under `host` and under `allow`."""
    found: set[str] = set()
    if isinstance(settings, dict):
        for key, value in settings.items():
            if key in ("host", "allow"):
                found |= {each for each in _several(value) if isinstance(each, str) and each}
            found |= named_in(value)
    elif isinstance(settings, str):
        if "://" in settings:
            try:
                found |= {urlsplit(settings).hostname or ""} - {""}
            except ValueError:
                log.debug("%r is no address", settings)
    elif isinstance(settings, Iterable):
        for value in settings:
            found |= named_in(value)
    return found


def outside(hosts: Iterable[str]) -> list[str]:
    """Those of them that are, or may lead, outside of the house."""
    return sorted(host for host in set(map(_plain, hosts)) if not _leads_home(host))


def at_home(address: str) -> bool:
    """Whether an address is in one of the ranges of a house."""
    found = _numeric(address)
    return found is not None and (found.is_unspecified or any(found in each for each in _house()))


def _several(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _drop(taken: Iterable[str]) -> None:
    for host in taken:
        _guard.allowed[host] -= 1
        if _guard.allowed[host] <= 0:
            del _guard.allowed[host]
            for address in [
                a for a, name in tuple(_guard.found.items()) if not _guard.allows(name)
            ]:
                del _guard.found[address]


def _install() -> None:
    if _guard.installed:
        return
    _guard.installed = True
    socket.getaddrinfo = _looked_up
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Called for everything that CPython audits: quick for what is none of its business."""
    if event[:7] != "socket." or not _guard.on:
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        sock, address = arguments
        if sock.family in (socket.AF_INET, socket.AF_INET6) and address:
            host = _text(address[0])
            if _numeric(host) is None:
                _guard.name(host)  # the socket looks it up by itself
            else:
                _guard.address(host)
    elif event in LOOK_UPS and arguments[0]:
        _guard.name(_text(arguments[0]))


def _looked_up(host: Any, *arguments: Any, **named: Any) -> Any:
    """`socket.getaddrinfo`, which remembers where names of the house and allowed ones lead."""
    if not (_guard.on and host):
        return _asking(host, *arguments, **named)
    _guard.name(_text(host))
    asked = (*arguments, *sorted(named.items()))
    found = _last.ask(lambda: _asking(host, *arguments, **named), _plain(_text(host)), *asked)
    if _guard.on:
        _guard.remember(_text(host), [str(row[4][0]) for row in found])
    return found


def _watch(loop: asyncio.AbstractEventLoop) -> None:
    """Look-ups of asyncio run in threads, where nobody knows any more who asked."""
    if getattr(loop.getaddrinfo, "guarded", False):
        return
    ask = loop.getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **named: Any) -> Any:
        if _guard.on and host:
            _guard.name(_text(host))
        return await ask(host, port, **named)

    getaddrinfo.guarded = True  # type: ignore[attr-defined]
    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]


def _caller() -> str:
    """Who wants it: the nearest code that is neither Python's own nor of a library that carries
    for others, and the hub's code that had it done."""
    frame: FrameType | None = sys._getframe(1)
    near = carrier = ""
    while frame is not None and frame.f_code is not _RUN:
        kind, told = _told(frame)
        if kind == "carrier":
            carrier = carrier or told
        elif kind == "hub":
            return f"{near}, for {told}" if near else told
        elif kind:
            near = near or told
        frame = frame.f_back
    return near or _waiting(carrier) or carrier or f"thread {threading.current_thread().name}"


_RUN = asyncio.Handle._run.__code__
"""Beneath it is whoever runs the loop, which tells nothing."""


def _told(frame: FrameType) -> tuple[str, str]:
    """What kind of code it is ('hub', 'carrier', 'other', or '' for what is passed over), and
    where."""
    module = str(frame.f_globals.get("__name__", "?"))
    top = module.partition(".")[0]
    if module == __name__ or top in sys.stdlib_module_names:
        return "", ""
    kind = "hub" if top == "hub" else "carrier" if top in CARRIERS else "other"
    return kind, f"{module} (line {frame.f_lineno})"


def _waiting(carrier: str) -> str:
    """A library may connect in a task of its own: who waits in it now."""
    found = set()
    try:
        tasks = asyncio.all_tasks() if carrier else ()
    except RuntimeError:  # another thread
        return ""
    for task in tasks:
        inner: Any = task.get_coro()
        nearest, waits = "", False
        while (frame := getattr(inner, "cr_frame", None)) is not None:
            kind, told = _told(frame)
            waits = waits or kind == "carrier"
            nearest = told if kind in ("hub", "other") else nearest
            inner = inner.cr_await
        if waits and nearest:
            found.add(nearest)
    return " or ".join(sorted(found))


def _local_name(host: str) -> bool:
    """Whether looking it up asks nobody outside: an address is not looked up at all, and whoever
    connects to it is seen then."""
    plain = _plain(host)
    return (
        _numeric(host) is not None
        or "." not in plain
        or plain.endswith(LOCAL_ENDINGS)
        or plain == _own_name()
    )


def _leads_home(host: str) -> bool:
    if _numeric(host) is not None:
        return at_home(host)
    if (network := _network(host)) is not None:
        return any(
            network.version == each.version and network.subnet_of(each)  # type: ignore[arg-type]
            for each in _house()
        )
    return _local_name(host)


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)


def _plain(host: str) -> str:
    return host.lower().rstrip(".").strip("[]")


@cache
def _own_name() -> str:
    return socket.gethostname().lower()


def _numeric(host: str) -> Address | None:
    from ipaddress import IPv6Address, ip_address  # only where somebody connects at all

    try:
        found = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _network(text: str) -> Network | None:
    from ipaddress import ip_network

    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


@cache
def _house() -> tuple[Network, ...]:
    return tuple(network for each in HOUSE if (network := _network(each)) is not None)


def permitted(host: str) -> bool:
    """Whether an address is at home, or allowed now."""
    return at_home(host) or host in _guard.found or _guard._in_allowed_network(host)


def may_be_asked_for(name: str) -> bool:
    """Whether looking up a name asks nobody outside, or is allowed now."""
    return _local_name(name) or _guard.allows(_plain(name))
