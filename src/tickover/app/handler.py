"""What `@jobs.job` returns: a typed handle on a kind, deliberately not callable."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from copy import copy
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from typing_extensions import TypeVar as DefaultTypeVar

from tickover.app.enqueue import enqueue
from tickover.app.newjob import NewJob
from tickover.domain.options import EnqueueOptions, HandlerOptions, check_enqueue_options, check_handler_options
from tickover.engine.inspect_handler import inspect_handler

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", covariant=True)
F = DefaultTypeVar("F", bound=Callable[..., Any], covariant=True, default=Callable[..., Any])
Fn: TypeAlias = Callable[P, T]
AFn: TypeAlias = Callable[P, Coroutine[Any, Any, T]]

if TYPE_CHECKING:
    from tickover.app.core import Core
    from tickover.domain.retry import Duration
    from tickover.engine.async_context import AsyncContext
    from tickover.engine.context import Context
    from tickover.engine.registry import Kind

    CtxFn: TypeAlias = Callable[Concatenate[Context, P], T]
    ACtxFn: TypeAlias = Callable[Concatenate[AsyncContext, P], Coroutine[Any, Any, T]]


class Handler(Generic[P, R, F]):
    """A registered job. Enqueue it with `.enqueue(…)`; the function itself is `.fn`."""

    __slots__ = ("_core", "_options", "kind")

    def __init__(self, core: Core, kind: Kind, options: Mapping[str, Any] | None = None) -> None:
        self._core = core
        self._options = dict(options or {})
        #: What the registry knows about this handler.
        self.kind = kind

    @property
    def name(self) -> str:
        """The kind's name."""
        return self.kind.name

    @property
    def fn(self) -> F:
        """The undecorated function, for unit tests."""
        return cast(F, self.kind.fn)

    def using(self, **options: Unpack[EnqueueOptions]) -> Self:
        """The same handler with options for the jobs it writes.

        Raises:
            InvalidArgument: an unknown option, or a value out of range.
        """
        handler = copy(self)
        handler._options = check_enqueue_options({**_given(self._options), **options})  # noqa: SLF001  # our own copy
        return handler

    def new(self, *args: P.args, **kwargs: P.kwargs) -> NewJob[R]:
        """One job not yet written, validated.

        Raises:
            PayloadError: the arguments do not fit the function's annotations.
        """
        return NewJob.of(self.kind.name, self.kind.payload_of(args, kwargs), self._options)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Writes one job; it is durable when this returns (with `session=`: when that commits).

        Returns:
            The job's id.

        Raises:
            PayloadError: the arguments do not fit the function's annotations.
            DuplicateJob: `unique=` is held by a job that is not finished yet.
        """
        return enqueue(self._core, self.new(*args, **kwargs))

    def result(self, job_id: str, *, wait: Duration = 0) -> R:
        """What the job returned, as the function's return annotation says.

        Args:
            job_id: the job.
            wait: seconds to wait for its end.

        Raises:
            JobNotCompleted, JobFailedError, JobCancelledError, JobNotFound: there is no result, and why.
        """
        from tickover.app.reading import result_text

        return cast(R, self.kind.result_value(result_text(self._core, job_id, wait)))

    if not TYPE_CHECKING:  # a type checker must see no __call__: then a direct call is an error there too

        def __call__(self, *_args: object, **_kwargs: object) -> None:
            name = self.kind.fn.__name__
            raise TypeError(
                f"{self.kind.name!r} is a job. In a job: ctx.call({name}, …). Elsewhere: .enqueue(…). "
                "Plain function: .fn(…)"
            )

    def __repr__(self) -> str:
        return f"<job {self.kind.name!r}>"


class JobDecorator(Protocol):
    """`@jobs.job`, with or without a name and options; four shapes of function, one Handler type."""

    @overload
    def __call__(self, fn: ACtxFn[P, T], /) -> Handler[P, T, ACtxFn[P, T]]: ...  # type: ignore[overload-overlap]  # most specific first
    @overload
    def __call__(self, fn: CtxFn[P, T], /) -> Handler[P, T, CtxFn[P, T]]: ...
    @overload
    def __call__(self, fn: AFn[P, T], /) -> Handler[P, T, AFn[P, T]]: ...
    @overload
    def __call__(self, fn: Fn[P, T], /) -> Handler[P, T, Fn[P, T]]: ...
    @overload
    def __call__(self, name: str = ..., /, **options: Unpack[HandlerOptions]) -> JobDecorator: ...


def decorator(core: Core, name: str | None = None, options: Mapping[str, Any] | None = None) -> JobDecorator:
    """`@jobs.job` for one application."""
    checked = check_handler_options(options or {})

    def job(what: Callable[..., Any] | str | None = None, /, **more: Any) -> Any:
        if what is None or isinstance(what, str):
            return decorator(core, name if what is None else what, {**(options or {}), **more})
        kind = inspect_handler(what, name, checked)
        core.registry.add(kind)
        return Handler(core, kind)

    return cast(JobDecorator, job)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    from tickover.domain.payload import decode

    return {key: decode(value) if key == "meta" else value for key, value in options.items()}
