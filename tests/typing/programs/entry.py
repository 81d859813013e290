"""How a process is set up: environment, pools, settings, a waker of one's own, an Engine, a function's own deadline."""

from __future__ import annotations

import os
import threading
from datetime import datetime, timedelta

from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import StaticPool

from tickover import Budget, LocalWaker, Pool, Settings, Tickover, Waker
from tickover.aws import tick_handler
from tickover.testing import fake_lambda_context, in_memory


class Bell:
    """Any object with a `wake` is a waker."""

    def __init__(self) -> None:
        self.rung: list[datetime | None] = []

    def wake(self, at: datetime | None) -> None:
        self.rung.append(at)


class Invocation:
    """What a function-as-a-service runtime passes in."""

    def get_remaining_time_in_millis(self) -> int:
        return 5_000


bell = Bell()
wakers: list[Waker] = [bell, LocalWaker()]
settings = Settings(queues={"default": 10, "emails": 5}, lease=timedelta(minutes=1), events="failures", concurrency=4)
pool = Pool(max_open=4, max_idle=2, max_idle_time=timedelta(minutes=1))


def handler(jobs: Tickover, invocation: Invocation) -> dict[str, object]:
    report = jobs.tick(Budget.from_lambda(invocation, max_jobs=100), stop=threading.Event())
    return report.to_json()


if __name__ == "__main__":
    os.environ["TICKOVER_DATABASE_URL"] = "sqlite://"
    with Tickover.from_env(imports=["json"], pool=Pool.SERVERLESS) as from_env:
        from_env.migrate()
        assert handler(from_env, Invocation())["claimed"] == 0
        with in_memory(from_env):
            assert tick_handler(from_env, max_jobs=5)({}, fake_lambda_context(5))["claimed"] == 0
    by_url = Tickover(make_url("sqlite://"), pool=pool, settings=settings.but(concurrency=2), waker=bell)
    assert by_url.settings.queues == {"default": 10, "emails": 5}
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    by_engine = Tickover(engine, waker=bell, settings=settings)
    by_engine.migrate()
    by_engine.enqueue("elsewhere", {"a": [1]}, remote=True, queue="emails")
    assert bell.rung == [None]
    assert by_engine.stats().by_state["pending"] == 1
    assert by_engine.health().ok
    engine.dispose()
