from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from tickover import events
from tickover.domain.decide import EventName
from tickover.events import TYPES, Event, JobCompleted, JobFailed, JobRetrying, Progress, from_row

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
COMMON: dict[str, Any] = {
    "seq": 7, "at": NOON, "job_id": "j", "kind": "send", "queue": "default", "attempt": 2, "tick_id": "t",
}  # fmt: skip
NAMED = (  # noqa: SIM905  # as the contract writes them
    "JobEnqueued JobStarted JobCompleted JobFailed JobRetrying JobWaiting JobResumed JobYielded JobPaused JobCancelled "
    "JobReclaimed SignalSent CheckpointSaved QueuePaused QueueResumed TicksPaused TicksResumed ScheduleFired Progress"
).split()


def test_the_events_are_those_of_the_contract() -> None:
    assert list(TYPES) == NAMED
    assert set(events.__all__) == {"Event", *NAMED}


def test_everything_that_is_decided_has_its_event() -> None:
    assert set(get_args(EventName)) <= set(TYPES)


@pytest.mark.parametrize("name", NAMED)
def test_every_type_comes_back_from_its_row_with_what_all_events_say(name: str) -> None:
    event = from_row(name, {}, **COMMON)

    assert type(event) is TYPES[name]
    assert {key: getattr(event, key) for key in COMMON} == COMMON


@pytest.mark.parametrize("name", NAMED)
def test_every_type_has_a_sentence_and_defaults_for_its_own_fields(name: str) -> None:
    cls = TYPES[name]
    own = [field for field in dataclasses.fields(cls) if field.name not in COMMON]

    assert (cls.__doc__ or "").endswith(".")
    assert all(field.default is not dataclasses.MISSING for field in own)


def test_what_a_row_says_besides_arrives_in_the_types_own_fields() -> None:
    assert from_row("JobCompleted", {"duration": 1.5}, **COMMON) == JobCompleted(**COMMON, duration=1.5)
    assert from_row("JobFailed", {"error": "no"}, **COMMON) == JobFailed(**COMMON, error="no")
    retrying = from_row("JobRetrying", {"error": "no", "run_at": NOON}, **COMMON)
    assert retrying == JobRetrying(**COMMON, error="no", run_at=NOON)
    assert from_row("Progress", {"data": [0.5, "half"]}, **COMMON) == Progress(**COMMON, data=[0.5, "half"])


def test_what_newer_code_says_besides_is_left_out() -> None:
    assert from_row("JobCompleted", {"duration": 1.0, "cost": 3}, **COMMON) == JobCompleted(**COMMON, duration=1.0)


def test_a_rows_data_cannot_overwrite_what_all_events_say() -> None:
    assert from_row("JobFailed", {"seq": 99, "kind": "other", "error": "no"}, **COMMON) == JobFailed(
        **COMMON, error="no"
    )


def test_a_type_of_newer_code_comes_back_as_a_plain_event() -> None:
    assert from_row("JobTeleported", {"where": "mars"}, **COMMON) == Event(**COMMON)


def test_events_are_matched_by_type() -> None:
    match from_row("JobCompleted", {"duration": 2.5}, **COMMON):
        case events.JobCompleted(duration=seconds):
            assert seconds == 2.5
        case other:
            pytest.fail(f"matched nothing: {other}")


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        from_row("JobEnqueued", {}, **COMMON).seq = 8  # type: ignore[misc]  # that is the point
