"""A platform in this process: the twin on a clock that a test moves, an application on SQLite, and its functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tickover import Pool, Settings, Tickover
from tickover.aws import (
    LambdaWaker,
    SchedulerWaker,
    SqsWaker,
    WakeLadder,
    budget,
    reaper_handler,
    scheduler_handler,
    tick_handler,
)
from tickover.store.open import open_database
from tickover.twin import Function, Platform, Rules, VirtualClock


@pytest.fixture(autouse=True)
def _a_process_of_its_own() -> Iterator[None]:
    budget.forget()
    yield
    budget.forget()


class Stack:
    """What a deployment makes: the functions, the wake queue, and the ladder that wakes them."""

    def __init__(self, url: str, *, rules: Rules, timeout: float, ladder: bool, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.platform = Platform(rules, clock=self.clock)
        self.jobs = Tickover(url, settings=Settings(**settings))
        self.jobs._core.clock = self.clock
        self.jobs._core.database = open_database(url, pool=Pool.SERVERLESS, clock=self.clock)
        add: Callable[..., Function] = self.platform.add
        self.tick = add(
            Function(
                name="tick", handler=self._counted(tick_handler(self.jobs)), timeout=timeout, retries=0, max_age=60
            )
        )
        self.scheduler = add(Function(name="scheduler", handler=scheduler_handler(self.jobs), timeout=60, retries=0))
        self.reaper = add(Function(name="reaper", handler=reaper_handler(self.jobs), timeout=60, retries=0))
        wake = self.platform.queue("wake", target="tick", visibility=6 * timeout)
        client, clock = self.platform.client, self.clock
        later = SchedulerWaker(self.tick.arn, "role", early=60 if ladder else 0, boto=client("scheduler"), clock=clock)
        self.waker = WakeLadder(
            now=LambdaWaker("tick", boto=client("lambda")),
            soon=SqsWaker(wake, boto=client("sqs"), clock=clock) if ladder else None, later=later, clock=clock,
        )  # fmt: skip
        self.jobs._core.waker = self.waker
        self.statements = 0

    def _counted(self, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def tick(event: Any, context: Any) -> Any:
            report = handler(event, context)
            self.statements += report.get("statements", 0)
            return report

        return tick

    @property
    def ticks(self) -> int:
        return len(self.platform.ran("tick"))


@pytest.fixture
def stack(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    made: list[Stack] = []

    def make(
        *,
        rules: Rules | None = None,
        timeout: float = 30.0,
        ladder: bool = True,
        profile: str = "zero-idle",
        **settings: Any,
    ) -> Stack:
        copy = tmp_path / f"{len(made)}.db"
        copy.write_bytes(migrated_sqlite.read_bytes())
        url = f"sqlite:///{copy}"
        made.append(Stack(url, rules=rules or Rules(), timeout=timeout, ladder=ladder, profile=profile, **settings))
        return made[-1]

    yield make
    for stack in made:
        stack.platform.close()
        stack.jobs.close()
