"""Which moves may be written in one transaction, so that no two ticks ever wait for each other (rule 7)."""

from __future__ import annotations

from collections.abc import Container, Sequence

from tickover.domain.decide import Transition
from tickover.domain.ids import JobId


def levels(moves: Sequence[Transition], parents: Container[JobId]) -> list[list[Transition]]:
    """The sets in which these are written, one transaction each; the first may be empty.

    What looks before it writes, and what writes many rows, has a transaction of its own. And so have parents: one that
    was paused and resumed runs again while its children run. Written together with one of them, it is held while the
    fan-out is waited for; and whoever ends another child holds the fan-out and waits for the parent
    (tests/model/flush.py). Those without a fan-out above them lock nothing else, and go together.

    Args:
        moves: transitions of different jobs.
        parents: jobs that began a fan-out in an earlier run.
    """
    ends = [move for move in moves if move.park is None]
    apart = [end for end in ends if end.lease.job_id in parents]
    roots = [end for end in apart if end.fan_out_id is None]
    looks = [move for move in moves if move.park is not None and move.park.creates is None]
    alone = [end for end in apart if end.fan_out_id is not None]
    alone += [move for move in moves if move.park is not None and move.park.creates is not None]
    together = [end for end in ends if end.lease.job_id not in parents]
    return [together, *(part for part in (roots, looks) if part), *([move] for move in alone)]
