"""Invariants over the facts of a run: each says what it looked at, and what it found broken.

A check never asks the product whether the product was right: it compares the audit's moves, the ledger and the rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.support.chaos_facts import TERMINAL, Facts, Move, Told

#: What a check yields: None for each thing it looked at, a sentence for each that is wrong.
Findings: TypeAlias = Iterator[str | None]
Check: TypeAlias = Callable[[Facts], Findings]

#: The state diagram, written down a second time on purpose.
LEGAL: Final = {
    (None, "pending"),
    ("pending", "running"), ("pending", "paused"), ("pending", "cancelled"),
    ("running", "pending"), ("running", "waiting"), ("running", "paused"),
    ("running", "completed"), ("running", "failed"), ("running", "cancelled"),
    ("waiting", "pending"), ("waiting", "paused"), ("waiting", "failed"), ("waiting", "cancelled"),
    ("paused", "pending"), ("paused", "waiting"), ("paused", "cancelled"),
}  # fmt: skip
DELETED: Final = {(state, None) for state in TERMINAL}
RETRIED: Final = {("failed", "pending"), ("cancelled", "pending")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one check found."""

    name: str
    looked_at: int
    broken: list[str]


def judge(checks: dict[str, Check], facts: Facts) -> list[Verdict]:
    """Runs every check to its end; one that raises is broken by that."""
    verdicts = []
    for name, check in checks.items():
        looked_at, broken = 0, []
        try:
            for finding in check(facts):
                looked_at += finding is None
                if finding is not None:
                    broken.append(finding)
        except Exception as error:  # noqa: BLE001  # a check that cannot be made has not passed
            broken.append(f"the check itself failed: {error!r}")
        verdicts.append(Verdict(name=name, looked_at=looked_at, broken=broken))
    return verdicts


def attempt_sum(facts: Facts) -> Findings:
    """Starts are the sum of how runs ended, plus one while running."""
    for job in facts.jobs.values():
        ended = sum(job.counters.values()) + (job.state == "running")
        yield None if job.starts == ended else f"{job.id}: {job.starts} starts, {ended} ends ({job.counters})"


def terminal(facts: Facts) -> Findings:
    """Only moves of the state diagram happened; nothing leaves a terminal state but by an operator's retry."""
    for move in facts.moves:
        step = (move.was, move.now)
        legal = step in LEGAL or step in DELETED or (step in RETRIED and move.job in facts.retried)
        same = move.was == move.now
        yield None if legal and not same else f"{move.job}: {move.was} became {move.now} (audit {move.seq})"


def completed_once(facts: Facts) -> Findings:
    """No job completes twice, and each that is completed did so once."""
    times = Counter(move.job for move in facts.moves if move.now == "completed")
    for job in facts.jobs.values():
        wanted = int(job.state == "completed")
        if times[job.id] != wanted or job.counters["completed"] != wanted:
            yield f"{job.id} is {job.state} and completed {times[job.id]} times (it counts {job.counters['completed']})"
        elif wanted:
            yield None


def one_holder(facts: Facts) -> Findings:
    """Each claim has an epoch of its own, one more than the last, and one JobStarted tells of it."""
    started = Counter((event.job, event.epoch) for event in facts.events if event.type == "JobStarted")
    claims = [move for move in facts.moves if move.is_claim]
    for move in claims:
        if move.epoch_was is None or move.epoch_now != move.epoch_was + 1:
            yield f"{move.job}: claimed from epoch {move.epoch_was} to {move.epoch_now}"
        elif started[move.job, move.epoch_now] != 1:
            yield f"{move.job}: {started[move.job, move.epoch_now]} JobStarted events for epoch {move.epoch_now}"
        else:
            yield None
    for (job, epoch), times in started.items():
        if times != 1:
            yield f"{job}: {times} JobStarted events for epoch {epoch}"
    for job, count in Counter(move.job for move in claims).items():
        if job in facts.jobs and facts.jobs[job].starts != count:
            yield f"{job}: {count} claims, {facts.jobs[job].starts} starts"


def lease_kept(facts: Facts) -> Findings:
    """A running job is taken from its holder only after its lease ran out, or by a cancel."""
    for move in facts.moves:
        if move.is_exit and move.void and move.now != "cancelled":
            late = move.lease_was is not None and move.lease_was <= move.at
            yield None if late else f"{move.job}: taken at {move.at}, its lease lasted until {move.lease_was}"


