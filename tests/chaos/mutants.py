"""`python -m tests.chaos.mutants`: ways to break the product, each of which our proofs have to notice.

A mutant is a copied tree with one change: the file (`sql/*/…` for both dialects), what is replaced by what, and which
proof it must turn red. `fences`, `pairs`, `sets` and `kept` are interleavings, `storm` and `poison` chaos runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.support.process import ROOT

Proof = Literal["fences", "pairs", "sets", "kept", "crash", "storm", "poison"]
_INTERLEAVINGS: Final = ROOT / "tests" / "interleavings"
_COMMANDS: Final[dict[Proof, list[str]]] = {
    "fences": ["pytest", str(_INTERLEAVINGS / "test_fences.py")],
    "pairs": ["pytest", str(_INTERLEAVINGS / "test_pairs.py")],
    "sets": ["pytest", str(_INTERLEAVINGS / "test_sets.py")],
    "kept": ["pytest", str(_INTERLEAVINGS / "test_kept_ticks.py")],
    "crash": ["pytest", str(ROOT / "tests" / "crash"), "-k", "sqlite"],
    "storm": ["pytest", str(ROOT / "tests" / "chaos" / "test_storm.py"), "-k", "storm"],
    "poison": ["pytest", str(ROOT / "tests" / "chaos" / "test_storm.py"), "-k", "poison"],
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """In every file that matches, each old text becomes new; a pattern that matches nothing is an error."""

    file: str
    old: str
    new: str = ""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One broken product."""

    name: str
    changes: tuple[Change, ...]
    #: The proof that must turn red.
    proof: Proof


def _sql(verb: str, old: str, new: str = "") -> Change:
    return Change(file=f"store/sql/*/{verb}.sql", old=old, new=new)


def _lite(verb: str, old: str, new: str = "") -> Change:
    return Change(file=f"store/sql/sqlite/{verb}.sql", old=old, new=new)


def _post(verb: str, old: str, new: str = "") -> Change:
    return Change(file=f"store/sql/postgresql/{verb}.sql", old=old, new=new)


def _code(file: str, old: str, new: str = "") -> Change:
    return Change(file=file, old=old, new=new)


def _unguarded(*verbs: str, epoch: bool = False, claim: bool = False, state: bool = False) -> tuple[Change, ...]:
    """The fence of these verbs without some of its parts."""
    changes = []
    for verb in verbs:
        if epoch:
            changes += [_lite(verb, " AND jobs.epoch = t.epoch"), _post(verb, " AND j.epoch = t.epoch")]
        if claim:
            changes += [_lite(verb, " AND jobs.claim_id = t.claim_id"), _post(verb, " AND j.claim_id = t.claim_id")]
        if state:
            changes += [_lite(verb, "jobs.state = 'running' AND "), _post(verb, "j.state = 'running' AND ")]
    return tuple(changes)


