"""The platform: functions, queues and schedules, and everything that happens between them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self

from tickover.clock import Clock, poll
from tickover.errors import ConfigurationError
from tickover.twin import trace as traces
from tickover.twin.endpoint import Endpoint
from tickover.twin.front import Front
from tickover.twin.function import Answer, Function
from tickover.twin.queue import Message, Queue
from tickover.twin.rules import Rules
from tickover.twin.timeline import RealTimeline, Timeline, VirtualClock

Source = Literal["invoke", "async", "sqs", "schedule", "timer", "url"]


@dataclass(frozen=True, slots=True)
class Invoked:
    """One invocation, or one that the platform refused."""

    function: str
    source: Source
    at: datetime
    #: Which invocation of this function in its chain of requests it was.
    hop: int
    event: Any
    #: `ok`, the kind of its error; `dropped` where the chain was too long, `throttled` where no process was free.
    outcome: str
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a function is to be invoked with, and how it came to that."""

    function: str
    payload: bytes
    source: Source
    trace: str
    #: Since when it waits, and how often it was tried.
    since: datetime
    tried: int = 0


class TooManyRequests(Exception):
    """No process is free, and somebody waits for the answer."""


class Platform:
    """Plays AWS in this process: `with Platform() as platform: platform.add(Function(…))`.

    Args:
        rules: what the platform promises; default is AWS's own numbers.
        clock: a `VirtualClock` that the test moves; by default real time.
        seed: of the chance in duplicates, losses and the moment at which a schedule fires.
    """

    def __init__(self, rules: Rules | None = None, *, clock: VirtualClock | None = None, seed: int = 0) -> None:
        self.rules = rules or Rules()
        self.timeline: Timeline = clock or RealTimeline()
        self.functions: dict[str, Function] = {}
        self.queues: dict[str, Queue] = {}
        self.schedules: dict[str, datetime] = {}
        #: What Secrets Manager knows, by ARN.
        self.secrets: dict[str, str] = {}
        self.invoked: list[Invoked] = []
        self._dice = random.Random(seed)  # noqa: S311  # chance in a simulation
        self._endpoint: Endpoint | None = None
        self._fronts: dict[str, Front] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends every process and server of the twin."""
        self._closed = True
        self.timeline.close()
        for front in self._fronts.values():
            front.close()
        if self._endpoint is not None:
            self._endpoint.close()
        for function in self.functions.values():
            function.close()

    # --- what there is ------------------------------------------------------------------------------------------------

    def add(self, function: Function) -> Function:
        """Deploys a function."""
        if not callable(function.handler):
            function.reach(self.endpoint)
        self.functions[function.name] = function
        return function

    def queue(self, name: str, **options: Any) -> str:
        """Makes a queue (the options are `Queue`'s) and returns its URL."""
        queue = Queue(name=name, **options)
        if queue.target is not None and queue.visibility < self.functions[queue.target].timeout:
            raise ConfigurationError("AWS refuses a queue whose visibility timeout is shorter than its function's.")
        self.queues[name] = queue
        return f"{self.endpoint}/000000000000/{name}"

    def every(self, seconds: float, function: str, event: Any = None) -> None:
        """Invokes a function on a timer, as a rule with `rate(…)` does."""

        def tick() -> None:
            self._at(seconds, tick)
            payload = (
                {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}} if event is None else event
            )
            self._async(function, json.dumps(payload).encode(), "timer", traces.fresh())

        self._at(seconds, tick)

    @property
    def endpoint(self) -> str:
        """The URL that AWS clients take as `AWS_ENDPOINT_URL`; functions have it already."""
        if self._endpoint is None:
            self._endpoint = Endpoint(self)
        return self._endpoint.url

    def url(self, function: str) -> str:
        """The Function URL: an HTTP server on this machine."""
        if function not in self._fronts:
            self._fronts[function] = Front(lambda event: self.invoke(function, event, source="url"))
        return self._fronts[function].url

    def client(self, service: Literal["lambda", "sqs", "scheduler"]) -> Any:
        """A client for functions that run in this process: the calls that wakers make, without HTTP."""
        from tickover.twin.clients import Client

        return Client(self, service)

    # --- what others ask of it ----------------------------------------------------------------------------------------

    def invoke(
        self, function: str, event: Any = None, *, source: Source = "invoke", trace: str | None = None
    ) -> Answer:
        """Invokes a function and waits for its answer.

        Raises:
            TooManyRequests: all its processes are busy.
        """
        asked = Event(
            function=function, payload=json.dumps(event).encode(), source=source, trace=trace or traces.fresh(),
            since=self.timeline.now(),
        )  # fmt: skip
        answer = self._run(asked, wait=0.5)
        if answer is None:
            raise TooManyRequests(function)
        return answer

    def invoke_later(self, function: str, payload: bytes, trace: str | None = None) -> None:
        """Invokes a function asynchronously: perhaps twice, perhaps never, and again when it fails."""
        if function not in self.functions:
            raise KeyError(function)
        self._async(function, payload, "async", trace or traces.fresh())

    def send(self, queue: str, body: str, *, delay: float = 0.0, trace: str | None = None) -> str:
        """Sends a message; returns its id."""
        if not 0 <= delay <= 900:
            raise ConfigurationError("SQS delays a message by 0 to 900 seconds.")
        now = self.timeline.now()
        message = Message(body, trace, now + timedelta(seconds=delay), now)
        found = self.queues[queue]
        with found.lock:
            found.messages.append(message)
        self._at(delay, lambda: self._deliver(found))
        return message.message_id

    def schedule(self, name: str, at: datetime, target: str, payload: str) -> bool:
        """Makes a one-shot schedule that is deleted when it has fired; returns False where the name is taken."""
        if name in self.schedules:
            return False
        self.schedules[name] = at
        late = self._dice.random() * self.rules.precision

        def fire() -> None:
            del self.schedules[name]
            kind, _, rest = target.removeprefix("arn:aws:").partition(":")
            called = rest.rsplit(":", 1)[-1]
            if kind == "sqs":
                self.send(called, payload)
            else:
                self._async(called, payload.encode(), "schedule", traces.fresh())  # a new chain: it is not traced

        self.timeline.at(at + timedelta(seconds=late), fire)
        return True

    # --- for tests ----------------------------------------------------------------------------------------------------

    def ran(self, function: str) -> list[Invoked]:
        """The invocations of a function so far, in the order in which they ended."""
        return [invoked for invoked in self.invoked if invoked.function == function]

    def wait(self, ask: Any, *, seconds: float = 30.0, clock: Clock | None = None) -> Any:
        """Waits until `ask()` is true, for that long at most; returns what it last answered."""
        from tickover.clock import SystemClock

        return poll(lambda: ask() or None, timeout=seconds, clock=clock or SystemClock(), longest=0.02)

    # --- how it does it -----------------------------------------------------------------------------------------------

    def _at(self, seconds: float, act: Any) -> None:
        self.timeline.at(self.timeline.now() + timedelta(seconds=seconds), act)

    def _async(self, function: str, payload: bytes, source: Source, trace: str) -> None:
        if self._dice.random() * 100 < self.rules.lost:
            return
        event = Event(function=function, payload=payload, source=source, trace=trace, since=self.timeline.now())
        for _ in range(2 if self._dice.random() * 100 < self.rules.duplicates else 1):
            self._at(self.rules.latency, lambda: self._attempt(event))

    def _attempt(self, event: Event) -> None:
        config = self.functions[event.function]
        answer = self._run(event, wait=0.0)
        fresh = (self.timeline.now() - event.since).total_seconds() < config.max_age
        if answer is None and fresh:  # throttled: later, which costs no attempt
            self._at(1.0, lambda: self._attempt(event))
        elif answer is not None and answer.error not in (None, "dropped") and event.tried < config.retries and fresh:
            after = self.rules.retry_after[min(event.tried, len(self.rules.retry_after) - 1)]
            self._at(after, lambda: self._attempt(replace(event, tried=event.tried + 1)))
        elif (answer is None or answer.error) and config.dead_letters:
            self.send(config.dead_letters, event.payload.decode())

    def _run(self, event: Event, *, wait: float) -> Answer | None:
        """One invocation, now, in this thread; None when no process is free."""
        if self._closed:
            return Answer("dropped", None)
        config, now = self.functions[event.function], self.timeline.now()
        hop = traces.times(event.trace, event.function) + 1
        if hop > self.rules.hops and config.recursive_loop == "Terminate":
            answer: Answer | None = Answer("dropped", {"errorType": "RecursiveInvocationException"})
        else:
            header = traces.joined(event.trace, event.function)
            scope = copy_context()
            scope.run(traces.current.set, header)
            answer = scope.run(config.invoke, event.payload, header, limit=self.rules.concurrency, wait=wait)
        outcome = "throttled" if answer is None else answer.error or "ok"
        said = json.loads(event.payload or b"null")
        self.invoked.append(Invoked(event.function, event.source, now, hop, said, outcome, answer))
        return answer

    def _deliver(self, queue: Queue) -> None:
        """The event source mapping: a batch of what is visible, and what failed is seen again later."""
        if queue.target is None or self._closed:
            return
        now = self.timeline.now()
        batch = queue.receive(now, now + timedelta(seconds=queue.visibility))
        worn = [message for message in batch if message.received > self.rules.receives]
        batch = [message for message in batch if message not in worn]
        queue.delete(worn)
        for message in worn:
            if queue.dead_letters is not None:
                self.send(queue.dead_letters, message.body)
        if not batch:
            return
        trace = next((message.trace for message in batch if message.trace), None) or traces.fresh()
        payload = json.dumps(queue.event(batch)).encode()
        answer = self._run(
            Event(function=queue.target, payload=payload, source="sqs", trace=trace, since=now), wait=0.0
        )
        failed = _failed(answer, {message.message_id for message in batch})
        queue.delete(message for message in batch if message.message_id not in failed)
        if failed:
            self._at(queue.visibility if answer is not None else 1.0, lambda: self._deliver(queue))


def _failed(answer: Answer | None, ids: set[str]) -> set[str]:
    """Which messages of a batch were not done: those that the function names, or all where it failed or talks nonsense."""
    if answer is None or answer.error:
        return ids
    if not isinstance(answer.payload, Mapping) or not answer.payload.get("batchItemFailures"):
        return set()
    named = {item.get("itemIdentifier") for item in answer.payload["batchItemFailures"]}
    return ids if named - ids else named
