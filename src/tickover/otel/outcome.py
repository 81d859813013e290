"""What became of a run, in one word: an attribute of spans and of metrics."""

from __future__ import annotations

from typing import Final

from tickover.domain.decide import Transition

_WORDS: Final = {
    "JobCompleted": "completed", "JobFailed": "failed", "JobRetrying": "retried", "JobReclaimed": "reclaimed",
    "JobYielded": "yielded", "JobWaiting": "waiting", "JobCancelled": "cancelled", "JobPaused": "paused",
}  # fmt: skip


def outcome_of(transition: Transition) -> str:
    """What became of it: `completed`, `failed`, `retried`, `reclaimed`, `yielded`, `released`, `waiting` and so on."""
    return "released" if transition.counter == "released" else _WORDS.get(transition.event, transition.event)
