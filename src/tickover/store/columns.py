"""What the tables are made of: ids and instants as each database keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Integer, MetaData, Text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.types import TypeDecorator, TypeEngine

from tickover.clock import millis

metadata = MetaData()


class Instant(TypeDecorator[datetime]):
    """Native `timestamptz` on PostgreSQL, integer milliseconds on SQLite (whose text dates depend on the host)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return millis(value) if dialect.name == "sqlite" and value is not None else value


class Id(TypeDecorator[str]):
    """A UUID column on PostgreSQL, text on SQLite; a string in Python."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Text() if dialect.name == "sqlite" else UUID(as_uuid=False)


def stored_instant(value: Any) -> datetime:
    """An aware UTC datetime from what either database returned in a column that is never NULL."""
    return value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromtimestamp(value / 1000, UTC)


def from_stored(value: Any) -> datetime | None:
    """An aware UTC datetime from what either database returned."""
    return None if value is None else stored_instant(value)


def count(name: str, kind: type[TypeEngine[Any]] = Integer) -> Column[Any]:
    """A counter that starts at 0."""
    return Column(name, kind, nullable=False, server_default="0")
