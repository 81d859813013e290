"""What keeps a page fresh."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from tickover.web.access import Needs
from tickover_ui.queries.pulse import pulse

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)


@router.get("/ui/pulse")
def since(request: Request, since: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None) -> Response:
    """The number of the latest event; 204 when it is `since`: a few bytes, for pages that keep themselves fresh."""
    seq = pulse(request.app.state.jobs)
    return Response(status_code=204) if seq == since else JSONResponse({"seq": seq})
