"""The reaper removes what is kept for no longer: only what is old, over and needed by nobody, in bounded batches."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.support.world import World, claim, decided, tick_id
from tickover import Context, Tickover, every
from tickover.app.audit import Note, write_note
from tickover.domain.ids import derived_id, new_id
from tickover.domain.outcome import Completed, Failed

DAY = 86_400.0


@pytest.fixture
def jobs(world: World) -> Tickover:
    world.log_is_whole = False  # what is removed from the log cannot be checked against it
    return world.app()


def end(world: World, outcome: Any, count: int = 1) -> list[str]:
    """Jobs that ended like this."""
    ids = world.add(count)
    store = world.store()
    held = claim(store, count).jobs
    assert len(store.settle([decided(job, outcome) for job in held], tick=tick_id())) == count
    return ids


def age(world: World, days: float) -> None:
    """So much time passes for everything that is stored; ids too begin with an older time."""
    seconds = -days * DAY
    for column in ("created_at", "run_at", "started_at", "finished_at", "lease_until"):
        world.raw.shift("jobs", column, seconds)
    for table, column in (("events", "at"), ("ticks", "started_at"), ("tick_stats", "minute"), ("fires", "fired_at"), ("idempotency", "expires_at"), ("audit", "at")):  # fmt: skip
        world.raw.shift(table, column, seconds)
    older = [
        {
            "old": str(job_id),
            "new": derived_id(int(str(job_id).replace("-", "")[:12], 16) + int(seconds * 1000) + n, job_id),
        }
        for n, (job_id,) in enumerate(world.raw.rows("SELECT id FROM jobs ORDER BY id"))
    ]
    for table, column in (
        ("jobs", "parent_id"), ("fan_outs", "parent_id"), ("jobs", "id"), ("job_data", "job_id"), ("checkpoints", "job_id"),
        ("idempotency", "job_id"), ("signals", "job_id"), ("callbacks", "job_id"), ("fires", "job_id"),
    ):  # fmt: skip
        world.raw.rows(
            f"UPDATE {table} SET {column} = m.new FROM {RENAMED[world.dialect]} WHERE {table}.{column} = m.old",
            map=json.dumps(older),
        )


#: What `age` gives for the jobs' ids, as a table.
RENAMED = {
    "sqlite": "(SELECT value ->> 'old' AS old, value ->> 'new' AS new FROM json_each(:map)) AS m",
    "postgresql": "json_to_recordset(CAST(:map AS json)) AS m (old uuid, new uuid)",
}


def states(world: World) -> list[str]:
    return [row[0] for row in world.raw.rows("SELECT state FROM jobs ORDER BY state")]


def add_child(world: World, parent: str, outcome: Any | None) -> str:
    """A fan-out child of this job, ended like this; None: it has not ended."""
    (child,) = world.add(1) if outcome is None else end(world, outcome)
    fan_out = new_id()
    now = "CAST(1000 * unixepoch() AS INTEGER)" if world.dialect == "sqlite" else "now()"
    world.raw.rows(
        f"INSERT INTO fan_outs (id, parent_id, generation, step_key, total, strategy, required, created_at) "
        f"VALUES (:id, :parent, 0, 'f', 1, 'collect_all', 0, {now})",
        id=fan_out, parent=parent,
    )  # fmt: skip
    world.raw.set(child, parent_id=parent, fan_out_id=fan_out, fan_out_index=0)
    return child


class TestJobs:
    def test_go_by_state_and_age(self, world: World, jobs: Tickover) -> None:
        end(world, Completed(None), 2)
        end(world, Failed("no", "Error", retry=False), 2)
        jobs.cancel(world.add_one())
        age(world, 6)
        assert "jobs" not in jobs.run_reaper(20).removed
        age(world, 2)
        assert jobs.run_reaper(20).removed["jobs"] == 2
        assert states(world) == ["cancelled", "failed", "failed"]
        age(world, 23)
        assert jobs.run_reaper(20).removed["jobs"] == 3
        assert world.raw.count("jobs") == world.raw.count("job_data") == 0

    def test_that_are_not_over_stay_for_ever(self, world: World, jobs: Tickover) -> None:
        world.running()
        world.add_one(delay=3000 * DAY)
        jobs.pause_job(world.add_one())
        age(world, 4000)
        jobs.run_reaper(20)
        assert len(states(world)) == 3

    def test_go_with_everything_of_theirs(self, world: World, jobs: Tickover) -> None:
        (job_id,) = end(world, Completed("1"))
        now = "CAST(1000 * unixepoch() AS INTEGER)" if world.dialect == "sqlite" else "now()"
        world.raw.rows(
            f"INSERT INTO checkpoints (job_id, generation, step_key, seq, kind, epoch, created_at) VALUES (:id, 0, 's', 1, 'step', 1, {now})",
            id=job_id,
        )
        world.raw.rows(
            f"INSERT INTO signals (job_id, name, message_id, created_at) VALUES (:id, 's', 'm', {now})", id=job_id
        )
        world.raw.rows(
            f"INSERT INTO callbacks (job_id, generation, step_key, key_id, created_at) VALUES (:id, 0, 'c', 'k', {now})",
            id=job_id,
        )
        world.raw.rows(
            f"INSERT INTO idempotency (tenant, key, job_id, expires_at) VALUES ('', 'k', :id, {now})", id=job_id
        )
        world.raw.shift("idempotency", "expires_at", 100 * DAY)
        add_child(world, job_id, Completed("2"))
        tables = ("jobs", "job_data", "checkpoints", "signals", "callbacks", "fan_outs", "idempotency")
        age(world, 8)

        assert jobs.run_reaper(20).removed["jobs"] == 2
        assert {table: world.raw.count(table) for table in tables} == dict.fromkeys(tables, 0)

    def test_a_purge_leaves_nothing_behind_either(self, world: World, jobs: Tickover) -> None:
        (job_id,) = end(world, Completed("1"))
        now = "CAST(1000 * unixepoch() AS INTEGER)" if world.dialect == "sqlite" else "now()"
        world.raw.rows(
            f"INSERT INTO signals (job_id, name, message_id, created_at) VALUES (:id, 's', 'm', {now})", id=job_id
        )
        add_child(world, job_id, Completed("2"))
        assert jobs.purge(state="completed", queue="default") == 2
        for table in ("jobs", "job_data", "signals", "fan_outs"):
            assert world.raw.count(table) == 0

    def test_a_child_stays_while_its_parent_may_collect_it(self, world: World, jobs: Tickover) -> None:
        parent = world.add_one(delay=3000 * DAY)
        child = add_child(world, parent, Completed("2"))
        assert world.raw.state(child) == "completed"
        age(world, 2000)
        assert "jobs" not in jobs.run_reaper(20).removed
        assert jobs.purge(state="completed", queue="default") == 0
        assert states(world) == ["completed", "pending"]

    def test_a_parent_stays_while_a_child_is_not_over(self, world: World, jobs: Tickover) -> None:
        (parent,) = end(world, Completed("1"))
        child = add_child(world, parent, None)
        first, last = "00000000-0000-0000-0000-000000000000", max(parent, child)
        ages = {"completed": 0.0, "failed": 0.0}

        assert world.store().call("retain", after=first, last=last, **ages) == []
        assert jobs.purge(state="completed", queue="default") == 0
        jobs.cancel(child)
        assert len(world.store().call("retain", after=first, last=last, **ages)) == 2

    def test_more_than_a_batch_goes_in_one_run_and_what_is_kept_is_passed_over(
        self, world: World, jobs: Tickover
    ) -> None:
        for _ in range(2):
            end(world, Failed("no", "Error", retry=False), 300)
            end(world, Completed(None), 400)
        age(world, 8)
        assert jobs.run_reaper(60).removed["jobs"] == 800
        assert jobs.run_reaper(60).removed == {}
        assert states(world) == ["failed"] * 600

    def test_a_short_budget_removes_a_part_and_the_next_run_the_rest(self, world: World, jobs: Tickover) -> None:
        end(world, Completed(None), 1200)
        age(world, 8)
        runs = 0
        while world.raw.count("jobs"):
            jobs.run_reaper(0.05)
            runs += 1
            assert runs < 200
        assert world.raw.count("job_data") == 0

    def test_a_drain_removes_nothing(self, world: World, jobs: Tickover) -> None:
        end(world, Completed(None))
        age(world, 4000)
        jobs.drain(5)
        assert states(world) == ["completed"]

    def test_settings_say_how_long(self, world: World) -> None:
        world.log_is_whole = False
        end(world, Completed(None))
        eager = world.app(retain_completed=0, retain_events=0)
        removed = eager.run_reaper(20).removed
        assert (removed["jobs"], world.raw.count("events")) == (1, 0)


class TestTheRest:
    def test_events_ticks_and_roll_ups_go_by_age(self, world: World, jobs: Tickover) -> None:
        @jobs.job
        def work() -> None: ...

        work.enqueue()
        jobs.tick(5)
        age(world, 4)
        assert jobs.run_reaper(20).removed == {"events": 3}
        age(world, 4)
        removed = jobs.run_reaper(20).removed
        assert removed == {"jobs": 1, "ticks": 1, "tick_stats": 1}

    def test_the_audit_log_stays_for_a_year(self, world: World, jobs: Tickover) -> None:
        jobs._core.do(lambda store: write_note(store, Note(who="ann", action="Pause queue")))
        age(world, 360)
        assert "audit" not in jobs.run_reaper(20).removed
        age(world, 6)
        assert jobs.run_reaper(20).removed == {"audit": 1}

    def test_a_younger_event_stays_behind_older_ones(self, world: World, jobs: Tickover) -> None:
        world.add(600)
        world.raw.shift("events", "at", -4 * DAY)
        last = world.add_one()
        assert jobs.run_reaper(20).removed == {"events": 600}
        assert [event.job_id for event in jobs.events()] == [last]

    def test_idempotency_keys_go_when_their_window_is_over(self, world: World, jobs: Tickover) -> None:
        world.add_one(idempotency_key="short", idempotency_ttl=60)
        world.add_one(idempotency_key="long", idempotency_ttl=10 * DAY)
        world.raw.shift("idempotency", "expires_at", -DAY)
        assert jobs.run_reaper(20).removed == {"idempotency": 1}
        assert world.raw.one("SELECT key FROM idempotency") == "long"

    def test_callbacks_go_when_they_expired_and_their_job_is_over(self, world: World, jobs: Tickover) -> None:
        (over,), live = end(world, Completed(None)), world.add_one()
        now = (
            "CAST(1000 * unixepoch() AS INTEGER) - 1000" if world.dialect == "sqlite" else "now() - interval '1 second'"
        )
        for job_id in (over, live):
            world.raw.rows(
                f"INSERT INTO callbacks (job_id, generation, step_key, key_id, created_at, expires_at) VALUES (:id, 0, 'c', 'k', {now}, {now})",
                id=job_id,
            )
        assert jobs.run_reaper(20).removed == {"callbacks": 1}
        assert str(world.raw.one("SELECT job_id FROM callbacks")) == live

    def test_checkpoints_of_older_generations_go(self, world: World, jobs: Tickover) -> None:
        (job_id,) = end(world, Failed("no", "Error", retry=False))
        now = "CAST(1000 * unixepoch() AS INTEGER)" if world.dialect == "sqlite" else "now()"
        insert = f"INSERT INTO checkpoints (job_id, generation, step_key, seq, kind, epoch, created_at) VALUES (:id, :g, 's', 1, 'step', 1, {now})"
        world.raw.rows(insert, id=job_id, g=0)
        jobs.retry(job_id, fresh=True)
        world.raw.rows(insert, id=job_id, g=1)
        assert jobs.run_reaper(20).removed == {"generations": 1}
        assert world.raw.one("SELECT generation FROM checkpoints") == 1

    def test_fires_go_when_their_job_is_over_and_a_slot_never_fires_again(self, world: World, jobs: Tickover) -> None:
        @jobs.job
        def work() -> None: ...

        jobs.schedule(work, every(days=365))
        jobs.run_scheduler(5)
        world.raw.shift("schedules", "next_slot", -365 * DAY)
        assert jobs.run_scheduler(5).fired == 1
        world.raw.shift("fires", "fired_at", -40 * DAY)
        assert "fires" not in jobs.run_reaper(20).removed
        jobs.tick(5)
        assert jobs.run_reaper(20).removed["fires"] == 1
        assert jobs.run_scheduler(5).fired == 0

    def test_durations_are_folded_from_ticks_once_and_go_when_nobody_runs_the_step(
        self, world: World, jobs: Tickover
    ) -> None:
        @jobs.job
        def work(ctx: Context) -> None:
            ctx.step("look", len, "abc")

        for _ in range(3):
            work.enqueue()
            jobs.tick(5)
        assert world.raw.count("ticks", "durations IS NOT NULL") == 3
        jobs.run_reaper(20)
        work.enqueue()
        jobs.tick(5)
        jobs.run_reaper(20)

        ((kind, step, histogram),) = world.raw.rows("SELECT kind, step, histogram FROM durations")
        assert (kind, step, sum(json.loads(histogram).values())) == ("work", "look", 4)
        assert world.raw.count("ticks", "durations IS NOT NULL") == 0
        world.raw.shift("durations", "updated_at", -40 * DAY)
        assert jobs.run_reaper(20).removed["durations"] == 1

    def test_several_reapers_at_once_remove_each_row_once(self, world: World, jobs: Tickover) -> None:
        end(world, Completed(None), 1500)
        age(world, 8)
        removed: list[int] = []
        apps = [world.app() for _ in range(3)]
        threads = [
            threading.Thread(target=lambda app=app: removed.append(app.run_reaper(30).removed.get("jobs", 0)))
            for app in apps
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sum(removed) == 1500
        assert world.raw.count("jobs") == 0
