"""Packs among the other skills: what a person says and hears does not tell them apart."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.messages import Call
from hub.packs import sandbox
from hub.packs.remote import Packs, describe
from hub.skill import Where
from hub.skills.handling import Performed
from hub.skillset import Skillset
from tests.fakes import House
from tests.hostile_packs import kit
from tests.hostile_packs.kit import Permitted, simple_house  # noqa: F401 - the fixture `house`

pytestmark = pytest.mark.skipif(
    bool(sandbox.bubblewrap_trouble()), reason=sandbox.bubblewrap_trouble()
)

HERE = Where("Kitchen")

COOK = '''
from datetime import timedelta
from typing import Annotated, Literal
from hub.skill import *


@tool(phrases=["cook eggs"])
async def cook(talk: Conversation, store: Store, settings: Settings) -> Say:
    """Cook eggs."""
    count = await talk.ask("How many eggs?", Annotated[int, Range(1, 12)])
    before = await store.get("cooked", 0)
    await store.put("cooked", before + count)
    return Say("eggs", count=before + count, how=settings["how"])


@tool(domains=["light"], phrases=["dim {name}"])
async def dim(lamps: Entities, home: Home) -> None:
    """Dim lamps."""
    await home.call("light.turn_on", lamps, brightness_pct=10)


@tool(phrases=["wait {time}"])
def wait(time: timedelta, size: Literal["small", "large"] = "small") -> str:
    """Wait a while."""
    return f"{time.total_seconds():g} {size}"
'''

JAVASCRIPT = """
const lines = require("node:readline").createInterface({ input: process.stdin });
const send = (m) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...m }) + "\\n");
const waiting = {};
lines.on("line", (line) => {
  const m = JSON.parse(line);
  if (m.method === "initialize")
    send({ id: m.id, result: { protocolVersion: m.params.protocolVersion,
      capabilities: { tools: {} }, serverInfo: { name: "dice", version: "1" } } });
  else if (m.method === "tools/list")
    send({ id: m.id, result: { tools: [{ name: "roll", description: "Roll dice.",
      inputSchema: { type: "object", properties: { sides: { type: "integer" } } } }] } });
  else if (m.method === "tools/call") {
    waiting.q = (r) => send({ id: m.id, result: { content: [{ type: "text",
      text: `Rolled ${r.content.count} dice of ${m.params.arguments.sides} sides.` }] } });
    send({ id: "q", method: "elicitation/create", params: { message: "How many dice?",
      requestedSchema: { type: "object", properties: { count: { type: "integer" } },
        required: ["count"] } } });
  } else if (m.id in waiting) waiting[m.id](m.result);
});
"""


async def perform(skills: Skillset, tool: str, **arguments: Any) -> Performed:
    return await skills.perform(Call(tool, arguments), where=HERE)


@pytest_asyncio.fixture
async def skills(house: House, tmp_path: Path) -> AsyncIterator[Skillset]:
    folder = kit.write(
        tmp_path,
        COOK,
        Permitted({"home.domains": ["light"], "home.act": True}),
        pack_id="cook",
        tools=("cook", "dim", "wait"),
    )
    with (folder / "pack.toml").open("a") as file:
        file.write('\n[settings.how]\ntype = "string"\ndefault = "soft"\n')
    (folder / "languages").mkdir()
    (folder / "languages" / "en.toml").write_text(
        '[replies]\neggs = { one = "{count} {how} egg.", other = "{count} {how} eggs." }\n'
    )
    packs = Packs(kit.Shelf(folder), house.home)
    assert not packs.problems
    skills = Skillset(packs.handlers(), house.home, confirm_timeout=0.3)
    yield skills
    await skills.close()
    await packs.close()


async def test_it_asks_keeps_and_says_it_in_its_own_words(skills: Skillset) -> None:
    for total, said in (("1", "1 soft egg."), ("4", "5 soft eggs.")):
        asked = await perform(skills, "cook.cook")
        assert asked.ask and asked.ask.question == "How many eggs?"
        assert asked.waiting
        found = asked.waiting.read([total], "en")
        assert found is not None
        assert (await asked.waiting.answer(found[1])).said == said


async def test_devices_that_were_meant_are_acted_on_and_reported(
    house: House, skills: Skillset
) -> None:
    done = await perform(skills, "cook.dim", name="desk lamp")
    assert [outcome.entity_id for outcome in done.outcomes] == ["light.desk_lamp"]
    assert done.outcomes[0].confirmed
    assert house.state("light.desk_lamp") == "on"


async def test_arguments_come_in_their_types(skills: Skillset) -> None:
    done = await perform(skills, "cook.wait", time="PT90S", size="large")
    assert done.said == "90 large"


async def test_what_the_router_sees_has_no_other_names(skills: Skillset) -> None:
    assert [spec.name for spec in skills.specs()] == ["cook.cook", "cook.dim", "cook.wait"]
    assert skills.specs()[1].domains == ("light",)


async def test_unlocking_is_asked_for_and_then_done(house: House, tmp_path: Path) -> None:
    body = (
        'await home.call("lock.unlock", home.find(domains=["lock"], area="Hallway"))\nreturn None'
    )
    folder = kit.write(
        tmp_path,
        kit.code(body, services="home: Home"),
        Permitted({"home.domains": ["lock"], "home.act": True}, "R3"),
    )
    packs = Packs(kit.Shelf(folder), house.home)
    skills = Skillset(packs.handlers(), house.home, confirm_timeout=0.3)
    first = await perform(skills, "evil.sin")  # its class alone makes the hub ask
    assert first.ask and "Evil wants to do this" in first.ask.question
    second = await skills.perform(first.ask.yes[0], where=HERE, confirmed=True)
    assert second.ask and "which may let somebody in" in second.ask.question
    assert house.state("lock.front_door") == "locked"
    assert second.waiting
    done = await second.waiting.answer(True)
    assert house.state("lock.front_door") == "unlocked"
    assert [outcome.entity_id for outcome in done.outcomes] == ["lock.front_door"]
    await skills.close()
    await packs.close()


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
async def test_a_server_in_another_language_is_a_pack(house: House, tmp_path: Path) -> None:
    folder = kit.write(tmp_path, "", pack_id="dice", tools=("roll",))
    (folder / "server.js").write_text(JAVASCRIPT)
    with (folder / "pack.toml").open("a") as file:
        file.write('\n[run]\ncommand = ["node", "server.js"]\n')
    shelf = kit.Shelf(folder, tools=[])
    (installed,) = shelf.installed()
    rows = describe(installed, shelf.verify)
    packs = Packs(kit.Shelf(folder, tools=rows), house.home)
    skills = Skillset(packs.handlers(), house.home)
    asked = await perform(skills, "dice.roll", sides=20)
    assert asked.ask and asked.ask.question == "How many dice?"
    assert asked.waiting
    done = await asked.waiting.answer(3)
    assert done.said == "Rolled 3 dice of 20 sides."
    await skills.close()
    await packs.close()


async def test_a_server_of_a_few_lines_of_python_is_a_pack(house: House, tmp_path: Path) -> None:
    folder = kit.write(tmp_path, "", pack_id="sum", tools=("add",))
    (folder / "server.py").write_text(
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    m = json.loads(line)\n"
        '    answer = {"initialize": {"protocolVersion": "2024-11-05", "capabilities": {},\n'
        '              "serverInfo": {"name": "sum", "version": "1"}},\n'
        '              "tools/list": {"tools": [{"name": "add", "description": "Add.",\n'
        '              "inputSchema": {"type": "object", "properties": {}}}]},\n'
        '              "tools/call": {"content": [{"type": "text", "text": "Four."}]}\n'
        '              }.get(m["method"])\n'
        '    told = {"jsonrpc": "2.0", "id": m.get("id"), "result": answer}\n'
        '    if "id" in m:\n'
        "        print(json.dumps(told), flush=True)\n"
    )
    with (folder / "pack.toml").open("a") as file:
        file.write('\n[run]\ncommand = ["python3", "server.py"]\n')
    shelf = kit.Shelf(folder, tools=[])
    (installed,) = shelf.installed()
    packs = Packs(kit.Shelf(folder, tools=describe(installed, shelf.verify)), house.home)
    skills = Skillset(packs.handlers(), house.home)
    assert (await perform(skills, "sum.add")).said == "Four."
    await skills.close()
    await packs.close()


async def test_nothing_heavy_is_loaded_inside() -> None:
    """What runs beside a pack's code must start in no time and take little."""
    import asyncio

    code = (
        f"import sys, json; sys.path.append({str(kit.ROOT)!r}); import hub.packs.inside.host; "
        "print(json.dumps(sorted(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", code, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    loaded = set(json.loads(out))
    heavy = {"pydantic", "mcp", "numpy", "rich", "hassil", "aiohttp", "psutil", "yaml"}
    assert not loaded & heavy
    assert len(loaded) < 250
