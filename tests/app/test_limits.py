"""Caps and rates: fleet-wide, by key, exact; whoever is denied waits and costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import guards
from tests.support.gate import Gate, Ticking, until
from tests.support.raw import Raw
from tests.support.world import claim, tick_id
from tickover import Budget, Context, Handler, NoRetry, Settings, Tickover, cap, faults, rate
from tickover.domain.decide import decide
from tickover.domain.outcome import Released
from tickover.engine.admit import admit
from tickover.engine.flush import flush
from tickover.errors import InvalidArgument
from tickover.store.link import Params, Row
from tickover.store.port import OutcomeUnknown
from tickover.store.postgres import PostgresLink

ONE = pytest.mark.parametrize("dialect", ["sqlite"])  # refused before any database is asked


@pytest.fixture
def jobs(migrated_url: str, raw: Raw) -> Iterator[Tickover]:
    """Short leases; and at the end every identity of `guards` must hold."""
    with Tickover(migrated_url, settings=Settings(lease=1.5, grace=0.2)) as made:
        yield made
    guards.check(raw, events=False)  # a test that puts a job into a state by hand tells no event


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.set()


class Peak:
    """How many run at once, and how many ever did."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


def waiting_for(jobs: Tickover) -> list[tuple[str | None, str | None]]:
    return [(job.wait_kind, job.wait_ref) for job in jobs.find(state="waiting")]


@pytest.fixture
def held(jobs: Tickover, gate: Gate) -> Handler[[int], None]:
    """A handler with a cap of one, whose first run stays until the gate opens."""

    @jobs.job(limits=[cap("gpu", 1)])
    def held(n: int) -> None:
        if n == 0:
            gate.pass_through()

    return held


def test_no_more_run_at_once_than_the_cap_says_over_several_ticks(jobs: Tickover) -> None:
    peak = Peak()

    @jobs.job(limits=[cap("gpu", 3)])
    def render(n: int) -> None:
        with peak:
            threading.Event().wait(0.005)

    jobs.enqueue_many(render.new(n) for n in range(60))
    ticking = [Ticking(jobs, 30, concurrency=10) for _ in range(3)]
    for one in ticking:
        one.report()
    jobs.drain(30)

    assert jobs.stats().by_state["completed"] == 60
    assert 1 < peak.most <= 3


def test_who_is_denied_waits_without_an_attempt_and_is_not_looked_at_again(
    jobs: Tickover, held: Handler[[int], None], gate: Gate
) -> None:
    running, denied = held.enqueue(0), held.enqueue(1)
    ticking = Ticking(jobs, 30)
    until(lambda: jobs.get(denied).state == "waiting")
    for _ in range(3):
        jobs.tick(5)
    job = jobs.get(denied)

    assert jobs.get(running).state == "running"
    assert (job.wait_kind, job.wait_ref) == ("cap", "cap:gpu")
    assert (job.starts, job.released, job.failures, job.attempt) == (1, 1, 0, 1)
    gate.set()
    ticking.report()
    jobs.drain(20)
    assert jobs.get(denied).state == "completed"


def test_a_place_goes_to_the_most_urgent_and_then_to_the_oldest(
    jobs: Tickover, held: Handler[[int], None], gate: Gate
) -> None:
    order: list[int] = []

    @jobs.job(limits=[cap("gpu", 1)])
    def note(n: int) -> None:
        order.append(n)

    held.enqueue(0)
    ticking = Ticking(jobs, 60, concurrency=1)
    until(lambda: jobs.stats().by_state["running"] == 1)
    for n, priority in ((1, 0), (2, 0), (3, 9), (4, 0)):
        note.using(priority=priority).enqueue(n)
    until(lambda: jobs.tick(5).claimed == 0 and len(waiting_for(jobs)) == 4)
    gate.set()
    ticking.report()
    jobs.drain(30)

    assert order == [3, 1, 2, 4]


ENDS = ["completed", "failed", "retried", "cancelled", "paused", "parked", "crashed", "timed out", "released"]


