"""`python -m benchmarks.worker NAME URL JOBS`: one process of a drain by several; starts at a line on stdin."""

from __future__ import annotations

import sys

from benchmarks.contestants import named


def main() -> None:
    """Says that it is ready, waits for its start, drains."""
    name, url, jobs = sys.argv[1:]
    contestant = named(name)
    print("ready", flush=True)
    sys.stdin.readline()
    contestant.drain(url, int(jobs))


if __name__ == "__main__":
    main()
