"""The event log: a cursor that loses nothing, whoever commits when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.raw import Raw
from tests.support.world import World, claim, settle
from tickover import events
from tickover.domain.ids import new_id
from tickover.domain.outcome import Completed, Failed
from tickover.errors import InvalidArgument


class TestReadingEvents:
    def test_tells_the_whole_life_of_a_job_in_order(self, world: World) -> None:
        store, job = world.running(queue="mail")
        settle(store, job, Failed("no", "E", delay=0.0))
        (again,) = claim(store, 1).jobs
        settle(store, again, Completed(None))

        told = list(world.jobs.events(job_id=job.id))

        assert [type(event) for event in told] == [
            events.JobEnqueued, events.JobStarted, events.JobRetrying, events.JobStarted, events.JobCompleted,
        ]  # fmt: skip
        assert [event.attempt for event in told] == [None, 1, 1, 2, 2]
        assert {(event.job_id, event.kind, event.queue) for event in told} == {(job.id, "work", "mail")}
        retrying, completed = told[2], told[4]
        assert isinstance(retrying, events.JobRetrying)
        assert isinstance(completed, events.JobCompleted)
        assert retrying.error == "no"
        assert retrying.run_at is not None
        assert abs((retrying.run_at - datetime.now(UTC)).total_seconds()) < 5
        assert completed.duration == 0.25

    def test_goes_on_behind_any_event_that_was_seen(self, world: World) -> None:
        world.add(5)
        claim(world.store(), 5)
        whole = list(world.jobs.events())

        for index, event in enumerate(whole):
            assert list(world.jobs.events(after=event.seq)) == whole[index + 1 :]

    def test_of_more_than_one_page_is_whole(self, world: World) -> None:
        added = world.add(1201)

        assert [event.job_id for event in world.jobs.events()] == added

    def test_behind_the_last_one_is_empty_and_goes_on_later(self, world: World) -> None:
        world.add(1)
        (first,) = world.jobs.events()
        assert list(world.jobs.events(after=first.seq)) == []

        later = world.add(1)

        assert [event.job_id for event in world.jobs.events(after=first.seq)] == later

    @pytest.mark.parametrize("after", [-1, 1.5, True, "3"])
    def test_takes_no_other_cursor(self, world: World, after: int) -> None:
        with pytest.raises(InvalidArgument, match="after="):
            world.jobs.events(after=after)

    def test_of_a_newer_code_is_read_as_a_plain_event(self, world: World) -> None:
        at = "1" if world.dialect == "sqlite" else "now()"
        world.raw.rows(f"INSERT INTO events (at, type, data) VALUES ({at}, 'FromTheFuture', '{{\"x\":1}}')")

        (event,) = world.jobs.events()

        assert type(event) is events.Event

    def test_of_failures_only_is_what_that_setting_writes(self, world: World) -> None:
        world.log_is_whole = False
        quiet, silent = world.app(events="failures"), world.app(events="none")
        for app in (quiet, silent):
            app.enqueue("unknown", remote=True)
            app.pause_queue("q")
            app.resume_queue("q")
        store, mute = world.store(log="failures"), world.store(log="none")

        for using in (store, mute):
            job = claim(using, 1).jobs[0]
            settle(using, job, Failed("no", "E", retry=False))

        assert [type(event) for event in world.jobs.events()] == [events.JobFailed]


def test_a_cursor_beyond_the_end_waits_for_what_comes_behind_it(world: World) -> None:
    world.add(1)
    end = max(event.seq for event in world.jobs.events())

    assert [list(world.jobs.events(after=end + more)) for more in (0, 1, 1000)] == [[], [], []]
    world.add(1)
    assert [event.seq for event in world.jobs.events(after=end)] == [end + 1]
    assert list(world.jobs.events(after=end + 1000)) == []


@pytest.mark.parametrize("dialect", ["postgresql"])
class TestAnEventOfATransactionThatCommitsLate:
    """Numbers are drawn before commits: the event with the lower number may become visible later."""

    def test_is_not_lost(self, world: World) -> None:
        with Raw(world.url) as slow:
            slow.rows("BEGIN")
            late = _tell(slow)
            early = _tell(world.raw)
            assert late < early
            assert _visible(world) == [early], "a cursor on the number alone would go past the one that comes late"

            assert list(world.jobs.events()) == [], "what could still be overtaken is not told yet"
            slow.rows("COMMIT")

        assert [event.seq for event in world.jobs.events()] == [late, early]

    def test_is_not_lost_to_a_reader_that_is_already_behind_the_others(self, world: World) -> None:
        first = _tell(world.raw)
        with Raw(world.url) as slow:
            slow.rows("BEGIN")
            slow.rows("SELECT pg_current_xact_id()")
            second = _tell(world.raw)
            seen = [event.seq for event in world.jobs.events()]
            late = _tell(slow)
            slow.rows("COMMIT")
        assert seen == [first]

        rest = [event.seq for event in world.jobs.events(after=first)]

        assert sorted(rest) == sorted([second, late])
        assert [event.seq for event in world.jobs.events()] == [first, *rest], "one order for every reader"

    def test_that_rolls_back_leaves_nothing_behind(self, world: World) -> None:
        with Raw(world.url) as slow:
            slow.rows("BEGIN")
            _tell(slow)
            early = _tell(world.raw)
            slow.rows("ROLLBACK")

        assert [event.seq for event in world.jobs.events()] == [early]


def _tell(raw: Raw) -> int:
    return int(
        raw.one("INSERT INTO events (at, type, queue) VALUES (now(), 'QueuePaused', :q) RETURNING seq", q=new_id())
    )


def _visible(world: World) -> list[int]:
    return [row[0] for row in world.raw.rows("SELECT seq FROM events ORDER BY seq")]
