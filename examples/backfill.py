"""A loop over a million rows that is longer than a tick: it goes on where it was, page by page, tick by tick.

Run it: .venv/bin/python examples/backfill.py [--rows 1000000]
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, create_engine, text

from tickover import Context, Tickover

PAGES = 50


def application(url: str, rows: int) -> Tickover:
    jobs = Tickover(url)
    users = create_engine(url)
    page = rows // PAGES

    def page_after(last: int) -> tuple[Sequence[int], int | None]:
        """One page of ids, and the cursor behind it; None when there is no more."""
        with users.connect() as connection:
            ids = connection.scalars(
                text("SELECT id FROM users WHERE id > :last ORDER BY id LIMIT :page"), {"last": last, "page": page}
            ).all()
        return ids, ids[-1] if len(ids) == page and ids[-1] < rows else None

    def apply(connection: Connection, first: int, last: int) -> int:
        """In one commit with the record that it is done: a kill at any point changes no row twice and leaves none out."""
        return connection.execute(
            text("UPDATE users SET visits = visits + 1 WHERE id BETWEEN :first AND :last"),
            {"first": first, "last": last},
        ).rowcount

    @jobs.job
    def backfill(ctx: Context) -> int:
        pages = ctx.each("users", page_after, start=0, state=0)
        for ids in pages:
            pages.state += ctx.transaction("apply", apply, ids[0], ids[-1])
            time.sleep(0.14)  # stands for more work on each page
            ctx.progress(pages.state / rows, f"{pages.state:,} rows")
        return pages.state

    return jobs


def main(database: Path, rows: int) -> None:
    url = f"sqlite:///{database}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE users (id integer PRIMARY KEY, visits integer NOT NULL DEFAULT 0)"))
        connection.execute(
            text(
                "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < :rows) "
                "INSERT INTO users (id) SELECT id FROM n"
            ),
            {"rows": rows},
        )

    ticks = 0
    with application(url, rows) as jobs:
        jobs.migrate()
        job_id = jobs.enqueue("backfill")
        while (job := jobs.get(job_id)).state == "pending":
            report = jobs.tick(2)  # two seconds: a small function, or somebody in a hurry
            ticks += 1
            done, note = jobs.get(job_id).progress or (0, "")
            print(f"tick {ticks}: {done:4.0%}, {note}; {'to be continued' if report.yielded else 'completed'}")
        print(
            f"{job.state}: {jobs.result(job_id):,} rows in {ticks} ticks of 2 s; {len(job.steps)} record is left of it all"
        )

    with engine.connect() as connection:
        once = connection.scalar(text("SELECT count(*) FROM users WHERE visits = 1"))
    engine.dispose()
    print(f"{once:,} of {rows:,} rows were changed exactly once")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    with TemporaryDirectory() as folder:
        main(Path(folder) / "jobs.db", parser.parse_args().rows)
