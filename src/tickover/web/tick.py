"""`/tick`: a turn of everything that is due, for whoever can only send HTTP: a cron, a scheduler, another process."""

from __future__ import annotations

import hashlib
import hmac
import threading
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from tickover import Budget, Tickover
from tickover.app.turn import Part, check, turn
from tickover.domain.report import TickReport
from tickover.engine.wake import Note
from tickover.web.access import bearer
from tickover.web.problems import Problem, documented
from tickover.web.signature import REPEATABLE, Verifier

router: Final = APIRouter(tags=["webhooks"])


class Gate:
    """Who may tick, and how many ticks this process runs at once."""

    def __init__(self, jobs: Tickover) -> None:
        settings, core = jobs.settings, jobs._core  # noqa: SLF001  # one clock for the whole application
        self._tokens = [token.strip() for token in (settings.tick_token or "").split(",") if token.strip()]
        self._verifier = (
            Verifier(settings.secret, now=lambda: core.clock.now().timestamp()) if settings.secret else None
        )
        self.room = threading.BoundedSemaphore(settings.max_ticks)

    def check(self, request: Request, body: bytes) -> str | None:
        """Returns when the request may tick, with the id of its message if it is signed; raises `Problem` otherwise."""
        if not self._tokens and self._verifier is None:
            raise Problem(403, "closed", "Nothing may tick here: set TICKOVER_TICK_TOKEN, or TICKOVER_SECRET.")
        token = bearer(request)
        if token is not None and _among(token, self._tokens):
            return None
        if self._verifier is not None and "webhook-signature" in request.headers:
            refusal = self._verifier.refusal(request.headers, body)
            if refusal is None:
                return request.headers["webhook-id"]
            raise _not_accepted(refusal)
        ways = ["Authorization: Bearer and the tick token"] if self._tokens else []
        ways += ["a Standard Webhooks signature"] if self._verifier is not None else []
        raise Problem(401, "unauthorized", f"Send {' or '.join(ways)}.", headers={"WWW-Authenticate": "Bearer"})


@router.get("/tick", operation_id="tick", responses=documented(401, 403, 413, 422, 429, 503), summary="Run what is due")
@router.post(
    "/tick", operation_id="post_tick", responses=documented(401, 403, 413, 422, 429, 503), summary="Run what is due"
)
async def tick(
    request: Request,
    only: Annotated[Part | None, Query(description="Only this part: jobs, scheduler or reaper.")] = None,
    seconds: Annotated[
        float, Query(ge=0.1, le=900, description="What all of it may take; less than your caller waits.")
    ] = 25,
) -> dict[str, Any]:
    """Fires schedules, takes back lost jobs and runs what is due, in one budget; answers with the report.

    Two at once are harmless, and so is one that is missed. A body with a wake of ours says which chain it continues.
    """
    gate: Gate = request.app.state.gate
    body = await request.body()
    message = gate.check(request, body)
    note = Note.of_body(body)
    if not gate.room.acquire(blocking=False):
        raise Problem(
            429, "enough-ticks", "As many ticks as TICKOVER_MAX_TICKS run here.", headers={"Retry-After": "5"}
        )
    try:
        report = await run_in_threadpool(_run, request.app.state.jobs, message, Budget(seconds), only, note)
    finally:
        gate.room.release()
    check(report)
    return report.to_json()


def _run(jobs: Tickover, message: str | None, budget: Budget, only: Part | None, note: Note) -> TickReport:
    if message is not None and not jobs._core.do(  # noqa: SLF001  # a message is nothing that users ask about
        lambda store: store.call("accept_message", message=message, keep=REPEATABLE)
    ):
        raise _not_accepted("webhook-id was used already")
    return turn(jobs, budget, only=only, trigger="http" if note.reason == "call" else note.reason, note=note)


def _not_accepted(why: str) -> Problem:
    return Problem(401, "unauthorized", f"This request is not accepted: {why}.")


def _among(token: str, tokens: list[str]) -> bool:
    """Whether a token is one of these; the time tells nothing, not even their lengths."""
    said = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
    return bool(sum(hmac.compare_digest(hashlib.sha256(one.encode()).digest(), said) for one in tokens))
