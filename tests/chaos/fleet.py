"""The tick processes of a run: a fixed number of slots, each always filled with a short-lived process."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.chaos.workload import POISON_EXIT, WINDOW
from tests.support.process import Nursery, Worker

#: How long an idle slot rests before its next process looks again.
_REST: Final = 0.1
#: A thawed process is left alone for so long: it has to try what a stale holder tries.
_SPARED: Final = 0.5
_REAPERS: Final = 0.08
#: Where the next tick freezes itself, for one half of the freezes: random instants find what points forget.
_POINTS: Final = ("settle.before_send", "claim.after_commit", "flush.before", "beat.before_send")


@dataclass(slots=True)
class Slot:
    """One place in the fleet."""

    worker: Worker | None = None
    rest_until: float = 0.0
    stop_next_at: str | None = None
    frozen_at: float | None = None
    spared_until: float = 0.0


class Fleet:
    """Starts, kills, freezes and thaws; counts what it did. `step` is called often, from one thread."""

    def __init__(self, nursery: Nursery, slots: int, seed: int, spec: dict[str, Any]) -> None:
        self.slots = [Slot() for _ in range(slots)]
        self.counts: Counter[str] = Counter()
        #: Ends that nobody planned.
        self.strange: list[str] = []
        self._nursery = nursery
        self._dice = Random(seed)
        self._spec = spec

    def step(self, now: float, *, filling: bool = True) -> None:
        """Takes in what happened and, when filling, starts a process in every empty slot that has rested."""
        self._nursery.listen()
        for slot in self.slots:
            if slot.worker is not None and slot.worker.state == "ended":
                self._buried(slot, slot.worker, now)
            elif slot.worker is not None and slot.worker.state == "stopped" and slot.frozen_at is None:
                slot.frozen_at = now
                self.counts["freeze"] += 1
                self.counts["of these at a point"] += 1
            if slot.worker is None and filling and now >= slot.rest_until:
                self._fill(slot)

    def kill(self, number: int, now: float) -> None:
        """Kills whoever is in the slot, unless it is frozen or just thawed."""
        slot = self.slots[number]
        if slot.worker is not None and slot.frozen_at is None and now >= slot.spared_until:
            slot.worker.send(signal.SIGKILL)

    def freeze(self, number: int, now: float, dice: float) -> None:
        """Stops whoever is in the slot; or has the next one there stop itself at a named point."""
        slot = self.slots[number]
        if dice < 0.5:
            slot.stop_next_at = _POINTS[int(2 * dice * len(_POINTS))]
        elif slot.worker is not None and slot.frozen_at is None:
            slot.worker.send(signal.SIGSTOP)
            slot.frozen_at = now
            self.counts["freeze"] += 1

    def thaw(self, now: float, *, ripe: Callable[[float], bool]) -> None:
        """Continues every frozen process whose time, in seconds frozen, is ripe."""
        for slot in self.slots:
            if slot.frozen_at is not None and ripe(now - slot.frozen_at):
                if slot.worker is not None:
                    slot.worker.send(signal.SIGCONT)
                    slot.worker.state = "running"  # the news will come; until then it must not count as frozen again
                slot.frozen_at, slot.spared_until = None, now + _SPARED
                self.counts["thaw"] += 1

    def calm(self, now: float) -> None:
        """No process freezes itself any more, and whoever is frozen goes on."""
        for slot in self.slots:
            slot.stop_next_at = None
        self.thaw(now, ripe=lambda _: True)

    def retire(self, seconds: float) -> None:
        """Waits until every process has ended by itself; one that does not is strange."""
        end = time.monotonic() + seconds
        while any(slot.worker is not None for slot in self.slots) and time.monotonic() < end:
            self._nursery.listen(0.05)
            self.step(time.monotonic(), filling=False)
            self.calm(time.monotonic())
        self.strange += [f"a process never ended: {slot.worker.state}" for slot in self.slots if slot.worker]

    def _fill(self, slot: Slot) -> None:
        what = "reaper" if self._dice.random() < _REAPERS else "tick"
        slot.worker = self._nursery.start(
            "tests.chaos.worker:main", what=what, seconds=WINDOW, stop_at=slot.stop_next_at, **self._spec
        )
        slot.stop_next_at = None
        self.counts[f"{what}s started"] += 1

    def _buried(self, slot: Slot, worker: Worker, now: float) -> None:
        slot.worker, slot.frozen_at = None, None
        match worker.code:
            case -9:
                self.counts["kill"] += 1
            case code if code == POISON_EXIT:
                self.counts["poisoned"] += 1
            case 0:
                self.counts["returned"] += 1
                report = worker.heard("report")
                if report is None or not report["more"]:
                    slot.rest_until = now + _REST
            case code:
                self.strange.append(f"a process ended with {code}")
