"""What an event says: where it came from, which wake it carries, and what is no wake at all."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from tickover.engine.wake import Note
from tickover.errors import InvalidArgument

Source: TypeAlias = Literal["invoke", "sqs", "timer", "http"]
_EXPECTED: Final = (
    "A tick is started by a timer (EventBridge rule or schedule), an asynchronous invocation with {} or a wake, "
    "a batch of the wake queue, or an HTTP request."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An event, understood."""

    source: Source
    note: Note = field(default_factory=Note)
    #: Ids of messages that are no wakes; the batch reports them as failed, so that they end among the dead letters.
    strangers: Sequence[str] = ()
    #: The HTTP request, as API Gateway's payload 2.0 or 1.0 tells it.
    request: Mapping[str, Any] | None = None

    @property
    def trigger(self) -> str:
        """The word for the tick's row."""
        return self.source if self.note.reason == "call" else self.note.reason


def read(event: Any) -> Said:
    """What an event says.

    Raises:
        InvalidArgument: it is none of those that start a tick; the message says what it looks like.
    """
    if event is None or event == {}:
        return Said(source="invoke")
    if not isinstance(event, Mapping):
        raise InvalidArgument(f"The event is a {type(event).__name__}. {_EXPECTED}")
    if "tickover" in event:
        return Said(source="invoke", note=Note.read(event["tickover"]))
    if isinstance(records := event.get("Records"), Sequence) and not isinstance(records, str):
        return _batch(records)
    if event.get("source") in ("aws.events", "aws.scheduler") or "detail-type" in event:
        return Said(source="timer")
    context = event.get("requestContext")
    if "httpMethod" in event or (isinstance(context, Mapping) and "http" in context):
        return Said(source="http", request=event)
    keys = ", ".join(sorted(map(str, event))[:8])
    raise InvalidArgument(f"The event has the keys {keys}. {_EXPECTED}")


def _batch(records: Sequence[Any]) -> Said:
    notes, strangers = [], []
    for record in records:
        if not isinstance(record, Mapping) or record.get("eventSource") != "aws:sqs":
            found = record.get("eventSource") if isinstance(record, Mapping) else type(record).__name__
            raise InvalidArgument(f"The event's records are of {found or 'nobody'}, not of SQS. {_EXPECTED}")
        try:
            notes.append(Note.read(json.loads(record["body"])["tickover"]))
        except (ValueError, KeyError, TypeError, RecursionError, InvalidArgument):
            strangers.append(str(record.get("messageId", "")))
    # The longest chain counts: the batch is one tick, and the next wake is one further than all of them.
    note = max(notes, key=lambda one: one.hops, default=Note())
    return Said(source="sqs", note=note, strangers=strangers)


def with_note(said: Said) -> Said:
    """The same, with the wake that an HTTP request carries: read only when it is known who sent it.

    Raises:
        InvalidArgument: its body has a wake which is none of ours.
    """
    if said.request is None:
        return said
    body = said.request.get("body") or ""
    note = Note.of_body(base64.b64decode(body) if said.request.get("isBase64Encoded") else body)
    return replace(said, note=note)
