"""Looking jobs up: `get`, `find` with every filter, pages."""

from typing import Any

import pytest

from tests.support.raw import Raw
from tickover import Handler, Tickover
from tickover.domain.ids import new_id
from tickover.errors import InvalidArgument, JobNotFound


@pytest.fixture
def broken(jobs: Tickover) -> Handler[[str], None]:
    @jobs.job(retries=1, backoff=lambda _n, _error: 3600)
    def broken(text: str) -> None:
        raise ValueError(f"cannot {text}")

    return broken


def test_a_job_is_read_by_its_id_in_any_case(jobs: Tickover, double: Handler[[int], int]) -> None:
    job_id = double.enqueue(1)

    assert jobs.get(job_id.upper()).id == job_id


def test_an_id_that_nobody_has_and_one_that_is_none_are_told_apart(jobs: Tickover) -> None:
    with pytest.raises(JobNotFound, match="No job has the id"):
        jobs.get(new_id())
    with pytest.raises(InvalidArgument, match="is not a job id"):
        jobs.get("7")


def test_a_finished_job_shows_its_run(jobs: Tickover, double: Handler[[int], int]) -> None:
    job_id = double.enqueue(21)
    jobs.drain(20)
    job = jobs.get(job_id)

    assert (job.state, job.result, job.attempt, job.starts, job.completed, job.error) == (
        "completed",
        42,
        1,
        1,
        1,
        None,
    )
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.created_at <= job.started_at <= job.finished_at
    assert (job.children, job.steps, job.parent_id, job.wait_kind) == ([], [], None, None)


def test_every_filter_finds_its_own_and_nothing_else(
    jobs: Tickover, double: Handler[[int], int], broken: Handler[[str], None], raw: Raw
) -> None:
    by_queue = double.using(queue="fast").enqueue(1)
    by_tenant = double.using(tenant="acme").enqueue(2)
    by_key = double.using(unique="order-7").enqueue(3)
    by_meta = double.using(meta={"who": "ann", "n": 5}).enqueue(4)
    by_kind = broken.using(delay=60).enqueue("x")
    child = double.enqueue(6)
    raw.rows("UPDATE jobs SET parent_id = :p WHERE id = :c", p=by_queue, c=child)

    filters: list[tuple[dict[str, Any], list[str]]] = [
        ({"queue": "fast"}, [by_queue]),
        ({"tenant": "acme"}, [by_tenant]),
        ({"unique": "order-7"}, [by_key]),
        ({"meta": {"who": "ann"}}, [by_meta]),
        ({"meta": {"who": "ann", "n": 5}}, [by_meta]),
        ({"meta": {"who": "ann", "n": 6}}, []),
        ({"kind": "broken"}, [by_kind]),
        ({"state": "scheduled"}, [by_kind]),
        ({"parent": by_queue}, [child]),
        ({"kind": "double", "queue": "fast"}, [by_queue]),
        ({"kind": "broken", "queue": "fast"}, []),
        ({"kind": "nobody"}, []),
        ({"tenant": "", "unique": "order-7"}, [by_key]),
    ]
    for words, expected in filters:
        assert [job.id for job in jobs.find(**words)] == expected, words


