"""The audit log over HTTP."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tickover.store.audit_rows import find_notes
from tickover.web.access import Needs
from tickover.web.jobs import Cursor, Filter, Jobs, Limit
from tickover.web.problems import documented

look: Final = APIRouter(tags=["system"], dependencies=[Depends(Needs("view"))])


class NoteView(BaseModel):
    """What somebody did: one row of the audit log."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    at: AwareDatetime
    who: str
    role: str
    address: str
    action: str
    target: str
    count: int
    reason: str
    result: str


class NotePage(BaseModel):
    """A page of the audit log, newest first."""

    notes: list[NoteView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


@look.get("/audit", operation_id="list_audit", responses=documented(401, 403, 422, 503))
def list_audit(
    jobs: Jobs,
    *,
    who: Filter = None,
    action: Filter = None,
    target: Filter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> NotePage:
    """Who changed what, and why, newest first."""
    found = jobs._core.do(  # noqa: SLF001  # an edge of the same house
        lambda store: find_notes(store, who=who, action=action, target=target, limit=limit, cursor=cursor)
    )
    return NotePage(notes=[NoteView.model_validate(note) for note in found], next_cursor=found.next_cursor)
