"""Log records say which job they are about; the root logger is nobody's but the application's, except on Lambda."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tickover import AsyncContext, Context, Job, Tickover
from tickover.logs import FIELDS, JobFields, JsonFormatter, on_lambda

ONE = pytest.mark.parametrize("dialect", ["sqlite"])  # no database has a say in this


class Kept(logging.Handler):
    """Keeps records, and the lines that they make."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(self.format(record)) for record in self.records]


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    handler.addFilter(JobFields())
    loggers = [logging.getLogger("tickover"), logging.getLogger("shop")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel("INFO")
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)
        logger.setLevel("NOTSET")


@ONE
@pytest.mark.parametrize("name", ["ctx.log", "shop", "async ctx.log", "async shop"])
def test_what_a_job_logs_carries_its_fields(jobs: Tickover, kept: Kept, name: str) -> None:
    @jobs.job(queue="mail")
    def plain(ctx: Context) -> None:
        (ctx.log if name == "ctx.log" else logging.getLogger("shop")).info("hello %s", "you")

    @jobs.job(queue="mail")
    async def coloured(ctx: AsyncContext) -> None:
        (ctx.log if name == "async ctx.log" else logging.getLogger("shop")).info("hello %s", "you")

    handler = coloured if name.startswith("async") else plain
    job_id = handler.enqueue()
    report = jobs.tick(5)
    (line,) = kept.lines

    assert {field: line[field] for field in FIELDS} == {
        "job_id": job_id, "job_kind": handler.name, "queue": "mail", "attempt": 1, "tick_id": report.tick_id,
    }  # fmt: skip
    assert (line["message"], line["level"]) == ("hello you", "INFO")
    assert line["timestamp"].endswith("+00:00")


@ONE
def test_what_we_log_about_a_job_carries_them_too(jobs: Tickover, kept: Kept) -> None:
    @jobs.on_job_complete
    def broken(job: Job) -> None:
        raise RuntimeError("hook")

    @jobs.job
    def work() -> None: ...

    job_id = work.enqueue()
    jobs.tick(5)
    (line,) = kept.lines

    assert (line["job_id"], line["job_kind"], line["logger"]) == (job_id, "work", "tickover.hooks")
    assert "RuntimeError: hook" in line["exception"]


def test_outside_a_job_the_fields_are_none_and_no_line_names_them(kept: Kept) -> None:
    logging.getLogger("shop").info("quiet", extra={"order": 7, "odd": {1, 2}})
    (line,) = kept.lines

    assert [getattr(kept.records[0], field) for field in FIELDS] == [None] * 5
    assert (line["order"], line["odd"]) == (7, "{1, 2}")
    assert not set(FIELDS) & set(line)


@ONE
def test_an_application_leaves_the_root_logger_alone(jobs: Tickover, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    root = logging.getLogger()
    before = (list(root.handlers), [handler.formatter for handler in root.handlers], root.level, list(root.filters))
    Tickover("sqlite://").close()
    jobs.tick(5)

    assert (
        list(root.handlers),
        [handler.formatter for handler in root.handlers],
        root.level,
        list(root.filters),
    ) == before
    assert logging.getLogger("tickover").handlers == []


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """The root logger as Lambda sets it up: with one handler of its own."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tick")
    handler = Kept()
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s\n"))
    root = logging.getLogger()
    before, root.handlers = root.handlers, [handler]
    yield handler
    root.handlers = before


def test_on_lambda_lines_are_json(platform: Kept) -> None:
    Tickover("sqlite://").close()
    Tickover("sqlite://").close()
    logging.getLogger("shop").warning("hello")
    text = platform.format(platform.records[0])

    assert json.loads(text)["message"] == "hello"
    assert text.endswith("}\n"), "the platform's handler leaves the end of the line to the formatter"


def test_where_the_platform_writes_json_the_fields_are_added(platform: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
    theirs = platform.formatter
    on_lambda()
    on_lambda()

    assert platform.formatter is theirs
    assert len(platform.filters) == 1
    logging.getLogger("shop").warning("hello")
    assert platform.records[0].job_id is None  # type: ignore[attr-defined]  # the filter's
