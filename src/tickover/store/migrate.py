"""Brings a database to this version's tables with Alembic; safe to run from many processes at once."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from tickover.errors import MigrationRequired, StorageUnavailable
from tickover.store.open import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: The newest revision, known without importing Alembic: a tick compares it to what the database has.
HEAD: Final = "0006"
VERSION_TABLE: Final = "tickover_version"
_LOCK: Final = 0x7469636B6F766572  # "tickover" in ASCII: one advisory lock per database for all migrators


def check_version(found: str | None) -> None:
    """Raises `MigrationRequired` when the database's tables are not this code's."""
    if found == HEAD:
        return
    if found is None:
        raise MigrationRequired("The database has no tables of Tickover: run `tickover migrate`.")
    mend = "deploy the newer code, this one is behind" if found > HEAD else "run `tickover migrate`"
    raise MigrationRequired(f"The database's tables are at version {found}, this code needs {HEAD}: {mend}.")


def migrate(database: Database) -> str:
    """Creates or upgrades the tables; returns the version. When nothing is to be done, no DDL is sent."""
    if (found := current(database)) == HEAD:
        return HEAD
    from alembic.util import CommandError
    from sqlalchemy import exc

    engine = database.engine()
    try:
        with engine.connect() as connection, connection.begin():
            _lock(connection)
            _upgrade(connection)
    except exc.OperationalError as error:
        raise StorageUnavailable(f"The migration failed: {str(error.orig).splitlines()[0]}") from error
    except CommandError as error:
        raise MigrationRequired(
            f"The tables are at version {found}, which this code (version {HEAD}) does not know: deploy the newer code."
        ) from error
    return HEAD


def current(database: Database) -> str | None:
    """The version of the database's tables; None when there are none."""
    try:
        with database.link() as link:
            rows = link.query(f"SELECT version_num FROM {VERSION_TABLE}", {})
    except MigrationRequired:
        return None
    return str(rows[0][0]) if rows else None


def _lock(connection: Connection) -> None:
    """One migrator at a time; the others wait, and then find nothing to do."""
    if connection.dialect.name == "sqlite":
        if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]  # sqlite3's connection has it
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        # The transaction's lock, not the session's: it works through a transaction pooler too.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _upgrade(connection: Connection) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(files("tickover.store").joinpath("migrations")).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)

    def upgrade(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001  # what alembic's own command.upgrade calls

    with EnvironmentContext(config, script, fn=upgrade) as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=True)
        environment.run_migrations()
