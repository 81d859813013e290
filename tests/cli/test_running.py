"""`tickover tick`, `drain` and `dev`: how they run jobs, and how they end."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest

from tests.cli.conftest import Run, Start
from tickover import Tickover

REPORT = {
    "tick_id", "trigger", "stopped_because", "claimed", "completed", "failed", "retried", "yielded", "parked", "cancelled",
    "lost", "reaped", "removed", "mended", "released", "fired", "by_queue", "more", "next_due_at", "seconds", "statements", "cold", "cost", "abandoned",
    "hook_errors", "error",
}  # fmt: skip


def _line(process: subprocess.Popen[str], *, of: str = "stdout") -> str:
    """The next line that the process prints."""
    pipe = process.stdout if of == "stdout" else process.stderr
    assert pipe is not None
    line = pipe.readline()
    assert line, f"it has ended: {process.communicate()}"
    return line


def _ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


# --- tick --------------------------------------------------------------------------------------------------------------


def test_a_tick_runs_what_is_due_and_says_so_in_a_line(run: Run, shop: Tickover) -> None:
    done, failed = shop.enqueue("greet", "Ann", remote=True), shop.enqueue("fail", "why", remote=True, retries=0)
    answer = run("tick")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert "2 claimed, 1 completed, 1 failed in" in answer.stdout
    assert answer.stdout.endswith("; nothing else is due.\n")
    assert shop.result(done) == "Hello Ann"
    assert shop.get(failed).state == "failed"


def test_a_tick_with_nothing_to_do_is_no_failure(run: Run, shop: Tickover) -> None:
    answer = run("tick")
    assert answer.exit_code == 0
    assert "no work" in answer.stdout


def test_with_json_a_tick_prints_its_report(run: Run, shop: Tickover) -> None:
    shop.enqueue("greet", "Ann", remote=True, queue="emails")
    report = json.loads(run("tick", "--json").stdout)
    assert set(report) == REPORT
    assert (report["trigger"], report["claimed"], report["by_queue"]) == ("cli", 1, {"emails": 1})


def test_a_tick_tells_when_something_is_due_next(run: Run, shop: Tickover) -> None:
    shop.enqueue("greet", "Ann", remote=True, delay=600)
    assert "next due in 9 min." in run("tick").stdout


@pytest.mark.parametrize("queues", ["emails", "emails=2", "emails=2,reports=1"])
def test_a_tick_serves_the_queues_it_is_told(run: Run, shop: Tickover, queues: str) -> None:
    mine, other = (shop.enqueue("greet", "Ann", remote=True, queue=queue) for queue in ("emails", "default"))
    assert run("tick", "--queues", queues).exit_code == 0
    assert (shop.get(mine).state, shop.get(other).state) == ("completed", "pending")


def test_a_tick_claims_no_more_than_max_jobs(run: Run, shop: Tickover) -> None:
    for _ in range(3):
        shop.enqueue("greet", "Ann", remote=True)
    answer = run("tick", "--max-jobs", "2", "--concurrency", "1")
    assert "2 claimed" in answer.stdout
    assert "more is due now" in answer.stdout


def test_a_paused_fleet_is_said(run: Run, shop: Tickover) -> None:
    shop.enqueue("greet", "Ann", remote=True)
    shop.pause_ticks()
    answer = run("tick")
    assert answer.exit_code == 0
    assert "the fleet is paused" in answer.stdout


def test_only_the_reaper_runs_no_job_and_needs_no_handlers(run: Run, shop: Tickover, migrated_url: str) -> None:
    shop.enqueue("greet", "Ann", remote=True)
    assert json.loads(run("tick", "--only", "reaper", "--json").stdout)["trigger"] == "reaper"
    assert run("tick", "--only", "reaper", "--database", migrated_url).exit_code == 0
    assert run("tick", "--only", "jobs").exit_code == 0
    assert shop.find()[0].state == "completed"


def test_a_job_of_a_killed_process_is_reaped_by_a_later_tick(
    run: Run, start: Start, shop: Tickover, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = shop.enqueue("deaf", remote=True, max_crashes=1)
    monkeypatch.setenv("TICKOVER_LEASE", "0.5")
    monkeypatch.setenv("TICKOVER_GRACE", "0")
    process = start("tick")
    assert _line(process) == "started\n"
    process.kill()
    process.wait()
    reaped = 0
    while not reaped:  # the lease ends by the database's clock; what bounds this is the test's own timeout
        reaped = json.loads(run("tick", "--only", "reaper", "--json").stdout)["reaped"]
    assert shop.get(job).crashes == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_tick_gracefully(start: Start, shop: Tickover, number: signal.Signals) -> None:
    job = shop.enqueue("patient", remote=True)
    process = start("tick")
    assert _line(process) == "started\n"
    process.send_signal(number)
    code, stdout, stderr = _ended(process)
    assert (code, stderr.count("\n")) == (0, 1)
    assert "a second signal ends at once" in stderr
    assert "1 claimed, 1 released" in stdout
    found = shop.get(job)
    assert (found.state, found.released, found.failures) == ("pending", 1, 0)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_second_signal_ends_a_tick_at_once(start: Start, shop: Tickover) -> None:
    job = shop.enqueue("deaf", remote=True)
    process = start("tick")
    assert _line(process) == "started\n"
    process.terminate()
    assert "a second signal ends at once" in _line(process, of="stderr")
    process.terminate()
    code, stdout, stderr = _ended(process)
    assert (code, stdout) == (128 + signal.SIGTERM, "")
    assert stderr == "tickover: ended at once; what ran is taken up again when its lease is over\n"
    assert shop.get(job).state == "running"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_tick_that_lost_its_database_exits_with_3(run: Run, shop: Tickover) -> None:
    source = Path("shop.py").read_text()
    source += (
        "\n@jobs.job\ndef sabotage() -> None:\n    from pathlib import Path\n    Path(FILE).write_text('gone' * 5000)\n"
    )
    Path("shop.py").write_text(f"FILE = {shop.settings.database_url!r}\n" + source)
    # The handler that ruins the file is the one way to lose SQLite in the middle of a tick.
    file = source.split("sqlite:///")[1].split("'")[0]
    Path("shop.py").write_text(f"FILE = {file!r}\n" + source)
    shop.enqueue("sabotage", remote=True)
    answer = run("tick")
    assert answer.exit_code == 3
    assert answer.stderr.splitlines()[-1].startswith("tickover: ")


# --- drain -------------------------------------------------------------------------------------------------------------


def test_drain_runs_until_nothing_is_due(run: Run, shop: Tickover) -> None:
    shop.enqueue("greet", "Ann", remote=True)
    late = shop.enqueue("greet", "Ben", remote=True, delay=0.2)
    shop.enqueue("greet", "Cem", remote=True, delay=600)
    answer = run("drain", "--json", "--timeout", "5s")
    report = json.loads(answer.stdout)
    assert (report["completed"], report["trigger"], answer.stderr) == (2, "drain", "")
    assert shop.result(late) == "Hello Ben"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_drain_serves_the_queues_it_is_told(run: Run, shop: Tickover) -> None:
    shop.enqueue("greet", "Ann", remote=True)
    assert "no work" in run("drain", "--queues", "emails").stdout


# --- dev ---------------------------------------------------------------------------------------------------------------


def test_dev_migrates_runs_a_delayed_job_and_ends_gracefully(
    start: Start, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from tickover import Tickover\njobs = Tickover({!r})\n@jobs.job\ndef greet(name: str) -> str:\n    return name\n"
    Path("shop.py").write_text(source.format(database_url))
    monkeypatch.setenv("TICKOVER_APP", "shop:jobs")
    process = start("dev")
    assert "Ctrl-C ends it" in _line(process)
    with Tickover(database_url) as jobs:
        job = jobs.enqueue("greet", "Ann", remote=True, delay=0.3)
        assert "1 claimed, 1 completed" in _line(process)
        assert jobs.result(job) == "Ann"
    process.send_signal(signal.SIGINT)
    code, stdout, stderr = _ended(process)
    assert (code, stdout, stderr.count("\n")) == (0, "", 1)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_dev_tells_of_each_run_that_failed(start: Start, shop: Tickover) -> None:
    process = start("dev")
    assert "Ctrl-C ends it" in _line(process)
    job = shop.enqueue("fail", "no paper", remote=True, retries=0)
    told = {_line(process), _line(process)}
    assert f"  {job[-8:]} fail failed, attempt 1: ValueError: no paper\n" in told
    assert any("1 claimed, 1 failed" in line for line in told)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_dev_with_json_prints_a_report_for_each_tick_that_had_work(start: Start, shop: Tickover) -> None:
    shop.enqueue("greet", "Ann", remote=True)
    process = start("dev", "--json")
    report = json.loads(_line(process))
    assert (report["trigger"], report["completed"]) == ("dev", 1)
    process.send_signal(signal.SIGTERM)
    assert _ended(process)[:2] == (0, "")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_dev_takes_the_wakes_of_the_application_whatever_they_start_elsewhere(start: Start, shop: Tickover) -> None:
    source = Path("shop.py").read_text()
    loud = "class Loud:\n    def wake(self, at):\n        print('woke production', flush=True)\n"
    source = source.replace("jobs = Tickover(", loud + "jobs = Tickover(waker=Loud(), *[")
    Path("shop.py").write_text(source.replace(".db')\n", ".db'])\n", 1))
    shop.enqueue("greet", "Ann", remote=True)
    process = start("dev")
    assert "Ctrl-C ends it" in _line(process)
    assert "1 claimed, 1 completed" in _line(process)
    process.send_signal(signal.SIGINT)
    assert _ended(process)[1] == ""


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_dev_goes_on_when_the_database_comes_back(start: Start, shop: Tickover, migrated_url: str) -> None:
    process = start("dev", stderr=subprocess.PIPE)
    assert "Ctrl-C ends it" in _line(process)
    file = Path(migrated_url.removeprefix("sqlite:///"))
    kept = file.read_bytes()
    file.write_bytes(b"gone" * 5000)
    assert "Trying again." in _line(process, of="stderr")
    file.write_bytes(kept)
    shop.close()
    job = shop.enqueue("greet", "Ann", remote=True)
    assert "1 completed" in _line(process)
    assert shop.result(job) == "Hello Ann"


# --- dev's web application ---------------------------------------------------------------------------------------------


def _url(line: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    assert found, line
    return found[0]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_dev_serves_the_api_to_this_machine(start: Start, shop: Tickover) -> None:
    process = start("dev", "--port", "0")
    url = _url(_line(process))
    written = httpx.post(f"{url}api/jobs", json={"kind": "greet", "payload": "Ann"}, timeout=30)
    assert written.status_code == 201
    assert "1 completed" in _line(process)
    assert shop.result(written.json()["id"]) == "Hello Ann"
    assert httpx.get(f"{url}api/stats", headers={"Host": "evil.example"}, timeout=30).status_code == 401
    process.send_signal(signal.SIGINT)
    assert _ended(process)[:2] == (0, "")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_dev_listens_on_loopback_only(start: Start, shop: Tickover) -> None:
    process = start("dev", "--port", "0")
    port = int(_url(_line(process)).rsplit(":", 1)[1].strip("/"))
    listening = {at.laddr.ip for at in psutil.Process(process.pid).net_connections("tcp") if at.laddr.port == port}
    assert listening == {"127.0.0.1"}


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_port_that_is_taken_is_a_line_and_exit_code_3(run: Run, shop: Tickover) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run("dev", "--port", str(port))
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert f"Nothing can listen at 127.0.0.1:{port}" in answer.stderr


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_port_without_the_web_application_is_refused(run: Run, shop: Tickover) -> None:
    assert run("dev", "--no-web", "--port", "0").exit_code == 3


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_dev_sleeps_while_nothing_is_due(start: Start, shop: Tickover) -> None:
    process = start("dev", "--no-web")
    assert "Ctrl-C ends it" in _line(process)
    job = shop.enqueue("greet", "Ann", remote=True, delay=2)
    before = psutil.Process(process.pid).cpu_times()
    assert "1 completed" in _line(process)
    after = psutil.Process(process.pid).cpu_times()
    assert after.user + after.system - before.user - before.system < 0.5
    done = shop.get(job)
    assert done.started_at is not None
    assert (done.started_at - done.run_at).total_seconds() < 1


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_dev_fires_schedules(start: Start, shop: Tickover) -> None:
    source = Path("shop.py").read_text()
    source += "\nfrom tickover import every\njobs.schedule('greet', every(seconds=1), 'Ann')\njobs.schedule('nobody', every(seconds=1))\n"
    Path("shop.py").write_text(source)
    process = start("dev", "--no-web")
    assert "Ctrl-C ends it" in _line(process)
    assert "1 completed" in _line(process)
    assert "1 completed" in _line(process)
    assert "nobody" in _line(process, of="stderr")  # which keeps none of the others


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_tick_fires_schedules_and_says_which_it_cannot(run: Run, shop: Tickover) -> None:
    Path("shop.py").write_text(
        Path("shop.py").read_text() + "\nfrom tickover import every\njobs.schedule('nobody', every(seconds=1))\n"
    )
    job = shop.enqueue("greet", "Ann", remote=True)
    answer = run("tick")
    assert (answer.exit_code, "nobody" in answer.stderr) == (1, True)
    assert shop.get(job).state == "completed"
    assert run("tick", "--only", "scheduler").exit_code == 1


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_dev_ends_at_once_while_it_sleeps(start: Start, shop: Tickover) -> None:
    process = start("dev", "--no-web")
    assert "Ctrl-C ends it" in _line(process)
    process.send_signal(signal.SIGTERM)
    code, _, stderr = _ended(process)
    assert (code, stderr.count("\n")) == (0, 1)