MUTANTS: Final = (
    Mutant(name="a settle does not compare epochs", proof="fences", changes=_unguarded("settle", epoch=True)),
    Mutant(name="a settle does not compare claim ids", proof="fences", changes=_unguarded("settle", claim=True)),
    Mutant(name="a settle does not look at the state", proof="fences", changes=_unguarded("settle", state=True)),
    Mutant(name="a settle has no fence", proof="storm", changes=_unguarded("settle", epoch=True, claim=True)),
    Mutant(name="a renewal does not compare epochs", proof="fences", changes=_unguarded("beat", epoch=True)),
    Mutant(name="progress does not compare claim ids", proof="fences", changes=_unguarded("progress", claim=True)),
    Mutant(
        name="the reaper does not look at the lease", proof="storm",
        changes=(_lite("expired", " AND j.lease_until < :now"),
                 _post("expired", " AND j.lease_until < statement_timestamp()")),
    ),
    Mutant(
        name="the reaper leaves the claim id in place", proof="fences",
        changes=(_lite("settle", "CASE WHEN :reaping THEN NULL ELSE jobs.claim_id END", "jobs.claim_id"),
                 _post("settle", "CASE WHEN CAST(:reaping AS boolean) THEN NULL ELSE j.claim_id END", "j.claim_id")),
    ),
    Mutant(
        name="a thawed tick reaps itself", proof="fences",
        changes=(_lite("expired", " AND j.holder IS NOT :tick"),
                 _post("expired", " AND j.holder IS DISTINCT FROM CAST(:tick AS uuid)")),
    ),
    Mutant(
        name="a claim does not keep to its limit", proof="storm",
        changes=(_lite("claim", "LIMIT :n\n)\nUPDATE", ")\nUPDATE"),
                 _post("claim", "ORDER BY seat LIMIT CAST(:n AS int)", "ORDER BY seat")),
    ),
    Mutant(
        name="a claim neither locks nor skips what others have locked", proof="pairs",
        changes=(_post("claim", "FOR NO KEY UPDATE SKIP LOCKED"),),
    ),
    Mutant(name="a claim does not raise the epoch", proof="storm",
           changes=(_lite("claim", "epoch = epoch + 1, "), _post("claim", "epoch = j.epoch + 1, "))),
    Mutant(name="a claim does not count a start", proof="storm",
           changes=(_lite("claim", "starts = starts + 1,"), _post("claim", "starts = j.starts + 1,"))),
    Mutant(
        name="a claim takes a suspect beside others", proof="storm",
        changes=(_lite("claim", "(:alone OR k.crash_run < max(1, min(2, k.max_crashes - 1)))", "1"),
                 _lite("claim", "j.crash_run >= max(1, min(2, j.max_crashes - 1)) AS suspect", "0 AS suspect"),
                 _post("claim", "crash_run >= GREATEST(1, LEAST(2, max_crashes - 1)) AS suspect", "false AS suspect"),
                 _post("claim", "CAST(:alone AS boolean) OR crash_run < GREATEST(1, LEAST(2, max_crashes - 1))", "true")),
    ),
    Mutant(
        name="a cancel overwrites what is over", proof="pairs",
        changes=(_lite("cancel", " AND state NOT IN ('completed', 'failed', 'cancelled')"),
                 _post("cancel", " AND j.state NOT IN ('completed', 'failed', 'cancelled')")),
    ),
    Mutant(name="a cancel leaves the claim id in place", proof="fences", changes=(_sql("cancel", ", claim_id = NULL"),)),
    Mutant(
        name="a pause takes effect under a running job", proof="pairs",
        changes=(_lite("pause_job", "CASE WHEN state = 'running' THEN state ELSE 'paused' END", "state"),
                 _post("pause_job", "CASE WHEN state = 'running' THEN state ELSE 'paused' END", "state")),
    ),
    Mutant(
        name="a pause that was asked for is forgotten by the settle", proof="pairs",
        changes=(_lite("settle", "t.state IN ('pending', 'waiting') AND pause_requested_at IS NOT NULL", "false"),
                 _post("settle", "t.state IN ('pending', 'waiting') AND j.pause_requested_at IS NOT NULL", "false")),
    ),
    Mutant(
        name="a retry revives what is not over", proof="pairs",
        changes=(_lite("retry", "state IN ('failed', 'cancelled') AND fan_out_id", "state <> 'running' AND fan_out_id"),
                 _post("retry", "j.state IN ('failed', 'cancelled') AND j.fan_out_id", "j.state <> 'running' AND j.fan_out_id")),
    ),
    Mutant(
        name="a settle numbers no event", proof="storm",
        changes=(_lite("settle", "event_seq = event_seq + t.loud", "event_seq = event_seq"),
                 _post("settle", "j.event_seq + CASE WHEN t.loud THEN 1 ELSE 0 END", "j.event_seq")),
    ),
    Mutant(
        name="a set is locked in another order than the others", proof="sets",
        changes=(_post("settle", "ORDER BY j.id FOR NO KEY UPDATE OF j", "ORDER BY j.id DESC FOR NO KEY UPDATE OF j"),),
    ),
    Mutant(name="a crash never ends a job", proof="poison",
           changes=(_code("domain/decide.py", "streak >= job.max_crashes", "streak >= 99 * job.max_crashes"),)),
    Mutant(
        name="a crash beside others ends a job", proof="poison",
        changes=(_code("domain/decide.py", "must_run_alone(job.crash_run, job.max_crashes) and streak", "streak"),
                 _lite("claim", "(:alone OR k.crash_run < max(1, min(2, k.max_crashes - 1)))", "1"),
                 _lite("claim", "j.crash_run >= max(1, min(2, j.max_crashes - 1)) AS suspect", "0 AS suspect"),
                 _post("claim", "crash_run >= GREATEST(1, LEAST(2, max_crashes - 1)) AS suspect", "false AS suspect"),
                 _post("claim", "CAST(:alone AS boolean) OR crash_run < GREATEST(1, LEAST(2, max_crashes - 1))", "true")),
    ),
    Mutant(name="a tick forgets what it claimed when the answer was cut", proof="crash",
           changes=(_sql("adopt", "= 'running' AND j.holder", "= 'nothing' AND j.holder"),)),
    Mutant(name="what ended while the tick was kept is given up", proof="kept",
           changes=(_code("engine/tick.py", "            self._absorb(self.inbox.take(0))\n"),)),
    Mutant(
        name="an enqueue is acknowledged before it is written", proof="crash",
        changes=(_code("app/enqueue.py", "(job_id,) = _write(joined, [row])", "job_id = row['id']"),),
    ),
)  # fmt: skip


