"""The platform's rules as numbers: what Lambda, SQS and EventBridge Scheduler promise and what they do not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Each default is the platform's own; a test that cannot wait lowers the times."""

    #: Of 100 asynchronous invocations, so many are delivered twice without any error.
    duplicates: float = 0.0
    #: Of 100 asynchronous invocations, so many are never delivered.
    lost: float = 0.0
    #: Seconds before the first and the second retry of an asynchronous invocation whose function failed.
    retry_after: tuple[float, ...] = (60.0, 120.0)
    #: Seconds after its instant within which a one-shot schedule fires; chance decides when.
    precision: float = 60.0
    #: Invocations of one function in one chain of requests, after which the next one is dropped.
    hops: int = 16
    #: Processes of one function at once; more invocations wait, or are refused where somebody waits for the answer.
    concurrency: int = 10
    #: Seconds from a call to its delivery.
    latency: float = 0.0
    #: Receives after which a message goes to the queue's dead letters.
    receives: int = 3
