"""Migrations: safe from many processes at once, silent when nothing is to be done, all or nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from tests.support.raw import Raw
from tickover import Pool, Tickover
from tickover.errors import MigrationRequired
from tickover.store.migrate import HEAD, VERSION_TABLE
from tickover.store.tables import metadata

MIGRATOR = """
import sys
from tickover import Tickover
import alembic.runtime.environment, sqlalchemy
with Tickover(sys.argv[1]) as jobs:
    print("ready", flush=True)
    sys.stdin.readline()
    jobs.migrate()
"""


def test_six_processes_at_once_migrate_an_empty_database(database_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", MIGRATOR, database_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()

    assert [process.communicate(timeout=60) and process.returncode for process in processes] == [0] * 6
    with Raw(database_url) as raw:
        assert raw.rows(f"SELECT version_num FROM {VERSION_TABLE}") == [(HEAD,)]


def test_a_second_run_sends_no_ddl(database_url: str) -> None:
    with Tickover(database_url) as jobs, Raw(database_url) as raw:
        jobs.migrate()
        before = _schema_version(raw)
        _refuse_ddl(raw)

        jobs.migrate()
        with Tickover(database_url) as another:
            another.migrate()

        assert _schema_version(raw) == before


def test_one_connection_is_enough(database_url: str) -> None:
    with Tickover(database_url, pool=Pool.SERVERLESS) as jobs:
        jobs.migrate()

        assert jobs.tick(5).stopped_because == "empty"


def test_a_migration_that_fails_on_its_way_leaves_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Path.read_text
    ddl = "CREATE TABLE jobs (id int);\n"

    def broken(path: Path, *args: Any, **kwargs: Any) -> str:
        return whole(path, *args, **kwargs) + (
            f";\n{ddl}" if path.name.startswith("0001_initial.") and path.suffix == ".sql" else ""
        )

    with Tickover(database_url) as jobs:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "read_text", broken)
            with pytest.raises(Exception, match="already exists"):
                jobs.migrate()
        with Raw(database_url) as raw:
            assert _tables(raw) <= {VERSION_TABLE}

        jobs.migrate()

        assert jobs.tick(5).stopped_because == "empty"


def test_a_database_without_tables_is_refused_with_the_mend(database_url: str) -> None:
    with Tickover(database_url) as jobs:
        jobs.job("k")(_nothing)
        for ask in (
            lambda: jobs.tick(5), lambda: jobs.run_reaper(5), lambda: jobs.enqueue("k"), jobs.find, jobs.stats,
            lambda: list(jobs.events()), lambda: jobs.pause_queue("q"),
        ):  # fmt: skip
            with pytest.raises(MigrationRequired, match="tickover migrate"):
                ask()


@pytest.mark.parametrize("version", ["0000", "9999"])
def test_a_database_at_another_version_is_refused_by_every_tick(migrated_url: str, version: str) -> None:
    with Tickover(migrated_url) as jobs, Raw(migrated_url) as raw:
        raw.rows(f"UPDATE {VERSION_TABLE} SET version_num = :v", v=version)

        for ask in (jobs.tick, jobs.run_reaper):
            with pytest.raises(MigrationRequired, match=f"version {version}"):
                ask(5)


def test_a_database_of_newer_code_is_not_migrated_by_older_code(migrated_url: str) -> None:
    with Tickover(migrated_url) as jobs, Raw(migrated_url) as raw:
        raw.rows(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")

        with pytest.raises(MigrationRequired, match="9999"):
            jobs.migrate()


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")  # nor need SQLAlchemy: only its name counts here
def test_the_migrated_tables_are_the_ones_that_the_code_describes(migrated_url: str) -> None:
    engine = create_engine(migrated_url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        found = inspect(engine)
        assert set(found.get_table_names()) - {VERSION_TABLE} == set(metadata.tables)
        for name, table in metadata.tables.items():
            columns = {column["name"]: column["nullable"] for column in found.get_columns(name)}
            assert columns == {column.name: column.nullable for column in table.columns}, name
            own = (
                {"events_seq", "events_at"} if engine.dialect.name == "postgresql" else set()
            )  # a block-range index, PostgreSQL's own
            assert {str(index["name"]) for index in found.get_indexes(name)} - own == {
                str(index.name) for index in table.indexes
            }, name
            checks = {str(check["name"]) for check in found.get_check_constraints(name)}
            assert checks == {str(c.name) for c in table.constraints if type(c).__name__ == "CheckConstraint"}, name
    finally:
        engine.dispose()


def test_the_version_that_ticks_look_for_is_the_newest_revision() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(files("tickover.store").joinpath("migrations")))

    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def _nothing() -> None: ...


def _schema_version(raw: Raw) -> object:
    if raw.dialect == "sqlite":
        return raw.one("PRAGMA schema_version")
    return raw.rows(
        "SELECT oid, relname, relfilenode, xmin FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid"
    )


def _refuse_ddl(raw: Raw) -> None:
    if raw.dialect == "postgresql":
        raw.rows(
            "CREATE FUNCTION no_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'DDL: %', tg_tag; END $$"
        )
        raw.rows("CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION no_ddl()")


def _tables(raw: Raw) -> set[str]:
    if raw.dialect == "sqlite":
        return {
            row[0]
            for row in raw.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        }
    return {row[0] for row in raw.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
