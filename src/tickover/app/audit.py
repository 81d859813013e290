"""The audit log: what somebody did, in the same transaction as the row that says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Final, TypeVar

from tickover.app.core import Core
from tickover.domain.ids import new_id
from tickover.domain.payload import safe_text
from tickover.store.sql_store import SqlStore

T = TypeVar("T")
_MOST: Final = {"who": 255, "role": 20, "address": 64, "action": 64, "target": 512, "reason": 1000, "result": 1000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One row of the audit log: who did what to which, and why."""

    who: str
    role: str = ""
    address: str = ""
    action: str
    target: str = ""
    count: int = 1
    reason: str = ""
    result: str = "done"


def write_note(store: SqlStore, note: Note) -> str:
    """Writes a row in the open transaction, or in one of its own; returns its id."""
    values = asdict(note)
    texts = {name: safe_text(values.pop(name), most) for name, most in _MOST.items()}
    ((note_id,),) = store.call("note", id=new_id(), **texts, **values)
    return str(note_id)


def audited(core: Core, note: Note, act: Callable[[], T], *, told: Callable[[T], Note] | None = None) -> tuple[str, T]:
    """Does `act`, whose verbs commit together with a row of the audit log, or none of it.

    Args:
        core: the application.
        note: the row.
        act: verbs of the façade. It may be called again.
        told: makes the row of what `act` returned; default is `note` itself.

    Returns:
        The row's id, and what `act` returned.

    Raises:
        TickoverError: what `act` raised; then nothing is written at all.
    """

    def work(store: SqlStore) -> tuple[str, T]:
        done = act()
        return write_note(store, note if told is None else told(done)), done

    return core.together(work)


def but(note: Note, *, result: str, count: int | None = None, target: str = "") -> Note:
    """The same row with what came of it."""
    return replace(note, result=result, count=note.count if count is None else count, target=target or note.target)
