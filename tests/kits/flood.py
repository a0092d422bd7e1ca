"""A device that has gone mad: it sends as many messages a second as it is told to, in packets of
MQTT 3.1.1 that it makes itself. A program of its own, which costs whoever hears it no time.

    python flood.py PORT USER PASSWORD MESSAGES_A_SECOND SECONDS TOPICS

It says 'begins', and in the end how many it sent: to flood/0, flood/1, ..., in turn, its number.
"""

from __future__ import annotations

import socket
import sys
import time

AT_ONCE = 2000


def field(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content


def connect(user: str, password: str) -> bytes:
    """Section 3.1 (CONNECT), with a clean session, a name and a password."""
    body = field(b"MQTT") + b"\x04\xc2" + (600).to_bytes(2, "big") + field(b"flood")
    body += field(user.encode()) + field(password.encode())
    return b"\x10" + bytes([len(body)]) + body


def publish(number: int, topics: int) -> bytes:
    """Section 3.3 (PUBLISH), QoS 0."""
    topic, content = field(b"flood/%d" % (number % topics)), b"%08d" % number
    return b"\x30" + bytes([len(topic) + len(content)]) + topic + content


def main() -> None:
    port, user, password, rate, seconds, topics = sys.argv[1:]
    with socket.create_connection(("127.0.0.1", int(port))) as there:
        there.sendall(connect(user, password))
        assert there.recv(4)[3:] == b"\0", "refused"
        print("begins", flush=True)
        began, sent = time.monotonic(), 0
        while (gone := time.monotonic() - began) < float(seconds):
            due = min(int(gone * int(rate)), sent + AT_ONCE)
            there.sendall(b"".join(publish(n, int(topics)) for n in range(sent, due)))
            sent = due
            time.sleep(0.002)
        print(sent, flush=True)


if __name__ == "__main__":
    main()
