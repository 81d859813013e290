"""Spans and metrics through OpenTelemetry's own SDK, kept in memory."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.support.raw import Raw
from tests.support.world import claim
from tickover import Budget, Context, NewJob, NoRetry, Settings, Tickover
from tickover.errors import PayloadError
from tickover.otel import ids, instrument


class Seen:
    """What one process exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    def instrument(self, jobs: Tickover) -> Tickover:
        instrument(jobs, tracer_provider=self.tracers, meter_provider=self.meters)
        return jobs

    def spans(self, name: str = "") -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name.startswith(name)]

    def outcomes(self) -> list[Any]:
        return [(span.attributes or {})["tickover.outcome"] for span in self.spans("run")]

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def counted(self, name: str, **wanted: object) -> float:
        found = self.points(name)
        return sum(
            getattr(p, "value", getattr(p, "count", 0)) for p in found if wanted.items() <= dict(p.attributes).items()
        )


@pytest.fixture
def seen(jobs: Tickover) -> Seen:
    made = Seen()
    made.instrument(jobs)
    return made


def add_handlers(jobs: Tickover) -> None:
    @jobs.job("good")
    def good(n: int) -> int:
        return n

    @jobs.job("bad", retries=1, backoff=lambda _n, _error: 0)
    def bad() -> None:
        raise ValueError("password=hunter2 is wrong")

    @jobs.job("never", retries=5)
    def never() -> None:
        raise NoRetry("never")

    @jobs.job("coloured")
    async def coloured() -> None:
        await asyncio.sleep(0)


def test_a_run_is_a_span_below_its_enqueue(jobs: Tickover, seen: Seen, raw: Raw) -> None:
    add_handlers(jobs)
    job_id = jobs.enqueue("good", 1, queue="fast")
    stored = raw.one("SELECT trace_context FROM jobs")
    report = jobs.drain(20)
    (producer,), (consumer,) = seen.spans("enqueue"), seen.spans("run")

    assert (producer.name, producer.kind, consumer.name, consumer.kind) == (
        "enqueue good", SpanKind.PRODUCER, "run good", SpanKind.CONSUMER,
    )  # fmt: skip
    assert producer.context is not None
    assert consumer.context is not None
    assert (
        stored
        == f"00-{producer.context.trace_id:032x}-{producer.context.span_id:016x}-{int(producer.context.trace_flags):02x}"
    )
    assert consumer.parent is not None
    assert (consumer.parent.span_id, consumer.context.trace_id) == (producer.context.span_id, producer.context.trace_id)
    assert dict(consumer.attributes or {}) == {
        "messaging.system": "tickover", "messaging.operation.type": "process", "messaging.message.id": job_id,
        "messaging.destination.name": "fast", "tickover.kind": "good", "tickover.attempt": 1, "tickover.epoch": 1,
        "tickover.tick_id": jobs.ticks()[0].id, "tickover.outcome": "completed",
    }  # fmt: skip
    assert report.completed == 1


def test_the_callers_span_is_above_the_enqueue_and_a_jobs_own_enqueues_are_below_its_run(
    jobs: Tickover, seen: Seen
) -> None:
    @jobs.job
    def child() -> None: ...

    @jobs.job
    def parent() -> None:
        child.enqueue()

    with seen.tracers.get_tracer("shop").start_as_current_span("order") as order:
        parent.enqueue()
    jobs.drain(20)
    by_name = {span.name: span for span in seen.spans()}

    for name, above in (("enqueue parent", "order"), ("run parent", "enqueue parent"), ("enqueue child", "run parent"),
                        ("run child", "enqueue child")):  # fmt: skip
        span = by_name[name]
        assert span.parent is not None
        assert span.parent.span_id == by_name[above].context.span_id
    assert {span.context.trace_id for span in seen.spans()} == {order.get_span_context().trace_id}


