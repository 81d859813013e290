"""`tickover signal`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run
from tickover import Context, Tickover


@pytest.fixture
def dialect() -> str:
    """The signal is the façade's; here only what the words become."""
    return "sqlite"


def waiting(shop: Tickover) -> str:
    @shop.job
    def ask(ctx: Context) -> list[object]:
        return [ctx.wait_for_signal("answer", returns=object), *ctx.drain_signals("answer", returns=object)]

    job_id = ask.enqueue()
    shop.drain(5)
    assert shop.get(job_id).state == "waiting"
    return job_id


def test_it_wakes_the_job_that_waits_for_it(run: Run, shop: Tickover) -> None:
    job_id = waiting(shop)
    answer = run("signal", job_id[-8:], "answer", '{"ok": true}')

    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.endswith("has the signal; it is pending.\n")
    shop.drain(5)
    assert shop.result(job_id) == [{"ok": True}]


def test_without_a_payload_it_is_true_and_sent_twice_with_one_id_it_is_there_once(run: Run, shop: Tickover) -> None:
    job_id = waiting(shop)
    for _ in range(2):
        assert run("signal", job_id, "answer", "--message-id", "m-1").exit_code == 0

    shop.drain(5)
    assert shop.result(job_id) == [True]


def test_to_a_job_that_is_over_it_is_refused(run: Run, shop: Tickover) -> None:
    job_id = waiting(shop)
    shop.cancel(job_id)
    answer = run("signal", job_id, "answer")

    assert answer.exit_code == 1
    assert "nobody would read the signal" in answer.stderr


def test_a_payload_that_is_no_json_is_refused(run: Run, shop: Tickover) -> None:
    answer = run("signal", waiting(shop), "answer", "yes")

    assert answer.exit_code == 1
    assert "JSON" in answer.stderr
