"""Notes, sums, messages, the weather and the briefing, said to a whole hub without models."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.author.stage import Stage
from hub.daily.calendars import Calendars, Files
from hub.skill.testing import hearth_with
from hub.skills.aloud import Aloud

SKILLS = Path(__file__).parent.parent / "skills"
LAMP = {"light.desk": {"name": "Desk Lamp", "area": "Office"}}


def hearth(skill: str, home: Any = LAMP, language: str = "en", **more: Any) -> Stage:
    return hearth_with(home, skill=SKILLS / skill, all_skills=True, languages=(language,), **more)


async def said(stage: Stage, *texts: str, language: str = "en") -> str:
    for text in texts:
        trace = await stage.assistant.say(text, language=language)
    return trace.reply.text


# --- notes ----------------------------------------------------------------------------------------


async def test_notes_are_taken_found_read_and_deleted() -> None:
    async with hearth("notes") as home:
        assert await said(home, "take a note") == "What shall I note?"
        told = await said(home, "the drill is in the attic")
        assert told == "Noted: The drill is in the attic."
        told = await said(home, "Take a note that the boiler, model X5, needs salt.")
        assert told == "Noted: The boiler, model X5, needs salt."
        told = await said(home, "read my notes")
        assert told == ("2 notes: The boiler, model X5, needs salt. The drill is in the attic.")
        assert await said(home, "find the note about the drill") == "The drill is in the attic."
        assert await said(home, "find the note about a whale") == "I find no note about a whale."
        asked = await said(home, "delete the note about the boiler")
        assert asked == "Delete the note 'The boiler, model X5, needs salt'?"
        assert await said(home, "no") == "All right, I keep it."
        await said(home, "delete the note about the boiler", "yes")
        assert await said(home, "read my notes") == "The drill is in the attic."
        await said(home, "undo that")
        assert (await said(home, "read my notes")).startswith("2 notes:")
        await said(home, "delete all my notes", "yes")
        assert await said(home, "read my notes") == "There are no notes."


async def test_what_was_said_last_becomes_a_note() -> None:
    async with hearth("notes") as home:
        await said(home, "what is twelve times seven", "put that in a note")
        assert await said(home, "read my last note") == "84."


async def test_notes_in_german() -> None:
    async with hearth("notes", language="de") as home:
        await said(home, "mach eine Notiz der Bohrer ist auf dem Dachboden", language="de")
        told = await said(home, "lies die Notiz über den Bohrer vor", language="de")
        assert told == "Der Bohrer ist auf dem Dachboden."
        await said(home, "lösche die letzte Notiz", "ja", language="de")
        assert await said(home, "lies meine Notizen vor", language="de") == "Es gibt keine Notizen."


# --- sums and units -------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def english() -> AsyncIterator[Stage]:
    async with hearth("arithmetic") as stage:
        _units_at_hand()
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def german() -> AsyncIterator[Stage]:
    async with hearth("arithmetic", language="de") as stage:
        _units_at_hand()
        yield stage


def _units_at_hand() -> None:
    """The first sum with units loads them: a second, and on a busy machine more than a person is
    left without a word for."""
    sys.modules["hearth_skill_arithmetic"]._registry()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        ("what is 17 percent of 240", "40.8."),
        ("What's 17% of 240?", "40.8."),
        ("what is twelve times seven", "84."),
        ("what is two hundred and forty divided by seven", "About 34.29."),
        ("what is two plus three times four", "14."),
        ("what is 3.5 plus two and a half", "6."),
        ("what is ten minus twelve", "-2."),
        ("what is the square root of two", "About 1.41."),
        ("what is two to the power of ten", "1024."),
        ("what is five squared", "25."),
        ("what is five divided by zero", "Nothing can be divided by zero."),
        ("what is nine to the power of 9999", "That is too large a number for me."),
        ("what is one million minus one", "999999."),
        ("how many cups are 300 millilitres", "300 millilitres is 1.27 cups."),
        ("convert 20 celsius to fahrenheit", "20 degrees Celsius is 68 degrees Fahrenheit."),
        ("how many minutes are in a week", "1 week is 10080 minutes."),
        ("what is six feet in centimetres", "6 feet is 182.9 centimetres."),
        ("how many grams are in one cup", "Cup cannot be converted into grams."),
    ],
)
async def test_sums_and_units(english: Stage, sentence: str, answer: str) -> None:
    told = await said(english, sentence)
    if "cannot be converted" in answer:
        assert "cannot be converted" in told
    else:
        assert told == answer


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "sentence",
    [
        "what is __import__ plus os",
        "calculate open plus exec",
        "what is 9 to the power of 9 to the power of 9 to the power of 9",
    ],
)
async def test_what_is_no_sum_is_not_run(english: Stage, sentence: str) -> None:
    told = await said(english, sentence)
    assert told in (
        "I did not understand that sum.",
        "That is too large a number for me.",
        "Sorry, I did not understand that.",
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        ("wie viel ist 17 Prozent von 240", "40,8."),
        ("was ist zwölf mal sieben", "84."),
        ("was ist zweitausendfünfhundert geteilt durch drei", "Ungefähr 833,3."),
        ("wie viel ist 3,5 plus 1", "4,5."),
        ("wie viele Tassen sind 300 Milliliter", "300 Milliliter sind 1,2 Tassen."),
        ("rechne 20 Grad Celsius in Fahrenheit um", "20 Grad Celsius sind 68 Grad Fahrenheit."),
    ],
)
async def test_sums_and_units_in_german(german: Stage, sentence: str, answer: str) -> None:
    assert await said(german, sentence, language="de") == answer


# --- messages -------------------------------------------------------------------------------------


class Phones:
    """Phones that keep what is sent to them."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def of(self, handler: object, turn: object) -> Phones:
        return self

    async def send(self, text: str, image: bytes | None = None) -> None:
        self.sent.append(text)


