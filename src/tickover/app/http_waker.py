"""Wakes a tick by an HTTP request: `POST /tick` of another process, on whatever platform it lives."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from tickover.clock import unix_millis
from tickover.domain.ids import new_id
from tickover.engine.wake import Arrival, Note, WakeFailed
from tickover.errors import InvalidArgument

_log: Final = logging.getLogger("tickover")
_SECONDS: Final = 2.0


class HttpWaker:
    """Posts to a URL that ends in `/tick`, signed as Standard Webhooks says; a wake for later is left to the timer.

    Args:
        url: where `tickover.web` answers, `https://…/tick`.
        secret: the signing key, the first of a comma list; None sends no signature.
        token: a bearer token instead (`TICKOVER_TICK_TOKEN` of the other side).
        hops: wakes in a row; a chain that is longer is left to the timer, which begins a new one.
    """

    #: It knows no later; whatever comes is as good as another.
    precision = 60.0

    def __init__(self, url: str, secret: str | None = None, *, token: str | None = None, hops: int = 12) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise InvalidArgument(f"HttpWaker takes an http or https URL, not {url!r}.")
        self._url = url
        self._secret = secret.split(",")[0].strip() if secret else None
        self._token = token
        self._hops = hops

    def wake(self, at: datetime | None) -> None:
        """Asks for a tick now; what cannot be sent is logged."""
        try:
            self.send(at, Note())
        except WakeFailed as error:
            _log.warning("%s", error)

    def send(self, at: datetime | None, note: Note) -> Arrival | None:
        """See `tickover.engine.wake.Sender`."""
        if at is not None:
            return None  # HTTP cannot wait; the timer that calls the same URL finds it
        if note.hops > self._hops:
            raise WakeFailed(f"{note.hops} ticks have woken one another; the next one is left to the timer")
        import urllib.request

        body = note.body.encode()
        request = urllib.request.Request(self._url, body, self._headers(body), method="POST")  # noqa: S310  # http(s): checked above
        try:
            # The other side answers when its tick is over, which may take its whole budget: the request is the wake.
            urllib.request.urlopen(request, timeout=_SECONDS).close()  # noqa: S310  # as above
        except TimeoutError:
            return None
        except OSError as error:
            raise WakeFailed(f"no tick at {urlsplit(self._url).netloc}: {error}") from error
        return None

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._secret:
            message, at = f"msg_{new_id()}", str(unix_millis() // 1000)
            headers |= {"webhook-id": message, "webhook-timestamp": at}
            headers["webhook-signature"] = f"v1,{signature(self._secret, message, at, body)}"
        return headers


def signature(secret: str, message: str, at: str, body: bytes) -> str:
    """The Standard Webhooks signature; a secret that begins with `whsec_` is base64, any other is taken as it is."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    made = hmac.new(key, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()
    return base64.b64encode(made).decode()
