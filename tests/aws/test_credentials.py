"""A secret and IAM tokens: a real PostgreSQL that asks for a password, over TLS with a certificate of the test's own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
import pytest
from psycopg import sql

from tickover import Settings, Tickover
from tickover.aws import clients
from tickover.aws.credentials import Secret, iam_url, login_from_settings
from tickover.errors import ConfigurationError, StorageUnavailable
from tickover.twin import Platform


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    clients._made.clear()
    with Platform() as platform:
        monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)
        yield platform.secrets
    clients._made.clear()


def test_a_secret_brings_user_and_password_and_what_the_url_leaves_out(secrets: dict[str, str]) -> None:
    secrets["arn"] = json.dumps(
        {"username": "ann", "password": "p@ss/word", "host": "db", "port": 5433, "dbname": "jobs"}
    )

    assert Secret("arn")("postgresql://") == "postgresql://ann:p%40ss%2Fword@db:5433/jobs"
    assert (
        Secret("arn")("postgresql://other/own?sslmode=require")
        == "postgresql://ann:p%40ss%2Fword@other:5433/own?sslmode=require"
    )


def test_a_secret_is_read_once_in_a_while_and_anew_when_the_login_is_refused(secrets: dict[str, str]) -> None:
    secret = Secret("arn")
    secrets["arn"] = json.dumps({"username": "ann", "password": "old", "host": "db"})
    assert ":old@" in secret("postgresql://")
    secrets["arn"] = json.dumps({"username": "ann", "password": "new", "host": "db"})
    assert ":old@" in secret("postgresql://")
    secret.forget()
    assert ":new@" in secret("postgresql://")


@pytest.mark.parametrize("text", ["plain", "[]", '{"username": "x"}'])
def test_a_secret_of_another_shape_is_explained(secrets: dict[str, str], text: str) -> None:
    secrets["arn"] = text
    with pytest.raises(ConfigurationError, match="username and password"):
        Secret("arn")("postgresql://host/db")


def test_a_secret_that_cannot_be_read_is_storage_that_is_away(secrets: dict[str, str]) -> None:
    with pytest.raises(StorageUnavailable, match="secret cannot be read"):
        Secret("nowhere")("postgresql://host/db")


def test_both_ways_at_once_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        login_from_settings(Settings(database_secret="arn", database_iam=True))


@pytest.mark.usefixtures("secrets")
def test_an_iam_url_has_a_token_and_verifies_the_server() -> None:
    parts = urlsplit(iam_url("postgresql://ann@db.example:5433/jobs?sslmode=disable"))

    assert "Action=connect" in unquote(str(parts.password))
    assert parse_qs(parts.query)["sslmode"] == ["verify-full"]
    with pytest.raises(ConfigurationError, match="a host and a user"):
        iam_url("postgresql:///jobs")


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, Path, Any]]:
    """A server with TLS whose user `ann` needs a password, given only over TLS."""
    from tests.support import postgres

    def run(*command: str) -> None:
        subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)

    run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-days",
        "2",
        "-subj",
        "/CN=test",
    )
    run(
        "openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "s.key", "-out", "s.csr", "-subj", "/CN=localhost"
    )
    (tmp_path / "ext").write_text("subjectAltName=DNS:localhost")
    run(
        "openssl",
        "x509",
        "-req",
        "-in",
        "s.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "ext",
        "-out",
        "s.pem",
    )
    with postgres.server() as url:
        parts = urlsplit(url)
        with psycopg.connect(url, autocommit=True) as admin:
            folder = Path(str(admin.execute("SHOW data_directory").fetchone()[0]))  # type: ignore[index]  # one row
            owner = folder.stat()
            import os

            for name, mode in (("s.key", 0o600), ("s.pem", 0o644)):
                (folder / name).write_bytes((tmp_path / name).read_bytes())
                (folder / name).chmod(mode)
                if os.geteuid() == 0:
                    os.chown(folder / name, owner.st_uid, owner.st_gid)
            (folder / "pg_hba.conf").write_text(
                "hostssl all ann all password\nhostnossl all ann all reject\nlocal all all trust\nhost all all all trust\n"
            )
            admin.execute("ALTER SYSTEM SET ssl = on")
            admin.execute("ALTER SYSTEM SET ssl_cert_file = 's.pem'")
            admin.execute("ALTER SYSTEM SET ssl_key_file = 's.key'")
            admin.execute("CREATE ROLE ann LOGIN SUPERUSER")
            admin.execute("SELECT pg_reload_conf()")
            until_ssl(admin)
            yield f"postgresql://ann@localhost:{parts.port}/postgres", tmp_path / "ca.pem", admin


def until_ssl(admin: Any) -> None:
    from tests.support.process import until

    until(lambda: admin.execute("SHOW ssl").fetchone()[0] == "on", "TLS is on")


@pytest.mark.usefixtures("secrets")
def test_each_connection_has_a_token_of_its_own_over_verified_tls(
    tls: tuple[str, Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, authority, admin = tls
    tokens: list[str] = []
    rds = clients.client("rds")
    sign = rds.generate_db_auth_token

    def accepted(**given: Any) -> str:
        """Plays the part of RDS: the server takes what was signed last."""
        tokens.append(sign(**given))
        admin.execute(sql.SQL("ALTER ROLE ann PASSWORD {}").format(sql.Literal(tokens[-1])))
        return tokens[-1]

    monkeypatch.setattr(rds, "generate_db_auth_token", accepted)
    with Tickover(f"{url}?sslrootcert={authority}", settings=Settings(database_iam=True)) as jobs:
        jobs.migrate()
        made = len(tokens)
        jobs.enqueue("k", remote=True)
        jobs.close()
        jobs.enqueue("k", remote=True)
        assert len(tokens) == made + 1, "the kept connection needs none, a new one a new one"
        assert admin.execute(
            "SELECT bool_and(ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE usename = 'ann'"
        ).fetchone() == (True,)

    with (
        Tickover(
            f"{url.replace('localhost', '127.0.0.1')}?sslrootcert={authority}", settings=Settings(database_iam=True)
        ) as other,
        pytest.raises(StorageUnavailable, match=r"(?i)certificate"),
    ):
        other.enqueue("k", remote=True)


def test_a_rotated_password_costs_one_refused_login(tls: tuple[str, Path, Any], secrets: dict[str, str]) -> None:
    url, _, admin = tls
    parts = urlsplit(url)
    where = {"username": "ann", "host": "localhost", "port": parts.port, "dbname": "postgres"}
    admin.execute("ALTER ROLE ann PASSWORD 'first'")
    secrets["arn"] = json.dumps({**where, "password": "first"})
    with Tickover("postgresql:///postgres?sslmode=require", settings=Settings(database_secret="arn")) as jobs:
        jobs.migrate()
        jobs.close()
        admin.execute("ALTER ROLE ann PASSWORD 'second'")
        secrets["arn"] = json.dumps({**where, "password": "second"})

        assert jobs.enqueue("k", remote=True)
