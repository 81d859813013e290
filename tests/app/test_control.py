"""What an operator may do, and what is refused: with the reason, and without a change."""

from typing import Any

import pytest

from tests.support.raw import Raw
from tickover import Budget, Handler, Tickover
from tickover.domain.ids import new_id
from tickover.errors import DuplicateJob, InvalidArgument, InvalidTransition, JobNotFound

ONE = pytest.mark.parametrize("dialect", ["sqlite"])  # refused before any database is asked
VERBS = ["pause_job", "resume_job", "cancel", "retry"]


@pytest.fixture
def states(jobs: Tickover, double: Handler[[int], int], raw: Raw) -> dict[str, str]:
    """A job in each state."""

    @jobs.job(retries=0)
    def broken() -> None:
        raise ValueError("no")

    found = {"completed": double.enqueue(1), "failed": broken.enqueue()}
    jobs.drain(20)
    found |= {state: double.enqueue(2) for state in ("pending", "paused", "cancelled", "waiting", "running")}
    jobs.pause_job(found["paused"])
    jobs.cancel(found["cancelled"])
    raw.set(found["waiting"], state="waiting", wait_kind="signal", wait_ref="go")
    raw.rows(
        "UPDATE jobs SET state = 'running', lease_until = run_at WHERE id = :id",
        id=found["running"],
    )
    raw.set_instant(found["running"], "lease_until", 3600)
    return found


@pytest.mark.parametrize(
    ("verb", "allowed"),
    [
        ("pause_job", {"pending": "paused", "waiting": "paused", "running": "running"}),
        ("resume_job", {"paused": "pending"}),
        ("cancel", {"pending": "cancelled", "waiting": "cancelled", "running": "cancelled", "paused": "cancelled",
                    "cancelled": "cancelled"}),
        ("retry", {"failed": "pending", "cancelled": "pending"}),
    ],
)  # fmt: skip
def test_a_verb_does_what_the_state_allows_and_refuses_the_rest_by_name(
    jobs: Tickover, states: dict[str, str], raw: Raw, verb: str, allowed: dict[str, str]
) -> None:
    for state, job_id in states.items():
        if state in allowed:
            getattr(jobs, verb)(job_id)
            assert raw.state(job_id) == allowed[state]
        else:
            with pytest.raises(InvalidTransition, match=f"Job {job_id} is {state}"):
                getattr(jobs, verb)(job_id)
            assert raw.state(job_id) == state


@pytest.mark.parametrize("verb", VERBS)
def test_a_job_that_nobody_has_is_said_so(jobs: Tickover, verb: str) -> None:
    with pytest.raises(JobNotFound, match="No job has the id"):
        getattr(jobs, verb)(new_id())
    with pytest.raises(InvalidArgument, match="is not a job id"):
        getattr(jobs, verb)("7")


def test_pausing_twice_is_refused_also_while_the_job_runs(jobs: Tickover, states: dict[str, str]) -> None:
    jobs.pause_job(states["running"])
    with pytest.raises(InvalidTransition, match="is running, with a pause already asked for; it cannot be paused now"):
        jobs.pause_job(states["running"])
    jobs.resume_job(states["running"])
    with pytest.raises(InvalidTransition, match="is running; it cannot be resumed now"):
        jobs.resume_job(states["running"])


def test_a_retry_that_would_share_a_unique_key_is_refused_and_names_the_holder(
    jobs: Tickover, double: Handler[[int], int]
) -> None:
    old = double.using(unique="k").enqueue(1)
    jobs.cancel(old)
    new = double.using(unique="k").enqueue(2)

    with pytest.raises(DuplicateJob, match="a newer job holds its unique key") as refusal:
        jobs.retry(old)
    assert refusal.value.job_id == new
    assert jobs.retry_many(state="cancelled") == []


def test_many_are_retried_by_the_filters_of_find(jobs: Tickover, states: dict[str, str]) -> None:
    assert jobs.retry_many(kind="nobody") == []
    assert jobs.retry_many(kind="broken") == [states["failed"]]
    assert jobs.retry_many(state="cancelled") == [states["cancelled"]]
    with pytest.raises(InvalidArgument, match="retry_many takes failed or cancelled jobs, not 'completed'"):
        jobs.retry_many(state="completed")


