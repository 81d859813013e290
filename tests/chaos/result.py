"""What a run found, in numbers and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.chaos_checks import Verdict
from tests.support.ledger import Line


@dataclass(kw_only=True)
class Result:
    """What a run found."""

    verdicts: list[Verdict]
    counts: Counter[str]
    seconds: float
    jobs: int
    stale_attempts: int
    #: Everything that makes the run a failure.
    wrong: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The verdicts and numbers, for people."""
        lines = [f"  {v.name:15} {v.looked_at:7} looked at, {len(v.broken)} broken" for v in self.verdicts]
        numbers = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))
        lines += [
            f"  {self.jobs} jobs in {self.seconds:.1f} s; stale writes: {self.stale_attempts} attempted",
            f"  {numbers}",
        ]
        return "\n".join([*lines, *(f"  WRONG: {line}" for line in self.wrong[:25])])


def stale_attempts(lines: Mapping[str, Sequence[Line]]) -> int:
    """How many writes of holders who were none any more were sent, and refused."""
    return sum(len(line["refused"]) for what in ("settle", "beat") for line in lines.get(what, ()))
