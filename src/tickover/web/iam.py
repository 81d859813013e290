"""Callers that AWS has authenticated: a Function URL or an HTTP API with `AWS_IAM` tells who signed the request."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from fastapi import Request

from tickover.errors import ConfigurationError
from tickover.web.access import ROLES, Auth, Caller, Role, comes_from_here


def iam_identity(roles: Mapping[str, Role], /) -> Auth:
    """Recognises whoever signed the request, as AWS says in the event; nothing that the request itself says counts.

    Args:
        roles: for each ARN, or pattern with `*`, a role; the first that fits counts. Somebody in a role has an ARN such
            as `arn:aws:sts::123456789012:assumed-role/Operators/ann`.

    Raises:
        ConfigurationError: no ARN at all, one that is none, or a role that does not exist.
    """
    if not roles:
        raise ConfigurationError("iam_identity needs the ARNs of those who may come in.")
    for pattern, role in roles.items():
        if not pattern.startswith("arn:") or role not in ROLES:
            raise ConfigurationError(
                f"iam_identity takes ARNs and {', '.join(ROLES)}, not {pattern!r:.80}: {role!r:.20}."
            )

    def recognise(request: Request) -> Caller | None:
        arn = _signer(request.scope.get("aws.event"))
        role = next((role for pattern, role in roles.items() if arn and fnmatchcase(arn, pattern)), None)
        return Caller(name=arn, role=role) if role is not None and comes_from_here(request) else None

    return recognise


def _signer(event: Any) -> str:
    """The ARN of whoever signed; empty where AWS asked for no signature. Mangum puts the event there, and nobody else."""
    context = event.get("requestContext") if isinstance(event, dict) else None
    if not isinstance(context, dict):
        return ""
    authorizer, identity = context.get("authorizer"), context.get("identity")
    iam = authorizer.get("iam") if isinstance(authorizer, dict) else None
    found = (iam if isinstance(iam, dict) else identity if isinstance(identity, dict) else {}).get("userArn")
    return found if isinstance(found, str) else ""
