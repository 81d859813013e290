"""A whole deployment in the twin: real handlers in real awslambdaric processes, a real PostgreSQL, the platform's faults."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw import Raw
from tickover import NewJob, Tickover
from tickover.twin import Function, Platform, Rules

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
    for done in (5, 25):  # in the middle of the fan-out, whatever runs is killed
        some = f"SELECT count(*) >= {done} FROM jobs WHERE kind = 'child' AND state = 'completed'"
        assert stack.platform.wait(lambda some=some: stack.raw.one(some), seconds=120), stack.tick.output()[-3000:]
        for box in stack.tick.boxes:
            box.kill()

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


def test_the_rest_goes_on_when_a_tick_is_killed_with_ten_of_ten_thousand_claimed(deployment: Any) -> None:
    stack = deployment(Rules(concurrency=2), tick=8.0)
    stack.platform.invoke("tick")  # warm, so that the kill comes early in its window
    with Tickover(stack.env["TICKOVER_DATABASE_URL"]) as jobs:
        jobs.enqueue_many(NewJob("child", n, remote=True) for n in range(10_000))
    stack.platform.invoke_later("tick", b"{}")
    running = "SELECT count(*) FROM jobs WHERE state = 'running'"
    armed = "SELECT count(*) FROM control WHERE key LIKE 'armed:%'"  # the switch is set before the first job starts
    assert stack.platform.wait(lambda: stack.raw.one(running) >= 10 and stack.raw.one(armed), seconds=60)
    for box in stack.tick.boxes:
        box.kill()
    killed = stack.platform.timeline.now()
    done = "SELECT count(*) FROM jobs WHERE state = 'completed'"
    before = int(stack.raw.one(done))

    goes_on = stack.platform.wait(lambda: stack.raw.one(done) > before, seconds=8 + 1 + 60)
    took = (stack.platform.timeline.now() - killed).total_seconds()
    assert goes_on, stack.tick.output()[-3000:]
    reclaimed = "SELECT count(*) FROM events WHERE type = 'JobReclaimed'"
    assert stack.platform.wait(lambda: stack.raw.one(reclaimed) >= 1, seconds=60)
    assert stack.platform.ran("tick")[-1].source in ("sqs", "async")
    print(f"went on {took:.1f} s after the kill")
