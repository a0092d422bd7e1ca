"""What leaves a network namespace, seen as packets: whoever sent them, and by whatever means.

A raw socket (packet(7), AF_PACKET) sees each packet of every process in the namespace on its way
out, so also what native code sends, which no hook in Python sees. The namespace has one way out
that leads nowhere: a packet is seen, and arrives at nobody.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from hub import egress

ALL_PROTOCOLS = 3
"""ETH_P_ALL of linux/if_ether.h."""
IPV4, IPV6 = 0x0800, 0x86DD
TCP, UDP = 6, 17
LINK_ONLY = ("224.0.0.", "ff02:")
"""Multicast that no router passes on."""
DNS = 53
BUFFER = 4 * 1024 * 1024
WAY_OUT = (
    "link set lo up",
    "link add out0 type veth peer name out1",
    "link set out0 arp off up",
    "link set out1 up",
    "addr add 192.168.177.2/24 dev out0",
    "route add default dev out0",
)
WAY_OUT_6 = ("-6 addr add fd77:77::2/64 dev out0 nodad", "-6 route add default dev out0")
"""Of a house with IPv6; a kernel without it is no obstacle."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Where packets went."""

    address: str
    port: int
    """0 for a protocol without ports."""
    name: str = ""
    """The name that a name server was asked for."""

    @property
    def outside(self) -> bool:
        """Whether it is for somebody outside of the house whom nothing allows now."""
        if self.name and not egress.may_be_asked_for(self.name):
            return True
        return not self.address.startswith(LINK_ONLY) and not egress.permitted(self.address)

    def __str__(self) -> str:
        where = f"{self.address} port {self.port}" if self.port else self.address
        return f"{where}, asked for {self.name}" if self.name else where


def lead_nowhere() -> None:
    """In a new network namespace: loopback, and a default route that swallows everything.

    Raises OSError if the `ip` of iproute2 is missing or may not do it, or if there is a route
    already: that would be the network of the machine itself."""
    if len(Path("/proc/self/net/route").read_text().splitlines()) > 1:
        raise OSError("this is no new network namespace: it has a route")
    for line in WAY_OUT:
        done = subprocess.run(["ip", *line.split()], capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"ip {line}: {done.stderr.strip()}")
    for line in WAY_OUT_6:
        subprocess.run(["ip", *line.split()], capture_output=True, check=False)


class Packets:
    """Counts what is sent, in a thread, from its start to `close`."""

    def __init__(self) -> None:
        self.sent: Counter[Sent] = Counter()
        self.outside: Counter[Sent] = Counter()
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PROTOCOLS)
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._socket.settimeout(0.2)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="packets", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """What was sent before is counted. Raises RuntimeError if the count broke off: nothing that
        was not seen proves anything."""
        whole = self._thread.is_alive()
        self._ended.set()
        self._thread.join()
        self._socket.close()
        if not whole:
            raise RuntimeError("packets were not counted to the end")

    def _look(self) -> None:
        while True:
            try:
                packet, (device, protocol, kind, *_) = self._socket.recvfrom(65_535)
            except TimeoutError:
                if self._ended.is_set():
                    return
                continue
            if kind != socket.PACKET_OUTGOING:
                continue
            sent = read(packet, protocol)
            # On loopback only questions to a resolver of this machine tell of something outside.
            if sent is not None and (device != "lo" or sent.name):
                self.sent[sent] += 1
                if sent.outside:
                    self.outside[sent] += 1


def read(packet: bytes, protocol: int) -> Sent | None:
    """Where a packet goes; None for what no program sends (neighbours, multicast groups)."""
    try:
        if protocol == IPV4:
            carried, start = packet[9], (packet[0] & 15) * 4
            address = str(ip_address(packet[16:20]))
        elif protocol == IPV6:
            carried, start = packet[6], 40
            address = str(ip_address(packet[24:40]))
        else:
            return None
        if carried not in (TCP, UDP):
            return None if address.startswith(LINK_ONLY) else Sent(address, 0)
        (port,) = struct.unpack_from("!H", packet, start + 2)
    except (IndexError, ValueError, struct.error):
        return None
    name = _asked(packet[start + 8 :]) if carried == UDP and port == DNS else ""
    return Sent(address, port, name)


def _asked(message: bytes) -> str:
    """The name in a question to a name server (RFC 1035, 4.1)."""
    parts, place = [], 12
    while place < len(message) and (length := message[place]) and length < 64:
        parts.append(message[place + 1 : place + 1 + length].decode("ascii", "replace"))
        place += 1 + length
    return ".".join(parts) or "?"
