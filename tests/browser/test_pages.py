"""The pages in a real browser: the policy holds, keys and theme work, the view is live, and axe finds nothing."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tickover import Tickover

PAGES = ["/", "/jobs", "/jobs?state=failed", "/dead"]


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
        expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Jobs")).to_be_visible()


def test_the_theme_is_switched_and_kept(page: Page, url: str, shop: Tickover) -> None:
    page.goto(url)
    before = page.evaluate("document.documentElement.dataset.theme")
    page.keyboard.press("\\")
    after = page.evaluate("document.documentElement.dataset.theme")
    assert {before, after} == {"light", "dark"}
    page.goto(f"{url}/jobs")
    assert page.evaluate("document.documentElement.dataset.theme") == after
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == before


def test_keys_go_and_filter_but_not_while_typing(page: Page, url: str, shop: Tickover) -> None:
    page.goto(url)
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.wait_for_url("**/jobs")
    page.keyboard.press("/")
    kind = page.get_by_label("Kind")
    expect(kind).to_be_focused()
    page.keyboard.type("gd\\charge")
    expect(kind).to_have_value("gd\\charge")
    kind.fill("charge")
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


def test_the_view_is_live_and_leaves_alone_what_somebody_uses(page: Page, url: str, shop: Tickover) -> None:
    page.clock.install()
    page.goto(f"{url}/jobs")
    kind = page.get_by_label("Kind")
    kind.fill("half-ty")
    with page.expect_response("**/ui/pulse"):
        page.clock.run_for(6_000)
    shop.enqueue("fulfil", 1234)
    with page.expect_response("**/ui/pulse?since=*"):
        page.clock.run_for(20_000)
    expect(page.locator(".jname")).to_have_count(37)
    expect(kind).to_have_value("half-ty")


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


def test_distances_grow_while_nothing_happens(page: Page, url: str, shop: Tickover) -> None:
    page.clock.install()
    page.goto(f"{url}/jobs")
    page.get_by_role("button", name="Live").click()  # no reading anew
    page.get_by_role("button", name="Paused").click()
    page.clock.run_for(180_000)
    expect(page.locator("tbody time").last).to_have_text("3 min ago")
