"""One execution environment: a real `awslambdaric` process under a Runtime API of ours.

The process is stopped (SIGSTOP) from its answer until the next event, as Lambda freezes it, and its whole group is killed
at the deadline, as Lambda does. What is easily got wrong is said where it is done.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tickover.clock import monotonic, unix_millis
from tickover.domain.ids import new_id

_LOOK: Final = 0.005
_INIT_SECONDS: Final = 30.0
_ACCOUNT: Final = "000000000000"


@dataclass(eq=False)
class Invocation:
    """One event on its way through one process."""

    payload: bytes
    trace: str
    request_id: str = field(default_factory=new_id)
    deadline_ms: int = 0
    end: float = 0.0
    started: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    error: str | None = None
    body: bytes = b"null"


class Sandbox:
    """One process at a time, one invocation at a time; a process that was killed is followed by a cold start."""

    def __init__(
        self,
        name: str,
        handler: str,
        *,
        timeout: float,
        memory: int,
        folder: Path,
        env: Mapping[str, str],
        freeze: bool,
    ) -> None:
        self.name, self.handler, self.timeout, self.memory = name, handler, timeout, memory
        self.cold_starts = 0
        self._folder, self._env, self._freeze = folder, env, freeze
        self._process: subprocess.Popen[bytes] | None = None
        self._todo: queue.Queue[Invocation | None] = queue.Queue()
        self._current: Invocation | None = None
        self._log = Path(tempfile.mkstemp(prefix=f"twin-{name}-", suffix=".log")[1])
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, name=f"twin-{name}", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether there is a process, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process's id, for a test that looks at it or kills it."""
        return self._process.pid if self._process is not None and self.alive else None

    def invoke(self, payload: bytes, trace: str) -> tuple[str | None, bytes]:
        """Runs one event; returns the kind of error, if any, and the answer's body."""
        invocation = Invocation(payload, trace)
        if not self.alive:
            self._start()
        process = self._process
        assert process is not None  # noqa: S101  # just started
        self._current = invocation
        self._todo.put(invocation)
        begun = monotonic()
        while not invocation.over.wait(_LOOK):
            if process.poll() is not None:
                return "Runtime.ExitError", _said("Runtime.ExitError", f"exit code {process.returncode}")
            if monotonic() > (invocation.end or begun + _INIT_SECONDS):
                self.kill()  # the whole environment goes: the next invocation is a cold start
                return "Sandbox.Timedout", _said("Sandbox.Timedout", f"Task timed out after {self.timeout:.2f} seconds")
        return invocation.error, invocation.body

    def output(self) -> str:
        """What the process wrote, its logs among it."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """Ends the process and all that it started, at once."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._todo.put(None)  # its reader of events, if it still waits, must not swallow the next process's

    def close(self) -> None:
        """Ends the process and the Runtime API."""
        self.kill()
        self._server.shutdown()
        self._server.server_close()
        self._log.unlink(missing_ok=True)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process and all that it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    # --- what the Runtime API's handler calls, each in the thread of its request ---------------------------------------

    def next(self, todo: queue.Queue[Invocation | None]) -> Invocation | None:
        """The next event for the process that asks, which is frozen until there is one.

        Freezing and thawing both happen here, in the asking process's own thread: elsewhere SIGCONT races SIGSTOP.
        """
        if (
            self._freeze
            and todo.empty()
            and self.cold_starts
            and self._current is not None
            and self._current.over.is_set()
        ):
            self.signal(signal.SIGSTOP)
        invocation = todo.get()
        if invocation is None:
            return None
        self.signal(signal.SIGCONT)
        invocation.end = monotonic() + self.timeout
        invocation.deadline_ms = unix_millis() + int(self.timeout * 1000)
        invocation.started.set()
        return invocation

    def end(self, path: str, body: bytes) -> None:
        """Takes the process's answer, or its error."""
        invocation = self._current
        if invocation is not None and (path.endswith("/init/error") or f"/{invocation.request_id}/" in path):
            invocation.error = "Unhandled" if path.endswith("/error") else None
            invocation.body = body
            invocation.over.set()

    @property
    def todo(self) -> queue.Queue[Invocation | None]:
        """The queue of the process that lives now: one per process, so that a dead one's reader takes nothing."""
        return self._todo

    def _start(self) -> None:
        self.cold_starts += 1
        self._todo.put(None)  # the reader of a process that died frozen
        self._current, self._todo = None, queue.Queue()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # the handler is the developer's own
                [sys.executable, "-m", "awslambdaric", self.handler],
                cwd=self._folder, env=self._environment(), start_new_session=True, stdout=log, stderr=log,
            )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self._folder), *filter(None, sys.path)])
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TICKOVER_"))}
        return {
            **kept,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "twin", "AWS_SECRET_ACCESS_KEY": "twin", "AWS_EC2_METADATA_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(self._folder), "_HANDLER": self.handler, "PYTHONPATH": path,
            **self._env,
        }  # fmt: skip


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, box: Sandbox) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeApi)
        self.box = box

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that is killed resets its connection; that is no error of ours."""


class _RuntimeApi(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: two cost 40 ms each time, and that comes off the deadline
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Silent."""

    def do_GET(self) -> None:
        if self.path.endswith("/restore/next"):
            self._send(200)
            return
        box = self.server.box
        if (invocation := box.next(box.todo)) is None:
            self.close_connection = True
            return
        self._send(200, invocation.payload, {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": arn(box.name),
            "Lambda-Runtime-Trace-Id": invocation.trace,
        })  # fmt: skip

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._send(202, b'{"status":"OK"}')
        self.server.box.end(self.path, body)

    def _send(self, code: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def arn(name: str) -> str:
    """A function's ARN in the twin's account."""
    return f"arn:aws:lambda:eu-west-1:{_ACCOUNT}:function:{name}"


def _said(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
