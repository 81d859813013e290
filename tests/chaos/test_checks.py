"""The checker can fail: an honest history passes every check, and each small lie in it turns one of them red."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checks import CHAOS
from tests.support.chaos_checks import judge
from tests.support.chaos_facts import COUNTERS, Facts, JobRow, Move, Told

Lie = Callable[[Facts], object]
GOOD, BAD, GONE = "a-good-job", "a-poison-job", "a-cancelled-job"


def _row(job: str, kind: str, state: str, *, epoch: int, events: int, **counters: int) -> JobRow:
    return JobRow(
        id=job, kind=kind, state=state, epoch=epoch, starts=epoch, counters={**dict.fromkeys(COUNTERS, 0), **counters},
        forgiven=0, event_seq=events, max_retries=3, max_crashes=3, unique_key="key" if kind == "keyed" else None,
        error_kind="Crashed" if state == "failed" else None,
    )  # fmt: skip


def _history(job: str, *steps: str, key: str | None = None) -> list[Move]:
    """Moves as the audit writes them: each step is `pending`, `running by T`, `pending void`, `completed`…"""
    moves: list[Move] = []
    was: str | None = None
    holder: str | None = None
    epoch, crashes = 0, 0
    for step in steps:
        now, *more = step.split()
        claim = now == "running"
        moves.append(
            Move(
                seq=0, job=job, at=1000 + len(moves), was=was, now=now, epoch_was=None if was is None else epoch,
                epoch_now=epoch + claim, lease_was=1000 if was == "running" else None, holder_was=holder,
                holder_now=more[-1] if claim else holder, void="void" in more, crash_run=crashes, unique_key=key,
            )
        )  # fmt: skip
        crashes += "void" in more
        epoch += claim
        was, holder = now, more[-1] if claim else holder
    return moves


def honest() -> Facts:
    """A job that was reclaimed once and completed, a poison job, and one that somebody cancelled."""
    reclaimed = _history(GOOD, "pending", "running by t1", "pending void", "running by t2", "completed", key="key")
    crashing = [part for tick in ["t3", "t4"] for part in (f"running by {tick}", "pending void")]
    poisoned = _history(BAD, "pending", *crashing, "running by t5", "failed void")
    moves = [*reclaimed, *poisoned, *_history(GONE, "pending", "cancelled void")]
    names = {"pending": "JobReclaimed", "running": "JobStarted", "completed": "JobCompleted", "failed": "JobFailed"}
    numbers: dict[str, int] = {}
    events = []
    for seq, move in enumerate(moves):
        n = numbers[move.job] = numbers.get(move.job, 0) + 1
        kind = names.get(move.now or "", "JobCancelled") if move.was else "JobEnqueued"
        events.append(
            Told(seq=seq, job=move.job, n=n, at=move.at, type=kind, epoch=move.epoch_now if move.was else None)
        )
    claims = [(m.job, m.epoch_now) for m in moves if m.is_claim]
    lines: dict[str, list[dict[str, Any]]] = {
        "begin": [{"job": job, "epoch": epoch} for job, epoch in claims],
        "claim": [{"wanted": 2, "jobs": [[job, epoch]]} for job, epoch in claims],
        "settle": [
            {"accepted": [], "refused": [[GOOD, 1, "completed"]]},
            {"accepted": [[GOOD, 2, "completed"]], "refused": []},
        ],
        "beat": [{"refused": [[GOOD, 1]]}],
    }
    return Facts(
        jobs={
            GOOD: _row(GOOD, "keyed", "completed", epoch=2, events=5, completed=1, crashes=1),
            BAD: _row(BAD, "poison", "failed", epoch=3, events=7, crashes=3),
            GONE: _row(GONE, "unit", "cancelled", epoch=0, events=2),
        },
        moves=[replace(move, seq=seq) for seq, move in enumerate(moves)],
        events=events,
        lines=lines,
        acked={GOOD, BAD, GONE},
        cancelled={GONE},
        maybe_cancelled={GONE},
    )  # fmt: skip


def _change_job(job: str, **changes: Any) -> Lie:
    def lie(facts: Facts) -> None:
        facts.jobs[job] = replace(facts.jobs[job], **changes)

    return lie


def _change_move(number: int, **changes: Any) -> Lie:
    def lie(facts: Facts) -> None:
        facts.moves[number] = replace(facts.moves[number], **changes)

    return lie


def _another_move(number: int, **changes: Any) -> Lie:
    """The same move a second time, at the end, with changes."""

    def lie(facts: Facts) -> None:
        facts.moves.append(replace(facts.moves[number], seq=len(facts.moves), **changes))

    return lie


def _say(what: str, **line: Any) -> Lie:
    def lie(facts: Facts) -> None:
        facts.lines[what].append(line)  # type: ignore[attr-defined]  # a list, here

    return lie


def _forget(what: str, number: int) -> Lie:
    def lie(facts: Facts) -> None:
        del facts.lines[what][number]  # type: ignore[attr-defined]  # a list, here

    return lie


def _late_event(facts: Facts) -> None:
    facts.events[0] = replace(facts.events[0], at=9999)


LIES: dict[str, list[Lie]] = {
    "ATTEMPT-SUM": [_change_job(GOOD, starts=3)],
    "TERMINAL": [_another_move(4, was="completed", now="pending"), _another_move(4, was="completed", now="cancelled")],
    "COMPLETED-ONCE": [_another_move(4), _change_job(GOOD, state="failed")],
    "ONE-HOLDER": [_change_move(3, epoch_now=1), lambda facts: facts.events.append(facts.events[1])],
    "LEASE-KEPT": [_change_move(2, lease_was=5000), _change_move(2, lease_was=None)],
    "EVENTS-MONO": [lambda facts: facts.events.pop(2), _late_event],
    "UNIQ": [lambda facts: facts.moves.insert(1, replace(facts.moves[0], job="another"))],
    "FENCED": [
        _say("settle", accepted=[[GOOD, 1, "completed"]], refused=[]),
        _say("settle", accepted=[], refused=[[GOOD, 7, "completed"]]),
        _say("beat", refused=[[GOOD, 7]]),
    ],
    "EXECUTED-ONCE": [_say("begin", job=GOOD, epoch=2), _forget("begin", 1)],
    "LIMIT-HELD": [_say("claim", wanted=1, jobs=[[GOOD, 1], [BAD, 1]])],
    "NO-LOST": [lambda facts: facts.acked.add("never seen")],
    "NO-STUCK": [_change_job(GOOD, state="running")],
    "OUTCOME": [
        _change_job(GOOD, state="failed"),
        _change_job(BAD, error_kind="Stalled"),
        lambda facts: facts.maybe_cancelled.clear(),
    ],
    "CANCEL-FINAL": [_change_job(GONE, state="completed")],
    "BUDGETS": [_change_job(GOOD, counters={**dict.fromkeys(COUNTERS, 0), "failures": 5})],
    "POISON-BOUND": [_change_job(BAD, max_crashes=2), _say("begin", job=BAD, epoch=4)],
    "ALONE": [_change_move(3, holder_now="t5"), lambda facts: facts.moves.insert(11, replace(facts.moves[1], holder_now="t5"))],
}  # fmt: skip


def test_an_honest_history_passes_every_check_and_each_looks_at_something() -> None:
    verdicts = judge(CHAOS, honest())

    assert [(verdict.name, verdict.broken) for verdict in verdicts if verdict.broken] == []
    assert [verdict.name for verdict in verdicts if not verdict.looked_at] == []


@pytest.mark.parametrize(
    ("name", "lie"), [pytest.param(name, lie, id=f"{name} {n}") for name, lies in LIES.items() for n, lie in enumerate(lies)]
)  # fmt: skip
def test_a_lie_is_found(name: str, lie: Lie) -> None:
    facts = honest()
    lie(facts)

    broken = {verdict.name for verdict in judge(CHAOS, facts) if verdict.broken}

    assert name in broken


def test_every_check_has_a_lie_that_it_finds() -> None:
    assert set(LIES) == set(CHAOS)


def test_a_check_that_cannot_be_made_has_not_passed() -> None:
    facts = honest()
    facts.lines = {"settle": [{"torn": True}]}

    (verdict,) = judge({"FENCED": CHAOS["FENCED"]}, facts)

    assert verdict.broken == ["the check itself failed: KeyError('accepted')"]
