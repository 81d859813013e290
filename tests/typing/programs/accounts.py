"""Work on an API with limits: how long to wait, what is not worth a retry, and which failures an operator retries."""

from __future__ import annotations

from datetime import timedelta

from tickover import Context, ExponentialBackoff, NoRetry, RetryAfter, Tickover, cap, rate

jobs = Tickover("sqlite://")
PATIENT = ExponentialBackoff(initial=0.001, factor=1.5, maximum=0.01, jitter=0)
fixed: set[str] = set()


def wait(n: int, error: BaseException) -> timedelta:
    return timedelta(milliseconds=n) if isinstance(error, TimeoutError) else timedelta(milliseconds=5)


@jobs.job(retries=2, backoff=wait, max_crashes=5, determinism="strict")
def fetch(ctx: Context, url: str, *, limit: float = 5.0) -> dict[str, float]:
    if ctx.attempt < 3:
        raise TimeoutError(url)
    return {url: limit}


def ask(url: str, *, timeout: float) -> dict[str, str]:
    if not url.endswith("again"):
        raise RetryAfter(0.01, "rate limited")
    return {"url": url, "timeout": f"{timeout:g}"}


@jobs.job(retries=20, limits=[rate("crm", 10, per=timedelta(seconds=1), key=lambda job: job.tenant), cap("sync", 4)])
def sync_account(ctx: Context, account: str) -> int:
    """Two timeouts: the step's is ours, the other one belongs to the function."""
    url = account if ctx.attempt == 1 else f"{account}/again"
    profile = ctx.using(retries=1, timeout=30).step("profile", ask, url, timeout=5)
    return len(profile)


@jobs.job(backoff=PATIENT)
def import_account(account: str) -> str:
    if account not in fixed:
        raise NoRetry(f"{account} is locked")
    return account


def once(account: str) -> str:
    return import_account.using(idempotency_key=account, idempotency_ttl=timedelta(hours=1), retries=1).enqueue(account)


def repair(account: str) -> list[str]:
    fixed.add(account)
    return jobs.retry_many(kind="import-account", queue="default")


if __name__ == "__main__":
    with jobs:
        jobs.migrate()
        page = fetch.using(backoff=PATIENT).enqueue("https://example.com", limit=1.5)
        account = once("acme")
        (synced,) = jobs.enqueue_many(sync_account.using(unique=f"sync-{name}").new(name) for name in ("acme",))
        assert once("acme") == account
        jobs.drain(10)
        assert fetch.result(page) == {"https://example.com": 1.5}
        assert jobs.get(account).dead_lettered
        assert sync_account.result(synced) == 2
        assert repair("acme") == [account]
        jobs.drain(10)
        assert import_account.result(account) == "acme"
