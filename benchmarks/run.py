"""Runs every contestant in interleaved rounds on one PostgreSQL with default durability, and writes what came out."""

from __future__ import annotations

import json
import platform
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402  # the root comes first

from benchmarks import ours, raw  # noqa: E402
from tests.support.postgres import database, server  # noqa: E402
from tickover import Tickover  # noqa: E402

ROUNDS, JOBS, FEW = 5, 10_000, 1_000
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
Timed = Callable[[str, int], float]


def fresh(base: str, work: Timed, count: int, *, filled: bool) -> float:
    """Jobs per second of one contestant on a database of its own."""
    with database(base) as url:
        with Tickover(url) as jobs:
            jobs.migrate()
        if filled:
            ours.enqueue(url, count)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CHECKPOINT")
        return count / work(url, count)


CONTESTANTS: dict[str, tuple[Timed, int, bool]] = {
    "drain: Tickover": (ours.drain, JOBS, True),
    "drain: raw psycopg": (raw.drain, JOBS, True),
    "enqueue_many 10,000: Tickover": (ours.enqueue, JOBS, False),
    "enqueue_many 10,000: raw INSERT … unnest": (raw.enqueue, JOBS, False),
}


def history(base: str) -> dict[str, float]:
    """Milliseconds of a claim of ten, on an empty history and behind a million finished rows."""
    found = {}
    for name, rows in (("empty", 0), ("1,000,000 finished", 1_000_000)):
        with database(base) as url:
            with Tickover(url) as jobs:
                jobs.migrate()
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "INSERT INTO jobs (id, kind, queue, state, run_at, created_at, finished_at, max_retries, max_crashes) "
                    "SELECT gen_random_uuid(), 'noop', 'default', 'completed', now(), now(), now(), 3, 3 "
                    "FROM generate_series(1, %s)",
                    [rows],
                )
                connection.execute("VACUUM ANALYZE jobs")
            ours.enqueue(url, FEW)
            found[name] = 1000 * ours.claim_seconds(url)
    return found


def main() -> None:
    """Measures, prints and writes the page."""
    rates: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    with server(fsync=True) as base:
        for _ in range(ROUNDS):
            for name, (work, count, filled) in CONTESTANTS.items():
                rates[name].append(fresh(base, work, count, filled=filled))
        claims = history(base)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    lines = ["| what | jobs/s, median | min – max | Tickover is |", "|---|---|---|---|"]
    for name, found in rates.items():
        us = medians[f"{name.split(':')[0]}: Tickover"]
        lines.append(
            f"| {name} | {medians[name]:,.0f} | {min(found):,.0f} – {max(found):,.0f} | {us / medians[name]:.2f} x |"
        )
    slower = claims["1,000,000 finished"] / claims["empty"]
    lines += ["", f"A claim of ten jobs takes {claims['empty']:.2f} ms on an empty history and "
              f"{claims['1,000,000 finished']:.2f} ms behind a million finished rows: {slower:.2f} x."]  # fmt: skip
    print("\n".join(lines))
    head = (
        f"# Benchmarks\n\nWritten by `make bench` on {datetime.now(UTC):%Y-%m-%d}: Python {platform.python_version()}, "
        f"{platform.machine()}, 2 cores shared with PostgreSQL, default durability (fsync and synchronous_commit on), "
        f"{ROUNDS} interleaved rounds, a new database for each. Ratios count, not absolutes.\n\n"
        "The raw limit is the same batched work in bare psycopg: claim under a lease, a started event, settle under the "
        "fence, a completed event; no handler, no retries, no report.\n\n"
    )
    PAGE.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    PAGE.with_suffix(".json").write_text(json.dumps({"rates": rates, "claim_ms": claims}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
