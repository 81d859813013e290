"""The scheduler fires each slot once: what is missed, what overlaps, what changes, and what goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.process import until
from tests.support.world import World, claim
from tickover import Context, DuplicateJob, NewJob, ScheduleView, Tickover, cron, daily, every
from tickover import events as told
from tickover.clock import FrozenClock
from tickover.codec import AesGcmCodec
from tickover.domain.schedule import Schedule
from tickover.errors import InvalidTransition, PayloadError, ScheduleError

DAY = 86_400.0


def far() -> Schedule:
    """A daily slot that is about twelve hours away, so that no test meets it."""
    return daily((datetime.now(UTC) + timedelta(hours=12)).hour)


def let_pass(world: World, slots: int, name: str = "work") -> None:
    """So many slots of a daily schedule have passed, the last one half a day ago."""
    world.raw.shift("schedules", "next_slot", -slots * DAY, "name = :name", name=name)


def fires(world: World, name: str = "work") -> list[tuple[str, str | None]]:
    """What became of each slot, in order."""
    rows = world.raw.rows("SELECT outcome, reason FROM fires WHERE schedule = :name ORDER BY slot", name=name)
    return [(row[0], row[1]) for row in rows]


def decided(world: World) -> list[tuple[str, str | None]]:
    """The same, without slots that were missed while nothing ran."""
    return [(outcome, reason) for outcome, reason in fires(world) if not str(reason).startswith("missed")]


def decide_two(world: World, jobs: Tickover) -> None:
    """Two slots of a dense schedule come and are decided, one after the other."""

    def one_more() -> bool:
        jobs.run_scheduler(10)
        return len(decided(world)) > count

    for _ in range(2):
        count = len(decided(world))
        until(one_more, "a slot is decided")


def view(jobs: Tickover, name: str = "work") -> ScheduleView:
    (found,) = [one for one in jobs.schedules() if one.name == name]
    return found


def declare(jobs: Tickover, when: Schedule | None = None, **options: Any) -> None:
    """A schedule `work`, stored."""
    jobs.schedule(NewJob("work", 1, remote=True), when or far(), **options)
    jobs.run_scheduler(10)


class TestFiring:
    def test_the_first_deployment_fires_nothing(self, world: World, jobs: Tickover) -> None:
        declare(jobs, every(minutes=1))

        report = jobs.run_scheduler(10)

        assert (report.fired, report.more) == (0, False)
        assert report.next_due_at == view(jobs).next_at
        assert world.raw.count("jobs") == world.raw.count("fires") == 0
        assert view(jobs).last_at is None

    def test_a_due_slot_is_one_job_that_knows_its_slot(self, world: World, jobs: Tickover) -> None:
        slots: list[datetime | None] = []

        @jobs.job
        def work(ctx: Context) -> None:
            slots.append(ctx.slot)

        jobs.schedule(work, far())
        jobs.run_scheduler(10)
        let_pass(world, 1)

        assert jobs.run_scheduler(10).fired == 1
        assert jobs.run_scheduler(10).fired == 0
        jobs.tick(5)
        assert slots == [view(jobs).next_at - timedelta(days=1)]  # type: ignore[operator]  # it has one
        assert (world.raw.now() - view(jobs).last_at).total_seconds() < 60  # type: ignore[operator]  # it fired

    def test_every_option_and_the_payload_reach_the_job(self, world: World, jobs: Tickover) -> None:
        @jobs.job(timeout=30, max_crashes=2)
        def report(region: str, deep: bool = False) -> None: ...

        jobs.schedule(
            report.using(queue="reports").new("eu", deep=True), far(), name="work", priority=7, retries=1, tenant="acme",
            meta={"by": "plan"}, unique="one", idempotency_key="k", idempotency_ttl=60, delay=5, determinism="strict",
        )  # fmt: skip
        jobs.run_scheduler(10)
        let_pass(world, 1)
        jobs.run_scheduler(10)

        (job,) = jobs.find()
        row = world.raw.job(job.id)
        assert (job.kind, job.queue, job.priority, job.tenant, job.meta) == (
            "report",
            "reports",
            7,
            "acme",
            {"by": "plan"},
        )
        assert (job.payload, job.unique_key) == ({"region": "eu", "deep": True}, "one")
        assert (row["max_retries"], row["max_crashes"], row["timeout_ms"], row["determinism"]) == (
            1,
            2,
            30_000,
            "strict",
        )
        assert 4 < (job.run_at - job.created_at).total_seconds() < 6
        assert world.raw.count("idempotency", "key = 'k'") == 1

    def test_middleware_sees_the_jobs_of_schedules(self, world: World, jobs: Tickover) -> None:
        @jobs.enqueue_middleware
        def stamp(new: NewJob[Any]) -> NewJob[Any]:
            return new.using(tenant="stamped")

        declare(jobs)
        let_pass(world, 1)
        jobs.run_scheduler(10)

        assert [job.tenant for job in jobs.find()] == ["stamped"]

    def test_a_fire_is_told_after_its_enqueue(self, world: World, jobs: Tickover) -> None:
        declare(jobs)
        let_pass(world, 1)
        jobs.run_scheduler(10)

        first, second = jobs.events()
        assert isinstance(first, told.JobEnqueued)
        assert isinstance(second, told.ScheduleFired)
        assert (second.name, second.kind, second.job_id) == ("work", "work", jobs.find()[0].id)

    def test_with_a_codec_the_payload_of_a_schedule_is_sealed(self, world: World) -> None:
        sealed = AesGcmCodec(keys={"k": b"1" * 32}, active="k")
        with Tickover(world.url, codec=sealed) as jobs:
            jobs.schedule(NewJob("work", "secret", remote=True), far())
            jobs.run_scheduler(10)
            assert "secret" not in str(world.raw.rows("SELECT * FROM schedules"))
            assert (
                jobs.run_scheduler(10).statements == 1
            )  # what is declared is what is stored, though no two seals agree
            let_pass(world, 1)
            assert jobs.run_scheduler(10).fired == 1
            assert [job.payload for job in jobs.find()] == ["secret"]

    def test_several_schedules_of_one_kind_fire_apart(self, world: World, jobs: Tickover) -> None:
        for name in ("eu", "us"):
            jobs.schedule(NewJob("work", name, remote=True), far(), name=name)
        jobs.run_scheduler(10)
        let_pass(world, 1, "us")

        assert jobs.run_scheduler(10).fired == 1
        assert [job.payload for job in jobs.find()] == ["us"]

    def test_a_held_unique_key_is_a_slot_that_did_not_fire(self, world: World, jobs: Tickover) -> None:
        declare(jobs, every(0.05), unique="one")
        decide_two(world, jobs)

        (job,) = jobs.find()
        assert decided(world) == [
            ("fired", None),
            ("omitted", f"its unique or idempotency key belongs to job {job.id}"),
        ]
        assert view(jobs).last_at is not None

    def test_many_at_once_fire_each_slot_once(self, world: World) -> None:
        apps = [world.app() for _ in range(5)]
        for app in apps:
            for number in range(10):
                app.schedule(NewJob("work", number, remote=True), far(), name=f"s{number}")
        apps[0].run_scheduler(10)
        for number in range(10):
            let_pass(world, 1, f"s{number}")
        start, counts = threading.Barrier(5), []

        def race(app: Tickover) -> None:
            start.wait(10)
            counts.append(app.run_scheduler(20).fired)

        threads = [threading.Thread(target=race, args=(app,)) for app in apps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert sum(counts) == 10
        assert sorted(job.payload for job in apps[0].find()) == list(range(10))

    def test_dying_before_the_commit_fires_nothing_and_after_it_once(
        self, world: World, jobs: Tickover, fault: Callable[[str, Callable[[], None]], None]
    ) -> None:
        def die() -> None:
            raise KeyboardInterrupt

        declare(jobs)
        let_pass(world, 1)
        fault("scheduler.after_gate", die)
        with pytest.raises(KeyboardInterrupt):
            jobs.run_scheduler(10)
        assert world.raw.count("jobs") == world.raw.count("fires") == 0

        fault("scheduler.after_commit", die)
        with pytest.raises(KeyboardInterrupt):
            jobs.run_scheduler(10)
        assert jobs.run_scheduler(10).fired == 0
        assert world.raw.count("jobs") == 1

    @pytest.mark.parametrize("dialect", ["postgresql"])
    @pytest.mark.parametrize("hours", [-1, 1])
    def test_a_host_clock_that_is_an_hour_off_changes_nothing_on_postgresql(
        self, world: World, jobs: Tickover, hours: int
    ) -> None:
        jobs._core.clock = FrozenClock(world.raw.now() + timedelta(hours=hours))
        declare(jobs, every(hours=24), catch_up="skip")
        assert jobs.run_scheduler(10).fired == 0
        assert view(jobs).next_at == every(hours=24).next(world.raw.now())

        world.raw.rows("UPDATE schedules SET next_slot = now() + interval '30 minutes'")
        assert jobs.run_scheduler(10).fired == 0
        world.raw.rows("UPDATE schedules SET next_slot = date_trunc('milliseconds', now()) - interval '1 second'")
        assert jobs.run_scheduler(10).fired == 1
        assert view(jobs).next_at == every(hours=24).next(world.raw.now())


class TestWhatWasMissed:
    def test_ten_missed_slots_are_one_fire_by_default(self, world: World, jobs: Tickover) -> None:
        declare(jobs)
        let_pass(world, 10)

        assert jobs.run_scheduler(10).fired == 1
        assert jobs.run_scheduler(10).fired == 0
        assert fires(world) == [("omitted", "missed; catch_up is latest")] * 9 + [("fired", None)]
        assert view(jobs).next_at > world.raw.now()  # type: ignore[operator]  # it has one

    def test_skip_fires_none_of_them(self, world: World, jobs: Tickover) -> None:
        declare(jobs, catch_up="skip")
        let_pass(world, 10)

        assert jobs.run_scheduler(10).fired == 0
        assert fires(world) == [("omitted", "missed; catch_up is skip")] * 10

    def test_skip_fires_a_slot_that_is_only_as_late_as_a_timer(self, world: World, jobs: Tickover) -> None:
        declare(jobs, every(minutes=1), catch_up="skip")
        world.raw.shift("schedules", "next_slot", -600)

        assert jobs.run_scheduler(10).fired == 1
        assert [outcome for outcome, _ in fires(world)] == ["omitted"] * 9 + ["fired"]

    def test_a_number_fires_so_many_of_the_newest_in_order(self, world: World, jobs: Tickover) -> None:
        declare(jobs, catch_up=3)
        let_pass(world, 10)

        assert jobs.run_scheduler(10).fired == 3
        assert [outcome for outcome, _ in fires(world)] == ["omitted"] * 7 + ["fired"] * 3
        slots = [world.raw.one("SELECT slot FROM jobs WHERE id = :id", id=job.id) for job in jobs.find()]
        assert slots == sorted(slots, reverse=True)

    def test_a_dense_schedule_missed_for_years_is_decided_at_once(self, world: World, jobs: Tickover) -> None:
        declare(jobs, every(0.001))
        world.raw.shift("schedules", "next_slot", -3 * 365 * DAY)

        report = jobs.run_scheduler(10)

        assert report.fired == 1
        assert report.seconds < 5
        assert world.raw.count("fires") == 102
        assert "until" in (fires(world)[0][1] or "")


class TestOverlap:
    def test_skip_omits_a_slot_while_an_earlier_job_is_not_over(self, world: World, jobs: Tickover) -> None:
        declare(jobs, every(0.05), overlap="skip")
        decide_two(world, jobs)
        assert decided(world)[1] == ("omitted", "overlap is skip, and the job of an earlier slot is not over")
        assert world.raw.count("jobs") == 1

        jobs.cancel(jobs.find()[0].id)
        decide_two(world, jobs)
        assert [outcome for outcome, _ in decided(world)] == ["fired", "omitted", "fired", "omitted"]

    def test_queue_one_lets_one_wait_behind_the_one_that_runs(self, world: World, jobs: Tickover) -> None:
        declare(jobs, every(0.05), overlap="queue_one")
        decide_two(world, jobs)
        assert [outcome for outcome, _ in decided(world)] == ["fired", "omitted"]

        claim(world.store(), 1)
        decide_two(world, jobs)
        assert [outcome for outcome, _ in decided(world)] == ["fired", "omitted", "fired", "omitted"]
        claim(world.store(), 1)
        decide_two(world, jobs)
        assert world.raw.count("jobs") == 2

    def test_allow_fires_beside_them(self, world: World, jobs: Tickover) -> None:
        declare(jobs, every(0.05))
        decide_two(world, jobs)
        assert world.raw.count("jobs") == 2

    def test_policies_hold_within_one_catch_up_too(self, world: World, jobs: Tickover) -> None:
        declare(jobs, overlap="skip", catch_up=5)
        let_pass(world, 5)
        assert jobs.run_scheduler(10).fired == 1


class TestPausing:
    def test_a_paused_schedule_does_not_fire_and_its_slots_are_omitted(self, world: World, jobs: Tickover) -> None:
        declare(jobs)
        jobs.pause_schedule("work")
        let_pass(world, 3)

        assert jobs.run_scheduler(10).fired == 0
        assert view(jobs).paused
        jobs.resume_schedule("work")
        assert jobs.run_scheduler(10).fired == 0
        ((outcome, reason),) = fires(world)
        assert (outcome, str(reason)[:23]) == ("omitted", "the schedule was paused")
        let_pass(world, 1)
        world.raw.shift("fires", "slot", -5 * DAY)
        assert jobs.run_scheduler(10).fired == 1

    def test_doubled_pauses_and_resumes_are_refused(self, jobs: Tickover) -> None:
        declare(jobs)
        with pytest.raises(InvalidTransition, match="not paused"):
            jobs.resume_schedule("work")
        jobs.pause_schedule("work")
        with pytest.raises(InvalidTransition, match="paused already"):
            jobs.pause_schedule("work")

    def test_a_schedule_that_was_never_stored_can_be_paused(self, jobs: Tickover) -> None:
        jobs.schedule(NewJob("work", 1, remote=True), every(minutes=1))
        jobs.pause_schedule("work")
        assert view(jobs).paused

    @pytest.mark.parametrize("verb", ["pause_schedule", "resume_schedule", "run_now", "unschedule"])
    def test_an_unknown_name_is_told_with_the_nearest(self, jobs: Tickover, verb: str) -> None:
        declare(jobs)
        with pytest.raises(ScheduleError, match="There is no schedule 'wrok'. Did you mean 'work'"):
            getattr(jobs, verb)("wrok")


class TestByHand:
    def test_run_now_writes_a_job_and_leaves_the_slots(self, world: World, jobs: Tickover) -> None:
        declare(jobs)
        before = view(jobs).next_at

        ids = [jobs.run_now("work") for _ in range(3)]

        assert [job.id for job in jobs.find()] == ids[::-1]
        assert view(jobs).next_at == before
        assert view(jobs).last_at is not None
        assert [reason for _, reason in fires(world)] == ["run by hand"] * 3

    def test_a_held_key_refuses_it_and_nothing_is_left_of_it(self, world: World, jobs: Tickover) -> None:
        declare(jobs, unique="one")
        jobs.run_now("work")
        with pytest.raises(DuplicateJob):
            jobs.run_now("work")
        assert world.raw.count("fires") == world.raw.count("jobs") == 1

    def test_unschedule_removes_it_and_a_slot_still_fires_once(self, world: World, jobs: Tickover) -> None:
        declare(jobs)
        let_pass(world, 1)
        jobs.run_scheduler(10)
        jobs.unschedule("work")
        assert jobs.schedules() == []

        declare(jobs)
        let_pass(world, 1)
        assert jobs.run_scheduler(10).fired == 0
        assert world.raw.count("jobs") == 1


class TestChangedCode:
    def test_a_changed_spec_has_a_new_next_slot_and_fires_nothing(self, world: World, jobs: Tickover) -> None:
        declare(jobs)
        let_pass(world, 5)
        newer = world.app()
        declare(newer, cron("0 0 1 1 *"))

        assert world.raw.count("jobs") == 0
        assert view(newer).next_at == cron("0 0 1 1 *").next(world.raw.now())
        assert view(newer).spec == "cron 0 0 1 1 * UTC"

    def test_other_options_keep_the_slot(self, world: World, jobs: Tickover) -> None:
        declare(jobs)
        let_pass(world, 1)
        newer = world.app()
        newer.schedule(NewJob("work", 2, remote=True), far(), overlap="skip")

        assert newer.run_scheduler(10).fired == 1
        assert [job.payload for job in newer.find()] == [2]

    def test_older_code_does_not_take_a_schedule_back_while_newer_code_runs(self, world: World) -> None:
        newer, older = world.app(code_version="1.10"), world.app(code_version="1.9")
        declare(newer, every(hours=1))
        declare(older, every(hours=2))
        assert view(older).spec == "every 3600s"

        world.raw.shift("schedules", "seen_at", -2 * 3600)
        older.run_scheduler(10)
        assert view(older).spec == "every 7200s"

    def test_a_schedule_that_left_the_code_is_kept_shown_and_silent(self, world: World, jobs: Tickover) -> None:
        declare(jobs)
        newer = world.app()
        newer.schedule(NewJob("work", 1, remote=True), far(), name="other")
        let_pass(world, 1)

        assert newer.run_scheduler(10).fired == 0
        assert [(one.name, one.orphaned) for one in newer.schedules()] == [("other", False), ("work", True)]
        newer.unschedule("work")
        assert [one.name for one in newer.schedules()] == ["other"]

    def test_an_application_without_code_calls_nothing_orphaned_that_is_declared_today(
        self, world: World, jobs: Tickover
    ) -> None:
        declare(jobs)
        bare = world.app()
        assert not view(bare).orphaned
        world.raw.shift("schedules", "seen_at", -2 * DAY)
        assert view(bare).orphaned

    def test_words_of_newer_code_are_shown_and_stop_nobody(self, world: World, jobs: Tickover) -> None:
        declare(jobs, name="a")
        declare(jobs, name="work")
        world.raw.rows("UPDATE schedules SET spec = 'lunar new moon', code_version = '9' WHERE name = 'a'")
        for name in ("a", "work"):
            let_pass(world, 1, name)

        with pytest.raises(ScheduleError, match="lunar"):
            jobs.run_scheduler(10)
        assert [job.payload for job in jobs.find()] == [1]
        assert view(jobs, "a").spec == "lunar new moon"


class TestWhatCannotFire:
    def test_an_unknown_kind_is_an_error_of_the_scheduler_and_stops_no_other(
        self, world: World, jobs: Tickover
    ) -> None:
        jobs.schedule("wrok", every(minutes=1))
        jobs.schedule(NewJob("work", 1, remote=True), far())
        with pytest.raises(ScheduleError, match="'wrok' cannot fire: No handler is registered under 'wrok'"):
            jobs.run_scheduler(10)
        let_pass(world, 1)
        with pytest.raises(ScheduleError):
            jobs.run_scheduler(10)
        assert [job.kind for job in jobs.find()] == ["work"]

    def test_a_payload_that_does_not_fit_is_one_too(self, jobs: Tickover) -> None:
        @jobs.job
        def report(region: str) -> None: ...

        jobs.schedule("report", every(minutes=1), 5)
        with pytest.raises(ScheduleError, match="refuses"):
            jobs.run_scheduler(10)
        with pytest.raises(PayloadError):
            jobs.schedule(report, every(minutes=1), name="r2")  # type: ignore[arg-type]  # it takes a payload

    def test_a_drain_runs_the_jobs_and_then_raises(self, jobs: Tickover) -> None:
        @jobs.job
        def work() -> None: ...

        job_id = work.enqueue()
        jobs.schedule("wrok", every(minutes=1))
        with pytest.raises(ScheduleError):
            jobs.drain(5)
        assert jobs.get(job_id).state == "completed"

    @pytest.mark.parametrize(
        ("arguments", "options", "said"),
        [
            (("work", "0 * * * *"), {}, "recurs by"),
            (("work", every(1)), {"name": "no spaces"}, "schedule name"),
            (("work", every(1)), {"catch_up": "all"}, "catch_up="),
            (("work", every(1)), {"catch_up": 0}, "catch_up="),
            (("work", every(1)), {"overlap": "never"}, "overlap="),
            (("work", every(1)), {"at": datetime(2090, 1, 1, tzinfo=UTC)}, "leave at= out"),
            (("work", every(1)), {"colour": "red"}, "no option colour"),
            (("work", cron("0 0 30 2 *")), {}, "never comes"),
            ((5, every(1)), {}, "takes a handler"),
        ],
    )
    def test_what_cannot_be_declared_says_why(
        self, jobs: Tickover, arguments: tuple[Any, ...], options: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(Exception, match=said) as refused:
            jobs.schedule(*arguments, **options)
        assert type(refused.value).__module__ == "tickover.errors"
        assert jobs.schedules() == []

    def test_a_name_is_declared_once(self, jobs: Tickover) -> None:
        jobs.schedule("work", every(1))
        with pytest.raises(ScheduleError, match="name= of its own"):
            jobs.schedule("work", every(1))


class TestViews:
    def test_a_declared_schedule_is_shown_before_it_is_stored(self, jobs: Tickover) -> None:
        jobs.schedule("work", daily(2, 30, tz="Europe/Berlin"))
        shown = view(jobs)
        assert (shown.spec, shown.tz, shown.kind) == ("daily 02:30 Europe/Berlin", "Europe/Berlin", "work")
        assert shown.next_at is not None
        assert shown.next_at == daily(2, 30, tz="Europe/Berlin").next(shown.next_at - timedelta(hours=1))
        assert (shown.last_at, shown.overdue, shown.paused, shown.orphaned) == (None, 0, False, False)

    def test_overdue_counts_what_should_have_fired_but_never_for_one_that_never_did(
        self, world: World, jobs: Tickover
    ) -> None:
        declare(jobs)
        let_pass(world, 3)
        assert view(jobs).overdue == 0
        jobs.run_scheduler(10)
        let_pass(world, 3)
        assert view(jobs).overdue == 3
        assert view(jobs).next_at > world.raw.now()  # type: ignore[operator]  # it has one

    def test_health_names_what_is_overdue_by_how_many_slots(self, world: World, jobs: Tickover) -> None:
        declare(jobs)
        let_pass(world, 1)
        assert jobs.health().ok
        jobs.run_scheduler(10)
        let_pass(world, 3)

        health = jobs.health()
        assert (health.ok, health.facts["overdue_schedules"]) == (False, {"work": 3})
        assert health.problems == ("Schedule 'work' is overdue by 3 slots: no scheduler fires it.",)
        assert jobs.health(patience=86400 * 10).ok
        jobs.pause_schedule("work")
        assert jobs.health().ok


def test_a_drain_fires_what_is_due_and_does_not_wait_for_the_next_slot(world: World, jobs: Tickover) -> None:
    runs: list[int] = []

    @jobs.job
    def work() -> None:
        runs.append(1)

    jobs.schedule(work, every(minutes=1))
    assert jobs.drain(30).fired == 0
    world.raw.shift("schedules", "next_slot", -60)
    report = jobs.drain(30)

    assert (report.fired, runs, report.seconds < 10) == (1, [1], True)
    assert report.next_due_at == view(jobs).next_at
