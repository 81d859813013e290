"""Every action by its name."""

from __future__ import annotations

from typing import Final

from tickover_ui.actions import jobs, messages, purge, queues, schedules
from tickover_ui.actions.action import Action

CATALOGUE: Final[dict[str, Action]] = {
    "enqueue": messages.ENQUEUE,
    "retry": jobs.RETRY,
    "requeue": jobs.REQUEUE,
    "cancel": jobs.CANCEL,
    "pause": jobs.PAUSE,
    "resume": jobs.RESUME,
    "signal": messages.SIGNAL,
    "reveal": messages.REVEAL,
    "purge": purge.PURGE,
    "pause-queue": queues.PAUSE_QUEUE,
    "resume-queue": queues.RESUME_QUEUE,
    "pause-ticks": queues.PAUSE_TICKS,
    "resume-ticks": queues.RESUME_TICKS,
    "run-schedule": schedules.RUN_SCHEDULE,
    "pause-schedule": schedules.PAUSE_SCHEDULE,
    "resume-schedule": schedules.RESUME_SCHEDULE,
}
