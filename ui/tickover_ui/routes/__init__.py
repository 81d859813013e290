"""The pages, one file each; an application includes them all."""

from __future__ import annotations

from typing import Final

from tickover_ui.routes import audit, bulk, dead, job, jobs, live, overview

ROUTERS: Final = (overview.router, jobs.router, job.router, dead.router, live.router, audit.router, bulk.router)
