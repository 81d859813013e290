"""The HTTP edge: the JSON API, `/tick` and callbacks as FastAPI applications to run or to mount. It needs the extra."""

from __future__ import annotations

try:
    import fastapi  # noqa: F401  # asked for here, so that what follows may take it for granted
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"tickover.web needs its extra ({error}): pip install 'tickover[web]'") from None

from tickover.web.access import Auth, Caller, Role, bearer_tokens, insecure_local, proxy_header, tokens_from
from tickover.web.apps import create_api, create_web, create_webhooks

__all__ = [
    "Auth",
    "Caller",
    "Role",
    "bearer_tokens",
    "create_api",
    "create_web",
    "create_webhooks",
    "insecure_local",
    "proxy_header",
    "tokens_from",
]
