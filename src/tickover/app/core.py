"""What the parts of the façade share: settings, registry, hooks, and the way to the database."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from tickover.app import edges, waking
from tickover.clock import Clock, SystemClock
from tickover.config import Settings
from tickover.domain.declared import Declared
from tickover.engine.batch import Batch
from tickover.engine.drive import running
from tickover.engine.observe import Hooks
from tickover.engine.paces import Paces
from tickover.engine.registry import Registry
from tickover.engine.wake import Waker
from tickover.errors import ConfigurationError
from tickover.logs import on_lambda
from tickover.store.link import Link
from tickover.store.open import Database, open_database
from tickover.store.pool import Pool
from tickover.store.seal import Codec
from tickover.store.sql_store import SqlStore

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

T = TypeVar("T")


class Core:
    """One application: nothing is opened until it is needed."""

    def __init__(
        self,
        database: str | URL | Engine,
        *,
        pool: Pool | None,
        imports: Sequence[str],
        settings: Settings,
        waker: Waker | None,
        codec: Codec | None = None,
        clock: Clock | None = None,
    ) -> None:
        on_lambda()
        self.clock: Clock = clock or SystemClock()
        self.settings = settings
        self.codec = codec
        self.pool = pool or (Pool.SERVERLESS if _on_lambda() else Pool.DEFAULT)
        self.database: Database = open_database(database, pool=self.pool, clock=self.clock, login=edges.login(settings))
        self.registry = Registry()
        self.paces = Paces()
        self.hooks = Hooks()
        #: What code declares, by name; the scheduler compares it with what is stored.
        self.schedules: dict[str, Declared] = {}
        self.waker = waker if waker is not None else edges.waker(settings)
        self.imports = tuple(imports)
        self.ticked = False
        #: Slots of ended ticks whose threads had to be given up; such a thread may still take the process down.
        self.left_behind: list[Batch] = []
        self._imported = False
        self._importing = threading.RLock()

    def do(self, work: Callable[[SqlStore], T]) -> T:
        """Does `work` on a store: inside a job on its tick's connection, elsewhere on one of ours."""
        context = running.get()
        if context is not None and context.owner is self:
            return context.ask(work)
        with self.database.link() as link:
            return work(self.store(link))

    def store(self, link: Link, *, theirs: bool = False) -> SqlStore:
        """The verbs on one of our links, or on a connection of the caller's, which only they can open again."""
        source = None if theirs else self.database
        return SqlStore(link, log=self.settings.events, source=source, codec=self.codec)

    def load(self) -> None:
        """Imports the modules of `imports=` once, so that the handlers in them are known.

        Raises:
            ConfigurationError: a module that cannot be imported, by name.
        """
        with self._importing:
            if self._imported:
                return
            self._imported = True  # before the imports: one of them may call us again
            for module in self.imports:
                try:
                    importlib.import_module(module)
                except Exception as error:
                    self._imported = False  # whatever it raised: a tick must never run with half of the handlers
                    raise ConfigurationError(
                        f"imports= names {module!r}, which cannot be imported: {type(error).__name__}: {error}."
                    ) from error

    def haunted(self) -> bool:
        """Whether code of a job that an earlier tick gave up still runs in this process."""
        self.left_behind = [batch for batch in self.left_behind if batch.busy]
        return bool(self.left_behind)

    def woken(self, at: datetime | None, queues: Iterable[str] = ()) -> None:
        """Hints that a tick is wanted, for jobs in these queues; inside a job the tick's own end does that."""
        context = running.get()
        if self.waker is not None and (context is None or context.owner is not self):
            waking.ask(self, at, queues)


def _on_lambda() -> bool:
    import os

    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def read_settings(settings: Settings | None, **overrides: Any) -> Settings:
    """Keyword beats `settings=` beats environment."""
    given = {name: value for name, value in overrides.items() if value is not None}
    return settings.but(**given) if settings is not None else Settings.from_env(**given)
