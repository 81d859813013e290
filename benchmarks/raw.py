"""The raw limit: the same batched work in bare psycopg, with leases, fences and events, and no framework around it."""

from __future__ import annotations

import json
import time
import uuid

import psycopg
from psycopg.types.string import TextLoader

BATCH = 2000
CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT id FROM jobs WHERE state = 'pending' AND queue = 'default' AND run_at <= statement_timestamp()
    ORDER BY priority DESC, run_at, id LIMIT %(n)s FOR NO KEY UPDATE SKIP LOCKED
), claimed AS (
    UPDATE jobs j SET state = 'running', epoch = j.epoch + 1, claim_id = gen_random_uuid(), holder = %(tick)s::uuid,
        lease_until = clock_timestamp() + interval '60 s', started_at = clock_timestamp(), starts = starts + 1,
        event_seq = event_seq + 1
    WHERE id = ANY (ARRAY(SELECT id FROM picked))
    RETURNING j.id, j.epoch, j.claim_id, j.kind, j.queue, j.event_seq, j.started_at, j.holder
), logged AS (
    INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id)
    SELECT id, event_seq, started_at, 'JobStarted', epoch, 1, kind, queue, holder FROM claimed
)
SELECT c.id, c.epoch, c.claim_id, d.args FROM claimed c JOIN job_data d ON d.job_id = c.id"""
SETTLE = """
WITH input AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)s::uuid[], %(epochs)s::bigint[], %(claims)s::uuid[]) AS t (id, epoch, claim_id)
), settled AS (
    UPDATE jobs j SET state = 'completed', completed = completed + 1, finished_at = clock_timestamp(),
        lease_until = NULL, event_seq = event_seq + 1
    FROM input t WHERE j.id = t.id AND j.state = 'running' AND j.epoch = t.epoch AND j.claim_id = t.claim_id
    RETURNING j.id, j.kind, j.queue, j.epoch, j.event_seq, j.holder
), logged AS (
    INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id, data)
    SELECT id, event_seq, clock_timestamp(), 'JobCompleted', epoch, 1, kind, queue, holder, '{}' FROM settled
)
SELECT id FROM settled"""
ENQUEUE = """
WITH input AS MATERIALIZED (SELECT * FROM unnest(%(ids)s::uuid[], %(args)s::text[]) AS t (id, args)
), written AS (
    INSERT INTO jobs (id, kind, queue, state, run_at, created_at, max_retries, max_crashes, event_seq)
    SELECT id, 'noop', 'default', 'pending', statement_timestamp(), statement_timestamp(), 3, 3, 1 FROM input
), stored AS (INSERT INTO job_data (job_id, args) SELECT id, args FROM input)
INSERT INTO events (job_id, n, at, type, kind, queue)
SELECT id, 1, statement_timestamp(), 'JobEnqueued', 'noop', 'default' FROM input"""


def drain(url: str, count: int) -> float:
    """Seconds to claim, run and settle every job."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.adapters.register_loader("uuid", TextLoader)
        tick, done, start = str(uuid.uuid4()), 0, time.perf_counter()
        while rows := connection.execute(CLAIM, {"n": BATCH, "tick": tick}).fetchall():
            for row in rows:
                json.loads(row[3])
            fences = {"ids": [r[0] for r in rows], "epochs": [r[1] for r in rows], "claims": [r[2] for r in rows]}
            done += len(connection.execute(SETTLE, fences).fetchall())
        took = time.perf_counter() - start
    assert done <= count
    return took


def enqueue(url: str, count: int) -> float:
    """Seconds to write that many jobs, payloads and events in one statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        start = time.perf_counter()
        connection.execute(ENQUEUE, _rows(count))
        return time.perf_counter() - start


def enqueue_one(url: str, count: int) -> float:
    """Seconds to write that many jobs, a statement each."""
    with psycopg.connect(url, autocommit=True) as connection:
        start = time.perf_counter()
        for _ in range(count):
            connection.execute(ENQUEUE, _rows(1))
        return time.perf_counter() - start


def _rows(count: int) -> dict[str, list[str]]:
    first = time.time_ns() << 64
    ids = [f"{first + n:032x}" for n in range(count)]
    return {"ids": ids, "args": [str(n) for n in range(count)]}
