"""Schedules: run now, pause, resume."""

from __future__ import annotations

from functools import partial
from typing import Final, Literal, TypeAlias

from tickover.errors import ScheduleError
from tickover_ui.actions.action import Action, Answer, Asked, Done, Question

Verb: TypeAlias = Literal["run", "pause", "resume"]
_WORDS: Final[dict[Verb, tuple[str, str, str]]] = {
    "run": ("Run {} now?", "Run it now", "One job of it is written now, besides its slots, which stay as they are."),
    "pause": ("Pause the schedule {}?", "Pause it", "No slot of it fires until it is resumed; jobs that it fired go on."),
    "resume": ("Resume the schedule {}?", "Resume it", "It fires again, from its next slot on; those of the pause are left out."),
}  # fmt: skip


def _name(asked: Asked) -> str:
    name = asked.given.one("name")
    if name not in {schedule.name for schedule in asked.jobs.schedules()}:
        raise ScheduleError(f"There is no schedule {name!r:.80}.")
    return name


def _ask(verb: Verb, asked: Asked) -> Question:
    name = _name(asked)
    title, go, says = _WORDS[verb]
    return Question(title=title.format(name), go=go, says=(says,), target=f"schedule {name}", back="/schedules")


def _act(verb: Verb, answer: Answer) -> Done:
    jobs, name = answer.asked.jobs, answer.asked.given.one("name")
    match verb:
        case "run":
            job_id = jobs.run_now(name)
            return Done(result=f"job {job_id}", to=f"/jobs/{job_id}")
        case "pause":
            jobs.pause_schedule(name)
        case "resume":
            jobs.resume_schedule(name)
    return Done(result="done")


RUN_SCHEDULE: Final = Action(ask=partial(_ask, "run"), act=partial(_act, "run"))
PAUSE_SCHEDULE: Final = Action(ask=partial(_ask, "pause"), act=partial(_act, "pause"))
RESUME_SCHEDULE: Final = Action(ask=partial(_ask, "resume"), act=partial(_act, "resume"))
