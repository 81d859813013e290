"""Who of the jobs that were just claimed may run: pure, from what their limits have left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tickover.domain.ids import JobId
from tickover.domain.limits import Cap, Rate

_TURNS: Final = 8


@dataclass(slots=True, kw_only=True)
class Windows:
    """What a rate has given away, as far as it must be known: the window of now, and the last one that has anything."""

    now: int
    used_now: int = 0
    last: int = -1
    used_last: int = 0

    def know(self, window: int, used: int) -> None:
        """Learns what is stored of a window."""
        if window == self.now:
            self.used_now = used
        if window > self.last:
            self.last, self.used_last = window, used

    def first_free(self, most: int, since: int) -> int:
        """The first window from `since` on with room. Holes before the last window stay holes: they are few."""
        if since <= self.now and self.used_now < most:
            return self.now
        last, used = (self.last, self.used_last) if self.last > self.now else (self.now, self.used_now)
        return max(since, last + (used >= most))

    def take(self, window: int) -> None:
        """Counts one more in a window that `first_free` answered."""
        if window == self.now:
            self.used_now += 1
        if window > self.last:
            self.last, self.used_last = window, 0
        if window == self.last:
            self.used_last += 1


@dataclass(slots=True, kw_only=True)
class Room:
    """What is left of every limit, at one moment under its lock."""

    #: The database's clock, in milliseconds since 1970: whole numbers, so that a window's start is in the window.
    now: int
    #: Jobs that may still be admitted, by key of a cap.
    caps: dict[str, int]
    #: By key of a rate.
    rates: dict[str, Windows] = field(default_factory=dict)
    #: The window that a job was promised when a rate made it wait, by job and key.
    promised: Mapping[tuple[JobId, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A claimed job and its limits, by key."""

    job_id: JobId
    caps: tuple[tuple[str, Cap | None], ...]
    rates: tuple[tuple[str, Rate], ...]


@dataclass(frozen=True, slots=True)
class Admitted:
    """It may run; it takes a place of each of its caps, and one of each rate's current window."""

    slots: tuple[str, ...]
    #: (key, window) to be counted now; a promise that is kept was counted when it was made.
    counted: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class CapFull:
    """It waits until a place of this cap is free. What it was promised is given back."""

    key: str
    returned: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class NotYet:
    """It sleeps for so many seconds, until a window in which it has a place."""

    delay: float
    promised: tuple[tuple[str, int], ...]


Verdict: TypeAlias = Admitted | CapFull | NotYet


def admit(asked: Sequence[Asked], room: Room) -> dict[JobId, Verdict]:
    """Decides in the order given; `room` afterwards is what is left."""
    return {one.job_id: _one(one, room) for one in asked}


def _one(one: Asked, room: Room) -> Verdict:
    kept = {key: window for key, _ in one.rates if (window := room.promised.get((one.job_id, key))) is not None}
    full = next((key for key, _ in one.caps if room.caps.get(key, 1) <= 0), None)
    if full is not None:
        return CapFull(full, tuple(kept.items()))
    fresh = [(key, rate) for key, rate in one.rates if kept.get(key) != room.rates[key].now]
    start = _start(fresh, room)
    if start > room.now:
        promised = tuple((key, start // rate.per_ms) for key, rate in fresh)
        for key, window in promised:
            room.rates[key].take(window)
        return NotYet((start - room.now) / 1000, promised)
    counted = tuple((key, room.rates[key].now) for key, _ in fresh)
    for key, window in counted:
        room.rates[key].take(window)
    slots = tuple(key for key, _ in one.caps if key in room.caps)
    for key in slots:
        room.caps[key] -= 1
    return Admitted(slots, counted)


def _start(rates: Sequence[tuple[str, Rate]], room: Room) -> int:
    """The first instant at which every rate has a window with room, which may be now."""
    start = room.now
    for _ in range(_TURNS):
        firsts = [
            window * rate.per_ms
            for key, rate in rates
            if (window := room.rates[key].first_free(rate.most, start // rate.per_ms)) > start // rate.per_ms
        ]
        if not firsts:
            break
        start = max(firsts)
    return start