ROOMS: Mapping[str, Mapping[str, Any]] = {
    "light.kitchen": {"name": "Kitchen Light", "area": "Kitchen"},
    "light.office": {"name": "Office Light", "area": "Office"},
    "light.bath": {"name": "Bath Light", "area": "Bathroom"},
    "person.sam": {"name": "Sam", "state": "home"},
}


class Voices:
    """Rooms with a loudspeaker, and what was said there."""

    def __init__(self, *rooms: str) -> None:
        self.rooms = rooms
        self.heard: list[tuple[str, str]] = []

    def aloud(self) -> Aloud:
        def voice(area: str | None) -> Any:
            async def speak(text: str, language: str) -> None:
                self.heard.append((str(area), text))

            return speak if area in self.rooms else None

        return Aloud(elsewhere=voice)


async def test_a_message_is_said_in_the_room_it_is_for() -> None:
    voices = Voices("Kitchen", "Bathroom")
    aloud = voices.aloud()
    async with hearth("messages", ROOMS, area="Office", services={"aloud": aloud}) as home:
        told = await said(home, "Tell the kitchen that dinner, which is soup, is ready")
        assert told == "I tell the Kitchen."
        await home.advance(seconds=1)
        assert voices.heard == [
            ("Kitchen", "A message from the Office: Dinner, which is soup, is ready.")
        ]
        voices.heard.clear()
        told = await said(home, "announce that dinner is ready")
        assert told == "Attention please: dinner is ready."
        await home.advance(seconds=1)
        assert sorted(voices.heard) == [("Bathroom", told), ("Kitchen", told)]


@pytest.mark.parametrize(
    ("sentence", "answer", "rooms"),
    [
        (
            "announce in the kitchen and the bathroom that dinner is ready",
            "I tell the Kitchen and Bathroom.",
            ["Bathroom", "Kitchen"],
        ),
        (
            "Tell the kitchen, the bathroom and the office dinner is ready",
            "Dinner is ready.",
            ["Bathroom", "Kitchen"],
        ),
        ("announce in all rooms that dinner is ready", None, ["Attic", "Bathroom", "Kitchen"]),
        *(
            (sentence, "called attic, so I have", [])
            for sentence in (
                "tell the attic that dinner is ready",
                "announce in the attic that dinner is ready",
                "announce in the kitchen and the attic that dinner is ready",
                "Tell the kitchen, the attic and the bathroom that dinner is ready",
            )
        ),
        ("tell the kitchen and the attic dinner is ready", "I did not understand which rooms", []),
    ],
)
async def test_several_rooms_are_told_and_no_others(
    sentence: str, answer: str | None, rooms: list[str]
) -> None:
    voices = Voices("Kitchen", "Bathroom", "Attic")
    home_of_rooms = dict(ROOMS)
    if answer is None:
        home_of_rooms["light.attic"] = {"name": "Attic Light", "area": "Attic"}
    aloud = voices.aloud()
    async with hearth("messages", home_of_rooms, area="Office", services={"aloud": aloud}) as home:
        told = await said(home, sentence)
        await home.advance(seconds=1)
        assert sorted(room for room, _ in voices.heard) == rooms, told
        assert (answer or "Attention") in told
        assert all(text.casefold().endswith(": dinner is ready.") for _, text in voices.heard)


