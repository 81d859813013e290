"""A nightly report: by a schedule in a zone, or once for an instant; its jobs are read again page by page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tickover import Context, Job, NewJob, Page, ScheduleView, Tickover, cron, daily, every, weekly
from tickover.testing import in_memory

jobs = Tickover("sqlite://")
BERLIN = ZoneInfo("Europe/Berlin")


@jobs.job(queue="reports")
def nightly_report(ctx: Context, region: str, day: date | None = None) -> str:
    slot: datetime | None = ctx.slot
    shown = day if slot is None else slot.date()
    return f"{region} {shown}"


@jobs.job
def cleanup(keep_days: int = 30) -> int:
    return keep_days


jobs.schedule(
    nightly_report.using(queue="reports", retries=1).new("eu"),
    daily(2, 30, tz="Europe/Berlin"),
    name="report-eu",
    catch_up=3,
    overlap="skip",
)
jobs.schedule(nightly_report.new("us"), weekly("sunday", 2, tz="America/New_York"), name="report-us", catch_up="skip")
jobs.schedule("cleanup", every(minutes=5))
jobs.schedule(NewJob("cleanup", 7, returns=int), cron("0 * * * *"), name="hourly")


def tonight(region: str, now: datetime) -> str:
    at = now.replace(hour=2, minute=30) + timedelta(days=1)
    return nightly_report.using(at=at).enqueue(region, day=at.date())


def everything() -> list[Job]:
    found: list[Job] = []
    page: Page[Job] = jobs.find(limit=1)
    found += page
    while page.next_cursor is not None:
        page = jobs.find(limit=1, cursor=page.next_cursor)
        found += page
    return found


def nights(start: datetime) -> list[str]:
    with in_memory(jobs, now=start) as kit:
        kit.clock.advance(days=1)
        kit.drain()
        plans: list[ScheduleView] = jobs.schedules()
        assert [plan.name for plan in plans if plan.overdue] == []
        return [nightly_report.result(job.id) for job in kit.enqueued(nightly_report)]


if __name__ == "__main__":
    assert nights(datetime(2024, 5, 17, 12, tzinfo=BERLIN)) == ["eu 2024-05-18"]
    with jobs:
        jobs.migrate()
        first = tonight("eu", datetime(2024, 5, 17, 12, tzinfo=BERLIN))
        later = tonight("us", datetime(2090, 5, 17, 12, tzinfo=BERLIN))
        swept = cleanup.using(delay=timedelta(0)).enqueue()
        jobs.tick(10)
        assert nightly_report.result(first) == "eu 2024-05-18"
        assert cleanup.result(swept) == 30
        assert [job.id for job in everything()] == [swept, later, first]
        assert jobs.get(later).run_at.tzinfo is not None
