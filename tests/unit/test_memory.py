"""The collector's pauses: they end, whoever else pauses, forks or switches meanwhile."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator

import pytest

from tickover.engine.memory import undisturbed


@pytest.fixture(autouse=True)
def usual() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    yield before
    gc.enable()
    gc.set_threshold(*before)


def test_nothing_is_searched_meanwhile_and_as_before_afterwards(usual: tuple[int, int, int]) -> None:
    with undisturbed():
        assert gc.get_threshold()[0] == 0
    assert gc.get_threshold() == usual


def test_the_users_own_switch_is_not_touched() -> None:
    """Who saves the switch, turns it off and puts it back, as `timeit` does, must not find ours there."""
    with undisturbed():
        assert gc.isenabled()
        gc.disable()
    assert not gc.isenabled()


def test_two_ticks_pause_it_until_the_second_one_is_done(usual: tuple[int, int, int]) -> None:
    first, second = undisturbed(), undisturbed()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == 0
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual


def test_what_somebody_sets_meanwhile_stays() -> None:
    with undisturbed():
        gc.set_threshold(5, 6, 7)
    assert gc.get_threshold() == (5, 6, 7)


def test_a_process_forked_meanwhile_has_its_collector(usual: tuple[int, int, int]) -> None:
    """By another thread, which does not know of the pause: the child has no thread that would end it."""
    codes: list[int] = []

    def fork() -> None:
        if not (child := os.fork()):
            with undisturbed():
                paused = gc.get_threshold()[0] == 0
            os._exit(0 if paused and gc.isenabled() and gc.get_threshold() == usual else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    with undisturbed():
        forking = threading.Thread(target=fork)
        forking.start()
        forking.join(20)
    assert codes == [0]
