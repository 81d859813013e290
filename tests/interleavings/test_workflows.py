"""Two hands on one workflow: whatever the timing, no wake is lost, none is doubled, and every child is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.interleavings.arena import Arena, answer, wanted
from tests.support.process import until
from tickover import NewJob, Tickover, faults
from tickover.domain.decide import Transition, decide
from tickover.domain.fanout import FanOutPlan, StrategyName
from tickover.domain.ids import JobId, StepKey, TickId, child_ids, new_id
from tickover.domain.job import Claimed
from tickover.domain.outcome import Completed, Failed, Parked
from tickover.domain.park import Park
from tickover.engine.flush import Flushed, flush
from tickover.store.port import TickHead
from tickover.store.sql_store import SqlStore

TIMES: Final = 500
ORDERS: Final = ["first", "second"]


class Flows:
    """The arena, and jobs that one of its ticks holds."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        for table in ("jobs", "job_data", "events", "ticks", "tick_stats", "fan_outs", "signals", "checkpoints"):
            arena.look.rows(f"DELETE FROM {table}")

    def running(self, count: int = 1) -> list[Claimed]:
        """Jobs under a lease."""
        self.arena.first.enqueue_many(NewJob("plain", n) for n in range(count))
        return self.claimed(count)

    def claimed(self, count: int) -> list[Claimed]:
        head = TickHead(tick_id=TickId(new_id()), trigger="test")
        return list(self.arena.first._core.do(lambda store: store.claim(head, wanted(count)).jobs))

    def resumed_early(self, parent: Claimed) -> Claimed:
        """The parent, running again although its fan-out is open: it was paused and resumed."""
        self.arena.first.pause_job(parent.id)
        self.arena.first.resume_job(parent.id)
        (again,) = self.claimed(1)
        assert again.id == parent.id
        return again

    def do(self, work: Callable[[SqlStore], Any]) -> Any:
        return self.arena.first._core.do(work)

    def state(self, job: str) -> tuple[Any, ...]:
        columns = "state, paused_from, wait_kind, wait_ref, parks, pause_requested_at"
        return self.arena.look.rows(f"SELECT {columns} FROM jobs WHERE id = '{job}'")[0]

    def resumed(self, job: str) -> int:
        """How often it was woken."""
        return int(self.arena.look.one(f"SELECT count(*) FROM events WHERE job_id = '{job}' AND type = 'JobResumed'"))


@pytest.fixture
def flows(arena: Arena) -> Iterator[Flows]:
    yield Flows(arena)
    assert arena.deadlocks() == 0


def parks(job: Claimed, kind: Any, ref: str, **options: Any) -> Callable[[SqlStore], Flushed]:
    """The flush of a park."""
    park = Park(kind=kind, ref=ref, generation=job.generation, **options)
    move = decide(job, Parked(park), seconds=0.1)
    return lambda store: flush(store, [move], tick=TickId(new_id()), lease=60)


def fans_out(
    job: Claimed, count: int, *, strategy: StrategyName = "collect_all", required: int = 0
) -> Callable[[SqlStore], Flushed]:
    """The flush of a park that begins a fan-out."""
    fan_out = new_id()
    rows = [
        {"id": child, "kind": "plain", "args": "[1]", "parent_id": job.id, "root_id": job.id, "fan_out_id": fan_out,
         "fan_out_index": index}
        for index, child in enumerate(child_ids(1, fan_out, count))
    ]  # fmt: skip
    plan = FanOutPlan(
        id=fan_out, parent_id=job.id, generation=0, key=StepKey("fan_out#0"), strategy=strategy, required=required,
        cancel_on_failure=False, timeout=None, children=tuple(rows),
    )  # fmt: skip
    return parks(job, "fan_out", fan_out, creates=plan)


def ends(job: Claimed) -> Callable[[SqlStore], Flushed]:
    move = decide(job, Completed("1"), seconds=0.1)
    return lambda store: flush(store, [move], tick=TickId(new_id()), lease=60)


def settles(moves: list[Transition]) -> Callable[[SqlStore], Flushed]:
    """The flush of a set of ends."""
    return lambda store: flush(store, moves, tick=TickId(new_id()), lease=60)


