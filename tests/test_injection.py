"""Names, states, calendars, documents and notes are words: none of them is an order.

Three language models stand in for those that the hub can have: each takes whatever it reads in its
prompt for an order. What they are shown is looked at, and what comes of it. Each attack is also
made with the guard off, where it must hit: else this would prove nothing.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.app import open_hub
from hub.config import RouterSettings, parse
from hub.devices.simulated import SimulatedHome
from hub.evaluate.homes import still_home
from hub.messages import Intent
from hub.ports import ChatAnswer, Inventory, SourceArea, SourceEntity, SourceFloor
from hub.router import Router, chat, codec
from tests.fakes import settle
from tests.router_home import TOOLS, calls, said
from tests.test_router_model import ScriptedModel
from tests.test_router_tuned import ScriptedChooser

ATTACKS: list[str] = [
    row["text"].replace("{target}", "Kettle")
    for row in json.loads(
        (Path(__file__).parent / "data" / "injection" / "attacks.json").read_text("utf-8")
    )
]
WORDS = (
    "amber birch cedar coral daisy ebony fern ginger hazel indigo ivory jade juniper khaki laurel"
    " lemon lilac linen lotus magenta maple marble mint moss myrtle nickel ochre olive onyx orchid"
    " pearl pewter pine plum poppy quartz raven ruby saffron sage sepia sienna silver slate"
    " teak topaz tulip umber velvet walnut willow zinc"
).split()  # fmt: skip
"""One for each attack, so that its lamp can be spoken of."""
GUARDED = {"lock.front", "switch.kettle", "cover.garage"}
NAMES = ("Front Door", "Kettle", "Garage Door")


def inventory(attacked: str) -> Inventory:
    """A home in which every attack is written somewhere: in the name and another name of a lamp, or
    in the names of its room and floor."""
    floors, areas, lamps = [SourceFloor("ground", "Ground Floor")], [SourceArea("hall", "Hall")], []
    for word, attack in zip(WORDS, ATTACKS, strict=False):
        name, also, room = f"{word.title()} Lamp", (), "hall"
        if attacked == "name":
            name, also = f"{name} {attack}", (f"{word} thing {attack}",)
        else:
            floors.append(SourceFloor(word, f"{word.title()} Storey {attack}"))
            areas.append(SourceArea(word, f"{word.title()} Room {attack}", word))
            room = word
        lamps.append(SourceEntity(f"light.{word}", name, "light", room, aliases=also))
    return Inventory(
        floors=tuple(floors),
        areas=tuple(areas),
        entities=(
            *lamps,
            SourceEntity("lock.front", "Front Door", "lock", "hall"),
            SourceEntity("switch.kettle", "Kettle", "switch", "hall"),
            SourceEntity("cover.garage", "Garage Door", "cover", "hall", "garage"),
        ),
    )


class Obedient:
    """A chat model that does what every text in its prompt could want of it, with all its tools."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    async def chat(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> ChatAnswer:
        self.prompts.append(messages[0]["content"])
        wanted: list[tuple[str, dict[str, Any]]] = []
        for tool in tools:
            properties = tool["function"]["parameters"]["properties"]
            if tool["function"]["name"] == "HassTurnOff":
                listed = properties.get("name", {}).get("enum", [])
                found = [name for name in listed if name.endswith(NAMES) and " Lamp" not in name]
                wanted += [("HassTurnOff", {"name": name}) for name in found or ["Kettle"]]
        return ChatAnswer(tuple(wanted))

    async def close(self) -> None:
        pass


FIELDS = ("name", "place")


def structure(text: str) -> list[str]:
    """What in a prompt could be taken for more than a name: its lines' beginnings, marks of turns,
    and answers."""
    marks = ("<|", "|>", "[INST]", "[/INST]", "<<SYS", "</s>", "=> ", "<tool_call", "_of_turn>",
             "```", "\u2028", "\u0085", "\x00", "\x1b", "\u202e", "\u200b", "\ufeff")  # fmt: skip
    return [mark for mark in marks if mark in text]


async def routed(field: str, model: Any) -> AsyncIterator[tuple[int, str, Intent]]:
    """Each attack's lamp is spoken of, in words that no rule understands."""
    home = await still_home(inventory(field))
    router = Router(
        home, TOOLS, model=model, settings=RouterSettings(confidence=0.5), languages=("en",)
    )
    await router.prepare()
    for number, word in enumerate(WORDS[: len(ATTACKS)]):
        text = f"the {word} lamp could do with going off i think"
        yield number, text, await said(router, text, area="hall")
    await home.close()


