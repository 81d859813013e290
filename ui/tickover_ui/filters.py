"""The words of the filter: `kind:send-email state:failed`, and whatever else is written is looked for as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tickover.domain.ids import parse_id
from tickover.domain.states import STATES
from tickover.errors import InvalidArgument

FIELDS: Final = ("state", "kind", "queue", "tenant", "unique", "parent", "search", "since", "before")
_META: Final = "meta."


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to; in an address each is a parameter of its own name."""

    given: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.given.get(name, "")

    def but(self, **changed: str) -> dict[str, str]:
        """The address of the same list with other filters; an empty one is taken away."""
        return {name: value for name, value in {**self.given, **changed}.items() if value}

    def without(self, name: str) -> dict[str, str]:
        """The address of the same list without one filter."""
        return self.but(**{name: ""})

    @property
    def search(self) -> dict[str, Any]:
        """As the store looks for them.

        Raises:
            InvalidArgument: in words for whoever wrote them.
        """
        found: dict[str, Any] = {}
        meta: dict[str, Any] = {}
        for name, value in self.given.items():
            if name.startswith(_META):
                meta[name.removeprefix(_META)] = value
            elif name in ("since", "before"):
                found[name] = _instant(name, value)
            elif name == "parent":
                found[name] = parse_id(value)
            elif name in FIELDS:
                found[name] = value
            else:
                raise InvalidArgument(
                    f"Jobs are not found by {name!r}; only by {', '.join(FIELDS[:-3])} and meta.NAME."
                )
        if ("search" in found or meta) and not ({"kind", "since"} & found.keys()):
            raise InvalidArgument(
                "Say a kind too, as in kind:send-email: a search through the payloads of every job would read all of them."
            )
        return {**found, **({"meta": meta} if meta else {})}


def parse(text: str) -> dict[str, str]:
    """What was typed, as filters: words with a colon name a field, the others are the text."""
    given: dict[str, str] = {}
    free = []
    for word in text.split():
        name, colon, value = word.partition(":")
        known = name in FIELDS or name.startswith(_META) or name == "text"
        if colon and value and (known or name.isidentifier()):
            given["search" if name == "text" else name] = value
        else:
            free.append(word)
    if free:
        given["search"] = " ".join(free)
    return given


def suggestions() -> list[str]:
    """What may be typed, for those that have no history."""
    return [
        *(f"state:{state}" for state in (*STATES, "retrying", "scheduled")),
        "kind:",
        "queue:",
        "tenant:",
        "unique:",
        "meta.",
    ]


def _instant(name: str, value: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidArgument(f"{name}: takes seconds since 1970, not {value!r}.") from None
