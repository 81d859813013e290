"""The pages, one file each; an application includes them all."""

from __future__ import annotations

from typing import Final

from tickover_ui.routes import audit, bulk, dead, job, jobs, leases, live, overview, queues, schedules, ticks, workflows

ROUTERS: Final = tuple(
    one.router for one in (overview, ticks, leases, jobs, job, workflows, dead, queues, schedules, audit, bulk, live)
)
