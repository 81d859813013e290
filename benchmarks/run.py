"""Runs every contestant in interleaved rounds on one PostgreSQL with default durability, and writes what came out."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402  # the root comes first

from benchmarks import ours  # noqa: E402
from benchmarks.contestants import ALL, DBOS, RAW, US, Contestant  # noqa: E402
from benchmarks.page import Rates, write  # noqa: E402
from tests.support.postgres import database, server  # noqa: E402

ONE, MANY, MILLION = 300, 10_000, 1_000_000
Workload = Callable[[str, Contestant], float]


def fresh(base: str, work: Workload, contestant: Contestant) -> float:
    """Jobs per second of one contestant on a database of its own."""
    with database(base) as url:
        contestant.prepare(url)
        return work(url, contestant)


def enqueue_one(url: str, contestant: Contestant) -> float:
    return ONE / contestant.enqueue_one(url, ONE)


def enqueue_many(url: str, contestant: Contestant) -> float:
    return MANY / contestant.enqueue(url, MANY)


def drain(url: str, contestant: Contestant) -> float:
    _fill(url, contestant)
    return contestant.jobs / contestant.drain(url, contestant.jobs)


def drain_by_two(url: str, contestant: Contestant) -> float:
    command = [sys.executable, "-m", "benchmarks.worker", contestant.name, url, str(contestant.jobs)]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    _fill(url, contestant)
    start = time.perf_counter()
    for worker in workers:  # all of them first: `communicate` would wait for this one's end
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    assert [worker.stdout.readline() for worker in workers if worker.stdout] == ["done\n"] * 2
    took = time.perf_counter() - start
    assert [worker.wait() for worker in workers] == [0, 0]
    return contestant.jobs / took


def _fill(url: str, contestant: Contestant) -> None:
    contestant.enqueue(url, contestant.jobs)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def steps(workflows: int, at_once: int) -> Workload:
    """Steps per second of workflows of five steps each."""

    def work(url: str, contestant: Contestant) -> float:
        assert contestant.workflows is not None
        return workflows * ours.STEPS / contestant.workflows(url, workflows, at_once)

    return work


WORKLOADS: dict[str, tuple[Workload, tuple[Contestant, ...]]] = {
    "enqueue one": (enqueue_one, ALL),
    "enqueue 10,000": (enqueue_many, ALL),
    "drain, one process": (drain, ALL),
    "drain, two processes": (drain_by_two, ALL),
    "steps, 200 workflows, 16 at once": (steps(200, 16), (US, DBOS)),
    "steps, 40 workflows, one after the other": (steps(40, 1), (US, DBOS)),
}


def beside(base: str, state: str, rounds: int) -> tuple[list[float], float]:
    """Jobs per second of drains of 10,000, and milliseconds of a claim of ten, beside a million rows of that state."""
    with database(base) as url:
        US.prepare(url)
        if state:
            over = "now()" if state == "completed" else "NULL"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "WITH made AS (INSERT INTO jobs (id, kind, queue, priority, state, run_at, created_at, finished_at, "
                    f"max_retries, max_crashes) SELECT gen_random_uuid(), 'noop', 'default', -1, %s, now(), now(), {over}, "
                    "3, 3 FROM generate_series(1, %s) RETURNING id) INSERT INTO job_data SELECT id, '1' FROM made",
                    [state, MILLION],
                )
                connection.execute("VACUUM ANALYZE jobs")
        rates = []
        for _ in range(rounds):
            _fill(url, US)
            rates.append(MANY / US.drain(url, MANY))
        ours.enqueue(url, 1_000)
        return rates, 1000 * ours.claim_seconds(url)


def import_seconds(code: str, rounds: int) -> list[float]:
    """What a new process pays to run these imports, the interpreter's own start taken off."""

    def once(line: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", line], check=True)
        return time.perf_counter() - start

    return [max(0.0, once(code) - once("pass")) for _ in range(rounds)]


IMPORTS = {
    "Tickover, what a tick on PostgreSQL imports": "import tickover, tickover.app.ticking, tickover.store.postgres",
    "PgQueuer": "import pgqueuer, pgqueuer.db, pgqueuer.queries, psycopg",
    "Procrastinate": "import procrastinate, psycopg",
}


def main() -> None:
    """Measures, prints and writes the page."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    rates: Rates = {name: {one.name: [] for one in who} for name, (_, who) in WORKLOADS.items()}
    with server(fsync=True) as base:
        for turn in range(rounds):
            print(f"round {turn + 1} of {rounds}", flush=True)
            for name, (work, who) in WORKLOADS.items():
                for contestant in who:
                    rates[name][contestant.name].append(fresh(base, work, contestant))
        shown = {"": "empty", "completed": "1,000,000 finished rows", "pending": "1,000,000 pending rows"}
        claims: dict[str, float] = {}
        rates["drain beside"] = {}
        for state, words in shown.items():
            print(f"beside: {words}", flush=True)
            rates["drain beside"][words], claims[words] = beside(base, state, rounds)
        with database(base) as url:
            US.prepare(url)
            _fill(url, US)
            per_job = ours.statements(url) / MANY
    imports = {name: import_seconds(code, rounds) for name, code in IMPORTS.items()}
    write(rates, claims=claims, imports=imports, per_job=per_job, rounds=rounds, us=US.name, raw=RAW.name)


if __name__ == "__main__":
    main()
