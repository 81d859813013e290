"""The states of a job and the moves between them: the state diagram as a table."""

from __future__ import annotations

from typing import Final, Literal, get_args

State = Literal["pending", "running", "waiting", "paused", "completed", "failed", "cancelled"]
Counter = Literal["completed", "failures", "crashes", "yields", "stalls", "parks", "released", "aborts"]

STATES: Final[tuple[State, ...]] = get_args(State)
COUNTERS: Final[tuple[Counter, ...]] = get_args(Counter)
TERMINAL: Final[frozenset[State]] = frozenset({"completed", "failed", "cancelled"})

#: from → to. Whatever is not here is refused by every verb, and in tests by a trigger as well.
TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    "pending": frozenset({"running", "paused", "cancelled"}),
    "running": frozenset({"pending", "waiting", "paused", "completed", "failed", "cancelled"}),
    "waiting": frozenset({"pending", "paused", "failed", "cancelled"}),
    "paused": frozenset({"pending", "waiting", "cancelled"}),
    "completed": frozenset(),
    "failed": frozenset({"pending"}),  # only by an operator's retry
    "cancelled": frozenset({"pending"}),  # only by an operator's retry
}

#: Each exit from `running` adds exactly one of these; `starts` is their sum, plus one while running (5-semantics).
#: `completed`, `failures`, `crashes`, `yields`, `stalls`, `parks`, `released`, `aborts`: see the table there.
