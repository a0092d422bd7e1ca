"""The hub's own topics on the broker. `docs/mqtt-topics.md` is the contract for those outside."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from hub.devices.mqtt.entities import slug
from hub.ports import HUB_DEVICE

VERSION = "v1"
"""Part of every topic of the hub's own. What is sent there, and what the hub sends, may gain keys
within a version; nothing is renamed, and nothing gets another meaning."""

CALLER = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What may stand for a caller in a topic."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Every topic of one hub."""

    prefix: str
    """[mqtt] prefix"""
    discovery: str
    """[mqtt] discovery"""
    hub: str
    """What tells this hub from others: letters and digits."""

    @property
    def device(self) -> str:
        """The identifier of this hub as a device."""
        return f"{HUB_DEVICE}{self.hub}"

    def own(self, name: str) -> str:
        return f"{self.prefix}/{VERSION}/{name}"

    # --- the hub tells ---------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """`online` or `offline`, retained."""
        return self.own("status")

    @property
    def health(self) -> str:
        """How the hub is, as JSON; retained."""
        return self.own("health")

    @property
    def turn(self) -> str:
        return self.own("turn")

    @property
    def event(self) -> str:
        return self.own("event")

    @property
    def picture(self) -> str:
        """The last picture for phones, as it is: PNG or JPEG."""
        return self.own("picture")

    @property
    def notice(self) -> str:
        """Texts for phones."""
        return self.own("notice")

    @property
    def error(self) -> str:
        return self.own("error")

    @property
    def replies(self) -> str:
        """Where response topics have to be."""
        return self.own("reply/")

    def audio_turn(self, caller: str) -> str:
        return self.own(f"audio/{caller}/turn")

    def audio_reply(self, caller: str) -> str:
        return self.own(f"audio/{caller}/reply")

    # --- the hub is told -------------------------------------------------------------------------

    @property
    def say(self) -> str:
        return self.own("say")

    @property
    def audio(self) -> str:
        return self.own("audio")

    @property
    def announce(self) -> str:
        return self.own("announce")

    @property
    def listen(self) -> str:
        return self.own("listen")

    @property
    def stop(self) -> str:
        return self.own("stop")

    @property
    def mute(self) -> str:
        """`ON` while the microphone is muted, retained."""
        return self.own("mute")

    @property
    def volume(self) -> str:
        """0-100, retained."""
        return self.own("volume")

    @property
    def wake_word(self) -> str:
        """Retained."""
        return self.own("wake_word")

    @property
    def approval(self) -> str:
        """What waits for a tap, as JSON; retained."""
        return self.own("approval")

    @property
    def approve(self) -> str:
        return self.own("approve")

    @property
    def deny(self) -> str:
        return self.own("deny")

    def set(self, state: str) -> str:
        """Where another value of one of these three is written."""
        return f"{state}/set"

    def caller(self, topic: str) -> str | None:
        """Who sent sound to `audio/CALLER`; None for another topic."""
        head, _, tail = topic.rpartition("/")
        return tail if head == self.audio and CALLER.fullmatch(tail) else None

    # --- discovery -------------------------------------------------------------------------------

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.discovery}/status"

    @property
    def device_config(self) -> str:
        return f"{self.discovery}/device/{self.device}/config"

    def entity_config(self, domain: str, key: str) -> str:
        return f"{self.discovery}/{domain}/{self.device}/{key}/config"

    @property
    def all_entity_configs(self) -> str:
        """A filter for the announcements of this hub's entities, one by one."""
        return f"{self.discovery}/+/{self.device}/+/config"

    # --- rooms elsewhere -------------------------------------------------------------------------

    @property
    def all_rooms(self) -> str:
        """A filter for the `status` of satellites."""
        return self.own("rooms/+/status")

    def room(self, name: str) -> RoomTopics:
        """The topics of a satellite, by the name of its room."""
        # Home Assistant takes nothing but ASCII there.
        key = slug(name) or f"room_{zlib.crc32(name.encode()):08x}"
        return RoomTopics(self.prefix, self.discovery, self.hub, key, name)


@dataclass(frozen=True, slots=True)
class RoomTopics(Topics):
    """Those of a satellite, which is a device of its own."""

    slug: str
    area: str
    """The name of the room."""

    @property
    def device(self) -> str:
        return f"{HUB_DEVICE}{self.hub}_{self.slug}"

    @property
    def via(self) -> str:
        """The hub, as the device through which this one is reached."""
        return f"{HUB_DEVICE}{self.hub}"

    def of_room(self, name: str) -> str:
        return self.own(f"rooms/{self.slug}/{name}")

    @property
    def connected(self) -> str:
        """`online` or `offline`, retained."""
        return self.of_room("status")

    @property
    def turn(self) -> str:
        return self.of_room("turn")

    @property
    def volume(self) -> str:
        return self.of_room("volume")
