"""A tick without an end is listed like any other; what nobody knows of it is null."""

from __future__ import annotations

from tests.support.world import KIND, claim
from tickover import Tickover
from tickover.web.schemas import TickView


def test_what_is_not_known_of_a_tick_without_an_end_is_null(migrated_url: str) -> None:
    with Tickover(migrated_url) as jobs:
        jobs.enqueue(KIND, remote=True)
        with jobs._core.database.link() as link:
            claim(jobs._core.store(link), 1)
        (view,) = (TickView.model_validate(tick) for tick in jobs.ticks())

    assert (view.claimed, view.completed, view.lost, view.statements) == (1, 0, None, None)