def test_a_retried_job_has_a_new_budget_and_keeps_its_counters(jobs: Tickover, states: dict[str, str]) -> None:
    jobs.retry(states["failed"])
    jobs.tick(20)
    job = jobs.get(states["failed"])

    assert (job.state, job.failures, job.starts) == ("failed", 2, 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"state": "running", "queue": "default"}, "purge deletes completed, failed or cancelled jobs, not 'running'"),
        ({"state": "failed"}, "purge needs a queue="),
        ({"state": "failed", "queue": "a b"}, "is not a queue name"),
        ({"state": "failed", "queue": "default", "older_than": -1}, "older_than="),
    ],
)
def test_a_purge_that_could_delete_too_much_is_refused(
    jobs: Tickover, states: dict[str, str], raw: Raw, words: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidArgument, match=said):
        jobs.purge(**words)
    assert raw.count("jobs") == len(states)


def test_a_purge_deletes_what_it_says_with_everything_of_theirs(
    jobs: Tickover, double: Handler[[int], int], states: dict[str, str], raw: Raw
) -> None:
    ids = jobs.enqueue_many(double.using(idempotency_key=f"i{n}").new(n) for n in range(501))
    for job_id in ids[:3]:
        jobs.cancel(job_id)

    assert jobs.purge(state="cancelled", queue="other") == 0
    assert jobs.purge(state="cancelled", queue="default", kind="other") == 0
    assert jobs.purge(state="cancelled", queue="default", older_than=60) == 0
    assert jobs.purge(state="cancelled", queue="default") == 4
    assert raw.count("jobs") == raw.count("job_data") == len(states) - 1 + 501 - 3
    assert raw.count("idempotency") == 498


@ONE
@pytest.mark.parametrize("verb", ["pause_queue", "resume_queue"])
def test_queue_names_are_checked(jobs: Tickover, verb: str) -> None:
    with pytest.raises(InvalidArgument, match="is not a queue name"):
        getattr(jobs, verb)("a b")


def test_doubled_pauses_of_queues_and_fleet_are_refused(jobs: Tickover) -> None:
    with pytest.raises(InvalidTransition, match="Queue 'q' is not paused"):
        jobs.resume_queue("q")
    jobs.pause_queue("q", reason="flood")
    with pytest.raises(InvalidTransition, match="Queue 'q' is paused already"):
        jobs.pause_queue("q")
    with pytest.raises(InvalidTransition, match="The fleet is not paused"):
        jobs.resume_ticks()
    jobs.pause_ticks("graceful")
    with pytest.raises(InvalidTransition, match=r"The fleet is paused \(graceful\) already"):
        jobs.pause_ticks("graceful")
    jobs.pause_ticks("aggressive")
    with pytest.raises(InvalidArgument, match='pause_ticks takes "graceful" or "aggressive", not \'gentle\''):
        jobs.pause_ticks("gentle")  # type: ignore[arg-type]  # that is the point


@ONE
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"queues": "default"}, r"queues= takes a list such as \['default'\]"),
        ({"queues": []}, "queues= is empty; leave it out to serve every queue"),
        ({"queues": ["a b"]}, "is not a queue name"),
        ({"queues": {"a": 0}}, "The concurrency of queue 'a' must be a whole number from 1 to 1000"),
        ({"queues": {"a": True}}, "The concurrency of queue 'a'"),
        ({"concurrency": 0}, "concurrency= takes a whole number from 1 to 1000"),
        ({"concurrency": 1001}, "concurrency="),
        ({"concurrency": "5"}, "concurrency="),
    ],
)
def test_a_tick_that_makes_no_sense_is_refused(jobs: Tickover, words: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        jobs.tick(1, **words)


@ONE
@pytest.mark.parametrize("verb", ["tick", "run_reaper", "drain"])
@pytest.mark.parametrize("budget", [0, -1, "5", float("nan")])
def test_a_budget_that_makes_no_sense_is_refused(jobs: Tickover, verb: str, budget: Any) -> None:
    with pytest.raises(InvalidArgument):
        getattr(jobs, verb)(budget)


def test_a_budget_may_be_a_number_or_a_budget(jobs: Tickover, double: Handler[[int], int]) -> None:
    jobs.enqueue_many(double.new(n) for n in range(5))
    report = jobs.tick(Budget(20, max_jobs=2))

    assert (report.claimed, report.completed, report.stopped_because, report.more) == (2, 2, "max_jobs", True)
    assert jobs.tick(20).completed == 3


def test_many_that_a_word_finds_are_retried_and_no_others(jobs: Tickover) -> None:
    @jobs.job(retries=0)
    def charge(name: str) -> None:
        raise ValueError("no reply")

    ids = [charge.enqueue(name) for name in ("Ann", "Bob", "Cleo")]
    jobs.drain(5)
    assert jobs.retry_many(search="Bob") == [ids[1]]
    assert [jobs.get(one).state for one in ids] == ["failed", "pending", "failed"]
