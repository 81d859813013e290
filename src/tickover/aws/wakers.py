"""Wakers on AWS: an asynchronous invocation now, an SQS message within 15 minutes, a one-shot schedule at any distance.

Lambda ends a chain of invocations through Lambda and SQS after about 16 hops; a wake that has come too far takes the way
over EventBridge Scheduler, which begins a new chain. The trace header that Lambda counts by is never touched.
"""

from __future__ import annotations

import logging
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tickover.aws.clients import client, said
from tickover.clock import Clock, SystemClock
from tickover.config import Settings
from tickover.domain.retry import Duration, seconds
from tickover.engine.wake import Arrival, Note, WakeFailed
from tickover.errors import ConfigurationError

_log: Final = logging.getLogger("tickover")
_LONGEST_DELAY: Final = 900.0
#: EventBridge Scheduler fires within the minute.
_MINUTE: Final = 60.0


class _Waker:
    """What all of them do with a wake that nobody waits for."""

    precision: float = 0.0

    def wake(self, at: datetime | None) -> None:
        """Asks for a tick; what cannot be sent is logged."""
        try:
            self.send(at, Note())
        except WakeFailed as error:
            _log.warning("%s", error)

    def send(self, at: datetime | None, note: Note) -> Arrival | None:
        """See `tickover.engine.wake.Sender`."""
        raise NotImplementedError  # abstract: each waker sends in its own way


class LambdaWaker(_Waker):
    """Invokes a function asynchronously, now; a wake for later is left to a timer.

    Args:
        function: its name or ARN.
        boto: an AWS client of the `lambda` service; by default boto3's.
    """

    #: It knows no later; whatever comes is as good as another.
    precision = _MINUTE

    def __init__(self, function: str, *, boto: Any = None) -> None:
        self.function = function
        self._boto = boto

    def send(self, at: datetime | None, note: Note) -> Arrival | None:
        """Invokes it, unless the wake is for later."""
        if at is not None:
            return None
        boto = self._boto or client("lambda")
        with _failing(f"{self.function} was not invoked"):
            boto.invoke(FunctionName=self.function, InvocationType="Event", Payload=note.body.encode())
        return None


class SqsWaker(_Waker):
    """Sends a message, delayed by the seconds that are left, 15 minutes at most.

    Args:
        queue_url: a standard queue that is mapped to the tick function.
        boto: an AWS client of the `sqs` service; by default boto3's.
        clock: what "left" is counted by.
    """

    #: The mapping's poll, and whole seconds.
    precision = 2.0

    def __init__(self, queue_url: str, *, boto: Any = None, clock: Clock | None = None) -> None:
        self.queue_url = queue_url
        self._boto, self._clock = boto, clock or SystemClock()

    def send(self, at: datetime | None, note: Note) -> Arrival | None:
        """Sends it; from a wake further away than 15 minutes, the tick that it starts finds nothing and asks again."""
        now = self._clock.now()
        delay = 0 if at is None else math.ceil(min(_LONGEST_DELAY, max(0.0, (at - now).total_seconds())))
        boto = self._boto or client("sqs")
        with _failing(f"no message to {self.queue_url.rsplit('/', 1)[-1]}"):
            boto.send_message(QueueUrl=self.queue_url, MessageBody=note.body, DelaySeconds=delay)
        first = now + timedelta(seconds=delay)
        return None if at is None else Arrival(first=first, last=first + timedelta(seconds=self.precision))


