"""Every rule of the design holds in every reachable state of its model, and no rule can be left out unnoticed.

A new model is a module with `HOLDS` (name → the model and how many states it must exceed, so that it is not vacuous)
and `MUTANTS` (name → the model without one rule, and what that breaks), and a line in `MODELS`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.model import alarm, claim, fan_in, flush, lease, nudge, pause, wait
from tests.model.checker import Model, Mutant, explore

MODELS = (lease, flush, pause, claim, nudge, alarm, wait, fan_in)


def name(module: Any) -> str:
    return str(module.__name__).rpartition(".")[2]


@pytest.mark.parametrize(
    ("model", "more_than"),
    [pytest.param(*case, id=f"{name(module)}: {label}") for module in MODELS for label, case in module.HOLDS.items()],
)
def test_the_rules_hold_in_every_reachable_state(model: Model[Any], more_than: int) -> None:
    verdict = explore(model)

    assert verdict.violation is None, "\n".join(verdict.trace)
    assert verdict.states > more_than


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(case, id=f"{name(module)}: {label}") for module in MODELS for label, case in module.MUTANTS.items()],
)
def test_leaving_out_one_rule_is_refuted(mutant: Mutant) -> None:
    verdict = explore(mutant.model)

    assert verdict.violation == mutant.breaks
    assert verdict.trace, "a rule broken before anything happened says nothing about the rule"
