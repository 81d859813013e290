"""Answers what a worker asked of its tick, on the tick's own connection."""

from __future__ import annotations

import logging
from typing import Final

from tickover.engine.inbox import Ask
from tickover.engine.interrupt import Interrupt
from tickover.engine.reconnect import reconnect
from tickover.store.port import OutcomeUnknown, RolledBack, Store

_log: Final = logging.getLogger("tickover")
_TRIES: Final = 3


def answer(store: Store, ask: Ask) -> None:
    """The asker has its answer, or the error, which is its own to handle, whatever it is."""
    try:
        ask.answer.set_result(_worked_out(store, ask))
    except (Exception, Interrupt) as error:  # noqa: BLE001  # not lost: it is raised where it was asked
        ask.answer.set_exception(error)


def _worked_out(store: Store, ask: Ask) -> object:
    """What `ask` works out; done again when it was rolled back or cut, if it looks before it writes."""
    for _ in range(_TRIES - 1):
        try:
            return ask.work(store)
        except OutcomeUnknown:
            if not ask.again:
                raise
            reconnect(store)
        except RolledBack as error:
            if not ask.again:
                raise
            _log.warning("a write was rolled back and is done again: %s", error)
    return ask.work(store)
