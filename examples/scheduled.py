"""Scheduled jobs: every minute, daily, weekly and by a cron line; and what a scheduler does with a slot.

Run it: .venv/bin/python examples/scheduled.py
Or leave it running, with timers that fire: .venv/bin/tickover dev --app examples.scheduled:jobs
"""

from datetime import UTC, datetime

from tickover import Context, Settings, Tickover, cron, daily, every, weekly
from tickover.testing import in_memory

jobs = Tickover(Settings.from_env().database_url or "sqlite:///scheduled.db")


def say(text: str) -> None:
    """A line in one piece: two jobs that run at once would mix theirs."""
    print(f"{text}\n", end="")


@jobs.job
def health_check(ctx: Context) -> None:
    say(f"[{ctx.slot:%H:%M:%S}] Health check: OK")


@jobs.job
def daily_report() -> None:
    say("Generating daily report...")


@jobs.job
def weekly_backup() -> None:
    say("Running weekly backup...")


@jobs.job
def hourly_task() -> None:
    say("Running hourly task...")


jobs.schedule(health_check, every(minutes=1))
jobs.schedule(daily_report, daily(9))  # 9:00 UTC; tz="Europe/Berlin" for a place on earth
jobs.schedule(weekly_backup, weekly("sunday", 2))
jobs.schedule(hourly_task, cron("0 * * * *"), overlap="skip")


def main() -> None:
    """Three hours of a Sunday in a second: the test kit's clock moves as it is told to."""
    with in_memory(jobs, now=datetime(2030, 1, 6, 1, 59, 30, tzinfo=UTC)) as kit:
        kit.drain()  # the first deployment fires nothing
        for minutes in (1, 1, 60, 60):
            kit.clock.advance(60 * minutes)
            kit.drain()  # after an hour in which nothing ran, one health check and not sixty

        for schedule in jobs.schedules():
            print(f"{schedule.name}: {schedule.spec}, next {schedule.next_at:%a %H:%M}")


if __name__ == "__main__":
    main()
