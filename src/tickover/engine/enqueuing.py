"""`ctx.enqueue`: another job, written once per run of the workflow, whatever the replays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tickover.clock import millis
from tickover.domain.checkpoint import Checkpoint, StepError, hash_args
from tickover.domain.ids import derived_id
from tickover.engine.effects import Verb
from tickover.engine.waits import held
from tickover.errors import DuplicateJob, InvalidArgument

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext
    from tickover.store.port import Store


def enqueue(ctx: JobContext, new: Any) -> Verb[str]:
    """Writes one job with the checkpoint that says so; returns its id, the same at every replay.

    Raises:
        DuplicateJob: its unique key is held; every replay raises it again.
    """
    if not hasattr(new, "options") or not hasattr(new, "kind"):
        raise InvalidArgument(f"ctx.enqueue takes handler.new(…) or NewJob(…), not {new!r:.80}.")
    if "session" in new.options:
        raise InvalidArgument("ctx.enqueue writes with the job's own checkpoint: leave session= out.")
    flow, job = ctx.flow, ctx.flow.run.job
    key = ctx.scope.next("enqueue")
    flow.boundary()
    row = flow.desk.means.row(new, {})
    fingerprint = hash_args(row["kind"], row.get("args"))
    recorded = flow.journal.replayed(key, "enqueue", fingerprint)
    if recorded is None:
        row["id"] = derived_id(millis(flow.database_now), job.id, job.generation, key)

        def write(store: Store) -> Checkpoint:
            (stands,) = flow.desk.means.write(store, [dict(row)])
            taken = stands != row["id"] and "window" not in row
            said = (
                StepError(kind="DuplicateJob", message=f"the unique key {row.get('unique_key')!r} is held")
                if taken
                else None
            )
            return Checkpoint(
                key=key, kind="enqueue", value=json.dumps(stands), error=None if said is None else said.text(),
                args_hash=fingerprint,
            )  # fmt: skip

        recorded = yield from held(ctx, key, write)
    job_id: str = json.loads(recorded.value or "null")
    if recorded.error is not None:
        raise DuplicateJob(f"{StepError.read(recorded.error).message} by job {job_id}.", job_id=job_id)
    return job_id
