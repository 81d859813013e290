"""Every block of every page does what the page says."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import LANGUAGES, PAGES, Block, blocks, database, name
from tests.docs.play import Player, forget
from tests.support import postgres

#: Blocks that cannot run in a test; each says why in its page.
NOT_RUN = {"README.md": ["both take longer than this page's test, and the second runs it"]}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a page exports, or the machine had set, is of no consequence elsewhere."""
    before = dict(os.environ)
    for variable in before:
        if variable.startswith("TICKOVER_") or variable == "DATABASE_URL":
            del os.environ[variable]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def folder(tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that a page's blocks run in; it has a migrated `jobs.db`."""
    shutil.copyfile(migrated_sqlite, tmp_path / "jobs.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    gc.collect()  # a connection that a page leaves open is closed here, and not in somebody else's test
    forget(tmp_path)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("page", PAGES, ids=map(name, PAGES))
def test_every_block_runs(page: Path, folder: Path, request: pytest.FixtureRequest) -> None:
    if database(page) == "sqlite":
        play(page, Player(folder, "sqlite:///jobs.db"))
        return
    template = postgres.database_name(request.getfixturevalue("migrated_postgres"))
    with postgres.database(request.getfixturevalue("postgres_url"), template=template) as url:
        play(page, Player(folder, url))
        gc.collect()


def play(page: Path, player: Player) -> None:
    os.environ["TICKOVER_DATABASE_URL"] = player.database_url
    for block in blocks(page):
        if block.excuse is None:
            player.play(block)


def test_the_blocks_that_do_not_run_are_these() -> None:
    excused: dict[str, list[str]] = {}
    for page in PAGES:
        for block in blocks(page):
            if block.excuse is not None:
                excused.setdefault(block.page, []).append(block.excuse)

    assert excused == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=map(name, PAGES))
def test_every_fence_names_a_language_we_know(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= LANGUAGES


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("language", "info", "text"),
    [
        ("python", "", "assert 1 + 1 == 3\n"),
        ("text", "output", "something that nobody printed\n"),
        ("console", "", "$ python -c 'print(2)'\n3\n"),
        ("console", "", "$ python -c 'raise SystemExit(1)'\n"),
        ("console", "", "$ rm nothing\n"),
    ],
)
def test_a_page_that_is_wrong_is_found(language: str, info: str, text: str, folder: Path) -> None:
    block = Block("page.md", 1, language, info, text, None)

    with pytest.raises(AssertionError):
        Player(folder, "sqlite:///jobs.db").play(block)
