"""The options of a job: what may be said at registration, by `.using(…)` or at enqueue, checked in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from tickover.domain.payload import encode
from tickover.domain.retry import BackoffPolicy, Duration, ExponentialBackoff, seconds
from tickover.errors import InvalidArgument

if TYPE_CHECKING:
    from tickover.domain.limits import Limit  # which checks its names here

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,254}\Z")
_KEY_LENGTH: Final = 255
_META_BYTES: Final = 64 * 1024


class JobOptions(TypedDict, total=False):
    """Options that registration, `.using(…)` and `enqueue` all take."""

    #: The lane the job waits in; default `default`.
    queue: str
    #: Higher runs first, -32768 to 32767; default 0.
    priority: int
    #: Retries after the first run: n + 1 runs at most; default 3.
    retries: int
    #: Crashes in a row that end the job; default 3.
    max_crashes: int
    #: Seconds one run may take; default none.
    timeout: Duration
    #: Whose job this is; unique keys are held per tenant.
    tenant: str
    #: Small JSON object for people and filters; never read by the engine.
    meta: dict[str, Any]
    #: The wait before each retry; a function only at registration.
    backoff: ExponentialBackoff | BackoffPolicy
    #: What a replay must match.
    determinism: Literal["explicit", "strict"]


class HandlerOptions(JobOptions, total=False):
    """Options that only registration takes."""

    #: Other names under which stored jobs may know this handler.
    aliases: Sequence[str]
    #: Caps and rates.
    limits: Sequence[Limit]
    #: True when the body runs elsewhere: the kind can be enqueued here and is never executed here.
    remote: bool


class EnqueueOptions(JobOptions, total=False):
    """Options of one enqueue."""

    #: Seconds until the job may run.
    delay: Duration
    #: The aware instant from which the job may run.
    at: datetime
    #: One unfinished job per tenant and key.
    unique: str
    #: Within the window the first job's id comes back.
    idempotency_key: str
    #: Seconds the window lasts; default one day.
    idempotency_ttl: Duration
    #: The caller's SQLAlchemy Session, Connection or AsyncSession, or a psycopg or sqlite3 connection.
    session: Any


_JOB = frozenset(JobOptions.__annotations__)
_HANDLER = _JOB | frozenset(HandlerOptions.__annotations__)
_ENQUEUE = _JOB | frozenset(EnqueueOptions.__annotations__) | {"remote"}


def check_name(value: object, what: str) -> str:
    """Returns a usable kind, queue or schedule name; raises `InvalidArgument` otherwise."""
    if not isinstance(value, str) or not NAME.match(value):
        raise InvalidArgument(
            f"{value!r} is not a {what} name: a letter, then up to 254 letters, digits, '_', '-' or '.'."
        )
    return value


def check_handler_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Checks what `@jobs.job(…)` was given; returns it with every value in its stored form."""
    return _check(options, _HANDLER, "@jobs.job")


def check_enqueue_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Checks what `.using(…)` or `enqueue` was given; returns it with every value in its stored form."""
    checked = _check(options, _ENQUEUE, "enqueue")
    if "delay" in checked and "at" in checked:
        raise InvalidArgument("Give either delay= or at=, not both.")
    if "idempotency_ttl" in checked and "idempotency_key" not in checked:
        raise InvalidArgument("idempotency_ttl= needs an idempotency_key=.")
    if callable(checked.get("backoff")):
        raise InvalidArgument("A function as backoff= is an option of @jobs.job; here take ExponentialBackoff(…).")
    return checked


def _check(options: Mapping[str, Any], allowed: frozenset[str], where: str) -> dict[str, Any]:
    unknown = sorted(set(options) - allowed)
    if unknown:
        raise InvalidArgument(f"{where} has no option {', '.join(unknown)}; it takes {', '.join(sorted(allowed))}.")
    return {name: _CHECKS[name](value) for name, value in options.items() if value is not None}


def _whole(name: str, least: int, most: int) -> Any:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidArgument(f"{name}= takes a whole number from {least} to {most}, not {value!r}.")
        return value

    return check


def _key(name: str) -> Any:
    def check(value: object) -> str:
        if not isinstance(value, str) or not value or len(value) > _KEY_LENGTH or "\0" in value:
            raise InvalidArgument(f"{name}= takes 1 to {_KEY_LENGTH} characters without NUL, not {value!r:.80}.")
        encode(value)  # refuses lone surrogates, which no database takes
        return value

    return check


def _tenant(value: object) -> str:
    return "" if value == "" else _key("tenant")(value)


def _instant(value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidArgument(f"at= takes an aware datetime (for instance datetime.now(UTC)), not {value!r}.")
    if not 1970 <= value.year <= 9000:
        raise InvalidArgument(f"at= must lie between the years 1970 and 9000, not {value!r}.")
    return value.astimezone(UTC)


def _meta(value: object) -> str:
    if not isinstance(value, dict):
        raise InvalidArgument(f"meta= takes a dict, not {value!r:.80}.")
    text = encode(value)
    if len(text.encode()) > _META_BYTES:
        raise InvalidArgument(f"meta= may be {_META_BYTES // 1024} KiB as JSON at most.")
    return text


def _backoff(value: object) -> object:
    if not isinstance(value, ExponentialBackoff) and not callable(value):
        raise InvalidArgument(f"backoff= takes ExponentialBackoff(…) or a function (n, error), not {value!r}.")
    return value


def _determinism(value: object) -> object:
    if value not in ("explicit", "strict"):
        raise InvalidArgument(f'determinism= is "explicit" or "strict", not {value!r}.')
    return value


def _limits(value: object) -> object:
    from tickover.domain.limits import check_limits  # which checks its names here

    return check_limits(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidArgument(f"remote= is True or False, not {value!r}.")
    return value


_CHECKS: Final[dict[str, Any]] = {
    "queue": lambda value: check_name(value, "queue"),
    "priority": _whole("priority", -32768, 32767),
    "retries": _whole("retries", 0, 1_000_000),
    "max_crashes": _whole("max_crashes", 1, 1000),
    "timeout": lambda value: seconds(value, "timeout", least=0.001),
    "tenant": _tenant,
    "meta": _meta,
    "backoff": _backoff,
    "determinism": _determinism,
    "aliases": lambda value: tuple(check_name(alias, "handler") for alias in value),
    "limits": _limits,
    "remote": _flag,
    "delay": lambda value: seconds(value, "delay"),
    "at": _instant,
    "unique": _key("unique"),
    "idempotency_key": _key("idempotency_key"),
    "idempotency_ttl": lambda value: seconds(value, "idempotency_ttl", least=1),
    "session": lambda value: value,
}
