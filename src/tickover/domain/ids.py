"""Names for the values that travel through every layer, and the ids we mint ourselves."""

from __future__ import annotations

import os
import re
import threading
from datetime import datetime
from typing import NewType

from tickover.clock import millis, unix_millis
from tickover.errors import InvalidArgument

JobId = NewType("JobId", str)
TickId = NewType("TickId", str)
Epoch = NewType("Epoch", int)
ClaimId = NewType("ClaimId", str)
QueueName = NewType("QueueName", str)
StepKey = NewType("StepKey", str)

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_LOW_BITS = 74  # what UUIDv7 leaves to us below the 48-bit millisecond timestamp (RFC 9562, 5.7)
_lock = threading.Lock()
_last = 0


def _after_fork() -> None:
    """Another thread of the parent may have held the lock; in the child nobody would ever release it."""
    global _lock  # noqa: PLW0603  # a lock belongs to its process
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def new_ids(count: int) -> list[str]:
    """Mints `count` UUIDv7 strings, each greater than every id minted in this process before.

    Randomness comes from the operating system at each call, so that a process restored from a snapshot or forked
    cannot repeat its sibling's ids (6-serverless, facts).
    """
    global _last  # noqa: PLW0603  # "strictly increasing in one process" is a promise about the process
    noise = os.urandom(4 * count + 10)
    with _lock:
        value = max(
            unix_millis() << _LOW_BITS | int.from_bytes(noise[-10:], "big") >> 7,  # 73 bits: room below
            _last,
        )
        ids = []
        for index in range(count):
            value += 1 + int.from_bytes(noise[4 * index : 4 * index + 4], "big")
            ids.append(_format(value))
        _last = value
    return ids


def new_id() -> str:
    """Mints one id; see `new_ids`."""
    return new_ids(1)[0]


def derived_id(millis: int, *parts: object) -> JobId:
    """The id that belongs to these parts: whoever derives it gets the same, in the order of `millis` since 1970."""
    from hashlib import sha256

    digest = sha256("\0".join(map(str, parts)).encode()).digest()
    return JobId(_format(millis << _LOW_BITS | int.from_bytes(digest) >> 256 - _LOW_BITS))


def child_ids(millis: int, fan_out_id: str, count: int) -> list[JobId]:
    """The ids of a fan-out's children, in slot order and equal whenever they are derived; at most 16,384."""
    from hashlib import sha256

    low = _LOW_BITS - 14
    seeds = (sha256(f"{fan_out_id}:{index}".encode()).digest() for index in range(count))
    return [
        JobId(_format(millis << _LOW_BITS | index << low | int.from_bytes(seed) >> 256 - low))
        for index, seed in enumerate(seeds)
    ]


def _format(value: int) -> str:
    """Lays 48 + 74 bits out as a UUID with version 7 and variant 2."""
    time_ms, rand_a, rand_b = value >> 74, value >> 62 & 0xFFF, value & (1 << 62) - 1
    digits = f"{time_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def first_id(at: datetime) -> str:
    """The smallest id that can have been made at an instant or after it."""
    return _format(millis(at) << _LOW_BITS)


def parse_id(value: object) -> JobId:
    """Returns a well-formed job id in lower case; raises `InvalidArgument` for anything else."""
    text = str(value).lower()
    if not _ID.match(text):
        raise InvalidArgument(f"{value!r} is not a job id: expected a UUID such as {_format(1 << 80)}.")
    return JobId(text)


def short(job_id: str) -> str:
    """What people see of an id: its last eight characters (the first ones are a timestamp and look all alike)."""
    return job_id[-8:]
