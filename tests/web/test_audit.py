"""Every change by the API leaves one row in the audit log, and a refused one leaves none."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import APIRoute

from tests.web.conftest import Client, Open
from tickover import Context, Tickover, every
from tickover.web import jobs as jobs_
from tickover.web import schedules, system

CHANGES = [jobs_.operate, jobs_.administer, schedules.operate, system.operate, system.administer]


def notes(admin: Client, **filters: str) -> list[dict[str, Any]]:
    return admin.get("/audit", params=filters).json()["notes"]  # type: ignore[no-any-return]  # JSON


def last(admin: Client) -> tuple[str, str, int]:
    note = notes(admin)[0]
    return note["action"], note["target"], note["count"]


def test_a_row_says_who_from_where_what_and_why(as_: Open, admin: Client, jobs: Tickover) -> None:
    job_id = jobs.enqueue("greet", "Ann")
    as_("operate").post(f"/jobs/{job_id}/cancel", headers={"X-Reason": "a duplicate"})
    (note,) = notes(admin)
    assert {name: note[name] for name in ("who", "role", "address", "action", "target", "count", "reason", "result")} == {
        "who": "a token with role operate", "role": "operate", "address": "127.0.0.1", "action": "Cancel",
        "target": f"job {job_id}", "count": 1, "reason": "a duplicate", "result": "done",
    }  # fmt: skip


def test_every_route_that_changes_something_leaves_one(admin: Client, jobs: Tickover) -> None:
    @jobs.job
    def wait(ctx: Context) -> None:
        ctx.wait_for_signal("go", returns=bool)

    jobs.schedule("wait", every(minutes=5))
    dead = [jobs.enqueue("fail", "no") for _ in range(3)]
    jobs.drain(5)
    job_id = jobs.enqueue("greet", "Ann", delay=600)
    done = {
        "enqueue": ("POST", "/jobs", {"kind": "greet", "payload": "Bob"}),
        "reveal_job": ("POST", f"/jobs/{job_id}/reveal", None),
        "pause_job": ("POST", f"/jobs/{job_id}/pause", None),
        "resume_job": ("POST", f"/jobs/{job_id}/resume", None),
        "signal_job": ("POST", f"/jobs/{job_id}/signal", {"name": "go"}),
        "cancel_job": ("POST", f"/jobs/{job_id}/cancel", None),
        "retry_job": ("POST", f"/jobs/{dead[0]}/retry", {"fresh": True}),
        "retry_dead_letters": ("POST", "/dead-letters/retry", {"all": True}),
        "purge": ("POST", "/purge", {"queue": "default", "state": "cancelled"}),
        "pause_queue": ("POST", "/queues/emails/pause", {"reason": "quiet"}),
        "resume_queue": ("POST", "/queues/emails/resume", None),
        "pause_schedule": ("POST", "/schedules/wait/pause", None),
        "resume_schedule": ("POST", "/schedules/wait/resume", None),
        "run_schedule": ("POST", "/schedules/wait/run", None),
        "pause_ticks": ("POST", "/ticks/pause", {"mode": "aggressive"}),
        "resume_ticks": ("POST", "/ticks/resume", None),
    }
    routes = {route.operation_id for router in CHANGES for route in router.routes if isinstance(route, APIRoute)}
    assert set(done) == routes, "a route that changes something is missing here"
    for number, (name, (method, path, body)) in enumerate(done.items(), start=1):
        answer = admin.request(method, path, json=body)
        assert answer.status_code < 300, (name, answer.text)
        assert len([note for note in notes(admin) if not note["action"].endswith(": ended")]) == number, name
    assert [note["action"] for note in reversed(notes(admin))] == [
        "Enqueue", "Reveal", "Pause", "Resume", "Signal go", "Cancel", "Retry from the start",
        "Retry many", "Retry many: ended", "Purge", "Purge: ended",
        "Pause queue", "Resume queue", "Pause schedule", "Resume schedule", "Run now", "Pause ticks, aggressive",
        "Resume ticks",
    ]  # fmt: skip
    assert {note["count"] for note in notes(admin, action="Retry many: ended")} == {2}


@pytest.mark.parametrize("path", ["/purge", "/dead-letters/retry"])
def test_what_ends_in_the_middle_of_many_transactions_has_left_a_row(
    admin: Client, jobs: Tickover, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    class Killed(BaseException):
        """As at the deadline of a function."""

    def die(*_args: Any, **_more: Any) -> int:
        raise Killed

    monkeypatch.setattr(jobs, "purge", die)
    monkeypatch.setattr(jobs, "retry_many", die)
    body = {"queue": "default", "state": "completed"} if path == "/purge" else {"kind": "fail"}
    with pytest.raises(Killed):
        admin.post(path, json=body, headers={"X-Reason": "too many"})
    assert [(note["reason"], note["result"]) for note in notes(admin)] == [("too many", "begun")]


def test_what_was_refused_leaves_none(admin: Client, jobs: Tickover) -> None:
    job_id = jobs.enqueue("greet", "Ann")
    jobs.drain(5)
    for path in (f"/jobs/{job_id}/cancel", f"/jobs/{job_id}/retry", "/queues/emails/resume", "/schedules/none/run"):
        assert admin.post(path).status_code in (409, 422)
    assert notes(admin) == []


def test_it_is_read_by_pages_and_filters(admin: Client, jobs: Tickover) -> None:
    ids = [jobs.enqueue("greet", "Ann", delay=600) for _ in range(5)]
    for job_id in ids:
        admin.post(f"/jobs/{job_id}/pause")
    first = admin.get("/audit?limit=3").json()
    second = admin.get(f"/audit?limit=3&cursor={first['next_cursor']}").json()
    assert [note["target"] for note in first["notes"] + second["notes"]] == [f"job {one}" for one in reversed(ids)]
    assert second["next_cursor"] is None
    assert len(notes(admin, target=f"job {ids[0]}")) == 1
    assert notes(admin, who="nobody") == []
    assert admin.get("/audit?cursor=x").status_code == 422


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_looking_leaves_none(admin: Client, jobs: Tickover) -> None:
    admin.get(f"/jobs/{jobs.enqueue('greet', 'Ann')}")
    admin.get("/stats")
    assert notes(admin) == []
