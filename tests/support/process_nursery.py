"""The child's side of `tests.support.process`: forks workers that have everything imported, and tells what they do.

`python -m tests.support.process_nursery LOG MODULE…` imports the modules, then takes commands as JSON lines on its
standard input and answers as JSON lines on its standard output. Workers write to the same pipe: a line that a worker
said before it was killed arrives before the news of its death.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import json
import os
import select
import signal
import sys
import traceback
from typing import Any

_MOST = 4096  # a write to a pipe up to this size is never torn (PIPE_BUF on Linux)


def say(what: str, **details: Any) -> None:
    """One line to whoever started us; for workers too."""
    line = json.dumps({"pid": os.getpid(), "what": what, **details}).encode() + b"\n"
    assert len(line) <= _MOST, f"{what} is too long for one write: {len(line)} bytes"
    os.write(1, line)


def main(log: str, *modules: str) -> None:
    for module in modules:
        importlib.import_module(module)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    waking, woken = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(waking, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    living: set[int] = set()
    say("ready")
    given = b""
    while True:
        ready, _, _ = select.select([0, waking], [], [])
        if waking in ready:
            _drain(waking)
        _tell(living)
        if 0 in ready:
            part = os.read(0, 65536)
            if not part:
                break
            *lines, given = (given + part).split(b"\n")
            for line in lines:
                _obey(json.loads(line), living)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _obey(command: dict[str, Any], living: set[int]) -> None:
    if command["do"] == "signal":
        if command["pid"] in living:  # a pid that was waited for may be somebody else's by now
            os.kill(command["pid"], command["signal"])
        return
    pid = os.fork()
    if pid == 0:
        os._exit(_work(command))
    living.add(pid)
    say("started", worker=pid, number=command["number"])


def _work(command: dict[str, Any]) -> int:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a worker never outlives its nursery
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    module, _, name = command["target"].partition(":")
    try:
        getattr(importlib.import_module(module), name)(**command["spec"])
    except BaseException:  # noqa: BLE001  # whatever it is, it goes to the log and into the exit code
        traceback.print_exc()
        return 1
    return 0


def _tell(living: set[int]) -> None:
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        if pid == 0:
            return
        if os.WIFSTOPPED(status):
            say("stopped", worker=pid)
        elif os.WIFCONTINUED(status):
            say("continued", worker=pid)
        else:
            living.discard(pid)
            say("ended", worker=pid, code=os.waitstatus_to_exitcode(status))


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            continue
    except BlockingIOError:
        return


if __name__ == "__main__":
    fcntl.fcntl(1, fcntl.F_GETFD)  # a nursery without a pipe has nobody to tell: fail at once
    main(*sys.argv[1:])
