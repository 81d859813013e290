"""The first page: bounded counts, roll-ups and short lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from tickover import Tickover
from tickover.domain.ids import TickId, new_id
from tickover.store.sql_store import SqlStore
from tickover.store.tables import control, events, stored_instant
from tickover_ui.causes import Cause
from tickover_ui.queries.dead import newest
from tickover_ui.queries.ended import Minute, by_minute, by_queue
from tickover_ui.queries.frame import Frame, frame_of
from tickover_ui.queries.leases import Held, held
from tickover_ui.queries.queues import MINUTES, Lane, lanes
from tickover_ui.queries.ticks import Tick, between
from tickover_ui.reading import newest_events, now, read, rows
from tickover_ui.words import number

_EVENTS: Final = 12
_DEATHS: Final = 200
#: Seconds after which something that is due is late.
PATIENCE: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event in a line."""

    seq: int
    at: datetime
    type: str
    job_id: str | None
    kind: str | None
    queue: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to act on."""

    tone: str
    icon: str
    title: str
    said: str
    to: str
    query: dict[str, str] = field(default_factory=dict)
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that the first page shows."""

    now: datetime
    frame: Frame
    oldest_due: datetime | None
    next_due: datetime | None
    fleet_paused: str | None
    minutes: list[Minute]
    queues: list[Lane]
    holders: list[Held]
    ticks: list[Tick]
    happened: list[Happened]
    causes: list[Cause]

    @property
    def counts(self) -> dict[str, int]:
        """Jobs by state, for the states that are cheap to count."""
        return self.frame.counts

    @property
    def empty(self) -> bool:
        """Nothing ever happened here."""
        return not (
            any(self.counts.values()) or self.happened or self.ticks or any(lane.finished for lane in self.queues)
        )

    @property
    def lost(self) -> list[Held]:
        """Ticks whose leases ran out."""
        return [one for one in self.holders if one.until < self.now]

    @property
    def last_hour(self) -> Minute:
        """The sum of the last hour."""
        names = ("completed", "retried", "failed", "run_ms", "wait_ms")
        return Minute(
            at=self.minutes[0].at, **{name: sum(getattr(minute, name) for minute in self.minutes) for name in names}
        )

    def notices(self) -> list[Notice]:
        """What needs somebody, the worst first."""
        found = []
        if dead := self.counts["failed"]:
            cause = max(self.causes, key=lambda one: len(one.deaths), default=None)
            most = (
                f", {len(cause.deaths)} from one cause"
                if cause and len(self.causes) > 1 and len(cause.deaths) > 1
                else ""
            )
            said = (
                f"{cause.error_kind or 'Error'} in {cause.kind}"
                if cause
                else "They failed for good and are kept for you"
            )
            found.append(
                Notice(
                    tone="bad",
                    icon="dead",
                    title=f"{number(dead)} dead letter{'s' if dead != 1 else ''}{most}",
                    said=said,
                    to="/dead",
                    since=cause.last if cause else None,
                )
            )
        late = (self.now - self.oldest_due).total_seconds() if self.oldest_due else 0.0
        if late > PATIENCE and not self.fleet_paused:
            found.append(
                Notice(
                    tone="bad",
                    icon="clock",
                    title="What is due is not taken",
                    said="Does anything start a tick?",
                    to="/jobs",
                    query={"state": "pending"},
                    since=self.oldest_due,
                )
            )
        if lost := self.lost:
            jobs = sum(one.jobs for one in lost)
            title = (
                f"Tick {lost[0].tick[-8:]} lost its lease" if len(lost) == 1 else f"{len(lost)} ticks lost their leases"
            )
            found.append(
                Notice(
                    tone="warn",
                    icon="lease",
                    title=title,
                    said=f"{jobs} job{'s' if jobs != 1 else ''} come back with the next tick, or the reaper",
                    to="/leases",
                    since=lost[0].until,
                )
            )
        if self.fleet_paused:
            found.append(
                Notice(
                    tone="off",
                    icon="pause",
                    title="The fleet is paused",
                    said=f"{self.fleet_paused}: no tick takes a job",
                    to="/queues",
                )
            )
        found += [
            Notice(
                tone="off", icon="pause", title=f"Queue {lane.name} is paused", to="/queues", since=lane.paused_at,
                said=(f"by {lane.paused_by}: " if lane.paused_by else "") + (lane.reason or "no reason was given"),
            )
            for lane in self.queues
            if lane.paused_at
        ]  # fmt: skip
        return found


def overview(app: Tickover) -> Overview:
    """Reads the first page."""
    rooms = app.settings.queues or {}

    def work(store: SqlStore) -> Overview:
        at = now(app, store)
        due = store.due(TickId(new_id()), None)
        ended = by_queue(store, at)
        fleet = rows(store, select(control.c.value).where(control.c.key == "ticks_paused"))
        return Overview(
            now=at,
            frame=frame_of(app, store),
            oldest_due=due.at if due.now else None,
            next_due=None if due.now else due.at,
            fleet_paused=fleet[0][0] if fleet else None,
            minutes=by_minute(ended, at),
            queues=lanes(store, at, {row[1] for row in ended}, rooms),
            holders=held(store)[0],
            ticks=between(store, at - timedelta(minutes=MINUTES), at),
            happened=_happened(store),
            causes=newest(store, _DEATHS)[0],
        )

    return read(app, work)


def _happened(store: SqlStore) -> list[Happened]:
    columns = (events.c.seq, events.c.at, events.c.type, events.c.job_id, events.c.kind, events.c.queue)
    found = rows(store, select(*columns).order_by(*newest_events(store)).limit(_EVENTS))
    return [
        Happened(seq=seq, at=stored_instant(at), type=type_, job_id=job_id and str(job_id), kind=kind, queue=queue)
        for seq, at, type_, job_id, kind, queue in found
    ]
