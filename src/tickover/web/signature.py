"""Standard Webhooks signatures: what proves that a request was sent by who knows the secret, and lately."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final

from tickover.errors import ConfigurationError

#: Seconds by which a sender's clock may differ from ours, as the specification proposes.
TOLERANCE: Final = 300
#: Seconds for which a message that was accepted may come again with a timestamp that is still good: one may lie ahead.
REPEATABLE: Final = 2.0 * TOLERANCE
_LONGEST: Final = 256


class Verifier:
    """Knows the secrets. Whether a message came before is for the database to say: see `accept_message.sql`.

    Args:
        secrets: the keys of a comma list; any of them will do, so that a new one can take over from an old one.
        now: seconds since 1970.
    """

    def __init__(self, secrets: str, *, now: Callable[[], float]) -> None:
        self._keys = [key_of(secret.strip()) for secret in secrets.split(",") if secret.strip()]
        self._now = now

    def refusal(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Why this request is not accepted; None when it is."""
        message, at, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not (message and at and given):
            return "a signed request has the headers webhook-id, webhook-timestamp and webhook-signature"
        if len(message) > _LONGEST or not (message.isascii() and message.isprintable()):
            return f"webhook-id is not up to {_LONGEST} characters of ASCII"
        if not at.isdecimal() or len(at) > 12 or abs(self._now() - int(at)) > TOLERANCE:
            return f"webhook-timestamp is not within {TOLERANCE} s of the time here"
        signed = f"{message}.{at}.".encode("utf-8", "surrogateescape") + body
        shown = [part[3:] for part in given.split(" ") if part.startswith("v1,")][:10]
        made = [hmac.new(key, signed, hashlib.sha256).digest() for key in self._keys]
        # Every pair, whichever fits: the time says nothing about how near a guess was.
        if not sum(hmac.compare_digest(_bytes(one), digest) for one in shown for digest in made):
            return "webhook-signature does not fit the request"
        return None


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
