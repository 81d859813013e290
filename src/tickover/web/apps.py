"""The applications: the API, the webhooks, and both as one. Each may be run by itself or mounted into another."""

from __future__ import annotations

import importlib.util
from typing import Any, Final

from fastapi import FastAPI

from tickover import Tickover
from tickover.web import audit, callbacks, jobs, schedules, system, tick
from tickover.web.access import Auth, nobody
from tickover.web.problems import tell_problems
from tickover.web.shield import Shield
from tickover.web.ways import ways_in

_ABOUT: Final = "Durable jobs on a SQL database. Errors are problem documents (RFC 9457) that say what to do."


def create_api(app: Tickover, /, *, auth: Auth | None = None) -> FastAPI:
    """The JSON API: jobs, queues, ticks, schedules, events, numbers, and an operator's verbs.

    Args:
        app: the application.
        auth: who may do what; default are the tokens of `TICKOVER_API_TOKENS` (`view=…,operate=…,admin=…`) and the people
            of `TICKOVER_USERS`, and without them nobody may do anything.

    Raises:
        ConfigurationError: one of these variables cannot be read.
    """
    api = _made(app, title="Tickover", description=_ABOUT)
    api.state.auth = auth or ways_in(app) or nobody
    for router in (
        *(jobs.look, jobs.operate, jobs.administer),
        *(schedules.look, schedules.operate),
        *(system.look, system.operate, system.administer),
        audit.look,
    ):
        api.include_router(router)
    return api


def create_webhooks(app: Tickover, /) -> FastAPI:
    """`/tick` and `/callbacks/…` alone: what other machines call, each with a proof of its own.

    `/tick` takes the bearer token of the setting `tick_token`, or a signature made with `secret`; without either it is
    closed. A callback's address is its own proof.
    """
    webhooks = _made(app, title="Tickover webhooks", description=_ABOUT)
    webhooks.state.gate = tick.Gate(app)
    webhooks.include_router(tick.router)
    webhooks.include_router(callbacks.router)
    return webhooks


def create_web(app: Tickover, /, *, auth: Auth | None = None) -> FastAPI:
    """Everything: the webhooks and the dashboard at the root, and the API under `/api`.

    Args:
        app: the application.
        auth: see `create_api`. While nobody is named who may look, there is no dashboard, and the API is closed.
    """
    web = create_webhooks(app)
    known = auth or ways_in(app)
    if known is not None and importlib.util.find_spec("jinja2") is not None:
        from tickover_ui import create_dashboard

        web.mount("/", create_dashboard(app, auth=known))  # with the API in it
    else:
        web.mount("/api", create_api(app, auth=known))
    return web


def _made(app: Tickover, **about: Any) -> FastAPI:
    # No pages of FastAPI's own: they load scripts from elsewhere, which our Content-Security-Policy forbids.
    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, version=_version(), **about)
    made.state.jobs = app
    made.add_middleware(Shield)
    tell_problems(made)
    return made


def _version() -> str:
    from importlib.metadata import version

    return version("tickover")