def events_mono(facts: Facts) -> Findings:
    """A job's events are numbered 1 to n without a gap, in the order in which they were written."""
    by_job: dict[str, list[int]] = defaultdict(list)
    last: dict[str, Told] = {}
    for event in facts.events:
        by_job[event.job].append(event.n)
        before = last.setdefault(event.job, event)
        if event.seq < before.seq or event.at < before.at:
            yield f"{event.job}: event {event.n} ({event.type}) is older than event {before.n} ({before.type})"
        last[event.job] = event
    for job in facts.jobs.values():
        numbers = by_job[job.id]
        good = numbers == list(range(1, job.event_seq + 1))
        yield None if good else f"{job.id}: events {numbers}, the row counts {job.event_seq}"


def uniq(facts: Facts) -> Findings:
    """At no moment do two live jobs have one unique key."""
    holders: dict[str, set[str]] = defaultdict(set)
    for move in facts.moves:
        if move.unique_key is None:
            continue
        holding = holders[move.unique_key]
        if move.now is None or move.now in TERMINAL:
            holding.discard(move.job)
        else:
            holding.add(move.job)
        yield None if len(holding) <= 1 else f"the key {move.unique_key} is held by {sorted(holding)}"


def fenced(facts: Facts) -> Findings:
    """Every write that a tick was told is accepted is the one exit of its own epoch; whatever was refused was stale.

    What it looks at are the stale writes that were attempted: settles and renewals of a lease that another had taken.
    """
    exits = facts.exits()
    for line in facts.lines.get("settle", ()):
        for job, epoch, state in line["accepted"]:
            found = exits[job, epoch]
            landed = [m for m in found if not m.void and (m.now == state or (state, m.now) == ("pending", "paused"))]
            if len(found) != 1 or len(landed) != 1:
                yield f"{job}: a stale write of epoch {epoch} ({state}) was accepted; its exits: {_shown(found)}"
        for job, epoch, state in line["refused"]:
            if exits[job, epoch]:
                yield None
            else:
                yield f"{job}: the write of epoch {epoch} ({state}) was refused, yet nobody had taken the job"
    for line in facts.lines.get("beat", ()):
        for job, epoch in line["refused"]:
            yield None if exits[job, epoch] else f"{job}: epoch {epoch} was not renewed, yet nobody had taken the job"


def executed_once(facts: Facts) -> Findings:
    """No run of a job is executed twice, and nothing completes that was not executed."""
    begun = Counter((line["job"], line["epoch"]) for line in facts.lines.get("begin", ()))
    for (job, epoch), times in begun.items():
        yield None if times == 1 else f"{job}: epoch {epoch} was executed {times} times"
    for move in facts.moves:
        if move.now == "completed" and not begun[move.job, move.epoch_now or 0]:
            yield f"{move.job} completed at epoch {move.epoch_now} and was never executed then"


def limit_held(facts: Facts) -> Findings:
    """No claim brings more than it asked for."""
    for line in facts.lines.get("claim", ()):
        brought = len(line["jobs"])
        yield None if brought <= line["wanted"] else f"a claim of {line['wanted']} brought {brought} jobs"


def no_lost(facts: Facts) -> Findings:
    """Every job whose enqueue was acknowledged is there, or was over when it was deleted."""
    deleted = {move.job for move in facts.moves if move.now is None}
    for job in facts.acked:
        yield None if job in facts.jobs or job in deleted else f"{job} was acknowledged and is not there"


def no_stuck(facts: Facts) -> Findings:
    """After healing every job is over."""
    for job in facts.jobs.values():
        yield None if job.state in TERMINAL else f"{job.id} ({job.kind}) is still {job.state}"


def _shown(moves: list[Move]) -> str:
    return ", ".join(f"{m.now}{' by another hand' if m.void else ''}" for m in moves) or "none"


#: What must hold after any run, however small.
ALWAYS: Final[dict[str, Check]] = {
    "ATTEMPT-SUM": attempt_sum,
    "TERMINAL": terminal,
    "COMPLETED-ONCE": completed_once,
    "ONE-HOLDER": one_holder,
    "LEASE-KEPT": lease_kept,
    "EVENTS-MONO": events_mono,
    "UNIQ": uniq,
    "FENCED": fenced,
    "EXECUTED-ONCE": executed_once,
    "LIMIT-HELD": limit_held,
    "NO-LOST": no_lost,
    "NO-STUCK": no_stuck,
}
