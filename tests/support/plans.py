"""Plans of the hot statements: what they read, and tables filled as an application of long ago might have left them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.raw import Raw
from tickover.store.seal import Seals
from tickover.store.settle_rows import parcel
from tickover.store.sql_store import NO_TICK
from tickover.store.verbs import pyformat, verb

only_postgres = pytest.mark.parametrize("dialect", ["postgresql"])
only_sqlite = pytest.mark.parametrize("dialect", ["sqlite"])
CLAIM: dict[str, Any] = {
    "tick": NO_TICK, "n": 10, "free": 10, "alone": True, "queues": None, "turn": 0, "left_ms": 60_000, "window_ms": 60_000, "lease": 60.0,
    "log": "all", "function": None, "trigger": "test", "parent": None, "cold": 0, "age": 0.0, "left": 60.0,
}  # fmt: skip
HOT: dict[str, dict[str, Any]] = {
    "recover": {"tick": NO_TICK, "limit": 100, "serves": None},
    "claim": CLAIM,
    "due": {"tick": NO_TICK, "queues": None, "window_ms": 60_000, "alone": True},
    "beat": {"leases": "[]", "lease": 60.0},
    "settle": {**parcel(Seals(), [], "postgresql"), "tick": NO_TICK, "reaping": False, "log": "all"},
    "enqueue": {"jobs": "[]", "log": "all"},
    "expired": {"tick": NO_TICK, "limit": 100},
}


def fill(
    raw: Raw, count: int, *, state: str = "pending", priority: int = 0, hours: float = -1, queue: str = "default"
) -> None:
    """Rows written straight into the tables, as an application of long ago might have; `#` in a queue is 0 to 999."""
    over = state in ("completed", "failed", "cancelled")
    raw.rows(
        f"""WITH made AS (
            INSERT INTO jobs (id, kind, queue, priority, state, run_at, created_at, finished_at, max_retries, max_crashes)
            SELECT gen_random_uuid(), 'work', replace(:queue, '#', CAST(g % 1000 AS text)), :priority, :state,
                now() + :hours * interval '1 hour' + g * interval '1 ms', now(), {"now()" if over else "NULL"}, 3, 3
            FROM generate_series(1, :count) g RETURNING id)
        INSERT INTO job_data (job_id) SELECT id FROM made""",
        queue=queue, priority=priority, state=state, hours=hours, count=count,
    )  # fmt: skip


def plan(url: str, name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Every node of the plan of a verb that was run and rolled back."""
    with psycopg.connect(url) as connection:
        statement = pyformat(verb("postgresql", name).statements[0])
        found = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", params).fetchone()
        connection.rollback()
    assert found is not None
    return [*nodes(found[0][0]["Plan"]), {"JIT": found[0][0].get("JIT")}]


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from nodes(below)


def touched(found: list[dict[str, Any]]) -> int:
    """Rows of `jobs` that the plan read, those it filtered away included."""
    return int(sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in found
        if node.get("Relation Name") == "jobs" and "Scan" in node["Node Type"]
    ))  # fmt: skip
