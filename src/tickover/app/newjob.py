"""A job that is not written yet, and the row it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack

from typing_extensions import TypeForm

from tickover.clock import millis
from tickover.domain.options import EnqueueOptions, check_enqueue_options, check_name
from tickover.domain.payload import decode, encode
from tickover.domain.retry import ExponentialBackoff
from tickover.engine.registry import BULK
from tickover.errors import InvalidArgument
from tickover.store.sql_store import write_backoff

if TYPE_CHECKING:
    from tickover.app.core import Core

R = TypeVar("R", covariant=True)
_NOTHING: Any = object()
_DEFAULT_WINDOW = 86_400.0
#: Options that are stored as they are, under the column's name in the enqueue verb.
_STORED = {"queue": "queue", "tenant": "tenant", "priority": "priority", "delay": "delay", "retries": "retries",
           "max_crashes": "max_crashes", "unique": "unique_key", "meta": "meta", "determinism": "determinism"}  # fmt: skip


class NewJob(Generic[R]):
    """One job not yet written: for `enqueue_many`, `fan_out`, `schedule` and enqueue middleware.

    Args:
        kind: the registered name.
        payload: what its handler takes, as JSON types; leave it out for a handler without parameters.
        returns: the type of its result, for type checkers.
        options: any of `EnqueueOptions`.
    """

    __slots__ = ("_checked", "_options", "_text", "kind", "remote", "returns")

    def __init__(
        self,
        kind: str,
        payload: object = _NOTHING,
        /,
        *,
        returns: TypeForm[R] = _NOTHING,
        remote: bool = False,
        **options: Unpack[EnqueueOptions],
    ) -> None:
        self.kind = check_name(kind, "job")
        if kind == BULK:  # whoever may enqueue could do by it what only an admin may, and in anybody's name
            raise InvalidArgument(
                f"{kind!r} is a kind of Tickover's own; the dashboard's actions on many jobs make them."
            )
        self.returns: Any = None if returns is _NOTHING else returns
        self.remote = remote
        self._text: str | None = None if payload is _NOTHING else encode(payload)
        self._options: dict[str, Any] = check_enqueue_options(options)
        self._checked = False

    @classmethod
    def of(cls, kind: str, text: str | None, options: Mapping[str, Any], *, checked: bool = True) -> NewJob[Any]:
        """A job whose options were checked already; and, unless said otherwise, its payload."""
        new: NewJob[Any] = cls.__new__(cls)
        new.kind, new.returns, new.remote = kind, None, bool(options.get("remote"))
        new._text, new._options, new._checked = text, dict(options), checked
        return new

    @property
    def payload(self) -> Any:
        """The payload as JSON types; None when there is none."""
        return None if self._text is None else decode(self._text)

    @property
    def text(self) -> str | None:
        """The payload as it will be stored."""
        return self._text

    @property
    def checked(self) -> bool:
        """Whether the payload was validated against its handler already."""
        return self._checked

    @property
    def options(self) -> Mapping[str, Any]:
        """The options said so far, in their stored form (durations are seconds)."""
        return self._options

    def using(self, **options: Unpack[EnqueueOptions]) -> NewJob[R]:
        """The same job with more options."""
        checked = check_enqueue_options({**_unstored(self._options), **options})
        new = NewJob.of(self.kind, self._text, checked, checked=self._checked)
        new.returns, new.remote = self.returns, self.remote or new.remote
        return new

    def __repr__(self) -> str:
        return f"NewJob({self.kind!r}, {self._text or ''})"


def row_of(core: Core, new: NewJob[Any], *, defaults: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The row of the enqueue verb: sparse; what the job says comes before `defaults`, and those before the registration.
    Its id comes later.

    Raises:
        HandlerNotFound: the kind is unknown here and not said to be remote.
        PayloadError: the payload does not fit the handler.
    """
    kind = None if new.remote else core.registry.find(new.kind)
    if kind is not None and not new.checked:
        kind.bind(new.text)
    said = {**defaults, **new.options} if defaults else new.options
    options = said if kind is None else {**kind.options, **said} if said else kind.options
    row: dict[str, Any] = {"kind": kind.name if kind is not None else new.kind}
    if new.text is not None:
        row["args"] = new.text
    if core.settings.code_version:
        row["code_version"] = core.settings.code_version
    if (carried := core.hooks.watchers.carried()) is not None:
        row["trace_context"] = carried
    if options:
        _write_options(row, options)
    if kind is not None and (limits := kind.options.get("limits")) and (keys := _keys_of(limits, row, new)):
        row["cap_keys"] = encode(keys)
    return row


def _keys_of(limits: Any, row: Mapping[str, Any], new: NewJob[Any]) -> Any:
    from tickover.domain.limits import LimitedJob, keys_of

    job = LimitedJob(
        kind=row["kind"],
        queue=row.get("queue", "default"),
        tenant=row.get("tenant", ""),
        priority=row.get("priority", 0),
        payload=new.payload,
        meta=decode(row["meta"]) if row.get("meta") else {},
    )
    return keys_of(limits, job)


def _write_options(row: dict[str, Any], options: Mapping[str, Any]) -> None:
    for option, column in _STORED.items():
        if option in options:
            row[column] = options[option]
    if "timeout" in options:
        row["timeout_ms"] = max(1, int(options["timeout"] * 1000))
    if isinstance(backoff := options.get("backoff"), ExponentialBackoff) and (text := write_backoff(backoff)):
        row["backoff"] = text
    if "at" in options:
        row["at"] = options["at"].isoformat()
        row["at_ms"] = millis(options["at"])
    if "idempotency_key" in options:
        row["window"] = {"key": options["idempotency_key"], "ttl": options.get("idempotency_ttl", _DEFAULT_WINDOW)}


def rewritten(core: Core, new: NewJob[Any]) -> NewJob[Any]:
    """The job after every enqueue middleware."""
    for middleware in core.hooks.enqueue_middleware:
        new = middleware(new)
        if not isinstance(new, NewJob):
            raise InvalidArgument(f"Enqueue middleware {middleware!r} must return a NewJob, not {new!r:.80}.")
    return new


def _unstored(options: Mapping[str, Any]) -> dict[str, Any]:
    """Checked options as they may be checked again: meta is stored as text."""
    return {name: decode(value) if name == "meta" else value for name, value in options.items()}