def test_a_set_is_one_producer_span(jobs: Tickover, seen: Seen) -> None:
    add_handlers(jobs)
    jobs.enqueue_many(NewJob("good", n) for n in range(30))
    jobs.enqueue_many([NewJob("good", 1), NewJob("never")])
    jobs.drain(20)

    assert [(span.name, (span.attributes or {})["messaging.batch.message_count"]) for span in seen.spans("enqueue")] == [
        ("enqueue good", 30), ("enqueue", 2),
    ]  # fmt: skip
    assert len(seen.spans("run")) == 32
    assert seen.counted("tickover.jobs.enqueued", kind="good") == 31


def test_runs_in_several_processes_are_one_trace_each_linked_to_the_one_before(migrated_url: str) -> None:
    links = []
    for process in range(3):
        seen = Seen()
        with Tickover(migrated_url, settings=Settings()) as jobs:
            seen.instrument(jobs)

            @jobs.job(retries=2, backoff=lambda _n, _error: 0)
            def bad() -> None:
                raise ValueError

            if process == 0:
                bad.enqueue()
            jobs.tick(Budget(5, max_jobs=1))
        (run,) = seen.spans("run")
        assert run.context is not None
        links.append((run.context.trace_id, run.context.span_id, [link.context.span_id for link in run.links]))

    assert len({trace_id for trace_id, _, _ in links}) == 1
    assert [before for _, _, before in links] == [[], [links[0][1]], [links[1][1]]]


def test_a_job_that_was_enqueued_without_a_trace_has_the_same_one_in_every_run(jobs: Tickover) -> None:
    add_handlers(jobs)
    job_id = jobs.enqueue("bad")
    seen = Seen()
    seen.instrument(jobs)
    jobs.drain(20)
    first, second = seen.spans("run")

    assert first.context is not None
    assert second.context is not None
    assert first.context.trace_id == second.context.trace_id == ids.trace_id(job_id)
    assert first.parent is None
    assert [link.context.span_id for link in second.links] == [first.context.span_id]


def test_every_outcome_ends_its_span_and_says_what_it_was(jobs: Tickover, seen: Seen, raw: Raw) -> None:
    add_handlers(jobs)
    for kind in ("bad", "never", "coloured"):
        jobs.enqueue(kind)
    unbound = jobs.enqueue("good", 1, retries=0)
    raw.rows(f"UPDATE job_data SET args = '\"text\"' WHERE job_id = '{unbound}'")
    jobs.drain(20)

    assert sorted(seen.outcomes()) == ["completed", "failed", "failed", "failed", "retried"]
    assert len(jobs._core.hooks.watchers._all[0]._open) == 0  # type: ignore[attr-defined]  # the spans' watcher
    (failed,) = [span for span in seen.spans("run bad") if (span.attributes or {})["tickover.attempt"] == 2]
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "password=[redacted] is wrong")
    assert (failed.attributes or {})["error.type"] == "ValueError"
    assert failed.events == ()


def test_a_run_that_is_given_up_ends_its_span_before_its_thread_returns(jobs: Tickover, seen: Seen) -> None:
    gate = threading.Event()

    @jobs.job(timeout=0.05, retries=0)
    def stuck() -> None:
        gate.wait(30)

    stuck.enqueue()
    jobs.tick(10)
    assert seen.outcomes() == ["failed"]
    gate.set()


def test_a_run_that_is_cancelled_meanwhile_is_lost(migrated_url: str) -> None:
    seen = Seen()
    with Tickover(migrated_url, settings=Settings(lease=0.6)) as jobs:
        seen.instrument(jobs)

        @jobs.job
        def watched(ctx: Context) -> None:
            jobs.cancel(ctx.job_id)
            for _ in range(3000):
                ctx.check()
                threading.Event().wait(0.01)

        watched.enqueue()
        assert jobs.tick(20).cancelled == 1

    assert seen.outcomes() == ["lost"]
    assert seen.counted("tickover.jobs.lost", kind="watched") == 1


