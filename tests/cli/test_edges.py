"""What the command line is made of: its help, its extra, small pure functions."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from tests.cli.conftest import Run
from tickover.cli import show
from tickover.cli.stop import stopping
from tickover.clock import SystemClock

VERBS = (
    "dev", "tick", "drain", "enqueue", "events", "stats", "health", "migrate", "version", "jobs list", "jobs show",
    "jobs retry", "jobs cancel", "jobs pause", "jobs resume", "queues", "queues pause", "queues resume", "dead list",
    "dead retry", "dead purge", "ticks", "ticks pause", "ticks resume",
)  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_and_takes_the_common_options(run: Run, verb: str) -> None:
    answer = run(*verb.split(), "--help")
    assert answer.exit_code == 0
    for option in ("--app", "--database", "--json"):
        assert option in answer.stdout


def test_the_help_teaches_how_to_begin_and_what_the_exit_codes_say(run: Run) -> None:
    shown = " ".join(run("--help").stdout.split())
    for text in ("tickover dev --app yourmodule:jobs", "Exit codes: 0 ok, 1 refused, 2 usage", "--install-completion"):
        assert text in shown


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_the_core_needs_neither_typer_nor_rich() -> None:
    code = "import sys, tickover; sys.exit(bool({'typer', 'rich', 'click'} & set(sys.modules)))"
    assert _python(code).returncode == 0


def test_without_its_extra_the_command_says_what_to_install() -> None:
    answer = _python("import sys; sys.modules['typer'] = None\nfrom tickover.cli.main import main")
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (3, "", 1)
    assert "pip install 'tickover[cli]'" in answer.stderr


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"), (-0.9, "now"), (2.04, "in 2.0 s"), (-3.02, "3.0 s ago"), (-59, "59 s ago"), (60.5, "in 1 min"),
        (-3600, "1 h ago"), (86400 * 3 + 5, "in 3 d"),
    ],
)  # fmt: skip
def test_times_are_relative(seconds: float, text: str) -> None:
    assert show.relative(SystemClock().now() + timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"),
        (0.0042, "0.00 s"),
        (0.123, "0.12 s"),
        (0.999, "1.0 s"),
        (9.96, "9 s"),
        (59.9, "59 s"),
        (7200, "2 h"),
    ],
)
def test_durations_take_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert show.duration(seconds) == text


def test_no_instant_is_nothing() -> None:
    assert show.relative(None) == ""


def test_the_signal_handlers_of_before_are_back_afterwards() -> None:
    import signal

    before = signal.getsignal(signal.SIGTERM)
    with stopping() as stop:
        assert signal.getsignal(signal.SIGTERM) is not before
        assert not stop.is_set()
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_set()
    assert signal.getsignal(signal.SIGTERM) is before
