"""`tickover migrate`."""

from __future__ import annotations

from tickover.cli import show
from tickover.cli.call import Call, verb


@verb
def migrate(call: Call) -> None:
    """Bring the database's tables to this version.

    Safe to repeat, and to run from many processes at once: when there is nothing to do, nothing is changed.
    """
    from tickover.store.migrate import HEAD

    with call.jobs(tables=False) as jobs:
        jobs.migrate()
    if call.json:
        show.document({"version": HEAD})
    else:
        show.say(f"The database's tables are at version {HEAD}.")
