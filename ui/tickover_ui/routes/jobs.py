"""The list of jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from tickover.domain.ids import parse_id
from tickover.errors import InvalidArgument
from tickover.web.access import Needs, refuse_to_search
from tickover_ui import filters as words
from tickover_ui.draw import jobs as draw
from tickover_ui.draw.ticks import moment
from tickover_ui.filters import Filters
from tickover_ui.pages import linker, page
from tickover_ui.queries.jobs import find
from tickover_ui.words import snippet

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
#: (name, filters) of the views that everybody has; the address is a view of one's own.
VIEWS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("All", {}), ("Due or later", {"state": "pending"}), ("Running", {"state": "running"}), ("Retrying", {"state": "retrying"}),
    ("Waiting", {"state": "waiting"}), ("Dead letters", {"state": "failed"}),
)  # fmt: skip
FACETS: Final = ("pending", "scheduled", "running", "retrying", "waiting", "paused", "completed", "failed", "cancelled")
_LONGEST: Final = 1024


@router.get("/jobs")
def list_jobs(
    request: Request,
    *,
    q: Annotated[str, Query(max_length=_LONGEST)] = "",
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Jobs that match, newest first. The address is the whole state of the page; what is typed is made part of it."""
    given = {
        name: value.strip()[:_LONGEST]
        for name, value in request.query_params.items()
        if name not in ("q", "cursor", "did") and value.strip()
    }
    link = linker(request)
    if q.strip():
        if found := _id(q.strip()):
            return RedirectResponse(link(f"/jobs/{found}"), 303)
        return RedirectResponse(f"{link('/jobs')}?{urlencode({**given, **words.parse(q)})}", 303)
    filters = Filters(given=given)
    refuse_to_search(request, filters["search"], any(name.startswith("meta.") for name in given))
    seen = find(request.app.state.jobs, filters, cursor)
    return page(
        request, "jobs.html", now=seen.now, seen=seen, found=seen.found, filters=filters, given=filters.given, counts=seen.frame.counts, frame=seen.frame,
        said=seen.said, facets=FACETS, views=VIEWS, cursor=cursor, next_cursor=seen.found.next_cursor, pips=draw.pips, snippet=snippet,
        suggestions=words.suggestions(), strip=_strip(seen, filters, link),
    )  # fmt: skip


def _id(text: str) -> str | None:
    try:
        return parse_id(text.lower())
    except InvalidArgument:
        return None


def _strip(seen: Any, filters: Filters, link: Any) -> Any:
    start, end = moment(filters["since"]), moment(filters["before"])
    chosen = (start or seen.now - timedelta(days=1), end or seen.now) if start or end else None

    def stretch(first: datetime, last: datetime) -> str:
        return str(link("/jobs", **filters.but(since=f"{first.timestamp():.0f}", before=f"{last.timestamp():.0f}")))

    return draw.strip([one for one in seen.day if filters["queue"] in ("", one.queue)], seen.now, chosen, stretch)
