"""A process is killed, or frozen beyond its leases and thawed, at every named point of every verb."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.crash import flows
from tests.crash.conftest import Stage
from tests.crash.scenes import BETWEEN, ELSEWHERE, POINTS_ELSEWHERE, SCENES, Case, cases, verbs
from tests.support.process import until
from tickover import Budget

CASES = [pytest.param(case, id=case.point) for case in cases()]
STALE = [case.point for case in cases() if case.point.partition(".")[2] in case.scene.holding]


@pytest.mark.parametrize("case", CASES)
def test_after_a_kill_at_any_point_others_finish_the_work(stage: Stage, case: Case) -> None:
    worker = stage.play(case, "kill")

    assert worker.code == -signal.SIGKILL
    if case.scene.effect is not None and not case.scene.inside:
        done = stage.look.one(case.scene.effect) > 0
        assert done == case.point.endswith("after_commit"), (
            "a verb is durable when it returns, and not before it is sent"
        )
    stage.finish()
    stage.assert_invariants()


@pytest.mark.parametrize("case", CASES)
def test_a_process_that_thaws_at_any_point_harms_nobody(stage: Stage, case: Case) -> None:
    worker = stage.play(case, "freeze")
    if case.scene.inside:
        stage.turn(0.4)  # its locks are held: others may be refused, and end in time
    else:
        stage.finish()

    worker.send(signal.SIGCONT)
    worker.until_state("ended")

    assert worker.code == 0
    assert worker.heard("done") or worker.heard("refused")
    stage.finish()
    facts = stage.assert_invariants()
    refused = sum(len(line["refused"]) for what in ("settle", "beat") for line in facts.lines.get(what, ()))
    assert (refused > 0) == (case.point in STALE), "a thawed holder tries to write, and is refused"


def test_every_verb_and_every_named_point_has_a_scene() -> None:
    source = Path(__file__).parents[2] / "src"
    named = {
        point
        for file in source.rglob("*.py")
        for point in re.findall(r'faults\.hit\("([a-z_.]+)"\)', file.read_text(encoding="utf-8"))
    }

    found = set(SCENES) | set(flows.VERBS)
    assert found | set(ELSEWHERE) == verbs(), "scenes.py and flows.py say for each verb how a process gets there"
    assert not found & set(ELSEWHERE)
    between = set(BETWEEN) | set(flows.POINTS) | POINTS_ELSEWHERE
    assert between == named - {"claim.after_commit"}, "and for each point of the engine (the docs quote one more)"


def test_an_acknowledged_enqueue_survives_the_death_of_its_process(stage: Stage) -> None:
    worker = stage.nursery.start(
        "tests.crash.worker:main",
        url=stage.url,
        ledger=str(stage.ledger),
        act="enqueue",
        ids=[],
        point="nowhere",
        how="kill",
        cut=None,
    )
    stage.acked.add(worker.until_said("done")["answer"])
    worker.until_state("ended")

    stage.finish()
    stage.assert_invariants()


def test_a_job_is_taken_back_no_sooner_than_its_lease_ends(stage: Stage) -> None:
    case = Case(point="claim.after_commit", scene=SCENES["claim"])
    stage.play(case, "kill")
    held = stage.look.one("SELECT max($ms(lease_until)) FROM jobs")

    def reaped() -> bool:
        stage.rescue.run_reaper(1)
        return bool(stage.look.one("SELECT count(*) FROM jobs WHERE crashes = 1") == 3)

    until(reaped, "three jobs are taken back")
    assert stage.look.one("SELECT min(at) FROM moves WHERE was = 'running'") > held
    stage.finish()
    stage.assert_invariants()


def test_a_killed_tick_costs_its_jobs_one_crash_each_and_no_attempt(stage: Stage) -> None:
    stage.play(Case(point="claim.after_commit", scene=SCENES["claim"]), "kill")

    stage.finish()

    rows = stage.look.rows("SELECT state, starts, crashes, failures FROM jobs")
    assert rows == [("completed", 2, 1, 0)] * 3
    assert stage.rescue.tick(Budget(1)).claimed == 0
