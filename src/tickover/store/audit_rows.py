"""The audit log as people read it: pages of rows, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from tickover.domain.ids import parse_id
from tickover.domain.job_view import Page
from tickover.errors import InvalidArgument
from tickover.store.audit_tables import audit
from tickover.store.columns import stored_instant
from tickover.store.reads import MOST_ROWS, send
from tickover.store.sql_store import SqlStore

_COLUMNS: Final = (
    audit.c.id, audit.c.at, audit.c.who, audit.c.role, audit.c.address, audit.c.action, audit.c.target, audit.c.count,
    audit.c.reason, audit.c.result,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """What somebody did."""

    id: str
    at: datetime
    who: str
    role: str
    address: str
    action: str
    target: str
    count: int
    reason: str
    result: str


def find_notes(
    store: SqlStore,
    *,
    who: str | None = None,
    action: str | None = None,
    target: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
    note_id: str | None = None,
) -> Page[NoteView]:
    """A page of the audit log; `who`, `action` and `target` are exact.

    Raises:
        InvalidArgument: a cursor or an id that is none, or a limit out of range.
    """
    if not 1 <= limit <= MOST_ROWS:
        raise InvalidArgument(f"limit= takes 1 to {MOST_ROWS}, not {limit!r}.")
    statement: Any = select(*_COLUMNS).order_by(audit.c.id.desc()).limit(limit + 1)
    for name, value in (("who", who), ("action", action), ("target", target)):
        if value:
            statement = statement.where(audit.c[name] == value)
    if note_id is not None:
        statement = statement.where(audit.c.id == parse_id(note_id))
    if cursor is not None:
        statement = statement.where(audit.c.id < parse_id(cursor))
    found = [
        NoteView(id=str(id_), at=stored_instant(at), who=who, role=role, address=address, action=action, target=target, count=count, reason=reason, result=result)
        for id_, at, who, role, address, action, target, count, reason, result in send(store.link, statement)
    ]  # fmt: skip
    return Page(found[:limit], next_cursor=found[limit - 1].id if len(found) > limit else None)
