"""Verbs that commit together, and the row of the audit log that commits with them."""

from __future__ import annotations

import pytest

from tests.app.conftest import Wakes
from tests.support.raw import Raw
from tickover import Context, Handler, Tickover, cap, errors
from tickover.app.audit import Note, audited, but
from tickover.store.link import RolledBack

NOTE = Note(who="ann", role="operate", address="192.0.2.7", action="Cancel", target="job 1", reason="a duplicate")


def rows(raw: Raw) -> list[tuple[str, ...]]:
    return [tuple(row) for row in raw.rows("SELECT who, action, target, reason, result FROM audit ORDER BY id")]


def test_a_verb_and_its_row_are_there_together(jobs: Tickover, double: Handler[[int], int], raw: Raw) -> None:
    job_id = double.enqueue(1)
    note_id, _ = audited(jobs._core, NOTE, lambda: jobs.cancel(job_id))
    assert jobs.get(job_id).state == "cancelled"
    assert rows(raw) == [("ann", "Cancel", "job 1", "a duplicate", "done")]
    assert str(raw.rows("SELECT id FROM audit")[0][0]) == note_id


def test_a_refused_verb_leaves_no_row_and_nothing_of_the_verbs_before_it(
    jobs: Tickover, double: Handler[[int], int], raw: Raw, wakes: Wakes
) -> None:
    first = double.enqueue(1)
    wakes.asked.clear()

    def act() -> None:
        double.enqueue(2)
        jobs.pause_job(first)
        jobs.resume_queue("default")

    with pytest.raises(errors.InvalidTransition):
        audited(jobs._core, NOTE, act)
    assert rows(raw) == []
    assert [job.state for job in jobs.find()] == ["pending"]
    assert wakes.asked == []


def test_a_row_that_cannot_be_written_undoes_the_verb(jobs: Tickover, double: Handler[[int], int], raw: Raw) -> None:
    job_id = double.enqueue(1)
    raw.rows("DROP TABLE audit")
    with pytest.raises(errors.MigrationRequired):
        audited(jobs._core, NOTE, lambda: jobs.cancel(job_id))
    assert jobs.get(job_id).state == "pending"


def test_the_row_says_what_the_verb_returned(jobs: Tickover, double: Handler[[int], int], raw: Raw) -> None:
    _, job_id = audited(
        jobs._core, NOTE, lambda: double.enqueue(1), told=lambda made: but(NOTE, result=f"job {made}", count=3)
    )
    assert rows(raw)[0][-1] == f"job {job_id}"
    assert raw.rows("SELECT count FROM audit") == [(3,)]


def test_a_wake_goes_out_behind_the_commit(jobs: Tickover, double: Handler[[int], int], raw: Raw, wakes: Wakes) -> None:
    asked_inside = []

    def act() -> None:
        double.enqueue(1)
        asked_inside.extend(wakes.asked)

    audited(jobs._core, NOTE, act)
    assert (asked_inside, wakes.asked) == ([], [None])


def test_what_the_database_undid_is_done_again(jobs: Tickover, double: Handler[[int], int], raw: Raw) -> None:
    tried: list[str] = []

    def act() -> None:
        tried.append(double.enqueue(len(tried)))
        if len(tried) < 3:
            raise RolledBack("a deadlock")

    audited(jobs._core, NOTE, act)
    assert [job.id for job in jobs.find()] == [tried[-1]]
    assert len(rows(raw)) == 1


def test_what_is_committed_is_not_done_again_by_what_follows_from_it(
    jobs: Tickover, double: Handler[[int], int], raw: Raw
) -> None:
    def follows() -> None:
        raise RolledBack("a deadlock")

    def act() -> None:
        double.enqueue(1)
        jobs._core.later(follows)

    with pytest.raises(RolledBack):
        audited(jobs._core, NOTE, act)
    assert (len(jobs.find()), len(rows(raw))) == (1, 1)


def test_a_retry_that_collides_still_says_which_job_holds_the_key(jobs: Tickover, raw: Raw) -> None:
    @jobs.job(retries=0)
    def fail() -> None:
        raise ValueError

    dead = fail.using(unique="k").enqueue()
    jobs.drain(5)
    newer = fail.using(unique="k", delay=60).enqueue()
    with pytest.raises(errors.DuplicateJob) as refused:
        audited(jobs._core, NOTE, lambda: jobs.retry(dead))
    assert refused.value.job_id == newer
    assert rows(raw) == []


def test_a_job_with_places_of_caps_is_cancelled_with_all_that_follows(jobs: Tickover, raw: Raw) -> None:
    @jobs.job
    def child() -> None: ...

    @jobs.job(limits=[cap("gpu", 1)])
    def render(ctx: Context) -> None:
        ctx.fan_out([child.using(delay=600, queue="other").new() for _ in range(3)])

    jobs.limit_queue("default", 5)
    job_id = render.enqueue()
    jobs.drain(5)
    audited(jobs._core, NOTE, lambda: jobs.cancel(job_id))
    assert jobs.get(job_id).state == "cancelled"
    assert {jobs.get(one).state for one in jobs.get(job_id).children} == {"cancelled"}


def test_a_cancel_reaches_the_children_behind_the_commit(jobs: Tickover, raw: Raw) -> None:
    @jobs.job
    def child() -> None: ...

    @jobs.job
    def parent(ctx: Context) -> None:
        ctx.fan_out([child.using(delay=600).new() for _ in range(3)])

    job_id = parent.enqueue()
    jobs.drain(5)
    audited(jobs._core, NOTE, lambda: jobs.cancel(job_id))
    assert {jobs.get(one).state for one in jobs.get(job_id).children} == {"cancelled"}


def test_long_and_odd_texts_are_kept_short_and_whole(jobs: Tickover, raw: Raw) -> None:
    note = Note(who="a\x00nn" * 200, action="Pause queue", target="queue q" * 200, reason="\ud800 because" * 500)
    audited(jobs._core, note, lambda: jobs.pause_queue("q"))
    ((who, target, reason),) = raw.rows("SELECT who, target, reason FROM audit")
    assert (len(who), len(target), len(reason)) == (255, 512, 1000)
    assert "\x00" not in who
