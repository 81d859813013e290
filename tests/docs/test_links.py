"""Whoever follows a link arrives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, name

DOCS = ROOT / "docs"


@pytest.mark.parametrize("page", PAGES, ids=map(name, PAGES))
def test_every_link_between_files_resolves(page: Path) -> None:
    lost = []
    for target in links(page):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)

    assert not lost, f"{name(page)} links to what is not there: {lost}"


def test_every_page_is_reached_from_the_index() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            todo += [
                (page.parent / t.partition("#")[0]).resolve() for t in links(page) if "://" not in t and t[0] != "#"
            ]

    assert set(DOCS.rglob("*.md")) <= reached
    assert {(DOCS / t.partition("#")[0]).resolve() for t in links(DOCS / "README.md") if "://" not in t} >= {
        page for page in DOCS.rglob("*.md") if page.name != "README.md" and page.parent.name != "decisions"
    }
