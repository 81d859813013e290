"""Fan-out: many jobs at once and one that waits for them without a slot; every strategy, and what to do with results.

Run it: .venv/bin/python examples/fan_out.py
"""

from dataclasses import dataclass

from tickover import (
    CollectAll,
    Context,
    FailFast,
    NoRetry,
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
    id: str
    url: str


@dataclass(frozen=True)
class Thumbnail:
    image_id: str
    url: str


@jobs.job
def process_image(image: Image) -> Thumbnail:
    if not image.url:
        raise NoRetry(f"image {image.id} has no address")
    return Thumbnail(image.id, f"{image.url}/thumb")


# FailFast is the default: the first child that fails for good fails the fan-out.
@jobs.job
def all_or_nothing(ctx: Context, images: list[Image]) -> str:
    try:
        results = ctx.fan_out([process_image.new(image) for image in images], FailFast(), queue="batch", retries=3)
    except FanOutFailed as failure:  # uncaught it fails this job, once
        return f"failed, with {success_count(failure.results)} of {len(failure.results)} slots completed by then"
    return f"generated {len(values(results))} thumbnails"


# CollectAll waits for all, whatever becomes of them.
@jobs.job
def whatever_works(ctx: Context, images: list[Image]) -> list[str]:
    results = ctx.fan_out([process_image.new(image) for image in images], CollectAll(), queue="batch")
    if all_succeeded(results):
        return ["all of them"]
    good, bad = partition(results)
    told = [f"slot {result.index}: {result.value.url}" for result in good]
    return told + [f"slot {result.index}: {result.error}".replace(result.job_id, "…") for result in bad]


# Threshold is content with a share. A timeout is for the whole fan-out; what still runs after a failure is cancelled.
@jobs.job
def most_of_them(ctx: Context, images: list[Image], share: float) -> str:
    news = [process_image.new(image) for image in images]
    try:
        results = ctx.fan_out(news, Threshold(share), queue="batch", timeout=3600, cancel_on_failure=True)
    except FanOutFailed:
        return f"less than {share:.0%}"
    return f"{success_count(results)} of {len(results)} are enough for {share:.0%}"


# Fan-outs nest: each album is a job that fans out its images.
@jobs.job
def album(ctx: Context, images: list[Image]) -> int:
    return len(ctx.fan_out([process_image.new(image) for image in images]))


@jobs.job
def library(ctx: Context, albums: list[list[Image]]) -> int:
    return sum(values(ctx.fan_out([album.new(images) for images in albums])))


def main() -> None:
    jobs.migrate()
    good = [Image(str(n), f"https://example.com/image{n}.jpg") for n in range(1, 5)]
    mixed = [*good, Image("5", "")]

    told = {
        "FailFast, all good": all_or_nothing.enqueue(good),
        "FailFast, one broken": all_or_nothing.enqueue(mixed),
        "Threshold(0.8)": most_of_them.enqueue(mixed, 0.8),
        "Threshold(0.9)": most_of_them.enqueue(mixed, 0.9),
        "nested, 3 albums": library.enqueue([good, good, good]),
    }
    collected = whatever_works.enqueue(mixed)
    # One slot per queue, so that children end in their order; leave it out, and they run side by side.
    jobs.drain(timeout=30, queues={"default": 1, "batch": 1})

    for name, job_id in told.items():
        print(f"{name}: {jobs.result(job_id)}")
    print("CollectAll:")
    for line in whatever_works.result(collected):
        print(f"  {line}")
    job = jobs.get(collected)
    print(f"That one had {len(job.children)} children, and waited for them {job.parks} time, in no slot.")


if __name__ == "__main__":
    main()
