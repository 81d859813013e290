"""People who log in with a password: a signed cookie says who they are, and the settings what they may do."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from fastapi import Request
from itsdangerous import BadData, URLSafeTimedSerializer

from tickover.domain.retry import Duration, seconds
from tickover.errors import ConfigurationError
from tickover.web.access import ROLES, Caller, Role, comes_from_here
from tickover.web.passwords import check_password, hash_password, read_hash

COOKIE: Final = "tickover_session"
_SHORTEST: Final = 16
_HOURS: Final = 3600.0
_HELP: Final = (
    "TICKOVER_USERS is a list such as ann:operate:scrypt$…,bob:view:scrypt$…; `tickover password` makes the last part."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may log in."""

    role: Role
    #: What `hash_password` returned.
    password: str


class PasswordLogin:
    """An `Auth` that knows people by a session cookie, and gives one to whoever knows a password.

    What the cookie says is who and since when; what they may do is looked up at each request. So a new password, another
    role or a name that is gone counts at once.
    """

    def __init__(self, people: Mapping[str, Person], *, secret: str, lasts: float) -> None:
        self._people = dict(people)
        self.lasts = lasts
        self._signed = serializer(secret, "session")

    def __call__(self, request: Request, /) -> Caller | None:
        """Who sends this request; see `tickover.web.Auth`."""
        try:
            said = self._signed.loads(request.cookies.get(COOKIE, ""), max_age=self.lasts)
            name, known, session = str(said["name"]), said["of"], str(said["session"])
        except (BadData, KeyError, TypeError):
            return None
        person = self._people.get(name)
        if person is None or known != _fingerprint(person) or not comes_from_here(request):
            return None
        return Caller(name=name, role=person.role, session=session)

    def check(self, name: str, password: str) -> bool:
        """Whether somebody of this name has this password. A name that nobody has takes as long to refuse."""
        person = self._people.get(name)
        right = check_password(password, self._nobody if person is None else person.password)
        return right and person is not None

    def cookie(self, name: str) -> str:
        """A session of this person that begins now."""
        said = {"name": name, "of": _fingerprint(self._people[name]), "session": secrets.token_urlsafe(12)}
        return cast(str, self._signed.dumps(said))

    @cached_property
    def _nobody(self) -> str:
        return hash_password(secrets.token_urlsafe(24))


def password_login(
    people: Mapping[str, Person], /, *, secret: str | None, lasts: Duration = 12 * _HOURS
) -> PasswordLogin:
    """Lets people log in with a password, for the dashboard's own log-in page.

    Args:
        people: who, by name.
        secret: signs the sessions; a comma list rotates (the first signs, all verify). Usually `jobs.settings.secret`.
        lasts: how long a session lasts; then they log in again.

    Raises:
        ConfigurationError: no secret or a short one, nobody, a role that does not exist, or a plain password.
    """
    if secret is None:
        raise ConfigurationError("Sessions are signed: set TICKOVER_SECRET to 16 random characters at least.")
    if not people:
        raise ConfigurationError(f"Nobody may log in. {_HELP}")
    for name, person in people.items():
        if not name.strip() or len(name) > 100 or person.role not in ROLES:
            raise ConfigurationError(f"{name!r:.80} with role {person.role!r} cannot log in: {', '.join(ROLES)}.")
        read_hash(person.password)
    return PasswordLogin(people, secret=secret, lasts=seconds(lasts, "lasts"))


def people_from(text: str | None) -> dict[str, Person]:
    """The people of a list `name:role:scrypt$…`; none when there is none."""
    people: dict[str, Person] = {}
    for part in filter(None, map(str.strip, (text or "").split(","))):
        name, _, rest = part.partition(":")
        role, _, password = rest.partition(":")
        if role not in ROLES or not name or not password or name in people:
            raise ConfigurationError(_HELP)
        people[name] = Person(role=role, password=password)
    return people


def serializer(secret: str, purpose: str) -> Any:
    """What signs texts for one purpose; a signature for another one is none.

    Raises:
        ConfigurationError: a secret that is too short to be one.
    """
    keys = [key.strip() for key in secret.split(",") if key.strip()]
    if not keys or min(map(len, keys)) < _SHORTEST:
        raise ConfigurationError(f"TICKOVER_SECRET has {_SHORTEST} characters at least, each of them if it is a list.")
    return URLSafeTimedSerializer(
        keys[::-1],  # its newest is the last
        salt=f"tickover.{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _fingerprint(person: Person) -> str:
    return hashlib.sha256(person.password.encode()).hexdigest()[:16]