@pytest.mark.parametrize("end", ENDS)
def test_whatever_ends_a_run_passes_its_place_on_in_the_same_transaction(
    jobs: Tickover, raw: Raw, gate: Gate, end: str
) -> None:
    @jobs.job(limits=[cap("gpu", 1)], retries=5 if end == "retried" else 0, timeout=0.05 if end == "timed out" else 60)
    def first(ctx: Context) -> None:
        match end:
            case "failed":
                raise NoRetry("no")
            case "retried":
                raise ValueError("again")
            case "parked":
                ctx.sleep(3600)
            case "cancelled":
                jobs.cancel(ctx.job_id)
            case "paused":
                jobs.pause_job(ctx.job_id)
                until(lambda: _stopped(ctx))
                ctx.check()
            case "timed out":
                gate.pass_through()

    @jobs.job(limits=[cap("gpu", 1)])
    def second() -> None: ...

    denied = second.using(delay=3600).enqueue()
    ran = first.enqueue()
    raw.set(denied, state="waiting", wait_kind="cap", wait_ref="cap:gpu")
    if end in ("crashed", "released"):
        with jobs._core.database.link() as link:
            store = jobs._core.store(link)
            (job,) = claim(store, 1, tick=(tick := tick_id())).jobs
            assert admit(store, [job], jobs._core.registry, tick).admitted
            if end == "released":
                flush(store, [decide(job, Released("stop requested"))], tick=tick, lease=1.0)
        if end == "crashed":
            raw.expire(ran)
            jobs.run_reaper(5)
    else:
        jobs.tick(Budget(20, max_jobs=1))

    assert jobs.get(ran).state != "running"
    assert raw.state(denied) == "pending"
    assert raw.one("SELECT count(*) FROM cap_slots WHERE expires_at IS NOT NULL") == 1, (
        "its place is kept until it is claimed"
    )


def _stopped(ctx: Context) -> bool:
    try:
        ctx.check()
    except BaseException:  # noqa: BLE001  # what a boundary raises is raised again at the next one
        return True
    return False


def test_a_hot_key_does_not_delay_a_cold_one(jobs: Tickover, gate: Gate) -> None:
    done: list[str] = []

    @jobs.job(limits=[cap("tenant", 1, key=lambda job: job.tenant)])
    def work(name: str) -> None:
        if name == "hot":
            gate.pass_through()
        done.append(name)

    jobs.enqueue_many(work.using(tenant="hot").new("hot") for _ in range(200))
    cold = work.using(tenant="cold").enqueue("cold")
    ticking = Ticking(jobs, 60, concurrency=2)
    until(lambda: jobs.get(cold).state == "completed")

    assert done == ["cold"], "behind 200 of the hot key, of which one runs"
    gate.set()
    ticking.report()
    jobs.drain(60)
    assert len(done) == 201


def test_a_rate_starts_no_more_in_a_window_and_denies_each_job_once(jobs: Tickover, raw: Raw) -> None:
    @jobs.job(limits=[rate("crm", 4, per=0.4)])
    def call(n: int) -> None: ...

    ids = jobs.enqueue_many(call.new(n) for n in range(14))
    jobs.drain(60)
    used = [row[0] for row in raw.rows("SELECT used FROM rate_windows ORDER BY number")]

    assert [jobs.get(job_id).state for job_id in ids] == ["completed"] * 14
    assert max(used) <= 4
    assert sum(used) >= 14
    late = sum(jobs.get(job_id).released for job_id in ids)
    assert late <= sum(used) - 4, "each denial was given a place in a window of its own"
    assert all(jobs.get(job_id).attempt == 1 for job_id in ids)


def test_a_rate_below_one_a_second_is_kept(jobs: Tickover, raw: Raw) -> None:
    @jobs.job(limits=[rate("slow", 1, per=3600)])
    def call(n: int) -> None: ...

    first, second, third = jobs.enqueue_many(call.new(n) for n in range(3))
    jobs.tick(5)
    due = [jobs.get(job_id).run_at for job_id in (second, third)]

    assert [jobs.get(job_id).state for job_id in (first, second, third)] == ["completed", "pending", "pending"]
    assert abs((due[1] - due[0]).total_seconds() - 3600) < 5
    assert due[0].timestamp() % 3600 < 5, "the start of a window"


