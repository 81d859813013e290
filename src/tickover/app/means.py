"""What an application lends to the workflows of its ticks: rows for new jobs, transactions, signed addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tickover.app.enqueue import write_rows
from tickover.app.newjob import NewJob, rewritten, row_of
from tickover.errors import InvalidArgument

if TYPE_CHECKING:
    from datetime import datetime

    from tickover.app.core import Core
    from tickover.domain.checkpoint import Saved
    from tickover.domain.ids import JobId, StepKey
    from tickover.domain.job import Lease
    from tickover.engine.desk import Means
    from tickover.engine.turns import Turn


def means(core: Core) -> Means:
    """See `tickover.engine.desk.Means`."""
    from tickover.engine.desk import Means

    return Means(
        row=partial(_row, core),
        write=write_rows,
        transact=partial(_transact, core),
        sign=partial(_sign, core),
        clock=core.clock.now if core.database.dialect == "sqlite" else None,
        public_url=core.settings.public_url,
    )


def _row(core: Core, new: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(new, NewJob):
        raise InvalidArgument(f"A new job is handler.new(…) or NewJob(…), not {new!r:.80}.")
    return row_of(core, rewritten(core, new), defaults=defaults)


def _sign(core: Core, job_id: JobId, generation: int, key: StepKey, expires: datetime | None) -> tuple[str, str]:
    from tickover.app.callbacks import sign

    return sign(core, job_id, generation, key, expires)


def _transact(core: Core, lease: Lease, work: Callable[[Any], Sequence[Saved]], *, renew: float, turn: Turn) -> bool:
    from tickover.store.sql_store import SqlStore
    from tickover.store.transact import transact  # brings SQLAlchemy, which other jobs do without

    return transact(
        core.database, core.clock, lease, work, renew=renew, turn=turn,
        store_on=lambda link: SqlStore(link, log=core.settings.events, codec=core.codec),
    )  # fmt: skip
