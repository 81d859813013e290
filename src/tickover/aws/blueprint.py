"""A deployment as it is written down, before it is made: what a template or a plan says of the things that have traps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function. What a file leaves out is AWS's default."""

    name: str
    handler: str = ""
    runtime: str = ""
    timeout: int = 3
    #: None where the file does not tell.
    environment: Mapping[str, str] | None = field(default_factory=dict)
    #: Whatever tells one role from another; empty for one that the tool makes for this function alone.
    role: str = ""
    retries: int = 2
    event_age: int = 21_600
    loops: str = "Terminate"
    #: Days; None for ever.
    logs: int | None = None
    #: Executions reserved for it; None shares the account's.
    reserved: int | None = None
    snap_start: bool = False
    #: Whether what is deployed has bytecode; None where the file does not tell.
    compiled: bool | None = None
    #: Whether an HTTP API, which hangs up after 30 s, is in front of it.
    http_api: bool = False
    #: Actions that are allowed to everybody who has its URL; None where it has no URL.
    url: frozenset[str] | None = None

    def does(self, what: str) -> bool:
        """Whether this is the tick function, the web function, …, by its handler."""
        return re.search(rf"(^|\.){what}(_handler)?(\.|$)", self.handler) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An SQS queue."""

    name: str
    visibility: int = 30
    dead_letters: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An event source mapping from a queue to a function; an empty name is one that the file does not tell."""

    queue: str
    function: str
    partial: bool = False
    #: Invocations at once; None for no bound.
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A schedule or rule that invokes a function again and again."""

    function: str
    expression: str
    retries: int = 185


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a policy, and whose it is."""

    where: str
    actions: Sequence[str]
    resources: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What a file says."""

    functions: Sequence[Function] = ()
    queues: Sequence[Queue] = ()
    sources: Sequence[Source] = ()
    timers: Sequence[Timer] = ()
    statements: Sequence[Statement] = ()
    #: The metrics that have alarms.
    alarms: frozenset[str] = frozenset()
    #: Whether there is a serverless database that may pause, and a proxy, which never lets one.
    pauses: bool = False
    proxy: bool = False

    def doing(self, what: str) -> Function | None:
        """The function that does this; None where there is none."""
        return next((one for one in self.functions if one.does(what)), None)


def listed(value: Any) -> list[Any]:
    """One value or a list of them, as policies have it, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def statements(where: str, document: Any) -> list[Statement]:
    """The statements of a policy document that allow something."""
    found = listed(document.get("Statement")) if isinstance(document, Mapping) else []
    return [
        Statement(
            where=where,
            actions=[str(one) for one in listed(made.get("Action"))],
            resources=[str(one) for one in listed(made.get("Resource"))],
        )
        for made in found
        if isinstance(made, Mapping) and made.get("Effect") == "Allow" and "Principal" not in made
    ]
