"""Purge: deletes jobs that are over, with everything of theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from tickover.app.bulk import Order, order_bulk
from tickover.app.sets import purge_some
from tickover.domain.options import check_name
from tickover.errors import InvalidArgument
from tickover.store import reads
from tickover_ui.actions.action import Action, Answer, Asked, Done, Field, Question
from tickover_ui.actions.which import many
from tickover_ui.reading import now, read
from tickover_ui.words import MOST, number

_STATES: Final = ("failed", "completed", "cancelled")
_DAY: Final = 86_400.0


def _filters(asked: Asked) -> dict[str, Any]:
    given = {name: asked.given.one(name) for name in ("state", "queue", "kind")}
    if given["state"] and given["state"] not in _STATES:
        raise InvalidArgument(f"Only jobs that are {', '.join(_STATES)} are purged, not {given['state']!r:.40}.")
    if given["queue"]:
        check_name(given["queue"], "queue")
    return {name: value for name, value in given.items() if value}


def _age(asked: Asked) -> float:
    days = asked.given.one("days") or "0"
    try:
        age = float(days) * _DAY
    except ValueError:
        raise InvalidArgument(f"days= takes a number, not {days!r:.40}.") from None
    if not 0 <= age < 100 * 366 * _DAY:
        raise InvalidArgument("days= takes 0 or more.")
    return age


def _ask(asked: Asked) -> Question:
    filters, age = _filters(asked), _age(asked)
    which = (
        Field(name="queue", label="Queue", value=filters.get("queue", ""), required=True),
        Field(name="state", label="State", value=filters.get("state", "failed"), required=True, known=_STATES),
        Field(name="kind", label="Kind", value=filters.get("kind", ""), hint="every kind when empty"),
        Field(name="days", label="Older than, in days", value=asked.given.one("days") or "0", kind="number"),
    )
    if "queue" not in filters or "state" not in filters:
        return Question(
            title="Purge jobs", go="Purge", target="", back="/dead", which=which, count=0,
            refused="Say which, and count them: a purge deletes for good.",
        )  # fmt: skip
    found = read(
        asked.jobs,
        lambda store: reads.count(
            store, most=MOST + 1, ended_before=now(asked.jobs, store) - timedelta(seconds=age), **filters
        ),
    )
    said = f"{number(found)} {filters['state']} job{'s' if found != 1 else ''}"
    return Question(
        title=f"Purge {said}?", go=f"Purge {said}", count=found, which=which, back="/dead",
        target="jobs: " + ", ".join(f"{k} {v}" for k, v in filters.items()) + (f", older than {age / _DAY:g} days" if age else ""),
        says=("They are deleted for good, with payloads, results, steps and events. Nothing brings them back.",),
        refused="" if found else "Nothing is there to be purged.",
    )  # fmt: skip


def _act(answer: Answer) -> Done:
    asked, core = answer.asked, answer.asked.jobs._core  # noqa: SLF001  # an edge of the same house
    filters, age = _filters(asked), _age(asked)
    if not many(answer.question.count):
        gone = purge_some(core, limit=answer.question.count, older_than=age, **filters)
        return Done(result=f"{gone} deleted", count=gone)
    order = Order(
        verb="purge", filters=filters, older_than=age, total=answer.question.count, who=asked.caller.name,
        role=asked.caller.role, reason=answer.reason, target=answer.question.target,
    )  # fmt: skip
    job_id = order_bulk(core, order)
    return Done(result=f"ordered as job {job_id}", count=answer.question.count, to=f"/bulk/{job_id}")


PURGE: Final = Action(ask=_ask, act=_act)
