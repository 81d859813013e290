"""Claims and runs jobs: woken by an enqueue, by another tick, by an alarm or by the timer."""

from __future__ import annotations

from handlers.app import jobs
from tickover.aws import tick_handler

handler = tick_handler(jobs)
