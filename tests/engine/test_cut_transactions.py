"""`ctx.transaction` where its turn is taken back, or its COMMIT is cut: the effect and its checkpoint are one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from tests.support.world import World
from tickover import Context, ExponentialBackoff, Tickover
from tickover.engine.turns import Turn
from tickover.errors import StorageUnavailable
from tickover.store.port import OutcomeUnknown, RolledBack

Fault = Callable[[str, Callable[[], None]], None]


@pytest.fixture
def jobs(world: World) -> Tickover:
    world.raw.rows("CREATE TABLE effects (job text)")
    return world.app(lease=20, transaction_timeout=0.1)


def paying(jobs: Tickover, *, retries: int = 0) -> str:
    """A job whose transaction leaves one effect."""

    def pay(connection: Connection, job: str) -> int:
        connection.execute(text("INSERT INTO effects (job) VALUES (:job)"), {"job": job})
        return 1

    @jobs.job(retries=3, backoff=ExponentialBackoff(initial=0))
    def pays(ctx: Context) -> int:
        return ctx.using(retries=retries, backoff=ExponentialBackoff(initial=0)).transaction("pay", pay, ctx.job_id)

    return pays.enqueue()


def work(jobs: Tickover) -> None:
    while jobs.tick(20).claimed:
        pass


def once(world: World, jobs: Tickover, job: str) -> None:
    assert jobs.get(job).state == "completed"
    assert world.raw.count("effects") == 1
    assert world.raw.rows("SELECT step_key, value FROM checkpoints") == [("pay#0", "1")]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_turn_is_not_taken_back_from_a_transaction_at_its_end(
    jobs: Tickover, world: World, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()
    revoke = Turn.revoke

    def revoked(self: Turn) -> bool:
        done = revoke(self)
        tried.set()
        return done

    monkeypatch.setattr(Turn, "revoke", revoked)
    job = paying(jobs)
    fault("transaction.before_commit", lambda: assert_(tried.wait(20)))

    work(jobs)

    once(world, jobs, job)
    assert jobs.get(job).starts == 1


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_turn_that_was_taken_back_leaves_nothing_behind(
    jobs: Tickover, world: World, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()
    revoke = Turn.revoke

    def revoked(self: Turn) -> bool:
        done = revoke(self)
        tried.set()
        return done

    monkeypatch.setattr(Turn, "revoke", revoked)
    job = paying(jobs)
    fault("transaction.before_record", lambda: assert_(tried.wait(20)))

    work(jobs)

    once(world, jobs, job)
    assert jobs.get(job).starts == 2


@pytest.mark.parametrize(
    "point", ["transaction.before_record", "transaction.before_commit", "transaction.after_commit"]
)
def test_a_cut_anywhere_in_a_transaction_is_one_effect(jobs: Tickover, world: World, fault: Fault, point: str) -> None:
    job = paying(jobs)
    fault(point, lambda: raise_(OutcomeUnknown("the test cut the connection")))

    work(jobs)

    once(world, jobs, job)


def test_a_commit_that_comes_late_is_waited_for(jobs: Tickover, world: World, fault: Fault) -> None:
    """The look after a cut, and the second try of the step in the same run, meet a first COMMIT that is still on its way."""
    job = paying(jobs, retries=2)
    fault("transaction.after_commit", lambda: raise_(OutcomeUnknown("the test cut the connection")))
    fault("checkpoints.before_send", lambda: raise_(RolledBack("the look was lost too")))

    work(jobs)

    once(world, jobs, job)


def test_what_came_before_a_verb_that_failed_is_not_lost_with_it(jobs: Tickover, world: World) -> None:
    failing = ["take_signals.before_send"] * 3
    from tickover import faults

    @jobs.job
    def reads(ctx: Context) -> str:
        before = ctx.now()
        try:
            ctx.check_signal("go", returns=int)
        except StorageUnavailable:
            ctx.step("after", str, "it")
        return before.isoformat()

    def on_hit(point: str) -> None:
        if failing and point == failing[0]:
            failing.pop()
            raise RolledBack("the test undid it")

    job = reads.enqueue()
    faults.arm(on_hit)
    try:
        work(jobs)
    finally:
        faults.arm(None)

    assert jobs.get(job).state == "completed"
    assert sorted(key for (key,) in world.raw.rows("SELECT step_key FROM checkpoints")) == ["after#0", "now#0"]


def assert_(true: object) -> None:
    assert true


def raise_(error: BaseException) -> None:
    raise error
