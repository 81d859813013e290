"""Connections that break on demand, and what a test waits for meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.support.world import World
from tickover.store.link import OutcomeUnknown

Fault = Callable[[str, Callable[[], None]], None]
#: How many wait for a lock in this database.
WAITING: Final = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
_CUT: Final = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'tickover'"""


def cut(world: World) -> None:
    """Every connection of the application is gone; the next thing sent on one finds out."""
    assert all(row[0] for row in world.raw.rows(_CUT))


def cut_after_commit(world: World) -> None:
    """The database wrote it, and its answer never came."""
    cut(world)
    raise OutcomeUnknown("cut by the test")


def cut_at(world: World, when: str) -> Callable[[], None]:
    """What breaks the connection at a fault point `before_send`, or `after_commit`."""
    return lambda: cut(world) if when == "before_send" else cut_after_commit(world)


def let_in(world: World, *, everybody: bool) -> None:
    """Whether the database takes new connections."""
    parts = urlsplit(world.url)
    name = parts.path.removeprefix("/")
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as other:
        other.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {everybody}".encode())
