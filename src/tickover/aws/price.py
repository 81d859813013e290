"""What Lambda charges for an invocation of this function."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, Final

from tickover.config import Settings

#: US dollars per GB-second and per request, as https://aws.amazon.com/lambda/pricing lists them for us-east-1, first tier,
#: without the free tier. Elsewhere, or with a discount: `TICKOVER_GB_SECOND_PRICE`.
PER_GB_SECOND: Final = {"aarch64": 0.0000133334, "x86_64": 0.0000166667}
PER_REQUEST: Final = 0.20 / 1_000_000


def price_of(settings: Settings, context: Any) -> Callable[[float], float] | None:
    """US dollars by seconds; None where the context does not say what memory the function has."""
    memory = int(getattr(context, "memory_limit_in_mb", 0) or 0)
    rate = settings.gb_second_price
    if rate is None:
        rate = PER_GB_SECOND.get(os.uname().machine)
    if not memory or rate is None:
        return None
    per_second = memory / 1024 * rate

    def price(seconds: float) -> float:
        return PER_REQUEST + math.ceil(seconds * 1000) / 1000 * per_second  # billed by the whole millisecond

    return price
