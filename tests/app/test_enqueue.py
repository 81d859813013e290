"""Enqueue by handler, by name and many at once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.support.raw import Raw
from tickover import Handler, NewJob, Tickover
from tickover.errors import DuplicateJob, HandlerNotFound, InvalidArgument, PayloadError

FAR = datetime(2090, 1, 1, 12, tzinfo=UTC)


def test_a_job_by_name_is_the_same_as_one_by_handler(jobs: Tickover, double: Handler[[int], int]) -> None:
    ids = [double.using(queue="q").enqueue(5), jobs.enqueue("double", 5, queue="q")]
    first, second = map(jobs.get, ids)

    assert (first.kind, first.payload, first.queue) == (second.kind, second.payload, second.queue)


def test_an_alias_writes_the_name_it_stands_for(jobs: Tickover) -> None:
    @jobs.job("send-email", aliases=["mail"])
    def send() -> None: ...

    assert jobs.get(jobs.enqueue("mail")).kind == "send-email"


def test_an_unknown_kind_is_refused_with_the_nearest_name(jobs: Tickover, double: Handler[[int], int]) -> None:
    with pytest.raises(HandlerNotFound, match="Did you mean 'double'"):
        jobs.enqueue("duoble", 5)
    with pytest.raises(HandlerNotFound, match="remote=True"):
        jobs.enqueue_many([double.new(1), NewJob("elsewhere")])
    assert jobs.find() == []


def test_a_kind_that_is_unknown_on_purpose_is_written_unseen(jobs: Tickover) -> None:
    first = jobs.enqueue("elsewhere", {"any": ["thing"]}, remote=True)
    (second,) = jobs.enqueue_many([NewJob("elsewhere", remote=True).using(priority=3)])

    assert jobs.get(first).payload == {"any": ["thing"]}
    assert jobs.get(second).priority == 3


def test_a_remote_handler_is_typed_here_and_never_run_here(jobs: Tickover) -> None:
    @jobs.job("ocr", remote=True)
    def ocr(path: str) -> str:
        raise AssertionError("its body runs elsewhere")

    job_id = ocr.enqueue("/a.png")
    with pytest.raises(PayloadError):
        jobs.enqueue("ocr", 5)
    report = jobs.tick(2)

    assert (report.completed, report.failed) == (0, 0)
    assert jobs.get(job_id).state == "pending"


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("name", ["", "a b", 5, None])
def test_a_bad_name_is_refused_in_every_path(jobs: Tickover, name: Any) -> None:
    with pytest.raises(InvalidArgument, match="is not a job name"):
        jobs.enqueue(name)
    with pytest.raises(InvalidArgument, match="is not a job name"):
        jobs.enqueue_many([NewJob(name)])


def test_a_delay_and_an_instant_say_when(jobs: Tickover, double: Handler[[int], int]) -> None:
    delayed = jobs.get(double.using(delay=timedelta(hours=1)).enqueue(1))
    berlin = timezone(timedelta(hours=2))
    planned = jobs.get(double.using(at=FAR.astimezone(berlin)).enqueue(1))

    assert delayed.run_at - delayed.created_at == timedelta(hours=1)
    assert planned.run_at == FAR
    assert planned.run_at.utcoffset() == timedelta(0)
    assert jobs.tick(2).claimed == 0


def test_a_naive_instant_is_refused(jobs: Tickover, double: Handler[[int], int]) -> None:
    naive = datetime(2090, 1, 1)  # noqa: DTZ001  # naive on purpose
    refusals: list[Callable[[], object]] = [
        lambda: double.using(at=naive),
        lambda: jobs.enqueue("double", 1, at=naive),
        lambda: NewJob("double", 1, at=naive),
    ]
    for refused in refusals:
        with pytest.raises(InvalidArgument, match="at= takes an aware datetime"):
            refused()


# --- unique keys --------------------------------------------------------------------------------------------------------


def test_a_unique_key_is_held_by_one_unfinished_job(jobs: Tickover, double: Handler[[int], int]) -> None:
    first = double.using(unique="order-7").enqueue(1)

    with pytest.raises(DuplicateJob, match=f"'order-7': {first}") as refusal:
        double.using(unique="order-7").enqueue(2)
    assert refusal.value.job_id == first
    jobs.drain(20)
    assert double.using(unique="order-7").enqueue(3) != first


def test_unique_keys_are_held_per_tenant_and_letter_case_counts(jobs: Tickover, double: Handler[[int], int]) -> None:
    keys = [("a", "K"), ("b", "K"), ("a", "k"), ("", "K")]
    ids = [double.using(tenant=tenant, unique=key).enqueue(1) for tenant, key in keys]

    assert len(set(ids)) == 4


def test_an_idempotency_key_gives_the_first_id_back_without_an_error(
    jobs: Tickover, double: Handler[[int], int]
) -> None:
    once = double.using(idempotency_key="request-1", idempotency_ttl=60)
    first = once.enqueue(1)
    jobs.drain(20)

    assert once.enqueue(2) == first
    assert len(jobs.find()) == 1


def test_an_idempotency_key_is_free_again_when_its_job_was_cancelled(
    jobs: Tickover, double: Handler[[int], int]
) -> None:
    once = double.using(idempotency_key="request-1")
    first = once.enqueue(1)
    jobs.cancel(first)

    assert once.enqueue(2) != first


def test_an_idempotency_window_ends(jobs: Tickover, double: Handler[[int], int], raw: Raw) -> None:
    once = double.using(idempotency_key="request-1", idempotency_ttl=60)
    first = once.enqueue(1)
    raw.rows("UPDATE idempotency SET expires_at = created_at FROM jobs WHERE jobs.id = job_id")

    assert once.enqueue(2) != first


# --- many ---------------------------------------------------------------------------------------------------------------


def test_many_jobs_keep_their_order_and_are_written_together(jobs: Tickover, double: Handler[[int], int]) -> None:
    ids = jobs.enqueue_many(double.new(n) for n in range(500))

    assert ids == sorted(ids)
    assert [jobs.get(ids[n]).payload for n in (0, 250, 499)] == [0, 250, 499]


def test_many_more_than_one_statement_takes_are_still_one_transaction(
    jobs: Tickover, double: Handler[[int], int], raw: Raw
) -> None:
    ids = jobs.enqueue_many(double.new(n) for n in range(10_001))

    assert len(set(ids)) == raw.one("SELECT count(*) FROM jobs") == 10_001


def test_nothing_is_written_of_a_set_with_one_bad_job(jobs: Tickover, double: Handler[[int], int]) -> None:
    def news() -> Iterator[NewJob[Any]]:
        yield double.new(1)
        yield NewJob("double", "x")

    with pytest.raises(PayloadError):
        jobs.enqueue_many(news())
    assert jobs.find() == []


def test_no_jobs_are_no_work(jobs: Tickover) -> None:
    assert jobs.enqueue_many([]) == []


def test_where_a_key_is_held_the_existing_id_takes_the_place(jobs: Tickover, double: Handler[[int], int]) -> None:
    held = double.using(unique="b").enqueue(0)
    once = double.using(idempotency_key="c").enqueue(0)
    ids = jobs.enqueue_many([
        double.using(unique="a").new(1), double.using(unique="b").new(2), double.using(unique="a").new(3),
        double.using(idempotency_key="c").new(4), double.using(idempotency_key="d").new(5),
        double.using(idempotency_key="d").new(6), double.new(7),
    ])  # fmt: skip

    assert (ids[1], ids[3]) == (held, once)
    assert (ids[2], ids[5]) == (ids[0], ids[4])
    assert len(set(ids)) == 5
    assert sorted(job.payload for job in jobs.find()) == [0, 0, 1, 5, 7]


def test_a_session_is_given_to_enqueue_many_and_not_to_its_jobs(jobs: Tickover, double: Handler[[int], int]) -> None:
    with pytest.raises(InvalidArgument, match="give session= to enqueue_many itself"):
        jobs.enqueue_many([double.using(session=object()).new(1)])


# --- middleware ---------------------------------------------------------------------------------------------------------


def test_enqueue_middleware_sees_every_job_in_the_order_of_registration(
    jobs: Tickover, double: Handler[[int], int]
) -> None:
    @jobs.enqueue_middleware
    def first(new: NewJob[Any]) -> NewJob[Any]:
        return new.using(meta={"seen": ["first"]})

    @jobs.enqueue_middleware
    def second(new: NewJob[Any]) -> NewJob[Any]:
        return new.using(meta={"seen": ["first", "second"]}, queue="stamped")

    ids = [double.enqueue(1), jobs.enqueue("double", 2), *jobs.enqueue_many([double.new(3)])]

    assert [dict(jobs.get(job_id).meta) for job_id in ids] == [{"seen": ["first", "second"]}] * 3
    assert {jobs.get(job_id).queue for job_id in ids} == {"stamped"}


def test_what_enqueue_middleware_raises_refuses_the_job(jobs: Tickover, double: Handler[[int], int]) -> None:
    @jobs.enqueue_middleware
    def refuse(new: NewJob[Any]) -> NewJob[Any]:
        raise PermissionError(new.kind)

    with pytest.raises(PermissionError, match="double"):
        double.enqueue(1)
    assert jobs.find() == []


def test_enqueue_middleware_that_forgets_to_return_is_told_so(jobs: Tickover, double: Handler[[int], int]) -> None:
    @jobs.enqueue_middleware  # type: ignore[arg-type]  # that is the point
    def forgetful(new: NewJob[Any]) -> None: ...

    with pytest.raises(InvalidArgument, match="must return a NewJob, not None"):
        double.enqueue(1)
