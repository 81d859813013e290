"""What `make bench` found, as a table, a JSON file and a chart."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"
Rates = dict[str, dict[str, list[float]]]


def write(
    rates: Rates,
    *,
    claims: Mapping[str, float],
    imports: Mapping[str, list[float]],
    per_job: float,
    rounds: int,
    us: str,
    raw: str,
) -> None:
    """Prints the tables, and writes the page, the JSON and the chart beside it."""
    lines = ["| workload | who | jobs (steps) /s, median | min – max | Tickover is |", "|---|---|---|---|---|"]
    for workload, found in rates.items():
        mine = found.get(us)
        for name, measured in found.items():
            ratio = "" if mine is None or name == us else f"{_median_ratio(mine, measured):.2f} x"
            lines.append(
                f"| {workload} | {name} | {statistics.median(measured):,.0f} | {min(measured):,.0f} – {max(measured):,.0f} | {ratio} |"
            )
    lines += ["", "| what | value |", "|---|---|"]
    empty = claims["empty"]
    lines += [f"| a claim of ten, {name} | {ms:.2f} ms ({ms / empty:.2f} x) |" for name, ms in claims.items()]
    lines += [
        f"| imports: {name} | {1000 * statistics.median(took):.0f} ms ({1000 * min(took):.0f} – {1000 * max(took):.0f}) |"
        for name, took in imports.items()
    ]
    lines.append(f"| statements per job, 10,000 in one tick | {per_job:.4f} |")
    print("\n".join(lines))
    PAGE.write_text(_head(rounds) + "\n".join(lines) + _TAIL, encoding="utf-8")
    data = {"rates": rates, "claim_ms": claims, "import_seconds": imports, "statements_per_job": per_job}
    PAGE.with_suffix(".json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    PAGE.with_suffix(".svg").write_text(chart({k: v for k, v in rates.items() if us in v}, us), encoding="utf-8")


def _median_ratio(mine: list[float], theirs: list[float]) -> float:
    """The median of the rounds' own ratios: what ran side by side had the same machine."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def _head(rounds: int) -> str:
    return (
        f"# Benchmarks\n\nWritten by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores shared with "
        f"PostgreSQL, Python {platform.python_version()}, psycopg {version('psycopg')}, PgQueuer {version('pgqueuer')}, "
        f"Procrastinate {version('procrastinate')}, DBOS {version('dbos')}; default durability (fsync and synchronous_commit on), {rounds} "
        "interleaved rounds, a new database for each. Ratios count, not absolutes: each is the median of the rounds' own "
        "ratios. Jobs do nothing; fences, history and events are on.\n\n![jobs per second](benchmarks.svg)\n\n"
    )


_TAIL = """

- *raw psycopg* is the same batched work without a framework: claim under a lease, a started event, settle under the fence, a
  completed event; no handler, no retries, no report.
- Procrastinate drains 1,000 jobs, since ten thousand take minutes; the others 10,000.
- *steps*: workflows of five steps that do nothing, each recorded; enqueued before the watch starts, as nobody waits for them.
- *beside*: ten thousand jobs drained by one tick while a million other rows are in the same table.
"""


def chart(rates: Rates, us: str) -> str:
    """Bars on a logarithmic scale, which is the only one on which all of them can be seen."""
    import math

    rows, y, found = [], 24, [statistics.median(m) for one in rates.values() for m in one.values()]
    low, high = math.log10(min(found)) - 0.3, math.log10(max(found))
    for workload, contestants in rates.items():
        rows.append(f'<text x="8" y="{y}" font-weight="bold">{escape(workload)}</text>')
        for name, measured in contestants.items():
            y, median = y + 20, statistics.median(measured)
            width = 400 * (math.log10(median) - low) / (high - low)
            colour = "#0b6e4f" if name == us else "#9aa5b1"
            rows.append(
                f'<text x="16" y="{y}">{escape(name)}</text><rect x="240" y="{y - 11}" width="{width:.0f}" height="14" '
                f'fill="{colour}"/><text x="{248 + width:.0f}" y="{y}">{median:,.0f}</text>'
            )
        y += 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 740 {y}" font-family="sans-serif" font-size="12" role="img">'
        "<title>Jobs per second, median, logarithmic scale</title>" + "".join(rows) + "</svg>\n"
    )
