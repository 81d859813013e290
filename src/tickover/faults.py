"""Named points at which tests kill, freeze or cut the process; inert everywhere else.

A point is one call, `faults.hit("claim.after_commit")`, at the places where a crash would hurt most. Nothing but a
test calls `arm`, so in production a point costs one function call that does nothing.
"""

from __future__ import annotations

from collections.abc import Callable

_on_hit: Callable[[str], None] | None = None


def arm(on_hit: Callable[[str], None] | None) -> None:
    """From now on `on_hit(name)` runs at each named point of this process; None disarms."""
    global _on_hit  # noqa: PLW0603  # one switch for the process: a kill has no smaller scope
    _on_hit = on_hit


def hit(name: str) -> None:
    """Marks a point; see the module's docstring."""
    if _on_hit is not None:
        _on_hit(name)
