"""Eight processes that are killed at random keep to caps and rates, and no job waits for ever."""

from __future__ import annotations

import random
import signal
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

import pytest

from tests.crash.limits_worker import CAP, PER, RATE, application
from tests.support import guards, ledger
from tests.support.process import Nursery, Worker, until
from tests.support.raw import Raw
from tickover import NewJob

PROCESSES, KILLS = 8, 10


@pytest.mark.timeout(240)
def test_limits_hold_with_eight_processes_and_kills(migrated_url: str, tmp_path: Path) -> None:
    book = tmp_path / "ledger"
    rescue = application(migrated_url, ledger.Ledger(book))
    dice = random.Random(20240517)
    ids = rescue.enqueue_many(
        [NewJob("capped", n) for n in range(60)]
        + [NewJob("keyed", n, tenant=f"t{n % 3}") for n in range(30)]
        + [NewJob("both", n) for n in range(20)]
        + [NewJob("rated", n) for n in range(24)]
    )
    died: dict[int, float] = {}

    def over() -> bool:
        return rescue.stats().by_state["completed"] == len(ids)

    def moved_on(seen: int) -> bool:
        return over() or len(ledger.read(book)["enter"]) > seen + 4

    with Nursery("tests.crash.limits_worker", log=tmp_path / "log") as nursery, Raw(migrated_url) as raw:

        def start() -> Worker:
            return nursery.start("tests.crash.limits_worker:main", url=migrated_url, ledger=str(book))

        def kill(worker: Worker) -> None:
            worker.send(signal.SIGKILL)
            worker.until_state("ended")
            died[worker.pid] = time.monotonic()

        workers = [start() for _ in range(PROCESSES)]
        begun = time.monotonic()
        for _ in range(KILLS):
            seen = len(ledger.read(book)["enter"])
            until(partial(moved_on, seen), "jobs run", seconds=60)
            victim = workers.pop(dice.randrange(len(workers)))
            kill(victim)
            workers.append(start())
        until(over, "every job completes", seconds=150)
        took = time.monotonic() - begun
        for worker in workers:
            kill(worker)

        told = ledger.read(book)
        assert peaks(told, died)["gpu"] <= CAP
        assert {key: most for key, most in peaks(told, died).items() if key.startswith("tenant:")} == {
            "tenant:t0": 1, "tenant:t1": 1, "tenant:t2": 1,
        }  # fmt: skip
        assert peaks(told, died)["gpu"] > 1, "the cap was put to the test"
        assert raw.one("SELECT max(used) FROM rate_windows") <= RATE
        assert raw.one("SELECT sum(used) FROM rate_windows") >= sum(line["key"] == "crm" for line in told["enter"])
        assert took > (24 / RATE - 1) * PER
        assert [line["said"] for line in told["warning"] if "deadlock" in line["said"]] == []
        guards.check(raw)
    rescue.close()


def peaks(told: dict[str, list[ledger.Line]], died: dict[int, float]) -> dict[str, int]:
    """By key how many ran at once at most. What a process had not left when it was killed, ended then."""
    moves: dict[str, list[tuple[float, int]]] = defaultdict(list)
    inside: dict[tuple[int, str], ledger.Line] = {}
    for line in sorted([*told["enter"], *told["leave"]], key=lambda line: float(line["t"])):
        run = (line["pid"], line["job"])
        if line["what"] == "enter":
            inside[run] = line
            moves[line["key"]].append((line["t"], 1))
        else:
            del inside[run]
            moves[line["key"]].append((line["t"], -1))
    for (pid, _), line in inside.items():
        moves[line["key"]].append((died[pid], -1))
    found: dict[str, int] = {}
    for key, steps in moves.items():
        now = most = 0
        for _, step in sorted(steps):  # at the same instant an end comes first
            now += step
            most = max(most, now)
        found[key] = most
    return found
