"""Schedules."""

from __future__ import annotations

import re
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from tickover.web.access import Needs
from tickover_ui.draw import schedules as draw
from tickover_ui.pages import page
from tickover_ui.queries.schedules import schedules
from tickover_ui.words import duration

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
_EVERY: Final = re.compile(r"every (\d+(?:\.\d+)?)s\Z")


@router.get("/schedules")
def show_schedules(request: Request) -> HTMLResponse:
    """When each fires next, and what it fired."""
    seen = schedules(request.app.state.jobs)
    return page(
        request, "schedules.html", now=seen.now, seen=seen, head=draw.head(seen.now), strip=draw.strip, spec=spec,
        next_hour=draw.next_hour(seen.rows, seen.now), on=sum(not row.view.paused and not row.view.orphaned for row in seen.rows),
    )  # fmt: skip


def spec(text: str) -> str:
    """When it recurs, in words: `every 60s` is every minute."""
    if not (found := _EVERY.match(text)):
        return text
    said = duration(float(found[1]))
    return f"every {said.removeprefix('1 ')}" if said.startswith("1 ") else f"every {said}"
