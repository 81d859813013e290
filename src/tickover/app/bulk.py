"""What is too much for one request: a job of ours changes many jobs in chunks, over as many ticks as it takes.

Its kind is known to every application, so the ticks of one that never served a dashboard run it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final, Literal

from tickover.app.audit import Note, write_note
from tickover.app.core import Core
from tickover.app.enqueue import enqueue
from tickover.app.newjob import NewJob
from tickover.app.sets import SetVerb, change_jobs, purge_some
from tickover.domain.options import check_enqueue_options, check_handler_options
from tickover.domain.payload import encode
from tickover.engine.context import Context
from tickover.engine.inspect_handler import inspect_handler
from tickover.engine.registry import BULK, Kind

_CHUNK: Final = 100
_LOOKS: Final = 60
_LONGEST_LOOK: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to do to which jobs, for whom."""

    verb: SetVerb | Literal["purge"]
    #: These jobs; else those that match the filters of `find`, as they are when their turn comes.
    ids: Sequence[str] = ()
    filters: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    #: Retry one, and the rest only when that one completes.
    probe: bool = False
    older_than: float = 0.0
    #: How many there were when it was ordered.
    total: int
    who: str
    role: str = ""
    reason: str = ""
    #: How the audit log names them.
    target: str = ""


def order_bulk(core: Core, order: Order) -> str:
    """Enqueues the job that does it; returns its id."""
    served = core.settings.queues
    queue = "default" if served is None or "default" in served else next(iter(served))
    options = check_enqueue_options({"queue": queue, "retries": 10, "priority": 100})
    return enqueue(core, NewJob.of(BULK, encode(asdict(order)), options))


def bulk_kind(core: Core) -> Kind:
    """The handler of such jobs."""

    def bulk(ctx: Context, order: dict[str, Any]) -> dict[str, Any]:
        return _run(core, ctx, Order(**order))

    return inspect_handler(bulk, BULK, check_handler_options({}))


def _run(core: Core, ctx: Context, order: Order) -> dict[str, Any]:
    tried, said = _probe(core, ctx, order) if order.probe else ([], "")
    changed = left = 0
    if not said:
        pages = ctx.each("chunk", partial(_chunk, core, order, set(tried)), start="", state=[0, 0])
        for ids in pages:
            ctx.check()  # a cancel is the button that stops it
            done = _changed(core, order, ids)
            pages.state = [pages.state[0] + done, pages.state[1] + len(ids) - done]
            ctx.progress(sum(pages.state) / max(order.total, sum(pages.state), 1), f"{sum(pages.state):,} looked at")
        changed, left = pages.state
        said = f"{changed + len(tried)} changed, {left} left as they were"
    note = Note(
        who=order.who, role=order.role, action=f"{order.verb.capitalize()} many: ended", target=order.target,
        count=changed + len(tried), reason=order.reason, result=said,
    )  # fmt: skip
    ctx.step("note", lambda: core.do(lambda store: write_note(store, note)))
    return {"changed": changed + len(tried), "left": left, "said": said}


def _chunk(core: Core, order: Order, tried: set[str], cursor: str) -> tuple[list[str], str | None]:
    """The next jobs, and where the ones behind them begin. A purge takes what is there: it finds none of them again."""
    from tickover.store import reads

    if order.verb == "purge":
        gone = purge_some(core, limit=_CHUNK, older_than=order.older_than, **order.filters)
        return [""] * gone, "more" if gone == _CHUNK else None
    if order.ids:
        begin = int(cursor or 0)
        ids = list(order.ids[begin : begin + _CHUNK])
        following = str(begin + _CHUNK) if begin + _CHUNK < len(order.ids) else None
    else:
        ids = core.do(
            lambda store: reads.find_ids(store, limit=_CHUNK, cursor=cursor or None, but_kind=BULK, **order.filters)
        )
        following = ids[-1] if len(ids) == _CHUNK else None
    return [one for one in ids if one not in tried], following


def _changed(core: Core, order: Order, ids: Sequence[str]) -> int:
    if order.verb == "purge":
        return len(ids)  # the chunk is what is gone
    return change_jobs(core, order.verb, ids, fresh=order.fresh) if ids else 0


def _probe(core: Core, ctx: Context, order: Order) -> tuple[list[str], str]:
    """(the job that was tried, why the rest is not retried); the second is empty when that one completed."""
    tried: list[str] = ctx.step("probe", partial(_first, core, order))
    if not tried:
        return [], "nothing was there to retry"
    for look in range(_LOOKS):
        ctx.sleep(min(_LONGEST_LOOK, 2**look))
        state = ctx.step("look", partial(_state, core, tried[0]))
        if state == "completed":
            return tried, ""
        if state in ("failed", "cancelled", None):
            return tried, f"the probe {tried[0]} {state or 'is gone'} again, so nothing else was touched"
    return tried, f"the probe {tried[0]} took too long, so nothing else was touched"


def _first(core: Core, order: Order) -> list[str]:
    cursor = ""
    for _ in range(_LOOKS):
        ids, following = _chunk(core, order, set(), cursor)
        for one in ids:
            if change_jobs(core, "retry", [one], fresh=order.fresh):
                return [one]
        if following is None:
            break
        cursor = following
    return []


def _state(core: Core, job_id: str) -> str | None:
    from tickover.store import reads

    return core.do(lambda store: reads.state_of(store.link, job_id))[0]
