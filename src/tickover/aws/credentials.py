"""How to log in to the database on AWS: a secret of Secrets Manager, or an IAM token for each connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from tickover.aws.clients import client
from tickover.clock import monotonic
from tickover.config import Settings
from tickover.errors import ConfigurationError, StorageUnavailable

#: Seconds a secret is believed, when no refused login says otherwise before.
_FRESH: Final = 300.0
#: Amazon's certificates: a bundle that the deployment packs, else what the runtime has.
_BUNDLES: Final = ("/var/task/global-bundle.pem", "/var/runtime/ca-cert.pem")


def login_from_settings(settings: Settings) -> Callable[[str], str]:
    """A function from the configured URL to the one to connect with, called for each new connection."""
    if settings.database_secret and settings.database_iam:
        raise ConfigurationError("Set TICKOVER_DATABASE_SECRET or TICKOVER_DATABASE_IAM, not both.")
    return Secret(settings.database_secret) if settings.database_secret else iam_url


class Secret:
    """The user and password of a secret, in the shape in which RDS keeps them; read when needed, kept for minutes."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._reading = threading.Lock()
        self._kept: tuple[float, Mapping[str, Any]] | None = None

    def __call__(self, url: str) -> str:
        """The URL with the secret's user and password, and with its host and database where the URL has none."""
        found, parts = self._values(), urlsplit(url)
        host = parts.hostname or str(found.get("host", ""))
        if not host:
            raise ConfigurationError("Neither the database URL nor the secret names a host.")
        port = parts.port or found.get("port") or 5432
        name = parts.path.strip("/") or str(found.get("dbname") or "postgres")
        login = f"{quote(str(found['username']), safe='')}:{quote(str(found['password']), safe='')}"
        return urlunsplit(("postgresql", f"{login}@{host}:{port}", f"/{name}", parts.query, ""))

    def forget(self) -> None:
        """The next connection reads it anew: the server refused what it said, so it was rotated."""
        self._kept = None

    def _values(self) -> Mapping[str, Any]:
        with self._reading:
            if self._kept is None or monotonic() - self._kept[0] > _FRESH:
                self._kept = (monotonic(), _read(self._arn))
            return self._kept[1]


def _read(arn: str) -> Mapping[str, Any]:
    try:
        text = client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    except Exception as error:
        raise StorageUnavailable(f"The database's secret cannot be read: {type(error).__name__}: {error}") from error
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not (isinstance(found, dict) and found.get("username") and found.get("password")):
        raise ConfigurationError("The secret is no JSON object with username and password, as RDS keeps one.")
    return found


def iam_url(url: str) -> str:
    """The URL with a fresh token as its password, over TLS with the server's certificate verified.

    A token is signed here, without a call, and is good for 15 minutes: for one connection, then.
    """
    parts = urlsplit(url)
    if not (parts.hostname and parts.username):
        raise ConfigurationError("With TICKOVER_DATABASE_IAM the database URL has a host and a user, and no password.")
    user, port = unquote(parts.username), parts.port or 5432
    try:
        token = client("rds").generate_db_auth_token(DBHostname=parts.hostname, Port=port, DBUsername=user)
    except Exception as error:
        raise StorageUnavailable(f"No IAM token: {type(error).__name__}: {error}") from error
    # Whatever was asked for: without verification, whoever answers is handed a token.
    query = [part for part in parts.query.split("&") if part and not part.startswith("sslmode=")] + [
        "sslmode=verify-full"
    ]
    if not any(part.startswith("sslrootcert=") for part in query):
        query.append(f"sslrootcert={next((path for path in _BUNDLES if Path(path).exists()), 'system')}")
    login = f"{quote(user, safe='')}:{quote(token, safe='')}"
    return urlunsplit(("postgresql", f"{login}@{parts.hostname}:{port}", parts.path, "&".join(query), ""))
