"""What the engine may ask of caps and rates; a part of `tickover.store.port.Store`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from tickover.domain.admission import Room, Verdict
    from tickover.domain.ids import JobId
    from tickover.domain.job import Lease

#: The number of a limit, and the length of a rate's window in milliseconds; None: as they are stored, and no rate.
Numbers: TypeAlias = tuple[int | None, int | None]


class LimitVerbs(Protocol):
    """Locks, counts and places of limits; see `engine.admit` for their order."""

    def lock_limits(self, numbers: Mapping[str, Numbers]) -> None:
        """Locks caps and rates in key order, until the open transaction ends, and writes the numbers that are given."""

    def limit_room(self, numbers: Mapping[str, Numbers], jobs: Sequence[JobId]) -> Room:
        """What is left of locked limits, the places of these jobs themselves aside."""

    def take_limits(self, verdicts: Mapping[JobId, Verdict], leases: Mapping[JobId, Lease], room: Room) -> None:
        """Writes what was decided for claimed jobs that are locked."""

    def pass_caps(self, keys: Iterable[str]) -> int:
        """Wakes as many as there is room for in these locked caps; returns how many."""

    def free_slots(self, jobs: Iterable[JobId]) -> None:
        """Removes the places and promises of jobs."""

    def caps_waited_for(self, limit: int) -> tuple[list[str], bool]:
        """At most so many keys of caps for which somebody waits; and whether there is anything to prune."""

    def prune_limits(self) -> None:
        """Removes what no limit needs any more."""
