"""What a verb asks of the thread or task that runs it, as values; so each verb is written once, for both colours.

A verb is a generator: it yields one of these, gets the answer back or has the error thrown in, and returns its value.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from tickover.domain.checkpoint import Checkpoint

if TYPE_CHECKING:
    from tickover.engine.facts import JobContext
    from tickover.store.port import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Do:
    """Run user code."""

    call: Callable[[], Any]
    #: Seconds; None for no limit.
    timeout: float | None = None
    #: The context of a called handler; None for a step, inside which no verb may be used.
    context: JobContext | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """Make checkpoints durable; the answer is what stands under the last one's key."""

    checkpoints: tuple[Checkpoint, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Have the tick do something on its connection that it may do again after a cut."""

    work: Callable[[Store], Any]


@dataclass(frozen=True, slots=True)
class Rest:
    """Wait for so many seconds, or until the tick says something."""

    seconds: float


Effect: TypeAlias = Do | Keep | Ask | Rest
Verb: TypeAlias = Generator[Effect, Any, T]
