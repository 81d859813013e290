"""The dashboard as one application: pages over what the ticks read and write, and the JSON API beside them."""

from __future__ import annotations

import logging
import secrets
from typing import Final
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from tickover import Tickover
from tickover.errors import ConfigurationError, TickoverError
from tickover.web import Auth, create_api
from tickover.web.problems import Problem, status_of, tell_problems
from tickover.web.sessions import serializer
from tickover.web.shield import Shield
from tickover.web.ways import ways_in
from tickover_ui import assets, login
from tickover_ui.actions.routes import ROUTERS as ACTIONS
from tickover_ui.pages import base_of, page
from tickover_ui.routes import ROUTERS

_SHORTEST: Final = 16
_log: Final = logging.getLogger("tickover.web")


def create_dashboard(jobs: Tickover, /, *, auth: Auth | None = None, base_path: str = "") -> FastAPI:
    """The dashboard, with the JSON API under `/api`: an application to run, or to mount under any path.

    Args:
        jobs: the application.
        auth: who may come in, and what they may do: see `tickover.web`. Default are the people of `TICKOVER_USERS` and the
            tokens of `TICKOVER_API_TOKENS`.
        base_path: the path under which a proxy serves it, such as `/jobs`; not needed where it is mounted.

    Raises:
        ConfigurationError: nobody was named who may come in. On a laptop `tickover dev` serves it to this machine alone.
    """
    auth = auth or ways_in(jobs)
    if auth is None:
        raise ConfigurationError(
            "A dashboard needs auth=, such as password_login(…), proxy_header(…) or bearer_tokens({…}) of tickover.web, or "
            "TICKOVER_USERS: it shows everything."
        )
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, title="Tickover")
    app.state.jobs, app.state.auth, app.state.login = jobs, auth, login.login_of(auth)
    app.state.forms = serializer(_form_secret(jobs), "form")
    app.add_middleware(Shield)
    if base_path.strip("/"):
        app.add_middleware(_Below, path=f"/{base_path.strip('/')}")
    tell_problems(app)
    for cls in (Problem, TickoverError, HTTPException):
        app.add_exception_handler(cls, _sorry)
    for router in (assets.router, login.public, login.known, *ROUTERS, *ACTIONS):
        app.include_router(router)
    app.mount("/api", create_api(jobs, auth=auth))
    return app


class _Below:
    """Tells the application under which path a proxy serves it; a server that says so itself is believed."""

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self._app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "http" and not scope.get("root_path"):
            scope = {**scope, "root_path": self._path}
        await self._app(scope, receive, send)


def _form_secret(jobs: Tickover) -> str:
    """What forms are signed with: the setting, or a secret of this process, which is enough where there is one only."""
    keys = [key for key in (jobs.settings.secret or "").split(",") if len(key.strip()) >= _SHORTEST]
    return ",".join(keys) or secrets.token_urlsafe(32)


def _sorry(request: Request, error: Exception) -> Response:
    match error:
        case Problem():
            status, headers = error.status, dict(error.headers or {})
        case TickoverError():
            status, headers = status_of(error), {}
        case HTTPException():
            status, headers = error.status_code, dict(error.headers or {})
        case _:
            status, headers = 500, {}
    if status == 401 and request.app.state.login is not None and _reads(request):
        to = request.url.path.removeprefix(base_of(request)) + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{base_of(request)}/login?{urlencode({'next': to})}", 303)
    said = str(getattr(error, "detail", error))
    if status == 503 and getattr(request.state, "caller", None) is None:
        _log.warning("a request of nobody we know failed: %s", said)  # where the database is, is none of their business
        said = "The database cannot be used now; try again later."
    made = page(request, "sorry.html", now=None, status=status, said=said)
    made.status_code = status
    made.headers.update(headers)
    return made


def _reads(request: Request) -> bool:
    """Whether a person's browser asks for a page."""
    return (
        request.method == "GET" and "text/html" in request.headers.get("accept", "") and "x-live" not in request.headers
    )
