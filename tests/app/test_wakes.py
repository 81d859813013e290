"""When the façade asks for a tick."""

from datetime import UTC, datetime, timedelta

from tests.app.conftest import Wakes
from tickover import Handler, LocalWaker, NewJob, Tickover

FAR = datetime(2090, 1, 1, tzinfo=UTC)


def test_a_job_that_is_due_asks_for_a_tick_now(jobs: Tickover, double: Handler[[int], int], wakes: Wakes) -> None:
    double.enqueue(1)
    jobs.enqueue_many([double.new(2), double.new(3)])

    assert wakes.asked == [None, None]


def test_a_job_for_later_asks_for_a_tick_at_its_time(jobs: Tickover, double: Handler[[int], int], wakes: Wakes) -> None:
    double.using(at=FAR).enqueue(1)
    double.using(delay=3600).enqueue(1)
    planned, delayed = wakes.asked

    assert planned == FAR
    assert delayed is not None
    assert timedelta(minutes=59) < delayed - datetime.now(UTC) <= timedelta(hours=1)


def test_a_set_asks_for_its_first_time(jobs: Tickover, double: Handler[[int], int], wakes: Wakes) -> None:
    jobs.enqueue_many([double.using(at=FAR).new(1), double.using(at=FAR - timedelta(days=1)).new(2)])
    jobs.enqueue_many([double.using(at=FAR).new(1), double.new(2)])

    assert wakes.asked == [FAR - timedelta(days=1), None]


def test_what_was_not_written_asks_for_nothing(jobs: Tickover, double: Handler[[int], int], wakes: Wakes) -> None:
    jobs.enqueue_many([])

    assert wakes.asked == []


def test_resuming_and_retrying_ask_for_a_tick_and_pausing_does_not(
    jobs: Tickover, double: Handler[[int], int], wakes: Wakes
) -> None:
    job_id = double.enqueue(1)
    wakes.asked.clear()
    jobs.pause_job(job_id)
    jobs.pause_queue("q")
    jobs.pause_ticks()
    assert wakes.asked == []

    jobs.resume_job(job_id)
    jobs.resume_queue("q")
    jobs.resume_ticks()
    jobs.cancel(job_id)
    jobs.retry(job_id)
    assert wakes.asked == [None] * 4


def test_without_a_waker_nothing_is_asked_and_nothing_is_missed() -> None:
    with Tickover("sqlite://") as jobs:
        jobs.migrate()
        jobs.enqueue("elsewhere", remote=True)
        jobs.wake()

        assert jobs.stats().by_state["pending"] == 1


def test_a_local_waker_wakes_whoever_waits_once_for_many() -> None:
    waker = LocalWaker()
    assert not waker.wait(0)
    waker.wake(None)
    waker.wake(FAR)  # whoever waits looks when that is
    assert waker.wait(5)
    assert not waker.wait(0)


def test_a_local_waker_is_a_waker() -> None:
    with Tickover("sqlite://", waker=LocalWaker()) as jobs:
        jobs.migrate()
        jobs.enqueue_many([NewJob("elsewhere", remote=True)])
        waker = jobs._core.waker
        assert isinstance(waker, LocalWaker)
        assert waker.wait(5)
