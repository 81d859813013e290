"""What a chaos run must satisfy beyond what always holds: every kind ends as its table says, and blame is just."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from tests.chaos.workload import KINDS
from tests.support.chaos_checks import ALWAYS, Check, Findings
from tests.support.chaos_facts import Facts


def outcome(facts: Facts) -> Findings:
    """Every job ends as its kind does, or cancelled by somebody who said so."""
    for job in facts.jobs.values():
        kind = KINDS[job.kind]
        told = f"{job.id} ({job.kind}): {job.state}, {job.error_kind}, {job.counters['failures']} failures"
        if job.state == "cancelled":
            yield None if job.id in facts.maybe_cancelled else f"{told}: nobody cancelled it"
        elif job.state != kind.end or (kind.end == "failed" and job.error_kind != kind.error_kind):
            yield f"{told}; a {job.kind} ends {kind.end}, {kind.error_kind}"
        elif kind.failures is not None and job.id not in facts.retried and job.counters["failures"] != kind.failures:
            yield f"{told}; a {job.kind} fails {kind.failures} times"
        else:
            yield None


def cancel_final(facts: Facts) -> Findings:
    """What was told to be cancelled stays so, unless it was retried."""
    for job in facts.cancelled - facts.retried:
        state = facts.jobs[job].state
        yield None if state == "cancelled" else f"{job}: told to be cancelled, and is {state}"


def budgets(facts: Facts) -> Findings:
    """No job fails or crashes more often than it may."""
    for job in facts.jobs.values():
        failures = job.counters["failures"] - job.forgiven
        if failures > job.max_retries + 1:
            yield f"{job.id} ({job.kind}): {failures} failures with {job.max_retries} retries"
        elif failures or job.counters["crashes"]:
            yield None


def poison_bound(facts: Facts) -> Findings:
    """Poison is stopped after exactly as many crashes as it may have, and never runs more often than that."""
    begun = Counter(line["job"] for line in facts.lines.get("begin", ()))
    for job in facts.jobs.values():
        if job.kind != "poison":
            continue
        crashes = job.counters["crashes"]
        if crashes != job.max_crashes or not 1 <= begun[job.id] <= job.max_crashes:
            yield f"{job.id}: {crashes} crashes and {begun[job.id]} executions of at most {job.max_crashes}"
        else:
            yield None


def alone(facts: Facts) -> Findings:
    """A job that crashed twice in a row is claimed with nothing beside it, and nothing is claimed beside it."""
    held: dict[str, set[str]] = defaultdict(set)
    suspects: dict[str, str] = {}
    for move in facts.moves:
        if move.is_exit and move.holder_was is not None:
            held[move.holder_was].discard(move.job)
            if suspects.get(move.holder_was) == move.job:
                del suspects[move.holder_was]
        if move.is_claim and move.holder_now is not None:
            others = held[move.holder_now]
            if move.crash_run >= 2:
                yield f"{move.job}, a suspect, was claimed beside {sorted(others)}" if others else None
                suspects[move.holder_now] = move.job
            elif move.holder_now in suspects:
                yield f"{move.job} was claimed beside the suspect {suspects[move.holder_now]}"
            others.add(move.job)


CHAOS: Final[dict[str, Check]] = {
    **ALWAYS,
    "OUTCOME": outcome,
    "CANCEL-FINAL": cancel_final,
    "BUDGETS": budgets,
    "POISON-BOUND": poison_bound,
    "ALONE": alone,
}
