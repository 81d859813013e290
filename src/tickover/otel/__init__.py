"""OpenTelemetry for those who install `tickover[otel]`: `instrument(jobs)`, once, beside your exporters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tickover import Tickover
from tickover.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


def instrument(
    jobs: Tickover, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> None:
    """Traces and counts what this application enqueues and runs from now on. The second call does nothing.

    Args:
        jobs: the application.
        tracer_provider: default the global one, also when it is set later.
        meter_provider: default the global one. One that cannot make our instruments costs the metrics and a log line.

    Raises:
        ConfigurationError: OpenTelemetry is not installed.
    """
    try:
        from tickover.otel.metrics import Metrics
        from tickover.otel.spans import Spans
    except ImportError as error:
        raise ConfigurationError("instrument() needs tickover[otel]: the OpenTelemetry API.") from error
    hooks = jobs._core.hooks  # noqa: SLF001  # an edge of the same library
    if any(isinstance(watcher, Spans) for watcher in hooks.watchers):
        return
    spans = Spans(tracer_provider)
    hooks.watchers.add(spans)
    hooks.middleware.insert(0, spans.around)  # outermost: the application's own middleware is part of the run
    if (metrics := Metrics.of(meter_provider)) is not None:
        hooks.watchers.add(metrics)


__all__ = ["instrument"]
