"""The state diagram as a trigger, and the identities that hold over a database whatever happened to it."""

from __future__ import annotations

from tests.support.raw import Raw
from tickover.domain.states import COUNTERS, TERMINAL, TRANSITIONS

#: What the trigger says; a job's error that contains it means that a verb tried.
REFUSED = "no such transition of a job"
_ENDS = ("JobCompleted", "JobFailed", "JobCancelled")


def install(raw: Raw) -> None:
    """From now on the database refuses every move of a job that `domain/states.py` does not list."""
    moves = ", ".join(f"('{old}', '{new}')" for old, allowed in TRANSITIONS.items() for new in sorted(allowed))
    if raw.dialect == "sqlite":
        raw.rows(f"""
            CREATE TRIGGER jobs_moves BEFORE UPDATE OF state ON jobs
            WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES {moves})
            BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END""")
        return
    raw.rows(f"""
        CREATE FUNCTION jobs_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (OLD.state, NEW.state) NOT IN (VALUES {moves}) THEN
                RAISE EXCEPTION '{REFUSED}: % -> %', OLD.state, NEW.state USING ERRCODE = 'XX000';
            END IF;
            RETURN NEW;
        END $$""")
    raw.rows("""
        CREATE TRIGGER jobs_moves BEFORE UPDATE OF state ON jobs
        FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION jobs_moves()""")


def violations(raw: Raw, *, events: bool = True) -> list[str]:
    """Every identity of a database that does not hold, in words.

    Args:
        raw: the test's own connection.
        events: whether everything was logged (`events="all"`), so that the log must tell the whole story.
    """
    total = " + ".join(COUNTERS)
    over = ", ".join(f"'{state}'" for state in sorted(TERMINAL))
    broken = {
        "starts is the sum of the counters, plus one while running": f"""
            SELECT id FROM jobs WHERE starts <> {total} + CASE WHEN state = 'running' THEN 1 ELSE 0 END""",
        "the epoch counts the claims": "SELECT id FROM jobs WHERE epoch <> starts",
        "a job that is over says since when": f"""
            SELECT id FROM jobs WHERE (state IN ({over})) <> (finished_at IS NOT NULL)""",
        "a job that runs has a lease, a holder and a claim": """
            SELECT id FROM jobs WHERE state = 'running' AND (lease_until IS NULL OR holder IS NULL OR claim_id IS NULL)""",
        "a unique key has one live job": f"""
            SELECT min(CAST(id AS text)) FROM jobs WHERE unique_key IS NOT NULL AND state NOT IN ({over})
            GROUP BY tenant, unique_key HAVING count(*) > 1""",
        "each job has its payload row": """
            SELECT id FROM jobs WHERE NOT EXISTS (SELECT 1 FROM job_data d WHERE d.job_id = jobs.id)""",
        "no verb tried a move that is not in the diagram": f"""
            SELECT job_id FROM job_data WHERE error LIKE '%{REFUSED}%'""",
    }
    if events:
        broken |= _told(over)
    return [f"{promise}: {row[0]}" for promise, sql in broken.items() for row in raw.rows(sql)]


def _told(over: str) -> dict[str, str]:
    ends = ", ".join(f"'{name}'" for name in _ENDS)
    return {
        "events of a job are numbered 1 to n without gaps": """
            SELECT job_id FROM events WHERE job_id IS NOT NULL GROUP BY job_id
            HAVING count(*) <> max(n) OR count(DISTINCT n) <> max(n) OR min(n) <> 1""",
        "a job knows how many events it has": """
            SELECT id FROM jobs WHERE event_seq <> (SELECT count(*) FROM events e WHERE e.job_id = jobs.id)""",
        "each claim is told once": """
            SELECT job_id FROM events WHERE type = 'JobStarted' GROUP BY job_id, epoch HAVING count(*) > 1""",
        "each start is told": """
            SELECT id FROM jobs WHERE starts <> (
                SELECT count(*) FROM events e WHERE e.job_id = jobs.id AND e.type = 'JobStarted')""",
        "the last event of a job that is over is its end": f"""
            SELECT id FROM jobs WHERE state IN ({over}) AND NOT EXISTS (
                SELECT 1 FROM events e WHERE e.job_id = jobs.id AND e.n = jobs.event_seq AND e.type IN ({ends}))""",
    }


def check(raw: Raw, *, events: bool = True) -> None:
    """Fails with every identity that does not hold."""
    broken = violations(raw, events=events)
    assert not broken, "\n".join(broken)
