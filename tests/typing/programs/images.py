"""A batch: many jobs at once, results in order, failures told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tickover import NewJob, Tickover
from tickover.errors import JobFailedError

jobs = Tickover("sqlite://")


@dataclass(frozen=True)
class Image:
    id: int
    url: str


@dataclass(frozen=True)
class Thumb:
    image: int
    size: tuple[int, int]


@jobs.job(retries=0, queue="batch")
def shrink(image: Image, width: int = 200) -> Thumb:
    if not image.url:
        raise ValueError("an image without a URL")
    return Thumb(image.id, (width, width // 2))


def planned(images: Sequence[Image]) -> list[NewJob[Thumb]]:
    return [shrink.using(tenant="gallery").new(image, width=100) for image in images]


def collected(ids: Sequence[str]) -> tuple[list[Thumb], list[str]]:
    good: list[Thumb] = []
    bad: list[str] = []
    for job_id in ids:
        try:
            good.append(shrink.result(job_id))
        except JobFailedError as error:
            bad.append(str(error))
    return good, bad


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        ids = jobs.enqueue_many(planned([Image(1, "a"), Image(2, ""), Image(3, "c")]))
        jobs.drain(10)
        thumbs, errors = collected(ids)
        assert [thumb.image for thumb in thumbs] == [1, 3]
        assert thumbs[0].size == (100, 50)
        assert len(errors) == len(jobs.dead_letters(tenant="gallery")) == 1
