"""The dashboard as one application: pages over what the ticks read and write, and the JSON API beside them."""

from __future__ import annotations

import os

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from tickover import Tickover
from tickover.errors import ConfigurationError, TickoverError
from tickover.web import Auth, create_api, tokens_from
from tickover.web.problems import Problem, status_of, tell_problems
from tickover.web.shield import Shield
from tickover_ui import assets
from tickover_ui.pages import page
from tickover_ui.routes import ROUTERS


def create_dashboard(jobs: Tickover, /, *, auth: Auth | None = None) -> FastAPI:
    """The dashboard, with the JSON API under `/api`: an application to run, or to mount under any path.

    So far it looks, and changes nothing: what an operator does is in the API and on the command line.

    Args:
        jobs: the application.
        auth: who may look: see `tickover.web`. Default are the tokens of `TICKOVER_API_TOKENS`.

    Raises:
        ConfigurationError: nobody was named who may look. On a laptop `tickover dev` serves it to this machine alone.
    """
    auth = auth or tokens_from(os.environ.get("TICKOVER_API_TOKENS"))
    if auth is None:
        raise ConfigurationError(
            "A dashboard needs auth=, such as proxy_header(…) or bearer_tokens({…}) of tickover.web: it shows everything."
        )
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, title="Tickover")
    app.state.jobs, app.state.auth = jobs, auth
    app.add_middleware(Shield)
    tell_problems(app)
    for cls in (Problem, TickoverError, HTTPException):
        app.add_exception_handler(cls, _sorry)
    for router in (assets.router, *ROUTERS):
        app.include_router(router)
    app.mount("/api", create_api(jobs, auth=auth))
    return app


def _sorry(request: Request, error: Exception) -> HTMLResponse:
    match error:
        case Problem():
            status, headers = error.status, dict(error.headers or {})
        case TickoverError():
            status, headers = status_of(error), {}
        case HTTPException():
            status, headers = error.status_code, dict(error.headers or {})
        case _:
            status, headers = 500, {}
    made = page(request, "sorry.html", now=None, status=status, said=str(getattr(error, "detail", error)))
    made.status_code = status
    made.headers.update(headers)
    return made
