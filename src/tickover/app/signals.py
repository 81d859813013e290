"""`jobs.signal`: a message to one job, durable before anybody waits for it, read exactly once."""

from __future__ import annotations

import json
from typing import Any

from tickover.app.core import Core
from tickover.app.sessions import join
from tickover.domain.ids import JobId, new_id, parse_id
from tickover.domain.payload import encode
from tickover.domain.states import TERMINAL
from tickover.engine.waits import check_signal_name
from tickover.errors import InvalidArgument, JobNotFound, SignalError
from tickover.store.sql_store import SqlStore

_ID_LENGTH = 255


def signal(core: Core, job_id: str, name: str, payload: object, *, message_id: str | None, session: Any) -> None:
    """See `Tickover.signal`."""
    job, name, text = parse_id(job_id), check_signal_name(name), encode(payload)
    if message_id is not None and (not isinstance(message_id, str) or not 1 <= len(message_id) <= _ID_LENGTH):
        raise InvalidArgument(f"message_id= takes 1 to {_ID_LENGTH} characters, not {message_id!r:.80}.")
    if session is not None and hasattr(session, "sync_session"):
        raise InvalidArgument(
            "A signal must look before it writes, which an AsyncSession cannot do without await. "
            "Write: await session.run_sync(lambda s: jobs.signal(job_id, name, payload, session=s))"
        )

    def send(store: SqlStore) -> list[str]:
        return _sent(store, job, name, text, message_id or new_id())

    with join(core, session) as joined:
        joined.do(send)
    joined.after_commit(lambda: core.woken(None))


def _sent(store: SqlStore, job_id: JobId, name: str, text: str, message: str) -> list[str]:
    with store.transaction():
        found = store.call("lock_jobs", ids=json.dumps([job_id]))
        if not found:
            raise JobNotFound(f"No job has the id {job_id}.")
        if found[0][1] in TERMINAL:
            raise SignalError(f"Job {job_id} is {found[0][1]}: nobody would read the signal.")
        if store.send_signal(job_id, name, message, text):
            store.wake([(job_id, "signal", name)])
    return []
