"""A producer span for each enqueue, a consumer span for each run, in one trace.

The W3C trace context travels in the job's row. A run's span begins with the run and ends when what became of it was
written, whatever that is; it links to the span of the run before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context as Carried
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tickover.domain.decide import Transition
from tickover.domain.job import Claimed
from tickover.domain.report import TickReport
from tickover.engine.async_context import AsyncContext
from tickover.engine.context import Context
from tickover.engine.watch import Note
from tickover.otel import ids
from tickover.otel.outcome import outcome_of

_W3C: Final = TraceContextTextMapPropagator()
_SYSTEM: Final = {"messaging.system": "tickover"}
#: Ends of runs that may have no span yet: the payload did not bind, or the process died with its span.
_TOLD_ANYWAY: Final = frozenset({"JobFailed", "JobRetrying", "JobReclaimed"})


@dataclass(frozen=True, slots=True)
class _Run:
    """A span of a run, open until it is known what became of it."""

    span: Span
    tick_id: str


class Spans:
    """See `tickover.engine.watch.Watcher`; `around` is the middleware that goes with it."""

    def __init__(self, provider: TracerProvider | None) -> None:
        self._given = provider
        self._provider: Any = None
        self._made: Tracer | None = None
        self._open: dict[tuple[str, int], _Run] = {}

    @contextmanager
    def enqueueing(self) -> Iterator[Note]:
        """A producer span around an enqueue; the jobs take its context with them."""
        start = self._tracer.start_as_current_span
        quiet: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}
        with start("enqueue", kind=SpanKind.PRODUCER, attributes=_SYSTEM, **quiet) as span:

            def note(rows: Sequence[Mapping[str, Any]]) -> None:
                kinds = {row["kind"] for row in rows}
                if len(kinds) == 1:
                    span.update_name(f"enqueue {kinds.pop()}")
                span.set_attributes({"messaging.operation.type": "send", **_about(rows)})

            try:
                yield note
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))  # its message may quote the payload
                raise

    def carried(self) -> str | None:
        """`traceparent`, and behind a blank `tracestate` if there is one, of the span that is current."""
        headers: dict[str, str] = {}
        _W3C.inject(headers)
        return " ".join(filter(None, (headers.get("traceparent"), headers.get("tracestate")))) or None

    def around(self, ctx: Context | AsyncContext) -> Iterator[None]:
        """The run's span is current while the handler runs."""
        job_id, epoch = ctx.fence
        fields = ctx.log_fields
        span = self._start(job_id, epoch, ctx.trace_context, fields)
        self._open[job_id, epoch] = _Run(span, str(fields["tick_id"]))
        # What it raises is told by the outcome, without the secrets that an exception may quote.
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield

    def settled(self, job: Claimed, transition: Transition) -> None:
        """Ends the run's span with what became of it."""
        run = self._open.pop((job.id, job.lease.epoch), None)
        if run is not None:
            span = run.span
        elif transition.event in _TOLD_ANYWAY:
            begun = int(job.started_at.timestamp() * 1e9)
            span = self._start(job.id, job.lease.epoch, job.trace_context, job.log_fields, begun)
        else:
            return
        if transition.error is not None:
            span.set_attribute("error.type", transition.error_kind or "Error")
            span.set_status(Status(StatusCode.ERROR, transition.error))
        _end(span, outcome_of(transition))

    def lost(self, job: Claimed) -> None:
        """Ends the span of a run of which nothing was kept."""
        if (run := self._open.pop((job.id, job.lease.epoch), None)) is not None:
            _end(run.span, "lost")

    def ticked(self, tick_id: str, report: TickReport | None) -> None:  # noqa: ARG002  # spans need no report
        """Leaves no span of this tick open; on Lambda also sends what waits, since the process may freeze now."""
        for key, run in list(self._open.items()):
            if run.tick_id == tick_id and self._open.pop(key, None) is not None:
                _end(run.span, "unknown")
        if "AWS_LAMBDA_FUNCTION_NAME" in os.environ and hasattr(self._provider, "force_flush"):
            self._provider.force_flush()

    def _start(
        self, job_id: str, epoch: int, carried: str | None, fields: Mapping[str, Any], begun: int | None = None
    ) -> Span:
        """A consumer span below the enqueue's, linked to the run before, whoever made that one."""
        parent, _, state = (carried or "").partition(" ")
        context = _W3C.extract({"traceparent": parent, "tracestate": state}, context=Carried())
        with ids.chosen(job_id, epoch):
            return self._tracer.start_span(
                f"run {fields['job_kind']}",
                context=context,
                kind=SpanKind.CONSUMER,
                links=_run_before(job_id, epoch, trace.get_current_span(context).get_span_context()),
                start_time=begun,
                attributes={
                    **_SYSTEM,
                    "messaging.operation.type": "process",
                    "messaging.message.id": job_id,
                    "messaging.destination.name": fields["queue"],
                    "tickover.kind": fields["job_kind"],
                    "tickover.attempt": fields["attempt"],
                    "tickover.epoch": epoch,
                    "tickover.tick_id": fields.get("tick_id", ""),
                },
            )

    @property
    def _tracer(self) -> Tracer:
        """Ours of the provider in force: an application may set the global one after it called `instrument`."""
        provider = self._given or trace.get_tracer_provider()
        if self._made is None or provider is not self._provider:
            made: Any = provider.get_tracer("tickover")
            # The SDK's tracers take their ids from here; others get no links that hold, and everything else.
            if hasattr(made, "id_generator") and not isinstance(made.id_generator, ids.Ids):
                made.id_generator = ids.Ids(made.id_generator)
            self._provider, self._made = provider, made
        return self._made


def _end(span: Span, outcome: str) -> None:
    span.set_attribute("tickover.outcome", outcome)
    span.end()


def _about(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if len(rows) != 1:
        return {"messaging.batch.message_count": len(rows)}
    return {
        "messaging.message.id": rows[0]["id"],
        "messaging.destination.name": rows[0].get("queue", "default"),
        "tickover.kind": rows[0]["kind"],
    }


def _run_before(job_id: str, epoch: int, parent: SpanContext) -> list[Link]:
    if epoch <= 1:
        return []
    trace_id = parent.trace_id if parent.is_valid else ids.trace_id(job_id)
    before = SpanContext(trace_id, ids.span_id(job_id, epoch - 1), is_remote=True, trace_flags=parent.trace_flags)
    return [Link(before)]
