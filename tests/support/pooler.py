"""A PgBouncer in transaction mode in front of a test's PostgreSQL: `with pooler(url, size=20) as pooled`."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.support.postgres_install import account
from tests.support.process import until


def installed() -> bool:
    """Whether there is a PgBouncer here; Debian's package is enough."""
    return shutil.which("pgbouncer") is not None or Path("/usr/sbin/pgbouncer").exists()


@contextmanager
def pooler(url: str, *, size: int, clients: int = 400) -> Iterator[str]:
    """The same database's URL through a pool of `size` server connections, each lent for one transaction."""
    parts = urlsplit(url)
    room = Path(tempfile.mkdtemp(prefix="tickover-pgb-", dir="/tmp"))
    who = account()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (room / "users").write_text(f'"{parts.username}" ""\n')
    (room / "ini").write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\n"
        f"auth_type=trust\nauth_file={room}/users\npool_mode=transaction\ndefault_pool_size={size}\nmax_client_conn={clients}\n"
        f"ignore_startup_parameters=extra_float_digits\nlogfile={room}/log\npidfile={room}/pid\nunix_socket_dir=\n"
    )
    room.chmod(0o777)
    options = {} if who is None else {"user": who.uid, "group": who.gid, "extra_groups": []}
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    process = subprocess.Popen(
        [program, str(room / "ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )  # type: ignore[call-overload]  # as the account says
    try:
        until(lambda: _listens(port), "PgBouncer listens")
        yield urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(room, ignore_errors=True)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True
