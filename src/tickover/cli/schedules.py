"""The verbs of schedules: list them, pause, resume, run one now, remove one."""

from __future__ import annotations

from typing import Annotated

import typer

from tickover import ScheduleView
from tickover.cli import show
from tickover.cli.call import Call, verb

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]


@verb
def list_schedules(call: Call) -> None:
    """List the schedules: when each fires next and last fired, and what is odd about it."""
    if call.then:
        return
    with call.jobs() as jobs:
        schedules = jobs.schedules()
    if call.json:
        show.document({"schedules": schedules})
        return
    heads = ("NAME", "KIND", "RECURS", "NEXT", "LAST FIRED", "NOTE")
    rows = [
        (one.name, one.kind, one.spec, show.relative(one.next_at), show.relative(one.last_at) or "never", _note(one))
        for one in schedules
    ]
    show.table(heads, rows, empty="No schedule is declared or stored.")


@verb
def pause_schedule(call: Call, name: Name) -> None:
    """Fire no slot of a schedule until it is resumed; slots that come meanwhile are omitted."""
    with call.jobs() as jobs:
        jobs.pause_schedule(name)
    _done(call, {"schedule": name, "paused": True}, f"Schedule {name} is paused.")


@verb
def resume_schedule(call: Call, name: Name) -> None:
    """Let a paused schedule fire again, from its next slot on."""
    with call.jobs() as jobs:
        jobs.resume_schedule(name)
    _done(call, {"schedule": name, "paused": False}, f"Schedule {name} fires again.")


@verb
def run_schedule(call: Call, name: Name) -> None:
    """Write the job of a schedule now, and leave its slots as they are; prints the job's id."""
    with call.jobs(handlers=True) as jobs:
        job_id = jobs.run_now(name)
    _done(call, {"schedule": name, "id": job_id}, job_id)


@verb
def remove_schedule(call: Call, name: Name) -> None:
    """Remove a schedule that is gone from the code; one that code still declares comes back."""
    with call.jobs() as jobs:
        jobs.unschedule(name)
    _done(call, {"schedule": name, "removed": True}, f"Schedule {name} is gone.")


def _note(schedule: ScheduleView) -> str:
    if schedule.orphaned:
        return "orphaned: no code declares it"
    if schedule.paused:
        return "paused"
    return f"{show.counted(schedule.overdue, 'slot')} overdue" if schedule.overdue else ""


def _done(call: Call, document: dict[str, object], text: str) -> None:
    if call.json:
        show.document(document)
    else:
        show.say(text)
