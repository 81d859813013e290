"""A signup mail enqueued in the request's own transaction, with a sync and an async session."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from tickover import NewJob, Tickover

jobs = Tickover("sqlite://")


class Welcome(BaseModel):
    to: str
    subject: str = "Welcome"


@jobs.job("send-welcome", retries=5, timeout=30, queue="emails", aliases=["mail"])
def send_welcome(mail: Welcome) -> None: ...


@jobs.job
def resize(url: str, width: int = 200) -> str:
    return f"{url}@{width}"


def signup(email: str, db: Session) -> str:
    with db.begin():
        return send_welcome.using(session=db, delay=60).enqueue(Welcome(to=email))


async def signup_async(email: str, db: AsyncSession) -> str:
    async with db.begin():
        return send_welcome.using(session=db).enqueue(Welcome(to=email))


def many(urls: list[str]) -> list[str]:
    by_handler = jobs.enqueue_many(resize.using(unique=url).new(url) for url in urls)
    by_name = jobs.enqueue_many([NewJob("resize", {"url": url, "width": 3}, returns=str) for url in urls])
    return by_handler + by_name


def thumb(job_id: str) -> str:
    return resize.result(job_id, wait=1.5)


def plain() -> str:
    return resize.fn("a", width=5)


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        first, *_ = many(["a"])
        send_welcome.enqueue(Welcome(to="reader@example.com"))
        assert jobs.drain(10).completed == 3
        assert (thumb(first), plain()) == ("a@200", "a@5")
