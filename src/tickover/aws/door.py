"""Who may start a tick by HTTP: whoever has the tick token, or whom AWS has let in by IAM."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tickover.config import Settings


def refusal(settings: Settings, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """The response to a request that may not tick; None for one that may."""
    context = request.get("requestContext") or {}
    method = (context.get("http") or {}).get("method") or request.get("httpMethod")
    if method not in ("GET", "POST"):
        return answer(405, "A tick is started by GET or POST.")
    if (context.get("authorizer") or {}).get("iam") or (context.get("identity") or {}).get("userArn"):
        return None
    tokens = [token.strip() for token in (settings.tick_token or "").split(",") if token.strip()]
    headers = {str(name).lower(): str(value) for name, value in (request.get("headers") or {}).items()}
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if not tokens:
        return answer(403, "Nothing may tick here: set TICKOVER_TICK_TOKEN, or let IAM authorise the URL.")
    if scheme.lower() == "bearer" and any([_equal(given.strip(), token) for token in tokens]):  # noqa: C419  # all, always
        return None
    return answer(401, "Send Authorization: Bearer and the tick token.")


def _equal(given: str, token: str) -> bool:
    """Whether two tokens are the same; the time tells nothing, not even their lengths."""
    import hashlib
    import hmac

    digests = (hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (given, token))
    return hmac.compare_digest(*digests)


def answer(status: int, said: str) -> dict[str, Any]:
    """A response that says why nothing was done."""
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps({"detail": said})}
