"""Answers from outside: signed tokens that name one place in one job, and what becomes of what is posted there."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from typing import Any

from tickover.app.core import Core
from tickover.domain.ids import JobId, StepKey, parse_id
from tickover.domain.payload import encode
from tickover.engine.typed import Typed
from tickover.errors import ConfigurationError, SignalError

_LEAST_SECRET = 16


@dataclass(frozen=True, slots=True)
class Place:
    """What a token names."""

    job_id: JobId
    generation: int
    key: StepKey
    expires: datetime | None


def sign(core: Core, job_id: JobId, generation: int, key: StepKey, expires: datetime | None) -> tuple[str, str]:
    """The token of a place, and the id of the key that signed it: the same token at every call.

    Raises:
        ConfigurationError: no secret is set.
    """
    key_id, secret = next(iter(_secrets(core).items()))
    claims = [key_id, job_id, generation, key, None if expires is None else expires.timestamp()]
    body = _packed(json.dumps(claims, separators=(",", ":")).encode())
    return f"{body}.{_signature(secret, body)}", key_id


def read_token(core: Core, token: str) -> Place:
    """The place that a token names.

    Raises:
        SignalError: nobody here signed it, or it was changed.
    """
    body, _, signature = token.partition(".")
    secrets = _secrets(core).values()
    # Before anything in it is read: what strangers send is not even parsed.
    if not any(hmac.compare_digest(signature.encode(), _signature(secret, body).encode()) for secret in secrets):
        raise SignalError("This callback address is not one of ours: it was changed, or signed with another secret.")
    _, job_id, generation, key, expires = json.loads(_unpacked(body))
    at = None if expires is None else datetime.fromtimestamp(expires, UTC)
    return Place(parse_id(job_id), int(generation), StepKey(key), at)


def deliver(core: Core, token: str, payload: object) -> bool:
    """Keeps the one answer of a callback and wakes its job; returns False where this very answer came before.

    Raises:
        SignalError: the token is not ours, expired, or another answer came first.
        PayloadError: the answer is not of the type that the job waits for.
    """
    place, text = read_token(core, token), encode(payload)
    done = core.do(lambda store: _delivered(store, place, text))
    if done:
        core.woken(None)
    return done


def _delivered(store: Any, place: Place, text: str) -> bool:
    with store.transaction():
        store.call("lock_jobs", ids=json.dumps([place.job_id]))
        view = store.callback(place.job_id, place.generation, place.key)
        if view is None:
            raise SignalError("Nobody waits for this answer any more.")
        if view.received:
            if view.payload == text:
                return False
            raise SignalError("This callback was answered already, with something else; the first answer counts.")
        _validate(view.returns, text)
        if not store.receive_callback(place.job_id, place.generation, place.key, text):
            raise SignalError("This callback has expired; the job went on without an answer.")
        store.wake([(place.job_id, "callback", place.key)])
    return True


def _validate(path: str | None, text: str) -> None:
    """Refuses an answer of the wrong type, where the type can be imported here; else the job refuses it."""
    if path is None:
        return
    module, _, name = path.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return
    if isinstance(found, type):
        Typed(found, "the answer").value(text)


def _secrets(core: Core) -> Mapping[str, str]:
    """Secrets by the id of their key; the first one signs, all of them verify: so they can be rotated."""
    given = [secret.strip() for secret in (core.settings.secret or "").split(",") if secret.strip()]
    if not given:
        raise ConfigurationError("Callbacks are signed: set TICKOVER_SECRET (Settings.secret) to a long random text.")
    if min(map(len, given)) < _LEAST_SECRET:
        raise ConfigurationError(f"TICKOVER_SECRET needs {_LEAST_SECRET} characters at least, for each of its secrets.")
    return {sha256(f"key id:{secret}".encode()).hexdigest()[:8]: secret for secret in given}


def _signature(secret: str, body: str) -> str:
    return _packed(hmac.new(secret.encode(), f"callback:{body}".encode(), sha256).digest())


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
