"""Looks at a deployed stack, by its own account's eyes: what is set there that the design's facts do not forgive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from tickover.app.doctor import Finding
from tickover.aws import traps
from tickover.aws.clients import client, said
from tickover.config import Settings

_GONE: Final = frozenset(
    {"ResourceNotFoundException", "404", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
)


def examine_stack(settings: Settings, *, web: str | None = None) -> Iterator[Finding]:
    """What AWS says of the tick function, its wakes and the web function.

    Each check asks for itself; one that may not ask, or whose answer AWS does not give, is `unknown`.
    """
    name = settings.wake_function
    if not name:
        yield Finding(level="broken", check="stack", said="No function is named.", mend="Set TICKOVER_WAKE_FUNCTION.")
        return
    found: dict[str, Any] = {}
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("function", lambda: _function(name, found)),
        ("retries", lambda: _retries(name)),
        ("loops", lambda: _loops(name, settings)),
        ("concurrency", _concurrency),
        ("reserved", lambda: _reserved(name, settings)),
        ("timer", lambda: _timers(name, settings)),
        ("logs", lambda: _logs(name)),
        ("alarms", _alarms),
        ("pause", lambda: _pause(settings)),
    ]
    if settings.wake_queue_url:
        checks += [("queue", lambda: _queue(str(settings.wake_queue_url), found)), ("mapping", lambda: _mapping(name))]
    if settings.wake_role_arn:
        checks.append(("group", lambda: _group(settings.wake_group)))
    if web:
        checks.append(("url", lambda: _url(web)))
    for check, look in checks:
        try:
            yield from look()
        except Exception as error:  # noqa: BLE001  # a check that cannot be made is a finding, not the end of the others
            yield Finding(level="unknown", check=check, said=f"AWS did not tell: {said(error) or type(error).__name__}: {error}"[:300],
                          mend="Let the doctor's role read it.")  # fmt: skip


def _function(name: str, found: dict[str, Any]) -> Iterator[Finding]:
    made = client("lambda").get_function_configuration(FunctionName=name)
    found["timeout"] = made.get("Timeout", 3)
    yield traps.timeout(found["timeout"])
    yield traps.application(made.get("Handler", ""), made.get("Environment", {}).get("Variables", {}))
    yield traps.runtime(made.get("Runtime", ""))
    yield traps.snap_start(made.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions")


def _retries(name: str) -> Iterator[Finding]:
    try:
        made = client("lambda").get_function_event_invoke_config(FunctionName=name)
    except Exception as error:
        if said(error) not in _GONE:
            raise
        made = {}  # type: ignore[typeddict-item]  # nothing is configured: AWS's defaults
    yield traps.retries(made.get("MaximumRetryAttempts", 2))
    yield traps.event_age(made.get("MaximumEventAgeInSeconds", 21_600))


def _loops(name: str, settings: Settings) -> Iterator[Finding]:
    made = client("lambda").get_function_recursion_config(FunctionName=name)
    yield traps.loops(made.get("RecursiveLoop", "Terminate"), settings.wake_hops)


def _concurrency() -> Iterator[Finding]:
    yield traps.concurrency(client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])


def _reserved(name: str, settings: Settings) -> Iterator[Finding]:
    made = client("lambda").get_function_concurrency(FunctionName=name)
    yield traps.reserved(made.get("ReservedConcurrentExecutions"), settings.max_ticks)


def _timers(name: str, settings: Settings) -> Iterator[Finding]:
    """Schedules that invoke the function again and again; one-shot ones are alarms."""
    boto, called = client("scheduler"), name.rsplit(":", 1)[-1]
    pages = boto.get_paginator("list_schedules").paginate()
    listed = [one for page in pages for one in page["Schedules"] if one["Target"]["Arn"].rsplit(":", 1)[-1] == called]
    made = [boto.get_schedule(Name=one["Name"], GroupName=one["GroupName"]) for one in listed]
    timers = [one for one in made if not one["ScheduleExpression"].startswith("at(")]
    yield traps.timer([one["ScheduleExpression"] for one in timers], settings.profile)
    if timers:
        again = [one["Target"].get("RetryPolicy", {}).get("MaximumRetryAttempts", 185) for one in timers]
        yield traps.timer_retries(max(again))


def _queue(url: str, found: dict[str, Any]) -> Iterator[Finding]:
    made = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    yield traps.visibility(int(made.get("VisibilityTimeout", 30)), found.get("timeout", 0))
    yield traps.dead_letters("RedrivePolicy" in made)


def _mapping(name: str) -> Iterator[Finding]:
    made = client("lambda").list_event_source_mappings(FunctionName=name.rsplit(":", 1)[-1])["EventSourceMappings"]
    mine = [one for one in made if ":sqs:" in one.get("EventSourceArn", "")]
    yield traps.mapping(bool(mine))
    for one in mine:
        yield traps.partial_batches("ReportBatchItemFailures" in one.get("FunctionResponseTypes", []))
        yield traps.mapping_concurrency(one.get("ScalingConfig", {}).get("MaximumConcurrency"))


def _group(group: str) -> Iterator[Finding]:
    yield traps.group(group, client("scheduler").get_schedule_group(Name=group).get("State", "ACTIVE"))


def _logs(name: str) -> Iterator[Finding]:
    called = name.rsplit(":", 1)[-1]
    groups = _untyped("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{called}")["logGroups"]
    yield traps.logs(next((one.get("retentionInDays") for one in groups if one["logGroupName"].endswith(called)), None))


def _alarms() -> Iterator[Finding]:
    pages = _untyped("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
    yield traps.alarms({one.get("MetricName", "") for page in pages for one in page["MetricAlarms"]})


def _pause(settings: Settings) -> Iterator[Finding]:
    """Whether the cluster that the database URL names may pause, and what keeps it awake."""
    host = urlsplit(settings.database_url or "").hostname or ""
    if ".rds.amazonaws.com" not in host:
        return  # not Amazon's, or named by the secret alone
    boto = _untyped("rds")
    if ".proxy-" in host:
        proxies = boto.describe_db_proxies()["DBProxies"]
        name = next(one["DBProxyName"] for one in proxies if one["Endpoint"] == host)
        behind = boto.describe_db_proxy_targets(DBProxyName=name)["Targets"]
        clusters = [one["TrackedClusterId"] for one in behind if "TrackedClusterId" in one]
        made = [
            one for cluster in clusters for one in boto.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"]
        ]
    else:
        made = [one for one in boto.describe_db_clusters()["DBClusters"] if host in (one.get("Endpoint"), one.get("ReaderEndpoint"))]  # fmt: skip
    if any(one.get("ServerlessV2ScalingConfiguration", {}).get("MinCapacity") == 0 for one in made):
        yield traps.pause(settings.profile, proxy=".proxy-" in host)


def _url(web: str) -> Iterator[Finding]:
    policy = json.loads(client("lambda").get_policy(FunctionName=web)["Policy"])
    yield traps.url({action for one in policy["Statement"] for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])})  # fmt: skip


def _untyped(service: str) -> Any:
    """A client of a service that nothing but the doctor asks."""
    import boto3

    return boto3.client(service)  # type: ignore[call-overload]  # its stubs name each service
