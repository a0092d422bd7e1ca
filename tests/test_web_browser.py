"""The page in a real Chromium, as large as a phone."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from hub.bridges.web import live
from hub.bridges.web.access import FILE, TRIES, Password
from hub.bridges.web.parts import Parts
from hub.bridges.web.site import open_site
from tests.web import PASSWORD, PAYLOADS, House, open_house

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

PHONE = {"width": 360, "height": 740}
PATIENCE = 60_000
"""Milliseconds; a machine that has other things to do takes its time."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    from playwright.async_api import async_playwright

    # Chromium's own walls want a user that is not the administrator.
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=arguments, timeout=PATIENCE
        )
        yield opened
        await opened.close()


class Looking:
    """Somebody with a phone."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.said: list[str] = []
        """What the page complained of, and what ran that must not."""
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.said.append(f"dialog: {dialog.message}"))
        page.on("console", self._console)
        page.on("request", self._request)

    def _console(self, message: Any) -> None:
        # What a server refuses is no fault of the page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.said.append(message.text)

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.url, "blob:")):
            self.said.append(f"asked elsewhere: {request.url}")

    async def log_in(self, password: str = PASSWORD) -> None:
        await self.page.goto(self.url)
        await self.page.get_by_label(re.compile("^(Password|Passwort)$")).fill(password)
        await self.page.keyboard.press("Enter")

    async def part(self, name: str) -> None:
        """Go to a part of the page, and wait until it is there."""
        await self.page.evaluate("name => { location.hash = name }", name)
        await self.page.wait_for_selector(f"main[data-part='{name.partition('/')[0]}']")

    def card(self, name: str) -> Any:
        return self.page.locator("article.card").filter(has_text=name)


async def until(true: Callable[[], bool]) -> None:
    """Wait for what the hub does."""
    async with asyncio.timeout(PATIENCE / 1000):
        while not true():  # noqa: ASYNC110 (it may be anything of the hub)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def looking(browser: Any, url: str, **more: Any) -> AsyncIterator[Looking]:
    given = {"viewport": PHONE, "locale": "en-US", "has_touch": True, **more}
    context = await browser.new_context(**given)
    try:
        yield Looking(await context.new_page(), url)
    finally:
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def phone(house: House, browser: Any) -> AsyncIterator[Looking]:
    async with looking(browser, house.url) as phone:
        await phone.log_in()
        await phone.page.wait_for_selector("main[data-part='home']")
        yield phone
        assert phone.said == []


async def test_a_lamp_is_switched_and_undone(house: House, phone: Looking) -> None:
    lamp = phone.page.get_by_role("switch", name="Reading Lamp")
    await lamp.click()
    await until(lambda: house.state("light.lamp") == "on")
    await phone.page.get_by_role("button", name="Undo").click()
    await until(lambda: house.state("light.lamp") == "off")
    await phone.page.wait_for_function(
        "() => !document.querySelector('[data-device=\"light.lamp\"] .switch').checked"
    )


async def test_what_others_do_is_seen_as_it_happens(house: House, phone: Looking) -> None:
    await house.hub.assistant.say("turn on the reading lamp")
    await phone.card("Reading Lamp").get_by_text(re.compile("^on")).wait_for()
    await phone.card("Reading Lamp").get_by_role("slider").wait_for()
    await house.hub.assistant.say("turn off the reading lamp")
    await phone.card("Reading Lamp").get_by_text("off", exact=True).wait_for()


async def test_history_tells_what_was_said_and_why(house: House, phone: Looking) -> None:
    await phone.page.get_by_label("Say something to your home").fill("turn on the reading lamp")
    await phone.page.keyboard.press("Enter")
    await until(lambda: house.state("light.lamp") == "on")
    await phone.page.get_by_role("link", name="History").click()
    await phone.page.get_by_role("link", name="Why: turn on the reading lamp").first.click()
    await phone.page.get_by_text("the shared sentences and rules").wait_for()
    await phone.page.get_by_text("light.lamp: on, confirmed").wait_for()
    await phone.page.get_by_role("button", name="Back").click()
    await phone.page.get_by_role("button", name="What was done").click()
    await phone.page.get_by_text("off → on").first.wait_for()


async def test_a_timer_is_cancelled(house: House, phone: Looking) -> None:
    await house.hub.assistant.say("set a pasta timer for ten minutes")
    await phone.page.get_by_role("link", name="Timers").click()
    await phone.card("pasta").get_by_text(re.compile(r"^9:\d\d$")).wait_for()
    await phone.page.get_by_role("button", name=re.compile("Cancel: pasta")).click()
    await until(lambda: not house.hub.timers.all())
    await phone.page.get_by_text("No timer runs.").wait_for()


async def test_an_item_is_added_and_ticked_off(house: House, phone: Looking) -> None:
    def items() -> dict[str, str]:
        kept = house.hub.home.state("todo.shopping").attributes["todo_items"]
        return {each["summary"]: each["status"] for each in kept}

    await phone.page.get_by_role("link", name="Lists").click()
    await phone.page.get_by_role("textbox", name="Add to Shopping List").fill("rye bread")
    await phone.page.keyboard.press("Enter")
    await phone.page.get_by_role("checkbox", name="Check off rye bread").click()
    await until(lambda: items().get("rye bread") == "completed")
    await phone.page.locator("li.struck", has_text="rye bread").wait_for()


async def test_a_door_is_opened_by_a_tap_and_by_no_other_button(
    house: House, phone: Looking
) -> None:
    await phone.page.get_by_role("button", name="Unlock: Front Door").click()
    ask = phone.page.get_by_role("alertdialog")
    await ask.get_by_text("Front Door").wait_for()
    assert house.state("lock.front") == "locked"
    await ask.get_by_role("button", name="Approve").click()
    await until(lambda: house.state("lock.front") == "unlocked")
    await phone.page.get_by_role("button", name="Lock: Front Door").click()
    await until(lambda: house.state("lock.front") == "locked")


async def test_the_microphone_is_muted_and_shown_so(house: House, phone: Looking) -> None:
    await phone.page.get_by_role("button", name="Mute the microphone").click()
    await until(lambda: house.ears.muted)
    await phone.page.get_by_text("muted", exact=True).wait_for()
    await phone.page.get_by_role("button", name="The microphone is muted. Open it").click()
    await until(lambda: not house.ears.muted)


async def test_the_level_is_live(house: House, phone: Looking) -> None:
    await phone.page.wait_for_selector("#hub-rooms .meter")
    here = house.hub.assistant.activity.room(house.hub.assistant.area)

    async def talk() -> None:
        while True:
            here.hear(b"\x00\x40" * 512)
            await asyncio.sleep(0.1)

    talking = asyncio.create_task(talk())
    meter = "document.querySelector('#hub-rooms .meter').getAttribute('aria-valuenow')"
    try:
        await phone.page.wait_for_function(f"() => {meter} > 50")
    finally:
        talking.cancel()
    await phone.page.wait_for_function(f"() => {meter} == 0")


async def test_what_was_done_while_the_line_was_down_is_shown_when_it_is_back(
    house: House, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Any] = []
    watch = live._Page.watch

    def noted(page: Any) -> Any:
        lines.append(page)
        return watch(page)

    monkeypatch.setattr(live._Page, "watch", noted)
    await house.hub.assistant.say("turn off the reading lamp")
    async with looking(browser, house.url) as phone:
        await phone.log_in()
        await phone.card("Reading Lamp").get_by_text("off", exact=True).wait_for()
        await until(lambda: bool(lines))
        async with phone.page.expect_event(
            "requestfinished", lambda request: "/api/live" in request.url
        ):
            lines[0].close()
        await house.hub.assistant.say("turn on the reading lamp")
        await phone.card("Reading Lamp").get_by_text(re.compile("^on")).wait_for()


async def test_names_words_and_items_are_shown_and_never_run(house: House, phone: Looking) -> None:
    """As names of devices and of a room, as units, states, items, words, timers and the reply."""
    assert len(set(PAYLOADS)) == 50
    page = phone.page
    for number, payload in enumerate(PAYLOADS):
        trace = await house.hub.assistant.say(payload)
        house.hub.assistant.finished(trace)
        if number < 20:
            await house.hub.timers.start(600, name=payload, area=PAYLOADS[3])
    for name in ("home", "lists", "time", "history", "history/deeds", "routines", "skills"):
        await phone.part(name)
    turns = await house.hub.history.turns(most=3) if house.hub.history else []
    for turn in turns:
        await phone.part(f"why/{turn.id}")
    await phone.part("home")
    assert await page.get_by_text(PAYLOADS[3], exact=True).count() >= 2  # shown as it is
    await phone.part("history")
    assert any("<" in turn.heard for turn in turns)
    for turn in turns:
        assert await page.get_by_text(turn.heard).count() >= 1
    await house.hub.timers.cancel(*house.hub.timers.all())
    assert await page.evaluate("window.hurt") is None
    inside = "#main :is(script, img, iframe, object, embed, video, audio, style, link, meta, base)"
    assert await page.locator(inside).count() == 0
    assert phone.said == []


async def test_a_careless_page_would_run_them(browser: Any) -> None:
    """Or the test above would show nothing."""
    context = await browser.new_context()
    page = await context.new_page()
    hurt = await page.evaluate(
        """async (payloads) => {
            let hurt = 0;
            for (const payload of payloads) {
                window.hurt = 0;
                document.body.innerHTML = `<div>${payload}</div>`;
                await new Promise((resolve) => setTimeout(resolve, 40));
                if (window.hurt) hurt += 1;
            }
            return hurt;
        }""",
        PAYLOADS,
    )
    assert hurt >= 5  # the others are for pages that are careless in other ways
    await context.close()


async def test_the_browser_itself_would_run_nothing_of_it(house: House, browser: Any) -> None:
    """Even a page that were careless could not: the policy forbids it."""
    async with looking(browser, house.url) as phone:
        await phone.page.goto(phone.url)
        refused = await phone.page.evaluate(
            """() => {
                const refused = [];
                for (const [name, act] of Object.entries({
                    html: () => { document.body.innerHTML = '<img src=x onerror=window.hurt=1>'; },
                    write: () => document.write('<script>window.hurt=1</script>'),
                    inline: () => { const made = document.createElement('script');
                                    made.text = 'window.hurt=1'; document.body.append(made);
                                    if (!window.hurt) throw new Error(); },
                })) { try { act(); } catch { refused.push(name); } }
                return refused;
            }"""
        )
        assert sorted(refused) == ["html", "inline", "write"]
        assert await phone.page.evaluate("window.hurt") is None


@pytest.mark.parametrize("width", [320, 360, 430])
async def test_nothing_is_wider_than_a_phone(phone: Looking, width: int) -> None:
    await phone.page.set_viewport_size({"width": width, "height": 740})
    for name in "home time lists history more routines skills privacy status".split():
        await phone.part(name)
        wide = await phone.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} pixels wide"


async def test_every_control_has_a_name_and_is_large_enough_to_tap(phone: Looking) -> None:
    for name in "home time lists history more privacy".split():
        await phone.part(name)
        poor = await phone.page.evaluate(
            """() => [...document.querySelectorAll('button, a, input, select')]
                .filter((each) => each.checkVisibility() && !each.closest('.hidden'))
                .filter((each) => {
                    const box = each.getBoundingClientRect();
                    const named = each.getAttribute('aria-label') || each.textContent.trim()
                        || each.labels?.length;
                    return !named || box.height < 24 || box.width < 24;
                }).filter((each) => !each.classList.contains('skip'))
                .map((each) => each.outerHTML.slice(0, 120))"""
        )
        assert poor == [], name


async def test_it_is_used_by_keyboard_alone(house: House, phone: Looking) -> None:
    lamp = phone.page.get_by_role("switch", name="Reading Lamp")
    before = house.state("light.lamp")
    await lamp.focus()
    await phone.page.keyboard.press("Space")
    await until(lambda: house.state("light.lamp") != before)
    await phone.page.wait_for_function(
        "() => document.activeElement.getAttribute('aria-label') === 'Reading Lamp'"
    )


async def test_a_german_browser_gets_german_and_a_dark_one_the_dark(
    house: House, browser: Any
) -> None:
    async with looking(browser, house.url, locale="de-DE", color_scheme="dark") as phone:
        await phone.log_in()
        await phone.page.get_by_role("heading", name="Räume").wait_for()
        assert await phone.page.evaluate("document.documentElement.lang") == "de"
        told = await phone.page.evaluate("getComputedStyle(document.body).backgroundColor")
        dark = sum(int(part) for part in re.findall(r"\d+", told)[:3])
        assert dark < 150
        assert phone.said == []


async def test_every_text_is_there_in_both_languages(phone: Looking) -> None:
    different = await phone.page.evaluate(
        """async () => {
            const text = await (await fetch('/static/texts.js')).text();
            const keys = (name) => {
                const part = text.split(`const ${name} = {`)[1].split('\\n};')[0];
                return [...part.matchAll(/(?:^|[\\s,])(\\w+): "/g)].map((found) => found[1]).sort();
            };
            const [en, de] = [keys('en'), keys('de')];
            return [en.length > 100, JSON.stringify(en) === JSON.stringify(de)];
        }"""
    )
    assert different == [True, True]


async def test_wrong_passwords_are_locked_out(house: House, browser: Any) -> None:
    """On a page of its own, since all tests have one address."""
    parts = Parts(house.hub, house.seeing)
    password = Password(house.folder / "data" / FILE)
    async with (
        open_site(parts, password) as url,
        looking(browser, url.rstrip("/")) as phone,
    ):
        trouble = phone.page.get_by_role("alert")
        await phone.page.goto(phone.url)
        for _ in range(TRIES):
            async with phone.page.expect_response("**/api/login") as answer:
                await phone.page.get_by_label("Password").fill("an honest guess")
                await phone.page.keyboard.press("Enter")
            assert (await (await answer.value).json())["error"] == "wrong"
            await trouble.get_by_text(re.compile("not the password|Too many")).wait_for()
        await phone.page.get_by_label("Password").fill(PASSWORD)
        await phone.page.keyboard.press("Enter")
        await trouble.get_by_text(re.compile("Too many wrong passwords. Try again in 5")).wait_for()
        assert await phone.page.locator("#app").is_hidden()


async def test_who_logs_out_is_out(phone: Looking) -> None:
    await phone.part("more")
    await phone.page.get_by_role("button", name="Log out").click()
    await phone.page.get_by_label("Password").wait_for()
    await phone.page.reload()
    await phone.page.get_by_label("Password").wait_for()
    assert await phone.page.locator("#app").is_hidden()
