"""The web function: the API, `/tick` and callbacks. On your own machine: `uvicorn handlers.web:app`."""

from __future__ import annotations

from handlers.app import jobs
from tickover.aws import web_handler
from tickover.web import create_web

app = create_web(jobs)
handler = web_handler(jobs, app=app)
