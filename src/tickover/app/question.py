"""What is asked after a commit: a tick, for whom and when; many questions become one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ask:
    """One question, asked after a commit: a tick for these queues now (`at` None), or at an instant."""

    woken: Callable[[datetime | None, Iterable[str]], None]
    at: datetime | None
    queues: frozenset[str] = frozenset()

    def __call__(self) -> None:
        """Asks."""
        self.woken(self.at, self.queues)


def merged(calls: Iterable[Callable[[], None]]) -> Iterator[Callable[[], None]]:
    """The same calls, with all questions to one application merged into one for now and one for the first time."""
    asks: dict[tuple[object, bool], Ask] = {}
    for call in calls:
        if not isinstance(call, Ask):
            yield call
            continue
        key = (call.woken, call.at is None)
        known = asks.get(key, call)
        at = None if call.at is None or known.at is None else min(call.at, known.at)
        asks[key] = Ask(call.woken, at, known.queues | call.queues)
    yield from asks.values()
