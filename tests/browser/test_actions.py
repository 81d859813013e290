"""An operator's day in a real browser: log in, act, see who did it; by mouse and keys, in both themes, and without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import served
from tickover import NewJob, Tickover
from tickover.web import Person, create_web, hash_password, password_login

WORD = "correct horse battery"
PEOPLE = {"ann": Person(role="admin", password=hash_password(WORD))}
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def closed(jobs: Tickover) -> Iterator[str]:
    """Where the dashboard answers to those who log in."""
    with served(create_web(jobs, auth=password_login(PEOPLE, secret="a-secret-of-our-own"))) as url:
        yield url


def log_in(page: Page) -> None:
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Log in").click()


def confirm(page: Page, button: str, reason: str) -> None:
    """Fills in the reason of the question that is open, and presses its button."""
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("Reason, kept in the audit log")).to_be_focused()
    page.keyboard.type(reason)
    dialog.get_by_role("button", name=re.compile(button)).click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_operators_day(page: Page, closed: str, shop: Tickover, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of the two
    page.goto(f"{closed}/dead")
    page.wait_for_url("**/login?next=*")
    report = Axe().run(page, options=WCAG)
    assert report.violations_count == 0, report.generate_report()
    log_in(page)
    page.wait_for_url("**/dead")

    # retry a dead letter
    page.locator("#evidence tbody a").first.click()
    page.get_by_role("link", name="Retry").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    report = Axe().run(page, options=WCAG)
    assert report.violations_count == 0, report.generate_report()
    confirm(page, "Retry this job", "the processor is back")
    expect(page.get_by_role("status").filter(has_text="Retry: done")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("Pending")

    # cancel a job
    page.get_by_role("link", name="Cancel").click()
    confirm(page, "Cancel this job", "a duplicate")
    expect(page.locator("h1")).to_contain_text("Cancelled")

    # pause a queue
    page.goto(f"{closed}/queues")
    page.locator("#lanes tr").filter(has_text="orders").get_by_role("link", name="Pause").click()
    confirm(page, "Pause this queue", "codec upgrade")
    page.wait_for_url("**/queues?did=*")
    page.goto(f"{closed}/")
    expect(page.locator("#attention")).to_contain_text("Queue orders is paused")
    assert [queue.reason for queue in shop.stats().queues if queue.name == "orders"] == ["codec upgrade"]

    # and see who did it
    page.get_by_role("link", name="Audit log", exact=True).click()
    rows = page.locator("#notes tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text(re.compile("ann.*Pause queue.*queue orders.*codec upgrade.*paused", re.DOTALL))
    expect(rows.nth(1)).to_contain_text("a duplicate")
    expect(rows.nth(2)).to_contain_text("the processor is back")
    expect(rows.nth(3)).to_contain_text("Log in")
    report = Axe().run(page, options=WCAG)
    assert report.violations_count == 0, report.generate_report()

    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.goto(f"{closed}/jobs")
    page.wait_for_url("**/login?next=*")


def test_the_chosen_rows_get_a_bar(page: Page, url: str, shop: Tickover) -> None:
    page.goto(f"{url}/jobs?state=failed")
    bar = page.get_by_role("toolbar", name="With those chosen")
    expect(bar).to_be_hidden()
    boxes = page.locator("input.pick")
    boxes.nth(0).check()
    boxes.nth(1).check()
    bar.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text("Retry 2 jobs?")
    report = Axe().run(page, options=WCAG)
    assert report.violations_count == 0, report.generate_report()
    confirm(page, "Retry 2 jobs", "together")
    expect(page.get_by_role("status").filter(has_text="2 changed")).to_be_visible()
    assert len(shop.find(state="failed")) == 3


def test_keys_ask_and_escape_takes_it_back(page: Page, url: str, shop: Tickover) -> None:
    dead = shop.find(state="failed")[0].id
    page.goto(f"{url}/jobs/{dead}")
    page.keyboard.press("R")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("R")
    page.get_by_role("dialog").get_by_role("link", name="Back").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert shop.get(dead).state == "failed"


def test_many_are_changed_by_a_job_whose_page_tells_how_far_it_is(page: Page, url: str, shop: Tickover) -> None:
    shop.enqueue_many([shop_new(n) for n in range(250)])
    page.goto(f"{url}/jobs?state=pending&queue=orders")
    page.get_by_role("link", name="Cancel all that match").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type 251").fill("251")
    dialog.get_by_label("Reason, kept in the audit log").fill("too many")
    dialog.get_by_role("button", name="Cancel 251 jobs").click()
    page.wait_for_url("**/bulk/*")
    expect(page.get_by_role("link", name="Stop")).to_be_visible()
    report = Axe().run(page, options=WCAG)
    assert report.violations_count == 0, report.generate_report()
    shop.drain(20)
    page.reload()
    expect(page.locator("#progress")).to_contain_text("251 changed, 0 left as they were")


def shop_new(n: int) -> NewJob[Any]:
    return NewJob("fulfil", n, delay=3600)


@pytest.mark.parametrize("width", [1440, 390])
def test_without_a_script_the_same_links_are_pages(browser: Browser, closed: str, shop: Tickover, width: int) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 844})
    page = context.new_page()
    dead = shop.find(state="failed")[0].id
    page.goto(f"{closed}/jobs/{dead}")
    log_in(page)
    page.get_by_role("link", name="Retry").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Retry charge")
    page.get_by_label("Where it failed").check()
    page.get_by_label("Reason, kept in the audit log").fill("no script here")
    page.get_by_role("button", name="Retry this job").click()
    expect(page.get_by_role("status")).to_contain_text("Retry: done")
    assert shop.get(dead).state == "pending"
    context.close()