def in_the_middle(flows: Flows, first: Callable[[SqlStore], Any], second: Callable[[Tickover], Any]) -> None:
    """The second comes when the first has counted its children; the first goes on when the second waits, or is through."""
    arena = flows.arena
    thread = threading.Thread(target=lambda: second(arena.second))

    def meet(point: str) -> None:
        if point == "fan_in.counted" and not thread.ident:
            thread.start()
            if arena.look.dialect == "postgresql":
                until(lambda: not thread.is_alive() or arena._waits(), "they meet")

    faults.arm(meet)
    try:
        flows.do(first)
    finally:
        faults.arm(None)
    thread.join(30)
    assert not thread.is_alive()


def met(flows: Flows, first: Callable[[SqlStore], Any], second: Callable[[Tickover], Any], order: str) -> None:
    """Both at once: the one of `order` holds its transaction open while the other acts."""
    if order == "first":
        flows.arena.at_once(lambda store: str(first(store)), lambda jobs: str(second(jobs)))
    else:
        flows.arena.one_after_the_other(
            "running", lambda store: str(first(store)), lambda jobs: str(second(jobs)), swapped=True
        )


@pytest.mark.parametrize("order", ORDERS)
def test_a_signal_and_a_park_leave_a_job_that_runs_again(flows: Flows, order: str) -> None:
    (job,) = flows.running()

    met(flows, parks(job, "signal", "go"), lambda jobs: jobs.signal(job.id, "go", 1), order)

    assert flows.state(job.id)[:4] == ("pending", None, None, None)
    assert flows.arena.look.one("SELECT count(*) FROM signals WHERE consumed_at IS NULL") == 1


@pytest.mark.parametrize("order", ORDERS)
def test_a_wake_and_a_pause_leave_a_paused_job_that_comes_from_pending(flows: Flows, order: str) -> None:
    (job,) = flows.running()
    flows.do(parks(job, "signal", "go"))

    def wakes(store: SqlStore) -> object:
        return store.wake([(job.id, "signal", "go")])

    met(flows, wakes, lambda jobs: jobs.pause_job(job.id), order)

    assert flows.state(job.id)[:4] == ("paused", "pending", None, None)
    assert flows.resumed(job.id) == 1
    flows.arena.first.resume_job(job.id)
    assert [one.id for one in flows.claimed(1)] == [job.id]


@pytest.mark.parametrize("order", ORDERS)
def test_a_pause_that_meets_a_park_lands_there_and_keeps_the_wait(flows: Flows, order: str) -> None:
    (job,) = flows.running()

    met(flows, parks(job, "signal", "go"), lambda jobs: jobs.pause_job(job.id), order)
    assert flows.state(job.id) == ("paused", "waiting", "signal", "go", 1, None)
    flows.arena.first.signal(job.id, "go", 1)

    assert flows.state(job.id)[:4] == ("paused", "pending", None, None)


@pytest.mark.parametrize("order", ORDERS)
def test_a_timer_and_a_signal_wake_a_job_once(flows: Flows, order: str) -> None:
    (job,) = flows.running()
    flows.do(parks(job, "signal", "go", until=job.created_at))

    met(flows, lambda store: store.wake_due(10), lambda jobs: jobs.signal(job.id, "go", 1), order)

    assert flows.state(job.id)[0] == "pending"
    assert flows.resumed(job.id) == 1
    assert flows.arena.look.one("SELECT count(*) FROM signals WHERE consumed_at IS NULL") == 1


@pytest.mark.parametrize("order", ORDERS)
def test_a_cancel_that_meets_a_fan_out_leaves_no_live_child(flows: Flows, order: str) -> None:
    (job,) = flows.running()

    met(flows, fans_out(job, 3), lambda jobs: jobs.cancel(job.id), order)

    states = flows.arena.look.rows("SELECT state FROM jobs")
    if order == "first":  # the creation was committed: its children go with it, and are counted
        assert states == [("cancelled",)] * 4 or flows.arena.first.run_reaper(10).cancelled == 3
        assert flows.arena.look.rows("SELECT total, done, failed, cancelled FROM fan_outs") == [(3, 0, 0, 3)]
    else:
        assert states == [("cancelled",)]
        assert flows.arena.look.rows("SELECT id FROM fan_outs") == []


