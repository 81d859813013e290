"""What every response carries, and how much a request may bring: plain ASGI, around the whole application."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tickover.domain.payload import MAX_BYTES
from tickover.web.problems import problem

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # a callback's token is in its URL
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
#: A payload of 1 MiB, and what an enqueue says around it.
_MOST: Final = MAX_BYTES + 64 * 1024


class Shield:
    """Adds the headers that a response does not have of its own, and refuses bodies that are too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            body = await _whole_body(receive)
        except ClientDisconnect:
            return  # nobody waits for an answer, and what came is a part of what was meant
        if body is None:
            refusal = problem(
                413, "too-large", "A request is 1 MiB at most; store more elsewhere and pass a reference."
            )
            await refusal(scope, receive, shielded)
        else:
            await self._app(scope, _replay(body, receive), shielded)


async def _whole_body(receive: Receive) -> bytes | None:
    """The body, whatever its headers say of its length; None when it is too large.

    Raises:
        ClientDisconnect: it ended in the middle. A part of a number or of a form reads like a whole one.
    """
    parts, size = [], 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _MOST:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
