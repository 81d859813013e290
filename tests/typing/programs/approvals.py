"""A human in between, by signal and by link, with a three-day timeout; and the test that passes three days at once."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel
from sqlalchemy.orm import Session

from tickover import Context, Settings, Tickover
from tickover.errors import SignalError
from tickover.testing import Kit, in_memory

jobs = Tickover("sqlite://", settings=Settings(secret="not-a-secret-but-a-test", public_url="https://shop.example"))
THREE_DAYS = timedelta(days=3)


class Approval(BaseModel):
    by: str
    ok: bool


@jobs.job
def send(to: str, body: str) -> None:
    raise AssertionError("nobody is to get a letter from here")


@jobs.job
def approve_expense(ctx: Context, expense: int) -> str:
    ctx.call(send, "controlling", f"expense {expense}")
    approval = ctx.wait_for_signal("approval", returns=Approval, timeout=THREE_DAYS)
    if approval is None:
        return "expired"
    notes: list[str] = ctx.drain_signals("note", returns=str)
    last: str | None = ctx.check_signal("note", returns=str)
    assert last is None
    return f"{'approved' if approval.ok else 'refused'} by {approval.by}: {', '.join(notes)}"


@jobs.job
def approve_by_link(ctx: Context, expense: int) -> str:
    link = ctx.callback("decision", returns=Approval, timeout=THREE_DAYS)
    ctx.call(send, "controlling", link.url)
    answer = link.wait()
    return "expired" if answer is None else answer.by


@jobs.job
def without_end(ctx: Context) -> int:
    ctx.sleep(60)
    ctx.sleep_until(ctx.now() + timedelta(hours=1))
    return ctx.wait_for_signal("number", returns=int) + 1


def start(expense: int) -> str:
    return approve_expense.using(unique=f"expense-{expense}").enqueue(expense)


def approve(db: Session, expense: int, who: str) -> None:
    with db.begin():
        (job,) = jobs.find(unique=f"expense-{expense}", state="waiting")
        jobs.signal(job.id, "approval", Approval(by=who, ok=True), session=db)


def too_late(job_id: str) -> str:
    try:
        jobs.signal(job_id, "approval", message_id="once")
    except SignalError as error:
        return str(error)
    return "in time"


def expires(kit: Kit) -> None:
    job_id = start(7)
    kit.drain()
    assert jobs.get(job_id).state == "waiting"
    kit.clock.advance(days=3)
    kit.drain()
    assert approve_expense.result(job_id) == "expired"
    assert "nobody would read" in too_late(job_id)


def is_approved(kit: Kit) -> None:
    job_id = start(8)
    kit.drain()
    jobs.signal(job_id, "note", "with the receipt")
    jobs.signal(job_id, "approval", Approval(by="an operator", ok=True))
    kit.drain()
    assert approve_expense.result(job_id) == "approved by an operator: with the receipt"


if __name__ == "__main__":
    with in_memory(jobs) as kit:
        kit.replace(send, lambda to, body: None)
        expires(kit)
        is_approved(kit)
        assert kit.run(approve_by_link, 9) == "expired"
        patient = without_end.enqueue()
        kit.drain()
        kit.clock.advance(hours=2)
        kit.drain()
        kit.clock.advance(hours=2)
        kit.drain()
        jobs.signal(patient, "number", 41)
        kit.drain()
        assert without_end.result(patient) == 42
