"""The JSON API does what the Python API does, and says as much."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Client, Open
from tickover import Context, Tickover, every
from tickover.clock import SystemClock


def test_a_job_is_enqueued_and_shown(admin: Client, jobs: Tickover) -> None:
    answer = admin.post(
        "/jobs", json={"kind": "greet", "payload": "Ann", "queue": "emails", "priority": 7, "tenant": "t"}
    )
    assert answer.status_code == 201
    job_id = answer.json()["id"]
    assert answer.headers["location"] == f"/jobs/{job_id}"
    assert jobs.drain(5).completed == 1
    shown = admin.get(f"/jobs/{job_id}").json()
    assert {name: shown[name] for name in ("id", "kind", "queue", "state", "priority", "tenant", "payload", "starts")} == {
        "id": job_id, "kind": "greet", "queue": "emails", "state": "completed", "priority": 7, "tenant": "t",
        "payload": "Ann", "starts": 1,
    }  # fmt: skip


def test_a_job_shows_every_attribute_of_the_contract(admin: Client, jobs: Tickover) -> None:
    shown = admin.get(f"/jobs/{jobs.enqueue('greet', 'Ann')}").json()
    wanted = (  # noqa: SIM905  # as the contract writes them
        "id short_id kind queue tenant priority state payload result error error_kind attempt starts completed failures "
        "crashes yields stalls parks released aborts created_at run_at started_at finished_at wait_kind wait_ref parent_id "
        "root_id fan_out_index children unique_key meta progress generation steps dead_lettered"
    ).split()
    assert set(shown) == set(wanted)


def test_an_enqueue_takes_the_options_of_the_python_api(admin: Client, jobs: Tickover) -> None:
    body = {"kind": "elsewhere", "remote": True, "retries": 0, "delay": 60, "unique": "k", "meta": {"order": 7},
            "timeout": 5, "idempotency_key": "i", "idempotency_ttl": 60}  # fmt: skip
    job_id = admin.post("/jobs", json=body).json()["id"]
    job = jobs.get(job_id)
    assert (job.unique_key, job.meta, job.payload) == ("k", {"order": 7}, None)
    assert (job.run_at - job.created_at).total_seconds() == pytest.approx(60, abs=1)
    at = SystemClock().now().replace(year=2090)
    later = admin.post("/jobs", json={"kind": "greet", "payload": "Ann", "at": at.isoformat()}).json()["id"]
    assert jobs.get(later).run_at.year == 2090


def test_lists_are_pages_with_filters(admin: Client, jobs: Tickover) -> None:
    ids = [jobs.enqueue("greet", f"p{n}", meta={"n": n}) for n in range(5)]
    jobs.enqueue("elsewhere", remote=True, queue="other")
    first = admin.get("/jobs", params={"kind": "greet", "limit": 3}).json()
    second = admin.get("/jobs", params={"kind": "greet", "limit": 3, "cursor": first["next_cursor"]}).json()
    assert [job["id"] for job in first["jobs"] + second["jobs"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert [job["kind"] for job in admin.get("/jobs", params={"queue": "other"}).json()["jobs"]] == ["elsewhere"]
    assert [job["id"] for job in admin.get("/jobs", params={"meta": '{"n": 2}'}).json()["jobs"]] == [ids[2]]
    assert [job["id"] for job in admin.get("/jobs", params={"search": ids[4][-8:]}).json()["jobs"]] == [ids[4]]


def test_dead_letters_are_listed_and_run_again(admin: Client, jobs: Tickover) -> None:
    dead = [jobs.enqueue("fail", "no paper") for _ in range(2)]
    jobs.drain(5)
    shown = admin.get("/dead-letters").json()["jobs"]
    assert {job["id"] for job in shown} == set(dead)
    assert {(job["error"], job["error_kind"], job["dead_lettered"]) for job in shown} == {
        ("no paper", "ValueError", True)
    }
    assert set(admin.post("/dead-letters/retry", json={"kind": "fail"}).json()["retried"]) == set(dead)
    assert admin.get("/dead-letters").json()["jobs"] == []


@pytest.mark.parametrize("body", [{}, {"fresh": True}, {"all": True, "kind": "fail"}])
def test_nobody_retries_everything_by_leaving_a_word_out(admin: Client, body: dict[str, Any]) -> None:
    assert admin.post("/dead-letters/retry", json=body).status_code == 422


def test_an_operators_verbs(admin: Client, jobs: Tickover) -> None:
    job_id = jobs.enqueue("greet", "Ann")
    assert admin.post(f"/jobs/{job_id}/pause").json()["state"] == "paused"
    assert admin.post(f"/jobs/{job_id}/resume").json()["state"] == "pending"
    assert admin.post(f"/jobs/{job_id}/cancel").json()["state"] == "cancelled"
    assert admin.post(f"/jobs/{job_id}/retry", json={"fresh": True}).json()["state"] == "pending"
    assert jobs.get(job_id).generation == 1


def test_queues_and_the_fleet_are_paused_and_resumed(admin: Client, jobs: Tickover) -> None:
    jobs.enqueue("greet", "Ann", queue="emails")
    assert admin.post("/queues/emails/pause", json={"reason": "moving"}).status_code == 204
    (queue,) = admin.get("/queues").json()
    assert (queue["name"], queue["paused"], queue["reason"], queue["counts"]["pending"]) == (
        "emails",
        True,
        "moving",
        1,
    )
    assert admin.post("/queues/emails/resume").status_code == 204
    assert admin.post("/ticks/pause", json={"mode": "aggressive"}).status_code == 204
    assert admin.get("/stats").json()["fleet_paused"] == "aggressive"
    assert admin.post("/ticks/resume").status_code == 204
    assert admin.get("/stats").json()["fleet_paused"] is None


def test_ended_jobs_are_purged(admin: Client, jobs: Tickover) -> None:
    jobs.enqueue("fail", "why")
    jobs.drain(5)
    assert admin.post("/purge", json={"queue": "default", "state": "failed"}).json() == {"deleted": 1}


def test_numbers_ticks_and_health(admin: Client, jobs: Tickover) -> None:
    jobs.enqueue("greet", "Ann")
    jobs.drain(5)
    stats = admin.get("/stats").json()
    assert (stats["total"], stats["by_state"]["completed"]) == (1, 1)
    (tick,) = admin.get("/ticks").json()
    assert (tick["claimed"], tick["completed"]) == (1, 1)
    assert admin.get("/health", params={"patience": 5}).json()["ok"]


def test_events_are_read_with_a_cursor(admin: Client, jobs: Tickover) -> None:
    job_id = jobs.enqueue("fail", "password=hunter2hunter2")
    jobs.drain(5)
    first = admin.get("/events", params={"limit": 2}).json()
    rest = admin.get("/events", params={"after": first["after"]}).json()
    assert [event["type"] for event in first["events"] + rest["events"]] == ["JobEnqueued", "JobStarted", "JobFailed"]
    assert rest["events"][-1]["data"]["error"]
    assert admin.get("/events", params={"after": rest["after"]}).json() == {"events": [], "after": rest["after"]}
    assert len(admin.get("/events", params={"job_id": job_id}).json()["events"]) == 3


def test_what_is_named_a_secret_is_shown_to_who_asks_for_it(as_: Open, jobs: Tickover) -> None:
    job_id = jobs.enqueue("login", {"user": "ann", "password": "hunter2"}, meta={"api_key": "k", "order": 7})
    shown = as_("view").get(f"/jobs/{job_id}").json()
    assert (shown["payload"], shown["meta"]) == (
        {"user": "ann", "password": "[redacted]"}, {"api_key": "[redacted]", "order": 7}
    )  # fmt: skip
    assert as_("view").post(f"/jobs/{job_id}/reveal").status_code == 403
    assert as_("operate").post(f"/jobs/{job_id}/reveal").json()["payload"]["password"] == "hunter2"
    done = jobs.enqueue("greet", "Ann")
    jobs.drain(5)
    assert as_("view").get(f"/jobs/{done}").json()["result"] == {"said": "Hello Ann", "token": "[redacted]"}


def test_a_signal_reaches_the_job_that_waits_for_it(admin: Client, jobs: Tickover) -> None:
    @jobs.job
    def ask(ctx: Context) -> str:
        answer = ctx.wait_for_signal("approval", returns=dict[str, bool])
        return f"answered {answer}"

    job_id = ask.enqueue()
    jobs.drain(5)
    assert admin.get(f"/jobs/{job_id}").json()["wait_kind"] == "signal"
    for _ in range(2):  # sent again with its id, it is one message
        sent = admin.post(
            f"/jobs/{job_id}/signal", json={"name": "approval", "payload": {"ok": True}, "message_id": "m"}
        )
        assert sent.status_code == 204
    jobs.drain(5)
    assert ask.result(job_id) == "answered {'ok': True}"
    late = admin.post(f"/jobs/{job_id}/signal", json={"name": "approval"})
    assert (late.status_code, late.json()["type"]) == (409, "urn:tickover:signal-error")


def test_schedules_are_listed_paused_resumed_and_run(admin: Client, jobs: Tickover) -> None:
    jobs.schedule("greet", every(minutes=5), "Ann", name="morning")
    jobs.run_scheduler(5)
    (shown,) = admin.get("/schedules").json()
    assert (shown["name"], shown["kind"], shown["paused"], shown["orphaned"], shown["overdue"]) == (
        "morning",
        "greet",
        False,
        False,
        0,
    )
    assert admin.post("/schedules/morning/pause").status_code == 204
    assert admin.get("/schedules").json()[0]["paused"]
    assert admin.post("/schedules/morning/resume").status_code == 204
    job_id = admin.post("/schedules/morning/run").json()["id"]
    assert jobs.get(job_id).payload == "Ann"
    assert admin.post("/schedules/evening/run").json()["type"] == "urn:tickover:schedule-error"
    for text in ("%00", "%ff", "x" * 300):
        assert admin.post(f"/schedules/{text}/pause").status_code == 422
