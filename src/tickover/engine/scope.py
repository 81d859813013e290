"""What steps are called: a name, numbered within its scope."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from tickover.domain.ids import StepKey
from tickover.errors import InvalidArgument

_KEY_LENGTH: Final = 255
_RESERVED: Final = frozenset("/#[]")


class Scope:
    """Numbers the names of one handler, page or callee."""

    __slots__ = ("counts", "path")

    def __init__(self, path: str = "") -> None:
        self.path = path
        self.counts: defaultdict[str, int] = defaultdict(int)

    def next(self, name: str) -> StepKey:
        """The key of the next step of this name."""
        key = f"{self.path}{name}#{self.counts[name]}"
        if len(key) > _KEY_LENGTH:
            raise InvalidArgument(
                f"The step {key[:80]}… has a key longer than {_KEY_LENGTH} characters: shorten names."
            )
        self.counts[name] += 1
        return StepKey(key)


def check_step_name(name: object) -> str:
    """Returns a usable name of a step; raises `InvalidArgument` otherwise."""
    if not isinstance(name, str) or not 1 <= len(name) <= 200 or _RESERVED & set(name) or not name.isprintable():
        raise InvalidArgument(f"{name!r:.80} is not a step name: 1 to 200 printable characters without / # [ ].")
    if name.startswith("_"):
        raise InvalidArgument(f"{name!r:.80} is not a step name: names that begin with _ are ours.")
    return name
