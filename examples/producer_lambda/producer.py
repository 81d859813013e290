"""Any Lambda function enqueues: it needs the database and the right to wake the tick function, and no handler's code.

Handler: producer.handler
TICKOVER_DATABASE_URL, TICKOVER_WAKE_FUNCTION as the tick function has them
"""

from __future__ import annotations

from typing import Any

from tickover import Tickover

jobs = Tickover.from_env()


def handler(event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Writes one job, and returns when it is durable; a tick is on its way then."""
    job_id = jobs.enqueue("send-email", {"to": event["to"]}, remote=True, unique=event.get("key"))
    return {"job_id": job_id}
