"""AES-GCM for what a job stores, for those who install `tickover[crypto]`. Any object with the same two verbs will do."""

from __future__ import annotations

import os
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from tickover.errors import ConfigurationError, InvalidArgument, PayloadError
from tickover.store.seal import Codec

_TAG: Final = "tk1."
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class AesGcmCodec:
    """Seals payloads, results, errors and progress with AES-256-GCM: `Tickover(url, codec=AesGcmCodec(…))`.

    Each text is bound to its job and column: moved to another, it does not open. The id of its key is stored with it,
    so keys rotate: add a new one, make it `active` once every process knows it, and drop the old one when nothing
    sealed with it is left.

    Args:
        keys: 32 random bytes each (`os.urandom(32)`), by an id of letters, digits, `-` and `_`.
        active: the id of the key that seals; every key of `keys` opens.
        strict: refuse plain text where sealed text is expected. False reads what was stored before there was a codec.

    Raises:
        InvalidArgument: a key that is none, or an `active` that is not among them.
        ConfigurationError: the library `cryptography` is not installed.
    """

    def __init__(self, keys: Mapping[str, bytes], active: str, *, strict: bool = True) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise ConfigurationError("AesGcmCodec needs tickover[crypto]: the library cryptography.") from error
        if active not in keys:
            raise InvalidArgument(f"active={active!r} is not among the keys: {', '.join(map(repr, keys)) or 'none'}.")
        self._ciphers: dict[str, Any] = {name: AESGCM(_checked(name, key)) for name, key in keys.items()}
        self._active = active
        self._strict = strict

    def seal(self, text: str, bound_to: str, /) -> str:
        """Returns the sealed text: a tag, the key's id, and nonce and ciphertext in base64."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._active].encrypt(nonce, text.encode(), _binding(self._active, bound_to))
        return f"{_TAG}{self._active}.{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, bound_to: str, /) -> str:
        """Returns the text; raises `PayloadError` for anything but what a known key sealed for the same place."""
        from cryptography.exceptions import InvalidTag

        if not sealed.startswith(_TAG):
            if self._strict:
                raise PayloadError("it is plain text where sealed text is expected (strict=False would read it).")
            return sealed
        key_id, _, body = sealed.removeprefix(_TAG).partition(".")
        if key_id not in self._ciphers:
            raise PayloadError(f"no key {key_id[:64]!r} is known here.")
        try:
            # Strictly: urlsafe_b64decode skips characters that it does not know, so a changed text could still open.
            raw = b64decode(body, altchars=b"-_", validate=True)
            opened: bytes = self._ciphers[key_id].decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _binding(key_id, bound_to)
            )
            return opened.decode()
        except (InvalidTag, ValueError) as error:
            raise PayloadError(
                f"it was not sealed for this place with key {key_id!r}, or was changed since."
            ) from error

    def __repr__(self) -> str:
        return f"<AesGcmCodec, active key {self._active!r} of {len(self._ciphers)}>"


def _binding(key_id: str, bound_to: str) -> bytes:
    return f"{_TAG}{key_id}\0{bound_to}".encode()


def _checked(name: str, key: bytes) -> bytes:
    if not isinstance(name, str) or not _KEY_ID.match(name):
        raise InvalidArgument(f"{name!r:.80} is not a key id: 1 to 64 letters, digits, '-' or '_'.")
    if not isinstance(key, bytes | bytearray) or len(key) != _KEY_BYTES:
        raise InvalidArgument(f"The key {name!r} must be {_KEY_BYTES} bytes, such as os.urandom({_KEY_BYTES}).")
    if not any(key):
        raise InvalidArgument(f"The key {name!r} is all zeros, which seals nothing.")
    return bytes(key)


__all__ = ["AesGcmCodec", "Codec"]
