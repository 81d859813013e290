"""What one run knows of its recorded steps, and what it still has to record: replay and determinism.

A key is the path of scopes, a name and how often the name came before in its scope: `validate#0/charge#0`. Not a
position: a step that is added in front must not shift the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tickover.domain.checkpoint import Checkpoint, Saved, StepKind
from tickover.domain.ids import StepKey
from tickover.domain.job import Lease
from tickover.errors import NonDeterminism

#: Marks that a run may leave out: they say what code did, not what the job did.
_MARKS: Final = frozenset({"version", "now", "retry", "until"})


class Journal:
    """Recorded steps of one job, in one run of it. Not shared between threads, but for what `gather` runs at once."""

    def __init__(self, lease: Lease, recorded: Sequence[tuple[int, Checkpoint]]) -> None:
        self.lease = lease
        #: Why every further verb raises: this replay took another path.
        self.broken: NonDeterminism | None = None
        self._recorded = {checkpoint.key: checkpoint for _, checkpoint in recorded}
        self._old = frozenset(self._recorded)
        self._seq = max((seq for seq, _ in recorded), default=0)
        self._reached: set[StepKey] = set()
        self._buffer: list[Saved] = []
        self._held_back: list[Saved] = []

    def peek(self, key: StepKey) -> Checkpoint | None:
        """What stands under this key, without having reached it."""
        return self._recorded.get(key)

    def replayed(self, key: StepKey, kind: StepKind, args_hash: str | None = None) -> Checkpoint | None:
        """What an earlier run recorded here; None when this step is new.

        Raises:
            NonDeterminism: another kind of step, or one with other arguments, was recorded here.
        """
        self._reached.add(key)
        recorded = self._recorded.get(key)
        if recorded is None:
            return None
        if recorded.kind != kind:
            raise self.diverged(f"recorded: {recorded.kind} {key}; now: {kind} {key}.")
        if args_hash is not None and recorded.args_hash is not None and recorded.args_hash != args_hash:
            raise self.diverged(
                f"recorded: {kind} {key} with arguments {recorded.args_hash}; now: with arguments {args_hash}."
            )
        return recorded

    def diverged(self, difference: str) -> NonDeterminism:
        """The error of a replay that took another path; every later verb of this run raises it again."""
        path = ", ".join(list(self._recorded)[:20])
        error = NonDeterminism(
            f"The replay differs from the recorded run: {difference} Recorded steps: {path}. A workflow must take the "
            "same steps for the same recorded values: use ctx.now(), ctx.random() and ctx.version() for what may differ."
        )
        self.broken = self.broken or error
        return self.broken

    @property
    def replaying(self) -> bool:
        """Whether an earlier run recorded steps that this one has not reached yet."""
        return bool(self.unreached())

    def unreached(self) -> list[StepKey]:
        """Recorded steps that this run left out, but for marks and what a finished step covers."""
        missing = [
            key
            for key in self._recorded
            if key in self._old and key not in self._reached and self._recorded[key].kind not in _MARKS
        ]
        covers = [f"{key}/" for key in self._reached] + [f"{key}[" for key in self._reached]
        return [key for key in missing if not key.startswith(tuple(covers))]

    # --- recording ---------------------------------------------------------------------------------------------------

    def later(self, checkpoint: Checkpoint) -> None:
        """Records something with the next write: it costs none of its own."""
        self._buffer.append(self._numbered(checkpoint))
        self._stands(checkpoint)

    def failed(self, checkpoint: Checkpoint, *, sibling: bool) -> None:
        """Notes a failure that the handler is about to see. It is recorded with the next write, so only if the handler
        goes on; a failed sibling's waits until all siblings have ended, since their writes are not the handler's.
        """
        self._stands(checkpoint)
        (self._held_back if sibling else self._buffer).append(self._numbered(checkpoint))

    def joined(self) -> None:
        """All siblings have ended: what failed among them is recorded if the handler goes on."""
        self._buffer += self._held_back
        self._held_back = []

    def forget(self, prefix: str) -> None:
        """Drops failures below a callee that nobody caught: the next try takes those steps again."""
        for kept in (self._buffer, self._held_back):
            for save in [save for save in kept if save.checkpoint.error and save.checkpoint.key.startswith(prefix)]:
                if save.checkpoint.kind != "retry":
                    kept.remove(save)
                    del self._recorded[save.checkpoint.key]

    def give_back(self, saves: Sequence[Saved]) -> None:
        """Takes back what `take` gave for a write that was undone."""
        self._buffer = [*saves, *self._buffer]

    def take(self, *checkpoints: Checkpoint) -> tuple[Saved, ...]:
        """Everything that is to be recorded, these last."""
        saves = (*self._buffer, *(self._numbered(checkpoint) for checkpoint in checkpoints))
        self._buffer = []
        return saves

    def recorded(self, saves: Sequence[Saved], stood: Mapping[StepKey, Checkpoint]) -> None:
        """Notes that these stand now, or what stood in their place already."""
        for save in saves:
            self._stands(stood.get(save.checkpoint.key, save.checkpoint))

    def reserve(self) -> int:
        """The next number in the order of recording."""
        self._seq += 1
        return self._seq

    def _numbered(self, checkpoint: Checkpoint) -> Saved:
        return Saved(lease=self.lease, seq=self.reserve(), checkpoint=checkpoint)

    def _stands(self, checkpoint: Checkpoint) -> None:
        self._reached.add(checkpoint.key)
        self._recorded[checkpoint.key] = checkpoint
        if checkpoint.drops is not None:
            for key in [key for key in self._recorded if key.startswith(checkpoint.drops)]:
                del self._recorded[key]