@pytest.mark.parametrize("order", ORDERS)
def test_an_end_and_a_cancel_of_one_child_count_it_once(flows: Flows, order: str) -> None:
    (parent,) = flows.running()
    flows.do(fans_out(parent, 1))
    (child,) = flows.claimed(1)

    def cancels(jobs: Tickover) -> str:
        def cancel() -> str:
            jobs.cancel(child.id)
            return "done"

        return answer(cancel)

    met(flows, ends(child), cancels, order)

    ((done, failed, cancelled),) = flows.arena.look.rows("SELECT done, failed, cancelled FROM fan_outs")
    assert (done, failed, cancelled) == ((1, 0, 0) if order == "first" else (0, 0, 1))
    assert flows.state(parent.id)[0] == "pending"
    assert flows.resumed(parent.id) == 1


def test_a_parent_that_was_resumed_early_and_its_child_end_while_another_child_decides(flows: Flows) -> None:
    """One transaction ends a parent and one of its children; the other has the fan-out, whose verdict wants the parent."""
    (parent,) = flows.running()
    flows.do(fans_out(parent, 2, strategy="fail_fast", required=2))
    last, other = flows.claimed(2)
    again = flows.resumed_early(parent)
    moves = [decide(again, Failed("no", "Error")), decide(other, Completed("1"))]

    in_the_middle(
        flows, settles([decide(last, Failed("no", "Error", retry=False))]), lambda jobs: jobs._core.do(settles(moves))
    )

    assert flows.arena.look.rows("SELECT done, failed, status FROM fan_outs") == [(1, 1, "failed")]
    assert flows.state(parent.id)[0] == "pending"


@pytest.mark.parametrize("what", ["fails", "is cancelled"])
def test_a_nested_parent_that_ends_while_a_set_of_both_levels_is_settled(
    flows: Flows, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """The set has counted at the fan-out above the nested parent, and wants that parent for the verdict below it; who
    ends the parent has its row, and wants to count it above. Some hundred times, since each meets in its own moment.
    """
    arena = flows.arena
    times = 200 if arena.look.dialect == "postgresql" else 3
    for _ in range(times):
        (root,) = flows.running()
        flows.do(fans_out(root, 2))
        middle, beside = flows.claimed(2)
        flows.do(fans_out(middle, 1))
        (below,) = flows.claimed(1)
        mixed = [decide(beside, Completed("1")), decide(below, Completed("1"))]
        if what == "fails":
            again = flows.resumed_early(middle)
            ended = [decide(again, Failed("no", "Error", retry=False))]
            in_the_middle(flows, settles(mixed), lambda jobs, moves=ended: jobs._core.do(settles(moves)))  # type: ignore[misc]  # moves is bound
        else:
            in_the_middle(flows, settles(mixed), lambda jobs, job=middle: jobs.cancel(job.id))  # type: ignore[misc]  # job is bound
        assert [one.id for one in flows.claimed(1)] == [root.id]

    above = "SELECT count(*) FROM fan_outs WHERE total = 2 AND status = 'completed' AND done + failed + cancelled = 2"
    assert arena.look.one(above) == times
    assert (
        arena.look.one("SELECT count(*) FROM fan_outs WHERE total = 1 AND status = 'completed' AND done = 1") == times
    )
    assert [one.message for one in caplog.records if "rolled back" in one.message] == []


def test_the_last_two_children_that_end_at_once_wake_their_parent_once(flows: Flows) -> None:
    """On PostgreSQL they really meet; on SQLite there is one writer, so a few times say as much."""
    times = TIMES if flows.arena.look.dialect == "postgresql" else 20
    meet = threading.Barrier(2, timeout=60)
    parents = flows.running(times)
    for parent in parents:
        flows.do(fans_out(parent, 2))
    by_parent: dict[JobId, list[Claimed]] = {}
    for child in flows.claimed(2 * times):
        by_parent.setdefault(JobId(str(child.parent_id)), []).append(child)
    pairs = [by_parent[parent.id] for parent in parents]
    assert [len(pair) for pair in pairs] == [2] * times

    def settle(jobs: Tickover, which: int) -> None:
        def all_of_them(store: SqlStore) -> None:
            for pair in pairs:
                meet.wait()
                ends(pair[which])(store)

        jobs._core.do(all_of_them)

    threads = [
        threading.Thread(target=settle, args=(jobs, which))
        for which, jobs in enumerate((flows.arena.first, flows.arena.second))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)

    look = flows.arena.look
    assert look.one("SELECT count(*) FROM fan_outs WHERE status = 'completed' AND done = 2") == times
    assert look.one("SELECT count(*) FROM jobs WHERE parent_id IS NULL AND state = 'pending'") == times
    assert look.one("SELECT count(*) FROM events WHERE type = 'JobResumed'") == times
