"""Workflows."""

from __future__ import annotations

from statistics import median
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from tickover.web.access import Needs
from tickover_ui.draw import workflows as draw
from tickover_ui.pages import linker, page
from tickover_ui.queries.workflows import Workflows, workflows

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
Text = Annotated[str, Query(max_length=1024)]


@router.get("/workflows")
def newest(request: Request) -> HTMLResponse:
    """The list, with its first workflow open."""
    return _shown(request, None, "", "")


@router.get("/workflows/{job_id}")
def one(request: Request, job_id: str, *, fan: Text = "", child: Text = "") -> HTMLResponse:
    """The list, with one workflow open."""
    return _shown(request, job_id, fan, child)


def _shown(request: Request, job_id: str | None, fan: str, child: str) -> HTMLResponse:
    seen = workflows(request.app.state.jobs, job_id, fan, child)
    link, lines = linker(request), draw.tree(seen)
    chosen = seen.chosen.id if seen.chosen else ""

    def of_child(id_: str) -> str:
        return link(f"/workflows/{chosen}", fan=seen.fan.step_key if seen.fan else "", child=id_)

    return page(
        request, "workflows.html", now=seen.now, seen=seen, lines=lines, gantt=draw.gantt(seen, lines),
        matrix=draw.matrix(seen, of_child) if seen.children else "", eta=draw.eta(seen.fan, seen.now) if seen.fan else None,
        times=times(seen), order=[state for state in reversed(draw.WORST) if seen.by_state[state]],
    )  # fmt: skip


def times(seen: Workflows) -> tuple[float, float] | None:
    """(median, slowest) seconds of the children that have ended."""
    took = [child.seconds for child in seen.children if child.seconds is not None]
    return (median(took), max(took)) if took else None
