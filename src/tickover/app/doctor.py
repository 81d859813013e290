"""Looks at a configuration for the traps of short invocations, and says how each is mended. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tickover.config import Settings

Level: TypeAlias = Literal["ok", "warning", "broken", "unknown"]
#: Lambda ends a chain at about 16 hops; what is below leaves room for a web request or a producer in front of it.
MOST_HOPS = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    #: A short name that stays.
    check: str
    said: str
    #: What to do; empty when all is well.
    mend: str = ""


def examine(settings: Settings, database: str = "") -> Iterator[Finding]:
    """What the settings alone tell. `database` is the application's URL, whose password is not shown."""
    yield from _wakes(settings)
    url = database or settings.database_url or ""
    yield from _login(settings, url)
    yield from _between(settings, url)
    if settings.reap_limit == 0:
        yield _bad(
            "reap-limit",
            "Ticks take nothing back from ticks that died.",
            "Run the reaper each minute, or set TICKOVER_REAP_LIMIT=100.",
        )
    if settings.public_url and not settings.secret:
        yield _bad(
            "callbacks",
            "Callback links need a key to be signed with.",
            "Set TICKOVER_SECRET to 32 random characters.",
            "broken",
        )
    if not settings.code_version:
        yield _bad(
            "code-version",
            "Jobs do not know the version of the code that ran them.",
            "Set TICKOVER_CODE_VERSION to the commit.",
        )


def _wakes(settings: Settings) -> Iterator[Finding]:
    """Who starts a tick, and whether the profile can rely on it."""
    now = settings.wake_function or settings.wake_queue_url or settings.wake_url
    later = settings.wake_role_arn or settings.wake_queue_url
    if not now:
        yield _bad("waker", "An enqueue wakes nobody: jobs wait for the next timer.",
                   "Set TICKOVER_WAKE_FUNCTION (and _WAKE_QUEUE_URL, _WAKE_ROLE_ARN) on AWS, TICKOVER_WAKE_URL elsewhere.")  # fmt: skip
    else:
        yield Finding(level="ok", check="waker", said="An enqueue wakes a tick.")
    if settings.profile == "zero-idle" and not settings.wake_role_arn:
        said = "zero-idle has alarms of 15 minutes at most" if later else "zero-idle has no alarm"
        yield _bad("alarm", f"{said}: what is due later waits for the safety tick.",
                   "Set TICKOVER_WAKE_ROLE_ARN, the role by which one-shot schedules invoke the function; or use the profile simple.",
                   "warning" if later else "broken")  # fmt: skip
    elif settings.profile == "zero-idle" and not settings.wake_queue_url:
        yield _bad(
            "seconds",
            "Jobs for later may be a minute late.",
            "Set TICKOVER_WAKE_QUEUE_URL: messages bring the seconds.",
        )
    if settings.wake_role_arn and not (settings.wake_function or "").startswith("arn:"):
        yield _bad(
            "alarm-target",
            "A schedule invokes a function by its ARN only.",
            "Set TICKOVER_WAKE_FUNCTION to the ARN.",
            "broken",
        )
    if settings.wake_hops > MOST_HOPS:
        yield _bad("hops", f"{settings.wake_hops} ticks may wake one another in a row; Lambda ends a chain at about 16.",
                   "Set TICKOVER_WAKE_HOPS=12, or RecursiveLoop: Allow on the tick function.")  # fmt: skip


def _login(settings: Settings, database: str) -> Iterator[Finding]:
    """How the database is reached."""
    from urllib.parse import urlsplit

    parts = urlsplit(database)
    if settings.database_iam and settings.database_secret:
        yield _bad(
            "login",
            "Both a secret and IAM tokens are asked for.",
            "Unset TICKOVER_DATABASE_SECRET or TICKOVER_DATABASE_IAM.",
            "broken",
        )
    elif settings.database_iam and parts.password:
        yield _bad(
            "login", "The database URL has a password that IAM tokens take the place of.", "Leave it out of the URL."
        )
    elif settings.wake_function and parts.password and not settings.database_secret:
        yield _bad(
            "login",
            "The database's password is in the environment of each function.",
            "Keep it in Secrets Manager: TICKOVER_DATABASE_SECRET.",
        )
    if parts.scheme.startswith("sqlite"):
        import sqlite3

        from tickover.store.sqlite import journal_mode

        mode = journal_mode(sqlite3.sqlite_version_info)
        why = "has" if mode == "TRUNCATE" else "is without"
        yield Finding(
            level="ok",
            check="journal",
            said=f"SQLite {sqlite3.sqlite_version} {why} the WAL-reset bug, so files use {mode}.",
        )
        if settings.wake_function:
            yield _bad(
                "sqlite", "A function's file is its own and goes with it.", "Use PostgreSQL on Lambda.", "broken"
            )


def _between(settings: Settings, database: str) -> Iterator[Finding]:
    """What stands between a function and its database."""
    from urllib.parse import urlsplit

    parts = urlsplit(database)
    if ".proxy-" in (parts.hostname or "") and settings.profile == "zero-idle":
        yield _bad(
            "proxy",
            "RDS Proxy holds connections open, so a database behind it never pauses.",
            "Connect to the database itself, or give up zero-idle: ticks need few connections.",
        )
    if "options=" in parts.query:
        yield _bad(
            "startup-options",
            "Poolers in transaction mode refuse or drop options= in the URL.",
            "Set them on the role: ALTER ROLE … SET …",
        )


def _bad(check: str, said: str, mend: str, level: Level = "warning") -> Finding:
    return Finding(level=level, check=check, said=said, mend=mend)
