"""Queues and the fleet: pause and resume."""

from __future__ import annotations

from functools import partial
from typing import Final, Literal

from tickover.errors import InvalidArgument
from tickover.store import reads
from tickover_ui.actions.action import Action, Answer, Asked, Choice, Done, Option, Question
from tickover_ui.reading import read
from tickover_ui.words import MOST, number

_HOW: Final = Choice(
    name="mode",
    label="What runs now",
    options=(
        Option(value="graceful", label="May end", says="Jobs that run go on; no tick takes another one."),
        Option(
            value="aggressive", label="Stops too", says="Jobs that run are given back at their next step, unharmed."
        ),
    ),
)


def _queue(asked: Asked) -> str:
    queue = asked.given.one("queue")
    if not queue:
        raise InvalidArgument("Say which queue: queue=.")
    return queue


def _pending(asked: Asked, **filters: str) -> str:
    found = read(asked.jobs, lambda store: reads.count(store, most=MOST + 1, state="pending", **filters))
    return f"{number(found)} job{'s' if found != 1 else ''}"


def _ask_pause(asked: Asked) -> Question:
    queue = _queue(asked)
    held = _pending(asked, queue=queue)
    return Question(
        title=f"Pause the queue {queue}?", go="Pause this queue", target=f"queue {queue}", back="/queues",
        says=(f"No tick takes a job of it any more: {held} wait there now. What runs goes on, and enqueues are still accepted.",),
    )  # fmt: skip


def _ask_resume(asked: Asked) -> Question:
    queue = _queue(asked)
    return Question(
        title=f"Resume the queue {queue}?", go="Resume this queue", target=f"queue {queue}", back="/queues",
        says=(f"Ticks take its jobs again: {_pending(asked, queue=queue)} wait there now.",),
    )  # fmt: skip


def _act_pause(answer: Answer) -> Done:
    answer.asked.jobs.pause_queue(_queue(answer.asked), answer.reason)
    return Done(result="paused")


def _act_resume(answer: Answer) -> Done:
    answer.asked.jobs.resume_queue(_queue(answer.asked))
    return Done(result="served again")


def _ask_fleet(verb: Literal["Pause", "Resume"], asked: Asked) -> Question:
    held = _pending(asked)
    says = (
        f"No tick anywhere takes a job until somebody resumes it: {held} wait now. Schedules go on to fire."
        if verb == "Pause"
        else f"Ticks take jobs again, of every queue that is not paused itself: {held} wait now."
    )
    return Question(
        title=f"{verb} the whole fleet?", go=f"{verb} the fleet", target="the fleet", back="/", says=(says,),
        choices=(_HOW,) if verb == "Pause" else (),
    )  # fmt: skip


def _act_pause_fleet(answer: Answer) -> Done:
    mode: Literal["graceful", "aggressive"] = "aggressive" if answer.form.one("mode") == "aggressive" else "graceful"
    answer.asked.jobs.pause_ticks(mode)
    return Done(result=f"paused, {mode}")


def _act_resume_fleet(answer: Answer) -> Done:
    answer.asked.jobs.resume_ticks()
    return Done(result="served again")


PAUSE_QUEUE: Final = Action(ask=_ask_pause, act=_act_pause)
RESUME_QUEUE: Final = Action(ask=_ask_resume, act=_act_resume)
PAUSE_TICKS: Final = Action(ask=partial(_ask_fleet, "Pause"), act=_act_pause_fleet)
RESUME_TICKS: Final = Action(ask=partial(_ask_fleet, "Resume"), act=_act_resume_fleet)
