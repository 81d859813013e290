"""Loads the `.sql` files: one verb each, same base name as the method that calls it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final, Literal, NamedTuple

Dialect = Literal["postgresql", "sqlite"]

#: What every verb that hands a job to a tick returns, in this order; `sql_store.claimed` reads it.
CLAIMED: Final = (
    "j.id, j.epoch, j.claim_id, j.kind, j.queue, j.tenant, j.priority, j.run_at, j.created_at, j.started_at, j.starts, "
    "j.failures, j.forgiven, j.crashes, j.yields, j.stalls, j.parks, j.released, j.crash_run, j.stall_run, j.deferrals, "
    "j.steps, j.generation, j.max_retries, j.max_crashes, j.timeout_ms, j.backoff, d.args, j.meta, j.unique_key, "
    "j.parent_id, j.root_id, j.fan_out_id, j.fan_out_index, j.determinism, j.trace_context, j.slot, "
    "j.cap_keys, EXISTS (SELECT 1 FROM caps c WHERE c.key = 'queue:' || j.queue)"
)
_NAMED: Final = re.compile(r"(?<![:\w]):([a-z_]+)")
_COMMENT: Final = re.compile(r"^\s*--.*\n", re.MULTILINE)


class Verb(NamedTuple):
    """One verb: its statements (SQLite has no data-modifying CTEs; on PostgreSQL a later one sees what others wrote)."""

    name: str
    statements: tuple[str, ...]
    #: Whether it writes, and so needs SQLite's write lock from its first statement on.
    writes: bool


@cache
def verb(dialect: Dialect, name: str) -> Verb:
    """The statements of `sql/<dialect>/<name>.sql`, with `:name` parameters."""
    text = files("tickover.store").joinpath("sql", dialect, f"{name}.sql").read_text(encoding="utf-8")
    text = _COMMENT.sub("", text).replace("/*claimed*/", CLAIMED)
    statements = tuple(part.strip() for part in text.split(";\n") if part.strip())
    return Verb(name, statements, bool(re.search(r"\b(INSERT INTO|UPDATE \w+ |DELETE FROM)", text)))


@cache
def pyformat(statement: str) -> str:
    """The same statement in psycopg's parameter style."""
    return _NAMED.sub(r"%(\1)s", statement.replace("%", "%%"))


def parameters(statement: str) -> list[str]:
    """The names of a statement's parameters, each once."""
    return list(dict.fromkeys(_NAMED.findall(statement)))
