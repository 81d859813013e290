"""Schedules as rows and as values; their payloads are sealed as those of jobs are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tickover.errors import PayloadError
from tickover.store.migrate import check_version
from tickover.store.port import moment
from tickover.store.seal import Seals

if TYPE_CHECKING:
    from tickover.domain.declared import Declared, Stored
    from tickover.store.link import Row


class ScheduleVerbs(Seals):
    """The half of a store that knows schedules; see `tickover.store.sql_store.SqlStore`."""

    def call(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a verb."""
        raise NotImplementedError  # abstract: SqlStore has it

    def schedules(self) -> tuple[datetime, list[Stored]]:
        rows = self.call("schedules")
        check_version(rows[0][1])
        return utc(rows[0][0]), [self._schedule(row[2:]) for row in rows if row[2] is not None]

    def put_schedule(self, declared: Declared, following: datetime | None, code_version: str) -> None:
        self.call("schedule_put", **self._columns(declared, code_version), **moment("next", following))

    def change_schedule(
        self, stored: Stored, declared: Declared, following: datetime | None, code_version: str
    ) -> None:
        moved = (stored.spec, stored.tz) != (declared.spec, declared.tz)
        known = {"version": stored.spec_version, "moved": moved, **moment("expected", stored.next_slot)}
        self.call("schedule_change", **self._columns(declared, code_version), **known, **moment("next", following))

    def lock_schedule(self, stored: Stored) -> datetime | None:
        expected = moment("expected", stored.next_slot)
        rows = self.call("schedule_lock", name=stored.name, version=stored.spec_version, **expected)
        return utc(rows[0][0]) if rows else None

    def _columns(self, declared: Declared, code_version: str) -> dict[str, Any]:
        from tickover.domain.declared import Declared

        columns = {name: getattr(declared, name) for name in Declared.__slots__}
        return {
            **columns,
            "payload": self.seal(declared.name, "payload", declared.payload),
            "code_version": code_version,
        }

    def _schedule(self, row: Row) -> Stored:
        from tickover.domain.declared import Stored

        name, kind, text, options, spec, tz, catch_up, overlap, next_, last, fired, version, code, paused, seen = row
        instants = {"next_slot": next_, "last_slot": last, "last_fired_at": fired, "seen_at": seen}
        unreadable = None
        try:
            text = self.unseal(name, "payload", text)
        except PayloadError as error:
            unreadable = str(error)
        return Stored(
            name=name, kind=kind, payload=text, options=options or "{}", spec=spec, tz=tz, catch_up=catch_up,
            overlap=overlap, spec_version=version, code_version=code or "", paused=paused is not None,
            unreadable=unreadable, **{key: None if at is None else utc(at) for key, at in instants.items()},
        )  # fmt: skip


def utc(value: Any) -> datetime:
    """An aware UTC datetime from what either database returned, without the tables, which would bring SQLAlchemy."""
    return value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromtimestamp(value / 1000, UTC)