class SchedulerWaker(_Waker):
    """Makes a one-shot schedule, named by its time: it exists already means that it is made.

    Args:
        target: ARN of the tick function.
        role_arn: the role by which EventBridge Scheduler may invoke it.
        group: the schedule group.
        early: fires so many seconds before the time, at a full minute: a tick then asks for the rest of the way by SQS.
            Without it, at the second that is asked for, which EventBridge takes for the minute that begins then.
        boto: an AWS client of the `scheduler` service; by default boto3's.
        clock: the time.
    """

    precision = _MINUTE

    def __init__(
        self, target: str, role_arn: str, *, group: str = "default", early: Duration = 0, boto: Any = None,
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self.target, self.role_arn, self.group = target, role_arn, group
        self._early = seconds(early, "early")
        self._boto, self._clock = boto, clock or SystemClock()

    def aimed(self, target: str) -> SchedulerWaker:
        """The same for another function, to the minute."""
        return SchedulerWaker(target, self.role_arn, group=self.group, boto=self._boto, clock=self._clock)

    def send(self, at: datetime | None, note: Note) -> Arrival | None:
        """Makes the schedule."""
        now = self._clock.now().astimezone(UTC)
        minute = self._instant(now, (now if at is None else at.astimezone(UTC)))
        # A schedule's name has 64 characters, and a function's may too; a checksum tells two functions apart.
        called = f"{self.target.rsplit(':', 1)[-1][:30]}-{zlib.crc32(self.target.encode()):08x}"
        boto: Any = self._boto or client("scheduler")
        target = {
            "Arn": self.target, "RoleArn": self.role_arn, "Input": Note(reason=note.reason, parent=note.parent).body,
            # The default is 185 retries over a day; a wake that late is of no use to anybody.
            "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 300},
        }  # fmt: skip
        try:
            boto.create_schedule(
                Name=f"tickover-{called}-{minute:%Y%m%dT%H%M%S}", GroupName=self.group, Target=target,
                ScheduleExpression=f"at({minute:%Y-%m-%dT%H:%M:%S})", ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"}, ActionAfterCompletion="DELETE",
            )  # fmt: skip
        except Exception as error:
            if said(error) != "ConflictException":
                raise WakeFailed(f"no alarm for {minute:%H:%M}: {type(error).__name__}: {error}") from error
        return Arrival(first=minute, last=minute + timedelta(seconds=_MINUTE))

    def _instant(self, now: datetime, at: datetime) -> datetime:
        if not self._early:
            least = now + timedelta(seconds=1)
            return (max(at, least) + timedelta(microseconds=999_999)).replace(microsecond=0)
        minute = (at - timedelta(seconds=self._early)).replace(second=0, microsecond=0)
        return minute if minute > now else now.replace(second=0, microsecond=0) + timedelta(minutes=1)


class WakeLadder(_Waker):
    """Picks by distance: now by invocation, seconds by message, longer by schedule; and by hops, see this module.

    Args:
        now: what wakes at once.
        soon: what waits up to 15 minutes, to the second.
        later: what waits for any time, to the minute.
        hops: wakes in a row that go the direct way.
        clock: the time.
    """

    def __init__(
        self, *, now: LambdaWaker | None = None, soon: SqsWaker | None = None, later: SchedulerWaker | None = None,
        hops: int = 12, clock: Clock | None = None,
    ) -> None:  # fmt: skip
        if now is None and soon is None:
            raise ConfigurationError("A ladder needs a first rung: a LambdaWaker or an SqsWaker.")
        self.now, self.soon, self.later, self.hops = now, soon, later, hops
        self.precision = soon.precision if soon is not None else _MINUTE
        self._clock = clock or SystemClock()

    def aimed(self, target: str) -> SchedulerWaker | None:
        """The alarm rung alone, for another function; None where there is none."""
        return None if self.later is None else self.later.aimed(target)

    def send(self, at: datetime | None, note: Note) -> Arrival | None:
        """Sends it by the rung that reaches, and by the detour when the direct way has been gone too often."""
        left = 0.0 if at is None else (at - self._clock.now()).total_seconds()
        if note.hops > self.hops:
            if self.later is None:
                raise WakeFailed(f"{note.hops} ticks have woken one another; the next one is left to the timer")
            return self.later.send(at, note)
        if left <= 0 and at is None:
            return (self.now or self.soon).send(None, note)  # type: ignore[union-attr]  # one of the two: refused otherwise
        if self.soon is not None and (left < _LONGEST_DELAY or self.later is None):
            return self.soon.send(at, note)
        return self.later.send(at, note) if self.later is not None else None


def from_settings(settings: Settings) -> WakeLadder:
    """The ladder of the rungs that the settings name."""
    function, queue, role = settings.wake_function, settings.wake_queue_url, settings.wake_role_arn
    if role and not (function and function.startswith("arn:")):
        raise ConfigurationError("With TICKOVER_WAKE_ROLE_ARN, TICKOVER_WAKE_FUNCTION must be the function's ARN.")
    later = None
    if role and function:
        # Half of the ladder: fires up to a minute early, so that the message brings the seconds.
        later = SchedulerWaker(function, role, group=settings.wake_group, early=_MINUTE if queue else 0)
    return WakeLadder(
        now=LambdaWaker(function) if function else None,
        soon=SqsWaker(queue) if queue else None,
        later=later,
        hops=settings.wake_hops,
    )


@contextmanager
def _failing(what: str) -> Iterator[None]:
    """Whatever boto3 raises inside is a wake that failed, and says which."""
    try:
        yield
    except Exception as error:
        raise WakeFailed(f"{what}: {type(error).__name__}: {error}") from error
