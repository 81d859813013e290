"""Where the runs of one tick turn to, and what the application lends to their workflows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tickover.engine.turns import Turns

if TYPE_CHECKING:
    from tickover.domain.budget import Window
    from tickover.domain.ids import JobId, StepKey
    from tickover.engine.inbox import Inbox
    from tickover.engine.paces import Paces
    from tickover.engine.plan import Plan
    from tickover.engine.registry import Registry
    from tickover.engine.turns import Transact


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the application lends to the workflows of a tick."""

    #: The row of the enqueue verb for a NewJob, checked; without an id. Options that neither it nor its registration
    #: says come from the mapping.
    row: Callable[[Any, Mapping[str, Any]], dict[str, Any]]
    #: Writes rows of the enqueue verb in the open transaction of a store; returns the ids that stand for them.
    write: Callable[[Any, list[dict[str, Any]]], list[str]]
    #: Runs `work(connection)` in a transaction of its own that ends with a checkpoint under the job's fence.
    transact: Transact
    #: The signed token of a callback, and the id of the key that signed it.
    sign: Callable[[JobId, int, StepKey, datetime | None], tuple[str, str]]
    #: The database's clock where it is this process's own (SQLite); None where a server has one.
    clock: Callable[[], datetime] | None
    #: Where callbacks are answered; None when nobody said.
    public_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the runs of one tick turn to."""

    inbox: Inbox
    registry: Registry
    #: Whose tick this is: façade calls of the same application go through its connection.
    owner: object
    monotonic: Callable[[], float]
    window: Callable[[], Window]
    means: Means
    paces: Paces
    turns: Turns
    #: Seconds that a lease renewed now lasts.
    lease: Callable[[], float]

    @classmethod
    def of(cls, plan: Plan, inbox: Inbox, registry: Registry, window: Callable[[], Window]) -> Desk:
        """The desk of a tick with this plan."""
        patience = min(plan.transaction_timeout, plan.lease / 2)
        return cls(
            inbox=inbox, registry=registry, owner=plan.owner, monotonic=plan.monotonic, window=window, means=plan.means(),
            paces=plan.paces, lease=lambda: plan.lease_from(plan.monotonic()), turns=Turns(single_writer=plan.single_writer, patience=patience),
        )  # fmt: skip