def test_a_job_with_a_cap_and_a_rate_keeps_both(jobs: Tickover) -> None:
    peak = Peak()

    @jobs.job(limits=[cap("gpu", 1), rate("crm", 3, per=0.3)])
    def both(n: int) -> None:
        with peak:
            threading.Event().wait(0.005)

    jobs.enqueue_many(both.new(n) for n in range(9))
    jobs.drain(60)

    assert jobs.stats().by_state["completed"] == 9
    assert peak.most == 1


def test_a_queue_has_a_cap_over_the_fleet(jobs: Tickover) -> None:
    peak = Peak()

    @jobs.job(queue="mail")
    def send(n: int) -> None:
        with peak:
            threading.Event().wait(0.005)

    jobs.limit_queue("mail", 2)
    jobs.enqueue_many(send.new(n) for n in range(20))
    ticking = [Ticking(jobs, 30, concurrency=8) for _ in range(2)]
    for one in ticking:
        one.report()
    jobs.drain(30)

    assert jobs.stats().by_state["completed"] == 20
    assert peak.most <= 2


@pytest.mark.parametrize("most", [5, None])
def test_a_higher_limit_of_a_queue_lets_in_who_waits(jobs: Tickover, raw: Raw, most: int | None) -> None:
    jobs.limit_queue("mail", 1)
    for _ in range(4):
        raw.set(
            jobs.enqueue("send", remote=True, queue="mail"), state="waiting", wait_kind="cap", wait_ref="cap:queue:mail"
        )
    jobs.limit_queue("mail", most)

    assert jobs.stats().by_state["pending"] == 4
    assert raw.count("caps") == (0 if most is None else 1)


@ONE
@pytest.mark.parametrize("most", [0, -1, 1.5, True, "3"])
def test_a_queues_limit_that_is_none_is_refused(jobs: Tickover, most: Any) -> None:
    with pytest.raises(InvalidArgument, match="A limit is a whole number"):
        jobs.limit_queue("mail", most)


def test_a_woken_job_that_is_cancelled_passes_its_place_on(
    jobs: Tickover, raw: Raw, held: Handler[[int], None]
) -> None:
    held.enqueue(1)
    one, other = (held.using(delay=3600).enqueue(2) for _ in range(2))
    for job_id in (one, other):
        raw.set(job_id, state="waiting", wait_kind="cap", wait_ref="cap:gpu")
    jobs.tick(Budget(5, max_jobs=1))
    assert [raw.state(job_id) for job_id in (one, other)] == ["pending", "waiting"]
    jobs.cancel(one)

    assert raw.state(other) == "pending"


def test_the_reaper_gives_on_a_place_that_was_kept_too_long(
    jobs: Tickover, raw: Raw, held: Handler[[int], None]
) -> None:
    held.enqueue(1)
    one, other = (held.using(delay=3600).enqueue(2) for _ in range(2))
    for job_id in (one, other):
        raw.set(job_id, state="waiting", wait_kind="cap", wait_ref="cap:gpu")
    jobs.tick(Budget(5, max_jobs=1))
    jobs.run_reaper(5)
    assert raw.state(other) == "waiting"
    raw.shift("cap_slots", "expires_at", -120)
    jobs.run_reaper(5)

    assert raw.state(other) == "pending"


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_nobody_waits_for_a_waiter_that_somebody_else_has_locked(
    jobs: Tickover, raw: Raw, held: Handler[[int], None]
) -> None:
    """Who passes a place on holds jobs: waiting here it could be waited for in turn, and a user's session could hold it up."""
    held.enqueue(1)
    one, other = (held.using(delay=3600).enqueue(2) for _ in range(2))
    for job_id in (one, other):
        raw.set(job_id, state="waiting", wait_kind="cap", wait_ref="cap:gpu")
    with raw.transaction():
        raw.rows("SELECT 1 FROM jobs WHERE id = :id FOR NO KEY UPDATE", id=one)
        assert jobs.tick(Budget(5, max_jobs=1)).completed == 1
        assert [raw.state(job_id) for job_id in (one, other)] == ["waiting", "pending"]


