"""The twin plays the platform's rules, with handlers in real awslambdaric processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import until
from tickover.errors import ConfigurationError
from tickover.twin import Function, Platform, Rules, VirtualClock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric has wheels for Linux only")
HERE = Path(__file__).parent


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform(Rules(retry_after=(0.05, 0.1), precision=0.2)) as made:
        yield made


def work(**options: Any) -> Function:
    return Function(name="work", handler="handlers.work", folder=HERE, **{"timeout": 20.0, **options})


class TestOneEnvironment:
    def test_a_process_is_reused_and_its_remaining_time_counts_down(self, platform: Platform) -> None:
        platform.add(work())
        first, second = platform.invoke("work"), platform.invoke("work")

        assert (first.cold, second.cold) == (True, False)
        assert first.payload["pid"] == second.payload["pid"]
        assert 15_000 < second.payload["left"] <= 20_000

    def test_it_is_frozen_between_invocations(self, platform: Platform) -> None:
        function = platform.add(work())
        pid = platform.invoke("work").payload["pid"]
        stat = Path(f"/proc/{pid}/stat")
        until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "the process is stopped")
        platform.wait(lambda: False, seconds=0.5)  # time goes by, and none of it in the process
        gaps = platform.invoke("work", {"do": "sleep", "seconds": 0.2}).payload["gaps"]  # the thread has had its turn
        assert max(gaps) >= 0.3
        assert function.boxes[0].cold_starts == 1

    def test_it_is_killed_at_the_deadline_and_comes_back_cold(self, platform: Platform) -> None:
        platform.add(work(timeout=1.5))
        platform.invoke("work")
        late = platform.invoke("work", {"do": "sleep", "seconds": 30})

        assert late.error == "Sandbox.Timedout"
        assert platform.invoke("work").cold

    @pytest.mark.parametrize(("do", "error"), [("exit", "Runtime.ExitError"), ("raise", "Unhandled")])
    def test_an_exit_and_an_exception_are_errors(self, platform: Platform, do: str, error: str) -> None:
        platform.add(work())
        assert platform.invoke("work", {"do": do}).error == error
        assert platform.invoke("work").cold == (do == "exit")

    def test_a_handler_that_cannot_be_imported_is_an_error(self, platform: Platform) -> None:
        platform.add(Function(name="none", handler="nowhere.work", folder=HERE))
        answer = platform.invoke("none")

        assert answer.error
        assert "nowhere" in json.dumps(answer.payload)

    def test_one_killed_while_frozen_is_followed_by_a_cold_start(self, platform: Platform) -> None:
        function = platform.add(work())
        os.kill(platform.invoke("work").payload["pid"], signal.SIGKILL)
        until(lambda: not function.boxes[0].alive, "it is dead")

        assert platform.invoke("work").cold


class TestAsynchronousInvocations:
    def test_a_failure_is_tried_three_times_and_then_a_dead_letter(self, platform: Platform) -> None:
        platform.queue("dead")
        platform.add(work(dead_letters="dead"))
        platform.invoke_later("work", b'{"do": "raise"}')

        until(lambda: len(platform.queues["dead"].messages) == 1, "it is given up")
        assert [invoked.outcome for invoked in platform.ran("work")] == ["Unhandled"] * 3

    def test_without_retries_once(self, platform: Platform) -> None:
        platform.add(work(retries=0))
        platform.invoke_later("work", b'{"do": "raise"}')

        until(lambda: len(platform.ran("work")) == 1, "it ran")
        platform.wait(lambda: False, seconds=0.3)
        assert len(platform.ran("work")) == 1

    def test_an_event_may_come_twice_or_never(self) -> None:
        seen: list[Any] = []
        for rules, times in ((Rules(duplicates=100), 2), (Rules(lost=100), 0), (Rules(), 1)):
            clock = VirtualClock()
            with Platform(rules, clock=clock) as platform:
                seen.clear()
                platform.add(Function(name="f", handler=lambda event, _context: seen.append(event)))
                platform.invoke_later("f", b'{"n": 1}')
                clock.advance(1)
                assert len(seen) == times

    def test_a_chain_of_invocations_ends_after_sixteen(self, platform: Platform) -> None:
        platform.add(work())
        platform.invoke_later("work", b'{"do": "chain"}')

        until(
            lambda: any(invoked.outcome == "dropped" for invoked in platform.ran("work")),
            "the chain is cut",
            seconds=60,
        )
        until(lambda: len(platform.ran("work")) == 17, "the last one has ended")
        assert sorted(invoked.hop for invoked in platform.ran("work")) == list(range(1, 18))

    def test_a_function_that_allows_loops_is_not_stopped(self) -> None:
        clock = VirtualClock()
        with Platform(clock=clock) as platform:

            def loop(event: Any, context: Any) -> None:
                if len(platform.ran("f")) < 40:
                    platform.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b"{}")

            platform.add(Function(name="f", handler=loop, recursive_loop="Allow"))
            platform.invoke_later("f", b"{}")
            clock.advance(60)
            assert len(platform.ran("f")) == 41


class TestQueuesAndSchedules:
    def test_a_message_comes_after_its_delay_and_again_when_it_failed(self, platform: Platform) -> None:
        platform.add(work(timeout=1.0))
        platform.queue("wake", target="work", visibility=1.0)
        platform.invoke("work")
        platform.send("wake", "bad", delay=0.2)

        until(lambda: len(platform.ran("work")) == 3 and not platform.queues["wake"].messages, "it was done in the end")
        first, second = platform.ran("work")[1:]
        assert second.at - first.at >= timedelta(seconds=0.9)
        assert (first.source, second.source) == ("sqs", "sqs")

    def test_a_message_that_always_fails_ends_among_the_dead_letters(self) -> None:
        clock = VirtualClock()
        with Platform(clock=clock) as platform:
            platform.add(Function(name="f", handler=lambda _event, _context: 1 / 0))
            platform.queue("dead")
            platform.queue("wake", target="f", dead_letters="dead")
            platform.send("wake", "x")
            clock.advance(600)

            assert len(platform.ran("f")) == 3
            assert [message.body for message in platform.queues["dead"].messages] == ["x"]

    def test_a_visibility_shorter_than_the_timeout_is_refused(self, platform: Platform) -> None:
        platform.add(work(timeout=60))
        with pytest.raises(ConfigurationError, match="visibility"):
            platform.queue("wake", target="work", visibility=30)

    def test_a_schedule_fires_once_within_its_minute_and_its_name_is_taken_until_then(self) -> None:
        clock = VirtualClock()
        with Platform(clock=clock) as platform:
            at: list[Any] = []
            function = platform.add(Function(name="f", handler=lambda _event, _context: at.append(clock.now())))
            when = clock.now() + timedelta(minutes=5)
            assert platform.schedule("one", when, function.arn, "{}")
            assert not platform.schedule("one", when, function.arn, "{}")
            clock.advance(299)
            assert at == []
            clock.advance(61)

            assert len(at) == 1
            assert when <= at[0] <= when + timedelta(seconds=60)
            assert platform.schedule("one", when + timedelta(hours=1), function.arn, "{}")

    def test_a_timer_goes_on(self) -> None:
        clock = VirtualClock()
        with Platform(clock=clock) as platform:
            platform.add(Function(name="f", handler=lambda _event, _context: None))
            platform.every(60, "f")
            clock.advance(3600)
            assert len(platform.ran("f")) == 60


def test_a_function_url_is_http(platform: Platform) -> None:
    platform.add(work())
    with urllib.request.urlopen(f"{platform.url('work')}/some/path?x=1", timeout=30) as response:
        assert (response.status, response.headers["x-said"], response.headers["set-cookie"]) == (201, "yes", "a=1")
        assert response.read() == b"/some/path"


def test_what_a_handler_writes_can_be_read(platform: Platform) -> None:
    function = platform.add(work())
    platform.invoke("work", {"do": "raise"})
    assert "as asked" in function.output()
