"""Real worker processes for tests: started fast, killed and frozen at will, and never left behind.

A nursery is one `python -m` process that has imported the application and forks a worker per request, as a platform
thaws a warm sandbox: a worker costs milliseconds instead of half a second of imports. Workers report through a pipe.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]


class Late(AssertionError):
    """Something that had to happen did not happen in time."""


def until(ask: Callable[[], T | None], what: str, *, seconds: float = 20.0) -> T:
    """The first answer that is neither None nor False; raises `Late` when none comes within `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > end:
            raise Late(f"not within {seconds:g} s: {what}")
        time.sleep(0.005)


class Worker:
    """One forked process. What it said and did is known as far as its nursery's `listen` has heard."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.state: Literal["running", "stopped", "ended"] = "running"
        #: The exit code; negative is the signal that ended it.
        self.code: int | None = None
        self.said: list[dict[str, Any]] = []
        self._nursery = nursery

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, unless the process is over."""
        self._nursery.command(do="signal", pid=self.pid, signal=int(number))

    def heard(self, what: str) -> dict[str, Any] | None:
        """The first line of this kind that it said."""
        return next((line for line in self.said if line["what"] == what), None)

    def until_said(self, what: str, *, seconds: float = 20.0) -> dict[str, Any]:
        """Waits for a line of this kind; a worker that ends without saying it fails at once."""

        def ask() -> dict[str, Any] | None:
            self._nursery.listen()
            if (line := self.heard(what)) is None and self.state == "ended":
                raise Late(f"the worker ended with {self.code} and never said {what!r}:\n{self._nursery.log_tail()}")
            return line

        return until(ask, f"the worker says {what!r}", seconds=seconds)

    def until_state(self, state: Literal["stopped", "ended", "running"], *, seconds: float = 20.0) -> int | None:
        """Waits until the process is in this state; returns the exit code, if it ended."""

        def ask() -> bool:
            self._nursery.listen()
            return self.state == state

        until(ask, f"the worker is {state} (it is {self.state})", seconds=seconds)
        return self.code


class Nursery:
    """See the module's docstring. `with Nursery("tests.crash.worker", log=path) as nursery: nursery.start(…)`."""

    def __init__(self, *modules: str, log: Path) -> None:
        self._log = log
        self._workers: dict[int, Worker] = {}
        self._started: dict[int, Worker] = {}
        self._number = 0
        self._given = b""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKOVER_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.process_nursery", str(log), *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**environment, "PYTHONPATH": os.pathsep.join([*_mutated(), str(ROOT)])},
            bufsize=0,
        )
        self._ready = False
        until(self._is_ready, "the nursery has imported the application", seconds=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # it kills whoever is left and ends
        self._process.wait(20)
        self._process.stdout.close()

    def start(self, target: str, /, **spec: Any) -> Worker:
        """Forks a worker that calls `module:function(**spec)`."""
        self._number += 1
        number = self._number
        self.command(do="start", target=target, spec=spec, number=number)

        def ask() -> Worker | None:
            self.listen()
            return self._started.pop(number, None)

        return until(ask, "the nursery starts a worker")

    def command(self, **command: Any) -> None:
        """Sends one command to the nursery."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    def listen(self, seconds: float = 0.0) -> None:
        """Takes in what workers said and did; waits for something for that long at most."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while select.select([pipe], [], [], seconds)[0]:
            part = os.read(pipe, 65536)
            if not part:
                raise Late(f"the nursery died:\n{self.log_tail()}")
            *lines, self._given = (self._given + part).split(b"\n")
            for line in lines:
                self._note(json.loads(line))
            seconds = 0.0

    def log_tail(self) -> str:
        """The end of what workers wrote to their standard error."""
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""

    def _is_ready(self) -> bool:
        self.listen()
        return self._ready

    def _note(self, line: dict[str, Any]) -> None:
        what = line["what"]
        if what == "ready":
            self._ready = True
            return
        pid = line.get("worker", line["pid"])
        worker = self._workers.setdefault(pid, Worker(self, pid))  # a fast one speaks before its start is announced
        if what == "started":
            self._started[line["number"]] = worker
        elif what == "ended":
            worker.state, worker.code = "ended", line["code"]
            del self._workers[pid]  # the pid may come again
        elif what in ("stopped", "continued"):
            worker.state = "stopped" if what == "stopped" else "running"
        else:
            worker.said.append(line)


def _mutated() -> list[str]:
    """The source tree that `tickover` is imported from: mutants of it are on PYTHONPATH, in front of the installed one."""
    import tickover

    return [str(Path(tickover.__file__).parents[1])]
