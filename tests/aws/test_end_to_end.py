"""A whole deployment in the twin: real handlers in real awslambdaric processes, a real PostgreSQL, the platform's faults."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw import Raw
from tickover import NewJob, Tickover
from tickover.twin import Function, Platform, Rules
from tickover.twin.platform import Invoked

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric has wheels for Linux only"),
    pytest.mark.parametrize("dialect", ["postgresql"]),
    pytest.mark.timeout(300),
]
HERE = Path(__file__).parent


class Deployment:
    """What the template makes, on a platform with faults."""

    def __init__(self, url: str, rules: Rules, *, tick: float, **settings: str) -> None:
        self.platform = Platform(rules)
        self.raw = Raw(url)
        self.raw.rows("CREATE TABLE ran (what text, at timestamptz DEFAULT clock_timestamp())")
        endpoint = self.platform.endpoint
        self.env = {
            "TICKOVER_DATABASE_URL": url, "TICKOVER_PROFILE": "zero-idle", "TICKOVER_SECRET": "a secret of this test alone",
            "TICKOVER_WAKE_FUNCTION": "arn:aws:lambda:eu-west-1:000000000000:function:tick",
            "TICKOVER_WAKE_QUEUE_URL": f"{endpoint}/000000000000/wake", "TICKOVER_WAKE_ROLE_ARN": "arn:aws:iam::0:role/alarm",
            "TICKOVER_LEASE": "5", "TICKOVER_GRACE": "1", "PYTHONDONTWRITEBYTECODE": "1", **settings,
        }  # fmt: skip
        self.platform.queue("dead")
        self.add("web", timeout=29)
        self.env["TICKOVER_PUBLIC_URL"] = self.platform.url("web")
        self.tick = self.add("tick", timeout=tick, retries=0, max_age=60, memory=512)
        self.add("producer", timeout=20)
        self.platform.queue("wake", target="tick", visibility=6 * tick, dead_letters="dead")

    def add(self, name: str, **options: Any) -> Function:
        return self.platform.add(Function(name=name, handler=f"functions.{name}", folder=HERE, env=self.env, **options))

    def enqueue(self, kind: str, *payload: Any) -> str:
        answer = self.platform.invoke("producer", {"kind": kind, "payload": payload})
        assert answer.error is None, (answer, self.platform.functions["producer"].output())
        return str(answer.payload["id"])

    def state(self, job_id: str) -> str:
        return str(self.raw.one("SELECT state FROM jobs WHERE id = $1".replace("$1", f"'{job_id}'")))

    def notes(self) -> list[str]:
        return [str(row[0]) for row in self.raw.rows("SELECT what FROM ran ORDER BY at")]

    def close(self) -> None:
        self.platform.close()
        self.raw.close()


@pytest.fixture
def deployment(migrated_url: str) -> Iterator[Any]:
    made: list[Deployment] = []

    def deploy(rules: Rules, **options: Any) -> Deployment:
        made.append(Deployment(migrated_url, rules, **options))
        return made[-1]

    yield deploy
    for one in made:
        one.close()


def test_a_workflow_that_sleeps_fans_out_and_waits_for_a_callback_ends_once(deployment: Any) -> None:
    stack = deployment(Rules(duplicates=30, concurrency=4, precision=2.0), tick=3.0)
    job_id = stack.enqueue("order", 20.0)
    for done, fault in ((5, signal.SIGSTOP), (25, signal.SIGKILL)):  # in the middle of the fan-out, whatever runs
        some = f"SELECT count(*) >= {done} FROM jobs WHERE kind = 'child' AND state = 'completed'"
        assert stack.platform.wait(lambda some=some: stack.raw.one(some), seconds=120), stack.tick.output()[-3000:]
        for box in stack.tick.boxes:
            box.signal(fault)
    # One that stands still in mid-flight does not end by itself: the platform ends it.
    late = "Sandbox.Timedout"
    assert stack.platform.wait(lambda: late in {one.outcome for one in stack.platform.ran("tick")}, seconds=120)

    link = stack.platform.wait(lambda: [what for what in stack.notes() if what.startswith("url ")], seconds=120)
    assert link, stack.tick.output()[-3000:]
    request = urllib.request.Request(
        link[0].removeprefix("url "), b"1000", {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status < 300
    stack.platform.wait(lambda: stack.state(job_id) == "completed", seconds=120)

    assert stack.state(job_id) == "completed", stack.tick.output()[-3000:]
    result = stack.raw.one(f"SELECT result FROM job_data WHERE job_id = '{job_id}'")
    assert result == str(sum(range(50)) + 1000)
    completed = stack.raw.one("SELECT count(*) FROM jobs WHERE kind = 'child' AND state = 'completed'")
    assert completed == 50
    settled = stack.raw.one("SELECT count(*) FROM events WHERE type = 'JobCompleted'")
    assert settled == 51, "each ended once, however often its tick was invoked"
    assert max(invoked.hop for invoked in stack.platform.ran("tick")) <= 16
    assert not [invoked for invoked in stack.platform.invoked if invoked.outcome == "dropped"]


def test_a_tick_killed_with_ten_of_ten_thousand_claimed_leaves_nothing_behind(deployment: Any, tmp_path: Path) -> None:
    """Deadline and grace are 8 s and 1 s here instead of 300 s and 5 s; `test_zero_idle` has those, on a virtual clock."""
    timeout, grace, jobs = 8.0, 1.0, 10_000
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    stack = deployment(Rules(concurrency=2), tick=timeout, TICKOVER_GRACE=str(grace), GATE=str(gate))
    with Tickover(stack.env["TICKOVER_DATABASE_URL"]) as app:  # knows no waker: nobody but the tick itself can wake one
        app.enqueue_many(NewJob("held", n, remote=True) for n in range(jobs))
    stack.platform.invoke_later("tick", b"{}")
    running = "SELECT count(*) FROM jobs WHERE state = 'running'"
    armed = "SELECT count(*) FROM control WHERE key LIKE 'armed:%'"  # the switch is set before the first job starts
    assert stack.platform.wait(lambda: stack.raw.one(running) >= 10 and stack.raw.one(armed), seconds=60)
    assert stack.raw.one(running) == 10, "its ten slots are taken, and all of them wait at the gate"
    for box in stack.tick.boxes:
        box.kill()
    killed = stack.platform.timeline.now()
    (tmp_path / "open").touch()
    (tmp_path / "open").replace(gate)

    done = "SELECT count(*) FROM jobs WHERE state = 'completed'"
    assert stack.platform.wait(lambda: stack.raw.one(done) > 0, seconds=timeout + grace + 60), stack.tick.output()[
        -3000:
    ]
    took = (stack.platform.timeline.now() - killed).total_seconds()
    assert took <= timeout + grace + 60
    assert stack.platform.wait(lambda: stack.raw.one(done) == jobs, seconds=120), stack.tick.output()[-3000:]
    whole = (stack.platform.timeline.now() - killed).total_seconds()

    def woken() -> list[Invoked]:
        return sorted((one for one in stack.platform.ran("tick") if one.at > killed), key=lambda one: one.at)

    assert stack.platform.wait(woken, seconds=30)  # an invocation is told of when it has ended
    first, sources = woken()[0], {one.source for one in woken()}
    assert first.source == "sqs", "the dead man's switch woke it"
    assert json.loads(first.event["Records"][0]["body"])["tickover"]["reason"] == "alarm"
    assert "timer" not in sources
    completed = "SELECT count(*), count(DISTINCT job_id) FROM events WHERE type = 'JobCompleted'"
    assert stack.raw.rows(completed) == [(jobs, jobs)], "each once"
    assert stack.raw.one("SELECT count(*) FROM jobs WHERE starts > 1") == 10, "only those that were running ran again"
    print(f"went on {took:.1f} s after the kill; all {jobs:,} were done after {whole:.1f} s, in {len(woken())} ticks")
