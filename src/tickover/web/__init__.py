"""The HTTP edge: the JSON API, `/tick` and callbacks as FastAPI applications to run or to mount. It needs the extra."""

from __future__ import annotations

try:
    import fastapi  # noqa: F401  # asked for here, so that what follows may take it for granted
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"tickover.web needs its extra ({error}): pip install 'tickover[web]'") from None

from tickover.web.access import Auth, Caller, Role, any_of, bearer_tokens, insecure_local, proxy_header, tokens_from
from tickover.web.apps import create_api, create_web, create_webhooks
from tickover.web.iam import iam_identity
from tickover.web.passwords import hash_password
from tickover.web.sessions import Person, password_login

__all__ = [
    "Auth",
    "Caller",
    "Person",
    "Role",
    "any_of",
    "bearer_tokens",
    "create_api",
    "create_web",
    "create_webhooks",
    "hash_password",
    "iam_identity",
    "insecure_local",
    "password_login",
    "proxy_header",
    "tokens_from",
]
