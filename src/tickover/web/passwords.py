"""Passwords as what can be checked and not turned back: scrypt, with a salt of its own for each."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

from tickover.errors import ConfigurationError, InvalidArgument

#: OWASP's choice for 32 MiB: a quarter of a second of one core, and room for it in the smallest Lambda.
_COST: Final = (15, 8, 3)
_MEMORY: Final = 64 * 1024 * 1024
_SHORTEST, _LONGEST = 12, 1024
_HELP: Final = "Make one with: tickover password"


def hash_password(password: str, /) -> str:
    """The stored form of a password: `scrypt$15$8$3$<salt>$<hash>`, another one each time.

    Raises:
        InvalidArgument: fewer than 12 characters, or more than 1,024.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise InvalidArgument(f"A password has {_SHORTEST} to {_LONGEST:,} characters; a few words are a good one.")
    salt = secrets.token_bytes(16)
    return "$".join(("scrypt", *map(str, _COST), _text(salt), _text(_derived(password, salt, *_COST))))


def check_password(password: str, stored: str, /) -> bool:
    """Whether this is the password of a stored form. Takes as long for a wrong one as for the right one."""
    cost, salt, known = read_hash(stored)
    return len(password) <= _LONGEST and hmac.compare_digest(_derived(password, salt, *cost), known)


def read_hash(stored: str, /) -> tuple[tuple[int, int, int], bytes, bytes]:
    """(cost, salt, hash) of a stored form.

    Raises:
        ConfigurationError: it is none; a plain password, for instance.
    """
    try:
        scheme, log_n, r, p, salt, known = stored.strip().split("$")
        cost = (int(log_n), int(r), int(p))
        salt_bytes, known_bytes = _bytes(salt), _bytes(known)
    except ValueError:
        raise ConfigurationError(f"A person's password is stored as scrypt$…, never plain. {_HELP}") from None
    affordable = 10 <= cost[0] <= 18 and 1 <= cost[1] <= 16 and 1 <= cost[2] <= 16
    if scheme != "scrypt" or not affordable or 128 * cost[1] << cost[0] > _MEMORY or len(known_bytes) < 16:
        raise ConfigurationError(f"A stored password is of a kind that is not known here. {_HELP}")
    return cost, salt_bytes, known_bytes


def _derived(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=1 << log_n, r=r, p=p, maxmem=2 * _MEMORY, dklen=32
    )


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
