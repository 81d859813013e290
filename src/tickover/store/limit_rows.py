"""Caps and rates as rows and as values: what `engine.admit` asks of a store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from tickover.domain.ids import JobId

if TYPE_CHECKING:
    from tickover.domain.admission import Room, Verdict
    from tickover.domain.job import Lease
    from tickover.store.link import Row

_KEYS_AT_ONCE: Final = 1000


class LimitRows:
    """The part of a store that knows limits. Nothing here is called for jobs without any."""

    log: Literal["all", "failures", "none"]

    def call(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a verb by name."""
        raise NotImplementedError  # abstract: SqlStore has it

    def lock_limits(self, numbers: Mapping[str, tuple[int | None, int | None]]) -> None:
        self.call("limit_lock", limits=_asked(numbers))

    def limit_room(self, numbers: Mapping[str, tuple[int | None, int | None]], jobs: Sequence[JobId]) -> Room:
        from tickover.domain.admission import Room, Windows

        rows = self.call("limit_room", limits=_asked(numbers), ids=json.dumps(list(jobs)))
        now = next(int(row[2]) for row in rows if row[0] == "now")
        room = Room(now=now, caps={}, rates={}, promised={})
        promised: dict[tuple[JobId, str], int] = {}
        for key, (_, per_ms) in numbers.items():
            if per_ms is not None:
                room.rates[key] = Windows(now=now // per_ms)
        for what, key, first, second, _, job_id in rows:
            if what == "cap":
                room.caps[key] = int(first) - int(second)
            elif what == "rate" and key in room.rates:
                room.rates[key].know(int(first), int(second))
            elif what == "promise":
                promised[JobId(str(job_id)), key] = int(first)
        room.promised = promised
        return room

    def take_limits(self, verdicts: Mapping[JobId, Verdict], leases: Mapping[JobId, Lease], room: Room) -> None:
        from tickover.domain.admission import Admitted, CapFull, NotYet

        slots, counts = [], []
        over = [{"key": key, "id": job_id} for job_id, key in room.promised]
        for job_id, verdict in verdicts.items():
            row = {"id": job_id, "epoch": leases[job_id].epoch}
            match verdict:
                case Admitted(slots=keys, counted=counted):
                    slots += [{**row, "key": key} for key in keys]
                    counts += [{"key": key, "number": window, "used": 1} for key, window in counted]
                case CapFull(returned=returned):
                    counts += [{"key": key, "number": window, "used": -1} for key, window in returned]
                case NotYet(promised=promised):
                    slots += [{**row, "key": key, "promised": window} for key, window in promised]
                    counts += [{"key": key, "number": window, "used": 1} for key, window in promised]
        self.call("limit_take", slots=json.dumps(slots), counts=json.dumps(counts), over=json.dumps(over))

    def pass_caps(self, keys: Iterable[str]) -> int:
        return len(self.call("limit_pass", keys=json.dumps(sorted(keys)), log=self.log))

    def free_slots(self, jobs: Iterable[JobId]) -> None:
        self.call("limit_free", ids=json.dumps(sorted(jobs)))

    def caps_waited_for(self, limit: int) -> tuple[list[str], bool]:
        rows = self.call("limit_waits", limit=limit)
        keys = [str(row[0]) for row in rows if row[0] is not None]
        return keys, len(keys) < len(rows)

    def prune_limits(self) -> None:
        self.call("limit_prune")
        self.call("limit_unused", limit=_KEYS_AT_ONCE)


def _asked(numbers: Mapping[str, tuple[int | None, int | None]]) -> str:
    return json.dumps([{"key": key, "most": most, "per_ms": per_ms} for key, (most, per_ms) in sorted(numbers.items())])
