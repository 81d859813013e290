from __future__ import annotations

import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.forking import in_child
from tickover.domain import ids
from tickover.domain.ids import new_id, new_ids, parse_id, short
from tickover.errors import InvalidArgument


def test_an_id_is_a_uuid_of_version_7_of_this_moment() -> None:
    minted = uuid.UUID(new_id())
    now_ms = uuid.UUID(new_id()).int >> 80

    assert (minted.version, minted.variant) == (7, uuid.RFC_4122)
    assert 0 <= now_ms - (minted.int >> 80) < 60_000


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_ids_strictly_increase_over_all_calls(counts: list[int]) -> None:
    minted = [new_id(), *(one for count in counts for one in new_ids(count)), new_id()]

    assert minted == sorted(set(minted))


def test_ids_strictly_increase_over_a_large_set() -> None:
    minted = new_ids(100_000)

    assert minted == sorted(set(minted))
    assert all(uuid.UUID(one).version == 7 for one in minted[::1000])


def test_no_ids_are_minted_for_nothing() -> None:
    assert new_ids(0) == []


def test_threads_never_get_the_same_id_and_each_sees_its_own_grow() -> None:
    found: list[list[str]] = []
    start = threading.Barrier(8)

    def mint() -> None:
        start.wait()
        found.append([new_id() for _ in range(2000)])

    threads = [threading.Thread(target=mint) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({one for own in found for one in own}) == 16_000
    assert all(own == sorted(own) for own in found)


def test_a_forked_process_mints_other_ids_that_are_greater_than_those_before_the_fork() -> None:
    before = new_ids(1000)
    status, said = in_child(lambda: "\n".join(new_ids(1000)))
    parents, childs = new_ids(1000), said.split("\n")

    assert status == 0
    assert len(childs) == 1000
    assert not set(parents) & set(childs)
    assert min(childs) > max(before)
    assert childs == sorted(childs)


def test_a_fork_while_another_thread_mints_does_not_lock_the_child() -> None:
    with ids._lock:
        status, said = in_child(new_id)

    assert (status, len(said)) == (0, 36)


def test_an_id_may_be_given_in_capitals_or_as_a_uuid() -> None:
    minted = new_id()

    assert parse_id(minted.upper()) == parse_id(uuid.UUID(minted)) == minted


@pytest.mark.parametrize("wrong", ["", "7", None, 5, "z" * 36, "{01900000-0000-7000-8000-000000000001}",
                                   "01900000-0000-7000-8000-000000000001\n", "01900000000070008000000000000001"])  # fmt: skip
def test_anything_else_is_no_id_and_the_message_shows_one(wrong: object) -> None:
    with pytest.raises(InvalidArgument, match=r"is not a job id: expected a UUID such as [0-9a-f-]{36}") as refusal:
        parse_id(wrong)
    assert isinstance(refusal.value, ValueError)


def test_people_see_the_end_of_an_id_since_the_beginning_is_a_clock() -> None:
    assert short("01900000-0000-7000-8000-0000deadbeef") == "deadbeef"
