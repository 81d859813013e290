"""What the hot statements touch: index, rows and time stay in proportion to what is taken, not to what is there."""

from __future__ import annotations

import json

import pytest

from tests.support.plans import CLAIM, HOT, fill, only_postgres, only_sqlite, plan, touched
from tests.support.raw import Raw
from tests.support.world import claim, tick_id
from tickover.domain.ids import new_ids
from tickover.store.sql_store import SqlStore
from tickover.store.verbs import verb


@only_postgres
class TestAClaimOnPostgreSQL:
    @pytest.fixture(params=["fresh", "stale", "bloated"])
    def statistics(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_touches_what_it_takes_beside_100k_future_and_100k_ready_jobs(
        self, raw: Raw, migrated_url: str, statistics: str
    ) -> None:
        if statistics == "stale":
            raw.rows("ALTER TABLE jobs SET (autovacuum_enabled = off)")
            fill(raw, 1, state="completed")
            raw.rows("ANALYZE jobs")
        fill(raw, 100_000, priority=100, hours=24)
        fill(raw, 100_000)
        if statistics == "bloated":
            raw.rows("UPDATE jobs SET need_ms = 0")
        if statistics != "stale":
            raw.rows("ANALYZE jobs")

        found = plan(migrated_url, "claim", CLAIM)

        assert {node.get("Index Name") for node in found} >= {"jobs_claim"}
        assert not [
            node for node in found if node.get("Node Type") == "Seq Scan" and node.get("Relation Name") == "jobs"
        ]
        assert touched(found) < 150, "two lanes probed, ten rows locked, ten rows updated"

    def test_takes_exactly_what_it_asked_for_with_statistics_that_know_of_one_row(
        self, raw: Raw, store: SqlStore
    ) -> None:
        raw.rows("ALTER TABLE jobs SET (autovacuum_enabled = off)")
        fill(raw, 1, state="completed")
        raw.rows("ANALYZE jobs")
        fill(raw, 40)
        assert len(claim(store, 5).jobs) == 5
        assert len(claim(store, 1).jobs) == 1

    def test_the_obvious_form_takes_more_than_its_limit(self, raw: Raw) -> None:
        # The reason for the claim's form, and the proof that the test above can fail.
        raw.rows(
            "CREATE TABLE naive (id bigint PRIMARY KEY, state text NOT NULL, prio int NOT NULL) WITH (autovacuum_enabled = off)"
        )
        raw.rows("INSERT INTO naive SELECT 0, 'done', 0")
        raw.rows("ANALYZE naive")
        raw.rows("INSERT INTO naive SELECT g, 'ready', g % 3 FROM generate_series(1, 40) g")
        taken = raw.rows(
            "UPDATE naive SET state = 'running' WHERE id IN (SELECT id FROM naive WHERE state = 'ready' "
            "ORDER BY prio, id LIMIT 5 FOR UPDATE SKIP LOCKED) RETURNING id"
        )
        assert len(taken) > 5

    def test_a_million_row_history_is_not_looked_at(self, raw: Raw, migrated_url: str) -> None:
        fill(raw, 100_000, state="completed")
        fill(raw, 10)
        raw.rows("ANALYZE jobs")
        assert touched(plan(migrated_url, "claim", CLAIM)) < 150


@only_postgres
@pytest.mark.parametrize("name", sorted(HOT))
def test_no_hot_statement_is_compiled_before_it_runs(raw: Raw, migrated_url: str, name: str) -> None:
    assert plan(migrated_url, name, HOT[name])[-1]["JIT"] is None
    fill(raw, 50_000, state="completed")
    fill(raw, 5_000)
    raw.rows("ANALYZE jobs")
    assert plan(migrated_url, name, HOT[name])[-1]["JIT"] is None


@only_postgres
def test_the_reaper_reads_running_jobs_and_nothing_else(raw: Raw, migrated_url: str, store: SqlStore) -> None:
    fill(raw, 20_000, state="completed")
    fill(raw, 50)
    raw.rows("ANALYZE jobs")
    claim(store, 5)
    found = plan(migrated_url, "expired", HOT["expired"])
    assert {node.get("Index Name") for node in found} >= {"jobs_running"}
    assert touched(found) <= 5


@only_postgres
def test_nine_of_ten_lease_renewals_stay_on_their_page(raw: Raw, store: SqlStore) -> None:
    fill(raw, 200)
    raw.rows("VACUUM ANALYZE jobs")
    held = [job.lease for job in claim(store, 200).jobs]
    for statement in ("SELECT pg_stat_force_next_flush()", "SELECT 1", "SELECT pg_stat_reset()"):
        store.link.query(statement, {})

    for _ in range(20):
        assert len(store.beat(held, 60).held) == 200
    store.link.query("SELECT pg_stat_force_next_flush()", {})
    store.link.query("SELECT 1", {})

    ((updates, hot),) = raw.rows("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'jobs'")
    assert updates == 4000
    assert hot >= 0.9 * updates


@only_sqlite
def test_a_claim_on_sqlite_walks_its_index_and_scans_no_table(raw: Raw) -> None:
    statement = verb("sqlite", "claim").statements[0]
    params = {**CLAIM, "now": 0}
    assert raw.dialect == "sqlite"
    steps = [str(row[3]) for row in raw.rows(f"EXPLAIN QUERY PLAN {statement}", **params)]
    assert any("USING INDEX jobs_claim" in step or "USING COVERING INDEX jobs_claim" in step for step in steps)
    # The head of an index (ORDER BY … LIMIT 1) is called a scan too; without an index it would be one.
    assert [
        step for step in steps if step.startswith(("SCAN jobs", "SCAN j ", "SCAN k ")) and "INDEX" not in step
    ] == []


def test_ten_thousand_jobs_are_claimed_in_the_order_of_their_priorities(store: SqlStore, raw: Raw) -> None:
    rows = [{"id": job_id, "kind": "work", "priority": n % 3} for n, job_id in enumerate(new_ids(10_000))]
    store.call("enqueue", jobs=json.dumps(rows), log="none")
    first = claim(store, 50, tick=tick_id()).jobs
    assert {job.priority for job in first} == {2}
    assert len(raw.rows("SELECT id FROM jobs WHERE state = 'running'")) == 50
