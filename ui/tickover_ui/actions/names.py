"""Every action by name: who may do it, and how its button looks. Pages need no more than this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tickover.web.access import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """An action as a button."""

    role: Role
    label: str
    icon: str
    #: Whether what it does cannot be taken back.
    danger: bool = False
    #: The key that presses it.
    key: str = ""


NAMES: Final[dict[str, Name]] = {
    "enqueue": Name(role="operate", label="New job", icon="plus"),
    "retry": Name(role="operate", label="Retry", icon="retry", key="R"),
    "requeue": Name(role="operate", label="Requeue", icon="retry", key="R"),
    "cancel": Name(role="operate", label="Cancel", icon="x", danger=True, key="C"),
    "pause": Name(role="operate", label="Pause", icon="pause", key="P"),
    "resume": Name(role="operate", label="Resume", icon="play", key="P"),
    "signal": Name(role="operate", label="Send signal", icon="signal"),
    "reveal": Name(role="operate", label="Reveal", icon="eye"),
    "purge": Name(role="admin", label="Purge", icon="trash", danger=True),
    "pause-queue": Name(role="operate", label="Pause queue", icon="pause"),
    "resume-queue": Name(role="operate", label="Resume queue", icon="play"),
    "pause-ticks": Name(role="admin", label="Pause the fleet", icon="pause", danger=True),
    "resume-ticks": Name(role="admin", label="Resume the fleet", icon="play"),
    "run-schedule": Name(role="operate", label="Run now", icon="play"),
    "pause-schedule": Name(role="operate", label="Pause schedule", icon="pause"),
    "resume-schedule": Name(role="operate", label="Resume schedule", icon="play"),
}
