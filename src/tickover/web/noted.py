"""Each change that comes in by HTTP, and the row of the audit log that says who made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from fastapi import Request

from tickover import Tickover
from tickover.app.audit import Note, audited, but, write_note
from tickover.web.access import Caller

T = TypeVar("T")


def note_of(request: Request, action: str, target: str, *, reason: str = "", count: int = 1) -> Note:
    """The row of what this request's caller does."""
    caller: Caller = request.state.caller
    said = reason or request.headers.get("x-reason", "")
    return Note(
        who=caller.name, role=caller.role, address=address_of(request), action=action, target=target, count=count,
        reason=said,
    )  # fmt: skip


def noted(request: Request, action: str, target: str, act: Callable[[], T], *, reason: str = "") -> T:
    """Does `act`, whose verbs commit together with a row of the audit log, or none of it; returns what it returned."""
    jobs: Tickover = request.app.state.jobs
    return audited(jobs._core, note_of(request, action, target, reason=reason), act)[1]  # noqa: SLF001  # an edge of the same house


def noted_behind(request: Request, action: str, target: str, act: Callable[[], T], count: Callable[[T], int]) -> T:
    """The same for an act of many transactions: a row in front says that it began, and one behind how many it changed.

    One behind alone would be missing where it matters: an act that is killed in the middle has changed something too.
    """
    jobs: Tickover = request.app.state.jobs
    core = jobs._core  # noqa: SLF001  # as above
    begun = note_of(request, action, target, count=0)
    core.do(lambda store: write_note(store, but(begun, result="begun")))
    done = act()
    ended = replace(begun, action=f"{action}: ended", count=count(done))
    core.do(lambda store: write_note(store, ended))
    return done


def address_of(request: Request) -> str:
    """Where a request comes from, as the server in front of us says."""
    return request.client.host if request.client is not None else ""
