"""Nothing due: nothing runs. Something due: it runs at its time. On a simulated platform, through simulated hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.aws.conftest import Stack
from tickover import NewJob, every
from tickover.aws import SchedulerWaker
from tickover.engine.wake import Note
from tickover.errors import StorageUnavailable
from tickover.twin import Rules

Make = Callable[..., Stack]


def ran_at(stack: Stack) -> list[datetime]:
    """When a job that notes the time has run."""
    at: list[datetime] = []

    @stack.jobs.job
    def note() -> None:
        at.append(stack.clock.now())

    return at


def test_an_idle_hour_has_no_invocation_no_statement_and_no_connection(stack: Make) -> None:
    idle = stack()
    at = ran_at(idle)
    idle.jobs.enqueue("note")
    idle.clock.advance(120)
    assert len(at) == 1
    before, statements = idle.ticks, idle.statements

    idle.platform.every(3600, "tick")  # the safety tick
    idle.clock.advance(3599)
    assert idle.ticks == before
    assert idle.statements == statements
    assert idle.jobs._core.database._kept is None  # type: ignore[attr-defined]  # the one connection that a process keeps

    idle.clock.advance(1)
    assert idle.ticks == before + 1
    assert idle.statements == statements + 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("ladder", "late"), [(True, 2.0), (False, 61.0)])
@pytest.mark.parametrize("delay", [20, 600, 3600, 3645, 90_000])
def test_a_job_for_later_runs_at_its_time(stack: Make, delay: int, ladder: bool, late: float, seed: int) -> None:
    late_stack = stack(ladder=ladder)
    late_stack.platform._dice.seed(seed)
    at = ran_at(late_stack)
    late_stack.clock.advance(13.7 * seed)
    due = late_stack.clock.now() + timedelta(seconds=delay)
    late_stack.jobs.enqueue("note", delay=delay)
    late_stack.clock.advance(delay + 200)

    (when,) = at
    assert timedelta(0) <= when - due <= timedelta(seconds=late)


def test_many_jobs_for_one_time_make_one_alarm(stack: Make) -> None:
    many = stack()
    at = ran_at(many)
    for _ in range(50):
        many.jobs.enqueue("note", delay=600)
    assert len(many.platform.queues["wake"].messages) == 1

    many.clock.advance(700)
    assert len(at) == 50


def test_a_failed_run_comes_back_at_its_retry(stack: Make) -> None:
    retrying = stack()
    runs: list[datetime] = []

    @retrying.jobs.job(retries=2)
    def flaky() -> None:
        runs.append(retrying.clock.now())
        raise RuntimeError("not yet")

    flaky.enqueue()
    retrying.clock.advance(60)

    assert len(runs) == 3


def test_a_chain_never_exceeds_the_platforms_hops_and_goes_on_by_the_detour(stack: Make) -> None:
    long = stack(max_ticks=1)
    long.tick.handler = _one_job_a_tick(long)
    at = ran_at(long)
    for _ in range(40):
        long.jobs.enqueue("note")
    long.clock.advance(600)

    assert len(at) == 40
    assert max(invoked.hop for invoked in long.platform.ran("tick")) <= 14
    assert not [invoked for invoked in long.platform.invoked if invoked.outcome == "dropped"]
    assert any(invoked.source == "schedule" for invoked in long.platform.ran("tick"))


def test_duplicated_and_lost_wakes_lose_no_job_and_run_none_twice(stack: Make) -> None:
    rough = stack(rules=Rules(duplicates=30, lost=10))
    at = ran_at(rough)
    rough.platform.every(3600, "tick")
    for n in range(60):
        rough.jobs.enqueue("note", delay=float(n * 7 % 240))
    rough.clock.advance(2 * 3600)

    assert len(at) == 60


@pytest.mark.parametrize("ladder", [True, False])
def test_the_rest_of_a_killed_ticks_jobs_goes_on_within_its_deadline_and_grace_and_a_minute(
    stack: Make, ladder: bool
) -> None:
    """With the template's own 300 s, 5 s and 60 s: nothing of the tick is left but rows, leases and its dead man's switch."""
    bound, jobs = timedelta(seconds=300 + 5 + 60), 10_000
    killed = stack(timeout=300.0, lease=60, grace=5, ladder=ladder)
    at = ran_at(killed)
    killed.jobs.enqueue_many(NewJob("note") for _ in range(jobs))
    killed.platform.queues["wake"].messages.clear()
    killed.platform.timeline.close()  # the nudge of this enqueue started the tick that dies
    _claim_and_die(killed, left=300.0)
    start = killed.clock.now()
    killed.clock.advance(bound.total_seconds())

    assert min(at) - start <= bound
    assert len(at) >= jobs - 10, "what the killed tick had claimed comes back after a pause of its own"
    killed.clock.advance(120)
    assert len(at) == jobs
    assert killed.jobs.stats().by_state["completed"] == jobs
    assert {invoked.source for invoked in killed.platform.ran("tick")} <= {"sqs", "schedule", "async"}, "no safety tick"


def test_a_schedule_fires_though_nothing_ticks(stack: Make) -> None:
    planned = stack()
    at = ran_at(planned)
    planned.jobs.schedule("note", every(minutes=30))
    planned.platform.invoke("scheduler")
    planned.clock.advance(2 * 3600 + 90)

    assert len(at) == 4
    assert len(planned.platform.ran("scheduler")) <= 10


def test_a_schedule_that_cannot_fire_leaves_the_others_their_times(stack: Make) -> None:
    planned = stack()
    at = ran_at(planned)
    planned.jobs.schedule("note", every(minutes=30))
    planned.jobs.schedule("of-no-code", every(minutes=20))
    planned.platform.every(3600, "scheduler")  # the floor
    planned.clock.advance(3 * 3600)
    at.clear()
    planned.clock.advance(2 * 3600)

    assert len(at) == 4


def test_a_scheduler_that_finds_no_database_tries_again_in_a_minute(
    stack: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = stack()
    at = ran_at(planned)
    planned.jobs.schedule("note", every(minutes=30))
    planned.platform.invoke("scheduler")

    def away(*_args: object, **_more: object) -> None:
        raise StorageUnavailable("it is away")

    planned.clock.advance(1700)
    with monkeypatch.context() as patch:
        patch.setattr(planned.jobs, "run_scheduler", away)
        planned.clock.advance(200)
    assert at == []
    planned.clock.advance(200)

    assert len(at) == 1


@pytest.mark.parametrize("length", [4, 30, 31, 64])
def test_an_alarm_is_set_for_a_function_of_any_name(stack: Make, length: int) -> None:
    named = stack()
    scheduler = named.platform.client("scheduler")
    for last in "ab":
        target = f"arn:aws:lambda:eu-west-1:000000000000:function:{'f' * (length - 1)}{last}"
        SchedulerWaker(target, "role", boto=scheduler, clock=named.clock).send(None, Note())
    assert len(named.platform.schedules) == 2, "one each"


def _claim_and_die(stack: Stack, *, left: float) -> None:
    from tests.support.world import claim
    from tickover.app import waking
    from tickover.domain.ids import TickId, new_id

    core, tick = stack.jobs._core, TickId(new_id())
    guard = waking.guard(core, tick, Note())
    assert guard is not None
    with core.database.link() as link:
        store = core.store(link)
        assert len(claim(store, 10, tick=tick, lease=60.0, left=left).jobs) == 10
        guard(store, left + 5)


def _one_job_a_tick(stack: Stack) -> Callable[[object, object], object]:
    from tickover.aws import tick_handler

    return tick_handler(stack.jobs, max_jobs=1)
