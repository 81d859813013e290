"""An application on both databases, and a client that speaks to it without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import httpx
import pytest
from fastapi import FastAPI

from tickover import Settings, Tickover
from tickover.web import Role, bearer_tokens, create_api, create_webhooks
from tickover.web.access import ROLES

TOKENS: dict[Role, str] = {role: f"{role}-0123456789abcdef" for role in ROLES}
TICK = "tick-0123456789abcdef"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Open: TypeAlias = Callable[..., "Client"]


class Client:
    """HTTP in process: each call is one request; nothing that the application raises is hidden in a status."""

    def __init__(self, app: FastAPI, headers: dict[str, str] | None = None, *, peer: str = "127.0.0.1") -> None:
        self.app = app
        self._headers = headers or {}
        self._peer = peer

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(self._peer, 50_000))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8000", headers=self._headers
            ) as client:
                return await client.request(method, path, **more)

        return asyncio.run(send())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)


@pytest.fixture(autouse=True)
def _no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKOVER_API_TOKENS", raising=False)


@pytest.fixture
def jobs(migrated_url: str) -> Iterator[Tickover]:
    with Tickover(migrated_url, settings=Settings(tick_token=TICK, secret=f"{SECRET},old-secret")) as jobs:

        @jobs.job
        def greet(name: str) -> dict[str, str]:
            return {"said": f"Hello {name}", "token": "not for everybody"}

        @jobs.job(retries=0)
        def fail(why: str) -> None:
            raise ValueError(why)

        @jobs.job
        def login(user: str, password: str = "") -> None: ...

        yield jobs


@pytest.fixture
def as_(jobs: Tickover) -> Open:
    """`as_("operate")`: the API, called by somebody with that role."""
    api = create_api(jobs, auth=bearer_tokens({token: role for role, token in TOKENS.items()}))

    def client(role: Role | None = None) -> Client:
        return Client(api, {"Authorization": f"Bearer {TOKENS[role]}"} if role else {})

    return client


@pytest.fixture
def admin(as_: Open) -> Client:
    return as_("admin")


@pytest.fixture
def hooks(jobs: Tickover) -> Client:
    return Client(create_webhooks(jobs))
