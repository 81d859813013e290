"""A stage for crashes: a database that is audited, a process that may die on it, and those who clean up afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.crash.scenes import Case
from tests.crash.worker import application
from tests.support import chaos_audit, ledger
from tests.support.chaos_checks import ALWAYS, judge
from tests.support.chaos_facts import TERMINAL, Facts, gather
from tests.support.chaos_sql import Look, look_at
from tests.support.process import Nursery, Worker, until
from tickover import Budget, Tickover
from tickover.errors import InvalidTransition, StorageUnavailable

_LIVE = f"state NOT IN ({', '.join(repr(state) for state in sorted(TERMINAL))})"


@dataclass(kw_only=True)
class Stage:
    """One test's database and actors."""

    url: str
    dialect: str
    look: Look
    ledger: Path
    nursery: Nursery
    rescue: Tickover
    acked: set[str]

    def play(self, case: Case, how: str) -> Worker:
        """Prepares the scene and lets a worker run into its point; returns it dead or frozen there."""
        ids = case.scene.prepare(self.rescue, self.look)
        self.acked |= set(ids)
        worker = self.nursery.start(
            "tests.crash.worker:main",
            url=self.url,
            ledger=str(self.ledger),
            act=case.scene.act,
            ids=ids,
            point=case.point,
            how=how,
            cut=case.scene.cut,
        )
        worker.until_said("reached")
        worker.until_state("ended" if how == "kill" else "stopped")
        return worker

    def turn(self, seconds: float) -> None:
        """What the rest of the world does: takes back, and runs. A locked database is no error."""
        try:
            self.rescue.run_reaper(seconds)
            self.rescue.tick(Budget(seconds))
        except StorageUnavailable:
            return

    def finish(self) -> None:
        """Everything is over, by turns of others."""

        def over() -> bool:
            self._heal()
            self.turn(2.0)
            # Backoff is for a world with real time; here what was put off is due at once.
            self.look.rows("UPDATE jobs SET run_at = created_at WHERE state = 'pending'")
            return bool(self.look.one(f"SELECT count(*) FROM jobs WHERE {_LIVE}") == 0)

        until(over, "every job is over")

    def facts(self) -> Facts:
        """What happened, for the checks."""
        facts = gather(self.look, ledger.read(self.ledger))
        facts.acked = self.acked
        facts.retried = self.acked
        return facts

    def assert_invariants(self) -> Facts:
        """Nothing that must always hold is broken."""
        facts = self.facts()
        broken = [f"{verdict.name}: {line}" for verdict in judge(ALWAYS, facts) for line in verdict.broken]
        assert broken == []
        return facts

    def _heal(self) -> None:
        paused = self.look.rows("SELECT id FROM jobs WHERE state = 'paused'")
        lifts: list[Callable[[], None]] = [
            self.rescue.resume_ticks,
            partial(self.rescue.resume_queue, "default"),
            *(partial(self.rescue.resume_job, str(job)) for (job,) in paused),
        ]
        for lift in lifts:
            try:
                lift()
            except InvalidTransition:
                continue  # not paused


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One for all crash tests of this process: its workers cost milliseconds each."""
    log = tmp_path_factory.mktemp("nursery") / "log"
    with Nursery("tests.crash.worker", log=log) as made:
        yield made


@pytest.fixture
def stage(migrated_url: str, dialect: str, tmp_path: Path, nursery: Nursery) -> Iterator[Stage]:
    """Everything a crash test needs."""
    path = tmp_path / "ledger"
    book = ledger.Ledger(path)
    with look_at(migrated_url) as look, application(migrated_url, book, newer=True) as rescue:
        chaos_audit.install(look)
        yield Stage(
            url=migrated_url, dialect=dialect, look=look, ledger=path, nursery=nursery, rescue=rescue, acked=set()
        )
    book.close()