def test_a_paused_waiter_is_passed_over_and_comes_back(jobs: Tickover, raw: Raw, held: Handler[[int], None]) -> None:
    held.enqueue(1)
    one, other = (held.using(delay=3600).enqueue(2) for _ in range(2))
    for job_id in (one, other):
        raw.set(job_id, state="waiting", wait_kind="cap", wait_ref="cap:gpu")
    jobs.pause_job(one)
    jobs.tick(Budget(5, max_jobs=1))

    assert [raw.state(job_id) for job_id in (one, other)] == ["paused", "pending"]
    jobs.resume_job(one)
    jobs.drain(20)
    assert jobs.stats().by_state["completed"] == 3


def test_keys_are_computed_at_the_enqueue_and_stored(jobs: Tickover, raw: Raw) -> None:
    @jobs.job(limits=[cap("gpu", 2), rate("crm", 10, per=1, key=lambda job: job.payload["host"])])
    def crawl(page: dict[str, str]) -> None: ...

    crawl.enqueue({"host": "example.org"})

    assert raw.one("SELECT cap_keys FROM jobs") == '[["gpu","gpu"],["crm","rate:crm:example.org"]]'


def test_a_key_function_that_raises_refuses_the_enqueue(jobs: Tickover) -> None:
    @jobs.job(limits=[cap("gpu", 1, key=lambda job: job.payload["missing"])])
    def crawl(page: dict[str, str]) -> None: ...

    with pytest.raises(InvalidArgument, match="The key function of 'gpu' failed: KeyError"):
        crawl.enqueue({})
    assert jobs.find() == []


@ONE
def test_one_name_with_two_numbers_is_refused(jobs: Tickover) -> None:
    @jobs.job(limits=[cap("gpu", 1)])
    def one() -> None: ...

    @jobs.job(limits=[cap("gpu", 1), rate("gpu", 5)])
    def same() -> None: ...

    with pytest.raises(InvalidArgument, match="'gpu' is a limit of 'one' already, with other numbers"):

        @jobs.job(limits=[cap("gpu", 2)])
        def other() -> None: ...

    assert jobs._core.registry.get("other") is None


def test_a_limit_that_the_code_no_longer_has_limits_nothing(migrated_url: str) -> None:
    with Tickover(migrated_url, settings=Settings()) as old:

        @old.job("work", limits=[cap("gpu", 1), rate("crm", 1, per=3600)])
        def limited(n: int) -> None: ...

        old.enqueue_many(limited.new(n) for n in range(5))
    with Tickover(migrated_url, settings=Settings()) as new:

        @new.job("work")
        def free(n: int) -> None: ...

        assert new.tick(10).completed == 5


def test_an_admission_whose_answer_was_cut_takes_its_places_once(jobs: Tickover, raw: Raw) -> None:
    cut: list[int] = []

    @jobs.job(limits=[cap("gpu", 1), rate("crm", 5, per=3600)])
    def work(n: int) -> None: ...

    def on_hit(point: str) -> None:
        if point == "admit.after_commit" and not cut:
            cut.append(1)
            raise OutcomeUnknown("cut")

    jobs.enqueue_many(work.new(n) for n in range(3))
    faults.arm(on_hit)
    try:
        jobs.drain(20)
    finally:
        faults.arm(None)

    assert cut
    assert jobs.stats().by_state["completed"] == 3
    assert raw.one("SELECT sum(used) FROM rate_windows") <= 4, (
        "the cut one is counted twice at most, and nobody runs twice"
    )
    assert raw.one("SELECT max(starts) FROM jobs") <= 3


