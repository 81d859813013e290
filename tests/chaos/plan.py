"""A run's options and its faults: who is hit when, all of it from one seed."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

What = Literal["kill", "freeze", "terminate", "lock", "restart"]
HORIZON: Final = 1800.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is: everything that two equal runs have in common."""

    database: Literal["sqlite", "postgresql"]
    jobs: int = 400
    ticks: int = 3
    seed: int = 1
    #: Mean seconds between two kills of one slot; 0 is never. The others are per fleet.
    kill_every: float = 1.0
    freeze_every: float = 3.0
    terminate_every: float = 1.0
    lock_every: float = 4.0
    restart_every: float = 0.0
    #: Seconds of faults; None is until every job is over.
    faults: float | None = None
    #: Seconds after the faults within which every job is over.
    liveness: float = 120.0
    #: Mean seconds between two deeds of people: cancel, pause, resume, retry, enqueue; 0 is nobody there.
    people_every: float = 0.25
    #: Whether innocent jobs may crash any number of times.
    spared: bool = True
    #: Kinds and their shares, when not the usual mix.
    shares: tuple[tuple[str, float], ...] = ()

    @property
    def expected(self) -> list[What]:
        """The faults that must have happened for the run to count."""
        every: dict[What, float] = {
            "kill": self.kill_every,
            "freeze": self.freeze_every,
            "terminate": self.terminate_every if self.database == "postgresql" else 0.0,
            "lock": self.lock_every,
            "restart": self.restart_every if self.database == "postgresql" else 0.0,
        }
        return [what for what, seconds in every.items() if seconds > 0]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One blow: when (seconds from the start), what, to which slot, and a number for whatever else is chosen."""

    at: float
    what: What
    slot: int
    dice: float


def plan(options: Options) -> list[Fault]:
    """Every fault of a run, in order."""
    dice = Random(options.seed)
    streams: list[tuple[What, float, int | None]] = [
        *(("kill", options.kill_every, slot) for slot in range(options.ticks)),
        ("freeze", options.freeze_every, None),
        ("terminate", options.terminate_every, None),
        ("lock", options.lock_every, None),
        ("restart", options.restart_every, None),
    ]
    faults = []
    for what, mean, slot in streams:
        if mean <= 0 or what not in options.expected:
            continue
        at = dice.expovariate(1 / mean)
        while at < HORIZON:
            where = dice.randrange(options.ticks) if slot is None else slot
            faults.append(Fault(round(at, 3), what, where, dice.random()))
            # A restart takes a second or two itself: not on top of one another.
            at += dice.expovariate(1 / mean) + (5.0 if what == "restart" else 0.0)
    return sorted(faults)


def told(faults: list[Fault], *, first: int = 12) -> str:
    """The plan in a few lines: a digest that two equal plans share, and how it begins."""
    digest = hashlib.sha256(repr(faults).encode()).hexdigest()[:12]
    minute = Counter(fault.what for fault in faults if fault.at < 60)
    shown = " · ".join(f"{f.at:.2f}s {f.what} {f.slot}" for f in faults[:first])
    return f"plan {digest}: in its first minute {dict(minute)}; it begins {shown} …"
