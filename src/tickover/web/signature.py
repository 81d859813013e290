"""Standard Webhooks signatures: what proves that a request was sent by who knows the secret, lately, and once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from typing import Final

from tickover.errors import ConfigurationError

#: Seconds by which a sender's clock may differ from ours, as the specification proposes.
TOLERANCE: Final = 300
_MOST: Final = 10_000


class Verifier:
    """Knows the secrets, and the messages that it has seen within the tolerance.

    Args:
        secrets: the keys of a comma list; any of them will do, so that a new one can take over from an old one.
        now: seconds since 1970.
    """

    def __init__(self, secrets: str, *, now: Callable[[], float]) -> None:
        self._keys = [key_of(secret.strip()) for secret in secrets.split(",") if secret.strip()]
        self._now = now
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def refusal(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Why this request is not accepted; None when it is, and then it never is again."""
        message, at, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not (message and at and given):
            return "a signed request has the headers webhook-id, webhook-timestamp and webhook-signature"
        if not at.isdecimal() or len(at) > 12 or abs(self._now() - int(at)) > TOLERANCE:
            return f"webhook-timestamp is not within {TOLERANCE} s of the time here"
        signed = f"{message}.{at}.".encode("utf-8", "surrogateescape") + body
        shown = [part[3:] for part in given.split(" ") if part.startswith("v1,")][:10]
        made = [hmac.new(key, signed, hashlib.sha256).digest() for key in self._keys]
        # Every pair, whichever fits: the time says nothing about how near a guess was.
        if not sum(hmac.compare_digest(_bytes(one), digest) for one in shown for digest in made):
            return "webhook-signature does not fit the request"
        return None if self._first_time(message) else "webhook-id was used already"

    def _first_time(self, message: str) -> bool:
        """Whether this message is new. This process's memory is enough: a tick twice is a tick too many, no harm."""
        now = self._now()
        with self._lock:
            if len(self._seen) >= _MOST:
                self._seen = {one: until for one, until in self._seen.items() if until > now}
            if self._seen.get(message, 0.0) > now or len(self._seen) >= _MOST:
                return False
            self._seen[message] = now + 2 * TOLERANCE  # a timestamp may lie ahead
            return True


def key_of(secret: str) -> bytes:
    """The key of a secret: base64 behind `whsec_`, else the text as it is; raises `ConfigurationError`."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    if key := _bytes(secret.removeprefix("whsec_")):
        return key
    raise ConfigurationError("A secret that begins with whsec_ goes on in base64; this one does not.")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
