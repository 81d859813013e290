"""`python -m tests.chaos.run`: a workload, faults from a seed, and a checker that can fail.

Phases: faults, heal, liveness, check. The exit code is 0 only when every check looked at something and found nothing
broken, every planned kind of fault happened, and no process ended in a way that nobody planned.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.chaos.checks import CHAOS
from tests.chaos.fleet import Fleet
from tests.chaos.people import People
from tests.chaos.plan import Fault, Options, plan, told
from tests.chaos.result import Result, stale_attempts
from tests.chaos.workload import SETTINGS, application, batch, late
from tests.support import chaos_audit, postgres
from tests.support.chaos_checks import judge
from tests.support.chaos_facts import Facts, gather
from tests.support.chaos_sql import BUSY, Look, look_at
from tests.support.ledger import read
from tests.support.process import Nursery
from tickover import NewJob, Tickover

_LEASE: Final = float(SETTINGS.lease) + float(SETTINGS.grace)  # type: ignore[arg-type]  # settings hold seconds once made
_LONGEST_FREEZE: Final = _LEASE + 1.5
_LEFT: Final = "SELECT count(*) FROM jobs WHERE state NOT IN ('completed', 'failed', 'cancelled')"
_OVERDUE: Final = "SELECT count(*) FROM jobs WHERE state = 'running' AND $ms(lease_until) < $nowms"


class Chaos:
    """One run on one database. Its own thread owns the processes; faults of the database have another."""

    def __init__(
        self, options: Options, url: str, room: Path, server: postgres.Server | None, say: Callable[[str], None]
    ) -> None:
        self.options, self.url, self.room, self.server, self.say = options, url, room, server, say
        self.ledger = room / "ledger"
        self.counts: Counter[str] = Counter()
        self.faults = plan(options)
        self._look = Look(url, patience=0.05)
        self._blows: list[threading.Thread] = []
        self._told = 0.0

    def run(self) -> Result:
        started = time.monotonic()
        self.say(told(self.faults))
        with ExitStack() as stack:
            jobs = stack.enter_context(application(self.url))
            kinds = self._enqueue(jobs, batch(self.options.jobs, Random(self.options.seed), spared=self.options.spared,
                                              shares=dict(self.options.shares) or None))  # fmt: skip
            nursery = stack.enter_context(Nursery("tests.chaos.worker", log=self.room / "log"))
            fleet = Fleet(nursery, self.options.ticks, self.options.seed, {"url": self.url, "ledger": str(self.ledger)})
            people = People(
                stack.enter_context(application(self.url)), kinds, self.options.seed, self.options.people_every
            )
            self._trouble(fleet, people)
            self._heal(fleet, people, late(Random(self.options.seed)) if not self.options.shares else [])
            self._patience(fleet)
            fleet.retire(30)
        self._look.close()
        seconds = time.monotonic() - started
        with look_at(self.url) as look:
            facts = gather(look, read(self.ledger))
            facts.acked = people.acked | {line["job"] for line in facts.lines.get("acked", ())}
            facts.cancelled, facts.maybe_cancelled = people.cancelled, people.maybe_cancelled
            facts.retried = people.retried
            return self._judged(facts, look, fleet, people, seconds)

    def _enqueue(self, jobs: Tickover, new: list[NewJob[Any]]) -> dict[str, str]:
        kinds = {job: one.kind for job, one in zip(jobs.enqueue_many(new), new, strict=True)}
        with look_at(self.url) as look:
            torn = "SELECT id FROM jobs WHERE kind = 'torn'"
            look.rows(f"""UPDATE job_data SET args = '{{"torn' WHERE job_id IN ({torn})""")
        return kinds

    def _trouble(self, fleet: Fleet, people: People) -> None:
        """Until everything is over, or the time for faults is: blow after blow."""
        begin = time.monotonic()
        if self.options.people_every:
            people.start()
        ahead, look_again, left = list(reversed(self.faults)), begin, self.options.jobs
        while left and not self._enough(time.monotonic() - begin, fleet, people):
            now = time.monotonic()
            while ahead and now - begin >= ahead[-1].at:
                self._strike(ahead.pop(), fleet, now)
            fleet.thaw(now, ripe=self._ripe)
            fleet.step(now)
            if now >= look_again:
                look_again, left = now + 0.3, self._left(left)
                self._progress(now - begin, left, fleet)
                if left < self.options.jobs / 10 and self.options.faults is not None:
                    people.hungry = True  # a storm needs something to hit
                elif left < self.options.jobs / 10:
                    people.stop()  # somebody who pauses for ever would never see the end
                    people.heal()
            fleet._nursery.listen(0.01)
        self.counts["seconds of faults"] = round(time.monotonic() - begin)

    def _progress(self, seconds: float, left: int, fleet: Fleet) -> None:
        if seconds >= self._told + 15:
            self._told = seconds
            self.say(f"after {seconds:4.0f} s: {left} of {self.options.jobs} left, {fleet.counts['kill']} kills")

    def _enough(self, seconds: float, fleet: Fleet, people: People) -> bool:
        """Whether the time for faults is over; it is not before each of them happened, however slow the machine."""
        if self.options.faults is None or seconds < self.options.faults:
            return False
        if seconds > 15 * self.options.faults:
            return True
        counts = self.counts + fleet.counts + people.counts
        return all(counts[what] for what in self._needed()) and stale_attempts(read(self.ledger)) > 0

    def _needed(self) -> list[str]:
        """What has to happen for the run to count."""
        people = ["cancel", "pause job", "pause queue", "pause ticks", "duplicate"] if self.options.people_every else []
        return [*self.options.expected, *people]

    def _heal(self, fleet: Fleet, people: People, more: list[NewJob[Any]]) -> None:
        people.stop()
        for blow in self._blows:
            blow.join(20)
        fleet.calm(time.monotonic())
        end = time.monotonic() + self.options.liveness
        while not people.heal() and time.monotonic() < end:
            fleet.step(time.monotonic())
        with application(self.url) as jobs:
            people.acked |= set(self._enqueue(jobs, more)) if more else set()

    def _patience(self, fleet: Fleet) -> None:
        """Liveness: without faults everything is over within the time allowed."""
        begin, left = time.monotonic(), 1
        while left and time.monotonic() - begin < self.options.liveness:
            fleet.step(time.monotonic())
            fleet.calm(time.monotonic())
            left = self._left(left)
            fleet._nursery.listen(0.05)
        self.counts["seconds of healing"] = round(time.monotonic() - begin)

    def _strike(self, fault: Fault, fleet: Fleet, now: float) -> None:
        match fault.what:
            case "kill":
                fleet.kill(fault.slot, now)
            case "freeze":
                fleet.freeze(fault.slot, now, fault.dice)
            case "restart":
                assert self.server is not None
                self.server.crash()
                self.server.start()
                self.counts["restart"] += 1
            case "terminate" | "lock":
                blow = threading.Thread(target=self._blow, args=(fault,), daemon=True)
                self._blows = [*(one for one in self._blows if one.is_alive()), blow]
                blow.start()

    def _blow(self, fault: Fault) -> None:
        """A fault inside the database, on a connection of its own; one that the database refuses did not happen."""
        try:
            with look_at(self.url, patience=1.0) as look:
                if fault.what == "terminate":
                    victims = look.rows(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tickover' "
                        f"AND datname = current_database() ORDER BY md5(pid || '{fault.dice}') LIMIT 1"
                    )
                    self.counts["terminate"] += len(victims)
                else:
                    held = "" if look.dialect == "sqlite" else "SELECT 1 FROM jobs ORDER BY id LIMIT 50 FOR UPDATE"
                    look.rows("BEGIN IMMEDIATE" if look.dialect == "sqlite" else "BEGIN")
                    if held:
                        look.rows(held)
                    threading.Event().wait(0.1 + fault.dice / 2)  # this long the lock is held
                    look.rows("ROLLBACK")
                    self.counts["lock"] += 1
        except BUSY:
            self.counts["blows in vain"] += 1

    def _ripe(self, frozen: float) -> bool:
        """A frozen tick thaws when its jobs were taken from it, or when nobody could for long."""
        if frozen < _LEASE:
            return False
        return frozen > _LONGEST_FREEZE or self._ask(_OVERDUE, 1) == 0

    def _left(self, before: int) -> int:
        return self._ask(_LEFT, before)

    def _ask(self, query: str, otherwise: int) -> int:
        """A number from the database, or the old one while it is locked or away."""
        try:
            return int(self._look.one(query))
        except BUSY:
            try:
                self._look.close()
                self._look = Look(self.url, patience=0.05)
            except BUSY:
                pass
            return otherwise

    def _judged(self, facts: Facts, look: Look, fleet: Fleet, people: People, seconds: float) -> Result:
        counts = (
            self.counts
            + fleet.counts
            + people.counts
            + Counter(
                away=len(facts.lines.get("away", ())),
                executions=len(facts.lines.get("begin", ())),
                crashes=sum(job.counters["crashes"] for job in facts.jobs.values()),
            )
        )
        verdicts = judge(CHAOS, facts)
        wrong = [f"{v.name}: {line}" for v in verdicts for line in v.broken]
        if not self.options.shares:
            wrong += [f"{v.name} looked at nothing" for v in verdicts if not v.looked_at]
            wrong += [f"the fault {what!r} never happened" for what in self._needed() if not counts[what]]
        wrong += [f"{end}: see {self.room / 'log'}" for end in fleet.strange]
        if look.dialect == "sqlite":
            wrong += [f"SQLite: {row[0]}" for row in look.rows("PRAGMA integrity_check") if row[0] != "ok"]
        elif deadlocks := look.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"):
            wrong.append(f"{deadlocks} deadlocks")
        stale = stale_attempts(facts.lines)
        return Result(verdicts=verdicts, counts=counts, seconds=seconds, jobs=len(facts.jobs), stale_attempts=stale, wrong=wrong)  # fmt: skip


@contextmanager
def arena(options: Options, room: Path) -> Iterator[tuple[str, postgres.Server | None]]:
    """A database of its own; on PostgreSQL a server of its own with the default durability, so that it may crash."""
    if options.database == "sqlite":
        yield f"sqlite:///{room / 'chaos.db'}", None
        return
    server = postgres.Server(fsync=True)
    try:
        server.start()
        yield server.url, server
    finally:
        server.remove()


def run(
    options: Options, url: str, room: Path, *, server: postgres.Server | None = None, say: Callable[[str], None] = print
) -> Result:
    """Migrates, audits, and runs one plan to its verdict."""
    with Tickover(url) as jobs, look_at(url) as look:
        jobs.migrate()
        chaos_audit.install(look)
    return Chaos(options, url, room, server, say).run()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    for name, kind in (("jobs", int), ("ticks", int), ("seed", int), ("kill-every", float), ("freeze-every", float),
                       ("terminate-every", float), ("lock-every", float), ("restart-every", float), ("faults", float),
                       ("people-every", float), ("liveness", float)):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind)
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    options = Options(**given)
    room = Path(tempfile.mkdtemp(prefix="tickover-chaos-"))
    print(f"{options}\n{room}", flush=True)
    with arena(options, room) as (url, server):
        result = run(options, url, room, server=server)
    print(result.table())
    print("FAILED" if result.wrong else "all held")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
