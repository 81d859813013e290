"""The traps of short invocations, one function each: what was found, whether that is well, and how it is mended.

The doctor calls them with what a file says or with what AWS says; docs/reference/doctor.md has them as a table.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from tickover.app.doctor import MOST_HOPS, Finding, Level

#: Metrics of which somebody should be told.
ALARMS = ("OldestDueSeconds", "DeadLetters", "Failed", "Errors", "RecursiveInvocationsDropped")


def timeout(seconds: int) -> Finding:
    """A tick needs time, and Lambda gives 900 s at most."""
    return told(
        10 <= seconds <= 900, "timeout", f"The tick function has {seconds} s.",
        "Give it 10 to 900 s; less leaves a tick no time.",
    )  # fmt: skip


def application(handler: str, variables: Collection[str]) -> Finding:
    """The handlers that need no file of yours need a name."""
    good = "TICKOVER_APP" in variables or not handler.startswith("tickover.aws.handlers")
    return told(good, "app", f"It runs {handler}.", "Set TICKOVER_APP=package.module:attr on the function.", "broken")


def runtime(name: str) -> Finding:
    """Python 3.11 is the oldest."""
    version = re.fullmatch(r"python3\.(\d+)", name)
    good = version is not None and int(version[1]) >= 11
    return told(good, "runtime", f"Its runtime is {name or 'not named'}.", "Take Python 3.11 or newer.", "broken")


def retries(times: int) -> Finding:
    """Lambda's own retries repeat what the next tick does anyway."""
    return told(
        times == 0, "retries", f"A failed tick is invoked {times} more times.",
        "Set MaximumRetryAttempts to 0: the next tick is the retry.",
    )  # fmt: skip


def event_age(seconds: int) -> Finding:
    """A wake that is late is of no use."""
    return told(
        seconds <= 300, "event-age", f"A wake is delivered up to {seconds} s late.",
        "Set MaximumEventAgeInSeconds to 60: an old wake is of no use.",
    )  # fmt: skip


def loops(mode: str, hops: int) -> Finding:
    """Lambda ends a chain at about 16 hops, with everything that it would have done."""
    return told(
        mode == "Allow" or hops <= MOST_HOPS, "loops", f"RecursiveLoop is {mode}, and {hops} hops go directly.",
        "Set TICKOVER_WAKE_HOPS=12, or RecursiveLoop: Allow; Lambda ends a chain at about 16 hops.", "broken",
    )  # fmt: skip


def concurrency(most: int) -> Finding:
    """A new account runs ten functions at once."""
    return told(
        most > 50, "concurrency", f"The account runs {most} functions at once.",
        "A new account has 10: ask AWS for more, and keep TICKOVER_MAX_TICKS below it.",
    )  # fmt: skip


def reserved(most: int | None, ticks: int) -> Finding:
    """Wakes beyond what is reserved are throttled, and dropped after a minute."""
    return told(
        most is None or most >= ticks, "reserved",
        "The tick function shares the account's executions." if most is None else f"{most} executions are reserved.",
        f"Reserve at least TICKOVER_MAX_TICKS={ticks}, or nothing.", "broken" if most == 0 else "warning",
    )  # fmt: skip


def snap_start(on: bool) -> Finding:  # noqa: FBT001  # what the check is about
    """A snapshot clones what is made at import."""
    return told(
        not on, "snap-start", "SnapStart clones what a module makes at import." if on else "SnapStart is off.",
        "Turn it off, or make no id, token, random generator or connection at import; Tickover's own are made at first use.",
    )  # fmt: skip


def compiled(has: bool) -> Finding:  # noqa: FBT001  # what the check is about
    """The file system is read-only: what has no bytecode is compiled at every cold start."""
    return told(
        has, "compiled", "The package has bytecode." if has else "The package has no bytecode that counts.",
        "Build with infra/package.py (`make package`; in SAM `BuildMethod: makefile`): unchecked-hash .pyc by the runtime's Python.",
    )  # fmt: skip


def visibility(seconds: int, timeout: int) -> Finding:
    """AWS refuses a visibility below the function's timeout, and advises six times it."""
    return told(
        seconds >= 6 * timeout, "visibility", f"The wake queue hides a message for {seconds} s.",
        f"Set its visibility timeout to six times the function's {timeout} s.",
        "broken" if seconds < timeout else "warning",
    )  # fmt: skip


def dead_letters(has: bool) -> Finding:  # noqa: FBT001  # what the check is about
    """What is no wake should end somewhere."""
    return told(
        has, "dead-letters", "Messages that fail have a queue of their own." if has else "Messages that fail come back until they expire.",
        "Give the wake queue a RedrivePolicy.",
    )  # fmt: skip


def mapping(has: bool) -> Finding:  # noqa: FBT001  # what the check is about
    """Messages wake nobody without a mapping."""
    return told(
        has, "mapping", "The wake queue is mapped to the function." if has else "No queue is mapped to the function.",
        "Add an event source mapping from the wake queue.", "broken",
    )  # fmt: skip


