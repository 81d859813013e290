"""How the command line finds its application and its jobs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.cli.conftest import SHOP, Run
from tickover import Page, Tickover
from tickover.cli.find import job_id
from tickover.domain.ids import new_id
from tickover.errors import InvalidArgument, JobNotFound

HANDLER_FREE = (
    ("jobs", "list"), ("queues",), ("dead", "list"), ("events",), ("stats",), ("ticks",), ("health",), ("migrate",),
)  # fmt: skip


@pytest.fixture
def dialect() -> str:
    """Finding asks nothing that the two databases answer differently."""
    return "sqlite"


def test_the_application_is_what_app_names(run: Run, migrated_url: str) -> None:
    Path("shop.py").write_text(SHOP.format(url=migrated_url))
    assert run("enqueue", "greet", '"Ann"', "--app", "shop:jobs").exit_code == 0


def test_the_common_options_may_stand_before_the_verb(run: Run, migrated_url: str) -> None:
    Path("shop.py").write_text(SHOP.format(url=migrated_url))
    answer = run("--app", "shop:jobs", "--json", "enqueue", "greet", '"Ann"')
    assert (answer.exit_code, answer.stdout[0]) == (0, "{")


def test_the_application_is_what_the_environment_names(run: Run, shop: Tickover) -> None:
    assert run("enqueue", "greet", '"Ann"').exit_code == 0
    assert len(shop.find()) == 1


def test_app_beats_the_environment(run: Run, shop: Tickover, tmp_path: Path) -> None:
    Path("other.py").write_text(SHOP.format(url=f"sqlite:///{tmp_path}/other.db"))
    assert run("migrate", "--app", "other:jobs").exit_code == 0
    assert run("enqueue", "greet", '"Ann"', "--app", "other:jobs").exit_code == 0
    assert len(shop.find()) == 0


def test_the_nearest_pyproject_names_the_application_from_any_folder_below_it(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("shop.py").write_text(SHOP.format(url=migrated_url))
    Path("pyproject.toml").write_text('[tool.tickover]\napp = "shop:jobs"\n')
    Path("deep/er").mkdir(parents=True)
    monkeypatch.chdir("deep/er")
    assert run("enqueue", "greet", '"Ann"').exit_code == 0


def test_a_pyproject_that_names_nothing_ends_the_search(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("pyproject.toml").write_text('[tool.tickover]\napp = "shop:jobs"\n')
    Path("inner").mkdir()
    Path("inner/pyproject.toml").write_text("[project]\nname = 'inner'\n")
    monkeypatch.chdir("inner")
    answer = run("stats")
    assert answer.exit_code == 3
    assert "Neither an application nor a database is named" in answer.stderr


@pytest.mark.parametrize("args", HANDLER_FREE, ids=" ".join)
def test_verbs_without_handlers_work_on_a_bare_database(run: Run, migrated_url: str, args: tuple[str, ...]) -> None:
    answer = run(*args, "--database", migrated_url)
    assert (answer.exit_code, answer.stderr) == (0, "")


@pytest.mark.parametrize("variable", ["TICKOVER_DATABASE_URL", "DATABASE_URL"])
def test_the_environment_may_name_the_bare_database(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, migrated_url)
    assert run("stats").exit_code == 0


def test_a_remote_kind_can_be_enqueued_with_a_database_alone(run: Run, migrated_url: str) -> None:
    assert run("enqueue", "ocr", "--remote", "--database", migrated_url).exit_code == 0


@pytest.mark.parametrize("args", [("tick",), ("drain",), ("dev",), ("enqueue", "greet")], ids=" ".join)
def test_verbs_with_handlers_say_what_to_set_when_there_is_only_a_database(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    for answer in (run(*args), run(*args, "--database", migrated_url)):
        assert answer.exit_code == 3
        assert "give --app package.module:attr, set TICKOVER_APP" in answer.stderr
        assert "[tool.tickover]" in answer.stderr


def test_an_application_and_a_database_are_not_given_together(run: Run, migrated_url: str) -> None:
    answer = run("stats", "--app", "shop:jobs", "--database", migrated_url)
    assert answer.exit_code == 3
    assert "not both" in answer.stderr


def test_a_database_that_is_said_wins_over_an_application_that_is_not(run: Run, shop: Tickover, tmp_path: Path) -> None:
    answer = run("stats", "--database", f"sqlite:///{tmp_path}/another.db")
    assert answer.exit_code == 3
    assert "The database has no tables of Tickover" in answer.stderr


BROKEN: dict[str, tuple[str, str, str]] = {
    "no such module": ("nowhere.shop:jobs", "", "There is no module 'nowhere'"),
    "no colon": ("shop", "", "expected package.module:attr"),
    "no such attribute": ("shop:jbos", "", "shop has no 'jbos'; it has shop:jobs."),
    "something else": ("shop:something_else", "", "shop:something_else is a int, not a Tickover application."),
    "raises": ("other:jobs", "x = 1\nraise KeyError('colour')\n", "other cannot be imported: KeyError: 'colour'"),
    "exits": ("other:jobs", "raise SystemExit('usage')\n", "other cannot be imported: SystemExit: usage"),
    "syntax": ("other:jobs", "def (:\n", "other cannot be imported: SyntaxError: invalid syntax"),
    "needs what is not there": ("other:jobs", "import nowhere_else\n", "No module named 'nowhere_else'"),
    "bad url": (
        "other:jobs", "from tickover import Tickover\njobs = Tickover('mysql://me:secret@host/db')\n",
        "'mysql' is not a database that Tickover knows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_an_application_that_cannot_be_used_is_explained_in_one_line(run: Run, shop: Tickover, name: str) -> None:
    app, source, said = BROKEN[name]
    if source:
        Path("other.py").write_text(source)
    answer = run("stats", "--app", app)
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert "secret" not in answer.stderr


def test_the_line_of_the_users_own_code_is_named(run: Run) -> None:
    Path("other.py").write_text("x = 1\nraise KeyError('colour')\n")
    assert run("stats", "--app", "other:jobs").stderr.endswith("other.py, line 2)\n")


def test_handlers_that_cannot_be_imported_refuse_the_tick_each_time(run: Run, migrated_url: str) -> None:
    source = f"from tickover import Tickover\njobs = Tickover({migrated_url!r}, imports=['other'])\n"
    Path("shop.py").write_text(source)
    Path("other.py").write_text("raise RuntimeError('half of it')\n")
    for _ in range(2):
        answer = run("tick", "--app", "shop:jobs")
        assert answer.exit_code == 3
        assert "imports= names 'other', which cannot be imported: RuntimeError: half of it." in answer.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.tickover\n", "cannot be read"),
        ("[tool.tickover]\napp = 3\n", 'app is a text such as "package.module:attr"'),
    ],
)
def test_a_pyproject_that_cannot_be_read_is_named(run: Run, text: str, said: str) -> None:
    Path("pyproject.toml").write_text(text)
    answer = run("stats")
    assert answer.exit_code == 3
    assert "pyproject.toml" in answer.stderr
    assert said in answer.stderr


def test_the_working_folder_is_importable_once(run: Run, shop: Tickover) -> None:
    run("stats")
    run("stats")
    assert sys.path.count(str(Path.cwd())) == 1


# --- jobs by what people type of their id ------------------------------------------------------------------------------


def test_a_job_is_found_by_its_id_in_any_case_and_by_its_end(shop: Tickover) -> None:
    wanted = shop.enqueue("greet", "Ann", remote=True)
    for text in (wanted, wanted.upper(), wanted[-8:], wanted[-20:], f" {wanted[-8:].upper()} "):
        assert job_id(shop, text) == wanted


def test_a_payload_that_has_the_same_text_is_not_meant(shop: Tickover) -> None:
    wanted = shop.enqueue("greet", "Ann", remote=True)
    shop.enqueue("greet", f"see {wanted}", remote=True)
    assert job_id(shop, wanted[-8:]) == wanted


def test_an_end_that_several_ids_have_is_refused() -> None:
    two = [new_id()[:-8] + "0badcafe" for _ in range(2)]
    with pytest.raises(InvalidArgument, match="Several ids end in 0badcafe"):
        job_id(_finding(lambda: Page([_Found(found) for found in two])), "0badcafe")


@pytest.mark.parametrize("text", ["", "abc", "not an id", "g" * 8, "%" * 8, "0" * 40])
def test_what_is_no_id_is_refused(shop: Tickover, text: str) -> None:
    with pytest.raises(InvalidArgument, match="is not a job id"):
        job_id(shop, text)


def test_an_end_that_no_id_has_is_not_found(shop: Tickover) -> None:
    with pytest.raises(JobNotFound, match="ends in 0badcafe"):
        job_id(shop, "0badcafe")


class _Found:
    def __init__(self, found: str) -> None:
        self.id = found


def _finding(answer: Callable[[], Any]) -> Tickover:
    class Jobs:
        def find(self, **_filters: object) -> Any:
            return answer()

    return cast(Tickover, Jobs())
