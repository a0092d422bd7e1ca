"""Alarm systems."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from hub.devices.mqtt.component import NotUnderstood, Publication
from hub.devices.mqtt.platforms.base import Platform
from hub.devices.mqtt.platforms.options import Options, one_of
from hub.devices.mqtt.platforms.thermal import choice_reader

FEATURES = {
    "arm_home": 1,
    "arm_away": 2,
    "arm_night": 4,
    "trigger": 8,
    "arm_custom_bypass": 16,
    "arm_vacation": 32,
}
STATES = (
    "disarmed", "armed_home", "armed_away", "armed_night", "armed_vacation",
    "armed_custom_bypass", "pending", "triggered", "arming", "disarming",
)  # fmt: skip
REMOTE = {"REMOTE_CODE": "number", "REMOTE_CODE_TEXT": "text"}
"""Words in place of a code: the panel checks it itself."""


class AlarmControlPanel(Platform):
    domain = "alarm_control_panel"

    def _set_up(self, options: Options) -> None:
        options.needed("state_topic")
        self._commands = self._needed("command_topic", "command_template")
        self.optimistic = False
        self.features = 0
        for name in options.texts("supported_features", tuple(FEATURES)):
            self.features |= FEATURES[one_of(name, FEATURES, "'supported_features'")]
        self._code = options.text("code")
        kinds = ("arm", "disarm", "trigger")
        self._asks = {kind: options.flag(f"code_{kind}_required", True) for kind in kinds}
        self._payloads = {
            name: options.word(f"payload_{name}", name.upper()) for name in (*FEATURES, "disarm")
        }
        self._listen("state_topic", ("value_template",), choice_reader("state", STATES))

    def _shown(self) -> tuple[str, dict[str, Any]]:
        form = None
        if self._code is not None:
            form = REMOTE.get(self._code) or ("number" if self._code.isdigit() else "text")
        return self.facts.get("state") or "unknown", {
            "code_format": form,
            "code_arm_required": self._asks["arm"],
        }

    def _act(self, service: str, data: Mapping[str, Any]) -> Sequence[Publication]:
        action = service.removeprefix("alarm_")
        able = action == "disarm" or (self.features or 0) & FEATURES.get(action, 0)
        if not service.startswith("alarm_") or not able:
            raise self._no(service)
        code = data.get("code")
        code = None if code is None else str(code)
        if self._asks[action.partition("_")[0]]:
            self._check(code)
        payload = self._payloads[action]
        return [self._commands.say(payload, action=payload, code=code)]

    def _check(self, code: str | None) -> None:
        if self._code is None:
            return
        if self._code in REMOTE:
            if not code:
                raise NotUnderstood("'code' is missing")
        elif not hmac.compare_digest(self._code.encode(), (code or "").encode()):
            raise NotUnderstood("'code' is missing or wrong")
