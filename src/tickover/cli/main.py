"""The command `tickover`: its verbs, and what its exit codes say.

0 ok · 1 refused · 2 usage · 3 storage, migration or configuration · 4 unhealthy. An error is one line on stderr.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import typer
from typer.core import TyperGroup

from tickover.cli import control, dev, doctor, inspect, limits, password, run, schedules, schema, show
from tickover.cli.call import Call, verb
from tickover.errors import ConfigurationError, MigrationRequired, StorageUnavailable, TickoverError

REFUSED: Final = 1
USAGE: Final = 2
STORAGE: Final = 3
INTERRUPTED: Final = 130

_RUN: Final = "Run"
_LOOK: Final = "Look and act"
_SET_UP: Final = "Set up"
_DRIVERS: Final = frozenset({"psycopg", "sqlite3", "sqlalchemy"})


class Root(TyperGroup):
    """The whole command: whatever a verb raises ends here, as one line and an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs the verb that the arguments name, and exits with its code; not standalone, it returns and raises."""
        run_it = partial(super().main, args, prog_name, complete_var, False, windows_expand_args, **extra)
        if not standalone_mode:
            return run_it()
        try:
            answer = run_it()
            code = answer if isinstance(answer, int) else 0
        except typer.Abort:
            show.complain("Nothing was done.")
            code = REFUSED
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception as error:  # noqa: BLE001  # the last place: nobody above shows a person anything better
            if os.environ.get("TICKOVER_DEBUG", "") not in ("", "0"):
                traceback.print_exception(error)
            code, said = judged(error)
            if said:
                show.complain(said)
        sys.exit(code)


def judged(error: Exception) -> tuple[int, str]:
    """The exit code of an error, and what is said about it."""
    match error:
        case StorageUnavailable() | MigrationRequired() | ConfigurationError():
            return STORAGE, str(error)
        case TickoverError():
            return REFUSED, str(error)
    # Typer raises its parser's own exceptions, of Click or of a copy of it, and says no name for them that lasts.
    if callable(explain := getattr(error, "format_message", None)):
        context = getattr(error, "ctx", None)
        hint = f" Try: {context.command_path} --help" if context is not None else ""
        text = str(explain())  # empty when it was a call for help, which has been printed
        return USAGE, f"{text}{'' if text.endswith(('.', '?')) else '.'}{hint}" if text else ""
    said = f"{type(error).__name__}: {error}"
    if type(error).__module__.partition(".")[0] in _DRIVERS:
        return STORAGE, f"The database said: {said}"
    return REFUSED, f"{said} (TICKOVER_DEBUG=1 shows where)"


app = typer.Typer(
    name="tickover",
    cls=Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


@app.callback()
@verb
def tickover(call: Call) -> None:
    """Durable jobs and workflows on the SQL database you already have, run by short ticks.

    To begin: write a module with jobs = Tickover("sqlite:///jobs.db") and a function under @jobs.job, then

    tickover dev --app yourmodule:jobs

    and in another terminal tickover enqueue your-job '{"name": "Ann"}' --app yourmodule:jobs

    Exit codes: 0 ok, 1 refused, 2 usage, 3 storage, migration or configuration, 4 unhealthy.
    """


app.command(rich_help_panel=_RUN)(dev.dev)
app.command(rich_help_panel=_RUN)(run.tick)
app.command(rich_help_panel=_RUN)(run.drain)
app.command(rich_help_panel=_RUN)(run.enqueue)

jobs = typer.Typer(help="List, show, retry, cancel, pause and resume jobs.", no_args_is_help=True)
jobs.command("list")(inspect.list_jobs)
jobs.command("show")(inspect.show_job)
jobs.command("retry")(control.retry_job)
jobs.command("cancel")(control.cancel_job)
jobs.command("pause")(control.pause_job)
jobs.command("resume")(control.resume_job)
app.add_typer(jobs, name="jobs", rich_help_panel=_LOOK)

app.command(rich_help_panel=_LOOK)(control.signal)

queues = typer.Typer(help="List the queues; pause and resume one.")
queues.callback(invoke_without_command=True)(inspect.list_queues)
queues.command("pause")(control.pause_queue)
queues.command("resume")(control.resume_queue)
app.add_typer(queues, name="queues", rich_help_panel=_LOOK)

caps = typer.Typer(help="List the limits; set and remove a queue's.")
caps.callback(invoke_without_command=True)(limits.list_limits)
caps.command("set")(limits.set_limit)
caps.command("remove")(limits.remove_limit)
app.add_typer(caps, name="limits", rich_help_panel=_LOOK)

timed = typer.Typer(help="List the schedules; pause, resume, run and remove one.")
timed.callback(invoke_without_command=True)(schedules.list_schedules)
timed.command("pause")(schedules.pause_schedule)
timed.command("resume")(schedules.resume_schedule)
timed.command("run")(schedules.run_schedule)
timed.command("remove")(schedules.remove_schedule)
app.add_typer(timed, name="schedules", rich_help_panel=_LOOK)

dead = typer.Typer(help="List, retry and purge dead letters: jobs that failed for good.", no_args_is_help=True)
dead.command("list")(inspect.list_dead)
dead.command("retry")(control.retry_dead)
dead.command("purge")(control.purge)
app.add_typer(dead, name="dead", rich_help_panel=_LOOK)

ticks = typer.Typer(help="List the latest ticks; pause and resume the whole fleet.")
ticks.callback(invoke_without_command=True)(inspect.list_ticks)
ticks.command("pause")(control.pause_ticks)
ticks.command("resume")(control.resume_ticks)
app.add_typer(ticks, name="ticks", rich_help_panel=_LOOK)

app.command(rich_help_panel=_LOOK)(inspect.events)
app.command(rich_help_panel=_LOOK)(inspect.stats)
app.command(rich_help_panel=_LOOK)(inspect.health)
app.command(rich_help_panel=_SET_UP)(schema.migrate)
app.command(rich_help_panel=_SET_UP)(doctor.doctor)
app.command(rich_help_panel=_SET_UP)(password.password)
app.command(rich_help_panel=_SET_UP)(inspect.version)


def main() -> None:
    """The entry point: runs the command line and exits."""
    for stream in (sys.stdout, sys.stderr):
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            reconfigure(errors="replace")  # a terminal that cannot show a character is no reason to fail
    app()
