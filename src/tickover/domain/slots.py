"""Which of a schedule's due slots fire, and why the others do not: pure decisions, bounded however many were missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from tickover.domain.declared import Overlap, Stored
from tickover.domain.schedule import Schedule

#: A slot is missed when nothing fired it for so long. A timer of a minute is up to a minute late, and that is not late.
MISSED: Final = timedelta(seconds=120)
#: Omitted slots that are written down one by one; what is older is written down as one range.
_EACH: Final = 100
_COUNTED: Final = 1000
_LEAST: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Omitted:
    """A slot that does not fire, and why."""

    slot: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What a scheduler does about a schedule now."""

    fire: tuple[datetime, ...]
    omit: tuple[Omitted, ...]
    #: The last slot that is decided by this, and the first that is not.
    last: datetime
    following: datetime | None


def decide_slots(stored: Stored, next_slot: datetime, now: datetime) -> Due:
    """Decides every slot from `next_slot` to now. `next_slot` is due by the database's account, whatever the spec says."""
    schedule = stored.schedule
    most = stored.most_caught_up
    slots, older = _newest(schedule, next_slot, now, (most or 1) + _EACH)
    fires = slots[:most] if most is not None else [slot for slot in slots[:1] if now - slot < MISSED]
    why = f"missed; catch_up is {stored.catch_up}"
    omitted = [Omitted(slot=slot, reason=why) for slot in slots[len(fires) :]]
    if older is not None:
        omitted.append(
            Omitted(slot=next_slot, reason=f"{why}; the same holds for every slot until {older.isoformat()}")
        )
    return Due(fire=tuple(reversed(fires)), omit=tuple(reversed(omitted)), last=slots[0], following=schedule.next(now))


def _newest(
    schedule: Schedule, next_slot: datetime, now: datetime, most: int
) -> tuple[list[datetime], datetime | None]:
    """The due slots, newest first, `most` of them; and the newest that is not among them, if there is any."""
    slots: list[datetime] = []
    slot = schedule.upto(now)
    while slot is not None and slot > next_slot and len(slots) < most:
        slots.append(slot)
        slot = schedule.upto(slot - _LEAST)
    if slot is not None and slot > next_slot:
        return slots, slot
    return [*slots, next_slot], None


def admit(overlap: Overlap, *, live: int, waiting: int) -> str | None:
    """Whether a slot fires beside earlier jobs of its schedule; the reason when it does not.

    Args:
        overlap: the schedule's policy.
        live: its jobs that are not over.
        waiting: those of them that never started.
    """
    match overlap:
        case "allow":
            return None
        case "skip":
            return "overlap is skip, and the job of an earlier slot is not over" if live else None
        case "queue_one":
            return "overlap is queue_one, and the job of an earlier slot waits" if waiting or live > 1 else None
    assert_never(overlap)


def paused_slots(schedule: Schedule, next_slot: datetime | None, now: datetime) -> Sequence[Omitted]:
    """The slots that passed during a pause, as one entry or none."""
    last = schedule.upto(now)
    if next_slot is None or next_slot > now or last is None:
        return ()
    last = max(last, next_slot)
    more = "" if last == next_slot else f"; the same holds for every slot until {last.isoformat()}"
    return (Omitted(slot=next_slot, reason=f"the schedule was paused{more}"),)


def overdue(stored: Stored, now: datetime, *, late: timedelta = MISSED) -> int:
    """How many slots should have fired longer ago than a timer is `late`; 0 for what never fired, or is paused."""
    if stored.paused or stored.next_slot is None or stored.last_fired_at is None:
        return 0
    schedule, missed = stored.schedule, now - late
    slot: datetime | None = stored.next_slot
    count = 0
    while slot is not None and slot <= missed and count < _COUNTED:
        count += 1
        slot = schedule.next(slot)
    return count
