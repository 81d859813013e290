"""What is written into the system: a new job, a signal; and what is taken out of hiding."""

from __future__ import annotations

import math
from typing import Any, Final

from tickover import Tickover
from tickover.domain.options import EnqueueOptions
from tickover.domain.payload import decode
from tickover.domain.states import TERMINAL
from tickover.errors import InvalidArgument, PayloadError
from tickover_ui.actions.action import Action, Answer, Asked, Done, Field, Question

_TEXTS: Final = ("queue", "tenant", "unique")


def _ask_enqueue(asked: Asked) -> Question:
    asked.jobs._core.load()  # noqa: SLF001  # an edge of the same house
    known = tuple(asked.jobs._core.registry.names())  # noqa: SLF001  # as above
    fields = (
        Field(name="kind", label="Kind", value=asked.given.one("kind"), required=True, known=known),
        Field(name="payload", label="Payload", hint="JSON; leave it empty when the handler takes nothing", kind="json"),
        Field(name="queue", label="Queue", hint="the handler's own when empty"),
        Field(name="priority", label="Priority", hint="higher runs first", kind="number"),
        Field(name="delay", label="Delay in seconds", kind="number"),
        Field(name="tenant", label="Tenant"),
        Field(name="unique", label="Unique key", hint="refused while an unfinished job has it"),
    )
    return Question(
        title="A new job", go="Enqueue it", target="a new job", back="/jobs", fields=fields,
        says=("It runs as soon as a tick takes it. Its payload is checked as code's would be.",),
    )  # fmt: skip


def _act_enqueue(answer: Answer) -> Done:
    form, jobs = answer.form, answer.asked.jobs
    options: EnqueueOptions = {name: value for name in _TEXTS if (value := form.one(name))}  # type: ignore[assignment]  # texts, all of them
    if priority := form.one("priority"):
        options["priority"] = int(_number(priority, "priority"))
    if delay := form.one("delay"):
        options["delay"] = _number(delay, "delay")
    job_id = jobs.enqueue(form.one("kind"), *_payload(form.one("payload")), **options)
    return Done(result="enqueued", to=f"/jobs/{job_id}", target=f"job {job_id}")


def _ask_signal(asked: Asked) -> Question:
    job = asked.jobs.get(asked.given.one("job"))
    waits = job.wait_ref or "" if job.wait_kind == "signal" else ""
    fields = (
        Field(name="name", label="Name", value=waits, required=True),
        Field(name="payload", label="Payload", value="true", hint="JSON", kind="json"),
    )
    return Question(
        title=f"Send a signal to {job.kind} {job.short_id}?", go="Send it", target=f"job {job.id}", back=f"/jobs/{job.id}",
        fields=fields, says=(f"It waits for {waits!r}." if waits else "It does not wait for one now; it is kept until it asks.",),
        refused=f"This job is {job.state}: nobody would read it." if job.state in TERMINAL else "",
    )  # fmt: skip


def _act_signal(answer: Answer) -> Done:
    given = _payload(answer.form.one("payload")) or (None,)
    name = answer.form.one("name")
    answer.asked.jobs.signal(answer.asked.given.one("job"), name, *given)
    return Done(result=f"{name} sent")


def _ask_reveal(asked: Asked) -> Question:
    job = asked.jobs.get(asked.given.one("job"))
    return Question(
        title=f"Reveal what {job.kind} {job.short_id} hides?", go="Reveal it", target=f"job {job.id}", back=f"/jobs/{job.id}",
        says=("Payload, result and meta are shown once, with everything in them. Who looked stays in the audit log.",),
    )  # fmt: skip


def _act_reveal(answer: Answer) -> Done:
    job = answer.asked.jobs.get(answer.asked.given.one("job"))  # so that what is not there is not said to be shown
    return Done(result="shown once", to=f"/jobs/{job.id}")


def revealed(jobs: Tickover, job_id: str) -> dict[str, Any]:
    """What a job hides, by name."""
    job = jobs.get(job_id)
    parts = {"Payload": job.payload, "Result": job.result, "Meta": dict(job.meta)}
    return {name: value for name, value in parts.items() if value or name == "Payload"}


def _payload(text: str) -> tuple[Any, ...]:
    if not text:
        return ()
    try:
        return (decode(text),)
    except PayloadError as error:
        raise InvalidArgument(f"The payload is not JSON: {error}") from error


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidArgument(f"{what} takes a number, not {text!r:.40}.")
    return number


ENQUEUE: Final = Action(ask=_ask_enqueue, act=_act_enqueue)
SIGNAL: Final = Action(ask=_ask_signal, act=_act_signal)
REVEAL: Final = Action(ask=_ask_reveal, act=_act_reveal)
