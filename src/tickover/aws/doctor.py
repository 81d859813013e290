"""Looks at a deployed stack, by its own account's eyes: what is set there that the design's facts do not forgive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from tickover.app.doctor import Finding, Level
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
        ("logs", lambda: _logs(name)),
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
    found["timeout"] = timeout = made.get("Timeout", 3)
    variables = made.get("Environment", {}).get("Variables", {})
    yield _told(
        timeout >= 10,
        "timeout",
        f"The tick function has {timeout} s.",
        "Less than 10 s leaves a tick no time: raise its timeout.",
    )
    shut = "TICKOVER_APP" in variables or not made.get("Handler", "").startswith("tickover.aws.handlers")
    yield _told(
        shut,
        "app",
        f"It runs {made.get('Handler')}.",
        "Set TICKOVER_APP=package.module:attr on the function.",
        "broken",
    )
    runtime = made.get("Runtime", "")
    yield _told(
        runtime >= "python3.11",
        "runtime",
        f"Its runtime is {runtime}.",
        "Tickover needs Python 3.11 or newer.",
        "broken",
    )


def _retries(name: str) -> Iterator[Finding]:
    try:
        made = client("lambda").get_function_event_invoke_config(FunctionName=name)
    except Exception as error:
        if said(error) not in _GONE:
            raise
        made = {}  # type: ignore[typeddict-item]  # nothing is configured: AWS's defaults
    retries, age = made.get("MaximumRetryAttempts", 2), made.get("MaximumEventAgeInSeconds", 21_600)
    yield _told(
        retries == 0,
        "retries",
        f"A failed tick is invoked {retries} more times.",
        "Set MaximumRetryAttempts to 0: the next tick is the retry.",
    )
    yield _told(
        age <= 300,
        "event-age",
        f"A wake is delivered up to {age} s late.",
        "Set MaximumEventAgeInSeconds to 60: an old wake is of no use.",
    )


def _loops(name: str, settings: Settings) -> Iterator[Finding]:
    mode = client("lambda").get_function_recursion_config(FunctionName=name).get("RecursiveLoop", "Terminate")
    yield _told(mode == "Allow" or settings.wake_hops <= 13, "loops", f"RecursiveLoop is {mode}, and {settings.wake_hops} hops go directly.",
                "Lambda ends a chain at about 16 hops: set TICKOVER_WAKE_HOPS=12.", "broken")  # fmt: skip


def _concurrency() -> Iterator[Finding]:
    most = client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    yield _told(
        most > 50,
        "concurrency",
        f"The account runs {most} functions at once.",
        "A new account has 10: ask AWS for more, and keep TICKOVER_MAX_TICKS below it.",
    )


def _queue(url: str, found: dict[str, Any]) -> Iterator[Finding]:
    made = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    visibility, timeout = int(made.get("VisibilityTimeout", 30)), found.get("timeout", 0)
    yield _told(visibility >= 6 * timeout, "visibility", f"The wake queue hides a message for {visibility} s.",
                f"Set its visibility timeout to six times the function's {timeout} s.")  # fmt: skip
    yield _told("RedrivePolicy" in made, "dead-letters", "Messages that fail have a queue of their own." if "RedrivePolicy" in made else
                "Messages that fail come back until they expire.", "Give the wake queue a RedrivePolicy.")  # fmt: skip


def _mapping(name: str) -> Iterator[Finding]:
    made = client("lambda").list_event_source_mappings(FunctionName=name.rsplit(":", 1)[-1])["EventSourceMappings"]
    mine = [one for one in made if ":sqs:" in one.get("EventSourceArn", "")]
    yield _told(bool(mine), "mapping", "The wake queue is mapped to the function." if mine else "No queue is mapped to the function.",
                "Add an event source mapping from the wake queue.", "broken")  # fmt: skip
    for one in mine:
        partial = "ReportBatchItemFailures" in one.get("FunctionResponseTypes", [])
        yield _told(partial, "partial-batches", "Batches report their failures one by one." if partial else "One bad message brings its whole batch back.",
                    "Set FunctionResponseTypes to ReportBatchItemFailures.")  # fmt: skip


def _group(group: str) -> Iterator[Finding]:
    state = client("scheduler").get_schedule_group(Name=group).get("State", "ACTIVE")
    yield _told(
        state == "ACTIVE",
        "group",
        f"The schedule group {group} is {state}.",
        "Make the group that TICKOVER_WAKE_GROUP names.",
        "broken",
    )


def _logs(name: str) -> Iterator[Finding]:
    import boto3

    called = name.rsplit(":", 1)[-1]
    groups: Any = boto3.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{called}")["logGroups"]
    kept = next((one.get("retentionInDays") for one in groups if one["logGroupName"].endswith(called)), None)
    yield _told(
        kept is not None,
        "logs",
        f"Logs are kept for {kept} days." if kept else "Logs are kept for ever.",
        "Set the log group's retention.",
    )


def _url(web: str) -> Iterator[Finding]:
    policy = json.loads(client("lambda").get_policy(FunctionName=web)["Policy"])
    allowed = {
        action
        for one in policy["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    missing = sorted({"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} - allowed)
    yield _told(not missing, "url", "The web function's URL has both permissions." if not missing else f"Its URL answers 403: {', '.join(missing)} is missing.",
                "A Function URL needs lambda:InvokeFunctionUrl and lambda:InvokeFunction.", "broken")  # fmt: skip


def _told(good: bool, check: str, what: str, mend: str, level: Level = "warning") -> Finding:  # noqa: FBT001  # the one thing that each check is about
    return Finding(level="ok" if good else level, check=check, said=what, mend="" if good else mend)