@pytest.mark.parametrize(
    ("sentence", "answer", "rooms"),
    [
        (
            "Sag in der Küche und im Bad, dass das Essen fertig ist",
            "Ich sage es dort: Küche und Bad.",
            ["Bad", "Küche"],
        ),
        (
            "Kündige in der Küche und im Bad an, dass das Essen fertig ist",
            "Ich sage es dort: Küche und Bad.",
            ["Bad", "Küche"],
        ),
        *(
            (sentence, "Einen Raum Keller kenne ich nicht", [])
            for sentence in (
                "sag im Keller, dass das Essen fertig ist",
                "sag in der Küche und im Keller Bescheid, dass das Essen fertig ist",
            )
        ),
    ],
)
async def test_several_rooms_are_told_in_german(
    sentence: str, answer: str, rooms: list[str]
) -> None:
    house = {
        "light.kueche": {"name": "Licht", "area": "Küche"},
        "light.bad": {"name": "Spiegel", "area": "Bad"},
        "light.flur": {"name": "Lampe", "area": "Flur"},
    }
    voices = Voices("Küche", "Bad")
    services = {"aloud": voices.aloud()}
    async with hearth("messages", house, "de", area="Flur", services=services) as home:
        told = await said(home, sentence, language="de")
        await home.advance(seconds=1)
        assert sorted(room for room, _ in voices.heard) == rooms, told
        assert answer in told


async def test_a_room_without_a_voice_hears_it_here() -> None:
    async with hearth("messages", ROOMS, area="Office") as home:
        told = await said(home, "tell the kitchen dinner is ready")
        assert told == "I have no voice in the Kitchen, so I say it here: Dinner is ready."


async def test_messages_to_people_and_to_the_phone() -> None:
    phones = Phones()
    async with hearth("messages", ROOMS, services={"phone": phones}) as home:
        assert await said(home, "tell Sam that dinner is ready") == "I sent that to Sam."
        assert await said(home, "Send to my phone: buy a drill") == "I sent that to your phone."
        await said(home, "what is twelve times seven", "send that to my phone")
        assert phones.sent == ["For Sam: Dinner is ready", "Buy a drill", "84."]
        told = await said(home, "undo that")
        assert told == "What was said or sent cannot be taken back."


async def test_a_person_s_own_phone_is_told_by_home_assistant() -> None:
    home_of_two = {**ROOMS, "notify.sams_phone": {"name": "Sam's phone"}}
    phones = Phones()
    async with hearth("messages", home_of_two, services={"phone": phones}) as home:
        told = await said(home, "tell Sam that dinner is ready")
        assert [each.service for each in home.services] == ["notify.send_message"]
        assert phones.sent == [], told


async def test_messages_in_german() -> None:
    rooms = {"light.kueche": {"name": "Licht", "area": "Küche"}, **LAMP}
    phones = Phones()
    services = {"phone": phones}
    async with hearth("messages", rooms, "de", area="Office", services=services) as home:
        told = await said(home, "sag der Küche das Essen ist fertig", language="de")
        assert (
            told == "Dort habe ich keine Stimme (Küche), darum sage ich es hier: "
            "Das Essen ist fertig."
        )
        await said(home, "schick auf mein Handy Bohrer kaufen", language="de")
        assert phones.sent == ["Bohrer kaufen"]


# --- weather --------------------------------------------------------------------------------------

FORECAST = [
    {
        "datetime": "2026-03-02T00:00:00+00:00",
        "condition": "partlycloudy",
        "temperature": 9,
        "templow": 4,
        "precipitation_probability": 70,
    },
    {
        "datetime": "2026-03-03T00:00:00+00:00",
        "condition": "sunny",
        "temperature": 12,
        "templow": 3,
        "precipitation_probability": 5,
    },
    {"datetime": "2026-03-06T00:00:00+00:00", "condition": "snowy", "temperature": -1},
]
WEATHER = {
    "weather.home": {
        "name": "Home",
        "state": "cloudy",
        "attributes": {
            "temperature": 7.5,
            "temperature_unit": "°C",
            "wind_speed": 10,
            "wind_speed_unit": "m/s",
            "forecast": FORECAST,
        },
    }
}
STATION = {
    "sensor.outside": {
        "name": "Outside Temperature",
        "state": "-3.5",
        "attributes": {"device_class": "temperature", "unit_of_measurement": "°C"},
    },
    "sensor.rain": {
        "name": "Rain Rate",
        "state": "0.4",
        "attributes": {"device_class": "precipitation_intensity", "unit_of_measurement": "mm/h"},
    },
    "sensor.wind": {
        "name": "Wind",
        "state": "10",
        "attributes": {"device_class": "wind_speed", "unit_of_measurement": "m/s"},
    },
}


