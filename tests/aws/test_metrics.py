"""What the functions say to CloudWatch: lines of the embedded metric format, as its specification demands them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tickover.aws import metrics
from tickover.domain.report import TickReport
from tickover.store.stats import Health
from tickover.testing import fake_lambda_context

CONTEXT: Any = fake_lambda_context(30)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_tick_that_had_work_is_one_line_of_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.of_tick(TickReport(tick_id="t", claimed=3, completed=2, failed=1, cold=True, seconds=2.0), CONTEXT)
    (line,) = lines(capsys)

    about = line["_aws"]
    assert isinstance(about["Timestamp"], int)
    assert about["Timestamp"] > 1_700_000_000_000, "milliseconds since 1970"
    (directive,) = about["CloudWatchMetrics"]
    assert directive["Namespace"] == "Tickover"
    assert all(name in line for dimensions in directive["Dimensions"] for name in dimensions), "dimensions are members"
    assert len(directive["Metrics"]) <= 100
    for metric in directive["Metrics"]:
        assert isinstance(line[metric["Name"]], float)
        assert metric["Unit"] in ("Seconds", "Count")
    assert (line["Completed"], line["Failed"], line["ColdStarts"], line["Errors"]) == (2.0, 1.0, 1.0, 0.0)
    assert line["GigabyteSeconds"] == pytest.approx(int(CONTEXT.memory_limit_in_mb) / 1024 * 2.0, abs=1e-4)


def test_a_tick_without_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.of_tick(TickReport(tick_id="t"), CONTEXT)
    assert lines(capsys) == []


def test_the_metrics_of_the_alarms_are_those_that_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.of_tick(TickReport(tick_id="t", claimed=1), CONTEXT)
    metrics.of_health(Health(ok=True, oldest_due_seconds=601.0, dead_letters=2), CONTEXT)
    tick, health = lines(capsys)

    assert {"Failed"} <= set(tick)
    assert (health["OldestDueSeconds"], health["DeadLetters"]) == (601.0, 2.0)
