"""What the verbs of both contexts are made of, in one place: a context imports it with its first verb.

A context itself is light: every application that names one in an annotation loads it, and most ticks run none.
"""

from __future__ import annotations

from tickover.engine import waits
from tickover.engine.call import plan_call, plan_step
from tickover.engine.callback import AsyncCallback, Callback
from tickover.engine.drive import drive, drive_async, together
from tickover.engine.each import Each
from tickover.engine.enqueuing import enqueue
from tickover.engine.fanning import fan_out, listed
from tickover.engine.step_options import check_fan_out_options, check_step_options
from tickover.engine.steps import take_step
from tickover.engine.transaction import plan_transaction

__all__ = [
    "AsyncCallback", "Callback", "Each", "check_fan_out_options", "check_step_options", "drive", "drive_async", "enqueue",
    "fan_out", "listed", "plan_call", "plan_step", "plan_transaction", "take_step", "together", "waits",
]  # fmt: skip