def test_a_run_whose_process_died_is_told_by_whoever_takes_it_back(jobs: Tickover, seen: Seen, raw: Raw) -> None:
    add_handlers(jobs)
    job_id = jobs.enqueue("good", 1)
    with jobs._core.database.link() as link:
        claim(jobs._core.store(link), 1)
    raw.expire(job_id)
    jobs.run_reaper(5)
    (told,) = seen.spans("run")

    assert seen.outcomes() == ["reclaimed"]
    assert told.context is not None
    assert told.context.span_id == ids.span_id(job_id, 1)
    assert seen.counted("tickover.jobs.reaped", kind="good") == 1


def test_instrumented_twice_everything_counts_once(jobs: Tickover, seen: Seen) -> None:
    seen.instrument(jobs)
    instrument(jobs)
    add_handlers(jobs)
    jobs.enqueue("good", 1)
    jobs.drain(20)

    assert (len(seen.spans("run")), len(seen.spans("enqueue"))) == (1, 1)
    assert seen.counted("tickover.jobs.runs") == 1
    assert seen.counted("tickover.jobs.enqueued") == 1


def test_metrics_tell_runs_times_and_ticks(jobs: Tickover, seen: Seen) -> None:
    add_handlers(jobs)
    for n in range(4):
        jobs.enqueue("good", n, queue="fast")
    jobs.enqueue("bad")
    report = jobs.tick(20)

    assert seen.counted("tickover.jobs.runs", kind="good", queue="fast", outcome="completed") == 4
    assert seen.counted("tickover.jobs.runs", kind="bad", outcome="retried") == 1
    assert seen.counted("tickover.jobs.runs", kind="bad", outcome="failed") == 1
    assert seen.counted("tickover.job.duration", kind="good") == seen.counted("tickover.job.wait", kind="good") == 4
    assert seen.counted("tickover.ticks", stopped_because="empty", trigger="call") == 1
    assert seen.counted("tickover.tick.statements") == report.statements
    assert all(point.min >= 0 for point in seen.points("tickover.job.wait"))


@pytest.mark.parametrize("lacking", ["get_meter", "create_histogram"])
def test_a_meter_provider_that_lacks_something_costs_one_line_in_the_log(
    jobs: Tickover, caplog: pytest.LogCaptureFixture, lacking: str
) -> None:
    class Meters:
        def __getattr__(self, name: str) -> Any:
            if name == lacking:
                raise AttributeError(name)
            return lambda *_args, **_kwargs: Meters()

    seen = Seen()
    with caplog.at_level(logging.WARNING, "tickover"):
        instrument(jobs, tracer_provider=seen.tracers, meter_provider=Meters())  # type: ignore[arg-type]  # that is the point
        add_handlers(jobs)
        jobs.enqueue("good", 1)
        assert jobs.drain(20).completed == 1

    assert [record.name for record in caplog.records] == ["tickover.otel"]
    assert len(seen.spans("run")) == 1


def test_a_refused_enqueue_ends_its_span_as_an_error_and_counts_nothing(jobs: Tickover, seen: Seen) -> None:
    add_handlers(jobs)
    with pytest.raises(PayloadError):
        jobs.enqueue("good", "secret text")
    (span,) = seen.spans("enqueue")

    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "PayloadError")
    assert "secret" not in span.to_json()
    assert seen.counted("tickover.jobs.enqueued") == 0


def test_what_a_watcher_raises_changes_nothing(
    jobs: Tickover, seen: Seen, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("exporter")

    for watcher in jobs._core.hooks.watchers:
        monkeypatch.setattr(watcher, "settled", broken)
    add_handlers(jobs)
    jobs.enqueue("good", 1)

    assert jobs.drain(20).completed == 1
    assert "no job is affected" in caplog.text


@pytest.fixture(autouse=True)
def no_span_is_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test did, its thread has no current span of ours at its end."""
    yield
    assert not trace.get_current_span().get_span_context().is_valid
