"""Which moves are written in one transaction (rule 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tickover.domain.decide import Transition


def sets(moves: Sequence[Transition]) -> list[list[Transition]]:
    """The sets in which these are written, one transaction each; the first may be empty.

    Ends go together, whatever their level in a tree: locks have one order (0028). What looks before it writes has a
    transaction of its own, and so has each fan-out that begins: it writes many rows.
    """
    ends = [move for move in moves if move.park is None]
    looks = [move for move in moves if move.park is not None and move.park.creates is None]
    begins = [[move] for move in moves if move.park is not None and move.park.creates is not None]
    return [ends, *([looks] if looks else []), *begins]
