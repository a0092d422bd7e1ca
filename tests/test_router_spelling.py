"""Misspelt and compound commands in languages that have no fuzzy matcher of their own."""

from __future__ import annotations

import pytest

from hub.config import Config
from hub.evaluate.homes import still_home
from hub.home.model import Home
from hub.messages import Intent
from hub.ports import Inventory, SourceArea, SourceEntity
from hub.router import Router
from hub.skillset import Skillset
from tests.router_home import calls, said

HOUSE = Inventory(
    (
        SourceEntity("light.decke", "Deckenlampe", "light", "kueche"),
        SourceEntity("light.spots", "Spots", "light", "kueche"),
        SourceEntity("light.flur", "Flurlicht", "light", "flur"),
        SourceEntity("cover.bad", "Rollo", "cover", "bad", "blind"),
        SourceEntity("cover.flur", "Flurrollo", "cover", "flur", "blind"),
        SourceEntity("lock.haus", "Haustür", "lock", "flur"),
        SourceEntity("media_player.radio", "Radio", "media_player", "kueche", "speaker"),
    ),
    (SourceArea("kueche", "Küche"), SourceArea("flur", "Flur"), SourceArea("bad", "Badezimmer")),
)


async def _router(*languages: str) -> tuple[Router, Home]:
    home = await still_home(HOUSE)
    tools = Skillset.load(Config(), home).specs()
    router = Router(
        home, tools, model=None, settings=Config().router, languages=languages or ("de",)
    )
    await router.prepare()
    return router, home


async def _german(text: str, area: str | None = None) -> Intent:
    router, home = await _router()
    try:
        return await said(router, text, language="de", area=area)
    finally:
        await home.close()


KITCHEN_OFF = ("HassTurnOff", {"area": "Küche", "domain": "light"})


@pytest.mark.parametrize(
    "text",
    [
        "schalte das Küchenlihct aus",
        "schalte das Küchenlicht aus",
        "Küchenlihct aus",
        "schalte das licht in der kühce aus",
        "schlate das licht in der küche aus",
    ],
)
async def test_a_compound_and_a_misspelt_word_are_understood(text: str) -> None:
    intent = await _german(text)
    assert calls(intent) == [KITCHEN_OFF], intent.why


async def test_a_device_of_that_name_goes_before_a_compound() -> None:
    assert calls(await _german("schalte das flurlihct aus")) == [
        ("HassTurnOff", {"name": "Flurlicht"})
    ]


async def test_several_commands_of_which_one_is_misspelt() -> None:
    intent = await _german("schalte das Küchenlihct aus und mach die Rollos im Flur zu")
    assert [name for name, _ in calls(intent)] == ["HassTurnOff", "HassTurnOff"], intent.why
    assert calls(intent)[0] == KITCHEN_OFF
    assert "fuzzy" in intent.why
    assert intent.score < 0.9


async def test_kinds_with_umlauts_are_known_as_they_are_written() -> None:
    assert calls(await _german("schließe die haustür ab")) == [("HassTurnOn", {"name": "Haustür"})]
    assert [name for name, _ in calls(await _german("schließ das türschloss ab"))] == ["HassTurnOn"]


@pytest.mark.parametrize(
    "text",
    [
        "schalte das Nachbarlicht aus",
        "schalte das Kuchenrezept aus",
        "erzähl mir etwas über die Kirche",
        "wer hat gestern die Wahl gewonnen",
    ],
)
async def test_what_is_only_a_little_like_a_command_does_nothing(text: str) -> None:
    assert not (await _german(text)).calls


async def test_opposites_are_not_taken_for_one_another() -> None:
    for text in ("Haustür augschließen", "Haustür abchließen bitte sofort zuschleißen"):
        for call in (await _german(text)).calls:
            assert call.tool != "HassTurnOff", text


async def test_nothing_is_guessed_where_no_word_is_known() -> None:
    router, home = await _router("en")
    try:
        assert not (await said(router, "reply")).calls
        assert (await said(router, "tunr on the radio")).calls
    finally:
        await home.close()
