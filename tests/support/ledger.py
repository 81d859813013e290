"""What workers really did, beside the database: an append-only file that no transaction rolls back.

The database says what was accepted; the ledger says what was executed, sent and answered. One line is one `write` to a
file opened for appending, so a line of a process that was killed is there as a whole or not at all.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tickover.domain.decide import Transition
from tickover.domain.ids import JobId, TickId
from tickover.domain.job import Lease
from tickover.store.lease_port import Beat, Settled
from tickover.store.port import Claim, TickHead, Wanted
from tickover.store.sql_store import SqlStore

Line = dict[str, Any]


class Ledger:
    """Appends; see the module's docstring."""

    def __init__(self, path: Path) -> None:
        self._fd: Final = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, what: str, **details: Any) -> None:
        line = {"what": what, "pid": os.getpid(), "t": round(time.monotonic(), 6), **details}
        os.write(self._fd, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        os.close(self._fd)


def read(path: Path) -> dict[str, list[Line]]:
    """Every line, by kind, in the order in which they were written; a torn line is an error of the harness."""
    found: dict[str, list[Line]] = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            found[line["what"]].append(line)
    return found


def record(ledger: Ledger, *, before_settle: Callable[[], None] = lambda: None) -> None:
    """From now on every claim, beat and settle of this process leaves a line with what was asked and answered.

    For worker processes of tests only: it patches the store's class, because a tick makes its store itself.
    """
    claim, beat, settle, transaction = SqlStore.claim, SqlStore.beat, SqlStore.settle, SqlStore.transaction
    #: What was told inside a transaction that is not committed yet: it is true when that is, and else it never was.
    untrue: dict[int, list[tuple[str, Line]]] = {}

    def claimed(self: SqlStore, head: TickHead, wanted: Wanted) -> Claim:
        answer = claim(self, head, wanted)
        if answer.jobs:
            jobs = [[job.id, job.lease.epoch] for job in answer.jobs]
            ledger.write("claim", tick=head.tick_id, wanted=wanted.size, alone=wanted.alone, jobs=jobs)
        return answer

    def beaten(self: SqlStore, leases: Sequence[Lease], lease: float) -> Beat:
        answer = beat(self, leases, lease)
        lost = [[fence.job_id, fence.epoch] for fence in leases if fence.job_id not in answer.held]
        if lost:
            ledger.write("beat", refused=lost)
        return answer

    def settled(
        self: SqlStore, transitions: Sequence[Transition], *, tick: TickId | None, reaping: bool = False
    ) -> dict[JobId, Settled]:
        before_settle()
        answer = settle(self, transitions, tick=tick, reaping=reaping)
        told = [[t.lease.job_id, t.lease.epoch, t.state] for t in transitions]
        line = {
            "accepted": [one for one in told if one[0] in answer],
            "refused": [one for one in told if one[0] not in answer],
        }
        what = "reap" if reaping else "settle"
        if id(self) in untrue:
            untrue[id(self)].append((what, line))
        else:
            ledger.write(what, **line)
        return answer

    @contextmanager
    def transacted(self: SqlStore) -> Iterator[None]:
        if id(self) in untrue:
            with transaction(self):
                yield
            return
        untrue[id(self)] = []
        try:
            with transaction(self):
                yield
        except BaseException:
            del untrue[id(self)]
            raise
        for what, line in untrue.pop(id(self)):
            ledger.write(what, **line)

    SqlStore.claim, SqlStore.beat, SqlStore.settle = claimed, beaten, settled  # type: ignore[method-assign]  # see above
    SqlStore.transaction = transacted  # type: ignore[method-assign]  # see above
