"""What a person's browser does, without the browser: it keeps cookies, and sends forms as they were found."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.web.conftest import TOKENS, Client
from tickover import Tickover
from tickover.web import Role, bearer_tokens
from tickover_ui import create_dashboard

HERE = "http://127.0.0.1:8000"


class Form(HTMLParser):
    """The form of a page that is sent by POST to an action or the log-in, with its fields as they stand."""

    def __init__(self, text: str, action: str = "/act/") -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False
        self._wanted = action
        self._area = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("method") == "post" and self._wanted in given.get("action", "")
            self.action = given["action"] if self._inside else self.action
        if self._inside and tag == "input" and (given.get("type") != "radio" or "checked" in given):
            self.fields[given.get("name", "")] = given.get("value", "")
        if self._inside and tag == "textarea":
            self._area = given["name"]
            self.fields[self._area] = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        self._area = "" if tag == "textarea" else self._area
        self._inside = self._inside and tag != "form"


class Person:
    """Somebody with a role who looks at the dashboard."""

    def __init__(self, jobs: Tickover, role: Role = "admin") -> None:
        auth = bearer_tokens({token: role for role, token in TOKENS.items()})
        self.app = create_dashboard(jobs, auth=auth)
        self.client = Client(self.app, {"Authorization": f"Bearer {TOKENS[role]}"})

    def as_(self, role: Role | None) -> Client:
        """The same dashboard for somebody else."""
        return Client(self.app, {"Authorization": f"Bearer {TOKENS[role]}"} if role else {})

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def form(self, path: str) -> Form:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return Form(answer.text)

    def send(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Opens the question at a path, fills the form in, and sends it."""
        form = self.form(path)
        assert form.action is not None
        sent = {**form.fields, "reason": "because", **fields}
        return self.client.post(form.action, data={k: v for k, v in sent.items() if v is not None}, headers=headers)

    def follow(self, answer: httpx.Response) -> str:
        """The page that an answer leads to."""
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["location"]).text

    def notes(self) -> list[dict[str, Any]]:
        """The audit log, newest first."""
        return self.client.get("/api/audit").json()["notes"]  # type: ignore[no-any-return]  # JSON


def local(location: str) -> str:
    """The path and query of an address."""
    parts = urlsplit(location)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
