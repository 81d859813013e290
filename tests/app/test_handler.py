"""Handlers and new jobs: what they write, and what comes back."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from tests.support.raw import Raw
from tickover import Context, ExponentialBackoff, Handler, NewJob, Tickover
from tickover.errors import InvalidArgument, JobFailedError, PayloadError


class Mail(BaseModel):
    to: str
    subject: str = "Welcome"


@dataclass
class Thumb:
    url: str
    made: datetime


def test_a_job_is_durable_when_enqueue_returns(jobs: Tickover, double: Handler[[int], int], raw: Raw) -> None:
    job_id = double.enqueue(21)

    assert raw.one("SELECT count(*) FROM jobs") == 1
    job = jobs.get(job_id)
    assert (job.id, job.kind, job.queue, job.state, job.payload, job.starts) == (
        job_id, "double", "default", "pending", 21, 0,
    )  # fmt: skip


def test_a_result_comes_back_with_the_type_of_the_return_annotation(jobs: Tickover) -> None:
    @jobs.job
    def thumb(mail: Mail) -> Thumb:
        return Thumb(mail.to, datetime(2024, 5, 17, tzinfo=UTC))

    job_id = thumb.enqueue(Mail(to="a@b.c"))
    assert jobs.drain(20).completed == 1

    assert thumb.result(job_id) == Thumb("a@b.c", datetime(2024, 5, 17, tzinfo=UTC))
    assert jobs.result(job_id) == {"url": "a@b.c", "made": "2024-05-17T00:00:00Z"}


def test_both_colours_run_with_and_without_a_context(jobs: Tickover) -> None:
    @jobs.job
    def plain(n: int) -> int:
        return n

    @jobs.job
    def with_context(ctx: Context, n: int) -> str:
        return f"{ctx.kind} {n}"

    @jobs.job
    async def coloured(n: int) -> int:
        return n + 1

    ids = jobs.enqueue_many([plain.new(1), with_context.new(2), coloured.new(3)])
    jobs.drain(20)

    assert [jobs.result(job_id) for job_id in ids] == [1, "with-context 2", 4]


def test_using_changes_a_copy_and_later_words_win(jobs: Tickover, double: Handler[[int], int]) -> None:
    urgent = double.using(priority=5, queue="fast")
    job_id = urgent.using(priority=9).enqueue(1)

    assert (jobs.get(job_id).priority, jobs.get(job_id).queue) == (9, "fast")
    assert jobs.get(urgent.enqueue(1)).priority == 5
    assert (jobs.get(double.enqueue(1)).priority, jobs.get(double.enqueue(1)).queue) == (0, "default")


def test_none_takes_an_option_back(jobs: Tickover, double: Handler[[int], int]) -> None:
    later = double.using(queue="slow", meta={"a": 1})

    assert jobs.get(later.using(queue=None).enqueue(1)).queue == "default"  # type: ignore[arg-type]  # by intent


def test_meta_stays_whole_through_every_copy(jobs: Tickover, double: Handler[[int], int]) -> None:
    handler = double.using(meta={"who": "ann", "n": [1, {"x": None}]}).using(priority=1)
    new = handler.new(1).using(tenant="acme").using(queue="fast")
    job = jobs.get(jobs.enqueue_many([new])[0])

    assert (dict(job.meta), job.tenant, job.queue, job.priority) == (
        {"who": "ann", "n": [1, {"x": None}]}, "acme", "fast", 1,
    )  # fmt: skip


def test_every_option_of_the_job_beats_that_of_the_registration(jobs: Tickover, raw: Raw) -> None:
    @jobs.job("sized", queue="a", priority=1, retries=1, timeout=1, max_crashes=1, tenant="t1", meta={"n": 1},
              backoff=ExponentialBackoff(initial=1), determinism="explicit")  # fmt: skip
    def sized() -> None: ...

    sized.enqueue()
    sized.using(
        queue="b", priority=2, retries=2, timeout=timedelta(seconds=2), max_crashes=2, tenant="t2", meta={"n": 2},
        backoff=ExponentialBackoff(initial=2), determinism="strict",
    ).enqueue()  # fmt: skip

    assert raw.rows(
        "SELECT queue, priority, max_retries, timeout_ms, max_crashes, tenant, meta, backoff, determinism FROM jobs ORDER BY id"
    ) == [
        ("a", 1, 1, 1000, 1, "t1", '{"n":1}', None, "explicit"),
        ("b", 2, 2, 2000, 2, "t2", '{"n":2}', "[2, 2.0, 60.0, 0.1]", "strict"),
    ]


@pytest.mark.parametrize("retries", [0, 1, 2, 3])
def test_n_retries_run_n_plus_1_times(jobs: Tickover, retries: int) -> None:
    runs = []

    @jobs.job(retries=retries, backoff=lambda _n, _error: 0)
    def broken() -> None:
        runs.append(1)
        raise ValueError("always")

    job_id = broken.enqueue()
    jobs.drain(20)

    assert len(runs) == retries + 1
    with pytest.raises(JobFailedError, match="ValueError: always"):
        broken.result(job_id)


def test_a_function_as_backoff_is_asked_with_the_number_of_the_retry_and_the_error(jobs: Tickover) -> None:
    asked: list[tuple[int, str]] = []

    def wait(n: int, error: BaseException) -> float:
        asked.append((n, str(error)))
        return 0.0

    @jobs.job(retries=2, backoff=wait)
    def broken() -> None:
        raise ValueError("no")

    broken.enqueue()
    jobs.drain(20)

    assert asked[:2] == [(1, "no"), (2, "no")]


@pytest.mark.parametrize("payload", [{"to": 5}, {"subject": "x"}, "a@b.c"])
def test_a_payload_that_does_not_fit_is_refused_and_nothing_is_written(
    jobs: Tickover, raw: Raw, payload: object
) -> None:
    @jobs.job
    def send(mail: Mail) -> None: ...

    with pytest.raises(PayloadError, match="'send' refuses"):
        send.enqueue(payload)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(PayloadError, match="'send' refuses"):
        jobs.enqueue("send", payload)
    assert raw.one("SELECT count(*) FROM jobs") == 0


def test_a_payload_that_no_longer_fits_fails_the_run_and_is_retried_for_newer_code(jobs: Tickover, raw: Raw) -> None:
    @jobs.job(retries=0)
    def send(mail: Mail) -> None: ...

    job_id = send.enqueue(Mail(to="a"))
    raw.rows("UPDATE job_data SET args = '{\"to\":7}'")
    jobs.drain(20)

    with pytest.raises(JobFailedError, match=r"PayloadError: 'send' refuses \$\.to"):
        send.result(job_id)


def test_a_result_that_breaks_its_annotation_fails_the_job_without_a_retry(jobs: Tickover) -> None:
    @jobs.job(retries=5)
    def liar() -> int:
        return "text"  # type: ignore[return-value]  # that is the point

    job_id = liar.enqueue()
    report = jobs.drain(20)

    assert (report.failed, report.retried) == (1, 0)
    assert "the result cannot be stored: 'liar' refuses $: Input should be a valid integer" in str(
        jobs.get(job_id).error
    )


def test_a_new_job_says_what_it_will_write() -> None:
    new: NewJob[int] = NewJob("count", {"b": 1, "a": 2}, returns=int, delay=60, remote=True)

    assert (new.kind, new.payload, new.text, new.returns, new.remote) == (
        "count", {"a": 2, "b": 1}, '{"a":2,"b":1}', int, True,
    )  # fmt: skip
    assert dict(new.options) == {"delay": 60.0}
    assert repr(new) == 'NewJob(\'count\', {"a":2,"b":1})'


def test_a_new_job_keeps_everything_when_more_is_said() -> None:
    new = NewJob("count", 1, returns=int, remote=True, meta={"a": 1}).using(priority=3)

    assert (new.payload, new.returns, new.remote, new.options["priority"]) == (1, int, True, 3)


def test_a_new_job_without_payload_has_none_and_none_is_a_payload() -> None:
    assert (NewJob("count").text, NewJob("count", None).text) == (None, "null")


@pytest.mark.parametrize(
    ("arguments", "options"),
    [(("no name",), {}), (("count", float("nan")), {}), (("count",), {"dealy": 5}), (("count",), {"aliases": ["a"]})],
)
def test_a_new_job_that_could_not_be_written_is_refused_when_it_is_made(
    arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    with pytest.raises((InvalidArgument, PayloadError)):
        NewJob(*arguments, **options)
