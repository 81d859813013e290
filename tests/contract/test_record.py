"""What a checkpoint's answer means: it stands as sent, or another one stood first."""

from __future__ import annotations

from tests.support.world import World
from tickover.domain.checkpoint import Checkpoint, Saved
from tickover.domain.ids import StepKey
from tickover.domain.job import Claimed


def saved(job: Claimed, seq: int, value: str = "1") -> Saved:
    return Saved(lease=job.lease, seq=seq, checkpoint=Checkpoint(key=StepKey("pay#0"), kind="transaction", value=value))


def test_a_checkpoint_that_is_sent_twice_stands_both_times(world: World) -> None:
    store, job = world.running()

    for _ in range(2):
        assert store.record([saved(job, 1)], lease=60) == {(job.id, "pay#0"): True}

    assert world.raw.count("checkpoints") == 1


def test_a_step_that_is_taken_again_does_not_stand_beside_its_first_record(world: World) -> None:
    """Its first COMMIT came late: were the second one told that it stands, its effect would be committed twice."""
    store, job = world.running()
    store.record([saved(job, 1)], lease=60)

    assert store.record([saved(job, 2)], lease=60) == {(job.id, "pay#0"): False}

    assert world.raw.one("SELECT seq FROM checkpoints") == 1
