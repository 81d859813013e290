from __future__ import annotations

import inspect
import math
import re
from datetime import timedelta
from typing import Any

import pytest

import tickover
from tickover import errors
from tickover.errors import (
    DuplicateJob,
    FanOutFailed,
    InvalidArgument,
    JobError,
    JobNotFound,
    MigrationRequired,
    NoRetry,
    PayloadError,
    RetryAfter,
    StepFailed,
    TickoverError,
)

CLASSES = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls) and issubclass(cls, BaseException)}
TREE = (errors.__doc__ or "").split("\n\n")[1]
DRAWN = set(re.findall(r"\b[A-Z][A-Za-z]+\b", re.sub(r"\([^)]*\)", "", TREE)))


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    assert set(CLASSES) == DRAWN


def test_every_error_is_public() -> None:
    assert set(errors.__all__) == set(CLASSES)


def test_there_is_one_root() -> None:
    assert all(issubclass(cls, TickoverError) for cls in CLASSES.values())


def test_what_the_last_branch_lists_is_for_handlers_and_nothing_else_is() -> None:
    branch = set(re.findall(r"\b[A-Z][A-Za-z]+\b", re.sub(r"\([^)]*\)", "", TREE.split("JobError")[1])))

    assert {name for name, cls in CLASSES.items() if issubclass(cls, JobError) and cls is not JobError} == branch


def test_an_argument_out_of_range_is_a_value_error_too() -> None:
    assert issubclass(InvalidArgument, ValueError)
    assert "InvalidArgument (also ValueError)" in TREE


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"NoRetry", "RetryAfter", "StepFailed", "DuplicateJob"}))
def test_an_error_without_a_message_says_its_docstring(name: str) -> None:
    cls = CLASSES[name]

    assert cls.__doc__
    assert str(cls()) == cls.__doc__.split("\n")[0]


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_docstring_is_a_sentence(name: str) -> None:
    assert re.fullmatch(r"[A-Z`].*\.", (CLASSES[name].__doc__ or "").split("\n")[0])


@pytest.mark.parametrize("name", ["DuplicateJob", "NoRetry", "RetryAfter", "StepFailed", "TickoverError"])
def test_the_common_ones_are_at_top_level(name: str) -> None:
    assert getattr(tickover, name) is CLASSES[name]


def test_a_message_of_our_own_takes_the_docstrings_place() -> None:
    assert str(JobNotFound("No job has the id 7.")) == "No job has the id 7."


def test_a_missing_table_says_what_to_do() -> None:
    assert "run `tickover migrate`" in str(MigrationRequired())


def test_errors_carry_what_their_reader_needs() -> None:
    assert PayloadError("no", path="$.a").path == "$.a"
    assert PayloadError("no").path == "$"
    assert DuplicateJob(job_id="7").job_id == "7"
    assert str(DuplicateJob(job_id="7")) == "A job that is not finished yet holds this unique key."
    assert FanOutFailed(results=[1]).results == [1]
    assert FanOutFailed().results == []


def test_a_failed_step_says_which_and_why() -> None:
    failed = StepFailed("fetch", "ValueError", "no such page")

    assert (failed.step, failed.error_kind, failed.message, str(failed)) == (
        "fetch", "ValueError", "no such page", "no such page",
    )  # fmt: skip


def test_no_retry_keeps_its_reason() -> None:
    assert (str(NoRetry("bad input")), NoRetry("bad input").reason) == ("bad input", "bad input")
    assert NoRetry().reason == "not worth a retry"


@pytest.mark.parametrize(("delay", "seconds"), [(300, 300.0), (timedelta(minutes=5), 300.0), (0, 0.0)])
def test_retry_after_keeps_its_delay_in_seconds(delay: timedelta | float, seconds: float) -> None:
    assert RetryAfter(delay).delay == seconds
    assert str(RetryAfter(delay)) == f"retry after {seconds:g} s"
    assert str(RetryAfter(delay, "rate limited")) == "rate limited"


@pytest.mark.parametrize("wrong", [-1, math.nan, math.inf, 10**10, timedelta(days=-1)])
def test_a_delay_out_of_range_is_refused_where_it_is_raised(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="RetryAfter takes 0 seconds to 10 years"):
        RetryAfter(wrong)
