"""How long steps usually take: what the database remembers, and what this process has seen since."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tickover.domain.durations import Histogram

#: Seconds after which what the database said is asked for anew.
_FRESH: Final = 300.0
_QUANTILE: Final = 0.95
#: Names that one tick remembers at most: a name with a number in it must not fill the table.
_MOST: Final = 500


class Paces:
    """The durations of steps by (kind, name). Shared by the ticks of one process; it may be old or empty."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, dict[str, Histogram]]] = {}
        self._news: dict[tuple[str, str], Histogram] = {}

    def stale(self, kind: str, now: float) -> bool:
        """Whether the database should be asked about this kind."""
        known = self._known.get(kind)
        return known is None or now - known[0] > _FRESH

    def learn(self, kind: str, now: float, histograms: Mapping[str, str]) -> None:
        """Takes over what the database remembers of a kind."""
        from tickover.domain.durations import Histogram

        read = {step: Histogram.from_json(json.loads(text)) for step, text in histograms.items()}
        with self._lock:
            self._known[kind] = (now, read)

    def usual(self, kind: str, step: str) -> float | None:
        """Seconds within which 95 of 100 such steps ended; None when none was seen."""
        from tickover.domain.durations import Histogram

        with self._lock:
            together = Histogram()
            _, remembered = self._known.get(kind, (0.0, {}))
            for one in (remembered.get(step), self._news.get((kind, step))):
                if one is not None:
                    together.merge(one)
        return together.quantile(_QUANTILE)

    def saw(self, kind: str, step: str, seconds: float) -> None:
        """Counts a step that ended."""
        from tickover.domain.durations import Histogram

        with self._lock:
            if (kind, step) in self._news or len(self._news) < _MOST:
                self._news.setdefault((kind, step), Histogram()).add(seconds)

    def news(self) -> str | None:
        """What was seen since the last call, as JSON for the tick's row; it counts as remembered from now on."""
        with self._lock:
            if not self._news:
                return None
            from tickover.domain.durations import Histogram

            told: dict[str, dict[str, dict[str, int]]] = {}
            for (kind, step), histogram in self._news.items():
                told.setdefault(kind, {})[step] = histogram.to_json()
                _, remembered = self._known.setdefault(kind, (0.0, {}))
                remembered.setdefault(step, Histogram()).merge(histogram)
            self._news = {}
        return json.dumps(told)
