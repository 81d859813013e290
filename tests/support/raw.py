"""Plain SQL on a test's database, past the application: the same `:name` parameters on both dialects."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self, cast

import psycopg

from tickover.store.tables import from_stored
from tickover.store.verbs import Dialect, pyformat

Row = tuple[Any, ...]
INSTANTS = ("run_at", "created_at", "started_at", "finished_at", "lease_until", "pause_requested_at")


class Raw:
    """One connection of the test's own. It commits each statement, except inside `transaction`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect: Dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        self._sqlite: sqlite3.Connection | None = None
        self._postgres: psycopg.Connection[Row] | None = None
        if self.dialect == "sqlite":
            path = url.removeprefix("sqlite:///")
            self._sqlite = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        else:
            self._postgres = psycopg.connect(url, autocommit=True)

    def rows(self, sql: str, **params: Any) -> list[Row]:
        """Every row of the answer; none for a statement that has no rows."""
        if self._sqlite is not None:
            found = self._sqlite.execute(sql, params)
            return found.fetchall() if found.description else []
        assert self._postgres is not None
        cursor = self._postgres.execute(pyformat(sql), params)
        return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, **params: Any) -> Any:
        """The one value of the answer."""
        ((value,),) = self.rows(sql, **params)
        return value

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What runs inside commits together; a raised exception undoes it."""
        self.rows("BEGIN IMMEDIATE" if self.dialect == "sqlite" else "BEGIN")
        try:
            yield
        except BaseException:
            self.rows("ROLLBACK")
            raise
        self.rows("COMMIT")

    def job(self, job_id: str) -> dict[str, Any]:
        """A job's row with its payload, result and error; instants are aware datetimes."""
        names = [*self.columns("jobs"), "args", "result", "error", "error_kind", "progress"]
        listed = ", ".join(f"j.{name}" for name in names[:-5])
        sql = f"SELECT {listed}, d.args, d.result, d.error, d.error_kind, d.progress FROM jobs j JOIN job_data d ON d.job_id = j.id WHERE j.id = :id"
        (row,) = self.rows(sql, id=job_id)
        values = dict(zip(names, row, strict=True))
        for name in INSTANTS:
            values[name] = from_stored(values[name])
        for name in ("id", "holder", "claim_id"):
            values[name] = values[name] and str(values[name])
        return values

    def state(self, job_id: str) -> str:
        return str(self.one("SELECT state FROM jobs WHERE id = :id", id=job_id))

    def count(self, table: str, where: str = "true", **params: Any) -> int:
        return int(self.one(f"SELECT count(*) FROM {table} WHERE {where}", **params))

    def columns(self, table: str) -> list[str]:
        if self.dialect == "sqlite":
            return [row[1] for row in self.rows(f"PRAGMA table_info({table})")]
        sql = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = :t ORDER BY ordinal_position"
        return [row[0] for row in self.rows(sql, t=table)]

    def set(self, job_id: str, **values: Any) -> None:
        """Writes columns of a job's row as they are."""
        listed = ", ".join(f"{name} = :{name}" for name in values)
        self.rows(f"UPDATE jobs SET {listed} WHERE id = :id", id=job_id, **values)

    def shift(self, table: str, column: str, seconds: float, where: str = "true", **params: Any) -> None:
        """Moves a stored instant by so many seconds: how a test makes time pass."""
        step = f"{int(seconds * 1000)}" if self.dialect == "sqlite" else f"interval '{seconds} seconds'"
        self.rows(f"UPDATE {table} SET {column} = {column} + {step} WHERE {where}", **params)

    def expire(self, job_id: str) -> None:
        """The job's lease ran out a minute ago."""
        self.set_instant(job_id, "lease_until", -60)

    def set_instant(self, job_id: str, column: str, seconds: float) -> None:
        """Writes an instant so many seconds from now."""
        now = f"{int(datetime.now(UTC).timestamp() * 1000)}" if self.dialect == "sqlite" else "clock_timestamp()"
        step = f"{int(seconds * 1000)}" if self.dialect == "sqlite" else f"interval '{seconds} seconds'"
        self.rows(f"UPDATE jobs SET {column} = {now} + {step} WHERE id = :id", id=job_id)

    def now(self) -> datetime:
        """The clock that this database's instants are made with."""
        if self.dialect == "sqlite":
            return datetime.now(UTC)
        return cast(datetime, self.one("SELECT clock_timestamp()"))

    def close(self) -> None:
        for connection in (self._sqlite, self._postgres):
            if connection is not None:
                connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
