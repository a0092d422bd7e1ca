"""The tolerant reading: every word explained, in any order, or nothing done."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.config import Config
from hub.devices.homefile import parse
from hub.evaluate.stage import Answer, Request, Stage
from hub.router.lexicon import lexicon
from tests.word_by_word import Thing, built, done, unknown_tags

ROOMS = {
    "stube": "Wohnzimmer",
    "kueche": "Küche",
    "bad": "Badezimmer",
    "schlaf": "Schlafzimmer",
    "gang": "Flur",
    "balkon": "Balkon",
}
THINGS: list[Thing] = [
    ("light.stube", "Bogenlampe", "stube", "off", None),
    ("light.herd", "Herdlicht", "kueche", "on", None),
    ("light.tisch", "Tischleuchte", "kueche", "off", None),
    ("light.bett", "Bettlicht", "schlaf", "off", None),
    ("light.gang", "Ganglicht", "gang", "on", None),
    ("light.bad", "Badspots", "bad", "off", None),
    ("switch.brunnen", "Zimmerbrunnen", "stube", "on", None),
    ("fan.decke", "Deckenventilator", "schlaf", "off", None),
    ("cover.west", "Rollladen Westseite", "stube", "open", "shutter"),
    ("cover.schlaf", "Jalousie Schlafzimmer", "schlaf", "closed", "blind"),
    ("cover.markise", "Sonnensegel", "balkon", "closed", "awning"),
    ("climate.stube", "Kachelofen", "stube", "heat", None),
    ("climate.bad", "Handtuchwärmer", "bad", "heat", None),
    ("lock.tuer", "Wohnungstür", "gang", "unlocked", None),
    ("media_player.tv", "Flimmerkiste", "stube", "playing", "tv"),
    ("vacuum.putzi", "Putzi", "gang", "docked", None),
    ("binary_sensor.fenster", "Badfenster", "bad", "on", "window"),
    ("sensor.regen", "Regenmenge", "balkon", "12", None),
    ("todo.haushalt", "Haushalt", None, "1", None),
]
ATTRIBUTES = {
    "light": {"supported_color_modes": ["rgb", "color_temp"], "brightness": 120},
    "climate": {"temperature": 20, "current_temperature": 19},
    "media_player": {"volume_level": 0.4},
    "cover": {"current_position": 50},
}


@pytest.fixture(scope="module")
def stage() -> Stage:
    """A flat without the shared sentences: what is understood, is by words."""
    return built(ROOMS, THINGS, ATTRIBUTES, "de", "sentences")


@pytest.fixture(scope="module")
def whole() -> Stage:
    """The flat with all that is understood."""
    return built(ROOMS, THINGS, ATTRIBUTES, "de")


async def said(stage: Stage, text: str, area: str | None = None) -> Answer:
    return await stage.answer(Request(text, area, "de"))


@pytest.mark.parametrize(
    ("text", "area", "states"),
    [
        ("Knips doch bitte die Bogenlampe an", None, {"light.stube": "on"}),
        ("Das Herdlicht darf jetzt ausgehen", None, {"light.herd": "off"}),
        ("Im Schlafzimmer soll das Licht angehen", "gang", {"light.bett": "on"}),
        ("Ich hätte gern das Ganglicht aus", "kueche", {"light.gang": "off"}),
        ("Könnten Sie bitte den Zimmerbrunnen abschalten", None, {"switch.brunnen": "off"}),
        ("Ich will, dass du den Deckenventilator anmachst", None, {"fan.decke": "on"}),
        ("Ich hätte gern die Jalousie Schlafzimmer offen", None, {"cover.schlaf": "open"}),
        ("Lass den Deckenventilator laufen", None, {"fan.decke": "on"}),
        ("Macht bitte das Herdlicht aus", None, {"light.herd": "off"}),
        ("Ich will das Herdlicht aus haben", None, {"light.herd": "off"}),
        ("Flurlampe ausknipsen", "kueche", {"light.gang": "off"}),
        ("Kurbel die Jalousie im Schlafzimmer rauf", None, {"cover.schlaf": "open"}),
        ("Lass im Wohnzimmer den Rollladen herunter", None, {"cover.west": "closed"}),
        ("Fahr das Sonnensegel mal raus", None, {"cover.markise": "open"}),
        ("Wohnungstür bitte verriegeln", None, {"lock.tuer": "locked"}),
        ("Sperr mal die Wohnungstür ab", None, {"lock.tuer": "locked"}),
        ("Den Brunnen im Wohnzimmer ausschalten", None, {"switch.brunnen": "off"}),
        (
            "Tischleuchte und Bogenlampe einschalten",
            None,
            {"light.tisch": "on", "light.stube": "on"},
        ),
        (
            "Herdlicht aus, Bettlicht an und die Wohnungstür absperren",
            None,
            {"light.herd": "off", "light.bett": "on", "lock.tuer": "locked"},
        ),
    ],
)
async def test_commands_in_any_order(
    stage: Stage, text: str, area: str | None, states: dict[str, str]
) -> None:
    assert done(await said(stage, text, area)) == states


@pytest.mark.parametrize(
    ("text", "entity", "attribute", "value"),
    [
        ("Bogenlampe bitte auf dreißig Prozent dimmen", "light.stube", "brightness", 76),
        ("Mach das Bettlicht auf halbe Helligkeit", "light.bett", "brightness", 127),
        ("Dreh den Kachelofen auf dreiundzwanzig Grad hoch", "climate.stube", "temperature", 23),
        ("Im Badezimmer hätte ich gern 24 Grad", "climate.bad", "temperature", 24),
        ("Dreh den Kachelofen um drei Grad höher", "climate.stube", "temperature", 23),
        ("Rollladen Westseite auf ein Drittel", "cover.west", "current_position", 33),
        ("Die Flimmerkiste soll auf fünfzehn Prozent", "media_player.tv", "volume_level", 0.15),
    ],
)
async def test_values_in_digits_and_words(
    stage: Stage, text: str, entity: str, attribute: str, value: float
) -> None:
    answer = await said(stage, text)
    assert answer.touched == (entity,)
    assert answer.after[entity]["attributes"][attribute] == pytest.approx(value, abs=1)
    if attribute == "volume_level":
        assert answer.after[entity]["attributes"][attribute] == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "area", "call"),
    [
        ("Mir ist es viel zu dunkel", None, None),
        ("Hier ist es viel zu dunkel", "stube", ("lights.brighter", {"area": "Wohnzimmer"})),
        ("Die Flimmerkiste ist zu laut", None, ("HassSetVolumeRelative", {"volume_step": "down"})),
        ("Putzi soll loslegen", None, ("HassVacuumStart", {"name": "Putzi"})),
        ("Ruf Putzi zurück zur Ladestation", None, ("HassVacuumReturnToBase", {"name": "Putzi"})),
        ("Eierlikörtimer auf sieben Minuten", None, ("HassStartTimer", {"minutes": 7})),
        ("Timer auf anderthalb Stunden stellen", None, ("HassStartTimer", {"minutes": 90})),
        (
            "Pack Windeln und Feuchttücher auf den Einkaufszettel",
            None,
            ("HassShoppingListAddItem", {"item": "Windeln und Feuchttücher"}),
        ),
        (
            "Nimm Bügeln von der Haushaltsliste",
            None,
            ("HassListCompleteItem", {"name": "Haushalt", "item": "Bügeln"}),
        ),
        (
            "Tu Windeln auf den Einkaufszettel",
            None,
            ("HassShoppingListAddItem", {"item": "Windeln"}),
        ),
        ("Rollladen Westseite offen?", None, ("HassGetState", {"name": "Rollladen Westseite"})),
        ("Badfenster offen?", None, ("HassGetState", {"name": "Badfenster"})),
        ("Steht das Badfenster offen", None, ("HassGetState", {"name": "Badfenster"})),
        ("Wie hoch ist die Regenmenge", None, ("HassGetState", {"name": "Regenmenge"})),
    ],
)
async def test_other_tools_and_questions(
    stage: Stage, text: str, area: str | None, call: tuple[str, dict[str, Any]] | None
) -> None:
    answer = await said(stage, text, area)
    if call is None:
        assert not answer.touched
        return
    tool, arguments = call
    assert [each.tool for each in answer.calls] == [tool]
    assert arguments.items() <= dict(answer.calls[0].arguments).items()


@pytest.mark.parametrize(
    "text",
    [
        "Mach das Herdlicht nicht aus",
        "Lass das Ganglicht an",
        "Lass die Wohnungstür zu",
        "Ich will nicht, dass du das Bettlicht anmachst",
        "Meine Oma hat das Herdlicht ausgeschaltet",
        "Das Herdlicht ist schon wieder aus",
        "Mach die Schublade in der Küche zu",
        "Zieh die Schuhe im Flur aus",
        "Die Kinder spielen auf dem Balkon",
        "Setz dich ins Wohnzimmer",
        "Bogenlampe Herdlicht aus an",
        "Im Wohnzimmer das Licht im Flur aus",
        "Muss das Herdlicht aus?",
        "Soll die Wohnungstür auf?",
        "Sollen das Herdlicht und das Ganglicht aus?",
        "Ist es zu kalt im Wohnzimmer?",
        "Man kann das Herdlicht ausmachen",
        "Ich hätte das Herdlicht ausmachen sollen",
        "Die Rollläden werden herunterfahren",
        "Das Sonnensegel fährt aus",
        "Die Flimmerkiste schaltet aus",
        "Lass den Deckenventilator an",
        "Wohnungstür offen?",
        "Keiner macht die Wohnungstür zu",
        "Sollte es klingeln, mach die Bogenlampe an",
    ],
)
async def test_what_is_not_explained_in_every_word_does_nothing(stage: Stage, text: str) -> None:
    assert not (await said(stage, text, "kueche")).touched


@pytest.mark.parametrize(
    "text",
    [
        "Soll ich Milch auf die Haushaltsliste setzen?",
        "Haben wir Milch auf der Einkaufsliste?",
        "Warum steht Milch auf der Haushaltsliste?",
        "Setz keine Milch auf die Haushaltsliste",
        "Setz Milch nicht auf die Haushaltsliste",
        "Ich kann dich nicht hören",
        "Kannst du mich hören?",
        "Ich will nichts hören",
        "Spiel keine Musik",
        "Die Kinder wollen spielen",
        "Ich hätte das Herdlicht ausmachen sollen",
    ],
)
async def test_what_is_only_said_is_no_item_and_no_song(whole: Stage, text: str) -> None:
    answer = await said(whole, text, "stube")
    assert not answer.calls
    assert not answer.touched


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("Tu Milch auf die Haushaltsliste", {"item": "Milch"}),
        ("Milch ohne Zucker auf die Haushaltsliste", {"item": "Milch ohne Zucker"}),
        ("Spiel Keine ist wie du", {"search_query": "Keine ist wie du"}),
    ],
)
async def test_free_text_is_taken_as_it_is(whole: Stage, text: str, slots: dict[str, str]) -> None:
    (call,) = (await said(whole, text, "stube")).calls
    assert slots.items() <= dict(call.arguments).items()


async def test_what_the_home_does_not_have_is_said(stage: Stage) -> None:
    answer = await said(stage, "Im Badezimmer bitte den Ventilator anknipsen")
    assert not answer.touched
    assert answer.recognized and "Badezimmer" in answer.reply


def test_a_language_without_a_lexicon_has_none() -> None:
    assert lexicon("de-AT") is lexicon("de") or lexicon("de-AT") == lexicon("de")
    assert lexicon("ja") is None


def test_every_frame_is_made_of_words_that_there_are() -> None:
    assert unknown_tags("de") == {}


def test_a_percentage_is_no_hour(whole: Stage) -> None:
    said = Request("die Lautstärke in der Küche um 20% leiser", "Küche", "de")
    answer = asyncio.run(whole.answer(said))
    assert answer.calls == (), answer
    assert answer.recognized, answer


def test_of_what_is_not_there_it_is_told_and_not_asked() -> None:
    """A whole sentence of the shared ones, where no player is in any room."""
    players = [
        {"entity_id": f"media_player.{key}", "name": name, "area": None, "state": "idle"}
        for key, name in (("tv", "Flimmerkiste"), ("box", "Brüllwürfel"))
    ]
    areas = [{"id": "kueche", "name": "Küche", "floor": None}]
    home = parse({"areas": areas, "entities": players}, "test")
    stage = asyncio.run(Stage.build(home, Config(), language="de", without=("model",)))
    answer = asyncio.run(stage.answer(Request("spiel Musik von Nena", "Küche", "de")))
    assert answer.recognized, answer
    assert not answer.reply.endswith("?"), answer.reply
