"""A function of the twin: its configuration, and the execution environments that run it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from tickover.clock import monotonic
from tickover.domain.ids import new_id
from tickover.errors import ConfigurationError
from tickover.twin.sandbox import Sandbox, arn

Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an invocation came to."""

    #: `Unhandled`, `Sandbox.Timedout`, `Runtime.ExitError`; None when the handler returned.
    error: str | None
    #: What the handler returned, or what Lambda says about its error.
    payload: Any
    cold: bool = False


@dataclass(eq=False, kw_only=True)
class Function:
    """A Lambda function as the twin runs it.

    Args:
        name: what others invoke.
        handler: `module.function`, run by `awslambdaric` in a process of its own; or a Python callable, run here.
        folder: where the module is; the process's working directory.
        env: its environment variables, besides Lambda's own.
        timeout: seconds until it is killed; a callable cannot be, its context only counts down.
        memory: MB, as the context says them.
        retries: of an asynchronous invocation, 0 to 2.
        max_age: seconds after which an asynchronous event is dropped.
        concurrency: processes at once; None for the platform's own limit.
        dead_letters: the queue that events go to which failed for good.
        recursive_loop: whether the platform ends a chain of invocations.
        freeze: whether a process stands still between invocations.
    """

    name: str
    handler: str | Handler
    folder: Path | str = "."
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 3.0
    memory: int = 128
    retries: int = 2
    max_age: float = 21_600.0
    concurrency: int | None = None
    dead_letters: str | None = None
    recursive_loop: Literal["Terminate", "Allow"] = "Terminate"
    freeze: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.retries <= 2:
            raise ConfigurationError("Lambda retries an asynchronous invocation 0, 1 or 2 times.")
        self._boxes: list[Sandbox] = []
        self._free: list[Sandbox] = []
        self._busy = 0
        self._turn = threading.Condition()
        self._endpoint = ""
        self._warm = False

    @property
    def arn(self) -> str:
        """Its ARN in the twin's account."""
        return arn(self.name)

    @property
    def boxes(self) -> list[Sandbox]:
        """Its execution environments, for a test that looks at a process or kills one."""
        return list(self._boxes)

    def output(self) -> str:
        """What all its processes wrote."""
        return "".join(box.output() for box in self._boxes)

    def reach(self, endpoint: str) -> None:
        """From now on AWS clients in its processes talk to this URL."""
        self._endpoint = endpoint

    def invoke(self, payload: bytes, trace: str, *, limit: int, wait: float) -> Answer | None:
        """Runs one event; None when no environment got free within `wait` seconds."""
        if callable(self.handler):
            return self._call(payload)
        box = self._take(min(limit, self.concurrency or limit), wait)
        if box is None:
            return None
        cold = not box.alive
        try:
            error, body = box.invoke(payload, trace)
        finally:
            self._give_back(box)
        return Answer(error, json.loads(body or b"null"), cold)

    def close(self) -> None:
        """Ends its processes."""
        for box in self._boxes:
            box.close()

    def _call(self, payload: bytes) -> Answer:
        assert callable(self.handler)  # noqa: S101  # the caller looked
        cold, self._warm = not self._warm, True
        try:
            answer = self.handler(json.loads(payload), context(self.name, self.timeout, self.memory))
            return Answer(None, json.loads(json.dumps(answer)), cold)
        except Exception as error:  # noqa: BLE001  # the platform reports whatever it was
            return Answer("Unhandled", {"errorType": type(error).__name__, "errorMessage": str(error)}, cold)

    def _take(self, limit: int, wait: float) -> Sandbox | None:
        with self._turn:
            if not self._turn.wait_for(lambda: self._busy < limit, timeout=wait):
                return None
            self._busy += 1
            if self._free:
                return self._free.pop()  # the one used last: the others may go cold
            box = Sandbox(
                self.name, str(self.handler), timeout=self.timeout, memory=self.memory, folder=Path(self.folder).resolve(),
                env={**({"AWS_ENDPOINT_URL": self._endpoint} if self._endpoint else {}), **self.env}, freeze=self.freeze,
            )  # fmt: skip
            self._boxes.append(box)
            return box

    def _give_back(self, box: Sandbox) -> None:
        with self._turn:
            self._busy -= 1
            self._free.append(box)
            self._turn.notify()

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()


def context(name: str, timeout: float, memory: int) -> Any:
    """A Lambda context whose remaining time counts down."""
    end = monotonic() + timeout
    return SimpleNamespace(
        function_name=name, function_version="$LATEST", memory_limit_in_mb=str(memory), aws_request_id=new_id(),
        invoked_function_arn=arn(name), log_group_name=f"/aws/lambda/{name}", log_stream_name="twin",
        get_remaining_time_in_millis=lambda: max(0, int((end - monotonic()) * 1000)),
    )  # fmt: skip
