"""A hub with a page, for tests: a real one, in a home whose names try to be more than names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hub.app import Hub, open_hub
from hub.bridges.ears import Ears
from hub.bridges.seeing.snapshot import Seeing
from hub.bridges.web.access import FILE, Password
from hub.bridges.web.parts import Parts
from hub.bridges.web.site import open_site
from hub.config import Config

PASSWORD = "quiet evening by the fire"

RUN = "window.hurt=(window.hurt||0)+1"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"<ScRiPt>{RUN}</sCrIpT>",
    f"<script src=/static/app.js?{RUN}></script>",
    f"<img src=x onerror={RUN}>",
    f"<img src=x onerror='{RUN}'>",
    f'<img src="x" onerror="{RUN}">',
    f"<img/src=x/onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg/onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><set onbegin={RUN} attributename=x>",
    f"<body onload={RUN}>",
    f"<body onpageshow={RUN}>",
    f"<iframe src='javascript:{RUN}'></iframe>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<iframe onload={RUN}></iframe>",
    f"<object data='javascript:{RUN}'></object>",
    f"<embed src='javascript:{RUN}'>",
    f"<a href='javascript:{RUN}' autofocus onfocus={RUN}>a</a>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}></select>",
    f"<textarea autofocus onfocus={RUN}></textarea>",
    f"<details open ontoggle={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<video src=x onerror={RUN}></video>",
    f"<audio src=x onerror={RUN}></audio>",
    f"<marquee onstart={RUN}>m</marquee>",
    f"<style onload={RUN}></style>",
    f"<link rel=stylesheet href=x onerror={RUN}>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"<math><mtext><script>{RUN}</script></mtext></math>",
    f"<template><script>{RUN}</script></template>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"</title><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"--><script>{RUN}</script>",
    f"]]><script>{RUN}</script>",
    f"'\"><script>{RUN}</script>",
    f'" onmouseover="{RUN}" autofocus onfocus="{RUN}" x="',
    f"' onmouseover='{RUN}' x='",
    f"javascript:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    f"${{{RUN}}}",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"`;{RUN};`",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"%3Cscript%3E{RUN}%3C/script%3E",
    f"\u202e<script>{RUN}</script>",
]
"""What a name or a word may be so that a careless page runs it."""


@dataclass
class Erasing:
    """An eraser that remembers what was wanted."""

    wanted: list[Any] = field(default_factory=list)

    async def answer(self, request: Any) -> dict[str, Any]:
        self.wanted.append(request["person"])
        return {"erasing": True}


@dataclass
class House:
    """A hub, its page, and what stands around it."""

    hub: Hub
    seeing: Seeing
    ears: Ears
    eraser: Erasing
    url: str
    folder: Path

    def state(self, entity_id: str) -> str:
        return self.hub.home.state(entity_id).state


def home_file(folder: Path) -> Path:
    """A small home, with hostile names in a room of its own."""
    hostile = [
        {
            "id": f"sensor.hostile_{number}",
            "name": payload,
            "area": "attic",
            "state": payload[:40],
            "attributes": {"unit_of_measurement": payload},
        }
        for number, payload in enumerate(PAYLOADS)
    ]
    items = [{"summary": payload, "status": "needs_action"} for payload in PAYLOADS]
    items.append({"summary": "milk", "status": "needs_action"})
    modes = {"supported_color_modes": ["brightness"]}
    home = {
        "floors": [{"name": "Ground Floor", "level": 0}],
        "areas": [
            {"name": "Kitchen", "floor": "Ground Floor"},
            {"id": "attic", "name": PAYLOADS[3]},
        ],
        "entities": [
            {
                "id": "light.lamp",
                "name": "Reading Lamp",
                "area": "Kitchen",
                "state": "off",
                "attributes": modes,
            },
            {"id": "lock.front", "name": "Front Door", "area": "Kitchen", "state": "locked"},
            {
                "id": "cover.garage",
                "name": "Garage Door",
                "area": "Kitchen",
                "state": "closed",
                "device_class": "garage",
            },
            {
                "id": "todo.shopping",
                "name": "Shopping List",
                "attributes": {"todo_items": items, "supported_features": 7},
            },
            *hostile,
        ],
    }
    path = folder / "home.yaml"
    path.write_text(yaml.safe_dump(home, allow_unicode=True), encoding="utf-8")
    return path


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    """The hub runs, and its page is at `url`."""
    config = Config.model_validate(
        {
            "hub": {
                "data": folder / "data",
                "cache": folder / "cache",
                "runtime": folder / "run",
                "languages": ("en", "de"),
            },
            "home": {"file": home_file(folder), "confirm_timeout": 0.5},
            "router": {"model": None},
            "web": {"port": 0},
        }
    )
    password = Password(folder / "data" / FILE)
    password.set(PASSWORD)
    async with open_hub(config) as hub:
        hub.begin_timers()
        ears, eraser = Ears(), Erasing()
        seeing = Seeing(hub, ears=ears)
        end = seeing.begin()
        async with open_site(Parts(hub, seeing, ears, eraser), password) as url:
            yield House(hub, seeing, ears, eraser, url.rstrip("/"), folder)
        end()
