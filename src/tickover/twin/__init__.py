"""The twin: one process that plays AWS Lambda and what wakes it, for local work and for tests.

It runs your own handlers, in real `awslambdaric` processes or as plain functions, under the platform's rules: frozen
after they return, killed at their deadline, invoked twice, woken by queues and by schedules, stopped after 16 hops.
"""

from __future__ import annotations

from tickover.twin.function import Answer, Function
from tickover.twin.platform import Platform
from tickover.twin.rules import Rules
from tickover.twin.timeline import VirtualClock

__all__ = ["Answer", "Function", "Platform", "Rules", "VirtualClock"]
