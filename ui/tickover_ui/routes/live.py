"""What keeps a page fresh: a question of a few bytes, and a stream of the same answers where a server can stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from tickover.clock import monotonic
from tickover.web.access import Needs
from tickover.web.problems import Problem
from tickover_ui.queries.pulse import pulse

router: Final = APIRouter(dependencies=[Depends(Needs("view"))], include_in_schema=False)
Since = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
#: Seconds between two looks of a stream, and after which it ends: a server that wants to stop waits so long for it, and a
#: browser comes back at once.
EVERY: Final = 2.0
LASTS: Final = 25.0


@router.get("/ui/pulse")
def since(request: Request, since: Since = None) -> Response:
    """The number of the latest event; 204 when it is `since`: a few bytes, for pages that keep themselves fresh."""
    seq = pulse(request.app.state.jobs)
    return Response(status_code=204) if seq == since else JSONResponse({"seq": seq})


@router.get("/ui/stream")
async def stream(request: Request) -> StreamingResponse:
    """The same as server-sent events: the number at once, and again whenever it has changed."""
    if "aws.event" in request.scope:
        raise Problem(404, "not-found", "Behind Lambda nothing streams: ask /ui/pulse.")
    return StreamingResponse(_numbers(request), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _numbers(request: Request) -> AsyncIterator[str]:
    """No database tells us of a change on every pool mode, so this asks; once for each tab that somebody looks at."""
    end, told = monotonic() + LASTS, None
    while monotonic() < end:
        seq = await run_in_threadpool(pulse, request.app.state.jobs)
        if seq != told:
            told = seq
            yield f"data: {seq}\n\n"
        await asyncio.sleep(EVERY)
    yield "event: over\ndata: \n\n"
