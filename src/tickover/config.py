"""Settings: one frozen object, read once at the edge. Nothing below the façade reads the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from tickover.domain.options import check_name
from tickover.domain.retry import Duration, seconds
from tickover.errors import ConfigurationError, InvalidArgument

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DAY = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every knob, with its default. Durations are seconds or `timedelta`; afterwards they are seconds.

    Each field is also an environment variable: `TICKOVER_` and its name in capitals. Keyword beats `settings=` beats
    environment.
    """

    #: Where the jobs live: `sqlite:///jobs.db`, `postgresql://user@host/db`. Else `DATABASE_URL`.
    database_url: str | None = None
    #: ARN of a Secrets Manager secret with the credentials.
    database_secret: str | None = None
    #: Log in with short-lived IAM tokens instead of a password.
    database_iam: bool = False
    #: Which queues a tick serves, and how many jobs of each at once: `default=10,emails=5`. None: every queue.
    queues: Mapping[str, int] | None = None
    #: Jobs that one tick runs at once.
    concurrency: int = 10
    #: Seconds a lease lasts without renewal.
    lease: Duration = 60.0
    #: Seconds that a lease outlives its tick's deadline.
    grace: Duration = 5.0
    #: Seconds before the deadline at which nothing new starts; None: 1.5 s or 5 %, see `Budget`.
    margin: Duration | None = None
    #: Expired leases that a tick takes back before its first claim; 0 turns that off.
    reap_limit: int = 100
    #: Ticks that a chain may have alive at once.
    max_ticks: int = 10
    #: Which events are written.
    events: Literal["all", "failures", "none"] = "all"
    #: The deployed code's version, stored with jobs and checkpoints.
    code_version: str = ""
    #: Where the web function is reached from outside; for callback links.
    public_url: str | None = None
    #: Signing key for callbacks and sessions; a comma list rotates (first signs, all verify).
    secret: str | None = None
    #: Bearer token of `POST /tick`; a comma list rotates.
    tick_token: str | None = None
    #: How long completed jobs are kept.
    retain_completed: Duration = 7 * _DAY
    #: How long failed and cancelled jobs are kept.
    retain_failed: Duration = 30 * _DAY
    #: How long events are kept.
    retain_events: Duration = 3 * _DAY
    #: How long the audit log is kept.
    retain_audit: Duration = 365 * _DAY
    #: Seconds that user code may hold the one SQLite write turn.
    transaction_timeout: Duration = 5.0
    #: Wakers: a Lambda function's name, an SQS queue's URL, the role for one-shot schedules, any URL.
    wake_function: str | None = None
    wake_queue_url: str | None = None
    wake_role_arn: str | None = None
    wake_url: str | None = None
    #: The schedule group in which one-shot schedules are made.
    wake_group: str = "default"
    #: Wakes in a row that go the direct way; AWS stops a chain at about 16, so then one takes a detour.
    wake_hops: int = 12
    #: US dollars that a GB-second of a Lambda function costs you; None: Amazon's list price, by architecture.
    gb_second_price: float | None = None
    #: `simple` (a tick each minute) or `zero-idle` (nothing due, nothing runs).
    profile: Literal["simple", "zero-idle"] = "simple"

    def __post_init__(self) -> None:
        for name, least in _DURATIONS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _checked(seconds, value, name, least=least))
        for name, low, high in (
            ("concurrency", 1, 1000),
            ("reap_limit", 0, 10_000),
            ("max_ticks", 1, 1000),
            ("wake_hops", 0, 1000),
        ):
            _require(
                isinstance(value := getattr(self, name), int) and low <= value <= high, name, value, f"{low} to {high}"
            )
        price = self.gb_second_price
        _require(price is None or 0 <= price < 1, "gb_second_price", price, "US dollars, such as 0.0000133334")
        _require(self.events in ("all", "failures", "none"), "events", self.events, "all, failures or none")
        _require(self.profile in ("simple", "zero-idle"), "profile", self.profile, "simple or zero-idle")
        if self.queues is not None:
            object.__setattr__(self, "queues", {_checked(check_name, q, "queue"): n for q, n in self.queues.items()})
            _require(self.queues, "queues", self.queues, "None or name at least one queue")
            for queue, most in self.queues.items():
                _require(isinstance(most, int) and 1 <= most <= 1000, f"queues[{queue}]", most, "1 to 1000")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """Reads `TICKOVER_*` from `env` (the process's own by default); `overrides` win.

        Raises:
            ConfigurationError: a value that cannot be read, naming the variable.
        """
        env = os.environ if env is None else env
        found: dict[str, Any] = {}
        for field in fields(cls):
            variable = f"TICKOVER_{field.name.upper()}"
            if text := env.get(variable, "").strip():
                try:
                    found[field.name] = _READERS.get(field.name, str)(text)
                except ValueError as error:
                    raise ConfigurationError(f"{variable}={text!r} cannot be read: {error}") from error
        if "database_url" not in found and env.get("DATABASE_URL"):
            found["database_url"] = env["DATABASE_URL"]
        return cls(**{**found, **overrides})

    def but(self, **changes: Any) -> Settings:
        """The same settings with some of them changed."""
        return replace(self, **changes)


def read_duration(text: str) -> float:
    """Seconds of `90`, `1.5`, `500ms`, `30s`, `15m`, `12h` or `7d`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", text.strip())
    if not match:
        raise ValueError("expected seconds, or a number with ms, s, m, h or d, such as 7d")
    return float(match[1]) * _UNITS[match[2] or "s"]


def read_queues(text: str) -> dict[str, int]:
    """The map of `default=10,emails=5`."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    try:
        return {name.strip(): int(most) for name, _, most in pairs}
    except ValueError as error:
        raise ValueError("expected name=concurrency pairs, such as default=10,emails=5") from error


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise ValueError("expected 1 or 0")
    return text.lower() in ("1", "true", "yes")


def _checked(check: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return check(*args, **kwargs)
    except InvalidArgument as error:
        raise ConfigurationError(f"Settings: {error}") from error


def _require(good: object, name: str, value: object, expected: str) -> None:
    if not good:
        raise ConfigurationError(f"Settings: {name} must be {expected}, not {value!r}.")


_DURATIONS = {
    "lease": 0.2,
    "grace": 0.0,
    "margin": 0.0,
    "retain_completed": 0.0,
    "retain_failed": 0.0,
    "retain_events": 0.0,
    "retain_audit": 0.0,
    "transaction_timeout": 0.1,
}
_READERS: dict[str, Any] = {
    **dict.fromkeys(_DURATIONS, read_duration),
    **dict.fromkeys(("concurrency", "reap_limit", "max_ticks", "wake_hops"), int),
    "queues": read_queues,
    "gb_second_price": float,
    "database_iam": _flag,
}
