"""`/callbacks/<token>`: a job's question, answered once by whoever has the address. Looking at it answers nothing."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse

from tickover import Tickover
from tickover.app.callbacks import deliver, read_token
from tickover.domain.payload import decode
from tickover.errors import ConfigurationError, InvalidArgument, PayloadError, SignalError
from tickover.web.problems import Problem, documented

router: Final = APIRouter(tags=["webhooks"])
Token = Annotated[str, Path(max_length=2048)]
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 50


@router.get(
    "/callbacks/{token}", operation_id="show_callback", response_class=HTMLResponse, responses=documented(404, 410)
)
def show(request: Request, token: Token) -> HTMLResponse:
    """A page with one button that sends the answer; what the address carries behind `?` is what is sent.

    Consumes nothing: programs that look at every link in an e-mail answer no question.
    """
    _open(request, token)
    fields = parse_qsl(request.url.query, keep_blank_values=True)[:_MOST_FIELDS]
    return _page("Please confirm", _form(fields))


@router.post(
    "/callbacks/{token}", operation_id="answer_callback", responses=documented(400, 404, 409, 410, 413, 422, 503)
)
async def answer(request: Request, token: Token) -> Response:
    """Delivers the answer, a JSON document or a form; the same answer once more is accepted, another is refused."""
    await run_in_threadpool(_open, request, token)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    payload = _read(await request.body(), kind)
    first = await run_in_threadpool(deliver, request.app.state.jobs._core, token, payload)  # noqa: SLF001  # the one verb of an answer; its address is all that says whose it is
    if kind == _FORM:
        return _page("Thank you", "<p>Your answer was received. You may close this page.</p>")
    return JSONResponse({"delivered": True, "repeated": not first})


def _open(request: Request, token: str) -> None:
    """Returns when the address is one of ours and its time is not over; raises `Problem` otherwise."""
    jobs: Tickover = request.app.state.jobs
    core = jobs._core  # noqa: SLF001  # as above
    try:
        place = read_token(core, token)
    except (SignalError, InvalidArgument, ConfigurationError) as error:
        said = "This address is none of ours: it was changed, or it is from another place."
        raise Problem(404, "no-such-callback", said) from error
    if place.expires is not None and _passed(place.expires, core.clock.now()):
        raise Problem(410, "callback-expired", "The time to answer is over; the job went on without an answer.")


def _passed(instant: datetime, now: datetime) -> bool:
    return instant <= now


def _read(body: bytes, kind: str) -> Any:
    if not body:
        return None
    try:
        if kind == _FORM:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS)
            return {name: value for name, value in pairs if name != "_"} or None
        return decode(body.decode())
    except (ValueError, PayloadError) as error:
        raise Problem(400, "unreadable-request", "The answer is neither JSON nor a form.") from error


def _form(fields: list[tuple[str, str]]) -> str:
    shown = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in fields)
    hidden = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields)
    listed = f"<dl>{shown}</dl>" if shown else ""
    return f'{listed}<form method="post">{hidden}<button name="_" value="">Confirm</button></form>'


def _page(title: str, body: str) -> HTMLResponse:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        f"<title>{title}</title></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    )
