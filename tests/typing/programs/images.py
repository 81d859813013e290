"""A batch: many children at once, results in order, failures told apart; nested, and with each strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tickover import (
    CollectAll,
    Context,
    FailFast,
    NewJob,
    Result,
    Threshold,
    Tickover,
    all_succeeded,
    partition,
    success_count,
    values,
)
from tickover.errors import FanOutFailed

jobs = Tickover("sqlite://")


@dataclass(frozen=True)
class Image:
    id: int
    url: str


@dataclass(frozen=True)
class Thumb:
    image: int
    size: tuple[int, int]


@jobs.job(retries=0)
def shrink(image: Image, width: int = 200) -> Thumb:
    if not image.url:
        raise ValueError("an image without a URL")
    return Thumb(image.id, (width, width // 2))


def planned(images: Sequence[Image]) -> list[NewJob[Thumb]]:
    return [shrink.using(tenant="gallery").new(image, width=100) for image in images]


@jobs.job
def gallery(ctx: Context, images: list[Image]) -> list[Thumb]:
    hour = timedelta(hours=1)
    results = ctx.fan_out(planned(images), CollectAll(), queue="batch", retries=0, timeout=hour, priority=0)
    good, bad = partition(results)
    for result in bad:
        ctx.log.info("image %d of job %s: %s", result.index, result.job_id, result.error)
    assert success_count(results) == len(good)
    return [result.value for result in good] or values(results)


@jobs.job
def all_of_them(ctx: Context, images: list[Image]) -> bool:
    try:
        results: list[Result[Thumb]] = ctx.fan_out(planned(images), FailFast(), cancel_on_failure=True)
    except FanOutFailed as failure:
        return all_succeeded(failure.results)
    return all_succeeded(results)


@jobs.job
def half_of_them(ctx: Context, images: list[Image]) -> list[Thumb]:
    by_name: list[NewJob[Thumb]] = [
        NewJob("shrink", {"image": {"id": image.id, "url": image.url}}, returns=Thumb) for image in images
    ]
    return values(ctx.fan_out(by_name, Threshold(0.5)))


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        images = [Image(1, "a"), Image(2, ""), Image(3, "c")]
        collected, strict, half = gallery.enqueue(images), all_of_them.enqueue(images), half_of_them.enqueue(images)
        jobs.drain(20)
        assert [thumb.image for thumb in gallery.result(collected)] == [1, 3]
        assert gallery.result(collected)[0].size == (100, 50)
        assert all_of_them.result(strict) is False
        assert [thumb.size for thumb in half_of_them.result(half)] == [(200, 100), (200, 100)]
        assert len(jobs.get(collected).children) == 3
