"""Fires what is due by schedule."""

from __future__ import annotations

from handlers.app import jobs
from tickover.aws import scheduler_handler

handler = scheduler_handler(jobs)
