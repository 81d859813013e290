"""By what a handler's first parameter is recognised, apart from the contexts, whose verbs bring half of the engine."""

from __future__ import annotations

from typing import ClassVar


class AnyContext:
    """A context of either colour."""

    is_async: ClassVar[bool] = False
