"""Workflows whose process is killed, or frozen beyond its lease and thawed, at every point of every verb of theirs."""

from __future__ import annotations

import json
import signal
from collections import Counter
from typing import Final

import pytest

from tests.crash.conftest import Stage
from tests.crash.flows import POINTS, VERBS
from tests.crash.scenes import Case, Scene
from tests.crash.worker import answer
from tests.support.process import until
from tickover import TickoverError

#: A parent's resume, a settle and a record meet others in these states besides those of their verbs.
PAUSED: Final = (
    "wake.after_commit",
    "fan_in.decided",
    "hold.after_commit",
    "open_fan_out.after_commit",
    "wake_due.after",
)
SCENES: Final = {verb: Scene(**scene) for verb, scene in VERBS.items()}
CASES: Final = [
    *(Case(point=f"{verb}.{place}", scene=scene) for verb, scene in SCENES.items() for place in ("before_send", "after_commit")),
    *(Case(point=point, scene=Scene(**scene)) for point, scene in POINTS.items()),
]  # fmt: skip


@pytest.mark.parametrize("how", ["kill", "freeze"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_whatever_dies_or_thaws_where_a_workflow_ends_once(
    stage: Stage, case: Case, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker = stage.play(case, how)
    if how == "kill":
        assert worker.code == -signal.SIGKILL
    else:
        if case.scene.inside:
            stage.turn(0.4)  # its locks are held: others may be refused, and end in time
        else:
            finish(stage)
        worker.send(signal.SIGCONT)
        worker.until_state("ended")
        assert worker.code == 0
        assert worker.heard("done") or worker.heard("refused")

    finish(stage)

    stage.assert_invariants()
    assert_workflows(stage)
    # The reaper mends what must never be, and says so: a proof that leans on that proves nothing.
    assert "please report it" not in caplog.text or case.scene == SCENES["repair_fan_out"]


@pytest.mark.parametrize("case", [case for case in CASES if case.point in PAUSED], ids=str)
def test_a_pause_between_a_death_and_its_recovery_loses_no_wake(stage: Stage, case: Case) -> None:
    worker = stage.play(case, "kill")
    assert worker.code == -signal.SIGKILL
    for (job,) in stage.look.rows("SELECT id FROM jobs WHERE state NOT IN ('completed', 'failed', 'cancelled')"):
        stage.rescue.pause_job(str(job))
    until(lambda: _all_paused(stage), "everybody is paused")

    finish(stage)

    stage.assert_invariants()
    assert_workflows(stage)


def _all_paused(stage: Stage) -> bool:
    stage.turn(1.0)  # a pause lands at the next write out of running, the reaper's too
    return bool(stage.look.one("SELECT count(*) FROM jobs WHERE state IN ('pending', 'waiting', 'running')") == 0)


def finish(stage: Stage) -> None:
    """Everything is over, by turns of others; whoever waits for somebody outside hears from them, once."""

    def over() -> bool:
        stage._heal()
        for job, kind in stage.look.rows("SELECT id, kind FROM jobs WHERE state = 'waiting'"):
            try:
                if kind == "listener":
                    stage.rescue.signal(str(job), "go", 5, message_id="the one")
                elif kind == "asker":
                    answer(stage.rescue, str(job))
            except TickoverError:
                continue  # it is over, or somebody told it
        stage.turn(2.0)
        stage.look.rows("UPDATE jobs SET run_at = created_at WHERE state = 'pending'")
        live = "SELECT count(*) FROM jobs WHERE state NOT IN ('completed', 'failed', 'cancelled')"
        return bool(stage.look.one(live) == 0)

    until(over, "every workflow is over", seconds=60)


def assert_workflows(stage: Stage) -> None:
    """FANOUT-EQ, RESUME-ONCE, CKPT-ONCE, EFFECT-ONCE."""
    look = stage.look
    for fan_out, total, *counted, status in look.rows(
        "SELECT id, total, done, failed, cancelled, status FROM fan_outs"
    ):
        ended = Counter(state for (state,) in look.rows(f"SELECT state FROM jobs WHERE fan_out_id = '{fan_out}'"))
        assert list(counted) == [ended["completed"], ended["failed"], ended["cancelled"]], "FANOUT-EQ"
        assert sum(counted) == total
        assert status != "open"
    resumed = Counter(
        (str(job), json.loads(data)["reason"])
        for job, data in look.rows(
            "SELECT job_id, data FROM events WHERE type = 'JobResumed' AND data LIKE '%fan_out%'"
        )
    )
    assert all(times == 1 for times in resumed.values()), "RESUME-ONCE"
    saved = Counter(
        (str(job), json.loads(data)["step"])
        for job, data in look.rows("SELECT job_id, data FROM events WHERE type = 'CheckpointSaved'")
    )
    kept = {(str(job), key) for job, key in look.rows("SELECT job_id, step_key FROM checkpoints")}
    assert all(times == 1 for times in saved.values()), "CKPT-ONCE"
    assert set(saved) == kept
    effects = Counter(str(job) for (job,) in look.rows("SELECT job FROM effects"))
    payers = {str(job) for (job,) in look.rows("SELECT id FROM jobs WHERE kind = 'payer' AND state = 'completed'")}
    assert effects == dict.fromkeys(payers, 1), "EFFECT-ONCE"
    results: dict[str, str] = dict(
        look.rows("SELECT j.kind, d.result FROM jobs j JOIN job_data d ON d.job_id = j.id WHERE j.state = 'completed'")
    )
    for kind, wanted in {"listener": "5", "asker": "5", "payer": "1"}.items():
        assert results.get(kind, wanted) == wanted
