"""Limits: how many jobs of a key run at once over the whole fleet (`cap`), and how many start per window (`rate`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeAlias

from tickover.domain.options import check_name
from tickover.domain.retry import Duration, seconds
from tickover.errors import InvalidArgument

#: What the keys of queues and of rates begin with; no cap may be named so.
QUEUE: Final = "queue"
RATE: Final = "rate"
MOST: Final = 1_000_000
_LONGEST_KEY: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedJob:
    """What a key function sees of a job that is about to be written."""

    kind: str
    queue: str
    tenant: str
    priority: int
    payload: Any
    meta: Mapping[str, Any]


KeyOf: TypeAlias = Callable[[LimitedJob], object]


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` jobs of one key run at once, over the whole fleet."""

    name: str
    most: int
    key: KeyOf | None = None

    @property
    def numbers(self) -> tuple[float, ...]:
        """What must be the same wherever this name is used."""
        return (self.most,)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `most` jobs of one key start in each window of `per` seconds, over the whole fleet."""

    name: str
    most: int
    per: float
    key: KeyOf | None = None

    @property
    def numbers(self) -> tuple[float, ...]:
        """What must be the same wherever this name is used."""
        return (self.most, self.per)

    @property
    def per_ms(self) -> int:
        """The length of a window in milliseconds."""
        return round(1000 * self.per)


Limit: TypeAlias = Cap | Rate


def cap(name: str, most: int, /, *, key: KeyOf | None = None) -> Cap:
    """At most `most` jobs run at once over the whole fleet: `@jobs.job(limits=[cap("gpu", 2)])`.

    Args:
        name: kinds that name the same cap share it.
        most: 1 to 1,000,000.
        key: a function of the job to be written (kind, queue, tenant, priority, payload, meta); jobs with the same answer
            share a cap, a job whose answer is None is not capped. Default: one cap for all.

    Raises:
        InvalidArgument: a name or a number that is none.
    """
    return Cap(_name(name), check_most(most), _key(key))


def rate(name: str, most: int, /, *, per: Duration = 1, key: KeyOf | None = None) -> Rate:
    """At most `most` jobs start in each window of `per` seconds: `rate("crm", 10, per=1, key=lambda job: job.tenant)`.

    Windows are aligned to multiples of `per` since 1970, by the database's clock. One in ten seconds is `1, per=10`.

    Args:
        name: kinds that name the same rate share it.
        most: 1 to 1,000,000.
        per: seconds or timedelta, 0.01 s to a day.
        key: see `cap`.

    Raises:
        InvalidArgument: a name or a number that is none.
    """
    length = seconds(per, "per", least=0.01)
    if length > 86_400:
        raise InvalidArgument(f"per= takes a day at most, not {per!r}.")
    return Rate(_name(name), check_most(most), length, _key(key))


def check_limits(value: object) -> tuple[Limit, ...]:
    """What `limits=` was given; raises `InvalidArgument` for anything but caps and rates of different names."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidArgument(f"limits= takes a list of cap(…) and rate(…), not {value!r:.80}.")
    for limit in value:
        if not isinstance(limit, Cap | Rate):
            raise InvalidArgument(f"limits= takes cap(…) and rate(…), not {limit!r:.80}.")
    names = [(type(limit), limit.name) for limit in value]
    if len(set(names)) < len(names):
        raise InvalidArgument("limits= names the same cap or rate twice.")
    return tuple(value)


def check_most(most: object) -> int:
    """The number of a limit; raises `InvalidArgument` for anything but a whole number from 1 to 1,000,000."""
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MOST:
        raise InvalidArgument(f"A limit is a whole number from 1 to {MOST:,}, not {most!r}.")
    return most


def keys_of(limits: Sequence[Limit], job: LimitedJob) -> list[list[str]]:
    """[name, key] of every limit that holds for a job, in the form that is stored with it.

    Raises:
        InvalidArgument: a key function raised; the job is not written.
    """
    found = []
    for limit in limits:
        try:
            part = None if limit.key is None else limit.key(job)
        except Exception as error:
            raise InvalidArgument(
                f"The key function of {limit.name!r} failed: {type(error).__name__}: {error}"
            ) from error
        if limit.key is None or part is not None:
            found.append([limit.name, _whole(limit, part)])
    return found


def stored_keys(text: str | None) -> list[tuple[str, str]]:
    """(name, key) of the limits that were stored with a job."""
    return [] if text is None else [(name, key) for name, key in json.loads(text)]


def places_of(cap_keys: str | None, capped_queue: str | None) -> tuple[str, ...]:
    """Keys of the caps that a job with these stored keys, in this queue if it is capped, may hold a place of."""
    if cap_keys is None and capped_queue is None:
        return ()
    keys = [key for _, key in stored_keys(cap_keys) if not key.startswith(f"{RATE}:")]
    return (*keys, *(() if capped_queue is None else (queue_key(capped_queue),)))


def queue_key(queue: str) -> str:
    """The cap of a queue's concurrency over the fleet."""
    return f"{QUEUE}:{queue}"


def _whole(limit: Limit, part: object) -> str:
    key = limit.name if part is None else f"{limit.name}:{part}"
    if len(key) > _LONGEST_KEY or "\0" in key or not key.isprintable():
        key = f"{limit.name}:#{sha256(key.encode('utf-8', 'replace')).hexdigest()}"
    return f"{RATE}:{key}" if isinstance(limit, Rate) else key


def _name(name: object) -> str:
    if name in (QUEUE, RATE):
        raise InvalidArgument(f"A limit cannot be named {name!r}; that is what the keys of {name}s begin with.")
    return check_name(name, "limit")


def _key(key: object) -> Any:
    if key is not None and not callable(key):
        raise InvalidArgument(f"key= takes a function of the job, not {key!r:.80}.")
    return key
