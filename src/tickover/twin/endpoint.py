"""The AWS API that clients in the twin's functions talk to: the few calls that make a function run, over HTTP."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from tickover.twin.clients import Refused, parse_at
from tickover.twin.trace import fresh

if TYPE_CHECKING:
    from tickover.twin.platform import Platform

#: What the name of a schedule may be.
_SCHEDULE: Final = re.compile("[0-9a-zA-Z-_.]{1,64}")


class Endpoint:
    """An HTTP server on loopback: Lambda's Invoke, SQS's SendMessage, Scheduler's CreateSchedule, and secrets."""

    def __init__(self, platform: Platform) -> None:
        self._server = _Server(platform)
        threading.Thread(target=self._server.serve_forever, name="twin-endpoint", daemon=True).start()

    @property
    def url(self) -> str:
        """For `AWS_ENDPOINT_URL`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, platform: Platform) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.platform = platform


class _Api(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Silent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            code, answer, headers = self._answer(body)
        except Refused as error:
            code, headers = error.code, {"x-amzn-ErrorType": error.kind}
            answer = json.dumps({"__type": error.kind, "message": str(error)}).encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _answer(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        path = unquote(urlsplit(self.path).path)
        called = self.headers.get("X-Amz-Target", "")
        trace = self.headers.get("X-Amzn-Trace-Id") or fresh()
        if path.startswith("/2015-03-31/functions/") and path.endswith("/invocations"):
            return self._invoke(path.split("/")[3].rsplit(":", 1)[-1], body, trace)
        given = json.loads(body or b"{}")
        if called == "AmazonSQS.SendMessage":
            return 200, json.dumps(send_message(self.server.platform, given, trace)).encode(), {}
        if called == "secretsmanager.GetSecretValue":
            if (text := self.server.platform.secrets.get(given["SecretId"])) is None:
                raise Refused(400, "ResourceNotFoundException", given["SecretId"])
            return 200, json.dumps({"ARN": given["SecretId"], "Name": "twin", "SecretString": text}).encode(), {}
        if path.startswith("/schedules/"):
            return 200, json.dumps(create_schedule(self.server.platform, path.split("/")[2], given)).encode(), {}
        raise Refused(501, "NotImplementedException", f"the twin does not play {called or path}")

    def _invoke(self, name: str, body: bytes, trace: str) -> tuple[int, bytes, dict[str, str]]:
        if name not in self.server.platform.functions:
            raise Refused(404, "ResourceNotFoundException", f"Function not found: {name}")
        if self.headers.get("X-Amz-Invocation-Type") == "Event":
            self.server.platform.invoke_later(name, body, trace)
            return 202, b"", {}
        answer = self.server.platform.invoke(name, json.loads(body or b"null"), trace=trace)
        headers = {"X-Amz-Function-Error": answer.error} if answer.error else {}
        return 200, json.dumps(answer.payload).encode(), headers


def send_message(platform: Platform, given: dict[str, Any], trace: str | None) -> dict[str, Any]:
    """SQS's SendMessage."""
    name, delay = given["QueueUrl"].rsplit("/", 1)[-1], given.get("DelaySeconds", 0)
    if name not in platform.queues:
        raise Refused(400, "AWS.SimpleQueueService.NonExistentQueue", name)
    if not 0 <= delay <= 900:
        raise Refused(400, "InvalidParameterValue", "DelaySeconds must be between 0 and 900")
    text = given["MessageBody"]
    message_id = platform.send(name, text, delay=delay, trace=trace)
    return {"MessageId": message_id, "MD5OfMessageBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}


def create_schedule(platform: Platform, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """EventBridge Scheduler's CreateSchedule, one-shot."""
    if not _SCHEDULE.fullmatch(name):
        raise Refused(400, "ValidationException", f"Value {name!r} at 'name' failed to satisfy {_SCHEDULE.pattern}")
    at, target = parse_at(given["ScheduleExpression"]), given["Target"]
    if not platform.schedule(name, at, target["Arn"], target.get("Input", "{}")):
        raise Refused(409, "ConflictException", f"Schedule {name} already exists.")
    return {"ScheduleArn": f"arn:aws:scheduler:eu-west-1:000000000000:schedule/default/{name}"}
