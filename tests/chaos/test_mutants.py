"""The proofs can fail: every mutant of the product turns the proof red that is there for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.mutants import MUTANTS, Mutant, Proof, grown, targets, verdict


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_still_grows_on_this_source(mutant: Mutant) -> None:
    assert all(targets(change) for change in mutant.changes)


@pytest.mark.chaos_full
@pytest.mark.timeout(0)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    with grown(mutant, tmp_path) as tree:
        held, seconds, words = verdict(mutant.proof, tree, tmp_path)

    print(f"{'SURVIVED' if held else 'noticed':8} by {mutant.proof:7} in {seconds:5.1f} s: {mutant.name}: {words}")
    assert not held


@pytest.mark.chaos_full
@pytest.mark.timeout(0)
@pytest.mark.parametrize("proof", sorted({mutant.proof for mutant in MUTANTS}))
def test_the_product_itself_passes_what_the_mutants_fail(proof: Proof, tmp_path: Path) -> None:
    held, _, words = verdict(proof, None, tmp_path)

    assert held, words
