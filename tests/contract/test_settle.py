"""What becomes of a run, row by row of the table "Attempts": the state, exactly one counter, the budget, the event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.support.world import World, claim, decided, settle, tick_id
from tickover.domain.outcome import Completed, Crashed, Failed, Outcome, OutOfTime, Released, UnknownKind
from tickover.domain.states import COUNTERS

WINDOW = 50.0


class Ending(NamedTuple):
    """One row of the table."""

    outcome: Outcome
    state: str
    counter: str
    event: str
    #: Bounds of the seconds until `run_at`; None: `run_at` is kept.
    delay: tuple[float, float] | None = None
    #: What the row looks like before the run.
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    reaping: bool = False


def stalled(elapsed: float) -> OutOfTime:
    return OutOfTime(progressed=False, elapsed=elapsed, window=WINDOW, doing="the run")


TABLE = {
    "returned": Ending(Completed('{"a":1}'), "completed", "completed", "JobCompleted", after={"result": '{"a":1}', "error": None}),
    "returned nothing": Ending(Completed(None), "completed", "completed", "JobCompleted", after={"result": None}),
    "raised": Ending(Failed("boom", "ValueError"), "pending", "failures", "JobRetrying", (1.7, 2.3), after={"error": "boom", "error_kind": "ValueError"}),
    "raised again": Ending(Failed("boom", "E"), "pending", "failures", "JobRetrying", (3.5, 4.5), before={"failures": 1, "starts": 1, "epoch": 1}),
    "raised with no budget left": Ending(Failed("boom", "E"), "failed", "failures", "JobFailed", before={"max_retries": 0}, after={"error": "boom"}),
    "raised NoRetry": Ending(Failed("never", "NoRetry", retry=False), "failed", "failures", "JobFailed", after={"error": "never", "error_kind": "NoRetry"}),
    "raised RetryAfter": Ending(Failed("later", "RetryAfter", delay=300.0), "pending", "failures", "JobRetrying", (299.9, 300.1)),
    "raised RetryAfter with no budget left": Ending(Failed("later", "RetryAfter", delay=300.0), "failed", "failures", "JobFailed", before={"max_retries": 0}),
    "deadline near, with a new checkpoint": Ending(OutOfTime(progressed=True, elapsed=9.0, window=WINDOW, doing="x"), "pending", "yields", "JobYielded", (-0.1, 0.1), before={"need_ms": 7}, after={"need_ms": 0}),
    "deadline near, nothing recorded, a short window": Ending(stalled(10.0), "pending", "stalls", "JobYielded", (1.7, 2.3), after={"need_ms": 20_000, "stall_run": 0}),
    "deadline near, nothing recorded, a full window": Ending(stalled(48.0), "pending", "stalls", "JobYielded", (1.7, 2.3), after={"need_ms": 45_000, "stall_run": 1}),
    "a third full window without a checkpoint": Ending(stalled(48.0), "failed", "stalls", "JobFailed", before={"stall_run": 2}, after={"stall_run": 3, "error_kind": "Stalled"}),
    "killed once": Ending(Crashed(), "pending", "crashes", "JobReclaimed", (3.9, 4.1), after={"crash_run": 1, "claim_id": None}, reaping=True),
    "killed twice": Ending(Crashed(), "pending", "crashes", "JobReclaimed", (7.9, 8.1), before={"crash_run": 1}, after={"crash_run": 2}, reaping=True),
    "killed while alone, too often": Ending(Crashed(), "failed", "crashes", "JobFailed", before={"crash_run": 2}, after={"crash_run": 3, "error_kind": "Crashed"}, reaping=True),
    "released": Ending(Released("not started"), "pending", "released", "JobYielded"),
    "an unknown kind": Ending(UnknownKind(known_elsewhere=True), "pending", "released", "JobYielded", (9.9, 10.1), after={"deferrals": 1}),
    "an unknown kind, once more": Ending(UnknownKind(known_elsewhere=False), "pending", "released", "JobYielded", (19.9, 20.1), before={"deferrals": 1}, after={"deferrals": 2}),
    "a kind that nobody knew for a day": Ending(UnknownKind(known_elsewhere=False), "failed", "failures", "JobFailed", before={"deferrals": 40}, after={"error_kind": "HandlerNotFound"}),
    "a kind that somebody knew within a day": Ending(UnknownKind(known_elsewhere=True), "pending", "released", "JobYielded", (3599, 3601), before={"deferrals": 40}),
}  # fmt: skip


@pytest.mark.parametrize("how", TABLE)
def test_a_run_that_ended_like_this_is_written_like_that(world: World, how: str) -> None:
    ending = TABLE[how]
    job_id = world.add_one()
    if ending.before:
        world.raw.set(job_id, **ending.before)
        world.log_is_whole = "starts" not in ending.before
    store = world.store()
    (job,) = claim(store, 1).jobs
    before = world.raw.job(job_id)

    assert settle(store, job, ending.outcome, reaping=ending.reaping)

    row, now = world.raw.job(job_id), world.raw.now()
    assert row["state"] == ending.state
    assert {name: row[name] - before[name] for name in COUNTERS} == {
        name: int(name == ending.counter) for name in COUNTERS
    }
    assert {name: row[name] for name in ending.after} == ending.after
    assert row["lease_until"] is None
    if ending.state != "pending":
        assert abs((now - row["finished_at"]).total_seconds()) < 5
    elif ending.delay is None:
        assert row["run_at"] == before["run_at"]
    else:
        low, high = ending.delay
        assert low - 0.5 < (row["run_at"] - now).total_seconds() < high
    assert world.raw.rows("SELECT type FROM events WHERE job_id = :id ORDER BY n", id=job_id)[-1] == (ending.event,)


class TestASettle:
    def test_counts_how_long_a_run_had_waited_also_where_it_runs_again(self, world: World) -> None:
        ids = world.add(2)
        for job_id in ids:
            world.raw.set_instant(job_id, "run_at", -30)
        store = world.store()
        again, over = claim(store, 2).jobs

        settle(store, again, Failed("no", "E", delay=300.0))
        settle(store, over, Completed(None))

        waits = world.raw.rows("SELECT wait_ms FROM tick_stats")
        assert [29_000 <= wait < 60_000 for (wait,) in waits] == [True, True], (
            "not from the new time at which it is due"
        )

    def test_writes_a_whole_set_and_says_where_each_job_is(self, world: World) -> None:
        world.add(6)
        store = world.store()
        jobs = claim(store, 6).jobs
        outcomes: list[Callable[[], Outcome]] = [
            lambda: Completed("1"),
            lambda: Failed("no", "E"),
            lambda: Released("x"),
        ]

        transitions = [decided(job, outcomes[n % 3]()) for n, job in enumerate(jobs)]
        settled = store.settle(transitions, tick=None)

        assert [settled[job.id].state for job in jobs] == ["completed", "pending", "pending"] * 2
        assert {job.id: world.raw.job(job.id)["run_at"] for job in jobs} == {
            job.id: settled[job.id].run_at for job in jobs
        }

    def test_leaves_epoch_and_claim_in_place_so_that_a_cut_commit_can_be_told(self, world: World) -> None:
        store, job = world.running()

        settle(store, job, Failed("no", "E"))

        row = world.raw.job(job.id)
        assert (row["epoch"], row["claim_id"]) == (job.lease.epoch, job.lease.claim_id)

    def test_a_success_after_a_failure_has_no_error_any_more(self, world: World) -> None:
        store, job = world.running()
        settle(store, job, Failed("first", "E", delay=0.0))
        (again,) = claim(store, 1).jobs

        settle(store, again, Completed(None))

        row = world.raw.job(job.id)
        assert (row["error"], row["error_kind"], row["state"]) == (None, None, "completed")

    def test_a_pause_that_was_asked_for_lands_with_every_move_that_is_not_an_end(self, world: World) -> None:
        for outcome in (Failed("no", "E"), Released("x"), stalled(1.0), UnknownKind(known_elsewhere=True), Crashed()):
            store, job = world.running()
            world.jobs.pause_job(job.id)

            settle(store, job, outcome, reaping=isinstance(outcome, Crashed))

            row = world.raw.job(job.id)
            assert (row["state"], row["paused_from"], row["pause_requested_at"]) == ("paused", "pending", None)

    @pytest.mark.parametrize("outcome", [Completed("1"), Failed("no", "NoRetry", retry=False)])
    def test_an_end_is_an_end_whatever_pause_was_asked_for(self, world: World, outcome: Outcome) -> None:
        store, job = world.running()
        world.jobs.pause_job(job.id)

        settle(store, job, outcome)

        row = world.raw.job(job.id)
        assert row["state"] in ("completed", "failed")
        assert row["pause_requested_at"] is None

    def test_a_set_with_one_row_that_is_not_ours_writes_all_the_others(self, world: World) -> None:
        world.add(3)
        store = world.store()
        jobs = claim(store, 3).jobs
        world.jobs.cancel(jobs[1].id)

        settled = store.settle([decided(job, Completed(None)) for job in jobs], tick=None)

        assert set(settled) == {jobs[0].id, jobs[2].id}
        assert [world.raw.state(job.id) for job in jobs] == ["completed", "cancelled", "completed"]

    def test_counts_for_charts_are_written_with_what_they_count(self, world: World) -> None:
        world.add(4, queue="a")
        store = world.store()
        jobs = claim(store, 4).jobs
        settle(store, jobs[0], Failed("no", "E"))
        settle(store, jobs[1], Failed("no", "E", retry=False))

        store.settle([decided(job, Completed(None)) for job in jobs[2:]], tick=tick_id())

        sums = world.raw.rows("SELECT queue, sum(completed), sum(failed), sum(retried) FROM tick_stats GROUP BY queue")
        assert sums == [("a", 2, 1, 1)]
