"""What the fine-tuned model reads and writes: the prompt, and answers that become calls again."""

from __future__ import annotations

import itertools
import string
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hub.messages import Call, ToolSpec
from hub.router.codec import IDS, Listed, Listing, Turn, Unsayable, read, render, write
from hub.router.verbs import BY_TOOL, TWINS, VERBS, kind_of, kind_word
from hub.skillset import load

FEED = ToolSpec(
    "pets.feed",
    "Feed the pet a portion.",
    {
        "properties": {
            "grams": {"type": "integer"},
            "animal": {"enum": ["cat", "dog"]},
            "note": {"type": "string"},
        },
        "required": ["grams"],
    },
    "pets",
)
MIST = ToolSpec(
    "plants.mist",
    "Mist the plants.",
    {"properties": {"name": {}, "area": {}, "floor": {}, "long": {"type": "boolean"}}},
    "plants",
    ("switch",),
)
DOMAINS = (
    "light switch fan cover valve lock climate media_player vacuum lawn_mower todo scene script "
    "sensor binary_sensor person weather button"
).split()
THINGS = (
    Listed("A", "area", "kitchen", "Kitchen"),
    Listed("B", "area", "bed", "Bedroom"),
    Listed("C", "floor", "up", "Upstairs"),
    Listed("D", "tool", "pets.feed", tool=FEED),
    Listed("E", "tool", "plants.mist", tool=MIST),
    *(
        Listed(name, "entity", f"{domain}.one", f"One {domain}", domain, area="kitchen")
        for name, domain in zip(IDS[5:], DOMAINS, strict=False)
    ),
)
LISTING = Listing(THINGS)

NUMBER = st.integers(0, 100)
TEXT = st.text(string.ascii_letters + string.digits + " '-äß:", min_size=1, max_size=20).map(
    lambda text: " ".join(text.split())
)
OWN: dict[str, dict[str, Any]] = {
    # Arguments besides the target, for every tool that has any; `?` may be left out.
    "HassGetState": {"?state": st.sampled_from(["on", "off", "open", "locked", "not_home"])},
    "HassRespond": {"?response": TEXT},
    "HassBroadcast": {"message": TEXT},
    "HassSetPosition": {"position": NUMBER},
    "HassLightSet": {"?brightness": NUMBER, "?color": TEXT, "?temperature": NUMBER},
    "HassClimateSetTemperature": {"temperature": st.sampled_from([21, 20.5, -3])},
    "HassClimateSetFanMode": {"fan_mode": TEXT},
    "climate.set_mode": {"mode": st.sampled_from(["heat", "fan_only"])},
    "HassShoppingListAddItem": {"item": TEXT},
    "HassShoppingListCompleteItem": {"item": TEXT},
    "HassListAddItem": {"item": TEXT},
    "HassListCompleteItem": {"item": TEXT},
    "HassListRemoveItem": {"item": TEXT},
    "HassSetVolume": {"volume_level": NUMBER},
    "volume.set_volume": {"percent": NUMBER},
    "HassSetVolumeRelative": {"volume_step": st.sampled_from(["up", "down", 10, -20])},
    "HassMediaSearchAndPlay": {
        "search_query": TEXT,
        "?media_class": st.sampled_from(["album", "artist", "tv_show"]),
    },
    "HassFanSetSpeed": {"percentage": NUMBER},
}
LENGTH = {f"?{unit}": st.integers(0, 90) for unit in ("hours", "minutes", "seconds")}
WHICH = {
    **{f"?start_{unit}": st.integers(0, 90) for unit in ("hours", "minutes", "seconds")},
    "?area": st.sampled_from(["kitchen", "bed"]),
    "?name": TEXT,
}
TIMERS = {
    "HassStartTimer": {**LENGTH, "?name": TEXT},
    "HassCancelTimer": WHICH,
    "HassIncreaseTimer": {**LENGTH, **WHICH},
    "HassDecreaseTimer": {**LENGTH, **WHICH},
    "HassPauseTimer": WHICH,
    "HassUnpauseTimer": WHICH,
    "HassTimerStatus": WHICH,
}
KINDS = [
    {"domain": "light"},
    {"domain": "cover", "device_class": "blind"},
    {"domain": "cover", "device_class": "window"},
    {"domain": "binary_sensor", "device_class": "window"},
    {"domain": "binary_sensor", "device_class": "battery"},
    {"domain": "sensor", "device_class": "temperature"},
    {"domain": "cover", "device_class": ["blind", "curtain"]},
    {"domain": ["light", "switch"]},
    {"device_class": "motion_unheard_of"},
]


