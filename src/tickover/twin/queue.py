"""An SQS queue of the twin, with its event source mapping."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tickover.domain.ids import new_id


@dataclass(eq=False)
class Message:
    """One message: invisible until `visible_at`."""

    body: str
    trace: str | None
    visible_at: datetime
    sent_at: datetime
    message_id: str = field(default_factory=new_id)
    received: int = 0


@dataclass(eq=False, kw_only=True)
class Queue:
    """Messages, and the function that is invoked with batches of them.

    Args:
        name: its name.
        target: the function's name; None for a queue that nobody reads, such as one of dead letters.
        visibility: seconds until a message that was received and not deleted can be received again.
        batch: messages in one event.
        dead_letters: the queue that messages go to after too many receives.
    """

    name: str
    target: str | None = None
    visibility: float = 30.0
    batch: int = 10
    dead_letters: str | None = None
    messages: list[Message] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def arn(self) -> str:
        """Its ARN in the twin's account."""
        return f"arn:aws:sqs:eu-west-1:000000000000:{self.name}"

    def receive(self, now: datetime, until: datetime) -> list[Message]:
        """Takes the messages that can be received now; each is invisible until `until`."""
        with self.lock:
            found = [message for message in self.messages if message.visible_at <= now][: self.batch]
            for message in found:
                message.received += 1
                message.visible_at = until
            return found

    def delete(self, gone: Iterable[Message]) -> None:
        """Deletes messages."""
        with self.lock:
            for message in gone:
                if message in self.messages:
                    self.messages.remove(message)

    def event(self, messages: Iterable[Message]) -> dict[str, Any]:
        """What the function is invoked with."""
        return {
            "Records": [
                {
                    "messageId": message.message_id, "receiptHandle": message.message_id, "body": message.body,
                    "attributes": {
                        "ApproximateReceiveCount": str(message.received),
                        "SentTimestamp": str(int(message.sent_at.timestamp() * 1000)),
                    },
                    "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs", "eventSourceARN": self.arn,
                    "awsRegion": "eu-west-1",
                }
                for message in messages
            ]
        }  # fmt: skip
