"""What became of a job: `result`, with and without waiting."""

import threading
from collections.abc import Callable

import pytest

from tickover import Handler, Tickover
from tickover.domain.ids import new_id
from tickover.errors import InvalidArgument, JobCancelledError, JobFailedError, JobNotCompleted, JobNotFound

Ask = Callable[[Tickover, Handler[[int], int], str], object]
BOTH = pytest.mark.parametrize(
    "ask", [lambda jobs, _handler, job_id: jobs.result(job_id), lambda _jobs, handler, job_id: handler.result(job_id)]
)


@BOTH
def test_a_job_that_has_not_ended_has_no_result_yet(jobs: Tickover, double: Handler[[int], int], ask: Ask) -> None:
    with pytest.raises(JobNotCompleted, match="has not ended yet; give wait= seconds"):
        ask(jobs, double, double.enqueue(1))


@BOTH
def test_a_cancelled_job_has_no_result_ever(jobs: Tickover, double: Handler[[int], int], ask: Ask) -> None:
    job_id = double.enqueue(1)
    jobs.cancel(job_id)

    with pytest.raises(JobCancelledError, match="was cancelled and has no result"):
        ask(jobs, double, job_id)


@BOTH
def test_a_failed_job_says_its_last_error(jobs: Tickover, double: Handler[[int], int], ask: Ask) -> None:
    @jobs.job(retries=0)
    def broken() -> None:
        raise ZeroDivisionError("by nought")

    job_id = broken.enqueue()
    jobs.drain(20)

    with pytest.raises(JobFailedError, match="ZeroDivisionError: by nought"):
        ask(jobs, double, job_id)


@BOTH
def test_a_job_that_nobody_has_has_no_result(jobs: Tickover, double: Handler[[int], int], ask: Ask) -> None:
    with pytest.raises(JobNotFound):
        ask(jobs, double, new_id())
    with pytest.raises(InvalidArgument, match="is not a job id"):
        ask(jobs, double, "7")


def test_nothing_returned_is_none(jobs: Tickover) -> None:
    @jobs.job
    def quiet() -> None: ...

    job_id = quiet.enqueue()
    jobs.drain(20)

    assert jobs.result(job_id) is None


def test_waiting_returns_when_the_job_ends(jobs: Tickover, double: Handler[[int], int]) -> None:
    job_id = double.enqueue(21)
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(double.result(job_id, wait=60)))
    waiting.start()
    jobs.drain(20)
    waiting.join(60)

    assert answers == [42]
    assert jobs.result(job_id, wait=0) == jobs.result(job_id, 5) == 42


def test_waiting_ends_when_its_time_is_over(jobs: Tickover, double: Handler[[int], int]) -> None:
    with pytest.raises(JobNotCompleted):
        double.result(double.enqueue(1), wait=0.05)


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("wrong", [-1, "5", float("nan")])
def test_a_wait_that_makes_no_sense_is_refused(jobs: Tickover, double: Handler[[int], int], wrong: float) -> None:
    with pytest.raises(InvalidArgument, match="wait="):
        jobs.result(double.enqueue(1), wait=wrong)
