"""Logging in: how often somebody may try, counted in the audit log, so that it holds over all processes."""

from __future__ import annotations

from typing import Final

from tickover import Tickover
from tickover.app.audit import Note, write_note
from tickover.store.sql_store import SqlStore
from tickover.web.problems import Problem
from tickover.web.sessions import PasswordLogin

#: Seconds for which an attempt counts, and how many from one address and for one name; from many addresses a name is
#: worth 50 guesses in 15 minutes, and nobody who mistyped is kept out for longer.
_WINDOW: Final = 900
_OF_ADDRESS: Final = 10
_OF_NAME: Final = 50
REFUSED: Final = "Log-in refused"  # refusals.sql counts these


def log_in(jobs: Tickover, login: PasswordLogin, *, name: str, password: str, address: str) -> str | None:
    """A session's cookie for whoever knows the password; None for who does not. Both are in the audit log.

    Raises:
        Problem: 429, for too many attempts; then the password is not even looked at.
    """
    core = jobs._core  # noqa: SLF001  # an edge of the same house
    name = name[:100]
    ((of_address, of_name),) = core.do(
        lambda store: store.call("refusals", seconds=_WINDOW, address=address, name=name)
    )
    if of_address >= _OF_ADDRESS or of_name >= _OF_NAME:
        raise Problem(
            429,
            "too-many-attempts",
            "Too many attempts; wait a quarter of an hour.",
            headers={"Retry-After": str(_WINDOW)},
        )
    right = login.check(name, password)
    note = Note(who=name if right else "nobody", address=address, action="Log in" if right else REFUSED, target=name)

    def write(store: SqlStore) -> str:
        return write_note(store, note)

    core.do(write)
    return login.cookie(name) if right else None