def targets(change: Change, tree: Path = ROOT / "src") -> list[Path]:
    """The files that a change applies to; each has the text that it replaces."""
    files = list((tree / "tickover").glob(change.file))
    assert files, f"there is no file {change.file}"
    for file in files:
        assert change.old in file.read_text(encoding="utf-8"), f"{file.relative_to(tree)} has no {change.old!r}"
    return files


@contextmanager
def grown(mutant: Mutant, room: Path) -> Iterator[Path]:
    """A copy of the sources with the mutant's changes; yields the folder to put on the path."""
    tree = room / "src"
    shutil.copytree(ROOT / "src", tree, ignore=shutil.ignore_patterns("__pycache__"))
    for change in mutant.changes:
        for file in targets(change, tree):
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(change.old, change.new), encoding="utf-8")
    try:
        yield tree
    finally:
        shutil.rmtree(tree)


def verdict(proof: Proof, tree: Path | None, room: Path) -> tuple[bool, float, str]:
    """Runs a proof against a tree; returns whether it held, the seconds it took, and its last words."""
    begin = time.monotonic()
    program, *arguments = _COMMANDS[proof]
    path = os.pathsep.join(str(folder) for folder in (tree, ROOT) if folder is not None)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            program,
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "--basetemp",
            str(room / "temp"),
            *arguments,
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "E  "))]
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0, time.monotonic() - begin, (lines or done.stdout.splitlines() or [""])[-1][:160]


def main() -> int:
    """Grows every mutant, runs its proof, and prints one line each; fails when one of them survives."""
    survivors = 0
    for mutant in MUTANTS:
        with tempfile.TemporaryDirectory(prefix="tickover-mutant-") as room, grown(mutant, Path(room)) as tree:
            held, seconds, words = verdict(mutant.proof, tree, Path(room))
        survivors += held
        print(
            f"| {mutant.name} | {mutant.proof} | {'SURVIVED' if held else 'noticed'} | {seconds:.0f} s | {words} |",
            flush=True,
        )
    return min(survivors, 1)


if __name__ == "__main__":
    sys.exit(main())
