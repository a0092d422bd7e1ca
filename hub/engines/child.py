"""The inside of a worker process: loads one engine and answers calls until the hub is gone.

Started by `hub.engines.worker` as `python -m hub.engines.child FD`. Calls and answers are framed
as Wyoming events (https://github.com/OHF-Voice/wyoming#format: a line of JSON, then the payload)
on a socket of their own, since native libraries print to standard output as they like:

    load   {engine: "module:Class", settings}          -> ready {}      | error
    call   {id, method, arguments} + payload           -> result {id, result} + payload | error

An engine is a plain class: `Engine(**settings)` loads it, and each public method takes keyword
arguments, with the event's payload as `payload` if there is one, and returns a dictionary, bytes,
a tuple of both, or None. HearthErrors keep their message; other exceptions are reported by name.
If it has a method `rest`, that is called whenever an answer has been sent: nobody waits for it.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import socket
import sys
from typing import Any, BinaryIO

from wyoming.event import Event, read_event, write_event

from hub import egress
from hub.errors import EngineSlow, HearthError

PR_SET_PDEATHSIG = 1


def main() -> None:
    _die_with_parent()
    egress.close_off()
    connection = socket.socket(fileno=int(sys.argv[1]))
    with connection.makefile("rb") as incoming, connection.makefile("wb") as outgoing:
        serve(incoming, outgoing)


def serve(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Answer every event until the other side hangs up."""
    engine: Any = None
    while (event := read_event(incoming)) is not None:
        number = event.data.get("id")
        try:
            if event.type == "load":
                engine = _load(event.data["engine"], event.data["settings"])
                answer = Event("ready")
            else:
                answer = _call(engine, event)
        except HearthError as error:
            slow = isinstance(error, EngineSlow)
            answer = Event("error", {"id": number, "message": str(error), "slow": slow})
        except Exception as error:  # the hub, in another process, decides what becomes of it
            answer = Event("error", {"id": number, "message": f"{type(error).__name__}: {error}"})
        write_event(answer, outgoing)
        if hasattr(engine, "rest"):
            engine.rest()


def _load(engine: str, settings: dict[str, Any]) -> Any:
    module, _, name = engine.partition(":")
    return getattr(importlib.import_module(module), name)(**settings)


def _call(engine: Any, event: Event) -> Event:
    arguments = dict(event.data.get("arguments") or {})
    if event.payload is not None:
        arguments["payload"] = event.payload
    result = getattr(engine, event.data["method"])(**arguments)
    data, payload = result if isinstance(result, tuple) else (result, None)
    if isinstance(data, bytes):
        data, payload = None, data
    return Event("result", {"id": event.data["id"], "result": data}, payload)


def _die_with_parent() -> None:
    """Not outlive the hub, even if it is killed (Linux: prctl(2), PR_SET_PDEATHSIG)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the hub's to handle
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)


if __name__ == "__main__":
    main()
