"""What the parts of the façade share: settings, registry, hooks, and the way to the database."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tickover.app import edges, waking
from tickover.clock import Clock, SystemClock
from tickover.config import Settings
from tickover.engine.batch import Batch
from tickover.engine.observe import Hooks
from tickover.engine.paces import Paces
from tickover.engine.registry import BULK, Kind, Registry
from tickover.engine.running import running
from tickover.engine.wake import Waker
from tickover.errors import ConfigurationError
from tickover.logs import on_lambda
from tickover.store.link import Link, RolledBack
from tickover.store.open import Database, open_database
from tickover.store.pool import Pool
from tickover.store.seal import Codec
from tickover.store.sql_store import SqlStore

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

    from tickover.domain.declared import Declared

T = TypeVar("T")
_TRIES = 3


@dataclass
class Together:
    """A transaction that several verbs share."""

    core: Core
    store: SqlStore
    #: What follows once it is committed.
    after: list[Callable[[], None]] = field(default_factory=list)


_together: ContextVar[Together | None] = ContextVar("tickover_together", default=None)


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
        self.registry = Registry({BULK: self._bulk})
        self.paces = Paces()
        self.hooks = Hooks()
        #: What code declares, by name; the scheduler compares it with what is stored.
        self.schedules: dict[str, Declared] = {}
        self.waker = waker if waker is not None else edges.waker(settings)
        self.imports = tuple(imports)
        self.ticked = False
        #: Slots of ended ticks whose threads had to be given up; such a thread may still take the process down.
        self.left_behind: list[Batch] = []
        self._bulk_kind: Kind | None = None
        self._imported = False
        self._importing = threading.RLock()

    def do(self, work: Callable[[SqlStore], T]) -> T:
        """Does `work` on a store: inside a job on its tick's connection, elsewhere on one of ours."""
        context = running.get()
        if context is not None and context.owner is self:
            return context.ask(work)
        if (shared := self.shared) is not None:
            with shared.store.transaction():  # a savepoint where an error would end the whole of it
                return work(shared.store)
        with self.database.link() as link:
            return work(self.store(link))

    @property
    def shared(self) -> Together | None:
        """The transaction that this code's verbs share now."""
        shared = _together.get()
        return shared if shared is not None and shared.core is self else None

    def together(self, work: Callable[[SqlStore], T]) -> T:
        """Does `work`, in which every verb of this application commits with the others or not at all.

        It may run again, when the database undid it; so it does nothing but that. Wakes go out behind the commit.

        Raises:
            StorageUnavailable: it was undone three times, or nobody knows whether it stands.
        """
        from tickover.app.question import merged

        for left in reversed(range(_TRIES)):
            try:
                done, after = self._together(work)
            except RolledBack:
                if not left:
                    raise
            else:  # what fails from here on does not have the work done again, which stands
                for call in merged(after):
                    call()
                return done
        raise AssertionError

    def _together(self, work: Callable[[SqlStore], T]) -> tuple[T, list[Callable[[], None]]]:
        with self.database.link() as link:
            shared = Together(self, self.store(link))
            token = _together.set(shared)
            try:
                with shared.store.transaction():
                    done = work(shared.store)
            finally:
                _together.reset(token)
        return done, shared.after

    def later(self, call: Callable[[], None]) -> None:
        """Calls that behind the commit: at once, unless verbs share a transaction here."""
        if (shared := self.shared) is None:
            call()
        else:
            shared.after.append(call)

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

    def _bulk(self) -> Kind:
        from tickover.app.bulk import bulk_kind  # when there is such a job: it needs most of what is below us

        if self._bulk_kind is None:
            self._bulk_kind = bulk_kind(self)
        return self._bulk_kind

    def haunted(self) -> bool:
        """Whether code of a job that an earlier tick gave up still runs in this process."""
        self.left_behind = [batch for batch in self.left_behind if batch.busy]
        return bool(self.left_behind)

    def woken(self, at: datetime | None, queues: Iterable[str] = ()) -> None:
        """Hints that a tick is wanted, for jobs in these queues; inside a job the tick's own end does that."""
        context = running.get()
        if self.waker is not None and (context is None or context.owner is not self):
            self.later(partial(waking.ask, self, at, frozenset(queues)))


def _on_lambda() -> bool:
    import os

    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def read_settings(settings: Settings | None, **overrides: Any) -> Settings:
    """Keyword beats `settings=` beats environment."""
    given = {name: value for name, value in overrides.items() if value is not None}
    return settings.but(**given) if settings is not None else Settings.from_env(**given)
