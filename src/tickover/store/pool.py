"""How many connections a process may hold, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tickover.domain.retry import Duration, seconds
from tickover.errors import InvalidArgument


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The connections of one process.

    The first one is opened when something is first asked of the database and kept; others are opened only while
    several threads ask at once, so a tick, whatever its concurrency, uses one.

    Args:
        max_open: connections at once, 1 to 10,000. With 1, a second thread waits for it, up to 30 s.
        max_idle: connections kept for the next caller; 10 where nothing is said, or `max_open` if that is less.
        max_lifetime: seconds after which a connection is replaced.
        max_idle_time: seconds after which an unused connection is replaced.
    """

    max_open: int = 25
    max_idle: int | None = None
    max_lifetime: Duration = 300.0
    max_idle_time: Duration = 60.0

    DEFAULT: ClassVar[Pool]
    HIGH_CONCURRENCY: ClassVar[Pool]
    LOW_LATENCY: ClassVar[Pool]
    RESOURCE_CONSTRAINED: ClassVar[Pool]
    SERVERLESS: ClassVar[Pool]

    @property
    def lifetime(self) -> float:
        """`max_lifetime` in seconds."""
        return seconds(self.max_lifetime, "max_lifetime", least=0.1)

    @property
    def idle_time(self) -> float:
        """`max_idle_time` in seconds."""
        return seconds(self.max_idle_time, "max_idle_time", least=0.1)

    @property
    def idle(self) -> int:
        """`max_idle`, as it was given or follows from `max_open`."""
        return min(10, self.max_open) if self.max_idle is None else self.max_idle

    def __post_init__(self) -> None:
        if not 1 <= self.max_open <= 10_000 or not 0 <= self.idle <= self.max_open:
            raise InvalidArgument("Pool takes max_open from 1 to 10,000 and max_idle from 0 to max_open.")
        if not self.lifetime or not self.idle_time:  # both refuse what they cannot read
            raise InvalidArgument("Pool takes times above zero.")


Pool.DEFAULT = Pool()
Pool.HIGH_CONCURRENCY = Pool(max_open=100, max_idle=25, max_lifetime=600, max_idle_time=120)
Pool.LOW_LATENCY = Pool(max_open=50, max_idle=40, max_lifetime=900, max_idle_time=300)
Pool.RESOURCE_CONSTRAINED = Pool(max_open=10, max_idle=5, max_lifetime=180, max_idle_time=30)
Pool.SERVERLESS = Pool(max_open=2, max_idle=1, max_lifetime=3600, max_idle_time=3600)
