"""Makes what is stored of the schedules what code declares: the newest code that still runs decides."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from tickover.domain.declared import Declared, Stored, outranks
from tickover.store.port import Store

_log: Final = logging.getLogger("tickover.scheduler")
#: How often running code says that it still declares its schedules, and after how long others take it to be gone.
_SEEN_EVERY: Final = timedelta(minutes=10)
_GONE_AFTER: Final = timedelta(hours=1)


def reconcile(
    store: Store, declared: Iterable[Declared], stored: Mapping[str, Stored], now: datetime, *, code_version: str
) -> bool:
    """Stores new schedules and changes changed ones; returns whether it wrote any, so that what was read is old.

    A new schedule's first slot, and a changed spec's next one, lie in the future: a deployment fires nothing.
    """
    wrote, seen = False, []
    for wanted in declared:
        found = stored.get(wanted.name)
        if found is None:
            store.put_schedule(wanted, wanted.schedule.next(now), code_version)
            wrote = True
        elif found.agrees(wanted):
            if found.seen_at is None or now - found.seen_at > _SEEN_EVERY:
                seen.append(wanted.name)
        elif outranks(code_version, found.code_version) or _gone(found, now):
            after = now if found.last_slot is None else max(now, found.last_slot)
            store.change_schedule(found, wanted, wanted.schedule.next(after), code_version)
            _log.info("schedule %s is %s now, of code version %r", wanted.name, wanted.spec, code_version)
            wrote = True
    if seen:
        store.call("schedule_seen", names=json.dumps(seen))
    return wrote


def _gone(found: Stored, now: datetime) -> bool:
    return found.seen_at is None or now - found.seen_at > _GONE_AFTER
