"""A Function URL: HTTP requests become payload version 2.0 events, and answers become responses."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tickover.clock import unix_millis
from tickover.domain.ids import new_id
from tickover.twin.function import Answer


class Front:
    """An HTTP server on loopback in front of one function."""

    def __init__(self, invoke: Callable[[Any], Answer]) -> None:
        self._server = _Server(invoke)
        threading.Thread(target=self._server.serve_forever, name="twin-url", daemon=True).start()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, invoke: Callable[[Any], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Bridge)
        self.invoke = invoke


class _Bridge(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Silent."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        answer = self.server.invoke(event(self, self.rfile.read(length) if length else None))
        result = answer.payload if isinstance(answer.payload, dict) else {}
        if answer.error:
            result = {"statusCode": 502, "body": "Internal Server Error"}
        body = result.get("body") or ""
        sent = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
        self.send_response(result.get("statusCode", 200))
        for name, value in (result.get("headers") or {}).items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        for cookie in result.get("cookies") or ():
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815  # http.server's names


def event(request: BaseHTTPRequestHandler, body: bytes | None) -> dict[str, Any]:
    """The event of a request."""
    url = urlsplit(request.path)
    headers = {name.lower(): ",".join(request.headers.get_all(name) or ()) for name in request.headers}
    cookies = headers.pop("cookie", "")
    made: dict[str, Any] = {
        "version": "2.0", "routeKey": "$default", "rawPath": unquote(url.path), "rawQueryString": url.query,
        "headers": {**headers, "x-forwarded-proto": "http"},
        "requestContext": {
            "accountId": "anonymous", "apiId": "twin", "domainName": headers.get("host", ""), "domainPrefix": "twin",
            "http": {
                "method": request.command, "path": unquote(url.path), "protocol": "HTTP/1.1",
                "sourceIp": request.client_address[0], "userAgent": headers.get("user-agent", ""),
            },
            "requestId": new_id(), "routeKey": "$default", "stage": "$default", "time": "", "timeEpoch": unix_millis(),
        },
        "isBase64Encoded": body is not None,
    }  # fmt: skip
    if cookies:
        made["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if body is not None:
        made["body"] = base64.b64encode(body).decode()
    return made
