"""The pages in a real browser: the policy holds, keys and theme work, the view is live, and axe finds nothing."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tickover import Tickover

PAGES = ["/", "/ticks", "/leases", "/jobs", "/jobs?state=failed", "/workflows", "/dead", "/queues", "/schedules"]


def look_at_all(page: Page, url: str, shop: Tickover) -> list[str]:
    return [
        f"{url}{path}"
        for path in (*PAGES, f"/jobs/{shop.find(kind='charge')[0].id}", f"/jobs/{shop.find(kind='fulfil')[-1].id}")
    ]


def test_every_page_opens_without_a_word_on_the_console(page: Page, url: str, shop: Tickover) -> None:
    for address in look_at_all(page, url, shop):
        page.goto(address)
        expect(page.locator("h1")).to_have_count(1)
        assert page.evaluate("document.fonts.check('13px \"Inter UI\"')")
        assert page.evaluate("getComputedStyle(document.body).display") == "grid"  # the style sheets were let in


def test_the_empty_page_too(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, url: str, shop: Tickover, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of the two
    for address in look_at_all(page, url, shop):
        page.goto(address)
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, f"{address}: {found.generate_report()}"


def test_it_works_on_a_phone(page: Page, url: str, shop: Tickover) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for address in look_at_all(page, url, shop):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Queues").click()
    expect(page.get_by_role("heading", name="Queues", level=1)).to_be_visible()


def test_the_theme_is_switched_and_kept(page: Page, url: str, shop: Tickover) -> None:
    page.goto(url)
    before = page.evaluate("document.documentElement.dataset.theme")
    page.keyboard.press("\\")
    after = page.evaluate("document.documentElement.dataset.theme")
    assert {before, after} == {"light", "dark"}
    page.goto(f"{url}/jobs")
    assert page.evaluate("document.documentElement.dataset.theme") == after
    page.get_by_role("button", name="Theme: dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == before
    page.keyboard.press("\\")
    expect(page.get_by_role("button", name="Theme: system")).to_be_visible()
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_keys_go_and_filter_but_not_while_typing(page: Page, url: str, shop: Tickover) -> None:
    page.goto(url)
    for key, path in {
        "t": "ticks",
        "l": "leases",
        "w": "workflows",
        "d": "dead",
        "q": "queues",
        "s": "schedules",
        "j": "jobs",
    }.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**/{path}")
    page.keyboard.press("/")
    field = page.locator("[data-filter]")
    expect(field).to_be_focused()
    page.keyboard.type("gd\\charge")
    expect(field).to_have_value("gd\\charge")
    field.fill("kind:charge")
    page.keyboard.press("Enter")
    page.wait_for_url("**kind=charge**")
    expect(page.locator(".jname")).to_have_count(5)


def test_from_the_warning_to_the_job(page: Page, url: str, shop: Tickover) -> None:
    page.goto(url)
    page.get_by_role("link", name="5 dead letters").click()
    expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()
    page.locator("#evidence tbody a").first.click()
    expect(page.locator("#error")).to_contain_text("no reply from the processor")
    page.go_back()
    expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()


def without_streams(page: Page) -> None:
    """As in a browser, or behind a server, that does not stream."""
    page.add_init_script("delete globalThis.EventSource")


def test_the_view_is_live_and_leaves_alone_what_somebody_uses(page: Page, url: str, shop: Tickover) -> None:
    page.goto(f"{url}/jobs")
    typed = page.locator("[data-filter]")
    typed.fill("kind:half-ty")
    page.locator("body").press("Escape")
    shop.enqueue("fulfil", 1234)
    expect(page.locator(".jname")).to_have_count(37)
    expect(typed).to_have_value("kind:half-ty")
    expect(page.locator("#pages")).to_contain_text("2")  # pending jobs, beside the name of the page


def test_rows_do_not_move_under_the_pointer(page: Page, url: str, shop: Tickover) -> None:
    page.goto(f"{url}/jobs")
    page.locator(".jname").nth(3).hover()
    shop.enqueue("fulfil", 1234)
    expect(page.locator("#live-note")).to_have_text("Live, news wait")
    expect(page.locator(".jname")).to_have_count(36)
    page.mouse.move(5, 5)
    expect(page.locator(".jname")).to_have_count(37)


def test_where_nothing_streams_it_asks_with_patience(page: Page, url: str, shop: Tickover) -> None:
    without_streams(page)
    page.clock.install()
    page.goto(f"{url}/jobs")
    with page.expect_response("**/ui/pulse?since=*") as asked:
        page.clock.run_for(7_000)
    assert asked.value.status == 204
    shop.enqueue("fulfil", 1234)
    with page.expect_response("**/ui/pulse?since=*"):
        page.clock.run_for(20_000)
    expect(page.locator(".jname")).to_have_count(37)


def test_a_paused_view_asks_nothing_also_when_it_is_looked_at_again(page: Page, url: str, shop: Tickover) -> None:
    page.clock.install()
    page.goto(url)
    live = page.get_by_role("button", name="Live")
    live.click()
    expect(page.locator("#live-note")).to_have_text("Paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(120_000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.mouse.move(10, 10)
    page.clock.run_for(120_000)
    assert asked == []


def test_a_view_that_nobody_looks_at_falls_asleep(page: Page, url: str, shop: Tickover) -> None:
    without_streams(page)
    page.clock.install()
    page.goto(url)
    for _ in range(30):
        page.clock.run_for(60_000)
        if "Asleep" in page.locator("#live-note").inner_text():
            break
    expect(page.locator("#live-note")).to_contain_text("Asleep")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(300_000)
    assert asked == []
    page.mouse.move(10, 10)
    with page.expect_response("**/ui/pulse**"):
        page.clock.run_for(10_000)


def test_the_palette_goes_to_pages_jobs_and_filters(page: Page, url: str, shop: Tickover) -> None:
    page.goto(url)
    page.keyboard.press("Control+k")
    field = page.get_by_label("Command or search")
    expect(field).to_be_focused()
    field.fill("sched")
    page.keyboard.press("Enter")
    page.wait_for_url("**/schedules")
    page.keyboard.press("Control+k")
    field.fill("kind:charge state:failed")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs?kind=charge&state=failed")
    expect(page.locator(".jname")).to_have_count(5)
    job = shop.find(kind="charge")[0]
    page.keyboard.press("Control+k")
    field.fill(job.id)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{job.id}")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_j_and_k_move_over_rows_and_a_question_mark_lists_the_keys(page: Page, url: str, shop: Tickover) -> None:
    page.goto(f"{url}/jobs")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("main [data-row]").first
    expect(first).to_have_attribute("data-cursor", "")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*-*")


def test_brackets_go_from_tick_to_tick(page: Page, url: str, shop: Tickover) -> None:
    shop.enqueue("fulfil", 1)
    shop.drain(5)
    page.goto(f"{url}/ticks")
    before = page.locator("#tick h2").inner_text()
    page.keyboard.press("[")
    page.wait_for_url("**tick=**")
    assert page.locator("#tick h2").inner_text() != before
    page.keyboard.press("]")
    expect(page.locator("#tick h2")).to_have_text(before)


def test_times_are_told_in_the_readers_zone_when_asked(browser: Browser, url: str, shop: Tickover) -> None:
    context = browser.new_context(timezone_id="Asia/Kolkata")
    page = context.new_page()
    page.goto(f"{url}/ticks")
    began = page.locator("#tick dd time[data-form=hms]").first
    at = datetime.fromisoformat(str(began.get_attribute("datetime")))
    expect(began).to_have_text(f"{at:%H:%M:%S}")
    page.get_by_role("button", name="Times in UTC").click()
    expect(began).to_have_text(f"{at.astimezone(ZoneInfo('Asia/Kolkata')):%H:%M:%S}")
    expect(began).to_have_attribute("title", re.compile("local$"))
    page.goto(f"{url}/leases")
    assert page.evaluate("document.documentElement.dataset.zone") == "local"
    context.close()


def test_distances_grow_while_nothing_happens(page: Page, url: str, shop: Tickover) -> None:
    page.clock.install()
    page.goto(f"{url}/jobs")
    page.get_by_role("button", name="Live").click()  # no reading anew
    page.get_by_role("button", name="Paused").click()
    page.clock.run_for(180_000)
    expect(page.locator("tbody time").last).to_have_text("3 min ago")
