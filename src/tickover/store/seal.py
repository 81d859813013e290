"""Sealing: with a codec, no payload, result, error or progress reaches the database in plain text.

It happens here, where values become rows and rows become values, so that neither the engine nor user code ever sees
sealed text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from tickover.errors import PayloadError, StorageUnavailable

if TYPE_CHECKING:
    from tickover.domain.job import Claimed

#: What an event says that may come from a job's data; everything else in it is ours.
_SECRET: Final = frozenset({"error", "reason"})


class Codec(Protocol):
    """What stored text goes through; `tickover.codec.AesGcmCodec` is one. Called from several threads."""

    def seal(self, text: str, bound_to: str, /) -> str:
        """Returns what is stored instead of `text`; it must open for the same `bound_to` and for no other."""

    def open(self, sealed: str, bound_to: str, /) -> str:
        """Returns what was sealed; raises `PayloadError` when that cannot be told for certain."""


class Seals:
    """The half of a store that seals; see `tickover.store.sql_store.SqlStore`."""

    codec: Codec | None = None

    def seal(self, owner: str, column: str, text: str | None) -> str | None:
        """What is stored of `text` in this column of `owner` (a job's id, a schedule's name); None stays None.

        Without a codec that is the text itself, whatever it looks like.

        Raises:
            StorageUnavailable: the codec cannot seal now; then nothing may be written.
        """
        if self.codec is None or text is None:
            return text
        try:
            return self.codec.seal(text, f"{column}:{owner}")
        except Exception as error:
            raise StorageUnavailable(f"The codec cannot seal: {type(error).__name__}.") from error

    def unseal(self, owner: str, column: str, text: str | None) -> str | None:
        """What `seal` was given for the same owner and column.

        Raises:
            PayloadError: it does not open: another owner's or column's, changed, plain, or its key is not known here.
        """
        if self.codec is None or text is None:
            return text
        try:
            return self.codec.open(text, f"{column}:{owner}")
        except PayloadError as error:
            raise PayloadError(f"The stored {column} cannot be opened: {error}") from error
        except Exception as error:
            raise PayloadError(f"The stored {column} cannot be opened: {type(error).__name__}.") from error

    def shown(self, owner: str, column: str, text: str | None) -> str | None:
        """The same for people: what cannot be opened is replaced by why, so that one row never hides a page."""
        try:
            return self.unseal(owner, column, text)
        except PayloadError as error:
            return f"({error})"

    def opened(self, job: Claimed) -> Claimed:
        """The job with its payload opened; one that cannot be fails its own run and nothing else of its batch."""
        if self.codec is not None:
            try:
                job.args = self.unseal(job.id, "args", job.args)
            except PayloadError as error:
                job.args, job.unreadable = None, str(error)
        return job

    def seal_progress(self, owner: str, text: str) -> str:
        """The stored form of a job's progress: JSON in any case, since the verb puts it into an event."""
        return text if self.codec is None else json.dumps(self.seal(owner, "progress", text))

    def open_progress(self, owner: str, stored: Any) -> Any:
        """[fraction, note] of a progress that was stored as this JSON value; None when it does not open."""
        if self.codec is None or stored is None:
            return stored if isinstance(stored, list) else None
        # Written before there was a codec: the codec says whether plain text will do.
        text = stored if isinstance(stored, str) else json.dumps(stored)
        try:
            return json.loads(self.unseal(owner, "progress", text) or "null")
        except ValueError:
            return None
        except PayloadError:
            return None

    def seal_event(self, owner: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """What an event of this job says, with what may come from the job's own data sealed."""
        secret = {name: value for name, value in data.items() if name in _SECRET}
        if self.codec is None or not secret:
            return dict(data)
        rest = {name: value for name, value in data.items() if name not in _SECRET}
        return {**rest, "sealed": self.seal(owner, "event", json.dumps(secret))}

    def open_event(self, owner: str | None, data: Mapping[str, Any]) -> dict[str, Any]:
        """What `seal_event` was given; what does not open says so in the place of the error."""
        said = dict(data)
        if owner is None or (self.codec is None and "sealed" not in said):
            return said
        if "sealed" in said:
            text = self.shown(owner, "event", said.pop("sealed"))
            try:
                return {**said, **json.loads(text or "{}")}
            except ValueError:
                return {**said, "error": text, "reason": text}
        if "error" in said:
            said["error"] = self.shown(owner, "error", said["error"])
        if "data" in said:
            said["data"] = self.open_progress(owner, said["data"])
        return said
