"""Our verbs on an SQLAlchemy connection: the user's, or one that a job's transaction has opened."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from tickover.clock import Clock, millis
from tickover.errors import InvalidArgument, MigrationRequired
from tickover.store.link import Params, Row, plan
from tickover.store.verbs import Dialect, Verb


class SessionLink:
    """Our verbs on the user's SQLAlchemy connection; see `tickover.store.link.Link`."""

    def __init__(self, connection: Any, clock: Clock) -> None:
        if connection.dialect.name not in ("postgresql", "sqlite"):
            raise InvalidArgument(
                f"session= is a {connection.dialect.name} session; Tickover knows PostgreSQL and SQLite."
            )
        self.dialect: Dialect = connection.dialect.name
        self.statements = 0
        self.deadline: float | None = None
        self._connection = connection
        self._clock = clock

    def run(self, verb: Verb, params: Params) -> list[Row]:
        import json

        known = dict(params)
        if self.dialect == "sqlite":
            known["now"] = millis(self._clock.now())
        return plan(self._execute, verb, known, json.dumps)

    def query(self, sql: str, params: Params) -> list[Row]:
        return self._execute(sql, params) or []

    def transaction(self) -> Any:
        return nullcontext()  # the user's

    def usable(self) -> bool:
        return True

    def close(self) -> None:
        """The connection is the user's."""

    def _execute(self, statement: str, params: Params) -> list[Row] | None:
        from sqlalchemy import exc, text

        self.statements += 1
        clause = text(statement)
        used = {name: params[name] for name in clause._bindparams}  # noqa: SLF001  # a driver may refuse unused ones
        try:
            result = self._connection.execute(clause, used)
        except exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig):
                raise MigrationRequired from error
            raise
        return [tuple(row) for row in result] if result.returns_rows else None