@st.composite
def arguments(draw: st.DrawFn, own: dict[str, Any]) -> dict[str, Any]:
    return {
        slot.lstrip("?"): draw(values)
        for slot, values in own.items()
        if not slot.startswith("?") or draw(st.booleans())
    }


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call of any of Home Assistant's intents or the hub's own tools."""
    tool = draw(st.sampled_from(sorted(BY_TOOL)))
    if tool in TIMERS:
        return Call(tool, draw(arguments(TIMERS[tool])))
    found = draw(arguments(OWN.get(tool, {})))
    rows = BY_TOOL[tool]
    if rows[0].target in ("needed", "optional"):
        domains = frozenset().union(*(row.domains for row in rows))
        if any(not row.domains for row in rows):
            domains = frozenset(DOMAINS)
        there = draw(st.sampled_from(["name", "kind", "place", "all"]))
        place = draw(st.sampled_from([{}, {"area": "kitchen"}, {"floor": "up"}]))
        fitting = [t for t in THINGS if t.kind == "entity" and t.domain in domains]
        if there == "name" and fitting:
            found |= {"name": draw(st.sampled_from(fitting)).key, **place}
        elif there == "kind":
            found |= {**draw(st.sampled_from(KINDS)), **place}
        elif there == "all":
            found |= {**draw(st.sampled_from(KINDS)), "name": "all"}
        else:
            found |= place
    elif rows[0].slot == "area" and draw(st.booleans()):
        found["area"] = "bed"
    return Call(tool, found)


@settings(max_examples=300, deadline=None)
@given(st.lists(calls(), min_size=1, max_size=3))
def test_what_is_written_is_read_again(said: list[Call]) -> None:
    for call in said:
        assume(not (call.tool == "HassTurnOff" and call.arguments.keys() == {"area"}))
    try:
        written = write(said, LISTING)
    except Unsayable:
        assume(False)
    tools = [call.tool for call in said]
    assume(all(a != b or a != "HassLightSet" for a, b in itertools.pairwise(tools)))
    again = read(written, LISTING)
    assert again is not None, written
    assert [(call.tool, dict(call.arguments)) for call in again] == [
        (call.tool, dict(call.arguments)) for call in said
    ], written


@pytest.mark.parametrize("tool", sorted(BY_TOOL))
def test_every_tool_can_be_said(tool: str) -> None:
    if tool in TIMERS:
        some = {"conversation_command": "lights off", "minutes": 5}
        assert write(
            [Call(tool, some if tool == "HassStartTimer" else {"minutes": 5})]
            if "start" in tool.lower() or "crease" in tool
            else [Call(tool)],
            LISTING,
        )
        return
    row = BY_TOOL[tool][-1]
    fitting = [t for t in THINGS if t.domain in row.domains] or [THINGS[5]]
    own = {slot: 5 if values is NUMBER else "x" for slot, values in OWN.get(tool, {}).items()}
    given_ = {slot: value for slot, value in own.items() if not slot.startswith("?")}
    if tool == "HassLightSet":
        given_ = {"brightness": 5}
    if tool == "HassSetVolumeRelative":
        given_ = {"volume_step": 5}
    if row.target in ("needed", "optional"):
        given_["name"] = fitting[0].key
    assert write([Call(tool, given_)], LISTING)


def test_every_intent_of_the_bundled_skills_has_a_verb() -> None:
    """What Home Assistant has an intent for; the rest is described, as tools of packs are."""
    handlers, _ = load([], [])
    intents = {handler.name for handler in handlers if handler.name.startswith("Hass")}
    assert len(intents) > 40 and intents <= BY_TOOL.keys() | TWINS.keys()


ANSWERS = [
    ("off F", [("HassTurnOff", {"name": "light.one"})]),
    ("off light here", [("HassTurnOff", {"domain": "light"})]),
    ("off light all", [("HassTurnOff", {"domain": "light", "name": "all"})]),
    ("off all", [("everything.off", {})]),
    ("off A", [("everything.off", {"area": "kitchen"})]),
    (
        "close blind A",
        [("HassTurnOff", {"domain": "cover", "device_class": "blind", "area": "kitchen"})],
    ),
    (
        "lock K; dim F 40",
        [
            ("HassTurnOn", {"name": "lock.one"}),
            ("HassLightSet", {"name": "light.one", "brightness": 40}),
        ],
    ),
    (
        "dim F 40; color F red",
        [
            ("HassLightSet", {"name": "light.one", "brightness": 40, "color": "red"}),
        ],
    ),
    ("temp A 21.5", [("HassClimateSetTemperature", {"area": "kitchen", "temperature": 21.5})]),
    ("timer 1h30m pizza", [("HassStartTimer", {"hours": 1, "minutes": 30, "name": "pizza"})]),
    ("more 5m 20m", [("HassIncreaseTimer", {"minutes": 5, "start_minutes": 20})]),
    (
        "later 5m turn it off",
        [
            ("HassStartTimer", {"minutes": 5, "conversation_command": "turn it off"}),
        ],
    ),
    (
        "play M album: Blue Train",
        [
            (
                "HassMediaSearchAndPlay",
                {"name": "media_player.one", "search_query": "Blue Train", "media_class": "album"},
            ),
        ],
    ),
    ("pause N", [("vacuum.pause", {"name": "vacuum.one"})]),
    ("louder hub", [("volume.louder", {})]),
    (
        "quieter M 20",
        [
            ("HassSetVolumeRelative", {"name": "media_player.one", "volume_step": -20}),
        ],
    ),
    ("D 50, dog", [("pets.feed", {"grams": 50, "animal": "dog"})]),
    ("D 50, -, 'A big one", [("pets.feed", {"grams": 50, "note": "A big one"})]),
    ("E switch A yes", [("plants.mist", {"domain": "switch", "area": "kitchen", "long": True})]),
    (
        "any window here on",
        [
            ("HassGetState", {"domain": "binary_sensor", "device_class": "window", "state": "on"}),
        ],
    ),
    ("none", []),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS)
def test_answers_in_both_directions(answer: str, expected: list[tuple[str, Any]]) -> None:
    found = read(answer, LISTING)
    assert found is not None
    assert [(call.tool, dict(call.arguments)) for call in found] == expected
    assert write(found, LISTING) == answer


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "off",
        "off ZZ",
        "on all",
        "fly F",
        "lock F",
        "dim F",
        "dim F much",
        "D",
        "D fifty",
        "D 50, cow",
        "off F; ",
        "none; off F",
    ],
)
def test_what_is_no_answer_is_not_guessed_at(answer: str) -> None:
    assert read(answer, LISTING) is None


def test_the_prompt_lists_things_by_area_and_never_a_tools_name() -> None:
    listing = Listing(
        (
            Listed("A", "area", "k", "Kitchen"),
            Listed("B", "entity", "light.strip", "Worktop Strip", "light", None, "k"),
            Listed("C", "entity", "cover.b", "Blinds, left", "cover", "blind", "k"),
            Listed("D", "entity", "scene.m", "Movie Night", "scene"),
            Listed("F", "floor", "up", "Upstairs"),
            Listed("G", "tool", "pets.feed", tool=FEED),
        )
    )
    before = Turn("worktop strip on", "Kitchen", "on B")
    prompt = render(listing, [before, Turn("dim it to\nforty", "Kitchen")])
    assert prompt == (
        "Kitchen A: light Worktop Strip B, blind Blinds left C\n"
        "scene Movie Night D\n"
        "floor Upstairs F\n"
        "Feed the pet a portion (grams, animal cat/dog, note) G\n"
        "[Kitchen] worktop strip on => on B\n"
        "[Kitchen] dim it to forty =>"
    )


def test_ids_are_never_verbs_or_kinds() -> None:
    assert not set(IDS) & {verb.word for verb in VERBS}
    assert len(set(IDS)) == len(IDS) >= 100


def test_kinds_are_words_and_back() -> None:
    for kind in KINDS:
        domain, device_class = kind.get("domain"), kind.get("device_class")
        if isinstance(domain, str) and not isinstance(device_class, list):
            for verb in (None, *VERBS):
                assert kind_of(kind_word(domain, device_class, verb), verb) == (
                    domain,
                    device_class,
                )
