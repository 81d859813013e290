"""Takes back what was lost, wakes waiters, and tells CloudWatch how things are."""

from __future__ import annotations

from handlers.app import jobs
from tickover.aws import reaper_handler

handler = reaper_handler(jobs)
