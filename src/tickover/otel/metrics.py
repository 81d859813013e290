"""Numbers through one meter, so that any exporter has them: OTLP, Prometheus, CloudWatch's embedded format.

Attributes are kinds, queues and outcomes, whose number is bounded; never ids, tenants or keys.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import metrics
from opentelemetry.metrics import Meter, MeterProvider

from tickover.domain.decide import Transition
from tickover.domain.job import Claimed
from tickover.domain.report import TickReport
from tickover.engine.watch import Note
from tickover.otel.outcome import outcome_of

_log: Final = logging.getLogger("tickover.otel")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


class Metrics:
    """See `tickover.engine.watch.Watcher`."""

    @classmethod
    def of(cls, provider: MeterProvider | None) -> Metrics | None:
        """The metrics of a provider; None, and one line in the log, when it cannot make them."""
        try:
            return cls(metrics.get_meter("tickover", meter_provider=provider))
        except Exception as error:  # noqa: BLE001  # whatever it lacks: jobs run without numbers too
            _log.warning("no metrics: the meter provider cannot make them (%s: %s)", type(error).__name__, error)
            return None

    def __init__(self, meter: Meter) -> None:
        count, spread = meter.create_counter, meter.create_histogram
        buckets: dict[str, Any] = {"unit": "s", "explicit_bucket_boundaries_advisory": _SECONDS}
        self._enqueued = count("tickover.jobs.enqueued", description="Jobs written.")
        self._runs = count("tickover.jobs.runs", description="Runs that ended, by what became of them.")
        self._lost = count("tickover.jobs.lost", description="Runs of which nothing was kept: their lease was lost.")
        self._reaped = count("tickover.jobs.reaped", description="Jobs taken back from a tick that died.")
        self._took = spread("tickover.job.duration", description="How long a run took.", **buckets)
        self._waited = spread("tickover.job.wait", description="From due to started.", **buckets)
        self._ticks = count("tickover.ticks", description="Ticks, by why they stopped.")
        self._tick_took = spread("tickover.tick.duration", description="How long a tick took.", **buckets)
        self._statements = count("tickover.tick.statements", description="SQL statements that ticks sent.")

    @contextmanager
    def enqueueing(self) -> Iterator[Note]:
        """Counts the jobs of an enqueue that did not raise."""
        noted: list[Mapping[str, Any]] = []
        yield noted.extend
        for row in noted:
            self._enqueued.add(1, {"kind": row["kind"], "queue": row.get("queue", "default")})

    def carried(self) -> str | None:
        """Nothing: a number has no trace."""
        return None

    def settled(self, job: Claimed, transition: Transition) -> None:
        """Counts a run by its outcome, and says how long it took and had waited."""
        about = {"kind": job.kind, "queue": job.queue}
        outcome = outcome_of(transition)
        self._runs.add(1, {**about, "outcome": outcome})
        if transition.counter == "crashes":
            self._reaped.add(1, about)
            return
        if transition.seconds is not None:
            self._took.record(transition.seconds, {**about, "outcome": outcome})
            # Both by the database's clock; a job that was claimed before it was due never was.
            self._waited.record(max(0.0, (job.started_at - job.run_at).total_seconds()), about)

    def lost(self, job: Claimed) -> None:
        """Counts a run of which nothing was kept."""
        self._lost.add(1, {"kind": job.kind, "queue": job.queue})

    def ticked(self, tick_id: str, report: TickReport | None) -> None:  # noqa: ARG002  # an id is no attribute
        """Counts a tick or a run of the reaper."""
        if report is None:
            self._ticks.add(1, {"stopped_because": "raised"})
            return
        about = {"stopped_because": report.stopped_because, "trigger": report.trigger}
        self._ticks.add(1, about)
        self._tick_took.record(report.seconds, about)
        self._statements.add(report.statements, about)