def partial_batches(reported: bool) -> Finding:  # noqa: FBT001  # what the check is about
    """One stranger must not bring the others back."""
    return told(
        reported, "partial-batches", "Batches report their failures one by one." if reported else "One bad message brings its whole batch back.",
        "Set FunctionResponseTypes to ReportBatchItemFailures.",
    )  # fmt: skip


def mapping_concurrency(most: int | None) -> Finding:
    """AWS knows no mapping with less than two."""
    return told(
        most is None or most >= 2, "mapping-concurrency",
        "The mapping has no bound." if most is None else f"The mapping invokes {most} at once.",
        "Set MaximumConcurrency to 2 or more; AWS refuses less.", "broken",
    )  # fmt: skip


def timer(expressions: Collection[str], profile: str) -> Finding:
    """The floor under every wake: a minute in the simple profile, slow in the other, never absent."""
    said = f"The tick function's timer is {', '.join(sorted(expressions)) or 'missing'}; the profile is {profile}."
    each_minute = bool({"rate(1 minute)", "cron(* * * * ? *)"} & set(expressions))
    if not expressions:
        return told(False, "timer", said, "Add one: a wake that is lost is healed by the next timed tick.", "broken")  # noqa: FBT003  # what the check is about
    mend = "Set rate(1 minute): it is the alarm there." if profile == "simple" else "Set rate(1 hour): a poll each minute keeps a serverless database awake, which costs more than all ticks."  # fmt: skip
    return told(each_minute == (profile == "simple"), "timer", said, mend)


def timer_retries(times: int) -> Finding:
    """EventBridge Scheduler retries 185 times over a day unless it is told otherwise."""
    return told(
        times <= 2, "timer-retries", f"A timer whose target fails is tried {times} more times.",
        "Set MaximumRetryAttempts to 0 in its RetryPolicy: the next one comes anyway.",
    )  # fmt: skip


def group(name: str, state: str) -> Finding:
    """Alarms are made in a group that must exist."""
    return told(
        state == "ACTIVE", "group", f"The schedule group {name} is {state}.", "Make the group that TICKOVER_WAKE_GROUP names.", "broken"
    )  # fmt: skip


def logs(days: int | None) -> Finding:
    """Logs without an end cost without an end."""
    return told(
        days is not None, "logs", f"Logs are kept for {days} days." if days else "Logs are kept for ever.", "Set the log group's retention."
    )  # fmt: skip


def url(allowed: Collection[str]) -> Finding:
    """Since October 2025 a Function URL needs two permissions."""
    missing = sorted({"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} - set(allowed))
    return told(
        not missing, "url", "The web function's URL has both permissions." if not missing else f"Its URL answers 403: {', '.join(missing)} is missing.",
        "A Function URL needs lambda:InvokeFunctionUrl and lambda:InvokeFunction.", "broken",
    )  # fmt: skip


def web_timeout(seconds: int) -> Finding:
    """An HTTP API hangs up after 30 s, whatever the function does."""
    return told(
        seconds < 30, "web-timeout", f"The web function has {seconds} s behind an HTTP API, which waits for 30 s.", "Set its timeout to 29 s."
    )  # fmt: skip


def roles(shared: Collection[str]) -> Finding:
    """Least privilege: what one function may do is no other's business."""
    return told(
        not shared, "roles", "Each function has a role of its own." if not shared else f"{' and '.join(sorted(shared))} share a role.",
        "Give each function a role with what it needs.",
    )  # fmt: skip


def stars(where: Collection[str]) -> Finding:
    """A policy names what it allows."""
    return told(
        not where, "stars", "No policy allows everything." if not where else f"{', '.join(sorted(where))} allows every action or every resource.",
        "Name the actions and the resources.",
    )  # fmt: skip


def alarms(present: Collection[str]) -> Finding:
    """Somebody should be told."""
    missing = [name for name in ALARMS if name not in present]
    return told(
        not missing, "alarms", "Each metric that matters has an alarm." if not missing else f"Nobody is told of {', '.join(missing)}.",
        "Add CloudWatch alarms, as template.yaml and infra/terraform have them.",
    )  # fmt: skip


def pause(profile: str, *, proxy: bool) -> Finding:
    """A database that may pause needs to be left alone."""
    if proxy:
        return told(False, "pause", "The database may pause, and RDS Proxy never lets it.", "Leave the proxy out, or give up auto-pause: they exclude each other.", "broken")  # noqa: FBT003  # fmt: skip
    return told(
        profile == "zero-idle", "pause", f"The database may pause; the profile is {profile}.",
        "Set the profile to zero-idle: a poll each minute keeps the database awake.",
    )  # fmt: skip


def told(good: bool, check: str, what: str, mend: str, level: Level = "warning") -> Finding:  # noqa: FBT001  # the one thing that each check is about
    """A finding: `ok` without a mend, or `level` with it."""
    return Finding(level="ok" if good else level, check=check, said=what, mend="" if good else mend)
