"""The hub as a Wyoming server: its ears, brain and voice for Home Assistant and for satellites.

    connection ─► hearing    sound -> transcript
               ─► waking     sound -> detection
               ─► handling   transcript -> handled
               ─► speaking   synthesize -> sound

`server` opens the door, `connection` reads and shares out, each of the four does one thing, and
`services` is what of the hub they use. Nobody here needs more than the core's contracts.
"""

from hub.bridges.wyoming.server import WyomingServer as WyomingServer
from hub.bridges.wyoming.services import Services as Services
