"""`python -m benchmarks.dbos_worker URL WORKFLOWS AT_ONCE`: workflows of five steps on DBOS; prints the seconds they took.

A process of its own, since DBOS is one per process.
"""

from __future__ import annotations

import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS

STEPS = 5


@DBOS.step()
def noop(n: int) -> int:
    return n


@DBOS.workflow()
def flow(n: int) -> int:
    for step in range(STEPS):
        noop(step)
    return n


def main() -> None:
    """Runs one workflow to warm up, then as many as asked for, that many at once."""
    url, workflows, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    logging.disable(logging.CRITICAL)
    system = url.replace("postgresql://", "postgresql+psycopg://")
    DBOS(config={"name": "bench", "system_database_url": system, "run_admin_server": False})
    DBOS.launch()
    try:
        flow(0)
        start = time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            assert list(pool.map(flow, range(workflows))) == list(range(workflows))
        print(time.perf_counter() - start, flush=True)
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    main()
