"""Names and functions: what is registered, and how a payload meets a function's parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from tickover.domain.payload import decode, encode
from tickover.engine.typed import NOTHING, PLAIN, Typed, refused
from tickover.errors import HandlerNotFound, InvalidArgument, PayloadError


@dataclass(frozen=True, slots=True)
class Parameter:
    """One payload parameter of a handler."""

    name: str
    annotation: Any
    default: Any = NOTHING

    @property
    def required(self) -> bool:
        return self.default is NOTHING


@dataclass(eq=False)
class Kind:
    """A registered handler: its function, what it takes and returns, and its options."""

    name: str
    fn: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    returns: Any
    takes_context: bool
    is_async: bool
    options: Mapping[str, Any]
    _adapters: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def origin(self) -> tuple[str, str]:
        """Module and qualified name: the same function registered again replaces itself."""
        return (self.fn.__module__, self.fn.__qualname__)

    @property
    def remote(self) -> bool:
        return bool(self.options.get("remote"))

    @cached_property
    def signature(self) -> inspect.Signature:
        """The signature without the context: what `.enqueue(…)` takes."""
        own = inspect.signature(self.fn)
        names = {p.name for p in self.parameters}
        return own.replace(parameters=[p for p in own.parameters.values() if p.name in names])

    def payload_of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """The stored payload of a call `.enqueue(*args, **kwargs)`, validated; None when there are no parameters."""
        if len(args) == 1 == len(self.parameters) and not kwargs:  # what inspect would find out in ten times the time
            return self._dump(self.parameters[0], args[0])
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise PayloadError(f"{self.name!r} takes {self.signature}: {error}.") from error
        given = bound.arguments
        if not self.parameters:
            return None
        if len(self.parameters) == 1:
            (parameter,) = self.parameters
            return self._dump(parameter, given[parameter.name]) if given else None
        texts = [
            f"{encode(p.name)}:{self._dump(p, given[p.name])}"
            for p in sorted(self.parameters, key=_name)
            if p.name in given
        ]
        return "{" + ",".join(texts) + "}"

    def payload_from(self, payload: object) -> str | None:
        """The stored payload of `jobs.enqueue(name, payload)`: JSON that must bind as it will at the run."""
        text = encode(payload)
        self.bind(text)
        return text

    def bind(self, text: str | None) -> dict[str, Any]:
        """The keyword arguments that a stored payload means for the function's parameters.

        No parameter: the payload is ignored. One: it is the payload. Several: an object with all required names binds
        by name; anything else binds to the first, if the others have defaults.

        Raises:
            PayloadError: with the path of what does not fit.
        """
        if not self.parameters:
            return {}
        first, *others = self.parameters
        if text is None:
            missing = [p.name for p in self.parameters if p.required]
            if missing:
                raise PayloadError(f"{self.name!r} needs {', '.join(missing)}, and the job has no payload.")
            return {}
        if not others:
            return {first.name: self._load(first, text, "$")}
        value = decode(text)
        required = {p.name for p in self.parameters if p.required}
        if (
            isinstance(value, dict)
            and required <= value.keys()
            and (required or value.keys() <= {p.name for p in self.parameters})
        ):
            unknown = sorted(value.keys() - {p.name for p in self.parameters})
            if unknown:
                raise PayloadError(f"{self.name!r} takes no {', '.join(unknown)}.", path=f"$.{unknown[0]}")
            return {p.name: self._load_value(p, value[p.name]) for p in self.parameters if p.name in value}
        if any(p.required for p in others):
            raise PayloadError(f"{self.name!r} needs an object with {', '.join(sorted(required))}.")
        return {first.name: self._load(first, text, "$")}

    @cached_property
    def result(self) -> Typed:
        """The type of what the function returns."""
        return Typed(self.returns, repr(self.name))

    def result_text(self, value: Any) -> str | None:
        """The stored form of what the function returned; None stays None."""
        return self.result.text(value)

    def result_value(self, text: str | None) -> Any:
        """What `result_text` stored, with the type that the function's return annotation says."""
        return self.result.value(text)

    def _dump(self, parameter: Parameter, value: Any) -> str:
        path = f"$.{parameter.name}"
        if type(value) is parameter.annotation and type(value) in PLAIN:
            return encode(value, path=path)
        if parameter.annotation is Any:
            return encode(value, path=path)
        return encode(self._plain(parameter, value, path), path=path)

    def _plain(self, parameter: Parameter, value: Any, path: str) -> Any:
        """The value as JSON types, such that `_validate` reads the same value back: by field names, aliases aside."""
        from pydantic import ValidationError
        from pydantic_core import PydanticSerializationError

        adapter = self._adapter(parameter.name, parameter.annotation)
        try:
            return adapter.dump_python(adapter.validate_python(value), mode="json", round_trip=True, warnings="error")
        except ValidationError as error:
            raise refused(repr(self.name), path, error) from error
        except (PydanticSerializationError, ValueError) as error:
            raise PayloadError(f"{self.name!r}: {path} cannot be stored: {error}.", path=path) from error

    def _load(self, parameter: Parameter, text: str, path: str) -> Any:
        if parameter.annotation is Any:
            return decode(text)
        if parameter.annotation in PLAIN:
            value = decode(text)
            if type(value) is parameter.annotation:
                return value
        return self._validate(parameter.name, parameter.annotation, text, path)

    def _load_value(self, parameter: Parameter, value: Any) -> Any:
        if parameter.annotation is Any or (type(value) is parameter.annotation and type(value) in PLAIN):
            return value
        return self._validate(parameter.name, parameter.annotation, encode(value), f"$.{parameter.name}")

    def _validate(self, name: str, annotation: Any, text: str, path: str) -> Any:
        from pydantic import ValidationError

        try:
            return self._adapter(name, annotation).validate_json(text, by_alias=True, by_name=True)
        except ValidationError as error:
            raise refused(repr(self.name), path, error) from error

    def _adapter(self, name: str, annotation: Any) -> Any:
        if name not in self._adapters:
            from pydantic import TypeAdapter

            self._adapters[name] = TypeAdapter(annotation)
        return self._adapters[name]


