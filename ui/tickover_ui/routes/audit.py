"""The audit log."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from tickover import Tickover
from tickover.domain.retry import seconds
from tickover.store.audit_rows import find_notes
from tickover.web.access import Needs
from tickover_ui import reading
from tickover_ui.pages import page

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
Filter = Annotated[str, Query(max_length=512)]


@router.get("/audit")
def audit_log(
    request: Request, *, who: Filter = "", action: Filter = "", target: Filter = "",
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:  # fmt: skip
    """Who changed what, and why, newest first."""
    jobs: Tickover = request.app.state.jobs
    fields = {"who": who.strip(), "action": action.strip(), "target": target.strip()}
    now, found = reading.read(
        jobs,
        lambda store: (
            reading.now(jobs, store),
            find_notes(
                store, cursor=cursor or None, who=fields["who"], action=fields["action"], target=fields["target"]
            ),
        ),
    )
    days = seconds(jobs.settings.retain_audit, "retain_audit") / 86_400
    return page(
        request, "audit.html", now=now, found=found, fields=fields, given={k: v for k, v in fields.items() if v}, cursor=cursor,
        next_cursor=found.next_cursor, days=days,
    )  # fmt: skip
