"""The dashboard served on loopback, and the machine's Chromium looking at it. Without one these tests say so and end."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tickover import Tickover
from tickover.clock import monotonic
from tickover.web import create_web, insecure_local

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A Chromium. One for each test: while Playwright is open its event loop counts as running, also for other tests."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:  # a contributor's machine may have none; .ci/run installs one
        pytest.skip(f"none of {', '.join(_NAMES)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def jobs(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Tickover]:
    shutil.copyfile(migrated_sqlite, tmp_path / "jobs.db")
    with Tickover(f"sqlite:///{tmp_path / 'jobs.db'}") as jobs:

        @jobs.job(queue="orders")
        def fulfil(order: int) -> dict[str, int]:
            return {"order": order}

        @jobs.job(queue="billing", retries=0)
        def charge(order: int) -> None:
            raise TimeoutError(f"no reply from the processor in {order}.5 s")

        yield jobs


@pytest.fixture
def shop(jobs: Tickover) -> Tickover:
    """With something on every page."""
    for order in range(30):
        jobs.enqueue("fulfil", order)
    for order in range(5):
        jobs.enqueue("charge", order)
    jobs.drain(10)
    jobs.enqueue("fulfil", 99, delay=3600)
    jobs.pause_queue("billing", "the processor is down")
    return jobs


@pytest.fixture
def url(jobs: Tickover) -> Iterator[str]:
    """Where the dashboard answers."""
    with served(create_web(jobs, auth=insecure_local())) as url:
        yield url


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on loopback, at the address that this yields."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own; a word on its console, or a request that fails, fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    said: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if not message.location["url"].endswith("/ui/stream"):  # its server went away under it
            said.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: said.append(str(error)))

    def failed(request: Request) -> None:
        # Given up because somebody went on to another page, or because its server went away.
        if request.failure != "net::ERR_ABORTED" and not request.url.endswith("/ui/stream"):
            said.append(f"{request.url} {request.failure}")

    page.on("requestfailed", failed)
    yield page
    context.close()
    assert said == []


def until(limit: float = 30) -> Iterator[None]:
    """For loops that look again until something is so."""
    end = monotonic() + limit
    while monotonic() < end:
        yield
    raise AssertionError(f"not within {limit} s")
