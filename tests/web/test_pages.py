"""The dashboard's pages: what each shows of what really happened, and the traps in which other dashboards were caught."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import Client
from tickover import Context, Threshold, Tickover, every
from tickover.errors import InvalidArgument
from tickover.web import insecure_local
from tickover_ui import create_dashboard, filters, svg
from tickover_ui.filters import Filters, parse
from tickover_ui.queries.ended import by_minute

NOW = datetime(2026, 11, 20, 14, 32, 5, tzinfo=UTC)


@pytest.fixture
def ui(jobs: Tickover) -> Client:
    return Client(create_dashboard(jobs, auth=insecure_local()))


@pytest.fixture
def flow(jobs: Tickover) -> str:
    """A workflow that fans out, sleeps and waits; its id, while it waits for a signal."""

    @jobs.job(retries=0)
    def page_of(n: int) -> int:
        if n == 3:
            raise ValueError(f"page {n} is torn")
        return n

    @jobs.job
    def book(ctx: Context, pages: int) -> int:
        ctx.step("collect", lambda: pages)
        ctx.fan_out([page_of.new(n) for n in range(pages)], Threshold(0.5))
        ctx.wait_for_signal("approved", returns=bool)
        return pages

    job_id = book.enqueue(6)
    jobs.drain(10)
    return job_id


# --- ticks, leases, queues, schedules, workflows -----------------------------------------------------------------------


def test_each_bar_is_a_tick_with_a_cell_for_each_of_its_jobs(ui: Client, jobs: Tickover) -> None:
    for n in range(4):
        jobs.enqueue("greet", f"{n}")
    jobs.enqueue("fail", "no paper")
    report = jobs.tick(20, trigger="webhook")
    text = ui.get("/ticks").text
    assert f"tick={report.tick_id}" in text
    assert "Webhook" in text
    cells = re.findall(r'<path class="(f-tick|f-fail)" d="([^"]+)"/>', text)
    assert {tone: path.count("M") for tone, path in cells} == {"f-tick": 4, "f-fail": 1}
    assert "4 well, 0 to retry, 1 dead" in text
    assert text.count('aria-label="greet ') == 4  # the slot view, from events
    assert ui.get(f"/ticks?tick={report.tick_id}&span=60").status_code == 200


def test_a_tick_that_never_ended_is_told_apart_from_one_that_runs(ui: Client, jobs: Tickover) -> None:
    from tickover_ui.queries.ticks import Tick

    begun: dict[str, Any] = {
        "id": "t",
        "function": None,
        "trigger": "timer",
        "parent": None,
        "cold": False,
        "stopped_because": None,
    }
    counts: dict[str, Any] = dict.fromkeys(
        ("claimed", "parked", "cancelled", "lost", "reaped", "released", "statements"), 0
    )
    tick = Tick(
        **begun, **counts, memory_mb=None, started_at=NOW, deadline_at=NOW + timedelta(seconds=60), ended_at=None
    )
    assert tick.live(NOW + timedelta(seconds=30))
    assert tick.crashed(NOW + timedelta(seconds=61))
    assert not tick.live(NOW + timedelta(seconds=61))
    assert tick.unspent == 0


def test_leases_say_who_holds_what_until_when(ui: Client, jobs: Tickover) -> None:
    assert "Nothing is held." in ui.get("/leases").text
    going, looked = threading.Event(), threading.Event()

    @jobs.job
    def wait() -> None:
        going.set()
        looked.wait(20)

    wait.enqueue()
    thread = threading.Thread(target=jobs.tick, args=(30,))
    thread.start()
    try:
        assert going.wait(20)
        text = ui.get("/leases").text
    finally:
        looked.set()
        thread.join(20)
    assert "1 tick holds 1 job." in text
    assert 'class="lease-left s-run"' in text


def test_queues_count_what_is_due_and_say_who_paused_them(ui: Client, jobs: Tickover) -> None:
    jobs.enqueue("greet", "now", queue="mail")
    jobs.enqueue("greet", "later", queue="mail", delay=3600)
    jobs.pause_queue("media", "codec upgrade")
    text = ui.get("/queues").text
    assert re.search(r'mail</a>.*?<td class="num big">1</td><td class="num dim">1</td>', text, re.DOTALL)
    assert "codec upgrade" in text
    assert "2 queues, 1 paused. 1 job is due." in text


def test_schedules_show_the_next_slots_and_what_became_of_the_last(ui: Client, jobs: Tickover) -> None:
    jobs.schedule("greet", every(minutes=5), "Ada", name="hello")
    jobs.run_scheduler(5)
    text = ui.get("/schedules").text
    assert "1 schedule, 1 on." in text
    assert "every 5 min" in text
    assert text.count('class="fut"') > 0 or "dashd" in text
    jobs.pause_schedule("hello")
    assert "1 schedule, 0 on." in ui.get("/schedules").text


def test_a_workflow_shows_its_steps_its_children_and_its_failure_budget(ui: Client, flow: str) -> None:
    text = ui.get(f"/workflows/{flow}").text
    assert "1 of 3 used" in text
    assert "6 children: 5 completed, 1 failed" in text
    assert "page 3 is torn" in text
    assert "signal approved" in text
    child = re.search(rf'href="(/workflows/{flow}\?[^"]*child=[^"]+)"', text)
    assert child
    assert ui.get(child[1].replace("&amp;", "&")).status_code == 200
    assert flow in ui.get("/workflows").text
    assert ui.get("/workflows/01900000-0000-7000-8000-000000000000").status_code == 404


# --- jobs ----------------------------------------------------------------------------------------------------------------


def test_what_is_typed_becomes_the_address(ui: Client, jobs: Tickover) -> None:
    answer = ui.get("/jobs?state=failed&q=kind:fail queue:default")
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?state=failed&kind=fail&queue=default")
    job_id = jobs.enqueue("greet", "Ada")
    assert ui.get(f"/jobs?q={job_id}").headers["location"] == f"/jobs/{job_id}"


def test_a_filter_that_nobody_knows_is_refused_in_words(ui: Client, jobs: Tickover) -> None:
    jobs.enqueue("greet", "Ada")
    for address, words in {
        "/jobs?colour=red": "Jobs are not found by", "/jobs?search=ada": "Say a kind too", "/jobs?meta.region=eu": "Say a kind too",
        "/jobs?since=noon": "takes seconds since 1970", "/jobs?parent=x": "is not a job id",
    }.items():  # fmt: skip
        text = ui.get(address).text
        assert words in text, address
        assert 'class="jname"' not in text


def test_jobs_are_found_by_meta_and_by_when_they_were_enqueued(ui: Client, jobs: Tickover) -> None:
    jobs.enqueue("greet", "Ada", meta={"region": "eu"})
    jobs.enqueue("greet", "Bob", meta={"region": "us"})
    assert ui.get("/jobs?kind=greet&meta.region=eu").text.count('class="jname"') == 1
    soon, past = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
    assert ui.get(f"/jobs?since={past.timestamp():.0f}").text.count('class="jname"') == 2
    assert ui.get(f"/jobs?since={soon.timestamp():.0f}").text.count('class="jname"') == 0
    assert ui.get(f"/jobs?before={past.timestamp():.0f}").text.count('class="jname"') == 0


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("kind:a state:failed", {"kind": "a", "state": "failed"}),
        ("kind:a no paper", {"kind": "a", "search": "no paper"}),
        ("meta.region:eu", {"meta.region": "eu"}),
        ("text:x", {"search": "x"}),
        ("10:30", {"search": "10:30"}),
        ("kind:", {"search": "kind:"}),
        ("", {}),
    ],
)
def test_words_with_a_colon_name_a_field(dialect: str, typed: str, given: dict[str, str]) -> None:
    assert parse(typed) == given


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_every_suggestion_can_be_typed(dialect: str) -> None:
    for one in filters.suggestions():
        if one.startswith("state:"):
            assert Filters(given=parse(one)).search
    with pytest.raises(InvalidArgument):
        assert Filters(given={"search": "x"}).search


# --- one job -------------------------------------------------------------------------------------------------------------


def test_the_waterfall_has_a_band_for_each_run_and_a_bar_for_each_step(ui: Client, jobs: Tickover, flow: str) -> None:
    text = ui.get(f"/jobs/{flow}").text
    assert text.count('class="f-band"') == 2  # it ran, fanned out, and ran again
    assert "fan-out" in text
    assert ">collect#0<" in text
    assert text.count('class="replay"') > 1  # the second run took steps from their checkpoints
    assert "6 children in 1 fan-out" in text
    assert "Recorded value" in ui.get(f"/jobs/{flow}?step=collect%230").text


def test_a_job_of_very_many_steps_shows_both_ends(ui: Client, jobs: Tickover) -> None:
    @jobs.job
    def long(ctx: Context) -> None:
        for n in range(450):
            ctx.step(f"s{n}", lambda: None)

    job_id = long.enqueue()
    jobs.drain(60)
    text = ui.get(f"/jobs/{job_id}").text
    assert "50 steps in between are folded" in text
    assert ">s0#0<" in text
    assert ">s449#0<" in text
    assert ">s220#0<" not in text
    assert len(text) < 400_000


def test_a_payload_of_a_megabyte_is_shown_in_part_and_large_numbers_whole(ui: Client, jobs: Tickover) -> None:
    job_id = jobs.enqueue("greet", json.dumps({"n": 2**63 - 1, "x": "y" * 900_000}))
    text = ui.get(f"/jobs/{job_id}").text
    assert "the first 16 kB" in text
    assert str(2**63 - 1) in text
    assert len(text) < 120_000


def test_a_retry_after_days_leaves_its_runs_readable(ui: Client, jobs: Tickover, flow: str) -> None:
    from tickover_ui.draw.waterfall import bands
    from tickover_ui.queries.job import Run, read_job

    seen = read_job(jobs, flow, "")
    days = [timedelta(), timedelta(seconds=30), timedelta(days=9)]
    runs = [
        Run(tick="t", start=NOW + day, end=NOW + day + timedelta(seconds=2), outcome="JobRetrying", said="")
        for day in days
    ]
    made = bands(replace(seen, runs=runs))
    assert all(band.right - band.left >= 10 for band in made)
    assert made[-1].right <= 100
    assert len(bands(replace(seen, runs=runs * 10))) == 9


# --- charts --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("values", [[], [0], [5], [0, 0, 0], [1, 0, 3]])
def test_a_chart_of_one_point_of_none_or_with_a_gap(dialect: str, values: list[float]) -> None:
    for drawn in (str(svg.spark(values)), svg.area(values, 0, 10, "ready")):
        assert "nan" not in drawn
        assert "inf" not in drawn
    gap = by_minute([(NOW.replace(second=0), "q", 3, 0, 0, 10, 20)], NOW + timedelta(minutes=2), 5)
    assert [minute.ended for minute in gap] == [0, 0, 3, 0, 0]


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("seconds", [1, 30, 600, 7200, 86_400, 30 * 86_400, 3 * 366 * 86_400])
def test_a_ruler_has_room_for_its_labels(dialect: str, seconds: int) -> None:
    drawn = svg.Axis(NOW, NOW + timedelta(seconds=seconds)).ruler()
    assert sum("<text" in part for part in drawn) <= 12
    assert len(drawn) < 500


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_bars_that_overlap_take_lanes_of_their_own(dialect: str) -> None:
    assert svg.lanes([(0, 10), (1, 5), (6, 8), (11, 12)]) == [0, 1, 1, 0]
    assert svg.lanes([]) == []


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_titles_in_charts_are_escaped(dialect: str) -> None:
    assert "<script>" not in svg.rect(0, 0, 1, 1, "x", title="<script>") + svg.text(0, 0, "<script>")


# --- live ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_stream_says_the_number_at_once_and_ends_by_itself(
    jobs: Tickover, ui: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tickover_ui.routes import live

    jobs.enqueue("greet", "Ada")
    monkeypatch.setattr(live, "LASTS", 0.05)
    monkeypatch.setattr(live, "EVERY", 0.01)
    answer = ui.get("/ui/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    number = ui.get("/ui/pulse").json()["seq"]
    assert answer.text == f"data: {number}\n\nevent: over\ndata: \n\n"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_behind_lambda_nothing_streams(jobs: Tickover, ui: Client) -> None:
    app = create_dashboard(jobs, auth=insecure_local())
    said: list[dict[str, Any]] = []

    async def call(path: str) -> None:
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
            "headers": [(b"host", b"127.0.0.1:8000")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "aws.event": {},
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        await app(scope, receive, send)

    asyncio.run(call("/ui/stream"))
    assert said[0]["status"] == 404
    said.clear()
    asyncio.run(call("/"))
    assert b'data-live="poll"' in b"".join(message.get("body", b"") for message in said)
    assert 'data-live="stream"' in ui.get("/").text
