"""A claimed job with harmless values, and strategies for what the domain takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tickover.domain.ids import ClaimId, Epoch, JobId, QueueName
from tickover.domain.job import Claimed, Lease
from tickover.domain.outcome import Completed, Crashed, Failed, Outcome, OutOfTime, Released, UnknownKind
from tickover.domain.retry import DEFAULT_BACKOFF, ExponentialBackoff

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


def claimed(**changes: Any) -> Claimed:
    """A job on its first run, with `changes`."""
    values: dict[str, Any] = {
        "lease": Lease(JobId("01900000-0000-7000-8000-000000000001"), Epoch(1), ClaimId("claim")),
        "kind": "send-email", "queue": QueueName("default"), "tenant": "", "priority": 0, "run_at": NOON,
        "created_at": NOON, "started_at": NOON, "starts": 1, "failures": 0, "forgiven": 0, "crashes": 0, "yields": 0,
        "stalls": 0, "parks": 0, "released": 0, "crash_run": 0, "stall_run": 0, "deferrals": 0, "steps": 0,
        "generation": 0, "max_retries": 3, "max_crashes": 3, "timeout": None, "backoff": DEFAULT_BACKOFF, "args": None,
        "meta": None, "unique_key": None, "parent_id": None, "root_id": None, "fan_out_id": None, "fan_out_index": None, "determinism": None,
    }  # fmt: skip
    return Claimed(**{**values, **changes})


backoffs = st.builds(
    ExponentialBackoff,
    initial=st.floats(0, 1e6),
    factor=st.floats(1, 100),
    maximum=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
)

jobs = st.builds(
    claimed,
    failures=st.integers(0, 50),
    forgiven=st.just(0),
    crash_run=st.integers(0, 1001),
    stall_run=st.integers(0, 5),
    deferrals=st.integers(0, 60),
    max_retries=st.integers(0, 50),
    max_crashes=st.integers(1, 1000),
    backoff=backoffs,
)

outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Completed, st.none() | st.text(max_size=5)),
    st.builds(
        Failed,
        message=st.text(min_size=1, max_size=5),
        kind=st.sampled_from(["ValueError", "TimedOut"]),
        retry=st.booleans(),
        delay=st.none() | st.floats(0, 1e8),
    ),
    st.builds(Crashed),
    st.builds(
        OutOfTime,
        progressed=st.booleans(),
        elapsed=st.floats(0, 1e5),
        window=st.floats(0, 86_400),
        doing=st.just("step 'fetch'"),
    ),
    st.builds(Released, st.text(max_size=5)),
    st.builds(UnknownKind, st.booleans()),
)
