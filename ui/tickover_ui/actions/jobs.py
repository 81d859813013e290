"""Retry, requeue, cancel, pause and resume: one job, or many."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from tickover import Tickover
from tickover.app.bulk import Order, order_bulk
from tickover.app.sets import SET_VERBS, SetVerb, change_jobs
from tickover.domain.job_view import Job
from tickover_ui.actions.action import Action, Answer, Asked, Choice, Done, Option, Question
from tickover_ui.actions.which import Which, count, filters_of, ids_of, many, which
from tickover_ui.words import number

_FROM: Final = Choice(
    name="from",
    label="Where it begins",
    options=(
        Option(
            value="kept", label="Where it failed", says="Steps that are recorded stay, so no card is charged twice."
        ),
        Option(value="fresh", label="From the start", says="Every step runs again, also those that had an effect."),
    ),
)
_AT_ONCE: Final = Option(value="all", label="All at once", says="As fast as the ticks take them.")
_PROBE: Final = Option(
    value="probe", label="One probe first, then the rest",
    says="One runs. If it completes, the others follow; if it fails, nothing else moves.",
)  # fmt: skip
_SAYS: Final[dict[SetVerb, tuple[str, str]]] = {
    "retry": ("It gets a new budget of retries and runs again.", "Each gets a new budget of retries and runs again."),
    "cancel": (
        "It ends now, with everything it fanned out. A handler that runs learns of it within seconds; what it did stays done.",
        "Each ends now, with everything it fanned out. Handlers that run learn of it within seconds; what they did stays done.",
    ),
    "pause": (
        "It is held back until somebody resumes it; if it runs, from its next step on.",
        "Each is held back until somebody resumes it; one that runs, from its next step on.",
    ),
    "resume": ("It may run again, at its old time.", "Each may run again, at its old time."),
}


def _ask(verb: SetVerb, asked: Asked, *, probe: bool = False) -> Question:
    chosen = which(asked.jobs, asked.given)
    if chosen.single is not None:
        return _one(verb, chosen, asked.jobs.get(chosen.single))
    found = count(asked.jobs, chosen, verb)
    word = "Requeue" if probe else verb.capitalize()
    said = f"{number(found)} job{'s' if found != 1 else ''}"
    chunks = ("More than one request can change: a job does it in portions, and a page shows how far it is.",) * many(
        found
    )
    left = len(chosen.ids) - found if chosen.ids else 0
    others = (f"{left} of those chosen are left as they are: there is nothing to {verb}.",) * bool(left)
    return Question(
        title=f"{word} {said}?", go=f"{word} {said}", says=(_SAYS[verb][1], *others, *chunks), count=found, target=chosen.target,
        back=chosen.back, choices=_choices(verb, found, probe=probe),
        refused="" if found else f"None of these jobs is {' or '.join(SET_VERBS[verb])}.",
    )  # fmt: skip


def _one(verb: SetVerb, chosen: Which, job: Job) -> Question:
    fits = job.state in SET_VERBS[verb]
    refused = (
        "" if fits else f"This job is {job.state}; only one that is {' or '.join(SET_VERBS[verb])} can be changed so."
    )
    children = (f"{number(len(job.children))} jobs that it fanned out end with it.",) * bool(
        verb == "cancel" and job.children
    )
    return Question(
        title=f"{verb.capitalize()} {job.kind} {job.short_id}?", go=f"{verb.capitalize()} this job", target=chosen.target,
        says=(_SAYS[verb][0], *children), back=chosen.back, choices=_choices(verb, 1), refused=refused,
    )  # fmt: skip


def _choices(verb: SetVerb, found: int, *, probe: bool = False) -> tuple[Choice, ...]:
    if verb != "retry":
        return ()
    ways = (_PROBE, _AT_ONCE) if probe else (_AT_ONCE, _PROBE)
    return (_FROM,) if found < 2 else (Choice(name="when", label="How many at a time", options=ways), _FROM)


def _act(verb: SetVerb, answer: Answer) -> Done:
    jobs, core = answer.asked.jobs, answer.asked.jobs._core  # noqa: SLF001  # an edge of the same house
    chosen = which(jobs, answer.asked.given)
    fresh = answer.form.one("from") == "fresh"
    if chosen.single is not None:
        _change(jobs, verb, chosen.single, fresh=fresh)
        return Done(result="from the start" if fresh else "done")
    probe = answer.form.one("when") == "probe"
    if probe or many(answer.question.count):
        return _ordered(verb, answer, chosen, fresh=fresh, probe=probe)
    ids = ids_of(jobs, chosen, verb)
    changed = change_jobs(core, verb, ids, fresh=fresh)
    left = f", {len(ids) - changed} left as they were" if changed < len(ids) else ""
    return Done(result=f"{changed} changed{left}", count=changed)


def _change(jobs: Tickover, verb: SetVerb, job_id: str, *, fresh: bool) -> None:
    match verb:
        case "retry":
            jobs.retry(job_id, fresh=fresh)
        case "cancel":
            jobs.cancel(job_id)
        case "pause":
            jobs.pause_job(job_id)
        case "resume":
            jobs.resume_job(job_id)


def _ordered(verb: SetVerb, answer: Answer, chosen: Which, *, fresh: bool, probe: bool) -> Done:
    found = filters_of(chosen, verb)
    filters: dict[str, Any] = {name: value for name, value in found.items() if name not in ("ids", "but_kind")}
    order = Order(
        verb=verb, ids=chosen.ids, filters={} if chosen.ids else filters, fresh=fresh, probe=probe, total=answer.question.count,
        who=answer.asked.caller.name, role=answer.asked.caller.role, reason=answer.reason, target=chosen.target,
    )  # fmt: skip
    job_id = order_bulk(answer.asked.jobs._core, order)  # noqa: SLF001  # as above
    return Done(result=f"ordered as job {job_id}", count=answer.question.count, to=f"/bulk/{job_id}")


RETRY: Final = Action(ask=partial(_ask, "retry"), act=partial(_act, "retry"))
REQUEUE: Final = Action(ask=partial(_ask, "retry", probe=True), act=partial(_act, "retry"))
CANCEL: Final = Action(ask=partial(_ask, "cancel"), act=partial(_act, "cancel"))
PAUSE: Final = Action(ask=partial(_ask, "pause"), act=partial(_act, "pause"))
RESUME: Final = Action(ask=partial(_ask, "resume"), act=partial(_act, "resume"))
