"""Finds what a command is about: the application, and a job by what people type of its id."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Final

from tickover import Tickover
from tickover.app.find import EXAMPLE, load
from tickover.domain.ids import parse_id
from tickover.errors import ConfigurationError, InvalidArgument, JobNotFound

_HOW: Final = (
    f'give --app {EXAMPLE}, set TICKOVER_APP={EXAMPLE}, or write app = "{EXAMPLE}" under [tool.tickover] in '
    "pyproject.toml"
)
_ID: Final = re.compile(r"[0-9a-f-]{8,35}\Z")
_FULL_ID: Final = 36


def application(app: str | None, database: str | None, *, handlers: bool) -> Tickover:
    """The application that the command line, the environment or pyproject.toml names, in this order.

    Args:
        app: what `--app` said.
        database: what `--database` said; a database without an application has no handlers.
        handlers: whether handlers are needed.

    Raises:
        ConfigurationError: nothing usable is named, in one line that says what to set.
    """
    if app and database:
        raise ConfigurationError("Give --app or --database, not both: an application has a database already.")
    if database and not handlers:
        return Tickover(database)
    if database:
        raise ConfigurationError(f"A database has no handlers, and this needs them: {_HOW}, without --database.")
    if name := app or os.environ.get("TICKOVER_APP", "").strip():
        return load(name, Path.cwd())
    name, folder = _from_pyproject(Path.cwd())
    if name:
        return load(name, Path.cwd(), folder)
    if handlers:
        raise ConfigurationError(f"No application is named: {_HOW}.")
    if url := os.environ.get("TICKOVER_DATABASE_URL", "").strip() or os.environ.get("DATABASE_URL", "").strip():
        return Tickover(url)
    raise ConfigurationError(
        f"Neither an application nor a database is named: {_HOW}; or give --database URL, or set TICKOVER_DATABASE_URL."
    )


def job_id(jobs: Tickover, text: str) -> str:
    """The full id of the job that people mean by an id or by its last eight characters or more.

    Raises:
        InvalidArgument: not an id, or the end of several.
        JobNotFound: no id ends like this.
    """
    wanted = text.strip().lower()
    if len(wanted) >= _FULL_ID:
        return parse_id(wanted)
    if not _ID.match(wanted):
        raise InvalidArgument(f"{text!r} is not a job id: give the whole id, or its last 8 characters or more.")
    matches: list[str] = []
    cursor: str | None = None
    while len(matches) < 2:
        page = jobs.find(search=wanted, limit=200, cursor=cursor)  # it also finds payloads that have this text
        matches += [job.id for job in page if job.id.endswith(wanted)]
        cursor = page.next_cursor
        if cursor is None:
            break
    if not matches:
        raise JobNotFound(f"No job has an id that ends in {wanted}.")
    if len(matches) > 1:
        raise InvalidArgument(f"Several ids end in {wanted}, such as {matches[0]} and {matches[1]}; give more of it.")
    return matches[0]


def _from_pyproject(start: Path) -> tuple[str, Path]:
    """(what the nearest pyproject.toml names, its folder); the name is empty when it names nothing."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return _named_in(path), folder
    return "", start


def _named_in(path: Path) -> str:
    try:
        tool = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    section = tool.get("tickover", {}) if isinstance(tool, dict) else {}
    name = section.get("app", "") if isinstance(section, dict) else None
    if not isinstance(name, str):
        raise ConfigurationError(f'{path}: under [tool.tickover], app is a text such as "{EXAMPLE}".')
    return name.strip()
