"""`/act/<name>`: GET asks whether it is meant, POST does it. Each action has routes of its own, which say its role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tickover import Tickover
from tickover.app.audit import audited, but
from tickover.errors import ConfigurationError, StorageUnavailable, TickoverError
from tickover.web.access import Needs
from tickover.web.noted import note_of
from tickover.web.problems import status_of
from tickover_ui import reading
from tickover_ui.actions.action import Action, Answer, Asked, Done, Question
from tickover_ui.actions.catalogue import CATALOGUE
from tickover_ui.actions.messages import revealed
from tickover_ui.actions.names import NAMES, Name
from tickover_ui.forms import Given, Posted, asked, check_form, token
from tickover_ui.pages import link_to, page
from tickover_ui.words import MOST

#: Beyond so many jobs, whoever does what cannot be taken back types how many.
_TYPED: Final = 100
#: By so much may a count have moved between the question and the answer.
_MOVED: Final = 0.1


def _routes(name: str, known: Name, action: Action) -> APIRouter:
    router = APIRouter(include_in_schema=False, dependencies=[Depends(Needs(known.role))])
    router.add_api_route(f"/act/{name}", _asking(name, action), methods=["GET"], name=f"ask_{name}")
    router.add_api_route(f"/act/{name}", _doing(name, action), methods=["POST"], name=f"do_{name}")
    return router


def _asking(name: str, action: Action) -> Callable[..., HTMLResponse]:
    def ask(request: Request) -> HTMLResponse:
        return _confirm(request, name, action.ask(_asked(request)))

    return ask


def _doing(name: str, action: Action) -> Callable[..., Response]:
    def do(request: Request, form: Posted) -> Response:
        check_form(request, form)
        question = action.ask(_asked(request))
        answer = Answer(asked=_asked(request), question=question, form=form, reason=form.one("reason"))
        if (wrong := _wrong(name, answer)) is not None:
            return _confirm(request, name, question, *wrong, form=form)
        try:
            note_id, done = _done(request, name, action, answer)
        except (StorageUnavailable, ConfigurationError):
            raise
        except TickoverError as error:  # it stays on the page, with what was filled in
            return _confirm(request, name, question, status_of(error), str(error), form=form)
        if name == "reveal":
            return _revealed(request)
        return RedirectResponse(link_to(request, done.to or question.back, did=note_id), 303)

    return do


def _done(request: Request, name: str, action: Action, answer: Answer) -> tuple[str, Done]:
    jobs: Tickover = request.app.state.jobs
    question = answer.question
    note = note_of(request, NAMES[name].label, question.target, reason=answer.reason, count=question.count)
    return audited(
        jobs._core,  # noqa: SLF001  # an edge of the same house
        note,
        lambda: action.act(answer),
        told=lambda done: but(note, result=done.result, count=done.count, target=done.target),
    )


def _wrong(name: str, answer: Answer) -> tuple[int, str] | None:
    """Status and sentence of an answer that cannot be accepted; nothing is done then."""
    question, form = answer.question, answer.form
    if question.refused:
        return 409, question.refused
    if not answer.reason:
        return 422, "Say why: the reason is kept in the audit log."
    then = form.one("count")
    if not then.isdecimal() or abs(int(then[:9]) - question.count) > _MOVED * max(int(then[:9]), question.count):
        return 409, f"Meanwhile it has become {question.count}. Look again, and confirm that."
    if must_type(name, question) and form.one("typed") != str(question.count):
        return 422, f"Type {question.count} to say that you mean it."
    return None


def must_type(name: str, question: Question) -> bool:
    """Whether the count must be typed."""
    return NAMES[name].danger and question.count > _TYPED


def _asked(request: Request) -> Asked:
    return Asked(jobs=request.app.state.jobs, caller=request.state.caller, given=asked(request))


def _confirm(
    request: Request, name: str, question: Question, status: int = 200, said: str = "", *, form: Given | None = None
) -> HTMLResponse:
    jobs: Tickover = request.app.state.jobs
    now = reading.read(jobs, lambda store: reading.now(jobs, store))
    answer = page(
        request, "actions/confirm.html", now=now, name=name, known=NAMES[name], question=question, said=said, form=form or Given(()),
        csrf=token(request), typed=must_type(name, question), most=MOST, address=str(request.url.query),
    )  # fmt: skip
    answer.status_code = status
    return answer


def _revealed(request: Request) -> HTMLResponse:
    jobs: Tickover = request.app.state.jobs
    job_id = asked(request).one("job")
    shown: dict[str, Any] = revealed(jobs, job_id)
    return page(request, "actions/revealed.html", now=None, job_id=job_id, shown=shown)


ROUTERS: Final = tuple(_routes(name, NAMES[name], action) for name, action in CATALOGUE.items())
