"""Lists as people use them: said to a whole hub without models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hub.author.stage import Stage
from hub.daily.lists import LocalLists
from hub.errors import DeviceError
from hub.home.model import Home
from hub.skill.testing import hearth_with
from hub.storage.documents import Documents

LISTS = Path(__file__).parent.parent / "skills" / "lists"
SHOPPING = {"todo.shopping": {"name": "Shopping List", "attributes": {"todo_items": []}}}
LAMP = {"light.desk": {"name": "Desk Lamp", "area": "Office"}}


def hearth(
    home: Mapping[str, Mapping[str, object]] = SHOPPING, languages: tuple[str, ...] = ("en",)
) -> Stage:
    return hearth_with(home, skill=LISTS, all_skills=True, languages=languages)


def items(stage: Stage, entity_id: str = "todo.shopping") -> list[str]:
    kept = stage.home.state(entity_id).attributes["todo_items"]
    plain = [item if isinstance(item, dict) else {"summary": item} for item in kept]
    return [item["summary"] for item in plain if item.get("status") != "completed"]


async def said(stage: Stage, *texts: str, language: str = "en") -> str:
    for text in texts:
        trace = await stage.assistant.say(text, language=language)
    return trace.reply.text


async def test_several_things_at_once_and_undone() -> None:
    async with hearth() as home:
        told = await said(home, "Add milk, orange juice and bread to the shopping list.")
        assert told == "Added milk, orange juice and bread."
        assert items(home) == ["milk", "orange juice", "bread"]
        assert await said(home, "is bread on the list") == "Yes, on the Shopping List."
        await said(home, "undo that")
        assert items(home) == []


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("add macaroni and cheese to the shopping list", ["macaroni and cheese"]),
        ("add salt and eggs to the shopping list", ["salt", "eggs"]),
        ("we are out of coffee", ["coffee"]),
        ("add some milk, a dozen eggs, and butter to my shopping list",
         ["milk", "dozen eggs", "butter"]),
    ],
)  # fmt: skip
async def test_what_is_one_thing_and_what_is_several(sentence: str, kept: list[str]) -> None:
    async with hearth() as home:
        await said(home, sentence)
        assert items(home) == kept


async def test_what_is_there_already_is_not_added_again() -> None:
    async with hearth() as home:
        told = await said(
            home, "add milk to the shopping list", "add milk and eggs to the shopping list"
        )
        assert told == "Added eggs."
        told = await said(home, "add milk to the shopping list")
        assert told == "Milk is already on the Shopping List."
        assert items(home) == ["milk", "eggs"]


async def test_tasks_are_not_split_at_and() -> None:
    async with hearth(LAMP) as home:
        told = await said(home, "add call mom and dad to the to-do list")
        assert told == "Added call mom and dad to the To-do List."


async def test_a_list_that_is_not_there_is_made_after_a_yes() -> None:
    async with hearth() as home:
        asked = await said(home, "add socks to the packing list")
        assert asked == "There is no packing list. Shall I make one?"
        assert await said(home, "yes") == "Added socks to the Packing List."
        await said(home, "add a towel to the packing list")
        told = await said(home, "what is on the packing list")
        assert told == "Packing List, 2 things: socks, towel."
        assert await said(home, "which lists do I have") == (
            "Your lists: Shopping List and Packing List."
        )
        await said(home, "delete the packing list", "yes")
        assert await said(home, "what is on the packing list") == "There is no packing list."


async def test_a_task_is_not_put_among_the_groceries() -> None:
    async with hearth() as home:
        told = await said(home, "add call the plumber to my to-do list")
        assert told == "Added call the plumber to the To-do List."
        assert items(home) == []
        assert "call the plumber" in await said(home, "what's on my to-do list")
        assert items(home) == []


async def test_the_list_is_what_is_named_last() -> None:
    async with hearth() as home:
        await said(home, "add a book of things to do in berlin to the shopping list")
        assert items(home) == ["book of things to do in berlin"]
        await said(home, "add buy groceries to the to-do list")
        assert items(home) == ["book of things to do in berlin"]


async def test_no_makes_no_list() -> None:
    async with hearth() as home:
        await said(home, "add socks to the packing list", "no")
        assert await said(home, "what is on the packing list") == "There is no packing list."


async def test_a_list_is_cleared_only_after_a_yes_and_can_be_had_back() -> None:
    async with hearth() as home:
        await said(home, "Add milk, eggs and bread to the shopping list", "check off eggs")
        asked = await said(home, "clear the shopping list")
        assert asked == "Really take everything off the Shopping List?"
        await said(home, "no")
        assert items(home) == ["milk", "bread"]
        await said(home, "clear the shopping list", "yes")
        assert items(home) == []
        await said(home, "undo that")
        assert items(home) == ["milk", "bread"]


async def test_removed_checked_off_and_missed() -> None:
    async with hearth() as home:
        await said(home, "Add milk, eggs and whole grain bread to the shopping list")
        assert await said(home, "remove milk from the shopping list") == "Removed milk."
        assert await said(home, "we bought the bread") == "Checked off whole grain bread."
        told = await said(home, "take caviar off the shopping list")
        assert told == "Caviar is not on the Shopping List."
        assert items(home) == ["eggs"]


async def test_without_any_list_the_shopping_list_is_made() -> None:
    async with hearth(LAMP) as home:
        assert await said(home, "add milk to the shopping list") in ("Added milk.", "milk")
        told = await said(home, "what is on the shopping list")
        assert told == "Shopping List, 1 thing: milk."


async def test_in_german() -> None:
    async with hearth(LAMP, ("de",)) as home:
        told = await said(home, "Setz Milch, Eier und Brot auf die Einkaufsliste", language="de")
        assert told == "Milch, Eier und Brot hinzugefügt."
        for text, answer in (
            ("was steht auf der Einkaufsliste", "Einkaufsliste, 3 Einträge: Milch, Eier, Brot."),
            ("sind Eier auf der Einkaufsliste", "Ja, auf: Einkaufsliste."),
            ("streiche Milch von der Einkaufsliste", "Milch ist abgehakt."),
            ("leere die Einkaufsliste", "Wirklich alles von Einkaufsliste streichen?"),
            ("ja", "Die Liste ist jetzt leer: Einkaufsliste."),
        ):
            assert await said(home, text, language="de") == answer


async def test_the_hub_s_own_lists_outlive_it(tmp_path: Path) -> None:
    for first in (True, False):
        lists = LocalLists(Documents(tmp_path / "lists.json"))
        home = Home()
        await home.connect([lists])
        if first:
            made = await lists.create("Packing List")
            assert made == "todo.packing_list"
            await home.call_service("todo", "add_item", [made], {"item": "socks"})
            with pytest.raises(DeviceError):
                await lists.call_service("todo", "remove_item", [made], {"item": "caviar"})
        await home.close()
    assert (await lists.inventory()).entities[0].attributes == {
        "todo_items": [{"summary": "socks", "status": "needs_action"}]
    }
    assert (tmp_path / "lists.json").stat().st_mode & 0o777 == 0o600
