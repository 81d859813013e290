"""Plans with real sets in them: a full flush, a beat of many, named queues, many queues, waiters, purges."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.plans import CLAIM, HOT, fill, only_postgres, only_sqlite, plan, touched
from tests.support.raw import Raw
from tests.support.world import claim, tick_id
from tickover.domain.decide import decide
from tickover.domain.ids import new_ids
from tickover.domain.outcome import Completed
from tickover.store.settle_rows import parcel
from tickover.store.sql_store import SqlStore
from tickover.store.verbs import verb


@only_postgres
class TestAClaim:
    def test_of_named_queues_does_not_walk_the_backlog_of_the_others(self, raw: Raw, migrated_url: str) -> None:
        fill(raw, 30_000, queue="flood")
        fill(raw, 20, queue="mail")
        raw.rows("ANALYZE jobs")

        for queues in ('{"mail": 5}', '{"flood": 0, "mail": 10}'):
            assert touched(plan(migrated_url, "claim", {**CLAIM, "queues": queues})) < 150

    def test_of_a_paused_queue_does_not_walk_its_backlog(self, raw: Raw, migrated_url: str) -> None:
        fill(raw, 30_000, queue="flood")
        fill(raw, 20, queue="mail")
        raw.rows("INSERT INTO queues (name, paused_at) VALUES ('flood', now())")
        raw.rows("ANALYZE jobs")

        assert touched(plan(migrated_url, "claim", CLAIM)) < 150

    def test_beside_a_thousand_queues_reads_a_few_rows_of_each(self, raw: Raw, migrated_url: str) -> None:
        fill(raw, 20_000, queue="q#")
        raw.rows("ANALYZE jobs")

        found = plan(migrated_url, "claim", CLAIM)
        walked = [node for node in found if node.get("Node Type") in ("CTE Scan", "Function Scan")]
        rows = sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in walked
        )

        assert touched(found) < 4000
        assert rows < 20_000, "in proportion to the queues, not to their square"

    @pytest.mark.parametrize(
        "planner", ["hashjoin", "mergejoin", "nestloop", "sort", "hashagg", "material", "indexscan", "bitmapscan"]
    )
    def test_takes_exactly_n_whatever_the_planner_thinks_best(self, raw: Raw, store: SqlStore, planner: str) -> None:
        raw.rows("ALTER TABLE jobs SET (autovacuum_enabled = off)")
        fill(raw, 1, state="completed")
        raw.rows("ANALYZE jobs")
        fill(raw, 60)
        for setting in (f"enable_{planner}", "jit"):  # what is forbidden costs so much that it would be compiled
            store.link.query("SELECT set_config(%(name)s, 'off', false)", {"name": setting})

        assert [len(claim(store, n).jobs) for n in (1, 5, 13)] == [1, 5, 13]
        assert raw.count("jobs", "state = 'running'") == 19

    def test_of_a_thousand_reads_each_row_a_few_times_and_compiles_nothing(self, raw: Raw, migrated_url: str) -> None:
        fill(raw, 20_000)
        raw.rows("ANALYZE jobs")

        found = plan(migrated_url, "claim", {**CLAIM, "n": 1000, "free": 1000})

        assert touched(found) < 4000
        assert found[-1]["JIT"] is None


@only_postgres
class TestAFullFlush:
    @pytest.fixture
    def flush(self, raw: Raw, store: SqlStore) -> dict[str, Any]:
        """A settle of a thousand completions, as a tick of short jobs sends it."""
        fill(raw, 20_000, state="completed")
        fill(raw, 5_000)
        raw.rows("ANALYZE jobs")
        jobs = claim(store, 1000).jobs
        ends = [decide(job, Completed("1"), seconds=0.001) for job in jobs]
        return {**HOT["settle"], **parcel(store, ends, "postgresql"), "tick": tick_id()}

    @pytest.mark.parametrize("analysed", [True, False])
    def test_reads_each_of_its_rows_a_few_times(
        self, raw: Raw, migrated_url: str, flush: dict[str, Any], analysed: bool
    ) -> None:
        if analysed:
            raw.rows("ANALYZE")

        found = plan(migrated_url, "settle", flush)

        assert touched(found) <= 3000, "once to lock, once to write"
        assert max(node.get("Actual Rows", 0) * node.get("Actual Loops", 1) for node in found[:-1]) <= 26_000, (
            "and nothing is joined n x n"
        )
        assert found[-1]["JIT"] is None

    def test_of_leases_reads_each_of_its_rows_a_few_times(self, raw: Raw, store: SqlStore, migrated_url: str) -> None:
        fill(raw, 20_000, state="completed")
        fill(raw, 5_000)
        raw.rows("ANALYZE jobs")
        leases = [job.lease for job in claim(store, 1000).jobs]
        sent = json.dumps([{"id": x.job_id, "epoch": x.epoch, "claim_id": x.claim_id} for x in leases])

        found = plan(migrated_url, "beat", {"leases": sent, "lease": 60.0})

        assert touched(found) <= 3000
        assert found[-1]["JIT"] is None

    def test_of_ten_thousand_new_jobs_is_not_compiled(self, raw: Raw, migrated_url: str) -> None:
        rows = json.dumps([{"id": job_id, "kind": "work", "args": "1"} for job_id in new_ids(10_000)])

        assert plan(migrated_url, "enqueue", {"jobs": rows, "log": "all"})[-1]["JIT"] is None


@only_postgres
class TestWhatElseATickLooksAt:
    def test_what_is_due_next_is_found_by_probes(self, raw: Raw, migrated_url: str) -> None:
        fill(raw, 20_000, priority=100, hours=24)
        fill(raw, 20_000, hours=12)
        _park(raw, 20_000)
        raw.rows("ANALYZE jobs")

        found = plan(migrated_url, "due", HOT["due"])

        assert {node.get("Index Name") for node in found} >= {"jobs_claim", "jobs_waiting_due", "jobs_running"}
        assert touched(found) < 50

    def test_expired_leases_are_counted_among_running_jobs_alone(
        self, raw: Raw, store: SqlStore, migrated_url: str
    ) -> None:
        fill(raw, 20_000, state="completed")
        fill(raw, 500)
        raw.rows("ANALYZE jobs")
        claim(store, 200)

        found = plan(migrated_url, "recover", HOT["recover"])

        assert {node.get("Index Name") for node in found} >= {"jobs_running"}
        assert touched(found) <= 200

    def test_the_holder_of_a_key_is_found_by_its_index(self, raw: Raw, migrated_url: str) -> None:
        fill(raw, 20_000)
        raw.rows("UPDATE jobs SET unique_key = CAST(id AS text)")
        raw.rows("ANALYZE jobs")
        key = raw.one("SELECT unique_key FROM jobs LIMIT 1")

        found = plan(migrated_url, "holders", {"keys": json.dumps([{"tenant": "", "unique_key": key}])})

        assert {node.get("Index Name") for node in found} >= {"jobs_unique_key"}
        assert touched(found) <= 2

    def test_a_purge_reads_one_batch_and_not_the_history(self, raw: Raw, migrated_url: str) -> None:
        fill(raw, 20_000, state="completed", queue="other")
        fill(raw, 20_000, state="completed", queue="mail")
        raw.rows("ANALYZE jobs")
        asked = {"state": "completed", "queue": "mail", "kind": None, "older": 0.0, "limit": 500}

        assert touched(plan(migrated_url, "purge", asked)) <= 2000


@only_sqlite
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("claim", {**CLAIM, "queues": '{"mail": 5}'}), ("due", HOT["due"]), ("recover", HOT["recover"]), ("beat", HOT["beat"]),
        ("expired", HOT["expired"]), ("settle", HOT["settle"]), ("holders", {"keys": "[]"}), ("resolve", {"ids": "[]"}),
        ("exists", {"ids": "[]"}), ("cancel", {"ids": "[]", "log": "all"}), ("pause_job", {"id": "", "log": "all"}),
    ],
)  # fmt: skip
def test_no_statement_on_sqlite_scans_the_jobs(raw: Raw, name: str, params: dict[str, Any]) -> None:
    for statement in verb("sqlite", name).statements:
        steps = [str(row[3]) for row in raw.rows(f"EXPLAIN QUERY PLAN {statement}", **params, now=0, accepted="[]")]
        assert [step for step in steps if step.startswith(("SCAN jobs", "SCAN j", "SCAN k", "SCAN job_data", "SCAN d"))
                and "INDEX" not in step and not step.startswith("SCAN json_each")] == []  # fmt: skip


def _park(raw: Raw, count: int) -> None:
    raw.rows(
        """INSERT INTO jobs (id, kind, queue, state, run_at, created_at, max_retries, max_crashes, wait_kind)
        SELECT gen_random_uuid(), 'work', 'default', 'waiting', now() + g * interval '1 s', now(), 3, 3, 'sleep'
        FROM generate_series(1, :count) g""",
        count=count,
    )
