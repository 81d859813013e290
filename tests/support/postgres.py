"""A real PostgreSQL for tests and benchmarks: `with server() as url`. It also runs where the caller is root."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.support.postgres_install import NoPostgreSQL, account, find_binaries, reachable

__all__ = ["NoPostgreSQL", "Server", "database", "database_name", "server"]

# Short, because a socket's path may have 107 bytes; and ones that every user may enter, because the server may not be us.
_DISK: Final = "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()
_MEMORY: Final = "/dev/shm"
_ROOM_IN_MEMORY: Final = 4 * 1024**3  # containers often have 64 MB there
_PREFIX: Final = "tickover-pg-"
_FAST: Final = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
_START_SECONDS: Final = 60.0

# Runs first in the server's process: die with the parent (Linux), give up root, become the server. A `preexec_fn`
# would do the same but forks Python in a process that has threads, which Python 3.12 warns about.
_BECOME: Final = """
import ctypes, os, sys
parent, uid, gid, *command = sys.argv[1:]
if uid != "-":
    os.setgroups([]); os.setgid(int(gid)); os.setuid(int(uid))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 3)  # PR_SET_PDEATHSIG, SIGQUIT: an immediate shutdown. After setuid, which clears it.
    if os.getppid() != int(parent):
        sys.exit("the test run died before its server started")
os.execv(command[0], command)
"""


class Server:
    """One PostgreSQL server of our own, in a temporary folder. `start`, `stop`, `crash` and `start` again at will."""

    def __init__(self, *, fsync: bool = False, options: tuple[str, ...] = ()) -> None:
        _sweep()
        self._account = account()
        self._base = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_DISK if fsync else _room()))
        self._lock = _locked(self._base)
        self._process: subprocess.Popen[bytes] | None = None
        self._options = (*(() if fsync else _FAST), *options)
        self.port = _free_port()
        try:
            if self._account:
                os.chown(self._base, self._account.uid, self._account.gid)
            self._binaries = reachable(find_binaries(), self._account, self._base)
            self._initdb()
        except BaseException:
            self.remove()
            raise

    @property
    def url(self) -> str:
        """Over TCP, on the loopback interface."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def socket_url(self) -> str:
        """Over the Unix socket."""
        return f"postgresql://postgres@/postgres?host={self._base}&port={self.port}"

    @property
    def pid(self) -> int:
        """The postmaster's process."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> None:
        """The server answers queries."""
        settings = (
            "max_connections=200",
            "shared_buffers=64MB",
            "timezone=UTC",
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self._base}",
            *self._options,
        )
        options = [word for setting in settings for word in ("-c", setting)]
        with self._log.open("ab") as log:
            self._process = self._spawn("postgres", "-D", str(self._data), *options, log=log)
        self._await_answer()

    def stop(self) -> None:
        """The server is gone, after it closed every connection and wrote what it had."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """The server is gone as in a power cut: what was not in its log is lost, and the next start recovers."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """The server and its folder are gone."""
        self.crash()
        self._lock.close()
        shutil.rmtree(self._base, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._base / "data"

    @property
    def _log(self) -> Path:
        return self._base / "log"

    def _log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    def _initdb(self) -> None:
        flags = (
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        )
        with self._log.open("ab") as log:
            code = self._spawn("initdb", "-D", str(self._data), *flags, log=log).wait()
        if code != 0:
            raise NoPostgreSQL(f"initdb failed ({self._binaries}):\n{self._log_tail()}")

    def _spawn(self, program: str, *arguments: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        identity = (str(self._account.uid), str(self._account.gid)) if self._account else ("-", "-")
        command = (str(self._binaries / program), *arguments)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), *identity, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self._base,
            env={**os.environ, "LC_ALL": "C", "HOME": str(self._base)},
            start_new_session=True,  # Ctrl-C is for the tests; they end the server when they are through
        )

    def _await_answer(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise NoPostgreSQL(f"PostgreSQL does not start ({self._binaries}):\n{self._log_tail()}") from error
                time.sleep(0.02)
            else:
                return

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def server(*, fsync: bool = False, options: tuple[str, ...] = ()) -> Iterator[str]:
    """The URL of a PostgreSQL server: TEST_DATABASE_URL as it is, else one of our own, gone at the end.

    Args:
        fsync: With the default durability, as a benchmark wants it. Without, a crash of the machine loses data.
        options: More settings for a server of our own, such as `"log_statement=all"`.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    own = Server(fsync=fsync, options=options)
    try:
        own.start()
        yield own.url
    finally:
        own.remove()


@contextmanager
def database(server_url: str, *, template: str = "template0") -> Iterator[str]:
    """The URL of a new database on that server, a copy of `template`; dropped at the end, whoever is connected."""
    name = f"tickover_test_{uuid.uuid4().hex}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    _execute(server_url, create)
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        _execute(server_url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def database_name(url: str) -> str:
    """The name of the database that `url` names."""
    return urlsplit(url).path.removeprefix("/")


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url.replace("+psycopg://", "://", 1), autocommit=True) as connection:
        connection.execute(statement)


def _room() -> str:
    """Where a server keeps what nobody needs tomorrow: in memory if it has the room, since each test makes a database."""
    roomy = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM_IN_MEMORY
    return _MEMORY if roomy else _DISK


def _free_port() -> int:
    """A free port below those that outgoing connections take: one of them must not sit on it while we restart."""
    while True:
        port = random.randint(15_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _locked(base: Path) -> IO[bytes]:
    """A lock on `base` that ends with this process, however it ends. Renamed when held: no one sees it unlocked."""
    file = (base / "lock.new").open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    Path(file.name).rename(base / "lock")
    return file


def _sweep() -> None:
    """Folders that killed runs left behind are gone."""
    for base in (base for room in (_DISK, _MEMORY) for base in Path(room).glob(f"{_PREFIX}*")):
        try:
            with (base / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(base, ignore_errors=True)
        except OSError:
            continue  # in use, or another user's
