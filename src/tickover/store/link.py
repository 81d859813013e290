"""A link: one database connection that speaks our verbs, counts statements and sorts errors by what they mean.

Rule 9 in code: what a caller must do after an error depends on one question only, "may it have been written?", so the
exceptions here answer that one and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

from tickover.errors import StorageUnavailable, TickoverError
from tickover.store.verbs import Dialect, Verb

Row: TypeAlias = tuple[Any, ...]
Params: TypeAlias = Mapping[str, Any]


class RolledBack(StorageUnavailable):
    """The database undid the transaction (deadlock, serialization, lock or statement timeout, busy): send it again."""


class OutcomeUnknown(StorageUnavailable):
    """The connection broke after something was sent: it may have been written. Look before sending again."""


class StorageFull(StorageUnavailable):
    """The database has no room left on its disk."""


class ReadOnly(StorageUnavailable):
    """The database takes no writes now: a failover, or a replica's address."""


class NotHeld(TickoverError):
    """The job is not ours any more; nothing of the transaction stays."""


class DataRefused(TickoverError):
    """The database refused a value; the row that holds it hurts only itself."""


class KeyTaken(DataRefused):
    """A unique key is held by another row."""


class Link(Protocol):
    """One connection. Not shared between threads, except an in-memory SQLite link, which locks itself."""

    dialect: Dialect
    #: Statements sent so far; BEGIN and COMMIT are not counted.
    statements: int
    #: The monotonic instant after which no answer is waited for; None waits as long as the server lets us.
    deadline: float | None

    def run(self, verb: Verb, params: Params) -> list[Row]:
        """Runs a verb, atomically, and returns the rows of its last statement that has any."""

    def query(self, sql: str, params: Params) -> list[Row]:
        """Runs one read, with parameters in the driver's own style."""

    def transaction(self) -> Any:
        """A context manager: what runs inside commits together or not at all."""

    def usable(self) -> bool:
        """Whether the connection looks alive, without a round trip."""

    def close(self) -> None:
        """Closes the connection; safe to repeat."""


def plan(run_one: Any, verb: Verb, params: Params, accepted: Any) -> list[Row]:
    """Runs a verb's statements in order; the later ones know the first column of the first one's rows as `:accepted`.

    When the first statement has a RETURNING and nothing came back, nothing was accepted and the rest has no work.
    """
    rows: list[Row] | None = run_one(verb.statements[0], params)
    if len(verb.statements) == 1 or rows == []:
        return rows or []
    known = {**params, "accepted": accepted([row[0] for row in rows or ()])}
    for statement in verb.statements[1:]:
        answer: list[Row] | None = run_one(statement, known)
        rows = rows if answer is None else answer
    return rows or []


@contextmanager
def sorted_errors(sort: Any) -> Iterator[None]:
    """Turns driver errors into ours by the function `sort(error) -> Exception`."""
    try:
        yield
    except Exception as error:
        meaning = sort(error)
        if meaning is error:
            raise
        raise meaning from error
