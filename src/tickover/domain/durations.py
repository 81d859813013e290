"""How long something takes, as counts on a log scale: small, mergeable, and good enough to gate a start."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Four buckets to a doubling: a quantile is right within 19 %.
_PER_DOUBLING = 4
_SHORTEST = 0.001
#: Durations that are remembered, about; the older ones count for less and less.
_MOST = 10_000


def bucket(seconds: float) -> int:
    """The bucket of a duration; what is shorter than a millisecond counts as one."""
    return math.ceil(_PER_DOUBLING * math.log2(max(seconds, _SHORTEST) / _SHORTEST) - 1e-9)


@dataclass(slots=True)
class Histogram:
    """Counts by bucket."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        self.counts[bucket(seconds)] += 1

    def merge(self, other: Histogram) -> None:
        self.counts.update(other.counts)

    def fade(self) -> None:
        """Halves every count when there are many, so that what a step takes now outweighs what it took last year."""
        if self.counts.total() > _MOST:
            self.counts = Counter({index: count // 2 for index, count in self.counts.items() if count > 1})

    def quantile(self, share: float) -> float | None:
        """The upper edge of the bucket in which that share of all durations is reached; None when there are none."""
        left = share * self.counts.total()
        for index in sorted(self.counts):
            left -= self.counts[index]
            if left <= 0:
                return _SHORTEST * math.pow(2.0, index / _PER_DOUBLING)
        return None

    def to_json(self) -> dict[str, int]:
        return {str(index): count for index, count in sorted(self.counts.items())}

    @classmethod
    def from_json(cls, counts: Mapping[str, int]) -> Histogram:
        return cls(Counter({int(index): int(count) for index, count in counts.items()}))