def test_places_and_windows_do_not_pile_up(jobs: Tickover, raw: Raw) -> None:
    @jobs.job(limits=[cap("gpu", 2), rate("crm", 50, per=0.05)])
    def work(n: int) -> None: ...

    jobs.enqueue_many(work.new(n) for n in range(10))
    jobs.drain(20)
    assert raw.count("cap_slots") == 0
    raw.rows("UPDATE rate_windows SET number = number - 1000000")
    jobs.run_reaper(5)

    assert raw.count("rate_windows") == 0


def test_keys_that_nobody_uses_do_not_pile_up(jobs: Tickover, raw: Raw) -> None:
    @jobs.job(limits=[cap("gpu", 2), cap("tenant", 1, key=lambda job: job.tenant), rate("crm", 50, per=0.05)])
    def work(n: int) -> None: ...

    jobs.limit_queue("emails", 3)
    for tenant in ("a", "b"):
        work.using(tenant=tenant).enqueue(1)
    jobs.tick(20)
    kept = "SELECT key FROM caps ORDER BY key"
    raw.rows("UPDATE cap_slots SET key = 'tenant:b' WHERE key = 'tenant:a'")
    assert [key for (key,) in raw.rows(kept)] == ["gpu", "queue:emails", "rate:crm", "tenant:a", "tenant:b"]

    jobs.run_reaper(5)
    assert [key for (key,) in raw.rows(kept)] == ["gpu", "queue:emails", "rate:crm"]

    raw.rows("UPDATE rate_windows SET number = number - 1000000")
    jobs.run_reaper(5)
    assert [key for (key,) in raw.rows(kept)] == ["gpu", "queue:emails"]


def test_a_key_that_somebody_runs_under_or_waits_for_is_kept(jobs: Tickover, raw: Raw) -> None:
    @jobs.job(limits=[cap("tenant", 1, key=lambda job: job.tenant)])
    def work(n: int) -> None:
        with Tickover(raw.url) as other:
            other.run_reaper(5)
        assert raw.rows("SELECT key, most FROM caps") == [("tenant:a", 1)]

    jobs.enqueue_many(work.using(tenant="a").new(n) for n in range(2))
    assert jobs.drain(20).completed == 2


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_key_that_is_taken_while_the_reaper_looks_is_kept(jobs: Tickover, raw: Raw) -> None:
    @jobs.job(limits=[cap("tenant", 1, key=lambda job: job.tenant)])
    def work(n: int) -> None: ...

    raw.rows("INSERT INTO caps (key, most) VALUES ('tenant:a', 1)")
    work.using(tenant="a").enqueue(1)
    meet = threading.Barrier(2, timeout=20)

    def admits(point: str) -> None:
        if point == "admit.locked":
            meet.wait()
            meet.wait()

    faults.arm(admits)
    ticking = threading.Thread(target=lambda: jobs.tick(20))
    try:
        ticking.start()
        meet.wait()
        with Tickover(raw.url) as other:
            other._core.do(lambda store: store.prune_limits())
        assert raw.rows("SELECT key FROM caps") == [("tenant:a",)]
        meet.wait()
    finally:
        faults.arm(None)
        ticking.join(20)
    assert jobs.find(state="completed")


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_between_the_two_looks_of_the_reaper_nobody_takes_a_key(
    jobs: Tickover, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, taken = PostgresLink._execute, []

    def sends(link: PostgresLink, statement: str, params: Params) -> list[Row] | None:
        answer = sent(link, statement, params)
        if statement.startswith("SELECT c.key FROM caps c WHERE"):
            taken.append(raw.rows("SELECT key FROM caps FOR NO KEY UPDATE SKIP LOCKED"))
        return answer

    raw.rows("INSERT INTO caps (key, most) VALUES ('tenant:a', 1)")
    monkeypatch.setattr(PostgresLink, "_execute", sends)
    jobs.run_reaper(5)
    assert taken == [[]]
    assert raw.rows("SELECT key FROM caps") == []