@pytest.mark.parametrize(
    ("stored", "asked", "found"),
    [
        ({"a": True}, {"a": True}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": None}, {"a": None}, True),
        ({}, {"a": None}, False),
        ({"a": "5"}, {"a": 5}, False),
        ({"a": 5}, {"a": 5.0}, True),
        ({"a": 1.5}, {"a": 1.5}, True),
        ({"größe": "übel"}, {"größe": "übel"}, True),
        ({"a.b": 1}, {"a.b": 1}, True),
        ({"a": {"b": 1}}, {"a.b": 1}, False),
        ({"a b": 1}, {"a b": 1}, True),
        ({'a"b': 1}, {'a"b': 1}, True),
        ({"a\\b": 1}, {"a\\b": 1}, True),
        ({"a": {"z": 1, "b": ["ü"]}}, {"a": {"z": 1, "b": ["ü"]}}, True),
        ({"a": [1, 2]}, {"a": [1, 2]}, True),
        ({"a": [1, 2]}, {"a": [3]}, False),
        ({"a": "[1,2]"}, {"a": [1, 2]}, False),
        ({"a": [1, 2]}, {"a": "[1,2]"}, False),
        ({"a": "it's"}, {"a": "it's"}, True),
        ({"a": 1, "b": 2}, {}, True),
    ],
)
def test_meta_is_compared_as_json(
    jobs: Tickover, double: Handler[[int], int], stored: dict[str, Any], asked: dict[str, Any], found: bool
) -> None:
    job_id = double.using(meta=stored).enqueue(1)

    assert [job.id for job in jobs.find(meta=asked)] == ([job_id] if found else [])


def test_every_state_is_found_the_derived_ones_too(
    jobs: Tickover, double: Handler[[int], int], broken: Handler[[str], None]
) -> None:
    done = double.enqueue(1)
    retrying = broken.enqueue("x")
    dead = broken.using(retries=0).enqueue("y")
    jobs.tick(20)
    pending, paused, gone, later = (double.enqueue(n) for n in range(4))
    jobs.pause_job(paused)
    jobs.cancel(gone)
    later = double.using(delay=60).enqueue(5)
    states = {
        "completed": {done}, "failed": {dead}, "dead": {dead}, "retrying": {retrying}, "paused": {paused},
        "cancelled": {gone}, "scheduled": {later}, "running": set(), "waiting": set(),
    }  # fmt: skip

    for state, expected in states.items():
        assert {job.id for job in jobs.find(state=state)} == expected, state
    assert {pending, later, retrying} <= {job.id for job in jobs.find(state="pending")}
    assert [job.id for job in jobs.dead_letters()] == [dead]
    assert [job.id for job in jobs.dead_letters(kind="double")] == []
    assert [job.id for job in jobs.dead_letters(state="failed")] == [dead]
    for state in ("completed", "cancelled", ""):
        with pytest.raises(InvalidArgument, match="dead_letters takes no state="):
            jobs.dead_letters(state=state)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("brok", ["kind"]),
        ("roken", []),  # only from the start
        ("order-", ["key"]),
        ("rder-", []),
        ("needle", ["payload"]),
        ("cannot fly", ["error"]),
        ("100%", ["percent"]),
        ("%", ["percent"]),
        ("under_score", ["underscore"]),
        ("_", ["underscore"]),
        ("", ["kind", "key", "payload", "error", "percent", "underscore"]),
    ],
)
def test_search_looks_at_kinds_keys_payloads_and_errors_and_takes_every_sign_as_it_is(
    jobs: Tickover, text: str, found: list[str]
) -> None:
    @jobs.job(retries=0)
    def fly() -> None:
        raise ValueError("cannot fly")

    names = {fly.enqueue(): "error"}
    jobs.tick(20)
    for name, kind, payload, key in (
        ("kind", "broken", None, None), ("key", "k", None, "order-7"), ("payload", "k", {"a": "a needle here"}, None),
        ("percent", "k", "100% sure", None), ("underscore", "k", "under_score", None),
    ):  # fmt: skip
        names[jobs.enqueue(kind, payload, remote=True, unique=key)] = name  # type: ignore[arg-type]  # None: not said

    assert sorted(names[job.id] for job in jobs.find(search=text)) == sorted(found)


def test_search_finds_an_id_by_the_end_that_people_see(jobs: Tickover, double: Handler[[int], int]) -> None:
    ids = [double.enqueue(n) for n in range(3)]

    assert [job.id for job in jobs.find(search=ids[1][-8:])] == [ids[1]]
    assert [job.id for job in jobs.find(search=ids[1].upper())] == [ids[1]]


def test_pages_are_newest_first_complete_and_stable_while_others_write(
    jobs: Tickover, double: Handler[[int], int]
) -> None:
    ids = jobs.enqueue_many(double.new(n) for n in range(7))
    first = jobs.find(limit=3)
    double.enqueue(99)
    second = jobs.find(limit=3, cursor=first.next_cursor)
    third = jobs.find(limit=3, cursor=second.next_cursor)

    assert [job.id for job in (*first, *second, *third)] == ids[::-1]
    assert third.next_cursor is None
    assert len(jobs.find(limit=8)) == 8
    assert jobs.find(limit=8).next_cursor is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"limit": 0}, "limit= takes 1 to 1000"),
        ({"limit": 1001}, "limit="),
        ({"cursor": "next"}, "is not a job id"),
        ({"parent": "7"}, "is not a job id"),
        ({"state": "sleeping"}, "'sleeping' is not a state: pending, running"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(jobs: Tickover, words: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        jobs.find(**words)


def test_a_filter_that_does_not_exist_is_refused_and_not_ignored(jobs: Tickover) -> None:
    with pytest.raises(TypeError, match="colour"):
        jobs.find(colour="red")  # type: ignore[call-arg]  # that is the point
    with pytest.raises(InvalidArgument, match="not found by 'colour'; only by state, kind"):
        jobs.retry_many(colour="red")
    with pytest.raises(InvalidArgument, match="Jobs are not found by 'since'"):  # only our own pages ask that
        jobs.retry_many(since="yesterday")
