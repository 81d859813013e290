"""How the pages say times, durations and numbers: short, and never negative."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

from tickover.web.redact import redacted

#: Counts stop here and say so: nobody acts differently on more, and counting costs the database.
MOST: Final = 10_000
_SHOWN: Final = 16 * 1024
_STEPS: Final = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600))


def duration(seconds: float | None) -> str:
    """`250 ms`, `4 s`, `12 min`, `3 h`, `5 d`; a clock that went back is no time at all."""
    if seconds is None:
        return "–"
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    for below, unit, size in _STEPS:
        if seconds < below:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def moment(at: datetime | None, now: datetime) -> Markup:
    """A time as its distance from now, with the whole of it in the title."""
    if at is None:
        return Markup("–")
    away = (at - now).total_seconds()
    said = f"in {duration(away)}" if away > 0.5 else f"{duration(-away)} ago" if away < -0.5 else "now"
    whole = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        whole.isoformat(timespec="milliseconds"), whole.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], said
    )


def clock(at: datetime | None, form: str) -> Markup:
    """A time of day in UTC; the script writes it anew in the reader's zone."""
    if at is None:
        return Markup("–")
    whole = at.astimezone(UTC)
    said = whole.strftime({"hm": "%H:%M", "hms": "%H:%M:%S", "day": "%d %b %H:%M"}[form])
    return Markup('<time datetime="{}" data-form="{}" title="{} UTC">{}</time>').format(
        whole.isoformat(timespec="milliseconds"), form, whole.strftime("%Y-%m-%d %H:%M:%S"), said
    )


def hm(at: datetime | None) -> Markup:
    """`14:32`."""
    return clock(at, "hm")


def hms(at: datetime | None) -> Markup:
    """`14:32:07`."""
    return clock(at, "hms")


def day(at: datetime | None) -> Markup:
    """`21 Nov 14:32`."""
    return clock(at, "day")


def number(count: int) -> str:
    """A count with its thousands apart; one that was cut off says so."""
    return f"{MOST:,}+".replace(",", " ") if count > MOST else f"{count:,}".replace(",", " ")


def happened(type_: str) -> str:
    """The type of an event in words: `CheckpointSaved` is `checkpoint saved`; what is about a job need not say so."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type_.removeprefix("Job")).lower()


def size(characters: int) -> str:
    """`212 B`, `1.9 kB`."""
    return (
        f"{characters} B"
        if characters < 1000
        else f"{characters / 1000:.1f} kB"
        if characters < 1_000_000
        else f"{characters / 1e6:.1f} MB"
    )


def snippet(payload: Any) -> str:
    """A payload in a few words: its plain values, what is named a secret hidden."""
    value = redacted(payload)
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else [("", value)]
    said = [
        f"{name} {item}" if isinstance(name, str) and name else str(item)
        for name, item in list(parts)[:6]
        if isinstance(item, str | int | float)
    ]
    text = ", ".join(one[:40] for one in said)
    return text[:90]


def document(value: Any) -> tuple[str, int]:
    """(JSON for people, how many characters of it are not shown); what is named a secret is hidden."""
    return whole(redacted(value))


def whole(value: Any) -> tuple[str, int]:
    """The same with nothing hidden."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text[:_SHOWN], max(0, len(text) - _SHOWN)
