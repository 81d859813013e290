"""`python -m benchmarks.worker NAME URL JOBS`: one process of a drain by several; starts at a line on stdin."""

from __future__ import annotations

import sys

from benchmarks.contestants import named


def main() -> None:
    """Drains the empty database, which imports what that takes; says that it is ready, waits for its start, drains, and
    says that it is done.
    """
    name, url, jobs = sys.argv[1:]
    contestant = named(name)
    contestant.drain(url, int(jobs))
    print("ready", flush=True)
    sys.stdin.readline()
    contestant.drain(url, int(jobs))
    print("done", flush=True)


if __name__ == "__main__":
    main()
