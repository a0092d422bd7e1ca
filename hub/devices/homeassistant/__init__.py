"""The devices of a Home Assistant, over one WebSocket; its REST API where that serves better.

`connection` talks, `states` and `registry` turn what is told into Hearth's values, `exposure` says
what voice may know of, `effects` what scenes, scripts, automations and buttons lead to, `session`
holds it together for as long as a connection lasts, and `source` is what the hub sees.
"""

from hub.devices.homeassistant.source import HomeAssistantHome, Report, check

__all__ = ["HomeAssistantHome", "Report", "check"]
