"""Several tick processes on one database: each job runs once, and nobody coordinates.

Run it: .venv/bin/python examples/distributed.py [--database postgresql://user@host/db] [--ticks 3]
"""

import argparse
import logging
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tickover import NewJob, Tickover

log = logging.getLogger("example")
TASKS = 24
QUEUE = "example-distributed"  # its own, since --database may name a database that has other jobs


def application(database: str) -> Tickover:
    """The same code in every process: what a tick needs is the database and the handlers."""
    jobs = Tickover(database)

    @jobs.job("example-task", queue=QUEUE)
    def task(number: int) -> None:
        log.info("Processing task %d", number)
        time.sleep(0.05)  # stands for work

    return jobs


def tick(database: str, name: str) -> None:
    """One of the processes. A cron line or a timer of your platform would start it."""
    logging.basicConfig(level=logging.INFO, format=f"[{name}] %(message)s", stream=sys.stdout)
    with application(database) as jobs:
        report = jobs.tick(30, queues={QUEUE: 2})
    log.info("%d completed, then %s", report.completed, report.stopped_because)


def main(database: str, ticks: int) -> int:
    with application(database) as jobs:
        jobs.migrate()
        ids = jobs.enqueue_many(NewJob("example-task", number) for number in range(1, TASKS + 1))

        command = [sys.executable, __file__, "--database", database, "--name"]
        processes = [subprocess.Popen([*command, f"tick-{n + 1}"]) for n in range(ticks)]  # noqa: S603  # ourselves
        failed = sum(process.wait() != 0 for process in processes)

        once = sum(job.starts == job.completed == 1 for job in map(jobs.get, ids))
        jobs.purge(state="completed", queue=QUEUE)
    print(f"{once} of {TASKS} tasks were started once and completed once, by {ticks} processes.")
    return 0 if once == TASKS and not failed else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", help="default: a SQLite file that is gone afterwards")
    parser.add_argument("--ticks", type=int, default=3, help="how many processes")
    parser.add_argument("--name", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.name:
        tick(asked.database, asked.name)
    elif asked.database:
        sys.exit(main(asked.database, asked.ticks))
    else:
        with TemporaryDirectory() as folder:
            sys.exit(main(f"sqlite:///{Path(folder) / 'jobs.db'}", asked.ticks))
