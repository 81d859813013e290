"""Which jobs an address means: some by id, those of a cause of death, or all that match a filter; and how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tickover import Tickover
from tickover.app.sets import SET_VERBS, SetVerb
from tickover.domain.ids import parse_id
from tickover.engine.registry import BULK
from tickover.errors import InvalidArgument, JobNotFound
from tickover.store import reads
from tickover_ui.forms import Given
from tickover_ui.queries.dead import dead
from tickover_ui.reading import read
from tickover_ui.words import MOST

_FILTERS: Final = ("state", "kind", "queue", "tenant", "search")
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """The jobs that somebody means."""

    ids: Sequence[str] = ()
    filters: dict[str, Any] = field(default_factory=dict)
    target: str
    back: str

    @property
    def single(self) -> str | None:
        """The id of the one job that is meant; None when a set is."""
        return self.ids[0] if len(self.ids) == 1 and self.target.startswith("job ") else None


def which(jobs: Tickover, given: Given) -> Which:
    """The jobs of an address.

    Raises:
        InvalidArgument: it names none; leaving a word out must not mean all.
        JobNotFound: a cause that nothing died of any more.
    """
    ids = [parse_id(one) for one in given.all("job")][: 5 * _AT_ONCE]
    if len(ids) == 1:
        return Which(ids=ids, target=f"job {ids[0]}", back=f"/jobs/{ids[0]}")
    if ids:
        return Which(ids=ids, target=f"{len(ids)} jobs: {', '.join(one[-8:] for one in ids)}", back="/jobs")
    if cause := given.one("cause"):
        found = next((one for one in dead(jobs)[1] if one.fingerprint == cause), None)
        if found is None:
            raise JobNotFound("Nothing died of this any more.")
        return Which(
            ids=[death.job_id for death in found.deaths], back="/dead", target=f"cause {cause}: {found.kind}, {found.error_kind}"
        )  # fmt: skip
    filters = {name: value for name in _FILTERS if (value := given.one(name))}
    if not filters:
        raise InvalidArgument("Say which jobs: by job=, or by state=, kind=, queue=, tenant= or search=.")
    if "search" in filters and "kind" not in filters:
        raise InvalidArgument("Say a kind too: a search through the payloads of every job would read all of them.")
    return Which(filters=filters, target="jobs: " + ", ".join(f"{k} {v}" for k, v in filters.items()), back="/jobs")


def filters_of(jobs: Which, verb: SetVerb) -> dict[str, Any]:
    """What finds those of the jobs that a verb applies to; never one of the jobs that do such things."""
    named: dict[str, Any] = {"ids": jobs.ids} if jobs.ids else jobs.filters
    return {**named, "states": SET_VERBS[verb], "but_kind": BULK}


def count(app: Tickover, jobs: Which, verb: SetVerb) -> int:
    """To how many of them a verb applies; what is beyond 10,000 is one more than it."""
    return read(app, lambda store: reads.count(store, most=MOST + 1, **filters_of(jobs, verb)))


def ids_of(app: Tickover, jobs: Which, verb: SetVerb) -> list[str]:
    """Their ids, those that one request changes at most."""
    return app._core.do(  # noqa: SLF001  # an edge of the same house
        lambda store: reads.find_ids(store, limit=_AT_ONCE, cursor=None, **filters_of(jobs, verb))
    )


def many(count: int) -> bool:
    """Whether it is too much for one request."""
    return count > _AT_ONCE
