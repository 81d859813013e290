"""Priorities: higher runs first, exactly so with one slot; equal ones run in the order in which they came.

Run it: .venv/bin/python examples/priority.py
"""

from tickover import Tickover

jobs = Tickover("sqlite://")


@jobs.job
def task(name: str) -> None:
    print(f"Processing: {name}")


def main() -> None:
    jobs.migrate()

    task.using(priority=1).enqueue("low-priority-1")
    task.using(priority=1).enqueue("low-priority-2")
    task.using(priority=100).enqueue("URGENT")  # second
    task.using(priority=50).enqueue("medium")
    task.using(priority=1000).enqueue("CRITICAL")  # first

    jobs.tick(10, concurrency=1)  # one slot: with more, jobs overlap, and who ends first is anybody's guess


if __name__ == "__main__":
    main()
