"""Which databases there are, what a wrong or an unreachable one says, and where the settings come from."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import make_url

from tickover import NewJob, Pool, Settings, Tickover
from tickover.errors import ConfigurationError, HandlerNotFound, MigrationRequired, StorageUnavailable, TickoverError


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "'' is not a database that Tickover knows"),
        (
            "jobs.db",
            "'jobs.db' is not a database that Tickover knows. Give something like sqlite:///jobs.db or postgresql",
        ),
        ("mysql://user:hidden@host/db", "'mysql' is not a database"),
        ("postgresql+asyncpg://user:hidden@host/db", r"'postgresql\+asyncpg' is not a database"),
        ("sqlite+aiosqlite:///x.db", r"'sqlite\+aiosqlite' is not a database"),
        ("user:hidden@host/db", "'host/db' is not a database"),
        ("sqlite://jobs.db", "A SQLite URL has three slashes before a relative path, four before an absolute one"),
        (None, "A database is a URL or an SQLAlchemy Engine, not None"),
        (5, "A database is a URL or an SQLAlchemy Engine, not 5"),
    ],
)
def test_a_url_that_names_no_database_is_refused_by_the_constructor_in_one_line(url: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refusal:
        Tickover(url)

    assert "hidden" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["sqlite:///nowhere/at/all.db", "postgresql://nobody:hidden@127.0.0.1:1/x", "postgres://127.0.0.1:1/x"]
)
def test_the_constructor_opens_nothing(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Tickover(url).close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////nowhere/at/all.db", "SQLite cannot open /nowhere/at/all.db: unable to open database file"),
        ("postgresql://nobody:hidden@127.0.0.1:1/x", "PostgreSQL cannot be reached: .*refused"),
    ],
)
@pytest.mark.parametrize("verb", ["enqueue", "tick", "find", "migrate", "drain", "run_reaper"])
def test_an_unreachable_database_is_one_clear_line_from_every_verb(url: str, said: str, verb: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {"enqueue": ("elsewhere",)}
    words: dict[str, dict[str, Any]] = {"enqueue": {"remote": True}}
    with pytest.raises(StorageUnavailable, match=said) as refusal:
        getattr(Tickover(url), verb)(*arguments.get(verb, ()), **words.get(verb, {}))

    assert "\n" not in str(refusal.value)
    assert "hidden" not in str(refusal.value)


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("buy milk" * 1000)
    with pytest.raises(StorageUnavailable, match="file is not a database"):
        Tickover(f"sqlite:///{tmp_path}/notes.txt").find()


@pytest.mark.parametrize("verb", ["find", "tick", "run_reaper", "stats"])
def test_a_database_without_our_tables_says_what_to_do(database_url: str, verb: str) -> None:
    with Tickover(database_url) as jobs, pytest.raises(MigrationRequired, match="run `tickover migrate`"):
        getattr(jobs, verb)()


def test_a_database_of_another_version_says_what_to_do(jobs: Tickover, raw: Any) -> None:
    raw.rows("UPDATE tickover_version SET version_num = '9999'")
    with pytest.raises(MigrationRequired, match="are at version 9999, this code needs"):
        jobs.tick(2)


@pytest.mark.parametrize("form", ["plain", "with a driver", "object", "postgres"])
def test_a_url_has_several_forms(migrated_url: str, dialect: str, form: str) -> None:
    driver = {"sqlite": "sqlite+pysqlite://", "postgresql": "postgresql+psycopg://"}[dialect]
    short = {"sqlite": "sqlite://", "postgresql": "postgres://"}[dialect]
    plain = f"{dialect}://"
    url: Any = {
        "plain": migrated_url,
        "with a driver": migrated_url.replace(plain, driver),
        "object": make_url(migrated_url.replace(plain, driver)),
        "postgres": migrated_url.replace(plain, short),
    }[form]
    with Tickover(url) as jobs:
        assert jobs.find() == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_lives_until_close(url: str) -> None:
    with Tickover(url) as jobs:
        jobs.migrate()
        jobs.enqueue("elsewhere", remote=True)
        assert len(jobs.find()) == 1
        jobs.close()
        with pytest.raises(MigrationRequired):
            jobs.find()


# --- settings -----------------------------------------------------------------------------------------------------------


def test_the_environment_names_database_and_settings(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKOVER_DATABASE_URL", migrated_url)
    monkeypatch.setenv("TICKOVER_LEASE", "90")
    with Tickover.from_env() as jobs:
        assert jobs.settings.lease == 90.0
        assert jobs.find() == []


def test_an_environment_without_a_database_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKOVER_DATABASE_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(
        ConfigurationError, match=r"Set TICKOVER_DATABASE_URL \(or DATABASE_URL\), for instance to sqlite"
    ):
        Tickover.from_env()


def test_settings_given_as_one_object_leave_the_environment_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKOVER_LEASE", "nonsense")

    assert Tickover("sqlite://", settings=Settings(lease=7)).settings.lease == 7.0
    with pytest.raises(ConfigurationError, match="TICKOVER_LEASE='nonsense' cannot be read"):
        Tickover("sqlite://")


def test_on_lambda_one_connection_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Tickover("sqlite://")._core.pool is Pool.DEFAULT
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tick")
    assert Tickover("sqlite://")._core.pool is Pool.SERVERLESS
    assert Tickover("sqlite://", pool=Pool.LOW_LATENCY)._core.pool is Pool.LOW_LATENCY


# --- imports ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that registers a handler with the application `shop_app.jobs`."""
    (tmp_path / "shop_handlers.py").write_text(
        "from shop_app import jobs\n\n@jobs.job\ndef greet(name: str) -> str:\n    return f'hello {name}'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("shop_app", "shop_handlers"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "shop_handlers"


@pytest.mark.parametrize("first", ["enqueue", "enqueue_many", "tick", "drain"])
def test_modules_are_imported_before_they_are_needed_and_not_earlier(
    migrated_url: str, module: str, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    with Tickover(migrated_url, imports=[module]) as jobs:
        app = ModuleType("shop_app")
        app.jobs = jobs  # type: ignore[attr-defined]  # the application's module
        monkeypatch.setitem(sys.modules, "shop_app", app)
        assert module not in sys.modules
        match first:
            case "enqueue":
                job_id = jobs.enqueue("greet", "ann")
            case "enqueue_many":
                (job_id,) = jobs.enqueue_many([NewJob("greet", "ann")])
            case _:
                with Tickover(migrated_url) as other:
                    job_id = other.enqueue("greet", "ann", remote=True)
        jobs.drain(20) if first == "drain" else jobs.tick(20)

        assert jobs.result(job_id) == "hello ann"
    monkeypatch.delitem(sys.modules, module)


def test_a_module_that_cannot_be_imported_is_named(migrated_url: str) -> None:
    with Tickover(migrated_url, imports=["no.such.module"]) as jobs:
        for _ in range(2):  # and named again: a failed import is not forgotten
            with pytest.raises(
                ConfigurationError, match=r"imports= names 'no\.such\.module', which cannot be imported"
            ):
                jobs.enqueue("greet")


def test_without_imports_an_unknown_kind_says_how_to_add_them(jobs: Tickover) -> None:
    with pytest.raises(HandlerNotFound, match="imports="):
        jobs.enqueue("greet")
    assert issubclass(HandlerNotFound, TickoverError)
