"""Every promise names tests that are there."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, code_words

GUARANTEES = ROOT / "docs" / "explanation" / "guarantees.md"


def test_every_test_that_a_guarantee_names_exists() -> None:
    named = sorted(word for word in code_words(GUARANTEES) if word.startswith("tests/"))
    lost = []
    for place in named:
        path, _, test = place.partition("::")
        file = ROOT / path
        found = re.search(rf"def {test}\(", file.read_text(encoding="utf-8")) if file.is_file() else None
        if not test or found is None:
            lost.append(place)

    assert len(named) > 20
    assert not lost, f"these are promised and not tested: {lost}"


def test_every_promise_names_a_test() -> None:
    sections = re.split(r"^## (?=\d)", GUARANTEES.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]

    assert [section.split("\n")[0] for section in sections if "\n- `tests/" not in section] == []
