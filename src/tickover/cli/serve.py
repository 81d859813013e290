"""Serves the web application beside the loop of `tickover dev`, on the loopback interface and in one thread."""

from __future__ import annotations

import importlib.util
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from tickover import Tickover
from tickover.errors import ConfigurationError

_LOOPBACK: Final = "127.0.0.1"
_PORT: Final = 8000
#: Seconds that open requests have when the loop ends.
_PATIENCE: Final = 2


@contextmanager
def serving(jobs: Tickover, *, port: int | None, wanted: bool = True) -> Iterator[str | None]:
    """Inside the block the application answers at the URL that this yields; None when it is not served.

    Args:
        jobs: the application.
        port: where; None takes 8000, or any port when that is taken. 0 is any port.
        wanted: whether to serve at all.

    Raises:
        ConfigurationError: the port that was asked for cannot be had, or the extra for it is not installed.
    """
    if not wanted or not _installed():
        if port is not None:
            raise ConfigurationError("--port needs the web application: pip install 'tickover[web]', and no --no-web.")
        yield None
        return
    import uvicorn

    from tickover.web import create_web, insecure_local

    with closing(_listening(port)) as listener:
        app = create_web(jobs, auth=insecure_local())
        config = uvicorn.Config(
            app, lifespan="off", access_log=False, log_level="warning", timeout_graceful_shutdown=_PATIENCE
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="tickover-web", daemon=True)
        thread.start()
        try:
            yield f"http://{_LOOPBACK}:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(_PATIENCE + 1)


def _installed() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("fastapi", "uvicorn"))


def _listening(port: int | None) -> socket.socket:
    """A socket that listens already: a taken port is found out before anything is said."""
    wanted = [_PORT, 0] if port is None else [port]
    for number in wanted:
        try:
            return socket.create_server((_LOOPBACK, number))
        except OSError as error:
            if number == wanted[-1]:
                raise ConfigurationError(f"Nothing can listen at {_LOOPBACK}:{number}: {error.strerror}.") from error
    raise AssertionError
