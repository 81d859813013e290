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
    boto3.client("scheduler").create_schedule_group(Name="alarms")
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
        } <= set(found)

    def test_with_every_trap_says_so_and_how_to_mend_it(self) -> None:
        settings = deploy(timeout=5, visibility=20, retries=None, partial=False, redrive=False)
        found = {finding.check: finding for finding in examine_stack(settings)}

        for check in ("timeout", "retries", "event-age", "visibility", "dead-letters", "partial-batches", "logs"):
            assert found[check].level == "warning", check
            assert found[check].mend

    def test_that_is_not_there_ends_no_check_of_the_others(self) -> None:
        found = {finding.check: finding.level for finding in examine_stack(Settings(**GOOD), web="web")}

        assert found["function"] == "unknown"
        assert "url" in found