@pytest.mark.parametrize(
    ("devices", "language", "answers"),
    [
        (
            WEATHER,
            "en",
            {
                "is it raining": "No: 7.5 degrees, cloudy, windy.",
                "do I need an umbrella": "Yes: partly cloudy, 4 to 9 degrees, rain 70 percent.",
                "will it rain tomorrow": "No: sunny, 3 to 12 degrees, rain 5 percent.",
                "will it snow on friday": "Yes: snowy, -1 degrees.",
                "what will the weather be like on saturday": "I have no forecast for that. "
                "Right now it is 7.5 degrees, cloudy, windy.",
                "how windy is it outside": "The wind blows at 36 kilometres per hour.",
            },
        ),
        (
            WEATHER,
            "de",
            {
                "regnet es morgen": "Nein: sonnig, 3 bis 12 Grad, Regen 5 Prozent.",
                "brauche ich einen Schirm": "Ja: teils bewölkt, 4 bis 9 Grad, Regen 70 Prozent.",
                "wie wird das Wetter am Freitag": "Schnee, -1 Grad.",
            },
        ),
        (
            STATION,
            "en",
            {
                "how cold is it outside": "It is -3.5 degrees, raining, windy outside.",
                "is it raining": "Yes: -3.5 degrees, raining, windy.",
                "will it rain tomorrow": "I have no forecast for that. "
                "Right now it is -3.5 degrees, raining, windy.",
            },
        ),
    ],
    ids=["weather entity", "in German", "a station"],
)
async def test_the_weather(devices: Any, language: str, answers: Mapping[str, str]) -> None:
    async with hearth("questions", devices, language) as home:
        for text, answer in answers.items():
            assert await said(home, text, language=language) == answer


async def test_the_days_of_a_forecast_are_those_of_the_house() -> None:
    moment = "2026-03-02T23:00:00-12:00"  # there it is still Monday
    attributes = {"forecast": [{**FORECAST[1], "datetime": moment}]}
    weather = {"weather.home": {"name": "Home", "state": "cloudy", "attributes": attributes}}
    async with hearth("questions", weather) as home:
        told = "sunny, 3 to 12 degrees, rain 5 percent."
        assert await said(home, "what is the forecast for this week") == f"Tuesday: {told}"
        assert await said(home, "will it rain tomorrow") == f"No: {told}"


# --- the briefing ---------------------------------------------------------------------------------

HOUSE = {
    **WEATHER,
    "binary_sensor.window": {
        "name": "Kitchen Window",
        "state": "on",
        "attributes": {"device_class": "window"},
    },
    "sensor.remote": {
        "name": "Remote Battery",
        "state": "12",
        "attributes": {"device_class": "battery", "unit_of_measurement": "%"},
    },
    "sensor.shed": {
        "name": "Shed Battery",
        "state": "80",
        "attributes": {"device_class": "battery", "unit_of_measurement": "%"},
    },
    "todo.shopping": {
        "name": "Shopping List",
        "attributes": {"todo_items": [{"summary": "milk", "status": "needs_action"}]},
    },
}
YOGA = (
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:y\nSUMMARY:Yoga\nDTSTART:20260302T170000Z\n"
    "DTEND:20260302T180000Z\nEND:VEVENT\nEND:VCALENDAR\n"
)


async def test_the_briefing_has_all_that_matters_today(tmp_path: Path) -> None:
    (tmp_path / "own.ics").write_text(YOGA, encoding="utf-8")
    calendars = Calendars([Files(tmp_path)])
    parts = "date, weather, calendar, lists, windows, batteries"
    for language, sentence, answer in (
        (
            "en",
            "good morning briefing",
            "It is Monday, March 2. Partly cloudy, 4 to 9 degrees, rain 70 percent. "
            "Yoga today at 5 PM. 1 on the Shopping List. Open: Kitchen Window. "
            "Low battery: Remote Battery.",
        ),
        (
            "de",
            "was muss ich heute wissen",
            "Heute ist Montag, der 2. März. Teils bewölkt, 4 bis 9 Grad, Regen 70 Prozent. "
            "Yoga heute um 17 Uhr. 1 auf: Shopping List. Offen: Kitchen Window. "
            "Batterie schwach: Remote Battery.",
        ),
    ):
        settings, services = {"parts": parts}, {"calendars": calendars}
        async with hearth(
            "briefing", HOUSE, language, settings=settings, services=services
        ) as home:
            assert await said(home, sentence, language=language) == answer


async def test_its_parts_are_chosen_and_none_of_them_acts() -> None:
    parts = "windows, everything.off, HassTurnOn, nobody.knows"
    async with hearth("briefing", HOUSE, settings={"parts": parts}) as home:
        assert await said(home, "what do I need to know today") == "Open: Kitchen Window."
        assert home.services == []