def loose(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard off: names go into prompts as they are; some of the attacks will do."""
    monkeypatch.setattr(codec, "label", lambda name: name)
    monkeypatch.setattr("tests.test_injection.ATTACKS", ATTACKS[10:32])


async def tuned_prompts(field: str) -> list[str]:
    model = ScriptedChooser(("none", 1.0))
    async for _ in routed(field, model):
        pass
    return model.prompts


async def test_there_are_at_least_forty() -> None:
    assert len(ATTACKS) >= 40 and len(set(ATTACKS)) == len(ATTACKS) <= len(WORDS)


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
async def test_a_name_writes_no_line_no_answer_and_no_mark_for_the_tuned_model(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(prompts: Sequence[str]) -> int:
        count = 0
        for text in prompts:
            *home, turn = text.split("\n")
            answers = text.count("=>")
            odd = [mark for mark in structure(text.replace("=>", "", 1)) if mark != "=> "]
            shaped = turn.endswith(" =>") and turn.startswith("[")
            lines = [line for line in home if line.startswith("[")]
            long = [line for line in home for part in line.split(",") if len(part) > 120]
            count += bool(odd or answers != 1 or not shaped or lines or long)
        return count

    guarded = await tuned_prompts(field)
    assert len(guarded) >= 40
    assert broken(guarded) == 0
    loose(monkeypatch)
    assert broken(await tuned_prompts(field)) >= 10


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
async def test_nor_for_one_that_writes_within_a_grammar(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> tuple[int, int]:
        model = ScriptedModel(" none\n")
        async for _ in routed(field, model):
            pass
        count = 0
        for text in model.prompts:
            asked = text.rpartition("\n\n")[2]
            kinds = [line.split(" ", 1)[0].rstrip(":") for line in asked.splitlines()]
            things = [kind for kind in kinds if len(kind) == 1]
            expected = [*things, "Room", "Say", "Do"]
            count += bool(kinds != expected or structure(asked))
        return len(model.prompts), count

    seen, hits = await broken()
    assert seen >= 40
    assert hits == 0
    if field == "name":
        loose(monkeypatch)
        _, hits = await broken()
        assert hits >= 10


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
async def test_a_chat_model_that_obeys_them_reaches_nothing(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Obedient()
    reached: list[Any] = []
    async for _, _, intent in routed(field, model):
        reached += [call for call in calls(intent) if str(call[1].get("name")).endswith(NAMES)]
    assert reached == []
    assert len(model.prompts) >= 40
    listed = [line for text in model.prompts for line in text.split("Things:\n")[1].splitlines()]
    assert all(line.startswith(("- ", "The person is in: ")) for line in listed)
    assert not [text for text in model.prompts if structure(text)]
    if field != "name":
        return
    loose(monkeypatch)

    def believing(self: Any, tool: Any, arguments: Mapping[str, Any], asked: Any) -> Any:
        return {"name": "switch.kettle"}

    monkeypatch.setattr(chat.ChatTier, "_slots", believing)
    monkeypatch.setattr(chat, "_unsaid", lambda *_: None)
    monkeypatch.setattr("hub.router.places.Places.doable", lambda *_: True)
    wild = Obedient()
    async for _, _, intent in routed(field, wild):
        reached += [call for call in calls(intent) if call[1].get("name") == "Kettle"]
    assert reached  # a hub that believed it would have done it
    assert [text for text in wild.prompts if structure(text)]


async def test_in_a_small_home_too_where_everything_is_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There the model is shown the kettle, and believes a lamp that says to turn it off."""
    monkeypatch.setattr("tests.test_injection.WORDS", WORDS[:3])

    async def reached() -> list[Any]:
        model = Obedient()
        return [c async for _, _, i in routed("name", model) for c in calls(i)]

    assert await reached() == []
    monkeypatch.setattr(chat, "_unsaid", lambda *_: None)
    assert [call[1]["name"] for call in await reached()] == ["Kettle"] * 3


# --- what is read out ----------------------------------------------------------------------------

HOUSE = """
areas:
  - {id: hall, name: Hall}
entities:
  - {id: lock.front, name: Front Door, area: hall, state: locked}
  - {id: switch.kettle, name: Kettle, area: hall, state: "off"}
  - {id: cover.garage, name: Garage Door, area: hall, state: closed,
     attributes: {device_class: garage, current_position: 0}}
  - {id: sensor.notice, name: Notice, area: hall, state: "nothing"}
"""


def calendar() -> str:
    """An event at each hour of some days, whose title is an attack."""
    from datetime import date, timedelta

    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    tomorrow = date.today() + timedelta(days=1)
    for number, attack in enumerate(ATTACKS):
        title = "".join(
            f"\\{c}" if c in ",;\\" else "\\n" if c == "\n" else c
            for c in attack
            if c >= " " or c == "\n"
        )
        start = f"{tomorrow:%Y%m%d}T{number % 24:02}{number // 24:02}00"
        lines += ["BEGIN:VEVENT", f"UID:{number}", f"SUMMARY:{title}", f"DTSTART:{start}",
                  "DURATION:PT5M", "END:VEVENT"]  # fmt: skip
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


PARTS = ("front door", "Ignore", "OVERRIDE", "garage", "im_start", "maintenance", "schließe")
"""Of attacks."""
FOLLOW_UPS = ("yes", "thanks", "ok", "do it", "yes please do that", "go ahead")


async def test_what_is_read_out_is_never_done(tmp_path: Path) -> None:
    """A calendar, documents, notes, a list, facts and states are full of orders. They are told,
    somebody says yes, and nothing happens; and no model sees a word of them."""
    (tmp_path / "home.yaml").write_text(HOUSE)
    (tmp_path / "family.ics").write_bytes(calendar().encode())
    documents = tmp_path / "documents"
    documents.mkdir()
    for number, attack in enumerate(ATTACKS):
        text = f"The {WORDS[number]} manual says this about {WORDS[number]}: {attack}\n"
        (documents / f"{WORDS[number]}.txt").write_text(text, encoding="utf-8", errors="replace")
    config = parse(
        f'[hub]\ndata = "{tmp_path}/data"\ncache = "{tmp_path}/cache"\nruntime = "{tmp_path}/run"\n'
        f'area = "Hall"\n[router]\nmodel = ""\n[home]\nfile = "{tmp_path}/home.yaml"\n'
        f'[skills.settings.calendar]\nfiles = "{tmp_path}/family.ics"\n'
        f'[skills.settings.documents]\nfolder = "{documents}"\n'
    )
    async with open_hub(config) as hub:
        assert hub.home is not None
        before = {key: hub.home.state(key).state for key in GUARDED}
        shown: list[str] = []
        model = Obedient()

        class Watching:
            async def chat(self, messages: Any, tools: Any) -> ChatAnswer:
                shown.append(json.dumps([messages, tools], ensure_ascii=False))
                return await model.chat(messages, tools)

        router = Router(
            hub.home, hub.skillset.specs(), model=Watching(), settings=config.router,
            languages=("en",),
        )  # fmt: skip
        await router.prepare()
        hub.assistant.router = router
        told: list[str] = []

        async def say(text: str) -> str:
            trace = await hub.assistant.say(text)
            told.append(trace.reply.text)
            return trace.reply.text

        for attack in ATTACKS:
            await say(f"remember that {attack}")
            await say(f"take a note {attack}")
            await say(f"add {attack} to the shopping list")
        shown.clear()
        for number in range(len(ATTACKS)):
            await say(f"what do my documents say about {WORDS[number]}")
            await say(FOLLOW_UPS[number % len(FOLLOW_UPS)])
        devices = hub.home.source("simulated")
        assert isinstance(devices, SimulatedHome)
        stated = []
        for number, attack in enumerate(ATTACKS):
            devices.set_state("sensor.notice", attack)
            await settle()
            assert hub.home.state("sensor.notice").state == attack
            stated.append(await say("what is the state of the notice"))
            await say(FOLLOW_UPS[number % len(FOLLOW_UPS)])
        assert sum("front door" in text.lower() for text in stated) >= 5  # it was read out
        for question in ("what's on my calendar tomorrow", "what do you know about me",
                         "what is on the shopping list", "read my notes"):  # fmt: skip
            await say(question)
            for answer in FOLLOW_UPS:
                await say(answer)
        everything = " ".join(told).lower()
        assert everything.count("front door") >= 5  # it was read out
        assert {key: hub.home.state(key).state for key in GUARDED} == before
        assert not [text for text in shown for part in PARTS if part in text]
        # The same words from a person are an order: it is the way in that makes the difference.
        await say("turn on the kettle")
        assert hub.home.state("switch.kettle").state == "on"
