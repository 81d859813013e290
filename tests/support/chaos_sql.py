"""A plain connection beside the product: tests look at the database with their own eyes, on either dialect."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

Row = tuple[Any, ...]
BUSY: tuple[type[Exception], ...] = (sqlite3.OperationalError, psycopg.OperationalError)


class Look:
    """One connection in autocommit. In a statement `$ms(column)` is an instant in milliseconds, and `$nowms` is now."""

    def __init__(self, url: str, *, patience: float = 15.0) -> None:
        self.dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        if self.dialect == "sqlite":
            path = url.removeprefix("sqlite:///")
            self._lite = sqlite3.connect(path, isolation_level=None, timeout=patience, check_same_thread=False)
        else:
            self._post = psycopg.connect(url, autocommit=True, application_name="tickover-test")

    def rows(self, statement: str) -> list[Row]:
        """Runs one statement; returns its rows."""
        text = self._translated(statement)
        if self.dialect == "sqlite":
            return self._lite.execute(text).fetchall()
        cursor = self._post.execute(text.encode())  # bytes: psycopg's types want a literal where text is meant
        found: list[Row] = cursor.fetchall() if cursor.description else []
        return found

    def script(self, text: str) -> None:
        """Runs several statements."""
        if self.dialect == "sqlite":
            self._lite.executescript(self._translated(text))
        else:
            self.rows(text)

    def one(self, statement: str) -> Any:
        """The first column of the only row."""
        ((value, *_),) = self.rows(statement)
        return value

    def close(self) -> None:
        (self._lite if self.dialect == "sqlite" else self._post).close()

    def _translated(self, text: str) -> str:
        sqlite = self.dialect == "sqlite"
        while "$ms(" in text:
            head, _, rest = text.partition("$ms(")
            column, _, tail = rest.partition(")")
            milliseconds = column if sqlite else f"CAST(extract(epoch FROM {column}) * 1000 AS bigint)"
            text = f"{head}{milliseconds}{tail}"
        now = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)" if sqlite else "clock_timestamp()"
        milliseconds = now if sqlite else f"CAST(extract(epoch FROM {now}) * 1000 AS bigint)"
        return text.replace("$nowms", milliseconds).replace("$now", now)


@contextmanager
def look_at(url: str, *, patience: float = 15.0) -> Iterator[Look]:
    """A connection for one use."""
    look = Look(url, patience=patience)
    try:
        yield look
    finally:
        look.close()
