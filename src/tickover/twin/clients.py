"""AWS clients for functions that run in the twin's own process: the same calls, the same errors, no HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tickover.twin.trace import current

if TYPE_CHECKING:
    from tickover.twin.platform import Platform


class Refused(Exception):
    """The API said no; `response` reads like botocore's ClientError."""

    def __init__(self, code: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.code, self.kind = code, kind
        self.response = {"Error": {"Code": kind, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": code}}


class Client:
    """The calls that wakers make, with boto3's names; the trace goes with them, as botocore's header does."""

    def __init__(self, platform: Platform, service: str) -> None:
        self._platform = platform
        self._service = service

    def invoke(self, *, FunctionName: str, InvocationType: str = "RequestResponse", Payload: bytes = b"{}") -> Any:  # noqa: N803  # AWS's names
        """Lambda's Invoke, asynchronous only."""
        if InvocationType != "Event":
            raise Refused(501, "NotImplementedException", "the twin's client only invokes asynchronously")
        name = FunctionName.rsplit(":", 1)[-1]
        if name not in self._platform.functions:
            raise Refused(404, "ResourceNotFoundException", f"Function not found: {name}")
        self._platform.invoke_later(name, Payload, current.get())
        return {"StatusCode": 202}

    def send_message(self, **given: Any) -> Any:
        """SQS's SendMessage."""
        from tickover.twin.endpoint import send_message

        return send_message(self._platform, given, current.get())

    def create_schedule(self, *, Name: str, **given: Any) -> Any:  # noqa: N803  # AWS's name
        """EventBridge Scheduler's CreateSchedule."""
        from tickover.twin.endpoint import create_schedule

        return create_schedule(self._platform, Name, given)


def parse_at(expression: str) -> datetime:
    """The instant of `at(yyyy-mm-ddThh:mm:ss)`."""
    inside = expression.removeprefix("at(").removesuffix(")")
    try:
        return datetime.fromisoformat(inside).replace(tzinfo=UTC)
    except ValueError:
        raise Refused(400, "ValidationException", f"Invalid Schedule Expression {expression}.") from None
