"""Who may do what: a request becomes a caller with a role, or nobody. Nobody may do nothing."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Protocol, TypeAlias, cast, get_args
from urllib.parse import urlsplit

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tickover.errors import ConfigurationError
from tickover.web.problems import Problem

#: `view` looks, `operate` also changes jobs and queues, `admin` also stops the fleet and deletes.
Role: TypeAlias = Literal["view", "operate", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
_SHORTEST: Final = 16
_NAVIGATION: Final = frozenset({"same-origin", "none"})
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who was recognised."""

    name: str
    role: Role
    #: The log-in that this request belongs to, where there is one: what forms are bound to.
    session: str = field(default="", repr=False)

    def may(self, role: Role) -> bool:
        """Whether this caller has at least that role."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Auth(Protocol):
    """Recognises callers. Anything callable like this will do: a session cookie, a proxy's header, IAM."""

    def __call__(self, request: Request, /) -> Caller | None:
        """Who sends this request; None when nobody we know. Called in a worker thread."""


def bearer_tokens(tokens: Mapping[str, Role | Caller], /) -> Auth:
    """Recognises callers by `Authorization: Bearer …`, which no browser sends by itself: nothing can be forged with it.

    Args:
        tokens: for each token, of 16 characters at least, a role or a caller. Several tokens may have the same role:
            that is how one is replaced by another.

    Raises:
        ConfigurationError: a token that is too short to be a secret, or a role that does not exist.
    """
    known: dict[bytes, Caller] = {}
    for token, given in tokens.items():
        caller = given if isinstance(given, Caller) else Caller(name=f"a token with role {given}", role=given)
        if len(token) < _SHORTEST or not token.isascii() or token.strip() != token:
            raise ConfigurationError(f"A token of role {caller.role} has fewer than {_SHORTEST} plain characters.")
        if caller.role not in ROLES:
            raise ConfigurationError(f"{caller.role!r} is not a role: {', '.join(ROLES)}.")
        known[_digest(token)] = caller

    def recognise(request: Request) -> Caller | None:
        said = _digest(bearer(request) or "")
        found = None
        for digest, caller in known.items():  # all of them, always: the time says nothing about which
            if hmac.compare_digest(digest, said):
                found = caller
        return found

    return recognise


def tokens_from(text: str | None) -> Auth | None:
    """The tokens of a list `view=…,operate=…,admin=…`; None when there are none."""
    pairs = [part.strip().partition("=") for part in (text or "").split(",") if part.strip()]
    if not pairs:
        return None
    for role, _, token in pairs:
        if role.strip() not in ROLES or not token:
            raise ConfigurationError("TICKOVER_API_TOKENS is a list such as view=TOKEN,operate=TOKEN,admin=TOKEN.")
    return bearer_tokens({token.strip(): cast(Role, role.strip()) for role, _, token in pairs})


def insecure_local() -> Auth:
    """Whoever sits at this machine is admin: for `tickover dev`. Other machines and other sites are nobody.

    A page of another site that is open in the same browser can send requests here too, also by a name of its own that
    resolves to 127.0.0.1: so the name asked for must be a local one, and the browser must not say that it came from
    elsewhere. Nor may it come through a proxy on this machine, behind which anybody could be.
    """

    def recognise(request: Request) -> Caller | None:
        host = request.headers.get("host", "")
        local = request.client is not None and _is_loopback(request.client.host) and _is_loopback(_name(host))
        forwarded = any(name in request.headers for name in _FORWARDED)
        return Caller(name="this machine", role="admin") if local and not forwarded and _from_here(request) else None

    return recognise


def proxy_header(
    *, secret: str, user: str = "x-forwarded-user", proof: str = "x-proxy-secret", role: Role = "view"
) -> Auth:
    """Recognises whom a proxy in front has logged in (OAuth2 Proxy, an OIDC load balancer), by the header it adds.

    A proxy knows people by cookies, which a browser also sends for pages of other sites. So what changes something must
    come from a page of this very host: keep the `Host` header as it is.

    Args:
        secret: what the proxy sends in `proof`, and nobody else knows; of 16 characters at least.
        user: the header with the user's name. The proxy must not let a client's own through.
        proof: the header with the secret.
        role: of everybody whom the proxy lets in.

    Raises:
        ConfigurationError: the secret is too short to be one.
    """
    if len(secret) < _SHORTEST:
        raise ConfigurationError(f"The secret of a proxy has {_SHORTEST} characters at least.")
    known = _digest(secret)

    def recognise(request: Request) -> Caller | None:
        name = request.headers.get(user, "").strip()
        proven = hmac.compare_digest(_digest(request.headers.get(proof, "")), known)
        return Caller(name=name, role=role) if name and proven and comes_from_here(request) else None

    return recognise


class AnyOf:
    """Recognises whom any of several ways in recognises; the first counts. See `any_of`."""

    def __init__(self, *ways: Auth) -> None:
        self.ways = ways

    def __call__(self, request: Request, /) -> Caller | None:
        return next((caller for way in self.ways if (caller := way(request)) is not None), None)


def any_of(*ways: Auth) -> Auth:
    """Several ways in at once: people by password, programs by token."""
    return ways[0] if len(ways) == 1 else AnyOf(*ways)


def nobody(_request: Request, /) -> None:
    """Recognises no one: what an API without `auth=` does."""


def bearer(request: Request) -> str | None:
    """The token of `Authorization: Bearer …`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class Needs:
    """A dependency of routes: the caller has at least this role, or the request ends here."""

    def __init__(self, role: Role) -> None:
        self.role: Role = role

    def __call__(
        self,
        request: Request,
        _shown: Annotated[HTTPAuthorizationCredentials | None, Security(HTTPBearer(auto_error=False))] = None,
    ) -> Caller:
        auth: Auth = request.app.state.auth
        caller = auth(request)
        if caller is None:
            raise Problem(401, "unauthorized", _closed(auth), headers={"WWW-Authenticate": "Bearer"})
        if not caller.may(self.role):
            raise Problem(403, "forbidden", f"This needs the role {self.role}; {caller.name} has {caller.role}.")
        request.state.caller = caller
        return caller


def refuse_to_search(request: Request, *asked: object) -> None:
    """Raises `Problem` where somebody who may only look asks for what payloads or meta contain.

    A search compares what is stored. Whoever sees it redacted could find a secret letter by letter.
    """
    caller: Caller = request.state.caller
    if any(asked) and not caller.may("operate"):
        raise Problem(
            403,
            "forbidden",
            "A search looks into payloads as they are stored, so it needs the role operate; filter by kind, queue, tenant or key.",
        )


def _closed(auth: Auth) -> str:
    if auth is nobody:
        return "This API is closed: create_api(jobs, auth=bearer_tokens({…})), or set TICKOVER_API_TOKENS."
    return "Send a token that is known here: Authorization: Bearer …"


def comes_from_here(request: Request) -> bool:
    """Whether this only looks, or no browser says that a page of another site sends it."""
    return request.method in ("GET", "HEAD") or _from_here(request)


def _from_here(request: Request) -> bool:
    """Whether no browser says that a page of another site sends this."""
    origin = request.headers.get("origin")
    ours = origin is None or origin.partition("://")[2] == request.headers.get("host", "")
    return ours and request.headers.get("sec-fetch-site", "none") in _NAVIGATION


def is_local(request: Request) -> bool:
    """Whether this machine was asked by a name of its own: there a browser needs no TLS."""
    return _is_loopback(_name(request.headers.get("host", "")))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "") if host and not set(host) & set("/@\\?#") else ""
    except ValueError:  # such as one bracket without the other
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