#: The kind of jobs that change many others: our own, so no code registers it.
BULK: Final = "tickover.bulk"


class Registry:
    """The handlers of one application, by name and alias."""

    def __init__(self, built_in: Mapping[str, Callable[[], Kind]] | None = None) -> None:
        #: Kinds of our own, made when first asked for, and not listed among the user's.
        self._built_in = dict(built_in or {})
        self._kinds: dict[str, Kind] = {}
        self._aliases: dict[str, str] = {}

    def add(self, kind: Kind) -> None:
        """Registers a kind under its name and aliases, or nothing at all.

        Raises:
            InvalidArgument: the name or an alias belongs to another function.
        """
        names = (kind.name, *kind.options.get("aliases", ()))
        for name in names:
            other = self.get(name)
            if other is not None and other.origin != kind.origin:
                raise InvalidArgument(
                    f"{name!r} is registered already, by {'.'.join(other.origin)}; give one of them another name."
                )
        self._check_limits(kind)
        self._kinds[kind.name] = kind
        self._aliases.pop(kind.name, None)  # the same function registered anew, now under what was its alias
        self._aliases.update((alias, kind.name) for alias in names[1:])

    def _check_limits(self, kind: Kind) -> None:
        """One name is one limit: two numbers for it would let in as many as the larger one says."""
        for limit in kind.options.get("limits", ()):
            for other in self._kinds.values():
                same = next(
                    (o for o in other.options.get("limits", ()) if (type(o), o.name) == (type(limit), limit.name)),
                    limit,
                )
                if other.origin != kind.origin and same.numbers != limit.numbers:
                    raise InvalidArgument(
                        f"{limit.name!r} is a limit of {other.name!r} already, with other numbers; share one object, or give "
                        "one of them another name."
                    )

    def get(self, name: str) -> Kind | None:
        found = self._kinds.get(self._aliases.get(name, name))
        if found is None and (make := self._built_in.get(name)) is not None:
            return make()
        return found

    def find(self, name: str) -> Kind:
        """The kind of this name or alias; raises `HandlerNotFound` with the nearest name and the mend."""
        kind = self.get(name)
        if kind is None:
            from difflib import get_close_matches

            near = get_close_matches(name, [*self._kinds, *self._aliases], n=1, cutoff=0.6)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise HandlerNotFound(
                f"No handler is registered under {name!r}.{hint} Import the module that registers it "
                "(Tickover(…, imports=[…])), or pass remote=True when other code runs it."
            )
        return kind

    def names(self) -> list[str]:
        """Every name and alias whose body runs here."""
        own = [name for name, kind in self._kinds.items() if not kind.remote]
        return sorted({*own, *(alias for alias, name in self._aliases.items() if name in own)})


def _name(parameter: Parameter) -> str:
    return parameter.name
