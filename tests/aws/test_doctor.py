"""The doctor names each trap and its mend, in a configuration and in a stack on moto's control plane."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tickover import Settings
from tickover.app.doctor import examine
from tickover.aws import clients
from tickover.aws.doctor import examine_stack
from tickover.aws.traps import ALARMS

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:tick"
GOOD: dict[str, Any] = {
    "wake_function": ARN, "wake_queue_url": "https://sqs/wake", "wake_role_arn": "arn:aws:iam::1:role/r", "profile": "zero-idle",
    "code_version": "1", "secret": "s", "public_url": "https://x",
}  # fmt: skip


def levels(**settings: Any) -> dict[str, str]:
    url = settings.pop("url", "postgresql://user@host/db")
    return {finding.check: finding.level for finding in examine(Settings(**settings), url)}


def test_a_good_configuration_has_nothing_to_mend() -> None:
    assert set(levels(**GOOD).values()) == {"ok"}
    assert all(finding.mend == "" for finding in examine(Settings(**GOOD), "postgresql://user@host/db"))


@pytest.mark.parametrize(
    ("wrong", "check", "level"),
    [
        ({"wake_function": None, "wake_queue_url": None, "wake_role_arn": None}, "waker", "warning"),
        ({"wake_queue_url": None, "wake_role_arn": None}, "alarm", "broken"),
        ({"wake_role_arn": None}, "alarm", "warning"),
        ({"wake_queue_url": None}, "seconds", "warning"),
        ({"wake_function": "tick"}, "alarm-target", "broken"),
        ({"wake_hops": 15}, "hops", "warning"),
        ({"reap_limit": 0}, "reap-limit", "warning"),
        ({"secret": None}, "callbacks", "broken"),
        ({"code_version": ""}, "code-version", "warning"),
        ({"database_iam": True, "database_secret": "arn"}, "login", "broken"),
        ({"database_iam": True, "url": "postgresql://u:p@h/d"}, "login", "warning"),
        ({"url": "postgresql://u:p@h/d"}, "login", "warning"),
        ({"url": "sqlite:///x.db"}, "sqlite", "broken"),
        ({"url": "postgresql://u@d.proxy-x.eu-west-1.rds.amazonaws.com/d"}, "proxy", "warning"),
        ({"url": "postgresql://u@h/d?options=-c%20statement_timeout%3D1"}, "startup-options", "warning"),
    ],
)  # fmt: skip
def test_each_trap_of_a_configuration_is_named(wrong: dict[str, Any], check: str, level: str) -> None:
    assert levels(**{**GOOD, **wrong})[check] == level
    (finding,) = [
        one for one in examine(Settings(**{k: v for k, v in {**GOOD, **wrong}.items() if k != "url"}), wrong.get("url", "postgresql://u@h/d"))
        if one.check == check and one.level == level
    ]  # fmt: skip
    assert finding.mend


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    clients._made.clear()
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield
    clients._made.clear()


def schedule(scheduler: Any, function: str, expression: str, *, retries: int | None) -> None:
    policy = {} if retries is None else {"RetryPolicy": {"MaximumRetryAttempts": retries}}
    scheduler.create_schedule(
        Name=f"{expression.partition('(')[0]}-{retries}", ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": function, "RoleArn": "arn:aws:iam::123456789012:role/r", **policy},
    )  # fmt: skip


def deploy(*, timeout: int, visibility: int, retries: int | None, partial: bool, redrive: bool) -> Settings:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): ...")
    lam, sqs = boto3.client("lambda"), boto3.client("sqs")
    made = lam.create_function(
        FunctionName="tick",
        Runtime="python3.12",
        Role=role,
        Handler="handlers.tick.handler",
        Timeout=timeout,
        Code={"ZipFile": packed.getvalue()},
    )
    attributes: Any = {"VisibilityTimeout": str(visibility)}
    if redrive:
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    url = sqs.create_queue(QueueName="wake", Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    kinds: Any = {"FunctionResponseTypes": ["ReportBatchItemFailures"]} if partial else {}
    lam.create_event_source_mapping(EventSourceArn=arn, FunctionName="tick", BatchSize=10, **kinds)
    if retries is not None:
        lam.put_function_event_invoke_config(
            FunctionName="tick", MaximumRetryAttempts=retries, MaximumEventAgeInSeconds=60
        )
    scheduler = boto3.client("scheduler")
    scheduler.create_schedule_group(Name="alarms")
    if redrive:
        schedule(scheduler, made["FunctionArn"], "rate(1 hour)", retries=0)
        for metric in ALARMS:
            boto3.client("cloudwatch").put_metric_alarm(
                AlarmName=metric, MetricName=metric, Namespace="n", Statistic="Sum", Period=300, EvaluationPeriods=1,
                Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
            )  # fmt: skip
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/tick")
    if redrive:
        logs.put_retention_policy(logGroupName="/aws/lambda/tick", retentionInDays=30)
    return Settings(**{**GOOD, "wake_function": made["FunctionArn"], "wake_queue_url": url, "wake_group": "alarms"})


@pytest.mark.usefixtures("account")
class TestAStack:
    def test_as_the_template_makes_it_is_well(self) -> None:
        settings = deploy(timeout=300, visibility=1800, retries=0, partial=True, redrive=True)
        found = {finding.check: finding.level for finding in examine_stack(settings)}

        # moto does not know recursion settings: what cannot be seen is said to be unknown.
        assert {check for check, level in found.items() if level != "ok"} <= {"loops", "concurrency"}
        assert {
            "retries",
            "event-age",
            "visibility",
            "dead-letters",
            "mapping",
            "partial-batches",
            "group",
            "logs",
            "timer",
            "timer-retries",
            "alarms",
            "reserved",
            "snap-start",
        } <= set(found)

    def test_with_every_trap_says_so_and_how_to_mend_it(self) -> None:
        settings = deploy(timeout=5, visibility=20, retries=None, partial=False, redrive=False)
        found = {finding.check: finding for finding in examine_stack(settings)}

        for check in (
            "timeout",
            "retries",
            "event-age",
            "visibility",
            "dead-letters",
            "partial-batches",
            "logs",
            "alarms",
        ):
            assert found[check].level == "warning", check
            assert found[check].mend
        assert found["timer"].level == "broken"

    def test_a_poll_and_a_timer_that_is_tried_for_a_day_are_named_and_alarms_are_no_timers(self) -> None:
        settings = deploy(timeout=300, visibility=1800, retries=0, partial=True, redrive=True)
        boto, function = boto3.client("scheduler"), str(settings.wake_function)
        schedule(boto, function, "at(2030-01-01T00:00:00)", retries=5)
        assert self._levels(settings)["timer"] == "ok"
        schedule(boto, function, "rate(1 minute)", retries=100)
        levels = self._levels(settings)
        assert (levels["timer"], levels["timer-retries"]) == ("warning", "warning")

    def test_reserved_executions_below_the_chain_are_named(self) -> None:
        settings = deploy(timeout=300, visibility=1800, retries=0, partial=True, redrive=True)
        boto3.client("lambda").put_function_concurrency(FunctionName="tick", ReservedConcurrentExecutions=2)
        assert self._levels(settings)["reserved"] == "warning"
        boto3.client("lambda").put_function_concurrency(FunctionName="tick", ReservedConcurrentExecutions=0)
        assert self._levels(settings)["reserved"] == "broken"

    @pytest.mark.parametrize(
        ("least", "profile", "level"), [(0, "simple", "warning"), (0, "zero-idle", "ok"), (0.5, "simple", None)]
    )
    def test_a_database_that_may_pause_is_left_alone(self, least: float, profile: str, level: str | None) -> None:
        made = boto3.client("rds").create_db_cluster(
            DBClusterIdentifier="c", Engine="aurora-postgresql", MasterUsername="ann", MasterUserPassword="password1",
            ServerlessV2ScalingConfiguration={"MinCapacity": least, "MaxCapacity": 4},
        )["DBCluster"]  # fmt: skip
        url = f"postgresql://ann@{made['Endpoint']}/d"
        assert self._levels(Settings(**{**GOOD, "profile": profile, "database_url": url})).get("pause") == level

    def _levels(self, settings: Settings) -> dict[str, str]:
        return {finding.check: finding.level for finding in examine_stack(settings)}

    def test_that_is_not_there_ends_no_check_of_the_others(self) -> None:
        found = {finding.check: finding.level for finding in examine_stack(Settings(**GOOD), web="web")}

        assert found["function"] == "unknown"
        assert "url" in found
