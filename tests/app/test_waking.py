"""Who asks for a tick and when: one wake for many enqueues, successors for a backlog, alarms for what is due later."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.raw import Raw
from tickover import Budget, NewJob, Settings, Tickover
from tickover.engine.wake import Arrival, Note, Sender, WakeFailed

SOON, FAR = timedelta(minutes=5), timedelta(hours=6)


class Wakes:
    """A waker whose wakes cost something, and which remembers them."""

    precision = 0.0

    def __init__(self) -> None:
        self.sent: list[tuple[datetime | None, Note]] = []
        self.broken = False
        self.arrival: Arrival | None = None

    def wake(self, at: datetime | None) -> None:
        self.send(at, Note())

    def send(self, at: datetime | None, note: Note) -> Arrival | None:
        if self.broken:
            raise WakeFailed("the platform is down")
        self.sent.append((at, note))
        return None if at is None else self.arrival or Arrival(first=at, last=at)

    def reasons(self) -> list[str]:
        return [note.reason for _, note in self.sent]


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


@pytest.fixture
def app(migrated_url: str, wakes: Wakes) -> Iterator[Tickover]:
    with made(migrated_url, wakes, profile="zero-idle") as app:
        yield app


def made(url: str, wakes: Wakes, **settings: object) -> Tickover:
    app = Tickover(url, waker=wakes, settings=Settings(**settings))  # type: ignore[arg-type]  # each test names its own

    @app.job
    def work(n: int = 0) -> int:
        return n

    return app


def now() -> datetime:
    return datetime.now(UTC)


def test_a_sender_is_known_by_what_it_can_do(wakes: Wakes) -> None:
    assert isinstance(wakes, Sender)


class TestNudges:
    def test_many_enqueues_send_one_wake_until_a_tick_comes(self, app: Tickover, wakes: Wakes) -> None:
        for n in range(20):
            app.enqueue("work", n)
        assert wakes.reasons() == ["nudge"]

        assert app.tick(Budget(5)).completed == 20
        app.enqueue("work", 1)
        assert wakes.reasons().count("nudge") == 2

    def test_ten_thousand_in_one_transaction_send_one(self, app: Tickover, wakes: Wakes) -> None:
        from sqlalchemy.orm import Session

        with Session(app._core.database.engine()) as session:
            for _ in range(100):
                app.enqueue_many((NewJob("work", n) for n in range(100)), session=session)
            assert wakes.sent == []
            session.commit()
        assert wakes.reasons() == ["nudge"]

    def test_many_threads_at_once_send_one(self, app: Tickover, wakes: Wakes) -> None:
        start = threading.Barrier(8)

        def enqueue() -> None:
            start.wait()
            app.enqueue("work", 1)

        threads = [threading.Thread(target=enqueue) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wakes.reasons() == ["nudge"]

    def test_each_queue_has_its_own_mark_and_a_tick_clears_those_it_serves(self, app: Tickover, wakes: Wakes) -> None:
        app.enqueue("work", 1, queue="emails")
        app.enqueue("work", 1, queue="other")
        assert wakes.reasons() == ["nudge", "nudge"]

        app.tick(Budget(5), queues=["emails"])
        wakes.sent.clear()
        app.enqueue("work", 1, queue="other")
        assert wakes.sent == []
        app.enqueue("work", 1, queue="emails")
        assert wakes.reasons() == ["nudge"]

    def test_the_mark_is_gone_before_the_claim_is_sent(self, app: Tickover, wakes: Wakes, migrated_url: str) -> None:
        from tickover import faults

        app.enqueue("work", 1)
        late: list[str] = []

        def between(point: str) -> None:
            if point == "claim.before_send" and not late:
                late.append("")  # before the enqueue, which comes by here too
                with made(migrated_url, wakes) as other:
                    late[0] = other.enqueue("work", 2)

        faults.arm(between)
        try:
            app.tick(Budget(5))
        finally:
            faults.arm(None)
        assert late
        assert wakes.reasons().count("nudge") == 2

    def test_the_mark_of_a_lost_wake_goes_stale(self, app: Tickover, wakes: Wakes, migrated_url: str) -> None:
        app.enqueue("work", 1)
        with Raw(migrated_url) as raw:
            old = "nudged_at - 31000" if raw.dialect == "sqlite" else "nudged_at - interval '31 seconds'"
            raw.rows(f"UPDATE queues SET nudged_at = {old}")
        app.enqueue("work", 1)

        assert wakes.reasons() == ["nudge", "nudge"]

    def test_a_wake_that_could_not_be_sent_fails_no_enqueue_and_is_tried_with_the_next(
        self, app: Tickover, wakes: Wakes
    ) -> None:
        wakes.broken = True
        assert app.enqueue("work", 1)
        wakes.broken = False
        app.enqueue("work", 1)

        assert wakes.reasons() == ["nudge"]

    def test_wake_and_resume_send_one_whatever_is_on_its_way(self, app: Tickover, wakes: Wakes) -> None:
        app.enqueue("work", 1)
        app.wake()
        app.pause_queue("default")
        app.resume_queue("default")

        assert len(wakes.sent) == 3

    def test_the_reaper_leaves_the_mark_to_a_tick_that_claims(self, app: Tickover, wakes: Wakes) -> None:
        app.enqueue("work", 1)
        app.run_reaper(5)
        app.enqueue("work", 1)

        assert wakes.reasons() == ["nudge"]


class TestChains:
    def test_a_tick_that_leaves_a_backlog_asks_for_as_many_as_the_backlog_needs(
        self, app: Tickover, wakes: Wakes
    ) -> None:
        app.enqueue_many(NewJob("work", n) for n in range(25))
        wakes.sent.clear()
        report = app.tick(Budget(5, max_jobs=10))

        assert report.more
        assert [(note.reason, note.hops, note.parent) for at, note in wakes.sent if at is None] == [
            ("chain", 1, report.tick_id)
        ] * 2

    def test_not_more_than_the_fleet_may_have(self, migrated_url: str, wakes: Wakes) -> None:
        with made(migrated_url, wakes, max_ticks=3) as app:
            for n in range(40):
                app.enqueue("work", n)
            wakes.sent.clear()
            app.tick(Budget(5, max_jobs=2))
            assert wakes.reasons() == ["chain"] * 3

            app.tick(Budget(5, max_jobs=2))
            assert wakes.reasons() == ["chain"] * 3, "the allowance of this moment is used"

    def test_living_ticks_count(self, migrated_url: str, wakes: Wakes) -> None:
        with made(migrated_url, wakes, max_ticks=3) as app:
            for n in range(40):
                app.enqueue("work", n)
            wakes.sent.clear()
            with Raw(migrated_url) as raw:
                soon, when = ("1e15", "0") if raw.dialect == "sqlite" else ("now() + interval '1 hour'", "now()")
                started = "CAST(unixepoch() * 1000 AS INTEGER)" if raw.dialect == "sqlite" else when
                for n in range(2):
                    raw.rows(
                        "INSERT INTO ticks (id, trigger, cold, started_at, deadline_at) VALUES "
                        f"('0000000{n}-0000-7000-8000-000000000000', 'test', 0, {started}, {soon})"
                    )
            app.tick(Budget(5, max_jobs=2))
            assert wakes.reasons() == ["chain"]

    def test_a_paused_tick_never_chains(self, app: Tickover, wakes: Wakes) -> None:
        app.enqueue("work", 1)
        app.pause_ticks()
        wakes.sent.clear()
        app.tick(Budget(5))

        assert wakes.sent == []


class TestAlarms:
    def test_a_job_for_later_sets_one_and_a_later_one_finds_it(self, app: Tickover, wakes: Wakes) -> None:
        app.enqueue("work", 1, at=now() + SOON)
        app.enqueue("work", 1, at=now() + FAR)
        assert wakes.reasons() == ["alarm"]

        app.enqueue("work", 1, delay=60)
        assert wakes.reasons() == ["alarm", "alarm"], "the one that is set comes too late"

    def test_an_alarm_that_may_ring_after_the_time_is_not_believed(self, app: Tickover, wakes: Wakes) -> None:
        at = now() + SOON
        late = Arrival(first=at - timedelta(seconds=30), last=at + timedelta(seconds=30))
        wakes.arrival = late
        app.enqueue("work", 1, at=at)
        app.enqueue("work", 1, at=at)
        assert len(wakes.sent) == 2

        wakes.precision = 60.0
        app.enqueue("work", 1, at=at)
        assert len(wakes.sent) == 2, "unless no other would come sooner"

    def test_one_that_could_not_be_made_is_not_noted(self, app: Tickover, wakes: Wakes) -> None:
        wakes.broken = True
        app.enqueue("work", 1, at=now() + SOON)
        wakes.broken = False
        app.enqueue("work", 1, at=now() + SOON)

        assert wakes.reasons() == ["alarm"]

    def test_a_tick_sets_its_dead_mans_switch_before_its_first_job(self, app: Tickover, wakes: Wakes) -> None:
        seen: list[int] = []

        @app.job
        def look() -> None:
            seen.append(len(wakes.sent))

        look.enqueue()
        wakes.sent.clear()
        before = now()
        report = app.tick(Budget(20))

        assert seen == [1]
        at, note = wakes.sent[0]
        assert note.parent == report.tick_id
        assert at is not None
        assert abs((at - before).total_seconds() - 25) < 2, "its deadline and the grace"

    def test_an_empty_tick_sets_none_and_sends_two_statements(self, app: Tickover, wakes: Wakes) -> None:
        assert app.tick(Budget(5)).statements == 2
        assert wakes.sent == []

    def test_a_tick_that_ends_asks_to_be_woken_at_the_next_due_time(
        self, app: Tickover, wakes: Wakes, migrated_url: str
    ) -> None:
        app.enqueue("work", 1, at=now() + SOON)
        with Raw(migrated_url) as raw:
            raw.rows("DELETE FROM control")
        wakes.sent.clear()
        report = app.tick(Budget(5))

        ((at, note),) = wakes.sent
        assert at == report.next_due_at
        assert (note.reason, note.hops) == ("alarm", 1)

    def test_in_the_simple_profile_a_timer_is_the_alarm(self, migrated_url: str, wakes: Wakes) -> None:
        with made(migrated_url, wakes) as app:
            app.enqueue("work", 1, delay=60)
            app.tick(Budget(5))

        assert wakes.sent == []
